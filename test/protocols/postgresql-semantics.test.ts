/** What PostgreSQL exchanges mean: texts, names, attributes, errors, what prepared statements stand for, and what must never leave. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMPLETE, Ends, Exchange, ONE_WAY, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { PostgresDetail } from '../../src/protocols/postgresql/exchange-detail.ts';
import { postgresql } from '../../src/protocols/postgresql/index.ts';
import { isError, NO_CODE, PENDING, SUCCESS, sqlstateText } from '../../src/protocols/postgresql/sqlstate.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT as CLIENT_END, type Frame, SERVER as SERVER_END } from '../kit/frame.ts';
import { DEFAULTS, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { code } from './postgresql-conversations.ts';
import {
  authentication,
  bind,
  bound,
  closed,
  closeStatement,
  complete,
  describeStatement,
  error,
  execute,
  functionCall,
  functionResult,
  keyData,
  message,
  noData,
  parse,
  parsed,
  password,
  query,
  ready,
  row,
  rowDescription,
  setting,
  startup,
  suspended,
  sync,
} from './postgresql-messages.ts';

const { semantics } = postgresql;

type Options = Partial<typeof DEFAULTS>;
const UNMASKED: Options = { masking: { literals: false, comments: false, keys: false } };

const login = [
  ask(0, startup({ user: 'alice', database: 'shop' })),
  answer(0, authentication(0), setting('server_version', '15.8'), keyData, ready()),
];

function run(turns: readonly Turn[], o: Options = {}, change = (all: Frame[]): Frame[] => all): Exchange[] {
  const all = frames({ name: '', turns, expected: [] }, link({ serverPort: 5432 }));
  const { found } = new Rig({ ...DEFAULTS, ...o }).feed(change(all)).end();
  return found.sort((a, b) => a.startNs - b.startNs || b.status - a.status).map((f) => f.record);
}

/** What is found behind the login when each of these is asked and answered. */
function exchanges(pairs: readonly (readonly [Buffer, Buffer])[], o: Options = {}): Exchange[] {
  const turns = pairs.flatMap(([q, r], i) => [ask(i + 1, q), answer(i + 1, r)]);
  return run([...login, ...turns], o).slice(1);
}

const done = (tag: string): Buffer => Buffer.concat([complete(tag), ready()]);
const simple = (text: string, o: Options = {}, tag = 'DO'): Exchange => exchanges([[query(text), done(tag)]], o)[0]!;

const unnamed = (text: string): Buffer => Buffer.concat([parse('', text), bind('', ''), execute(''), sync]);
const named = (name: string, ...values: string[]): Buffer =>
  Buffer.concat([bind('', name, ...values), execute(''), sync]);
const prepare = (name: string, text: string): Buffer => Buffer.concat([parse(name, text), sync]);
const executed = Buffer.concat([bound, done('UPDATE 1')]);
const prepared = Buffer.concat([parsed, ready()]);

const textOf = (x: Exchange): unknown => attributes(x)['db.query.text'];
const raw = (x: Exchange): string => semantics.operation(x, true);

function ended(status: number, outcome = COMPLETE): Exchange {
  const x = new Exchange(postgresql, new Ends(), -1, 0);
  x.operation = 'QUERY';
  x.target = 'SELECT orders';
  x.namespace = 'shop';
  x.status = status;
  x.outcome = outcome;
  x.failed = isError(status);
  return x;
}

describe('attributes', () => {
  test('of a simple query', () => {
    const x = exchanges([
      [
        query("SELECT id FROM orders WHERE note = 'x'"),
        Buffer.concat([rowDescription('id'), row('7'), done('SELECT 1')]),
      ],
    ])[0]!;
    assert.deepEqual(attributes(x), {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.query.summary': 'SELECT orders',
      'db.response.returned_rows': 1,
      'server.address': '10.0.0.2',
      'db.query.text': 'SELECT id FROM orders WHERE note = ?',
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'SELECT orders');
    assert.equal(semantics.path(x), 'SELECT orders');
    assert.equal(semantics.errorType(x, CLIENT), '');
    assert.equal(semantics.status(x), '00000');
    assert.equal(x.failed, false);
  });

  test('of an error', () => {
    const x = exchanges([[query('SELECT n FROM nowhere'), Buffer.concat([error('42P01'), ready()])]])[0]!;
    assert.equal(attributes(x)['db.response.status_code'], '42P01');
    assert.equal(semantics.errorType(x, CLIENT), '42P01');
    assert.equal(semantics.status(x), '42P01');
    assert.equal(x.failed, true);
    assert.ok(!('db.response.returned_rows' in attributes(x)));
  });

  test('of the login', () => {
    const x = run(login)[0]!;
    assert.deepEqual(attributes(x), {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.operation.name': 'STARTUP',
      'server.address': '10.0.0.2',
    });
    for (const isRaw of [true, false]) assert.equal(semantics.operation(x, isRaw), 'STARTUP user=alice db=shop');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'STARTUP');
  });

  test('of a statement and its preparation', () => {
    const [p, e] = exchanges([
      [
        Buffer.concat([parse('s', 'UPDATE orders SET n = 1'), describeStatement('s'), sync]),
        Buffer.concat([parsed, noData, ready()]),
      ],
      [named('s'), executed],
    ]) as [Exchange, Exchange];
    assert.equal(attributes(p)['db.operation.name'], 'PARSE');
    assert.equal(attributes(e)['db.operation.name'], undefined);
    for (const x of [p, e]) {
      assert.equal(attributes(x)['db.query.summary'], 'UPDATE orders');
      assert.equal(textOf(x), 'UPDATE orders SET n = ?');
      assert.equal(raw(x), 'UPDATE orders SET n = 1');
    }
    assert.notEqual(semantics.seriesKey(p), semantics.seriesKey(e));
  });

  test('of a function call', () => {
    const x = exchanges([[functionCall(954, 'x'), Buffer.concat([functionResult('y'), ready()])]])[0]!;
    assert.equal(raw(x), 'FUNCTION 954');
    assert.equal(attributes(x)['db.operation.name'], 'FUNCTION');
  });

  test('the database is named like the user when the client does not name it', () => {
    const of = (options: Record<string, string>): string =>
      run([ask(0, startup(options)), answer(0, authentication(0), ready())])[0]!.namespace;
    assert.equal(of({ user: 'alice' }), 'alice');
    assert.equal(of({ database: 'shop', user: 'alice' }), 'shop');
    assert.equal(of({ user: 'alice', replication: 'true' }), '');
    assert.equal(of({ user: 'alice', replication: 'database', database: 'shop' }), 'shop');
  });

  test('joined midway nothing is said of the database', () => {
    const turns = [...login, ask(1, query('SELECT 1')), answer(1, done('SELECT 1'))];
    const [x] = run(turns, {}, (all) => all.slice(-4));
    assert.equal(x!.operation, 'QUERY');
    assert.ok(!('db.namespace' in attributes(x!)));
  });
});

describe('rows', () => {
  const rows = (...turns: Buffer[]): unknown =>
    attributes(exchanges([[query('whatever'), Buffer.concat([...turns, ready()])]])[0]!)['db.response.returned_rows'];

  test('are those that were sent', () => {
    assert.equal(rows(rowDescription('n'), row('1'), row(null), complete('SELECT 2')), 2);
    assert.equal(rows(rowDescription('n'), complete('SELECT 0')), 0);
    assert.equal(rows(rowDescription('n'), row('1'), complete('FETCH 1')), 1);
    assert.equal(rows(rowDescription('n'), row('1'), complete('INSERT 0 1')), 1); // RETURNING
  });
  test('of several statements count together', () =>
    assert.equal(
      rows(rowDescription('n'), row('1'), complete('SELECT 1'), rowDescription('n'), row('1'), complete('SELECT 1')),
      2,
    ));
  test('are none of a statement that returns none', () => {
    assert.equal(rows(complete('UPDATE 5')), undefined);
    assert.equal(rows(complete('CREATE TABLE')), undefined);
  });
  test('of a portal are counted for each Execute', () => {
    const [a, b] = exchanges([
      [
        Buffer.concat([parse('', 'SELECT n FROM t'), bind('p', ''), execute('p', 2), sync]),
        Buffer.concat([parsed, bound, row('1'), row('2'), suspended, ready('T')]),
      ],
      [Buffer.concat([execute('p', 2), sync]), Buffer.concat([row('3'), done('SELECT 1')])],
    ]) as [Exchange, Exchange];
    assert.equal(attributes(a)['db.response.returned_rows'], 2);
    assert.equal(attributes(b)['db.response.returned_rows'], 1);
    assert.equal(b.target, 'SELECT t');
  });
});

describe('metrics', () => {
  test('tell databases, statements and errors apart', () => {
    const ok = ended(SUCCESS);
    assert.deepEqual(dimensions(ok), {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.query.summary': 'SELECT orders',
      'server.address': '0.0.0.0',
      'server.port': 0,
    });
    assert.equal(dimensions(ended(code('40001')))['db.response.status_code'], '40001');
    const others = [ended(code('40001')), ended(code('42P01')), ended(0, TIMEOUT), ended(SUCCESS), ended(SUCCESS)];
    others[3]!.namespace = 'bank';
    others[4]!.target = 'SELECT customers';
    assert.equal(new Set([ok, ...others].map((x) => semantics.seriesKey(x))).size, 6);
    assert.equal(semantics.seriesKey(ended(SUCCESS)), semantics.seriesKey(ok));
  });

  test('a statement that is called like a command is another series', () => {
    const text = ended(SUCCESS);
    text.target = 'EXECUTE';
    const command = ended(SUCCESS);
    command.operation = 'EXECUTE';
    command.target = '';
    assert.notEqual(semantics.seriesKey(text), semantics.seriesKey(command));
    assert.equal(dimensions(command)['db.operation.name'], 'EXECUTE');
  });
});

describe('status', () => {
  test('SQLSTATE as a number and back', () => {
    for (const text of ['00000', '01000', '02000', '22012', '42P01', 'XX000', 'ZZZZZ', 'HV00R']) {
      assert.equal(sqlstateText(code(text)), text);
      assert.equal(isError(code(text)), text >= '02', text);
    }
    assert.equal(code('00000'), SUCCESS);
    assert.equal(code('4 p01'), NO_CODE);
  });
  test('none was seen, or not yet', () => {
    assert.equal(semantics.status(ended(0, TIMEOUT)), null);
    assert.equal(semantics.errorType(ended(0, TIMEOUT), CLIENT), 'timeout');
    assert.equal(semantics.status(ended(PENDING, TRUNCATED)), null);
    assert.equal(semantics.errorType(ended(PENDING, TRUNCATED), CLIENT), '');
  });
  test('an error without a code', () => {
    const x = exchanges([[query('SELECT 1'), Buffer.concat([message('E', 'SERROR\0Mno code\0\0'), ready()])]])[0]!;
    assert.equal(semantics.status(x), '_OTHER');
    assert.equal(semantics.errorType(x, CLIENT), '_OTHER');
    assert.equal(x.failed, true);
  });
  test('a warning is no error, whatever brings it', () => {
    const x = exchanges([[query('SELECT 1'), Buffer.concat([error('01000'), ready()])]])[0]!;
    assert.equal(semantics.status(x), '01000');
    assert.equal(semantics.errorType(x, CLIENT), '');
    assert.equal(x.failed, false);
  });
  test('what an error passed over says so', () => {
    const two = [
      parse('', 'SELECT a'),
      bind('', ''),
      execute(''),
      parse('', 'SELECT b FROM t'),
      bind('', ''),
      execute(''),
    ];
    const [x, y] = exchanges([[Buffer.concat([...two, sync]), Buffer.concat([error('42703'), ready()])]]) as [
      Exchange,
      Exchange,
    ];
    assert.equal(semantics.errorType(x, CLIENT), '42703');
    assert.equal(y.outcome, ONE_WAY);
    assert.equal(semantics.status(y), null);
    assert.equal(semantics.errorType(y, CLIENT), 'pipeline_aborted');
  });
});

describe('what a name stands for', () => {
  const UPDATE = 'UPDATE a SET n = 1';
  const DELETE = 'DELETE FROM b';

  test('the statement that was prepared, until it is closed', () => {
    const all = exchanges([
      [prepare('s', UPDATE), prepared],
      [named('s'), executed],
      [prepare('t', DELETE), prepared],
      [named('t'), executed],
      [named('s'), executed],
      [Buffer.concat([closeStatement('s'), named('s')]), Buffer.concat([closed, executed])],
    ]);
    assert.deepEqual(all.map(raw), [UPDATE, UPDATE, DELETE, DELETE, UPDATE, 'EXECUTE s']);
  });

  test('without a name the last one, until a simple query', () => {
    const all = exchanges([
      [unnamed(UPDATE), Buffer.concat([parsed, executed])],
      [named(''), executed],
      [query('SELECT 1'), done('SELECT 1')],
      [named(''), executed],
    ]);
    assert.deepEqual(all.map(raw), [UPDATE, UPDATE, 'SELECT 1', 'EXECUTE']);
  });

  test('nothing when its Parse failed', () => {
    const all = exchanges([
      [prepare('s', UPDATE), prepared],
      [prepare('s', DELETE), Buffer.concat([error('42P05'), ready()])],
      [named('s'), executed],
      [unnamed('SELEC'), Buffer.concat([error('42601'), ready()])],
      [named(''), Buffer.concat([error('26000'), ready()])],
    ]);
    assert.deepEqual(all.map(raw), [UPDATE, DELETE, 'EXECUTE s', 'SELEC', 'EXECUTE']);
  });

  test('nothing behind what may have given the name another meaning', () => {
    for (const text of [
      'DEALLOCATE ALL',
      'discard all',
      'BEGIN; deallocate s; PREPARE s AS DELETE FROM b',
      `DO 'EXECUTE $$DEALLOCATE s$$'`,
    ]) {
      const all = exchanges([
        [prepare('s', UPDATE), prepared],
        [query(text), done('DISCARD ALL')],
        [named('s'), executed],
      ]);
      assert.deepEqual(all.map(raw), [UPDATE, text, 'EXECUTE s']);
    }
  });

  test('nothing behind a hole', () => {
    const turns = [
      ...login,
      ask(1, prepare('s', UPDATE)),
      answer(1, prepared),
      ask(2, named('s')),
      answer(2, executed),
      ask(3, query('SELECT 1')),
      answer(3, done('DO')),
      ask(4, named('s')),
      answer(4, executed),
    ];
    assert.deepEqual(run(turns).slice(1).map(raw), [UPDATE, UPDATE, 'SELECT 1', UPDATE]);
    // In place of the simple query it could have been prepared anew.
    const lost = (all: Frame[]): Frame[] => all.filter((f) => !f.payload.includes('SELECT 1\0'));
    const found = run(turns, {}, lost).slice(1);
    assert.deepEqual(found.map(raw), [UPDATE, UPDATE, 'EXECUTE s']);
    assert.equal(found[2]!.target, '');
  });

  test('nothing when the name is longer than is kept', () => {
    const long = 's'.repeat(300);
    const all = exchanges([
      [prepare(long, UPDATE), prepared],
      [named(long), executed],
    ]);
    assert.deepEqual(all.map(raw), ['PARSE', 'EXECUTE']);
  });
});

describe('texts', () => {
  test('are cut where a character ends, and say so', () => {
    const small = { ...DEFAULTS, protocols: { ...DEFAULTS.protocols, maxStatementBytes: 64 } };
    const text = `SELECT '${'ä'.repeat(100)}' FROM t`;
    for (const [request, response, more] of [
      [query(text), done('SELECT 1'), 0],
      [unnamed(text), Buffer.concat([parsed, executed]), 0],
    ] as const) {
      const x = exchanges([[request, response]], small)[0]!;
      assert.equal(x.statement, text.slice(0, 8 + 28));
      assert.equal(x.statementCut, Buffer.byteLength(text) - 64 + more);
      assert.equal(attributes(x)['spantap.db.query.cut'], x.statementCut);
      assert.equal(textOf(x), 'SELECT ?');
    }
  });

  test('are masked as the session reads them', () => {
    const turns = [
      ...login,
      ask(1, query('SET standard_conforming_strings = off')),
      answer(1, complete('SET'), setting('standard_conforming_strings', 'off'), ready()),
      ask(2, query(`SELECT 'it\\'s secret' FROM t`)),
      answer(2, done('SELECT 1')),
      ask(3, query('SET standard_conforming_strings = on')),
      answer(3, complete('SET'), setting('standard_conforming_strings', 'on'), ready()),
      ask(4, query(`SELECT '\\' FROM t`)),
      answer(4, done('SELECT 1')),
    ];
    const all = run(turns);
    assert.equal(textOf(all[2]!), 'SELECT ? FROM t');
    assert.equal(textOf(all[4]!), 'SELECT ? FROM t');
  });

  test('show their literals when that is wanted', () => {
    const x = simple("SELECT 'x', 5 /* why */", UNMASKED);
    assert.equal(textOf(x), "SELECT 'x', 5 /* why */");
    assert.equal(semantics.operation(x, false), "SELECT 'x', 5 /* why */");
  });

  test('never have passwords', () => {
    const secret = 'correct-horse';
    for (const o of [{}, UNMASKED]) {
      for (const text of [
        `ALTER ROLE alice PASSWORD '${secret}'`,
        `CREATE USER bob WITH ENCRYPTED PASSWORD '${secret}'`,
      ]) {
        const x = simple(text, o, 'ALTER ROLE');
        for (const shown of [raw(x), semantics.operation(x, false), JSON.stringify(attributes(x)), semantics.path(x)])
          assert.ok(!shown.includes(secret), shown);
      }
    }
    const turns = [
      ask(0, startup({ user: 'alice', database: 'shop', options: `-c secret=${secret}` })),
      answer(0, authentication(3)),
      mumble(CLIENT_END, password(secret)),
      answer(0, error('28P01', `no ${secret}`, 'FATAL')),
      mumble(SERVER_END, ''),
    ];
    const [x] = run(turns.slice(0, 4), UNMASKED);
    assert.equal(semantics.status(x!), '28P01');
    for (const shown of [raw(x!), JSON.stringify(attributes(x!)), JSON.stringify(x!.detail), x!.statement])
      assert.ok(!shown.includes(secret), shown);
  });

  test('parameters are nowhere', () => {
    const x = exchanges([
      [
        Buffer.concat([parse('', 'SELECT $1'), bind('', '', 'attack at dawn'), execute(''), sync]),
        Buffer.concat([parsed, executed]),
      ],
    ])[0]!;
    const { protocol: _, ends: __, ...rest } = x;
    assert.ok(!JSON.stringify([rest, attributes(x), raw(x)]).includes('dawn'));
  });
});

describe('trace context', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const text = `SELECT 1 /*traceparent='${traceparent}',tracestate='a%3Db'*/`;

  test('stands in a comment', () => {
    const x = simple(text);
    assert.deepEqual(semantics.context(x), { traceparent, tracestate: 'a=b', b3: '', uberTraceId: '', sw8: '' });
    assert.equal(semantics.context(simple('SELECT 1')), null);
  });
  test('of a prepared statement is that of its preparation only', () => {
    const [p, first, again] = exchanges([
      [unnamed(text), Buffer.concat([parsed, executed])],
      [Buffer.concat([parse('s', text), bind('', 's'), execute(''), sync]), Buffer.concat([parsed, executed])],
      [named('s'), executed],
    ]) as [Exchange, Exchange, Exchange];
    assert.equal(semantics.context(p)?.traceparent, traceparent);
    assert.equal(semantics.context(first)?.traceparent, traceparent);
    assert.equal(semantics.context(again), null);
  });
});

test('every detail has the same fields in the same order', () => {
  const x = exchanges([[unnamed('SELECT 1'), Buffer.concat([parsed, executed])]])[0]!;
  assert.deepEqual(Object.keys(x.detail as object), Object.keys(new PostgresDetail('postgresql')));
});
