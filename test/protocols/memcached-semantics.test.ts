/** What memcached exchanges mean: names, attributes, hits and misses, errors, and what must never leave the wire. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ends, Exchange, LOST, ONE_WAY, TIMEOUT } from '../../src/exchange/exchange.ts';
import type { Masking } from '../../src/exchange/masking.ts';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { memcached } from '../../src/protocols/memcached/index.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, type Part, type Turn } from '../kit/conversation.ts';
import { DEFAULTS, type Found, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { packet } from './memcached-conversations.ts';

const { semantics } = memcached;
const HIDDEN: Masking = { literals: true, comments: true, keys: true };
const OPEN: Masking = { literals: false, comments: false, keys: false };

function talk(
  turns: readonly Turn[],
  o: { masking?: Masking; port?: number; maxStatementBytes?: number } = {},
): Found[] {
  const { masking = HIDDEN, port = 11211, maxStatementBytes = 4096 } = o;
  const rig = new Rig({ ...DEFAULTS, masking, protocols: { ...DEFAULTS.protocols, maxStatementBytes } });
  return rig.feed(frames({ name: 'one', turns, expected: [] }, link({ serverPort: port }))).end().found;
}

const HELLO = [ask(0, 'verbosity 1\r\n'), answer(0, 'OK\r\n')];
const one = (request: Part, reply: Part, o?: Parameters<typeof talk>[1]): Exchange =>
  talk([...HELLO, ask(1, request), answer(1, reply)], o)[1]!.record;

describe('attributes', () => {
  test('of a command that stores', () => {
    const x = one('set foo 0 0 6\r\nsecret\r\n', 'STORED\r\n');
    assert.deepEqual(attributes(x), {
      'db.system.name': 'memcached',
      'db.operation.name': 'set',
      'db.response.status_code': 'STORED',
      'server.address': '10.0.0.2',
      'db.query.text': 'set ?',
    });
    assert.equal(semantics.operation(x, true), 'set foo');
    assert.equal(semantics.operation(x, false), 'set ?');
    assert.equal(semantics.status(x), 'STORED');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'set');
    assert.equal(semantics.errorType(x, CLIENT), '');
  });

  test('of one that finds some of its keys, on another port, with keys shown', () => {
    const x = one('get a b c\r\n', 'VALUE a 0 1\r\n1\r\nVALUE c 0 1\r\n2\r\nEND\r\n', { masking: OPEN, port: 7777 });
    assert.deepEqual(attributes(x), {
      'db.system.name': 'memcached',
      'db.operation.name': 'get',
      'db.response.status_code': 'END',
      'db.operation.batch.size': 3,
      'spantap.cache.hit': false,
      'db.response.returned_rows': 2,
      'server.address': '10.0.0.2',
      'server.port': 7777,
      'db.query.text': 'get a b c',
    });
    assert.equal(semantics.operation(x, false), 'get a b c');
  });

  test('hit or miss', () => {
    const hit = (request: Part, reply: Part): unknown => attributes(one(request, reply))['spantap.cache.hit'];
    assert.equal(hit('get a\r\n', 'VALUE a 0 1\r\n1\r\nEND\r\n'), true);
    assert.equal(hit('get a\r\n', 'END\r\n'), false);
    assert.equal(hit('mg a v\r\n', 'VA 1\r\n1\r\n'), true);
    assert.equal(hit('mg a\r\n', 'HD\r\n'), true);
    assert.equal(hit('mg a\r\n', 'EN\r\n'), false);
    assert.equal(hit('gat 10 a\r\n', 'END\r\n'), false);
    assert.equal(hit('delete a\r\n', 'NOT_FOUND\r\n'), undefined);
    assert.equal(hit('get a\r\n', 'SERVER_ERROR x\r\n'), undefined);
    const binary = (status: number): unknown => {
      const turns = [
        ask(0, packet(0x80, 0, { key: 'k', opaque: 7 })),
        answer(0, packet(0x81, 0, { extras: 4, value: 'x', opaque: 7, status })),
      ];
      return attributes(talk(turns)[0]!.record)['spantap.cache.hit'];
    };
    assert.equal(binary(0), true);
    assert.equal(binary(1), false);
  });

  test('only errors are errors', () => {
    const verdict = (request: Part, reply: Part): [string | null, string, boolean] => {
      const x = one(request, reply);
      return [semantics.status(x), semantics.errorType(x, CLIENT), x.failed];
    };
    assert.deepEqual(verdict('delete a\r\n', 'NOT_FOUND\r\n'), ['NOT_FOUND', '', false]);
    assert.deepEqual(verdict('add a 0 0 1\r\n1\r\n', 'NOT_STORED\r\n'), ['NOT_STORED', '', false]);
    assert.deepEqual(verdict('cas a 0 0 1 5\r\n1\r\n', 'EXISTS\r\n'), ['EXISTS', '', false]);
    assert.deepEqual(verdict('incr a 1\r\n', 'CLIENT_ERROR not a number\r\n'), ['CLIENT_ERROR', 'CLIENT_ERROR', true]);
    assert.deepEqual(verdict('nonsense\r\n', 'ERROR\r\n'), ['ERROR', 'ERROR', true]);
    assert.deepEqual(verdict('incr a 1\r\n', '12345\r\n'), ['OK', '', false]);
  });

  test('long keys are cut', () => {
    const x = one(`get ${'k'.repeat(200)}\r\n`, 'END\r\n', { masking: OPEN, maxStatementBytes: 64 });
    assert.equal(String(attributes(x)['db.query.text']).length, 64);
    assert.equal(attributes(x)['spantap.db.query.cut'], 140);
  });
});

describe('metrics', () => {
  test('tell known commands, statuses, hits and misses apart', () => {
    assert.deepEqual(dimensions(one('get a\r\n', 'END\r\n')), {
      'db.system.name': 'memcached',
      'db.operation.name': 'get',
      'db.response.status_code': 'END',
      'spantap.cache.hit': false,
      'server.address': '10.0.0.2',
    });
    assert.equal(dimensions(one('nonsense a\r\n', 'ERROR\r\n'))['db.operation.name'], '_OTHER');
  });

  test('key and dimensions go together', () => {
    const all = [
      one('get a\r\n', 'END\r\n'),
      one('get b\r\n', 'VALUE b 0 1\r\n1\r\nEND\r\n'),
      one('get c d\r\n', 'VALUE c 0 1\r\n1\r\nVALUE d 0 1\r\n1\r\nEND\r\n'),
      one('gets a\r\n', 'END\r\n'),
      one('get b\r\n', 'SERVER_ERROR x\r\n'),
      one('delete b\r\n', 'DELETED\r\n'),
      one('delete b\r\n', 'NOT_FOUND\r\n'),
    ].map((x) => [semantics.seriesKey(x), JSON.stringify(dimensions(x))] as const);
    for (const [key, said] of all) for (const [key2, said2] of all) assert.equal(key === key2, said === said2);
  });
});

describe('what cannot be told apart is not paired', () => {
  const answered = (turns: readonly Turn[]): string[] =>
    talk([...HELLO, ...turns])
      .slice(1)
      .filter((f) => !Number.isNaN(f.firstByteNs))
      .map((f) => f.record.statement);

  test('an answer that a quiet command in front may have as well', () => {
    const turns = [ask(1, 'mg a v q\r\n'), ask(2, 'mg b v\r\n'), answer(2, 'VA 1\r\n1\r\n')];
    assert.deepEqual(answered(turns), []);
  });

  test('one that it cannot have', () => {
    const turns = [ask(1, 'mg a v q\r\n'), ask(2, 'mg b v\r\n'), answer(2, 'EN\r\n')];
    assert.deepEqual(answered(turns), ['mg b']);
  });

  test('an error behind quiet commands', () => {
    const turns = [ask(1, 'mg a v O1 q\r\n'), ask(2, 'mn\r\n'), answer(2, 'SERVER_ERROR x\r\n')];
    assert.deepEqual(answered(turns), []);
  });

  test('an answer of another kind than the command has', () => {
    assert.deepEqual(answered([ask(1, 'gets a\r\n'), answer(1, 'STORED\r\n')]), []);
    assert.deepEqual(answered([ask(1, 'set a 0 0 1\r\n1\r\n'), answer(1, 'END\r\n')]), []);
  });

  test('binary: another opaque value, or one that came twice', () => {
    const get = (opcode: number, key: string, opaque: number) => packet(0x80, opcode, { key, opaque });
    const found = (opcode: number, opaque: number) => packet(0x81, opcode, { extras: 4, value: 'x', opaque });
    const other = talk([ask(0, get(0, 'a', 1)), answer(0, found(0, 2))]);
    assert.deepEqual(
      other.map((f) => f.outcome),
      [LOST],
    );
    const twins = talk([ask(0, get(9, 'a', 5)), ask(1, get(9, 'b', 5)), answer(0, found(9, 5))]);
    assert.deepEqual(
      twins.map((f) => f.outcome),
      [ONE_WAY, LOST],
    );
  });
});

test('passwords of SASL are not kept', () => {
  const turns = [
    ask(0, packet(0x80, 0x21, { key: 'PLAIN', value: '\0user\0correct-horse', opaque: 3 })),
    answer(0, packet(0x81, 0x21, { value: 'Authenticated', opaque: 3 })),
  ];
  const x = talk(turns, { masking: OPEN })[0]!.record;
  assert.equal(semantics.operation(x, true), 'sasl_auth');
  assert.ok(!JSON.stringify([attributes(x), x.statement]).includes('horse'));
});

test('no answer: why', () => {
  const x = new Exchange(memcached, new Ends(), -1, 0);
  x.operation = 'get';
  x.outcome = TIMEOUT;
  assert.equal(semantics.status(x), null);
  assert.equal(semantics.errorType(x, CLIENT), 'timeout');
});
