/** The MySQL protocol as clients and servers speak it, for the conformance kit. */

import { CLOSED, ONE_WAY, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import {
  answer,
  ask,
  type Conversation,
  type Expected,
  fin,
  mumble,
  type Part,
  pause,
  rst,
  type Turn,
} from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import {
  ATTRIBUTES,
  COMPRESS,
  CURSOR,
  chosen,
  column,
  command,
  DEPRECATE_EOF,
  eof,
  error,
  execute,
  greeting,
  hex,
  LENENC_AUTH,
  login,
  MORE_RESULTS,
  ok,
  packed,
  packet,
  prepared,
  query,
  result,
  row,
  sslRequest,
  text,
  u16,
  u32,
  ZSTD,
} from './mysql-packets.ts';

const MYSQL_8 = '8.0.36-0ubuntu0.22.04.1';
const MARIADB_10 = '5.5.5-10.11.6-MariaDB-1:10.11.6+maria~deb12';
/** What servers can do. */
const ALL = -1;

const found = (operation: string, target: string, status = 0, more: Partial<Expected> = {}): Expected => ({
  operation,
  target,
  status,
  ...more,
});
const oneWay = (operation: string, target = ''): Expected => found(operation, target, 0, { outcome: ONE_WAY });
const LOGIN = found('LOGIN', '');

const bye = [fin(CLIENT), fin(SERVER)];

type Row = readonly [Part | Part[], Part | Part[] | null, Expected];

const list = (p: Part | Part[]): Part[] => (Array.isArray(p) ? p : [p]);

/** Greeting and login, then asks and answers in turns. `null`: nothing answers. */
function session(name: string, flags: number, rows: readonly Row[], more: Partial<Conversation> = {}): Conversation {
  const turns: Turn[] = [
    mumble(SERVER, greeting(MYSQL_8, ALL)),
    ask(0, login('app', 'shop', flags)),
    answer(0, ok(2)),
    ...rows.flatMap(([request, reply], i) => [
      ask(i + 1, ...list(request)),
      ...(reply === null ? [] : [answer(i + 1, ...list(reply))]),
    ]),
    ...bye,
  ];
  return { name, turns, expected: [LOGIN, ...rows.map((r) => r[2])], ...more };
}

const plain: Conversation[] = [
  session('one query', 0, [[query('SELECT a FROM t'), result([['1'], ['2']]), found('QUERY', 'SELECT t')]]),
  session('one query without EOF packets', DEPRECATE_EOF, [
    [
      query('SELECT a, b FROM t'),
      result(
        [
          ['1', 'x'],
          ['2', ''],
        ],
        { bare: true },
      ),
      found('QUERY', 'SELECT t'),
    ],
    [query('SELECT a FROM none'), result([], { bare: true }), found('QUERY', 'SELECT none')],
    [command(1), null, oneWay('QUIT')],
  ]),
  session('results of every kind', 0, [
    [
      query('SELECT a, b FROM t'),
      result([
        ['1', 'x'],
        ['', 'y'],
        ['3', 'z'.repeat(300)],
      ]),
      found('QUERY', 'SELECT t'),
    ],
    [query('SELECT a FROM none'), result([]), found('QUERY', 'SELECT none')],
    [query("INSERT INTO t VALUES (1, 'x')"), ok(1), found('QUERY', 'INSERT t')],
    [
      query('SELECT * FROM nowhere'),
      error(1, 1146, "Table 'shop.nowhere' doesn't exist"),
      found('QUERY', 'SELECT nowhere', 1146),
    ],
    // fails in the middle of the rows
    [
      query('SELECT slow FROM t'),
      Buffer.concat([packet(1, 1), column(2, 'a'), eof(3), row(4, 'x'), error(5, 1317)]),
      found('QUERY', 'SELECT t', 1317),
    ],
    [query('UPDATE t SET a = 2'), ok(1, 2, 0, text('Rows matched: 1')), found('QUERY', 'UPDATE t')],
    // NULL in front
    [
      query('SELECT NULL FROM t'),
      Buffer.concat([packet(1, 1), column(2, 'a'), eof(3), packet(4, 0xfb), eof(5)]),
      found('QUERY', 'SELECT t'),
    ],
  ]),
  session('commands', 0, [
    [command(0x0e), ok(1), found('PING', '')],
    [command(0x02, 'other'), ok(1), found('INIT_DB', 'other')],
    [command(0x02, 'none'), error(1, 1049), found('INIT_DB', 'none', 1049)],
    [command(0x05, 'fresh'), ok(1), found('CREATE_DB', 'fresh')],
    [command(0x06, 'fresh'), ok(1), found('DROP_DB', 'fresh')],
    [command(0x09), packet(1, 'Uptime: 71  Threads: 1'), found('STATISTICS', '')],
    [command(0x0a), result([['1', 'root']]), found('PROCESS_INFO', '')],
    [command(0x0c, u32(7)), ok(1), found('PROCESS_KILL', '')],
    [command(0x0d), eof(1), found('DEBUG', '')],
    [command(0x1b, u16(1)), eof(1), found('SET_OPTION', '')],
    [command(0x07, 2), ok(1), found('REFRESH', '')],
    [command(0x04, 't', 0), Buffer.concat([column(1, 'a'), column(2, 'b'), eof(3)]), found('FIELD_LIST', '')],
    [command(0x04, 'v', 0, '%'), error(1, 1146), found('FIELD_LIST', '', 1146)],
    [command(0x1f), ok(1), found('RESET_CONNECTION', '')],
    [command(1), null, oneWay('QUIT')],
  ]),
  session('statements of several results', 0, [
    [
      query('SELECT 1; SELECT 2'),
      Buffer.concat([result([['1']], { status: 2 | MORE_RESULTS }), result([['2']], { from: 6 })]),
      found('QUERY', 'SELECT SELECT'),
    ],
    [
      query('INSERT INTO a VALUES (1); SELECT 2; SELECT * FROM nowhere'),
      Buffer.concat([ok(1, 2 | MORE_RESULTS), result([['2']], { from: 2, status: 2 | MORE_RESULTS }), error(7, 1146)]),
      found('QUERY', 'INSERT a SELECT SELECT nowhere', 1146),
    ],
    [
      query('CALL report()'),
      Buffer.concat([result([['1']], { status: 2 | MORE_RESULTS }), ok(6)]),
      found('QUERY', 'CALL report'),
    ],
  ]),
  session('more than 256 packets, whose numbers begin anew', 0, [
    [
      query('SELECT a FROM many'),
      result(Array.from({ length: 300 }, (_, n) => [String(n)])),
      found('QUERY', 'SELECT many'),
    ],
    [query('SELECT a FROM t'), result([['1']]), found('QUERY', 'SELECT t')],
  ]),
  session('column metadata left out', 0, [
    // MySQL: what follows, then the number of columns
    [
      query('SELECT a FROM t'),
      Buffer.concat([packet(1, 0, 2), eof(2), row(3, 'x', 'y'), eof(4)]),
      found('QUERY', 'SELECT t'),
    ],
    [
      query('SELECT b FROM t'),
      Buffer.concat([packet(1, 1, 2), column(2, 'a'), column(3, 'b'), eof(4), row(5, 'x', 'y'), eof(6)]),
      found('QUERY', 'SELECT t'),
    ],
    // MariaDB: the other way round
    [
      query('SELECT c FROM t'),
      Buffer.concat([packet(1, 2, 0), eof(2), row(3, 'x', 'y'), eof(4)]),
      found('QUERY', 'SELECT t'),
    ],
    [
      query('SELECT d FROM t'),
      Buffer.concat([packet(1, 2, 1), column(2, 'a'), column(3, 'b'), eof(4), row(5, 'x', 'y'), eof(6)]),
      found('QUERY', 'SELECT t'),
    ],
  ]),
];

const logins: Conversation[] = [
  {
    name: 'MariaDB, the plugin is switched',
    turns: [
      mumble(SERVER, greeting(MARIADB_10, ALL)),
      ask(0, login('app', 'shop', LENENC_AUTH)),
      answer(0, packet(2, 0xfe, 'mysql_clear_password', 0)),
      mumble(CLIENT, packet(3, 'secret', 0)),
      answer(0, ok(4)),
      ask(1, query('SELECT 1')),
      answer(1, result([['1']])),
      ...bye,
    ],
    expected: [LOGIN, found('QUERY', 'SELECT')],
  },
  {
    name: 'caching_sha2_password in full',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', '', DEPRECATE_EOF, Buffer.alloc(32, 1))),
      answer(0, packet(2, 1, 4)),
      mumble(CLIENT, packet(3, 2)),
      answer(0, packet(4, 1, '-----BEGIN PUBLIC KEY-----')),
      mumble(CLIENT, packet(5, Buffer.alloc(256, 7))),
      answer(0, ok(6)),
      ask(1, query('SELECT 1')),
      answer(1, result([['1']], { bare: true })),
      ...bye,
    ],
    expected: [LOGIN, found('QUERY', 'SELECT')],
  },
  {
    name: 'caching_sha2_password, remembered',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', '', 0)),
      answer(0, packet(2, 1, 3), ok(3)),
      ...bye,
    ],
    expected: [LOGIN],
  },
  {
    name: 'a wrong password',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, error(2, 1045, 'Access denied')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('LOGIN', '', 1045)],
  },
  {
    name: 'too many connections',
    turns: [mumble(SERVER, packet(0, 0xff, u16(1040), 'Too many connections')), fin(SERVER), fin(CLIENT)],
    expected: [],
  },
  {
    name: 'of before 4.1',
    turns: [
      mumble(SERVER, greeting('4.0.30', 0x2c)),
      ask(0, packet(1, u16(0x0d), hex('000001'), 'app', 0, 'abcdefgh', 0, 'shop', 0)),
      answer(0, packet(2, 0, 0, 0, u16(2))),
      ask(1, query('UPDATE t SET a = 1')),
      answer(1, packet(1, 0, 1, 0, u16(2), 'Rows matched: 1')),
      ...bye,
    ],
    expected: [LOGIN, found('QUERY', 'UPDATE t')],
    fragile: true, // a login of that form is believed only behind its greeting
  },
  {
    name: 'TLS',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      mumble(CLIENT, sslRequest(0)),
      mumble(CLIENT, 'nothing that anybody could read'),
      mumble(SERVER, 'and so is this'),
      ...bye,
    ],
    expected: [],
    fragile: true,
    deceptive: true, // without the request what follows might be anything
  },
  {
    name: 'another user on the same connection',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, command(0x11, 'other', 0, text('x'.repeat(20)), 'stock', 0, u16(33), 'mysql_native_password', 0)),
      answer(1, packet(1, 0xfe, 'caching_sha2_password', 0, 'x'.repeat(20), 0)),
      mumble(CLIENT, packet(2, 'y'.repeat(32))),
      answer(1, packet(3, 1, 3), ok(4)),
      ask(2, query('SELECT 1')),
      answer(2, result([['1']])),
      ...bye,
    ],
    expected: [LOGIN, found('CHANGE_USER', ''), found('QUERY', 'SELECT')],
  },
];

const SELECT = 'SELECT a, b FROM t WHERE a = ?';

function preparedTalk(name: string, flags: number): Conversation {
  const bare = flags !== 0;
  const rows: Row[] = [
    [command(0x16, SELECT), prepared(1, 2, 1, bare), found('STMT_PREPARE', 'SELECT t')],
    [
      execute(1, hex('00 01 fe00'), text('x')),
      result(
        [
          ['1', 'x'],
          ['2', 'y'],
        ],
        { binary: true, bare },
      ),
      found('STMT_EXECUTE', 'SELECT t'),
    ],
    [command(0x16, 'INSERT INTO t VALUES (?)'), prepared(2, 0, 1, bare), found('STMT_PREPARE', 'INSERT t')],
    [command(0x18, u32(2), u16(0), 'piece of a long text'), null, oneWay('STMT_SEND_LONG_DATA', 'INSERT t')],
    [execute(2, hex('00 01 fc00')), ok(1), found('STMT_EXECUTE', 'INSERT t')],
    [command(0x16, 'SELECT b FROM u'), prepared(3, 1, 0, bare), found('STMT_PREPARE', 'SELECT u')],
    [command(0x16, 'COMMIT'), prepared(4, 0, 0, bare), found('STMT_PREPARE', 'COMMIT')],
    [command(0x16, 'SELECT x FROM nowhere'), error(1, 1146), found('STMT_PREPARE', 'SELECT nowhere', 1146)],
    // with a cursor rows come when they are fetched
    [
      command(0x17, u32(3), 1, u32(1)),
      Buffer.concat([packet(1, 1), column(2, 'b'), bare ? ok(3, 2 | CURSOR, 0xfe) : eof(3, 2 | CURSOR)]),
      found('STMT_EXECUTE', 'SELECT u'),
    ],
    [
      command(0x1c, u32(3), u32(2)),
      Buffer.concat([packet(1, 0, 0, text('1')), packet(2, 0, 0, text('2')), bare ? ok(3, 0x82, 0xfe) : eof(3, 0x82)]),
      found('STMT_FETCH', 'SELECT u'),
    ],
    [command(0x1a, u32(3)), ok(1), found('STMT_RESET', 'SELECT u')],
    [execute(77), error(1, 1243), found('STMT_EXECUTE', '', 1243)],
    [command(0x19, u32(1)), null, oneWay('STMT_CLOSE', 'SELECT t')],
    [command(0x19, u32(2)), null, oneWay('STMT_CLOSE', 'INSERT t')],
    [query('SELECT 1'), result([['1']], { bare }), found('QUERY', 'SELECT')],
  ];
  return session(name, flags, rows);
}

const statements: Conversation[] = [
  preparedTalk('prepared statements', 0),
  preparedTalk('prepared statements without EOF packets', DEPRECATE_EOF),
  {
    // MariaDB's clients execute what they have prepared without waiting for its id
    name: 'prepare and execute in one go, in bulk',
    turns: [
      mumble(SERVER, greeting(MARIADB_10, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, command(0x16, 'INSERT INTO t VALUES (?)')),
      ask(2, execute(0xffffffff, hex('00 01 fe00'), text('x'))),
      answer(1, prepared(1, 0, 1)),
      answer(2, ok(1)),
      ask(3, command(0xfa, u32(1), u16(128), hex('fe00'), 0, text('a'), 0, text('b'), 1)),
      answer(3, ok(1)),
      ...bye,
    ],
    expected: [
      LOGIN,
      found('STMT_PREPARE', 'INSERT t'),
      found('STMT_EXECUTE', 'INSERT t'),
      found('STMT_BULK_EXECUTE', 'INSERT t'),
    ],
  },
  session('query attributes', ATTRIBUTES, [
    [command(0x03, 0, 1, 'SELECT a FROM t'), result([['1']]), found('QUERY', 'SELECT t')],
    [
      command(
        0x03,
        3,
        1,
        0b100,
        1,
        hex('fe00'),
        text('n1'),
        hex('0800'),
        text('n2'),
        hex('0600'),
        text('n3'),
        text('v1'),
        u32(5),
        u32(0),
        'SELECT b FROM t',
      ),
      result([['1']]),
      found('QUERY', 'SELECT t'),
    ],
  ]),
  session('a text of 3,000 bytes', 0, [
    [query(`SELECT a FROM t WHERE b = '${'x'.repeat(3000)}'`), result([['1']]), found('QUERY', 'SELECT t')],
  ]),
  session(
    'a statement longer than is kept',
    0,
    [
      [query(`INSERT INTO t VALUES ('${'x'.repeat(20_000)}')`), ok(1), found('QUERY', 'INSERT t')],
      [query('SELECT 1'), result([['1']]), found('QUERY', 'SELECT')],
    ],
    { long: true },
  ),
  session(
    'rows and statements of more than 16 MiB',
    0,
    [
      [query('SELECT blob FROM t'), result([['x'.repeat(0xffffff + 1000)], ['y']]), found('QUERY', 'SELECT t')],
      [query(`INSERT INTO t VALUES ('${'x'.repeat(0xffffff + 100)}')`), ok(2), found('QUERY', 'INSERT t')],
      [query('SELECT 1'), result([['1']]), found('QUERY', 'SELECT')],
    ],
    { long: true },
  ),
];

const files: Conversation[] = [
  {
    name: 'LOAD DATA LOCAL INFILE',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query("LOAD DATA LOCAL INFILE 'x.csv' INTO TABLE t")),
      answer(1, packet(1, 0xfb, 'x.csv')),
      mumble(CLIENT, ...Array.from({ length: 509 }, (_, n) => packet(n + 2, `${n},x\n`)), packet(511)),
      answer(1, ok(512, 2, 0, text('Records: 509'))),
      ask(2, query('SELECT 1')),
      answer(2, result([['1']])),
      ...bye,
    ],
    expected: [LOGIN, found('QUERY', 'LOAD t'), found('QUERY', 'SELECT')],
    deceptive: true, // the file's lines may look like commands
  },
  session('progress of a long statement', 0, [
    [
      query('ALTER TABLE t ENGINE = InnoDB'),
      Buffer.concat([
        packet(1, 0xff, 0xff, 0xff, 1, 1, 2, hex('e80300'), text('copy to tmp table')),
        packet(2, 0xff, 0xff, 0xff, 1, 2, 2, hex('e80300'), text('enabling keys')),
        ok(3),
      ]),
      found('QUERY', 'ALTER TABLE t'),
    ],
    [query('SELECT 1'), result([['1']]), found('QUERY', 'SELECT')],
  ]),
  {
    name: 'a replica',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('replica', '', 0)),
      answer(0, ok(2)),
      ask(1, command(0x15, u32(2), Buffer.alloc(3), u16(3306), u32(0), u32(0))),
      answer(1, ok(1)),
      ask(2, command(0x12, u32(4), u16(0), u32(2), 'binlog.000001')),
      answer(2, packet(1, 0, Buffer.alloc(40, 1))),
      mumble(SERVER, packet(2, 0, Buffer.alloc(60, 2)), packet(3, 0, 'SELECT 1')),
      mumble(CLIENT, packet(0, 0xef, 'acknowledged')),
      mumble(SERVER, packet(4, 0, Buffer.alloc(60, 2))),
      ...bye,
    ],
    expected: [LOGIN, found('REGISTER_SLAVE', ''), found('BINLOG_DUMP', '')],
    fragile: true,
    deceptive: true,
  },
];

const DEFAULT_ROWS = Array.from({ length: 40 }, (_, n) => [`${n} ${'abc'.repeat(n)}`]);

function compressedTalk(name: string, flag: number, how: 'zlib' | 'zstd'): Conversation {
  const answerOf = result(DEFAULT_ROWS, { bare: true });
  const long = query(`SELECT a FROM t WHERE b = '${'x'.repeat(900)}'`);
  const asked = [
    packed(0, query('SELECT a FROM t'), 'stored'),
    packed(0, query(`SELECT a FROM t WHERE c IN (${'1, '.repeat(60)}1)`), how),
    // inner packets begin and end anywhere in the outer ones
    [
      packed(0, long.subarray(0, 2), how),
      packed(1, long.subarray(2, 500), how),
      packed(2, long.subarray(500), 'stored'),
    ],
    packed(0, command(0x0e), 'stored'),
  ];
  const replies = [
    [packed(1, answerOf, how)],
    [
      packed(1, answerOf.subarray(0, 700), how),
      packed(2, answerOf.subarray(700, 705), 'stored'),
      packed(3, answerOf.subarray(705), how),
    ],
    [packed(3, error(1, 1064, 'You have an error in your SQL syntax'), 'stored')],
    [packed(1, ok(1), 'stored')],
  ];
  const inner = [
    query('SELECT a FROM t'),
    query(`SELECT a FROM t WHERE c IN (${'1, '.repeat(60)}1)`),
    long,
    command(0x0e),
  ];
  const answers = [answerOf, answerOf, error(1, 1064, 'You have an error in your SQL syntax'), ok(1)];
  const sizes = (i: number): Partial<Expected> => ({
    requestBytes: inner[i]!.length,
    responseBytes: answers[i]!.length,
  });
  const expected = [
    found('QUERY', 'SELECT t', 0, sizes(0)),
    found('QUERY', 'SELECT t', 0, sizes(1)),
    found('QUERY', 'SELECT t', 1064, sizes(2)),
    found('PING', '', 0, sizes(3)),
  ];
  return session(
    name,
    flag | DEPRECATE_EOF,
    asked.map((a, i) => [a, replies[i]!, expected[i]!]),
  );
}

const compressed: Conversation[] = [
  compressedTalk('compressed with zlib', COMPRESS, 'zlib'),
  compressedTalk('compressed with zstd', ZSTD, 'zstd'),
  {
    ...session('compressed, a row far longer than what is decompressed', COMPRESS, [
      [
        packed(0, query('SELECT a FROM t'), 'stored'),
        bigRow(),
        found('QUERY', 'SELECT t', 0, { requestBytes: 20, responseBytes: result([['x'.repeat(5_000_000)]]).length }),
      ],
      [
        packed(0, command(0x0e), 'stored'),
        packed(1, ok(1), 'stored'),
        found('PING', '', 0, { requestBytes: 5, responseBytes: 11 }),
      ],
    ]),
    long: true,
  },
];

/** As servers do it: what fits into their buffer, then the rest of the row at once, then the end. */
function bigRow(): Buffer {
  const all = result([['x'.repeat(5_000_000)]]);
  return Buffer.concat([
    packed(1, all.subarray(0, 16384)),
    packed(2, all.subarray(16384, all.length - 20)),
    packed(3, all.subarray(all.length - 20)),
  ]);
}

const endings: Conversation[] = [
  session('databases', 0, [
    [query('USE other'), ok(1), found('QUERY', 'USE other')],
    [query('SELECT a FROM t'), result([['1']]), found('QUERY', 'SELECT t')],
    [query('CALL switches()'), chosen(1, 'third'), found('QUERY', 'CALL switches')],
    [query('SELECT b FROM t'), result([['1']]), found('QUERY', 'SELECT t')],
  ]),
  {
    name: 'the server goes because nothing was asked for hours',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query('SELECT 1')),
      answer(1, result([['1']])),
      pause(20_000),
      mumble(SERVER, packet(0, 0xff, u16(4031), '#HY000The client was disconnected by the server')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [LOGIN, found('QUERY', 'SELECT')],
  },
  {
    name: 'closed without an answer',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query('SELECT SLEEP(100)')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [LOGIN, found('QUERY', 'SELECT', 0, { outcome: CLOSED, end: 'close' })],
  },
  {
    name: 'reset within the rows',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query('SELECT a FROM t')),
      answer(1, Buffer.concat([packet(1, 1), column(2, 'a'), eof(3), row(4, 'x')])),
      rst(CLIENT),
    ],
    expected: [LOGIN, found('QUERY', 'SELECT t', -1, { outcome: RESET, end: 'close' })],
  },
  {
    name: 'answered after the patience has ended',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query('SELECT a FROM slow')),
      pause(130_000),
      answer(1, result([['1'], ['2']])),
      ask(2, query('SELECT 1')),
      answer(2, result([['1']])),
      ...bye,
    ],
    expected: [LOGIN, found('QUERY', 'SELECT slow', 0, { outcome: TIMEOUT, end: 120_000 }), found('QUERY', 'SELECT')],
    fragile: true,
  },
  {
    name: 'the capture ends within the rows',
    turns: [
      mumble(SERVER, greeting(MYSQL_8, ALL)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ask(1, query('SELECT a FROM t')),
      answer(1, Buffer.concat([packet(1, 1), column(2, 'a'), eof(3), row(4, 'x')])),
    ],
    expected: [LOGIN, found('QUERY', 'SELECT t', -1, { outcome: TRUNCATED, end: 'unseen' })],
  },
];

export const conversations: readonly Conversation[] = [
  ...plain,
  ...logins,
  ...statements,
  ...files,
  ...compressed,
  ...endings,
];
