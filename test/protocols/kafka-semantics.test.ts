/** What exchanges of Kafka mean: names, attributes, kinds, errors, metrics; what of them is never kept. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Exchange, ONE_WAY, TIMEOUT } from '../../src/exchange/exchange.ts';
import { CLIENT, CLIENT_KIND, kindsOf, PRODUCER_KIND } from '../../src/exchange/semantics.ts';
import { kafka } from '../../src/protocols/kafka/index.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT as CLIENT_SIDE } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { TRACEPARENT } from './kafka-conversations.ts';
import {
  batch,
  cat,
  commit,
  committed,
  described,
  fetch,
  fetched,
  flexible,
  i8,
  i16,
  i32,
  i64,
  message,
  metadata,
  old,
  produce,
  produced,
  request,
  response,
} from './kafka-messages.ts';

const { semantics } = kafka;

function exchanges(turns: readonly Turn[], cut?: number): Exchange[] {
  const c = { name: '', turns, expected: [] };
  const delivery = cut === undefined ? {} : pieces(cut);
  const rig = new Rig().feed(frames(c, link({ serverPort: 9092 }), delivery)).end();
  return rig.found.map((f) => f.record);
}
const exchange = (asked: Buffer, told: Buffer): Exchange => exchanges([ask(0, asked), answer(0, told)])[0]!;

const SERVER_AT = { 'server.address': '10.0.0.2', 'server.port': 9092 };
const CLIENT_IS = { 'messaging.client.id': 'app-1' };

describe('attributes', () => {
  test('of a message that is sent', () => {
    const records = batch([{ key: 'k', value: 'secret body' }]);
    const x = exchange(produce(1, 9, 'orders', records, -1, 4), produced(1, 9, 'orders', 0, 4));
    assert.deepEqual(attributes(x), {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'orders',
      'messaging.destination.partition.id': '4',
      'spantap.kafka.api_version': 9,
      ...SERVER_AT,
      ...CLIENT_IS,
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'send orders');
    assert.equal(semantics.operation(x, true), 'Produce');
    assert.equal(semantics.status(x), '0');
    assert.equal(semantics.path(x), 'orders');
    assert.equal(kindsOf(x), CLIENT_KIND);
  });

  test('of a compressed batch', () => {
    const records = batch([], { how: 2, bytes: Buffer.alloc(300, 1), count: 250 });
    const a = attributes(exchange(produce(1, 3, 'orders', records), produced(1, 3, 'orders')));
    assert.equal(a['messaging.batch.message_count'], 250);
    assert.equal(a['spantap.kafka.compression'], 'snappy');
  });

  test('of what is fetched: all batches count, not those of the broker itself, nor the one that is cut', () => {
    const two = batch([{ value: 'a' }, { value: 'b' }]);
    const control = batch([], { how: 0x30, bytes: Buffer.alloc(20), count: 1 });
    const records = cat(two, control, two, two.subarray(0, 70));
    const x = exchange(fetch(1, 11, ['orders']), fetched(1, 11, [{ topic: 'orders', records }]));
    assert.deepEqual(attributes(x), {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'poll',
      'messaging.operation.type': 'receive',
      'messaging.destination.name': 'orders',
      'messaging.destination.partition.id': '3',
      'messaging.batch.message_count': 4,
      'spantap.kafka.api_version': 11,
      ...SERVER_AT,
      ...CLIENT_IS,
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'poll orders');
  });

  test('of old messages: compressed ones hide how many they are', () => {
    const plain = cat(message('a'), message('b'), message('c'));
    const counted = exchange(fetch(1, 2, ['logs']), fetched(1, 2, [{ topic: 'logs', records: plain }]));
    assert.equal(attributes(counted)['messaging.batch.message_count'], 3);
    const packed = cat(message('a'), message('bcd', 1));
    const hidden = attributes(exchange(fetch(1, 2, ['logs']), fetched(1, 2, [{ topic: 'logs', records: packed }])));
    assert.equal(hidden['messaging.batch.message_count'], undefined);
    assert.equal(hidden['spantap.kafka.compression'], 'gzip');
  });

  test('of a commit: a group settles', () => {
    const x = exchange(commit(1, 8, 'shop', ['orders']), committed(1, 8, ['orders']));
    const a = attributes(x);
    assert.equal(semantics.spanName(x, CLIENT, ''), 'commit orders');
    assert.equal(a['messaging.operation.type'], 'settle');
    assert.equal(a['messaging.consumer.group.name'], 'shop');
    assert.equal(dimensions(x)['messaging.consumer.group.name'], 'shop');
  });

  test('of what is none of this: known by the name of its API', () => {
    const body = [flexible.str('shop'), i32(1), flexible.str('m'), flexible.str(null), flexible.end];
    const x = exchange(request(1, 12, 4, flexible, ...body), response(1, flexible, i32(0), i16(0), flexible.end));
    const a = attributes(x);
    assert.equal(semantics.spanName(x, CLIENT, ''), 'Heartbeat');
    assert.equal(a['messaging.operation.name'], 'Heartbeat');
    assert.equal(a['messaging.operation.type'], undefined);
    assert.equal(a['messaging.consumer.group.name'], 'shop');
    assert.equal(semantics.path(x), 'shop');
  });

  test('several topics are no destination', () => {
    const x = exchange(commit(1, 8, 'shop', ['a', 'b']), committed(1, 8, ['a', 'b']));
    assert.equal(semantics.spanName(x, CLIENT, ''), 'commit');
    assert.equal(attributes(x)['messaging.destination.name'], undefined);
    assert.equal(attributes(x)['messaging.destination.partition.id'], undefined);
  });
});

describe('topics by their ids', () => {
  test('once Metadata has told their names', () => {
    const list = exchanges([
      ask(0, fetch(1, 13, [7])),
      answer(0, fetched(1, 13, [{ topic: 7 }])),
      ask(1, metadata(2, 12, [])),
      answer(1, described(2, 12, ['orders', 'payments'], [7, 8])),
      ask(2, fetch(3, 13, [7])),
      answer(2, fetched(3, 13, [{ topic: 7 }])),
      ask(3, fetch(4, 17, [], { epoch: 2 })),
      answer(3, fetched(4, 17, [{ topic: 8, records: batch([{ value: 'v' }]) }])),
      ask(4, produce(5, 13, 8, batch([{ value: 'v' }]))),
      answer(4, produced(5, 13, 8)),
      ask(5, produce(6, 13, 9, batch([{ value: 'v' }]))),
      answer(5, produced(6, 13, 9)),
    ]);
    assert.deepEqual(
      list.map((x) => semantics.spanName(x, CLIENT, '')),
      ['poll', 'Metadata', 'poll orders', 'poll payments', 'send payments', 'send'],
    );
  });

  /** Each conversation on a connection of its own, one after the other. */
  function namesOn(...conversations: (readonly Turn[])[]): string[] {
    const rig = new Rig();
    for (const [id, turns] of conversations.entries())
      rig.feed(frames({ name: '', turns, expected: [] }, link({ id, serverPort: 9092 })));
    return rig.end().found.map((f) => semantics.spanName(f.record, CLIENT, ''));
  }
  const tells = (name: string): Turn[] => [ask(0, metadata(2, 12, [])), answer(0, described(2, 12, [name], [7]))];
  const uses: Turn[] = [ask(0, fetch(3, 13, [7])), answer(0, fetched(3, 13, [{ topic: 7 }]))];

  test('told on another connection', () => {
    assert.deepEqual(namesOn(tells('orders'), uses), ['Metadata', 'poll orders']);
  });

  test('none when two names were told for one id', () => {
    assert.deepEqual(namesOn(tells('orders'), tells('others'), tells('orders'), uses).at(-1), 'poll');
  });
});

describe('errors', () => {
  test('by their names; the first that is none of success', () => {
    const x = exchange(produce(1, 9, 'orders', batch([{ value: 'v' }])), produced(1, 9, 'orders', 19));
    assert.deepEqual(
      [semantics.status(x), semantics.errorType(x, CLIENT), x.failed],
      ['19', 'NOT_ENOUGH_REPLICAS', true],
    );
    const topics = [
      { topic: 'a', records: batch([{ value: 'v' }]) },
      { topic: 'b', error: 3 },
      { topic: 'c', error: 6 },
    ];
    const y = exchange(fetch(1, 12, ['a', 'b', 'c']), fetched(1, 12, topics));
    assert.equal(semantics.errorType(y, CLIENT), 'UNKNOWN_TOPIC_OR_PARTITION');
    const z = exchange(produce(1, 2, 'orders', message('v')), produced(1, 2, 'orders', -1));
    assert.equal(semantics.errorType(z, CLIENT), 'UNKNOWN_SERVER_ERROR');
    const future = exchange(produce(1, 2, 'orders', message('v')), produced(1, 2, 'orders', 399));
    assert.equal(semantics.errorType(future, CLIENT), '399');
  });

  test('none where nobody can say', () => {
    const [, x] = exchanges([
      ask(0, metadata(1, 9, ['a'])),
      answer(0, described(1, 9, ['a'], [])),
      ask(1, request(2, 0, 99, flexible, Buffer.alloc(30, 1))),
      answer(1, response(2, flexible, Buffer.alloc(30, 9))),
    ]);
    assert.deepEqual(
      [x!.operation, semantics.status(x!), semantics.errorType(x!, CLIENT), x!.failed],
      ['Produce', null, '', false],
    );
  });

  test('no answer', () => {
    const rig = new Rig().feed(
      frames({ name: '', turns: [ask(0, metadata(1, 9, ['a']))], expected: [] }, link({ serverPort: 9092 })),
    );
    const x = rig.wait(200_000).end().found[0]!.record;
    assert.deepEqual([x.outcome, semantics.status(x), semantics.errorType(x, CLIENT)], [TIMEOUT, null, 'timeout']);
  });
});

describe('waiting', () => {
  const records = batch([{ value: 'v' }]);
  const waits = (asked: Buffer, told: Buffer): boolean => exchange(asked, told).waits;

  test('a long poll says nothing of the broker’s speed, whether it was answered empty or not', () => {
    assert.equal(waits(fetch(1, 11, ['a']), fetched(1, 11, [])), true);
    assert.equal(waits(fetch(1, 11, ['a']), fetched(1, 11, [{ topic: 'a', records }])), true);
  });

  test('what is answered at once does', () => {
    assert.equal(waits(fetch(1, 11, ['a'], { maxWait: 0 }), fetched(1, 11, [])), false);
    assert.equal(waits(fetch(1, 11, ['a'], { minBytes: 0 }), fetched(1, 11, [])), false);
    assert.equal(waits(fetch(1, 11, ['a']), fetched(1, 11, [{ topic: 'a', error: 1 }])), false);
    assert.equal(waits(produce(1, 9, 'a', records), produced(1, 9, 'a')), false);
  });

  test('members of a group wait for each other', () => {
    const join = request(1, 11, 0, old, old.str('g'), i32(10), old.str(''), old.str('consumer'), old.list([]));
    const joined = (error: number): Buffer =>
      response(1, old, i16(error), i32(1), old.str('range'), old.str('m'), old.str('m'), old.list([]));
    assert.equal(waits(join, joined(0)), true);
    assert.equal(waits(join, joined(25)), false);
  });
});

describe('trace context', () => {
  const headers = {
    type: 'x'.repeat(900),
    sw8: '1-YQ==-Yg==-3-c',
    b3: 'a-b-1',
    traceparent: TRACEPARENT,
    tracestate: 'v=1',
  };

  test('in the headers of the first record, however the segments are cut', () => {
    const asked = produce(
      1,
      9,
      'orders',
      batch([{ key: 'k'.repeat(500), value: 'v'.repeat(3000), headers }, { value: 'w' }]),
    );
    for (const cut of [undefined, 1, 7, 100, 1460]) {
      const x = exchanges([ask(0, asked), answer(0, produced(1, 9, 'orders'))], cut)[0]!;
      const context = semantics.context(x);
      assert.equal(context?.traceparent, TRACEPARENT);
      assert.equal(context?.tracestate, 'v=1');
      assert.equal(context?.sw8, headers.sw8);
      assert.equal(context?.b3, headers.b3);
      assert.equal(kindsOf(x), PRODUCER_KIND);
      assert.equal(attributes(x)['messaging.batch.message_count'], 2);
    }
  });

  test('none where there is none, and none of a later record', () => {
    const bare = exchange(produce(1, 9, 'a', batch([{ value: 'v', headers: { type: 'x' } }])), produced(1, 9, 'a'));
    assert.equal(semantics.context(bare), null);
    const later = exchange(produce(1, 9, 'a', batch([{ value: 'v' }, { value: 'w', headers }])), produced(1, 9, 'a'));
    assert.equal(semantics.context(later), null);
    assert.equal(kindsOf(later), CLIENT_KIND);
  });

  test('of a message that nobody acknowledges', () => {
    const [x] = exchanges([mumble(CLIENT_SIDE, produce(1, 9, 'a', batch([{ value: 'v', headers }]), 0))]);
    assert.equal(x!.outcome, ONE_WAY);
    assert.equal(semantics.context(x!)?.traceparent, TRACEPARENT);
  });
});

test('series differ by operation, destination, group and error', () => {
  const ok = exchange(commit(1, 8, 'shop', ['orders']), committed(1, 8, ['orders']));
  const again = exchange(commit(9, 8, 'shop', ['orders']), committed(9, 8, ['orders']));
  const others = [
    exchange(commit(1, 8, 'store', ['orders']), committed(1, 8, ['orders'])),
    exchange(commit(1, 8, 'shop', ['payments']), committed(1, 8, ['payments'])),
    exchange(commit(1, 8, 'shop', ['orders']), committed(1, 8, ['orders'], 27)),
    exchange(produce(1, 9, 'orders', batch([{ value: 'v' }])), produced(1, 9, 'orders')),
  ];
  assert.equal(semantics.seriesKey(ok), semantics.seriesKey(again));
  const keys = new Set([ok, ...others].map((x) => semantics.seriesKey(x)));
  assert.equal(keys.size, 5);
  for (const key of keys) assert.ok(Number.isSafeInteger(key));
  assert.deepEqual(dimensions(others[3]!), {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders',
    ...SERVER_AT,
  });
});

test('nothing of passwords, keys and values is kept', () => {
  const list = exchanges([
    ask(0, request(1, 17, 0, old, old.str('PLAIN'))),
    answer(0, response(1, old, i16(0), old.list([old.str('PLAIN')]))),
    mumble(CLIENT_SIDE, cat(i32(13), Buffer.from('\0alice\0s3cret'))),
    ask(1, request(2, 36, 2, flexible, flexible.bytes(Buffer.from('\0alice\0s3cret')), flexible.end)),
    answer(
      1,
      response(2, flexible, i16(0), flexible.str(null), flexible.bytes(Buffer.from('s3cret')), i64(0), flexible.end),
    ),
    ask(
      2,
      produce(
        3,
        9,
        'orders',
        batch([{ key: 's3cret', value: 's3cret', headers: { password: 's3cret', traceparent: TRACEPARENT } }]),
      ),
    ),
    answer(2, produced(3, 9, 'orders')),
    ask(3, request(4, 38, 2, flexible, flexible.list([]), i64(1), flexible.end)),
    answer(3, response(4, flexible, i16(0), flexible.str('User'), flexible.str('alice'), i8(0))),
  ]);
  assert.deepEqual(
    list.map((x) => x.operation),
    ['SaslHandshake', 'SaslAuthenticate', 'Produce', 'CreateDelegationToken'],
  );
  for (const x of list) {
    const said = JSON.stringify([
      x.target,
      x.statement,
      x.operation,
      x.detail,
      attributes(x),
      semantics.operation(x, true),
    ]);
    assert.doesNotMatch(said, /s3cret|alice/);
  }
});
