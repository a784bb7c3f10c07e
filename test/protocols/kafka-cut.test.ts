/** Kafka's messages in segments of which the snaplen leaves the beginning alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTCOMES } from '../../src/exchange/exchange.ts';
import { CLIENT as CLIENT_SIDE } from '../../src/exchange/semantics.ts';
import { kafka } from '../../src/protocols/kafka/index.ts';
import { answer, ask, fin, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT, type Frame, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { apiVersions, batch, fetch, fetched, metadata, produce, produced, supported } from './kafka-messages.ts';

const { semantics } = kafka;

/** Any port; every fourth message has several segments. */
const turns: Turn[] = [ask(0, apiVersions(1, 3)), answer(0, supported(1, 3))];
for (let id = 2; id < 40; id++) {
  const value = 'v'.repeat(id % 4 === 0 ? 3000 : 100);
  if (id % 2 === 0) {
    turns.push(ask(id, produce(id, 7, 'orders', batch([{ value }]))), answer(id, produced(id, 7, 'orders')));
  } else {
    turns.push(ask(id, fetch(id, 11, ['orders'])));
    turns.push(answer(id, fetched(id, 11, [{ topic: 'orders', records: batch([{ value }]) }])));
  }
}
const conversation = { name: '', turns: [...turns, fin(CLIENT), fin(SERVER)], expected: [] };
const wire = (bytes: number, delivery = {}): Frame[] =>
  frames(conversation, link({ serverPort: 31_000 }), delivery).map((f) => ({ ...f, captured: bytes }));
const pairs = (all: readonly Frame[]): string[] =>
  new Rig()
    .feed(all)
    .end()
    .found.filter((f) => !Number.isNaN(f.firstByteNs))
    .map((f) => `${f.operation} ${f.id} ${f.firstByteNs - f.startNs}`);

const MIDWAY = pieces(1400);

for (const bytes of [30, 62, 134, Number.POSITIVE_INFINITY]) {
  test(`recognised and followed with ${bytes} bytes of each segment`, () => {
    for (const delivery of [{}, MIDWAY]) {
      const whole = pairs(wire(Number.POSITIVE_INFINITY, delivery));
      assert.equal(whole.length, 39);
      assert.deepEqual(pairs(wire(bytes, delivery)), whole);
    }
  });

  // answers to the first requests have the numbers of a Produce, and would be one of a client called like the topic
  test(`joined midway with ${bytes} bytes of each segment`, () => {
    const all = wire(bytes, MIDWAY);
    const whole = new Set(pairs(wire(Number.POSITIVE_INFINITY, MIDWAY)));
    for (let from = 3; from < all.length - 12; from++) {
      const found = pairs(all.slice(from));
      for (const p of found) assert.ok(whole.has(p), p);
      assert.ok(found.length >= whole.size - 2 - from / 4, `${found.length} from frame ${from}`);
    }
  });
}

test('what was cut is not held against anybody: neither a topic, nor an error, nor an answer that may not be due', () => {
  const told = (bytes: number): unknown[] => {
    const c = {
      name: '',
      turns: [
        ask(0, metadata(1, 9, ['orders'])),
        answer(0, Buffer.alloc(0)),
        ask(1, produce(2, 7, 'orders', batch([{ value: 'v'.repeat(300) }]), 0)),
        ask(2, produce(3, 7, 'orders', batch([{ value: 'v'.repeat(300) }]), 1)),
        answer(2, produced(3, 7, 'orders', 6)),
        mumble(CLIENT, produce(4, 7, 'orders', batch([{ value: 'v'.repeat(300) }]), 0)),
        fin(CLIENT),
        fin(SERVER),
      ].filter((t) => t.what !== 'say' || t.bytes.length > 0),
      expected: [],
    };
    const all = frames(c, link({ serverPort: 31_000 })).map((f) => ({ ...f, captured: bytes }));
    return new Rig()
      .feed(all)
      .end()
      .found.filter((f) => f.operation === 'Produce')
      .map(({ record: x }) => [OUTCOMES[x.outcome], semantics.status(x), semantics.errorType(x, CLIENT_SIDE)]);
  };
  assert.deepEqual(told(Number.POSITIVE_INFINITY), [
    ['one_way', null, ''],
    ['complete', '6', 'NOT_LEADER_OR_FOLLOWER'],
    ['one_way', null, ''],
  ]);
  assert.deepEqual(told(22), [
    ['truncated', null, ''],
    ['closed', null, ''],
    ['closed', null, ''],
  ]);
});
