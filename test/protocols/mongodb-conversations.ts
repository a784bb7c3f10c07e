/** MongoDB as drivers and servers speak it, for the conformance kit. */

import { CLOSED, ONE_WAY, OPEN, RESET, TIMEOUT, UNKNOWN } from '../../src/exchange/exchange.ts';
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
  body,
  CHECKSUM,
  COMPRESSORS,
  command,
  compressed,
  cursor,
  type Doc,
  EXHAUST_ALLOWED,
  failed,
  getMore,
  insert,
  internalCommand,
  internalReply,
  killCursors,
  legacyReply,
  long,
  MORE_TO_COME,
  ok,
  query,
  remove,
  reply,
  sections,
  sequence,
  update,
} from './mongodb-messages.ts';

const found = (operation: string, target = '', status = 0, more: Partial<Expected> = {}): Expected => ({
  operation,
  target,
  status,
  ...more,
});
const oneWay = (operation: string, target = ''): Expected =>
  found(operation, target, 0, { outcome: ONE_WAY, end: 'unseen' });

/** Its collection stands behind the cursor, and may be lost. */
const getMoreOf: Expected = { operation: 'getMore', status: 0 };

const bye = [fin(CLIENT), fin(SERVER)];

const ORDERS = Array.from({ length: 5 }, (_, i) => ({ _id: i, item: `thing ${i}`, price: i + 0.5, tags: ['a', 'b'] }));

const HELLO: Doc = {
  helloOk: true,
  client: { driver: { name: 'nodejs', version: '7.9.0' }, platform: 'Node.js' },
  compression: ['none'],
};
const WELCOME: Doc = { ismaster: true, maxBsonObjectSize: 16777216, maxWireVersion: 21, ok: 1 };

/** Where a message has nothing but the letter x its loss costs nothing, but for the first bytes of it. */
function largely(message: Buffer): Part[] {
  const from = message.indexOf('x'.repeat(6000)) + 5000;
  let to = from;
  while (message[to] === 0x78) to++;
  return [message.subarray(0, from), free(message.subarray(from, to)), message.subarray(to)];
}

const plain: Conversation[] = [
  {
    name: 'a driver connects, finds and fetches more',
    turns: [
      ask(0, query(1, 'admin.$cmd', { ismaster: 1, ...HELLO })),
      answer(0, legacyReply(1, [WELCOME])),
      ask(1, command(2, { find: 'orders', filter: { price: { $gt: 1 } }, batchSize: 5 })),
      answer(1, ok(2, cursor(ORDERS, '5520000000000000000'))),
      ask(2, command(3, { getMore: long('5520000000000000000'), collection: 'orders', batchSize: 5 })),
      answer(2, ok(3, cursor([], 0, 'nextBatch'))),
      ask(3, command(4, { endSessions: [{ id: 1 }] })),
      answer(3, ok(4)),
      ...bye,
    ],
    expected: [found('ismaster'), found('find', 'orders'), getMoreOf, found('endSessions')],
  },
  {
    name: 'errors',
    turns: [
      ask(0, command(10, { replSetGetStatus: 1 })),
      answer(0, failed(10, 76, 'NoReplicationEnabled')),
      ask(1, command(11, { find: 'orders', filter: { $nonsense: 1 } })),
      answer(1, failed(11, 2, 'BadValue')),
      ask(2, command(12, { insert: 'orders', documents: [ORDERS[0]], ordered: true })),
      answer(2, ok(12, { n: 0, writeErrors: [{ index: 0, code: 11000, errmsg: 'E11000 duplicate key' }] })),
      ask(3, command(13, { insert: 'orders', documents: [ORDERS[1]], writeConcern: { w: 3 } })),
      answer(3, ok(13, { n: 1, writeConcernError: { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting' } })),
      ask(4, command(14, { bulkWrite: 1, ops: [{ insert: 0, document: {} }], nsInfo: [{ ns: 'shop.orders' }] })),
      answer(4, ok(14, { ...cursor([{ ok: 0, idx: 0, code: 11000 }]), nErrors: 1 })),
      ask(5, command(15, { weird: 1 })),
      answer(5, reply(15, { ok: 0, errmsg: 'without a code' })),
      ask(6, command(16, { ping: 1 })),
      answer(6, ok(16)),
      ...bye,
    ],
    expected: [
      found('replSetGetStatus', '', 76),
      found('find', 'orders', 2),
      found('insert', 'orders', 11000),
      found('insert', 'orders', 64),
      found('bulkWrite', '', -2),
      found('weird', '', -2),
      found('ping'),
    ],
  },
  {
    name: 'answers in another order, ids that count from 0 and below',
    turns: [
      ask(0, command(0, { find: 'a' })),
      ask(1, command(-7, { find: 'b' })),
      ask(2, command(1, { find: 'c' })),
      answer(2, ok(1, cursor([]))),
      answer(0, ok(0, cursor([]))),
      ask(3, command(2, { find: 'd' })),
      answer(3, failed(2, 26, 'NamespaceNotFound')),
      answer(1, ok(-7, cursor([]))),
      ...bye,
    ],
    expected: [found('find', 'a'), found('find', 'b'), found('find', 'c'), found('find', 'd', 26)],
  },
  {
    name: 'sections in any order, checksums',
    turns: [
      ask(0, command(1, { insert: 'orders', ordered: true }, 0, sequence('documents', ORDERS))),
      answer(0, ok(1, { n: 5 })),
      ask(
        1,
        sections(
          2,
          0,
          CHECKSUM,
          sequence('updates', [{ q: { _id: 1 }, u: { $set: { price: 2 } } }]),
          body({ update: 'orders', $db: 'shop' }),
        ),
      ),
      answer(1, reply(2, { n: 1, nModified: 1, ok: 1 }, CHECKSUM)),
      ask(2, command(3, { ping: 1 }, CHECKSUM)),
      answer(2, reply(3, { ok: 1 }, CHECKSUM)),
      ...bye,
    ],
    // the second command stands behind its documents, and may be lost when they are not
    expected: [found('insert', 'orders'), { operation: 'update', status: 0 }, found('ping')],
  },
  {
    name: 'writes that nobody answers',
    turns: [
      ask(0, command(1, { insert: 'log', documents: ORDERS, writeConcern: { w: 0 } }, MORE_TO_COME)),
      ask(1, command(2, { delete: 'log', deletes: [{ q: {}, limit: 1 }], writeConcern: { w: 0 } }, MORE_TO_COME)),
      ask(2, command(3, { count: 'log' })),
      answer(2, ok(3, { n: 4 })),
      ask(3, command(4, { insert: 'log', writeConcern: { w: 0 } }, MORE_TO_COME, sequence('documents', ORDERS))),
      ...bye,
    ],
    expected: [oneWay('insert', 'log'), oneWay('delete', 'log'), found('count', 'log'), oneWay('insert', 'log')],
  },
  {
    name: 'a monitor is told of the topology',
    turns: [
      ask(0, command(1, { hello: 1, topologyVersion: { counter: long(1) }, maxAwaitTimeMS: 10_000 }, EXHAUST_ALLOWED)),
      pause(200),
      answer(0, reply(1, WELCOME, MORE_TO_COME, 501)),
      pause(200),
      mumble(SERVER, reply(501, WELCOME, MORE_TO_COME, 502)),
      pause(200),
      mumble(SERVER, reply(502, WELCOME, MORE_TO_COME, 503)),
      mumble(SERVER, reply(503, WELCOME, 0, 504)),
      ask(1, command(2, { hello: 1 })),
      answer(1, ok(2)),
      ...bye,
    ],
    expected: [found('hello'), found('hello')],
  },
  {
    name: 'the server counts its replies as the client does its requests',
    turns: [
      ask(0, command(7, { hello: 1, maxAwaitTimeMS: 10_000 }, EXHAUST_ALLOWED)),
      answer(0, reply(7, { ok: 1 }, MORE_TO_COME, 7)),
      mumble(SERVER, reply(7, { ok: 0, code: 91 }, MORE_TO_COME, 8)),
      mumble(SERVER, reply(8, { ok: 0, code: 91 }, 0, 9)),
      ...bye,
    ],
    expected: [found('hello')],
  },
  {
    name: 'legacy operations',
    turns: [
      ask(0, insert(1, 'shop.orders', ...ORDERS)),
      ask(1, update(2, 'shop.orders', { _id: 1 }, { $set: { price: 3 } })),
      ask(2, remove(3, 'shop.orders', { _id: 2 })),
      ask(3, query(4, 'shop.$cmd', { getlasterror: 1 })),
      answer(3, legacyReply(4, [{ n: 0, err: 'E11000 duplicate key', code: 11000, ok: 1 }])),
      ask(4, query(5, 'shop.orders', { $query: { price: { $gt: 1 } }, $orderby: { _id: 1 } })),
      answer(4, legacyReply(5, ORDERS, { cursor: 77 })),
      ask(5, getMore(6, 'shop.orders', 77)),
      answer(5, legacyReply(6, [{ ok: 0, code: 1 }], { cursor: 77 })),
      ask(6, killCursors(7, 77)),
      ask(7, getMore(8, 'shop.orders', 77)),
      answer(7, legacyReply(8, [], { flags: 1 })),
      ask(8, query(9, 'shop.orders.eu', { $bad: 1 })),
      answer(8, legacyReply(9, [{ $err: 'unknown operator', code: 17287 }], { flags: 2 })),
      ask(9, query(10, 'admin.$cmd', { $query: { buildInfo: 1 }, $readPreference: { mode: 'nearest' } }, 4)),
      answer(9, legacyReply(10, [{ version: '2.6', ok: 1 }])),
      ...bye,
    ],
    expected: [
      oneWay('insert', 'orders'),
      oneWay('update', 'orders'),
      oneWay('delete', 'orders'),
      found('getlasterror', '', 11000),
      found('query', 'orders'),
      found('getMore', 'orders'),
      oneWay('killCursors'),
      found('getMore', 'orders', 43),
      found('query', 'orders.eu', 17287),
      found('buildInfo'),
    ],
  },
  {
    name: 'an exhausting query of old',
    turns: [
      ask(0, query(1, 'shop.orders', {}, 1 << 6)),
      answer(0, legacyReply(1, ORDERS, { cursor: 5, id: 601 })),
      mumble(SERVER, legacyReply(601, ORDERS, { cursor: 5, id: 602 })),
      mumble(SERVER, legacyReply(602, ORDERS, { cursor: 0, id: 603 })),
      ask(1, query(2, 'shop.orders', {})),
      answer(1, legacyReply(2, [])),
      ...bye,
    ],
    expected: [found('query', 'orders'), found('query', 'orders')],
  },
  {
    name: 'OP_COMMAND',
    turns: [
      ask(0, internalCommand(1, 'shop', 'find', { find: 'orders', filter: {} }, {})),
      answer(0, internalReply(1, {}, { ...cursor(ORDERS), ok: 1 })),
      ask(1, internalCommand(2, 'shop', 'drop', { drop: 'nothing' }, { $ssm: 1 })),
      answer(1, internalReply(2, { $gleStats: 1 }, { ok: 0, code: 26, codeName: 'NamespaceNotFound' })),
      ...bye,
    ],
    expected: [
      { operation: 'find', status: 0 },
      { operation: 'drop', status: 26 },
    ],
  },
  ...Object.keys(COMPRESSORS).map((name): Conversation => {
    const known = name !== 'unknown';
    const told = (operation: string, target: string, status: number): Expected =>
      known ? found(operation, target, status) : found(UNKNOWN, '', -1);
    return {
      name: `compressed: ${name}`,
      turns: [
        ask(0, query(1, 'admin.$cmd', { ismaster: 1, compression: [name] })),
        answer(0, legacyReply(1, [WELCOME])),
        ask(1, compressed(command(2, { find: 'orders', filter: { item: 'a'.repeat(300) } }), name)),
        answer(1, compressed(ok(2, cursor(ORDERS)), name)),
        ask(2, compressed(command(3, { find: 'nothing' }), name)),
        answer(2, compressed(failed(3, 26, 'NamespaceNotFound'), name)),
        ask(3, compressed(command(4, { ping: 1 }), name)),
        answer(3, ok(4)),
        ...(known ? [ask(4, compressed(command(5, { insert: 'log' }, MORE_TO_COME), name))] : []),
        ...bye,
      ],
      expected: [
        found('ismaster'),
        told('find', 'orders', 0),
        told('find', 'nothing', 26),
        known ? found('ping') : found(UNKNOWN, '', 0),
        ...(known ? [oneWay('insert', 'log')] : []),
      ],
    };
  }),
  {
    name: 'other words for a collection',
    turns: [
      ask(0, command(1, { aggregate: 1, pipeline: [{ $currentOp: {} }], cursor: {} })),
      answer(0, ok(1, cursor([]))),
      ask(1, command(2, { getLog: 'startupWarnings' })),
      answer(1, ok(2, { log: [] })),
      ask(2, command(3, { createUser: 'alice', pwd: 'secret', roles: [] })),
      answer(2, ok(3)),
      ...bye,
    ],
    expected: [found('aggregate'), found('getLog', 'startupWarnings'), found('createUser', 'alice')],
  },
];

const endings: Conversation[] = [
  {
    name: 'no answer before the client leaves',
    turns: [ask(0, command(1, { find: 'orders' })), fin(CLIENT), fin(SERVER)],
    expected: [found('find', 'orders', 0, { outcome: CLOSED, end: 'close' })],
    fragile: true,
  },
  {
    name: 'reset instead of an answer',
    turns: [ask(0, command(1, { ping: 1 })), answer(0, ok(1)), ask(1, command(2, { find: 'orders' })), rst(SERVER)],
    expected: [found('ping'), found('find', 'orders', 0, { outcome: RESET, end: 'close' })],
    fragile: true,
  },
  {
    name: 'the capture ends',
    turns: [ask(0, command(1, { find: 'orders' }))],
    expected: [found('find', 'orders', 0, { outcome: OPEN, end: 'capture' })],
    fragile: true,
  },
  {
    name: 'an answer that comes too late',
    turns: [
      ask(0, command(1, { find: 'orders' })),
      pause(200_000),
      mumble(SERVER, ok(1, cursor([]))),
      ask(1, command(2, { ping: 1 })),
      answer(1, ok(2)),
      ...bye,
    ],
    expected: [found('find', 'orders', 0, { outcome: TIMEOUT, end: 120_000 }), found('ping')],
    fragile: true,
  },
];

const LARGE = 'x'.repeat(3 << 20);

const long_: Conversation[] = [
  {
    name: 'megabytes of documents, both ways',
    turns: [
      ask(0, ...largely(command(1, { insert: 'blobs', documents: [{ _id: 1, data: LARGE }], ordered: true }))),
      answer(0, ok(1, { n: 1 })),
      ask(
        1,
        ...largely(command(2, { insert: 'blobs' }, 0, sequence('documents', [{ _id: 2, data: LARGE }, { _id: 3 }]))),
      ),
      answer(1, ok(2, { n: 2 })),
      ask(2, command(3, { find: 'blobs' })),
      answer(2, ...largely(ok(3, cursor([{ _id: 1, data: LARGE }, { _id: 2 }])))),
      ask(3, ...largely(insert(4, 'shop.blobs', { data: LARGE }, { _id: 2 }))),
      ask(4, ...largely(update(5, 'shop.blobs', { _id: 2, $comment: 'x' }, { data: LARGE }))),
      ask(5, query(6, 'shop.blobs', {})),
      answer(5, ...largely(legacyReply(6, [{ data: LARGE }]))),
      ...bye,
    ],
    expected: [
      found('insert', 'blobs'),
      found('insert', 'blobs'),
      found('find', 'blobs'),
      oneWay('insert', 'blobs'),
      oneWay('update', 'blobs'),
      found('query', 'blobs'),
    ],
    long: true,
  },
];

export const conversations: readonly Conversation[] = [...plain, ...endings, ...long_];
