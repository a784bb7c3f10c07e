import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, ONE_WAY } from '../../src/exchange/exchange.ts';
import {
  CLIENT as CLIENT_SIDE,
  CONSUMER_KIND,
  kindsOf,
  PRODUCER_KIND,
  SERVER_KIND,
} from '../../src/exchange/semantics.ts';
import { mqtt } from '../../src/protocols/mqtt/index.ts';
import { attributes } from '../kit/attributes.ts';
import { conform } from '../kit/conform.ts';
import { answer, ask, type Conversation, mumble } from '../kit/conversation.ts';
import { CLIENT, isData, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { connack, connect, conversations, packet, publish, TRACEPARENT } from './mqtt-conversations.ts';

conform(mqtt, conversations);

const { semantics } = mqtt;

function found(turns: Conversation['turns']) {
  const c: Conversation = { name: '', turns, expected: [] };
  return new Rig().feed(frames(c, link({ serverPort: 1883 }))).end().found;
}

test('the broker publishes, too: then it is the one who asks', () => {
  const told = found([
    ask(0, connect(4)),
    answer(0, connack(4)),
    mumble(SERVER, ...publish(4, 'commands/1', 1, 1, Buffer.from('open'))),
    mumble(CLIENT, ...publish(4, 'state/1', 1, 1, Buffer.from('opening'))),
    mumble(CLIENT, packet(4, 0, Buffer.of(0, 1))),
    mumble(SERVER, packet(4, 0, Buffer.of(0, 1))),
    mumble(SERVER, ...publish(4, 'commands/all', 0, 0, Buffer.from('sleep'))),
  ]).slice(1);
  assert.deepEqual(
    told.map(({ record: x, outcome }) => [x.target, x.ends.serverPort === 1883, outcome]),
    [
      ['commands/1', false, COMPLETE],
      ['state/1', true, COMPLETE],
      ['commands/all', false, ONE_WAY],
    ],
  );
  assert.deepEqual(
    told.map(({ record: x }) => [semantics.spanName(x, CLIENT_SIDE, ''), kindsOf(x) === CONSUMER_KIND]),
    [
      ['process commands/1', true],
      ['publish state/1', false],
      ['process commands/all', true],
    ],
  );
});

test('messages of which the snaplen leaves topic and identifier, and a CONNECT of which it leaves who it is', () => {
  for (const level of [4, 5]) {
    const turns = [ask(0, connect(level)), answer(0, connack(level))];
    for (let id = 1; id < 20; id++) {
      turns.push(mumble(CLIENT, ...publish(level, 'plant/7', 1, id, Buffer.alloc(20 * id, 0x30))));
      turns.push(mumble(SERVER, packet(4, 0, Buffer.of(0, id))));
    }
    const all = frames({ name: '', turns, expected: [] }, link({ serverPort: 1883 }));
    const told = new Rig().feed(all.map((f) => ({ ...f, captured: 30 }))).end().found;
    assert.deepEqual(
      told.map((f) => [f.operation, f.target, f.outcome]),
      [['CONNECT', '', COMPLETE], ...Array.from({ length: 19 }, () => ['PUBLISH', 'plant/7', COMPLETE])],
    );
  }
});

test('user properties carry trace context; a message with its own is a PRODUCER’s', () => {
  const property = (name: string, value: string): Buffer =>
    Buffer.concat([Buffer.of(0x26, 0, name.length), Buffer.from(name), Buffer.of(0, value.length), Buffer.from(value)]);
  const properties = Buffer.concat([Buffer.of(0x01, 1), property('other', 'x'), property('traceparent', TRACEPARENT)]);
  const x = found([
    ask(0, connect(5)),
    answer(0, connack(5)),
    mumble(CLIENT, ...publish(5, 'orders', 0, 0, Buffer.from('{}'), properties)),
  ])[1]!.record;
  assert.equal(semantics.context(x)?.traceparent, TRACEPARENT);
  assert.equal(kindsOf(x), PRODUCER_KIND);
});

test('numbers stand for topics, of each end its own; behind a loss they stand for nothing', () => {
  const alias = (n: number): Buffer => Buffer.of(0x23, 0, n);
  const say = (topic: string, n: number): Buffer[] => publish(5, topic, 0, 0, Buffer.from('x'), alias(n));
  const turns = [
    ask(0, connect(5)),
    answer(0, connack(5)),
    mumble(CLIENT, ...say('plant/door', 1)),
    mumble(CLIENT, ...say('', 1)),
    mumble(SERVER, ...say('plant/lamp', 1)),
    mumble(CLIENT, ...say('plant/gate', 1)),
    mumble(CLIENT, ...say('', 1)),
    mumble(SERVER, ...say('', 1)),
    mumble(CLIENT, ...say('', 2)),
  ];
  const list = found(turns).slice(1);
  assert.deepEqual(
    list.map(({ target }) => target),
    ['plant/door', 'plant/door', 'plant/lamp', 'plant/gate', 'plant/gate', 'plant/lamp', ''],
  );
  // raw is as on the wire
  assert.deepEqual(
    [true, false].map((raw) => semantics.operation(list[1]!.record, raw)),
    ['PUBLISH', 'PUBLISH plant/door'],
  );
  const all = frames({ name: '', turns, expected: [] }, link({ serverPort: 1883 }));
  const gate = all.findIndex((f) => isData(f) && f.payload.includes('plant/gate'));
  const rig = new Rig()
    .feed(all.filter((_, k) => k !== gate))
    .wait(1)
    .end();
  const later = rig.found.filter((f) => f.operation === 'PUBLISH' && f.record.ends.serverPort === 1883);
  assert.deepEqual(
    later.map((f) => f.target),
    ['plant/door', 'plant/door', '', ''],
  );
});

test('a broker that throws the client out says why', () => {
  const told = (code: number): unknown[] => {
    const x = found([ask(0, connect(5)), answer(0, connack(5)), mumble(SERVER, packet(14, 0, Buffer.of(code, 0)))])[1]!;
    return [kindsOf(x.record), semantics.errorType(x.record, CLIENT_SIDE), x.outcome];
  };
  assert.deepEqual(told(0x8e), [SERVER_KIND, '0x8e', ONE_WAY]);
  assert.deepEqual(told(0), [0, '', ONE_WAY]);
});

test('nothing of a password is kept', () => {
  const { record: x } = found([ask(0, connect(5)), answer(0, connack(5))])[0]!;
  const said = JSON.stringify([x.target, x.statement, x.operation, x.detail, attributes(x)]);
  assert.match(said, /sensor-1/);
  assert.doesNotMatch(said, /s3cret|alice/);
});

test('codes that are failures are errors, by their number', () => {
  const told = found([ask(0, connect(4)), answer(0, connack(4, 5))])[0]!.record;
  assert.deepEqual([semantics.status(told), semantics.errorType(told, CLIENT_SIDE), told.failed], ['5', '0x05', true]);
});
