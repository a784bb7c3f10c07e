/** What MongoDB exchanges mean: names, attributes, errors, texts, and what must never leave the wire. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BSON } from 'mongodb';
import { CLOSED, Ends, Exchange, LOST, OPEN, RESET, TIMEOUT, TRUNCATED, UNKNOWN } from '../../src/exchange/exchange.ts';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { mongodb } from '../../src/protocols/mongodb/index.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, fin, pause } from '../kit/conversation.ts';
import { CLIENT as CLIENT_END, SERVER as SERVER_END } from '../kit/frame.ts';
import { DEFAULTS, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import {
  body,
  bson,
  command,
  compressed,
  cursor,
  type Doc,
  failed,
  getMore,
  insert,
  internalCommand,
  legacyReply,
  long,
  ok,
  query,
  reply,
  sections,
  sequence,
} from './mongodb-messages.ts';

const { semantics } = mongodb;

/** What the pipeline makes of requests and their replies. */
function exchanges(pairs: readonly (readonly [Buffer, Buffer])[], o: Partial<typeof DEFAULTS> = {}): Exchange[] {
  const turns = pairs.flatMap(([q, r], i) => (r.length === 0 ? [ask(i, q)] : [ask(i, q), answer(i, r)]));
  const talk = { name: 'one', turns: [...turns, pause(1), fin(CLIENT_END), fin(SERVER_END)], expected: [] };
  const rig = new Rig({ ...DEFAULTS, ...o });
  const { found } = rig.feed(frames(talk, link({ serverPort: 27017 }))).end();
  assert.equal(found.length, pairs.length);
  return found.sort((a, b) => a.startNs - b.startNs).map((f) => f.record);
}

const exchange = (request: Buffer, response = ok(1), o: Partial<typeof DEFAULTS> = {}): Exchange =>
  exchanges([[request, response]], o)[0]!;

const UNMASKED = { masking: { literals: false, comments: false, keys: false } };

const text = (doc: Doc, o: Partial<typeof DEFAULTS> = {}): unknown =>
  attributes(exchange(command(1, doc), ok(1), o))['db.query.text'];

function ended(status: number, outcome = 1, isFailed = false): Exchange {
  const x = new Exchange(mongodb, new Ends(), 1, 0);
  x.operation = 'find';
  x.target = 'orders';
  x.namespace = 'shop';
  x.status = status;
  x.outcome = outcome;
  x.failed = isFailed;
  if (outcome === 1 || outcome === TRUNCATED) x.firstByteNs = 1;
  return x;
}

describe('attributes', () => {
  test('of a command', () => {
    const x = exchange(
      command(1, { find: 'orders', filter: { price: { $gt: 5 } }, limit: 2 }),
      ok(1, cursor([{ _id: 1 }, { _id: 2 }])),
    );
    assert.deepEqual(attributes(x), {
      'db.system.name': 'mongodb',
      'db.namespace': 'shop',
      'db.operation.name': 'find',
      'db.collection.name': 'orders',
      'db.query.text': '{"find": "orders", "filter": {"price": {"$gt": ?}}, "limit": ?}',
      'db.response.returned_rows': 2,
      'server.address': '10.0.0.2',
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'find orders');
    assert.equal(semantics.operation(x, true), 'find orders');
    assert.equal(semantics.path(x), 'orders');
    assert.equal(semantics.status(x), 'ok');
    assert.deepEqual(dimensions(x), {
      'db.system.name': 'mongodb',
      'db.namespace': 'shop',
      'db.operation.name': 'find',
      'db.collection.name': 'orders',
      'server.address': '10.0.0.2',
    });
  });

  test('of an error', () => {
    const x = exchange(command(1, { drop: 'nothing' }), failed(1, 26, 'NamespaceNotFound'));
    const a = attributes(x);
    assert.equal(a['db.response.status_code'], '26');
    assert.equal(a['spantap.db.response.code_name'], 'NamespaceNotFound');
    assert.equal(dimensions(x)['db.response.status_code'], '26');
    assert.equal(semantics.errorType(x, CLIENT), '26');
    assert.equal(semantics.status(x), '26');
    assert.equal(x.failed, true);
  });

  test('of a command that succeeded while its writes did not: the wire says ok, the span says what failed', () => {
    const writeErrors = [
      { index: 3, code: 121, errmsg: 'Document failed validation' },
      { index: 4, code: 11000, errmsg: 'E11000' },
    ];
    const x = exchange(command(1, { insert: 'orders', documents: [{}, {}] }), ok(1, { n: 3, writeErrors }));
    assert.equal(semantics.status(x), 'ok');
    assert.equal(x.failed, false);
    assert.equal(semantics.errorType(x, CLIENT), '121');
    assert.equal(attributes(x)['db.response.status_code'], '121');
    const none = exchange(command(1, { insert: 'orders', documents: [{}] }), ok(1, { n: 1, writeErrors: [] }));
    assert.equal(semantics.errorType(none, CLIENT), '');
  });

  test('batches, wherever their documents stand', () => {
    const docs = [{ a: 1 }, { a: 2 }, { a: 3 }];
    const size = (request: Buffer, response = ok(1)): unknown =>
      attributes(exchange(request, response))['db.operation.batch.size'];
    assert.equal(size(command(1, { insert: 'c', documents: docs })), 3);
    assert.equal(size(command(1, { insert: 'c' }, 0, sequence('documents', docs))), 3);
    assert.equal(size(sections(1, 0, 0, sequence('updates', docs), body({ update: 'c', $db: 'shop' }))), 3);
    assert.equal(size(compressed(command(1, { delete: 'c', deletes: docs }), 'zlib')), 3);
    assert.equal(size(insert(1, 'shop.c', ...docs), Buffer.alloc(0)), 3);
    assert.equal(size(command(1, { insert: 'c', documents: docs.slice(1) })), 2);
    assert.equal(size(command(1, { insert: 'c', documents: docs.slice(2) })), undefined);
    assert.equal(size(command(1, { find: 'c' }, 0, sequence('nsInfo', docs))), undefined);
  });

  test('of legacy operations', () => {
    const x = exchange(query(1, 'shop.orders.eu', { price: 5 }), legacyReply(1, [{ ok: 0 }, {}, {}]));
    const a = attributes(x);
    assert.equal(a['db.namespace'], 'shop');
    assert.equal(a['db.collection.name'], 'orders.eu');
    assert.equal(a['db.query.text'], '{"price": ?}');
    assert.equal(a['db.response.returned_rows'], 3);
    assert.equal(semantics.errorType(x, CLIENT), '');
  });

  test('of a wrapped query, an internal command, and commands behind their documents', () => {
    const wrapped = exchange(query(1, 'admin.$cmd', { $query: { buildInfo: 1 }, $readPreference: {} }));
    assert.deepEqual([wrapped.operation, wrapped.namespace], ['buildInfo', 'admin']);
    assert.equal(attributes(wrapped)['db.query.text'], '{"buildInfo": ?}');
    const internal = exchange(internalCommand(1, 'shop', 'find', { find: 'orders' }, { $ssm: 1 }));
    assert.deepEqual([internal.operation, internal.target, internal.namespace], ['find', 'orders', 'shop']);
    const behind = exchange(sections(1, 0, 0, sequence('documents', [{}]), body({ insert: 'c', $db: 'shop' })));
    assert.deepEqual([behind.operation, behind.target, behind.namespace], ['insert', 'c', 'shop']);
    const more = exchange(command(1, { getMore: long(7), collection: 'orders' }));
    assert.equal(semantics.operation(more, true), 'getMore orders');
  });

  test('packed by nobody knows what', () => {
    const x = exchange(compressed(command(1, { find: 'orders' }), 'unknown'), compressed(ok(1), 'unknown'));
    assert.deepEqual(attributes(x), { 'db.system.name': 'mongodb', 'server.address': '10.0.0.2' });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'mongodb');
    assert.equal(semantics.operation(x, false), 'UNKNOWN');
    assert.equal(semantics.status(x), 'unknown');
    assert.equal(semantics.errorType(x, CLIENT), '');
  });
});

describe('commands that wait', () => {
  const waits = (doc: Doc): boolean => exchange(command(1, doc)).waits;

  test('a hello that waits for news, a getMore with a time to wait', () => {
    assert.equal(waits({ hello: 1, topologyVersion: { counter: long(1) }, maxAwaitTimeMS: 10_000 }), true);
    assert.equal(waits({ hello: 1 }), false);
    assert.equal(waits({ getMore: long(5), collection: 'c', maxTimeMS: 1000 }), true);
    assert.equal(waits({ getMore: long(5), collection: 'c' }), false);
    assert.equal(waits({ find: 'c', maxTimeMS: 1000 }), false);
  });

  test('getMore on a cursor that waits for documents', () => {
    const id = '8123456789012345678';
    const open: [string, Doc][] = [
      ['tailable', { find: 'c', tailable: true, awaitData: true }],
      ['change stream', { aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} }],
    ];
    for (const [name, doc] of open) {
      const [first, second, other] = exchanges([
        [command(1, doc), ok(1, cursor([], id))],
        [command(2, { getMore: long(id), collection: 'c' }), ok(2, cursor([], id, 'nextBatch'))],
        [command(3, { getMore: long(9), collection: 'c' }), ok(3, cursor([], 0, 'nextBatch'))],
      ]);
      assert.deepEqual([first!.waits, second!.waits, other!.waits], [false, true, false], name);
    }
    const [, legacy] = exchanges([
      [query(1, 'shop.c', {}, 0x22), legacyReply(1, [], { cursor: 5 })],
      [getMore(2, 'shop.c', 5), legacyReply(2, [], { cursor: 5 })],
    ]);
    assert.equal(legacy!.waits, true);
    const [, plain] = exchanges([
      [command(1, { aggregate: 'c', pipeline: [{ $match: { a: 1 } }] }), ok(1, cursor([], 5))],
      [command(2, { getMore: long(5), collection: 'c' }), ok(2, cursor([]))],
    ]);
    assert.equal(plain!.waits, false);
  });
});

describe('texts', () => {
  const table: [string, Doc, string][] = [
    [
      'arrays of values',
      { find: 'c', filter: { a: { $in: [1, 2, 3] } } },
      '{"find": "c", "filter": {"a": {"$in": [?]}}}',
    ],
    [
      'stages',
      { aggregate: 'c', pipeline: [{ $match: { a: 'x' } }, { $group: { _id: '$b' } }] },
      '{"aggregate": "c", "pipeline": [{"$match": {"a": ?}}, {"$group": {"_id": ?}}]}',
    ],
    [
      'documents of one shape are folded',
      { insert: 'c', documents: [{ a: 1 }, { a: 2 }, { b: 3 }, { b: 'y' }, { a: 1 }] },
      '{"insert": "c", "documents": [{"a": ?}, {"b": ?}, {"a": ?}]}',
    ],
    ['empty', { find: 'c', filter: {}, sort: [] }, '{"find": "c", "filter": {}, "sort": []}'],
    ['what is no collection', { getLog: 'startupWarnings' }, '{"getLog": ?}'],
    ['odd keys', { find: 'c', filter: { 'a "b"\n': 1 } }, '{"find": "c", "filter": {"a \\"b\\"\\n": ?}}'],
  ];
  for (const [name, doc, expected] of table) test(name, () => assert.equal(text(doc), expected));

  test('with values, where they are wanted', () => {
    const doc = {
      find: 'c',
      filter: {
        s: 'x"y',
        i: 5,
        d: 1.5,
        l: long('9007199254740993'),
        b: true,
        n: null,
        id: new BSON.ObjectId('5'.repeat(24)),
        at: new Date(1000),
        bin: new BSON.Binary(Buffer.from('secret')),
        list: [1, 2],
      },
    };
    assert.equal(
      text(doc, UNMASKED),
      `{"find": "c", "filter": {"s": "x\\"y", "i": 5, "d": 1.5, "l": 9007199254740993, "b": true, "n": null, "id": ObjectId("${'5'.repeat(24)}"), "at": Date(1000), "bin": ?, "list": [1, 2]}}`,
    );
  });

  test('cut at the longest statement, and saying so', () => {
    const doc = { insert: 'c', documents: Array.from({ length: 500 }, (_, i) => ({ [`key${i}`]: i })) };
    const x = exchange(command(1, doc));
    const whole = bson({ ...doc, lsid: { id: new BSON.UUID('5'.repeat(32)) }, $db: 'shop' }).length;
    assert.equal(attributes(x)['spantap.db.query.cut'], whole - 4096);
    assert.match(
      String(attributes(x)['db.query.text']),
      /^\{"insert": "c", "documents": \[\{"key0": \?\}, \{"key1": \?\}/,
    );
    assert.equal(x.namespace, 'shop');
    assert.equal(attributes(x)['db.operation.batch.size'], 500);
  });

  test('nested deeper than anybody reads', () => {
    let doc: Doc = { bottom: 1 };
    for (let i = 0; i < 60; i++) doc = { d: doc };
    assert.match(String(text({ find: 'c', filter: doc })), /^\{"find": "c", "filter": (\{"d": ){31}\?\}{32}$/);
  });
});

describe('secrets', () => {
  const S = 's3cret';
  const requests: [string, Buffer][] = [
    ['saslStart', command(1, { saslStart: 1, mechanism: 'PLAIN', payload: new BSON.Binary(Buffer.from(S)), x: S })],
    ['saslContinue', command(1, { saslContinue: 1, payload: S })],
    ['SASLSTART', command(1, { SASLSTART: S, payload: S })],
    ['authenticate', command(1, { authenticate: 1, user: S, nonce: S, key: S })],
    ['createUser', command(1, { createUser: S, pwd: S, roles: [S] })],
    ['updateUser', command(1, { updateUser: S, pwd: S, customData: { a: S } })],
    ['copydbgetnonce', command(1, { copydbgetnonce: 1, fromhost: S })],
    ['hello', command(1, { hello: 1, speculativeAuthenticate: { saslStart: 1, payload: S, db: S } })],
    ['legacy hello', query(1, 'admin.$cmd', { isMaster: 1, speculativeAuthenticate: { payload: [S, { a: S }] } })],
    ['wrapped', query(1, 'admin.$cmd', { $query: { authenticate: 1, key: S } })],
    ['compressed', compressed(command(1, { createUser: S, pwd: S }), 'snappy')],
    ['a field that says so', command(1, { insert: 'users', documents: [{ name: 'a', password: S, apiSecret: [S] }] })],
  ];
  for (const [name, request] of requests) {
    test(`${name}: not even with masking off`, () => {
      const x = exchange(request, reply(1, { ok: 0, errmsg: S, code: 18 }), UNMASKED);
      const told = [attributes(x), dimensions(x), semantics.spanName(x, CLIENT, ''), semantics.path(x)];
      assert.ok(!JSON.stringify(told).includes(S), JSON.stringify(told));
      assert.ok(!semantics.operation(x, false).includes(S));
    });
  }

  test('values are hidden by default, wherever they stand', () => {
    const doc = {
      find: 'c',
      filter: { a: S, b: [S, { c: S, d: [[S]] }], e: new RegExp(S), f: new BSON.Code(S), g: { $where: S } },
      comment: S,
      hint: S,
    };
    const x = exchange(command(1, doc), reply(1, { ok: 0, errmsg: S, code: 2, codeName: 'BadValue' }));
    assert.ok(!JSON.stringify([attributes(x), dimensions(x), semantics.operation(x, false)]).includes(S));
    const unknown = exchange(command(1, { weird: S }));
    assert.ok(!JSON.stringify([attributes(unknown), semantics.operation(unknown, false)]).includes(S));
  });
});

describe('errors', () => {
  const table: [number, number, boolean, string, string | null][] = [
    [0, 1, false, '', 'ok'],
    [11000, 1, false, '11000', 'ok'],
    [26, 1, true, '26', '26'],
    [-2, 1, true, '_OTHER', 'error'],
    [-2, 1, false, '_OTHER', 'ok'],
    [-1, 1, false, '', 'unknown'],
    [-1, TRUNCATED, false, '', 'unknown'],
    [0, TIMEOUT, false, 'timeout', null],
    [0, RESET, false, 'connection_reset', null],
    [0, CLOSED, false, 'connection_closed', null],
    [0, OPEN, false, '', null],
    [0, LOST, false, '', null],
  ];
  for (const [status, outcome, isFailed, error, said] of table) {
    test(`status ${status}, outcome ${outcome}, ${isFailed ? 'failed' : 'not failed'}`, () => {
      const x = ended(status, outcome, isFailed);
      assert.deepEqual([semantics.errorType(x, CLIENT), semantics.status(x)], [error, said]);
    });
  }
});

describe('series', () => {
  test('what differs in a dimension has another key, what does not has the same', () => {
    const keys = new Map<number, string>();
    for (const operation of ['find', 'insert', 'ping', UNKNOWN]) {
      for (const target of ['orders', 'customers', '']) {
        for (const namespace of ['shop', 'admin', '']) {
          for (const status of [0, 26, 11000, -1, -2]) {
            for (const outcome of [1, TRUNCATED, TIMEOUT, RESET]) {
              const x = ended(status, outcome);
              x.operation = operation;
              x.target = target;
              x.namespace = namespace;
              const key = semantics.seriesKey(x);
              assert.ok(Number.isSafeInteger(key));
              const all = JSON.stringify([dimensions(x), semantics.errorType(x, CLIENT), outcome]);
              assert.equal(keys.get(key) ?? all, all);
              keys.set(key, all);
            }
          }
        }
      }
    }
    assert.equal(new Set(keys.values()).size, keys.size);
  });
});

describe('trace context', () => {
  const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const context = (comment: unknown): unknown => {
    const found = semantics.context(exchange(command(1, { find: 'c', filter: {}, comment })));
    return found === null ? null : [found.traceparent, found.tracestate];
  };

  test('in the comment: by itself, in words, as a document', () => {
    assert.deepEqual(context(TRACEPARENT), [TRACEPARENT, '']);
    assert.deepEqual(context(`route='/x',traceparent='${TRACEPARENT}'`), [TRACEPARENT, '']);
    assert.deepEqual(context(`{"traceparent":"${TRACEPARENT}"}`), [TRACEPARENT, '']);
    assert.deepEqual(context({ tracestate: 'a=1', traceparent: TRACEPARENT }), [TRACEPARENT, 'a=1']);
    const legacy = exchange(query(1, 'shop.c', { $query: {}, $comment: TRACEPARENT }), legacyReply(1, []));
    assert.equal(semantics.context(legacy), null); // beside the query, which is all that is read
  });

  test('none', () => {
    assert.equal(context('nothing of it'), null);
    assert.equal(context(`${TRACEPARENT.slice(0, 40)}`), null);
    assert.equal(context({ a: 1 }), null);
    assert.equal(context(5), null);
  });
});
