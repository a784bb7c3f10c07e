/** What MySQL exchanges mean: names, attributes, errors, texts, databases, and what must never leave the wire. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { CLOSED, Ends, Exchange, RESET, TIMEOUT } from '../../src/exchange/exchange.ts';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { mysql } from '../../src/protocols/mysql/index.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, type Conversation, fin, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT as CLIENT_END, isData, SERVER } from '../kit/frame.ts';
import { DEFAULTS, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import {
  ATTRIBUTES,
  chosen,
  column,
  command,
  DEPRECATE_EOF,
  eof,
  error,
  execute,
  greeting,
  hex,
  login,
  MORE_RESULTS,
  ok,
  packet,
  prepared,
  query,
  result,
  row,
  text,
  u16,
  u32,
} from './mysql-packets.ts';

const { semantics } = mysql;

interface Options {
  readonly version?: string;
  readonly flags?: number;
  readonly port?: number;
  readonly database?: string;
  readonly rig?: Partial<typeof DEFAULTS>;
  /** Data frames that are lost, counted from the greeting (0) on. */
  readonly lost?: readonly number[];
}

/** All that is found when a client logs in and asks these, in the order in which it was asked. */
function exchanges(pairs: readonly (readonly [Buffer, Buffer | null])[], o: Options = {}): Exchange[] {
  const turns: Turn[] = [
    mumble(SERVER, greeting(o.version ?? '8.0.36', -1)),
    ask(0, login('app', o.database ?? 'shop', o.flags ?? 0, 'hunter2 is the answer')),
    answer(0, ok(2)),
    ...pairs.flatMap(([q, r], i) => (r === null ? [ask(i + 1, q)] : [ask(i + 1, q), answer(i + 1, r)])),
    fin(CLIENT_END),
    fin(SERVER),
  ];
  const talk: Conversation = { name: 'one', turns, expected: [] };
  let n = 0;
  const kept = frames(talk, link({ serverPort: o.port ?? 3306 })).filter(
    (f) => !isData(f) || o.lost?.includes(n++) !== true,
  );
  const rig = new Rig({ ...DEFAULTS, ...o.rig }).feed(kept).wait(1).end();
  return rig.found.sort((a, b) => a.startNs - b.startNs).map((f) => f.record);
}

/** The exchange of that request. */
const exchange = (request: Buffer, reply: Buffer | null = ok(1), o: Options = {}): Exchange =>
  exchanges([[request, reply]], o)[1]!;

const UNMASKED = { masking: { literals: false, comments: false, keys: false } };

const rawly = (x: Exchange): string => semantics.operation(x, true);
const masked = (x: Exchange): string => semantics.operation(x, false);

describe('attributes', () => {
  const sql = "SELECT a FROM t WHERE name = 'Alice' AND n IN (1, 2, 3)";

  test('of a query', () => {
    const x = exchange(query(sql), result([['1'], ['2'], ['3']]));
    assert.deepEqual(attributes(x), {
      'db.system.name': 'mysql',
      'db.namespace': 'shop',
      'db.query.summary': 'SELECT t',
      'db.query.text': 'SELECT a FROM t WHERE name = ? AND n IN (?)',
      'db.response.returned_rows': 3,
      'server.address': '10.0.0.2',
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'SELECT t');
    assert.equal(semantics.errorType(x, CLIENT), '');
    assert.equal(semantics.status(x), '0');
    assert.equal(semantics.path(x), 'SELECT t');
  });

  test('of one that failed, on another port', () => {
    const x = exchange(query('SELECT * FROM nowhere'), error(1, 1146, 'no such table'), { port: 3307 });
    assert.deepEqual(attributes(x), {
      'db.system.name': 'mysql',
      'db.namespace': 'shop',
      'db.query.summary': 'SELECT nowhere',
      'db.query.text': 'SELECT * FROM nowhere',
      'spantap.db.response.sqlstate': '42000',
      'db.response.status_code': '1146',
      'server.address': '10.0.0.2',
      'server.port': 3307,
    });
    assert.equal(semantics.errorType(x, CLIENT), '1146');
    assert.equal(semantics.status(x), '1146');
    assert.equal(x.failed, true);
  });

  test('of commands', () => {
    const x = exchange(command(0x0e));
    assert.deepEqual(attributes(x), {
      'db.system.name': 'mysql',
      'db.namespace': 'shop',
      'db.operation.name': 'PING',
      'server.address': '10.0.0.2',
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'PING');
  });

  test('of MariaDB', () => {
    const x = exchange(query(sql), result([['1']]), { version: '5.5.5-10.11.6-MariaDB-log' });
    assert.equal(attributes(x)['db.system.name'], 'mariadb');
    assert.equal(dimensions(x)['db.system.name'], 'mariadb');
    assert.equal(attributes(exchange(query(sql), ok(1), { version: '11.4.2-MariaDB' }))['db.system.name'], 'mariadb');
  });

  test('of a statement that is cut', () => {
    const long = `SELECT a FROM t WHERE b = '${'é'.repeat(4000)}'`;
    const x = exchange(query(long), ok(1), { rig: UNMASKED });
    const shown = attributes(x);
    assert.equal(Buffer.byteLength(x.statement) + x.statementCut, Buffer.byteLength(long)); // no half characters
    assert.equal(shown['spantap.db.query.cut'], x.statementCut);
    assert.doesNotMatch(x.statement, /�/);
    assert.equal(shown['db.query.summary'], 'SELECT t');
    assert.equal(attributes(exchange(query(long)))['db.query.text'], 'SELECT a FROM t WHERE b = ?');
  });

  test('rows of all results', () => {
    const two = Buffer.concat([result([['1'], ['2']], { status: 2 | MORE_RESULTS }), result([['3']], { from: 7 })]);
    assert.equal(attributes(exchange(query('SELECT 1; SELECT 2'), two))['db.response.returned_rows'], 3);
    assert.equal(attributes(exchange(query('SELECT 1'), result([])))['db.response.returned_rows'], 0);
    const bare = result([['1'], ['2']], { bare: true });
    assert.equal(
      attributes(exchange(query('SELECT 1'), bare, { flags: DEPRECATE_EOF }))['db.response.returned_rows'],
      2,
    );
  });
});

describe('metrics', () => {
  test('have what tells series apart', () => {
    const x = exchange(query('SELECT a FROM t WHERE b = 5'), error(1, 1205), { port: 3307 });
    assert.deepEqual(dimensions(x), {
      'db.system.name': 'mysql',
      'db.namespace': 'shop',
      'db.query.summary': 'SELECT t',
      'db.response.status_code': '1205',
      'server.address': '10.0.0.2',
      'server.port': 3307,
    });
    assert.deepEqual(dimensions(exchange(command(0x0e))), {
      'db.system.name': 'mysql',
      'db.namespace': 'shop',
      'db.operation.name': 'PING',
      'server.address': '10.0.0.2',
    });
  });

  test('series', () => {
    const key = (sql: string, reply: Buffer | null = ok(1), o: Options = {}): number =>
      semantics.seriesKey(exchange(query(sql), reply, o));
    assert.equal(key('SELECT a FROM t WHERE b = 5'), key('SELECT c FROM t WHERE b = 6'));
    const others = [
      key('SELECT a FROM t'),
      key('SELECT a FROM u'),
      key('SELECT a FROM t', error(1, 1205)),
      key('SELECT a FROM t', error(1, 1206)),
      key('SELECT a FROM t', ok(1), { database: 'other' }),
      key('SELECT a FROM t', ok(1), { version: '10.6.1-MariaDB' }),
      key('SELECT a FROM t', null),
      semantics.seriesKey(exchange(command(0x0e))),
    ];
    assert.equal(new Set(others).size, others.length);
  });
});

describe('operations', () => {
  test('raw and without values', () => {
    const x = exchange(query("SELECT * FROM t WHERE a = 'Alice' /* from the shop */"));
    assert.equal(rawly(x), "QUERY SELECT * FROM t WHERE a = 'Alice' /* from the shop */");
    assert.equal(masked(x), 'QUERY SELECT * FROM t WHERE a = ?');
    assert.equal(rawly(exchange(command(0x02, 'other'))), 'INIT_DB other');
    assert.equal(rawly(exchange(command(0x04, 't', 0), eof(1))), 'FIELD_LIST');
    assert.equal(rawly(exchange(command(1), null)), 'QUIT');
    assert.equal(rawly(exchanges([])[0]!), 'LOGIN user=app db=shop');
    assert.equal(rawly(exchanges([], { database: '' })[0]!), 'LOGIN user=app db=');
  });

  test('of prepared statements', () => {
    const sql = "SELECT a FROM t WHERE b = ? AND c = 'Alice'";
    const [, prepare, run, reset, close] = exchanges([
      [command(0x16, sql), prepared(9, 1, 1)],
      [execute(9, hex('00 01 fe00'), text('secret parameter')), result([['1']], { binary: true })],
      [command(0x1a, u32(9)), ok(1)],
      [command(0x19, u32(9)), null],
    ]);
    assert.equal(rawly(prepare!), `STMT_PREPARE ${sql}`);
    assert.equal(rawly(run!), `STMT_EXECUTE ${sql}`);
    assert.equal(masked(run!), 'STMT_EXECUTE SELECT a FROM t WHERE b = ? AND c = ?');
    assert.equal(rawly(reset!), 'STMT_RESET');
    assert.equal(rawly(close!), 'STMT_CLOSE');
    for (const x of [prepare!, run!, reset!, close!]) {
      assert.equal(attributes(x)['db.query.summary'], 'SELECT t');
      assert.equal(attributes(x)['db.query.text'], 'SELECT a FROM t WHERE b = ? AND c = ?');
      assert.doesNotMatch(JSON.stringify(x.detail) + x.statement + x.target, /parameter/);
    }
  });

  test('of a statement that nobody saw prepared', () => {
    const x = exchange(execute(5));
    assert.equal(rawly(x), 'STMT_EXECUTE');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'STMT_EXECUTE');
    assert.equal(attributes(x)['db.operation.name'], 'STMT_EXECUTE');
  });

  test('of one that was closed, whose number is given again', () => {
    const found = exchanges([
      [command(0x16, 'SELECT a FROM t'), prepared(1, 1, 0)],
      [command(0x19, u32(1)), null],
      [execute(1), error(1, 1243)],
      [command(0x16, 'SELECT b FROM u'), prepared(1, 1, 0)],
      [execute(1), result([['1']], { binary: true })],
    ]);
    assert.deepEqual(found.map(rawly).slice(3), [
      'STMT_EXECUTE',
      'STMT_PREPARE SELECT b FROM u',
      'STMT_EXECUTE SELECT b FROM u',
    ]);
  });

  test('of one that was executed before its number was known, and in bulk', () => {
    const sql = 'INSERT INTO t VALUES (?, ?)';
    const rows = hex('00 02 6161 00 01000000  00 02 6262 01  02 03');
    const found = exchanges([
      [command(0x16, sql), prepared(3, 0, 2)],
      [execute(0xffffffff), ok(1)],
      [command(0xfa, u32(3), u16(128), hex('fe00 0300'), rows), ok(1)],
      // types are those of the time before
      [command(0xfa, u32(3), u16(0), rows), ok(1)],
    ]);
    assert.equal(rawly(found[2]!), `STMT_EXECUTE ${sql}`);
    assert.equal(rawly(found[3]!), `STMT_BULK_EXECUTE ${sql}`);
    assert.equal(attributes(found[3]!)['db.operation.batch.size'], 3);
    assert.equal(attributes(found[4]!)['db.operation.batch.size'], undefined);
  });

  test('behind query attributes', () => {
    const attribute = [hex('fe00'), text('name'), text('a value of mine')];
    const x = exchange(command(0x03, 1, 1, 0, 1, ...attribute, 'SELECT a FROM t'), ok(1), { flags: ATTRIBUTES });
    assert.equal(rawly(x), 'QUERY SELECT a FROM t');
    const beyond = exchange(command(0x03, 200, 1, 'SELECT a FROM t'), ok(1), { flags: ATTRIBUTES });
    assert.equal(rawly(beyond), 'QUERY');
    assert.equal(beyond.statementCut, 17);
  });
});

describe('databases', () => {
  const namespaces = (pairs: readonly (readonly [Buffer, Buffer | null])[], o: Options = {}): string[] =>
    exchanges(pairs, o)
      .slice(1)
      .map((x) => x.namespace);
  const SELECT: readonly [Buffer, Buffer] = [query('SELECT 1'), ok(1)];

  test('are those that the server said yes to', () => {
    assert.deepEqual(
      namespaces([
        SELECT,
        [command(0x02, 'other'), ok(1)],
        SELECT,
        [command(0x02, 'none'), error(1, 1049)],
        SELECT,
        [query('USE `third`'), ok(1)],
        SELECT,
        [query('USE none'), error(1, 1049)],
        SELECT,
        [query('SELECT 1; USE fourth'), Buffer.concat([result([['1']], { status: 2 | MORE_RESULTS }), ok(6)])],
        SELECT,
        [query('DROP DATABASE fourth'), ok(1)],
        SELECT,
        [command(0x11, 'x', 0, text(''), 'fifth', 0), ok(1)],
        SELECT,
        [command(0x1f), ok(1)],
        SELECT,
        [command(0x06, 'fifth'), ok(1)],
        SELECT,
      ]),
      [
        ['shop', 'shop', 'other', 'other', 'other', 'other', 'third', 'third', 'third', 'third', 'fourth', 'fourth'],
        ['', 'fifth', 'fifth', 'fifth', 'fifth', 'fifth', ''],
      ].flat(),
    );
  });

  test('are those that the server tells of', () => {
    assert.deepEqual(namespaces([[query('CALL switches()'), chosen(1, 'other')], SELECT]), ['shop', 'other']);
  });

  test('are not guessed behind a loss', () => {
    const talk: [Buffer, Buffer][] = [
      SELECT as [Buffer, Buffer],
      [query('USE other'), ok(1)],
      SELECT as [Buffer, Buffer],
    ];
    // frames: greeting, login, OK, SELECT, OK, USE, OK, SELECT, OK
    for (const lost of [5, 6]) assert.equal(namespaces(talk, { lost: [lost] }).at(-1), '', `without frame ${lost}`);
    assert.equal(namespaces(talk, { lost: [4] }).at(-1), 'other');
    assert.deepEqual(namespaces([SELECT, SELECT], { lost: [2] }), ['', '']);
    const half = query('SELECT 1; USE other');
    const failed = Buffer.concat([result([['1']], { status: 2 | MORE_RESULTS }), error(6, 1049)]);
    assert.equal(namespaces([[half, failed], SELECT]).at(-1), '');
  });

  test('of statements sent without waiting', () => {
    const turns: Turn[] = [
      mumble(SERVER, greeting('8.0.36', -1)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query('USE other')),
      ask(2, query('SELECT 1')),
      ask(3, query('USE none')),
      ask(4, query('SELECT 2')),
      answer(1, ok(1)),
      answer(2, ok(1)),
      answer(3, error(1, 1049)),
      answer(4, ok(1)),
      fin(CLIENT_END),
      fin(SERVER),
    ];
    const { found } = new Rig().feed(frames({ name: 'x', turns, expected: [] }, link({ serverPort: 3306 }))).end();
    const [, use, first, , second] = found.sort((a, b) => a.startNs - b.startNs).map((f) => f.record.namespace);
    // with two changes under way neither is believed
    assert.deepEqual([use, first, second], ['', '', '']);
  });
});

describe('statements behind a loss', () => {
  const talk: [Buffer, Buffer | null][] = [
    [command(0x16, 'SELECT a FROM t'), prepared(1, 1, 0)],
    [query('SELECT 1'), ok(1)],
    [execute(1), ok(1)],
  ];
  // frames: greeting, login, OK, prepare, its answer, query, its answer, execute, its answer
  test('of requests: the statement may be another one', () => {
    assert.equal(rawly(exchanges(talk, { lost: [5] }).at(-1)!), 'STMT_EXECUTE');
    assert.equal(rawly(exchanges(talk, { lost: [3] }).at(-1)!), 'STMT_EXECUTE');
  });
  test('of answers: those that were told before stay', () => {
    assert.equal(rawly(exchanges(talk, { lost: [6] }).at(-1)!), 'STMT_EXECUTE SELECT a FROM t');
    assert.equal(rawly(exchanges(talk, { lost: [4] }).at(-1)!), 'STMT_EXECUTE');
  });
});

describe('secrets', () => {
  test('of the login are not kept', () => {
    for (const x of exchanges([[command(0x11, 'x', 0, text('hunter2 again'), 'shop', 0), ok(1)]])) {
      assert.doesNotMatch(inspect(x, { depth: null, maxStringLength: null }) + rawly(x), /hunter2/);
    }
  });

  test('in statements do not leave, not even unmasked', () => {
    for (const sql of [
      "CREATE USER app IDENTIFIED BY 'hunter2'",
      "ALTER USER app@'%' IDENTIFIED WITH mysql_native_password BY 'hunter2'",
      "SET PASSWORD FOR app = PASSWORD('hunter2')",
      "GRANT ALL ON *.* TO app IDENTIFIED BY 'hunter2'",
      "CHANGE MASTER TO MASTER_PASSWORD='hunter2'",
    ]) {
      const x = exchange(query(sql), ok(1), { rig: UNMASKED });
      assert.doesNotMatch(rawly(x), /hunter2/);
      assert.doesNotMatch(masked(x), /hunter2/);
      assert.doesNotMatch(JSON.stringify(attributes(x)), /hunter2/);
    }
  });

  test('literals leave only when masking is off', () => {
    const sql = "SELECT a FROM t WHERE b = 'Alice' -- why";
    assert.equal(attributes(exchange(query(sql)))['db.query.text'], 'SELECT a FROM t WHERE b = ?');
    assert.equal(attributes(exchange(query(sql), ok(1), { rig: UNMASKED }))['db.query.text'], sql);
    const commented = { masking: { literals: true, comments: false, keys: true } };
    assert.match(
      String(attributes(exchange(query(sql), ok(1), { rig: commented }))['db.query.text']),
      /^SELECT a FROM t WHERE b = \? -- why$/,
    );
  });
});

describe('what was not answered', () => {
  test('has no status, and a reason', () => {
    for (const [outcome, reason] of [
      [TIMEOUT, 'timeout'],
      [RESET, 'connection_reset'],
      [CLOSED, 'connection_closed'],
    ] as const) {
      const x = new Exchange(mysql, new Ends(), -1, 0);
      x.operation = 'QUERY';
      x.outcome = outcome;
      assert.equal(semantics.status(x), null);
      assert.equal(semantics.errorType(x, CLIENT), reason);
    }
  });

  test('of which only the beginning was seen, neither', () => {
    const begun = Buffer.concat([packet(1, 1), column(2, 'a'), eof(3), row(4, 'x')]);
    const x = exchange(query('SELECT a FROM t'), begun);
    assert.equal(semantics.status(x), null);
    assert.equal(semantics.errorType(x, CLIENT), 'connection_closed');
    assert.equal('db.response.status_code' in attributes(x), false);
  });
});

test('the trace context in a comment', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const x = exchange(query(`SELECT 1 /*traceparent='${traceparent}',tracestate='a%3Db'*/`));
  assert.equal(semantics.context(x)?.traceparent, traceparent);
  assert.equal(semantics.context(x)?.tracestate, 'a=b');
  assert.equal(semantics.context(exchange(query('SELECT 1'))), null);
});
