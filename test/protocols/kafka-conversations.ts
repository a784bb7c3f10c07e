/** Kafka as clients and brokers speak it, for the conformance kit. */

import { CLOSED, ONE_WAY, OPEN, RESET, TIMEOUT } from '../../src/exchange/exchange.ts';
import {
  answer,
  ask,
  type Conversation,
  type Expected,
  fin,
  free,
  mumble,
  type Part,
  pause,
  rst,
} from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import {
  apiVersions,
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
  supported,
} from './kafka-messages.ts';

/** No error code was read: the API or its version is not known. */
const UNTOLD = -0x8001;

const found = (operation: string, target = '', status = 0, more: Partial<Expected> = {}): Expected => ({
  operation,
  target,
  status,
  ...more,
});
const oneWay = (operation: string, target = ''): Expected =>
  found(operation, target, 0, { outcome: ONE_WAY, end: 'unseen' });

const bye = [fin(CLIENT), fin(SERVER)];

export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const ORDER = batch([{ key: 'k1', value: '{"order":1}', headers: { type: 'order', traceparent: TRACEPARENT } }]);
const MANY = batch(Array.from({ length: 30 }, (_, i) => ({ value: `value number ${i}` })));
const ZIPPED = batch([], { how: 4, bytes: Buffer.alloc(200, 0x5a), count: 25 });

/** Where a message has nothing but the letter x its loss costs nothing, but for the first bytes of it. */
function largely(b: Buffer): Part[] {
  const from = b.indexOf('x'.repeat(200)) + 100;
  let to = from;
  while (b[to] === 0x78) to++;
  return [b.subarray(0, from), free(b.subarray(from, to)), b.subarray(to)];
}

const plain: Conversation[] = [
  {
    name: 'a producer of today',
    turns: [
      ask(0, apiVersions(0, 3)),
      answer(0, supported(0, 3)),
      ask(1, metadata(1, 12, ['orders'])),
      answer(1, described(1, 12, ['orders'], [1])),
      ask(2, produce(2, 9, 'orders', ORDER)),
      answer(2, produced(2, 9, 'orders')),
      ask(3, produce(3, 13, 1, MANY)),
      answer(3, produced(3, 13, 1)),
      ask(4, produce(4, 11, 'orders', ZIPPED, 1)),
      answer(4, produced(4, 11, 'orders', 10)),
      ...bye,
    ],
    expected: [
      found('ApiVersions'),
      found('Metadata', 'orders'),
      found('Produce', 'orders'),
      { operation: 'Produce', status: 0 }, // its name is known from Metadata, which may be lost
      found('Produce', 'orders', 10),
    ],
  },
  {
    name: 'a producer of long ago',
    turns: [
      ask(0, produce(0, 0, 'orders', message('one'))),
      answer(0, produced(0, 0, 'orders')),
      ask(1, produce(1, 2, 'orders', cat(message('two'), message('three')))),
      answer(1, produced(1, 2, 'orders', 3)),
      ask(2, produce(2, 3, 'orders', ORDER)),
      answer(2, produced(2, 3, 'orders')),
      ask(3, produce(3, 7, 'orders', MANY)),
      answer(3, produced(3, 7, 'orders', -1)),
      ask(4, metadata(4, 1, [])),
      answer(4, described(4, 1, ['orders', 'payments'], [], 5)),
      ...bye,
    ],
    expected: [
      found('Produce', 'orders'),
      found('Produce', 'orders', 3),
      found('Produce', 'orders'),
      found('Produce', 'orders', -1),
      found('Metadata', '', 5),
    ],
  },
  {
    name: 'nothing answers what asks for no acknowledgement',
    turns: [
      ask(0, metadata(10, 5, ['logs'])),
      answer(0, described(10, 5, ['logs'], [])),
      ask(1, produce(11, 7, 'logs', ORDER, 0)),
      ask(2, produce(12, 9, 'logs', ORDER, 0)),
      ask(3, produce(13, 9, 'logs', ZIPPED, 0)),
      ask(4, metadata(14, 9, ['logs'])),
      answer(4, described(14, 9, ['logs'], [])),
      ...bye,
    ],
    expected: [
      found('Metadata', 'logs'),
      oneWay('Produce', 'logs'),
      oneWay('Produce', 'logs'),
      oneWay('Produce', 'logs'),
      found('Metadata', 'logs'),
    ],
  },
  {
    name: 'a consumer with its session',
    turns: [
      ask(0, metadata(1, 12, ['orders', 'payments'])),
      answer(0, described(1, 12, ['orders', 'payments'], [1, 2])),
      ask(1, fetch(2, 12, ['orders'])),
      answer(1, fetched(2, 12, [{ topic: 'orders', records: MANY }])),
      ask(2, fetch(3, 12, [], { epoch: 1 })),
      answer(2, fetched(3, 12, [])),
      ask(3, fetch(4, 12, [], { epoch: 2 })),
      answer(3, fetched(4, 12, [{ topic: 'payments', records: cat(ORDER, MANY, ZIPPED.subarray(0, 90)) }])),
      ask(4, fetch(5, 12, ['orders', 'payments'])),
      answer(
        4,
        fetched(5, 12, [
          { topic: 'orders', records: ORDER },
          { topic: 'payments', error: 6 },
        ]),
      ),
      ask(5, fetch(6, 7, ['orders'], { epoch: 3 })),
      answer(5, fetched(6, 7, [], 71)),
      ask(6, fetch(7, 4, ['orders'])),
      answer(6, fetched(7, 4, [{ topic: 'orders', records: cat(message('a'), message('b', 1)) }])),
      ask(7, fetch(8, 0, ['orders'])),
      answer(7, fetched(8, 0, [{ topic: 'orders', error: 1 }])),
      ...bye,
    ],
    expected: [
      found('Metadata'),
      found('Fetch', 'orders'),
      found('Fetch'),
      { operation: 'Fetch', status: 0 }, // the response tells its topic
      found('Fetch', '', 6),
      found('Fetch', '', 71),
      found('Fetch', 'orders'),
      found('Fetch', 'orders', 1),
    ],
  },
  {
    name: 'topics by their ids',
    turns: [
      ask(0, fetch(1, 13, [7])),
      answer(0, fetched(1, 13, [{ topic: 7, records: ORDER }])),
      ask(1, metadata(2, 10, ['orders'])),
      answer(1, described(2, 10, ['orders'], [7])),
      ask(2, fetch(3, 17, [7])),
      answer(2, fetched(3, 17, [{ topic: 7, error: 100 }])),
      ask(3, fetch(4, 18, [], { epoch: 4 })),
      answer(3, fetched(4, 18, [{ topic: 7, records: MANY }])),
      ask(4, commit(5, 10, 'shop', [7])),
      answer(4, committed(5, 10, [7])),
      ...bye,
    ],
    expected: [
      found('Fetch'),
      found('Metadata', 'orders'),
      { operation: 'Fetch', status: 100 },
      { operation: 'Fetch', status: 0 },
      { operation: 'OffsetCommit', status: 0 },
    ],
  },
  {
    name: 'a group',
    turns: [
      ask(0, request(0, 10, 4, flexible, i8(0), flexible.list([flexible.str('shop')]), flexible.end)),
      answer(
        0,
        response(
          0,
          flexible,
          i32(0),
          flexible.list([
            cat(
              flexible.str('shop'),
              i32(1),
              flexible.str('broker'),
              i32(9092),
              i16(15),
              flexible.str(null),
              flexible.end,
            ),
          ]),
          flexible.end,
        ),
      ),
      ask(
        1,
        request(
          1,
          11,
          2,
          old,
          old.str('shop'),
          i32(10_000),
          i32(300_000),
          old.str(''),
          old.str('consumer'),
          old.list([cat(old.str('range'), old.bytes(Buffer.alloc(20, 1)))]),
        ),
      ),
      answer(1, response(1, old, i32(0), i16(79), i32(-1), old.str(''), old.str(''), old.str('m-1'), old.list([]))),
      ask(
        2,
        request(
          2,
          14,
          5,
          flexible,
          flexible.str('shop'),
          i32(1),
          flexible.str('m-1'),
          flexible.str(null),
          flexible.str('consumer'),
          flexible.str('range'),
          flexible.list([cat(flexible.str('m-1'), flexible.bytes(Buffer.alloc(300, 2)), flexible.end)]),
          flexible.end,
        ),
      ),
      answer(
        2,
        response(
          2,
          flexible,
          i32(0),
          i16(0),
          flexible.str('consumer'),
          flexible.str('range'),
          flexible.bytes(Buffer.alloc(40, 3)),
          flexible.end,
        ),
      ),
      ask(
        3,
        request(
          3,
          12,
          4,
          flexible,
          flexible.str('shop'),
          i32(1),
          flexible.str('m-1'),
          flexible.str(null),
          flexible.end,
        ),
      ),
      answer(3, response(3, flexible, i32(0), i16(27), flexible.end)),
      ask(4, request(4, 9, 1, old, old.str('shop'), old.list([cat(old.str('orders'), old.list([i32(0), i32(1)]))]))),
      answer(
        4,
        response(
          4,
          old,
          old.list([
            cat(
              old.str('orders'),
              old.list([cat(i32(0), i64(5), old.str(''), i16(0)), cat(i32(1), i64(-1), old.str(''), i16(16))]),
            ),
          ]),
        ),
      ),
      ask(5, commit(5, 2, 'shop', ['orders'])),
      answer(5, committed(5, 2, ['orders'])),
      ask(6, commit(6, 8, 'shop', ['orders', 'payments'])),
      answer(6, committed(6, 8, ['orders', 'payments'], 22)),
      ask(
        7,
        request(
          7,
          13,
          4,
          flexible,
          flexible.str('shop'),
          flexible.list([cat(flexible.str('m-1'), flexible.str(null), flexible.end)]),
          flexible.end,
        ),
      ),
      answer(
        7,
        response(
          7,
          flexible,
          i32(0),
          i16(0),
          flexible.list([cat(flexible.str('m-1'), flexible.str(null), i16(25), flexible.end)]),
          flexible.end,
        ),
      ),
      ...bye,
    ],
    expected: [
      found('FindCoordinator', '', 15),
      found('JoinGroup', '', 79),
      found('SyncGroup'),
      found('Heartbeat', '', 27),
      found('OffsetFetch', 'orders', 16),
      found('OffsetCommit', 'orders'),
      found('OffsetCommit', '', 22),
      found('LeaveGroup', '', 25),
    ],
  },
  {
    name: 'a transaction',
    turns: [
      ask(0, request(100, 22, 4, flexible, flexible.str('tx-1'), i32(60_000), i64(-1), i16(-1), flexible.end)),
      answer(0, response(100, flexible, i32(0), i16(51), i64(-1), i16(-1), flexible.end)),
      ask(
        1,
        request(
          101,
          24,
          3,
          flexible,
          flexible.str('tx-1'),
          i64(1),
          i16(0),
          flexible.list([cat(flexible.str('orders'), flexible.list([i32(0)]), flexible.end)]),
          flexible.end,
        ),
      ),
      answer(
        1,
        response(
          101,
          flexible,
          i32(0),
          flexible.list([
            cat(flexible.str('orders'), flexible.list([cat(i32(0), i16(47), flexible.end)]), flexible.end),
          ]),
          flexible.end,
        ),
      ),
      ask(2, request(102, 25, 0, old, old.str('tx-1'), i64(1), i16(0), old.str('shop'))),
      answer(2, response(102, old, i32(0), i16(0))),
      ask(
        3,
        request(
          103,
          28,
          2,
          old,
          old.str('tx-1'),
          old.str('shop'),
          i64(1),
          i16(0),
          old.list([cat(old.str('orders'), old.list([cat(i32(0), i64(7), i32(-1), old.str(null))]))]),
        ),
      ),
      answer(3, response(103, old, i32(0), old.list([cat(old.str('orders'), old.list([cat(i32(0), i16(0))]))]))),
      ask(4, request(104, 26, 3, flexible, flexible.str('tx-1'), i64(1), i16(0), i8(1), flexible.end)),
      answer(4, response(104, flexible, i32(0), i16(90), flexible.end)),
      ...bye,
    ],
    expected: [
      found('InitProducerId', '', 51),
      found('AddPartitionsToTxn', 'orders', 47),
      found('AddOffsetsToTxn'),
      found('TxnOffsetCommit', 'orders'),
      found('EndTxn', '', 90),
    ],
  },
  {
    name: 'several requests under way, answered in order',
    turns: [
      ask(0, produce(1, 9, 'orders', ORDER)),
      ask(1, produce(2, 9, 'payments', ZIPPED)),
      ask(2, metadata(3, 9, [])),
      answer(0, produced(1, 9, 'orders')),
      answer(1, produced(2, 9, 'payments', 7)),
      ask(3, produce(4, 9, 'orders', MANY)),
      answer(2, described(3, 9, ['orders', 'payments'], [])),
      answer(3, produced(4, 9, 'orders')),
      ...bye,
    ],
    expected: [
      found('Produce', 'orders'),
      found('Produce', 'payments', 7),
      found('Metadata'),
      found('Produce', 'orders'),
    ],
  },
];

const strange: Conversation[] = [
  {
    name: 'APIs and versions that nobody knows yet',
    turns: [
      ask(0, apiVersions(0, 4)),
      answer(0, supported(0, 4)),
      ask(1, request(1, 500, 1, flexible, Buffer.alloc(40, 9))),
      answer(1, response(1, flexible, Buffer.alloc(30, 8))),
      ask(2, request(2, 12, 60, flexible, Buffer.alloc(40, 7))),
      answer(2, response(2, flexible, Buffer.alloc(30, 6))),
      ask(3, metadata(3, 13, ['orders'])),
      answer(3, described(3, 13, ['orders'], [3])),
      ...bye,
    ],
    expected: [
      found('ApiVersions'),
      found('api_500', '', UNTOLD),
      found('Heartbeat', '', UNTOLD),
      found('Metadata', 'orders'),
    ],
    // behind a hole only requests that are known are taken for the start of messages
    fragile: true,
  },
  {
    name: 'a client that is too new is told so in the oldest version',
    turns: [
      ask(0, apiVersions(5, 4)),
      answer(0, supported(5, 0, 35)),
      ask(1, apiVersions(6, 0)),
      answer(1, supported(6, 0)),
      ask(2, controlledShutdown(7)),
      answer(2, response(7, old, i16(0), old.list([]))),
      ...bye,
    ],
    expected: [found('ApiVersions', '', 35), found('ApiVersions'), found('ControlledShutdown')],
  },
  {
    name: 'tokens without messages around them',
    turns: [
      ask(0, request(1, 17, 0, old, old.str('SCRAM-SHA-256'))),
      answer(0, response(1, old, i16(0), old.list([old.str('PLAIN'), old.str('SCRAM-SHA-256')]))),
      mumble(CLIENT, cat(i32(30), Buffer.from('n,,n=alice,r=0123456789abcdefg'))),
      mumble(SERVER, cat(i32(20), Buffer.from('r=0123,s=abcd,i=4096'))),
      mumble(CLIENT, cat(i32(12), Buffer.from('c=biws,p=xyz'))),
      mumble(SERVER, cat(i32(0))),
      ask(1, apiVersions(2, 0)),
      answer(1, supported(2, 0)),
      ask(2, metadata(3, 4, ['orders'])),
      answer(2, described(3, 4, ['orders'], [])),
      ...bye,
    ],
    expected: [found('SaslHandshake'), found('ApiVersions'), found('Metadata', 'orders')],
    // a token may be lost as any message, but nobody knows how many there were
    fragile: true,
  },
  {
    name: 'an authentication in messages',
    turns: [
      ask(0, request(1, 17, 1, old, old.str('PLAIN'))),
      answer(0, response(1, old, i16(0), old.list([old.str('PLAIN')]))),
      ask(1, request(2, 36, 2, flexible, flexible.bytes(Buffer.from('\0alice\0s3cret')), flexible.end)),
      answer(
        1,
        response(
          2,
          flexible,
          i16(58),
          flexible.str('Authentication failed'),
          flexible.bytes(Buffer.alloc(0)),
          i64(0),
          flexible.end,
        ),
      ),
      ...bye,
    ],
    expected: [found('SaslHandshake'), found('SaslAuthenticate', '', 58)],
  },
  {
    name: 'a request nobody answers',
    turns: [
      ask(0, metadata(1, 9, ['orders'])),
      answer(0, described(1, 9, ['orders'], [])),
      ask(1, metadata(2, 9, ['orders'])),
      ...bye,
    ],
    expected: [found('Metadata', 'orders'), found('Metadata', 'orders', 0, { outcome: CLOSED, end: 'close' })],
  },
  {
    name: 'a broker that breaks off',
    turns: [
      ask(0, metadata(1, 9, ['orders'])),
      answer(0, described(1, 9, ['orders'], [])),
      ask(1, produce(2, 9, 'orders', ORDER)),
      rst(SERVER),
    ],
    expected: [found('Metadata', 'orders'), found('Produce', 'orders', 0, { outcome: RESET, end: 'close' })],
  },
  {
    name: 'an answer that comes too late',
    turns: [
      ask(0, metadata(1, 9, ['orders'])),
      pause(200_000),
      answer(0, described(1, 9, ['orders'], [])),
      ask(1, metadata(2, 9, ['orders'])),
      answer(1, described(2, 9, ['orders'], [])),
      ...bye,
    ],
    expected: [found('Metadata', 'orders', 0, { outcome: TIMEOUT, end: 120_000 }), found('Metadata', 'orders')],
  },
  {
    name: 'the capture ends',
    turns: [
      ask(0, metadata(1, 9, ['orders'])),
      answer(0, described(1, 9, ['orders'], [])),
      ask(1, fetch(2, 11, ['orders'])),
    ],
    expected: [found('Metadata', 'orders'), found('Fetch', 'orders', 0, { outcome: OPEN, end: 'capture' })],
  },
];

const long: Conversation[] = [
  {
    name: 'megabytes',
    long: true,
    turns: [
      ask(0, metadata(1, 9, ['images'])),
      answer(0, described(1, 9, ['images'], [])),
      ask(
        1,
        ...largely(
          produce(2, 9, 'images', batch([{ value: 'x'.repeat(300_000), headers: { traceparent: TRACEPARENT } }])),
        ),
      ),
      answer(1, produced(2, 9, 'images')),
      ask(2, fetch(3, 11, ['images'])),
      answer(2, ...largely(fetched(3, 11, [{ topic: 'images', records: batch([{ value: 'x'.repeat(400_000) }]) }]))),
      ask(3, fetch(4, 12, ['images'])),
      answer(
        3,
        ...largely(
          fetched(4, 12, [
            { topic: 'images', records: batch([], { how: 1, bytes: Buffer.alloc(100_000, 'x'), count: 9 }) },
            { topic: 'images', error: 1 },
          ]),
        ),
      ),
      ...bye,
    ],
    expected: [
      found('Metadata', 'images'),
      found('Produce', 'images'),
      found('Fetch', 'images'),
      found('Fetch', 'images', 1),
    ],
  },
];

/** Version 0 of ControlledShutdown has no client id. */
function controlledShutdown(id: number): Buffer {
  return cat(i32(12), i16(7), i16(0), i32(id), i32(1));
}

export const conversations: readonly Conversation[] = [...plain, ...strange, ...long];
