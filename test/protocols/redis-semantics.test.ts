/** What Redis exchanges mean: names, attributes, errors, databases, and what must never leave the wire. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULTS as SETTINGS } from '../../src/config/defaults.ts';
import { CLOSED, Ends, Exchange, OUTCOMES, TIMEOUT } from '../../src/exchange/exchange.ts';
import type { Masking } from '../../src/exchange/masking.ts';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { redis } from '../../src/protocols/redis/index.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, mumble, type Part, type Turn } from '../kit/conversation.ts';
import { CLIENT as CLIENT_SIDE, SERVER } from '../kit/frame.ts';
import { DEFAULTS, type Found, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { array, bulk, command } from './redis-conversations.ts';

const { semantics } = redis;
const HIDDEN: Masking = { literals: true, comments: true, keys: true };
const KEYS: Masking = { ...HIDDEN, keys: false };
const OPEN: Masking = { literals: false, comments: false, keys: false };

function talk(
  turns: readonly Turn[],
  o: { masking?: Masking; port?: number; maxStatementBytes?: number; from?: number } = {},
): Found[] {
  const { masking = HIDDEN, port = 6379, maxStatementBytes = 4096, from = 0 } = o;
  const rig = new Rig({ ...DEFAULTS, masking, protocols: { ...DEFAULTS.protocols, maxStatementBytes } });
  return rig.feed(frames({ name: 'one', turns, expected: [] }, link({ serverPort: port })).slice(from)).end().found;
}

const one = (request: Part, reply: Part, o?: Parameters<typeof talk>[1]): Exchange =>
  talk([ask(0, request), answer(0, reply)], o)[0]!.record;

const text = (words: (string | Buffer)[], masking: Masking): string => {
  const x = one(command(...words), '+OK\r\n', { masking });
  return String(attributes(x)['db.query.text']);
};

describe('attributes', () => {
  test('of a command', () => {
    const x = one(command('SET', 'key', 'value'), '+OK\r\n');
    assert.deepEqual(attributes(x), {
      'db.system.name': 'redis',
      'db.operation.name': 'SET',
      'db.namespace': '0',
      'server.address': '10.0.0.2',
      'db.query.text': 'SET ? ?',
    });
    assert.equal(semantics.operation(x, true), 'SET');
    assert.equal(semantics.operation(x, false), 'SET');
    assert.equal(semantics.status(x), 'OK');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'SET');
    assert.equal(semantics.errorType(x, CLIENT), '');
    assert.equal(semantics.context(x), null);
    assert.equal(x.waits, false);
  });

  test('of an error, on another port', () => {
    const x = one(command('lpush', 'key', 'value'), '-WRONGTYPE Operation against a key\r\n', { port: 7777 });
    assert.deepEqual(attributes(x), {
      'db.system.name': 'redis',
      'db.operation.name': 'LPUSH',
      'db.namespace': '0',
      'db.response.status_code': 'WRONGTYPE',
      'server.address': '10.0.0.2',
      'server.port': 7777,
      'db.query.text': 'LPUSH ? ?',
    });
    assert.equal(semantics.status(x), 'WRONGTYPE');
    assert.equal(semantics.errorType(x, CLIENT), 'WRONGTYPE');
    assert.equal(x.failed, true);
  });

  test('a redirect is told, and is no failure', () => {
    for (const [line, word] of [
      ['-MOVED 3999 127.0.0.1:6381\r\n', 'MOVED'],
      ['-ASK 3999 127.0.0.1:6381\r\n', 'ASK'],
    ] as const) {
      const x = one(command('GET', 'key'), line);
      assert.equal(semantics.status(x), word);
      assert.equal(attributes(x)['db.response.status_code'], word);
      assert.equal(semantics.errorType(x, CLIENT), '');
      assert.equal(x.failed, false);
    }
  });

  test('a script is the target of its call', () => {
    const x = one(command('FCALL', 'topup', '1', 'account', '5'), ':1\r\n');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'FCALL topup');
    assert.equal(attributes(x)['db.operation.name'], 'FCALL');
    assert.equal(attributes(x)['db.stored_procedure.name'], 'topup');
    assert.equal(attributes(x)['db.query.text'], 'FCALL ? ? ? ?');
    assert.equal(dimensions(x)['db.operation.name'], 'FCALL');
  });

  test('subcommands belong to the name', () => {
    const x = one(command('config', 'get', 'maxmemory'), array(bulk('maxmemory'), bulk('0')));
    assert.equal(semantics.operation(x, true), 'CONFIG');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'CONFIG GET');
    assert.equal(attributes(x)['db.operation.name'], 'CONFIG GET');
    assert.equal(attributes(x)['db.query.text'], 'CONFIG GET ?');
  });

  test('what waits says so', () => {
    const waits = (...words: string[]): boolean => one(command(...words), '*-1\r\n').waits;
    assert.equal(waits('BLPOP', 'q', '0'), true);
    assert.equal(waits('WAIT', '1', '0'), true);
    assert.equal(waits('XREAD', 'COUNT', '2', 'block', '500', 'STREAMS', 's', '$'), true);
    assert.equal(waits('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 's', '>'), true);
    assert.equal(waits('XREAD', 'COUNT', '2', 'STREAMS', 'BLOCK', '0'), false);
    assert.equal(waits('LPOP', 'q'), false);
  });
});

describe('databases', () => {
  const select = (n: number, index: string, reply = '+OK\r\n') => [ask(n, command('SELECT', index)), answer(n, reply)];
  const get = (n: number) => [ask(n, command('GET', 'a')), answer(n, bulk('x'))];
  const namespaces = (turns: readonly Turn[], from = 0): string[] =>
    talk(turns, { from }).map((f) => f.record.namespace);

  test('follow SELECT, in the order of the answers', () => {
    assert.deepEqual(namespaces([...get(0), ...select(1, '5'), ...get(2)]), ['0', '5', '5']);
    assert.deepEqual(namespaces([...select(0, '99', '-ERR DB index is out of range\r\n'), ...get(1)]), ['99', '0']);
    const pipelined = [
      ask(0, command('GET', 'a')),
      ask(1, command('SELECT', '3')),
      ask(2, command('INCR', 'a')),
      answer(0, bulk('x')),
      answer(1, '+OK\r\n'),
      answer(2, ':1\r\n'),
    ];
    assert.deepEqual(namespaces(pipelined), ['0', '3', '3']);
  });

  test('are not known where a SELECT may have gone unseen', () => {
    assert.deepEqual(namespaces([...get(0), ...get(1), ...get(2)], 4), ['', ''], 'joined midway');
    const queued = [
      ask(0, command('MULTI')),
      answer(0, '+OK\r\n'),
      ask(1, command('SELECT', '4')),
      answer(1, '+QUEUED\r\n'),
      ask(2, command('EXEC')),
      answer(2, array('+OK\r\n')),
      ...get(3),
    ];
    assert.deepEqual(namespaces(queued), ['0', '4', '', '']);
    const silent = [
      ask(0, command('CLIENT', 'REPLY', 'SKIP')),
      ask(1, command('SELECT', '4')),
      ask(2, command('GET', 'a')),
      answer(2, bulk('x')),
    ];
    assert.deepEqual(namespaces(silent), ['0', '4', '']);
  });

  test('are known again behind SELECT and RESET', () => {
    assert.deepEqual(namespaces([...get(0), ...select(1, '7'), ...get(2)], 4), ['7', '7']);
    const reset = [ask(1, command('RESET')), answer(1, '+RESET\r\n')];
    assert.equal(namespaces([...select(0, '7'), ...reset, ...get(2)]).at(-1), '0');
  });
});

describe('texts', () => {
  test('hide every argument unless told otherwise', () => {
    assert.equal(text(['MSET', 'a', 'secret', 'b', 'secret'], HIDDEN), 'MSET ? ? ? ?');
    assert.equal(text(['EVAL', 'return secret', '0'], HIDDEN), 'EVAL ? ?');
    assert.equal(text(['PING'], HIDDEN), 'PING');
  });

  test('show keys where they are known', () => {
    assert.equal(text(['SET', 'key', 'value', 'EX', '5'], KEYS), 'SET key ? ? ?');
    assert.equal(text(['MSET', 'a', '1', 'b', '2'], KEYS), 'MSET a ? b ?');
    assert.equal(text(['BLPOP', 'a', 'b', '5'], KEYS), 'BLPOP a b ?');
    assert.equal(text(['XINFO', 'STREAM', 's'], KEYS), 'XINFO STREAM s');
    assert.equal(text(['OBJECT', 'ENCODING', 'k'], KEYS), 'OBJECT ENCODING k');
    assert.equal(text(['EVAL', 'script', '1', 'key', 'arg'], KEYS), 'EVAL ? ? ? ?');
    assert.equal(text(['GET', ''], KEYS), 'GET ""');
  });

  test('show values and keep keys hidden', () => {
    const values: Masking = { ...OPEN, keys: true };
    assert.equal(text(['SET', 'key', 'value'], values), 'SET ? value');
    assert.equal(text(['EVAL', 'script', '1', 'key', 'arg'], values), 'EVAL ? ? ? ?');
  });

  test('show everything, quoted where it is no plain word', () => {
    assert.equal(text(['SET', 'a key', 'va"lue'], OPEN), 'SET "a key" "va\\"lue"');
    assert.equal(text(['SET', 'ключ', Buffer.from([1, 255])], OPEN), 'SET ключ "\\x01\\xff"');
    assert.equal(text(['EVAL', 'return 1', '0'], OPEN), 'EVAL "return 1" 0');
    const inline = one('SET "a key" value\r\n', '+OK\r\n', { masking: OPEN });
    assert.equal(attributes(inline)['db.query.text'], 'SET "a key" value');
  });

  test('never show passwords', () => {
    const P = 'correct-horse';
    const commands: string[][] = [
      ['AUTH', P],
      ['auth', 'user', P],
      ['HELLO', '3', 'AUTH', 'user', P, 'SETNAME', 'x'],
      ['ACL', 'SETUSER', 'bob', 'on', `>${P}`],
      ['CONFIG', 'SET', 'requirepass', P],
      ['config', 'set', 'maxmemory', '1mb', 'masterauth', P],
      ['MIGRATE', 'host', '6379', 'key', '0', '1000', 'AUTH', P],
      ['MIGRATE', 'host', '6379', '', '0', '1000', 'AUTH2', 'user', P, 'KEYS', 'a'],
      ['SENTINEL', 'SET', 'master', 'auth-pass', P],
      ['MODULE', 'LOADEX', 'x.so', 'CONFIG', 'password', P],
      ['RENAMED-AUTH', P],
    ];
    for (const words of commands) {
      for (const masking of [HIDDEN, KEYS, OPEN]) {
        for (const request of [command(...words), `${words.map((w) => w || '""').join(' ')}\r\n`]) {
          const [, x] = talk([ask(0, command('PING')), answer(0, '+PONG\r\n'), ask(1, request), answer(1, '+OK\r\n')], {
            masking,
          });
          const said = JSON.stringify([
            x!.record.statement,
            x!.target,
            attributes(x!.record),
            semantics.operation(x!.record, true),
          ]);
          assert.ok(!said.includes(P), said);
        }
      }
    }
  });

  test('are cut at their bound, and say so', () => {
    const x = one(command('SET', 'key', 'v'.repeat(5000)), '+OK\r\n', { masking: OPEN, maxStatementBytes: 100 });
    const said = attributes(x);
    assert.equal(String(said['db.query.text']).length, 100);
    assert.ok(Number(said['spantap.db.query.cut']) >= 4900);
    const many = one(command('DEL', ...Array.from({ length: 500 }, (_, i) => `k${i}`)), ':1\r\n', {
      maxStatementBytes: 100,
    });
    assert.equal(attributes(many)['db.query.text'], `DEL${' ?'.repeat(48)}`);
    assert.ok(Number(attributes(many)['spantap.db.query.cut']) > 0);
  });
});

describe('metrics', () => {
  test('tell known commands apart, and nothing that a client makes up', () => {
    const made = one(command('MADE-UP', 'x'), '-ERR unknown command\r\n');
    const known = talk([
      ask(0, command('PING')),
      answer(0, '+PONG\r\n'),
      ask(1, command('MADE-UP', 'x')),
      answer(1, '-ERR no\r\n'),
    ]);
    assert.equal(made.operation, 'MADE-UP');
    assert.deepEqual(dimensions(known[1]!.record), {
      'db.system.name': 'redis',
      'db.operation.name': '_OTHER',
      'db.namespace': '0',
      'db.response.status_code': 'ERR',
      'server.address': '10.0.0.2',
    });
    assert.notEqual(semantics.seriesKey(known[0]!.record), semantics.seriesKey(known[1]!.record));
  });

  test('key and dimensions go together', () => {
    const series = (...a: Parameters<typeof one>): [number, string] => {
      const x = one(...a);
      return [semantics.seriesKey(x), JSON.stringify(dimensions(x))];
    };
    const all = [
      series(command('GET', 'a'), bulk('x')),
      series(command('GET', 'b'), '$-1\r\n'),
      series(command('GET', 'b'), '-ERR x\r\n'),
      series(command('SET', 'b', 'c'), '+OK\r\n'),
      series(command('CONFIG', 'GET', 'c'), '*0\r\n'),
      series(command('CONFIG', 'SET', 'c', 'd'), '+OK\r\n'),
    ];
    for (const [key, said] of all) for (const [key2, said2] of all) assert.equal(key === key2, said === said2);
  });

  test('the words of errors are bounded', () => {
    const turns = Array.from({ length: 400 }, (_, i) => [
      ask(i, command('EVAL', 'x', '0')),
      answer(i, `-CODE${i} made up\r\n`),
    ]).flat();
    const words = new Set(talk(turns).map((f) => semantics.status(f.record)));
    assert.ok(words.size > 100 && words.size <= 256, `${words.size} words`);
    assert.ok(words.has('_OTHER'));
    assert.equal(semantics.status(one(command('GET', 'a'), '-LOADING x\r\n')), 'LOADING');
  });
});

test('no answer: why', () => {
  const x = new Exchange(redis, new Ends(), -1, 0);
  x.operation = 'GET';
  assert.equal(semantics.status(x), null);
  for (const [outcome, type] of [
    [TIMEOUT, 'timeout'],
    [CLOSED, 'connection_closed'],
  ] as const) {
    x.outcome = outcome;
    assert.equal(semantics.errorType(x, CLIENT), type);
  }
});

describe('CLIENT REPLY', () => {
  const reply = (n: number, ...mode: string[]) => ask(n, command('CLIENT', 'REPLY', ...mode));
  const outcomes = (turns: readonly Turn[]): string[] => talk(turns).map((f) => `${f.target} ${OUTCOMES[f.outcome]}`);

  test('behind SKIP nothing is answered, RESET included', () => {
    const turns = [reply(0, 'SKIP'), ask(1, command('RESET')), ask(2, command('PING')), answer(2, '+PONG\r\n')];
    assert.deepEqual(outcomes(turns), ['CLIENT REPLY one_way', 'RESET one_way', 'PING complete']);
  });

  test('mistakes change nothing', () => {
    const no = '-ERR syntax error\r\n';
    const turns = [
      reply(0, 'OFF', 'x'),
      answer(0, no),
      reply(1, 'FOO'),
      answer(1, no),
      ask(2, command('PING')),
      answer(2, '+PONG\r\n'),
    ];
    assert.deepEqual(outcomes(turns), ['CLIENT REPLY complete', 'CLIENT REPLY complete', 'PING complete']);
  });

  test('what comes first is told first', () => {
    const turns = [
      ask(0, command('PING')),
      reply(1, 'OFF'),
      ask(2, command('INCR', 'a')),
      reply(3, 'ON'),
      answer(0, '+PONG\r\n'),
      answer(3, '+OK\r\n'),
    ];
    assert.deepEqual(outcomes(turns), [
      'PING complete',
      'CLIENT REPLY one_way',
      'INCR one_way',
      'CLIENT REPLY complete',
    ]);
  });

  test('inside a transaction it breaks the array of EXEC: nothing behind it is paired', () => {
    const turns = [
      ask(0, command('MULTI')),
      answer(0, '+OK\r\n'),
      reply(1, 'OFF'),
      answer(1, '+QUEUED\r\n'),
      ask(2, command('EXEC')),
      answer(2, '*1\r\n'),
      reply(3, 'ON'),
      answer(3, '+OK\r\n'),
      ask(4, command('GET', 'a')),
      answer(4, bulk('x')),
    ];
    assert.deepEqual(outcomes(turns), ['MULTI complete', 'CLIENT REPLY lost']);
  });
});

test('a replication link is left alone, wherever it is joined', () => {
  const feed = command('SET', 'key', 'value');
  const turns = [
    mumble(CLIENT_SIDE, feed, feed), // the master has opened the connection, as far as anybody can see
    mumble(SERVER, command('REPLCONF', 'ACK', '10')),
    mumble(CLIENT_SIDE, feed, command('REPLCONF', 'GETACK', '*'), feed),
    mumble(SERVER, command('REPLCONF', 'ACK', '90')),
    mumble(CLIENT_SIDE, feed),
  ];
  for (let from = 3; from < 8; from++) {
    for (const f of talk(turns, { from })) assert.ok(Number.isNaN(f.firstByteNs), `${f.operation} was not answered`);
  }
});

test('ten thousand commands at once, as clients load data, are all followed', () => {
  const commands = Array.from({ length: 10_000 }, (_, i) => command('SET', `key ${i}`, 'v'));
  const turns = [...commands.map((c, i) => ask(i, c)), ...commands.map((_, i) => answer(i, '+OK\r\n'))];
  const config = { ...DEFAULTS, exchanges: { ...DEFAULTS.exchanges, maxInFlight: SETTINGS.exchanges.maxInFlight } };
  const rig = new Rig(config).feed(frames({ name: 'load', turns, expected: [] }, link({ serverPort: 6379 }))).end();
  assert.equal(rig.found.filter((f) => OUTCOMES[f.outcome] === 'complete').length, commands.length);
});
