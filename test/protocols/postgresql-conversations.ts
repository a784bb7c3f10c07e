/** PostgreSQL's protocol as clients and servers speak it, for the conformance kit. */

import { CLOSED, ONE_WAY, OPEN, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import { PENDING, packSqlstate } from '../../src/protocols/postgresql/sqlstate.ts';
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
  type Turn,
} from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import {
  authentication,
  bind,
  bound,
  cancelRequest,
  closed,
  closePortal,
  closeStatement,
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  copyFail,
  copyInResponse,
  copyOutResponse,
  describePortal,
  describeStatement,
  emptyQuery,
  error,
  execute,
  flush,
  functionCall,
  functionResult,
  gssRequest,
  keyData,
  noData,
  notice,
  notification,
  parameterDescription,
  parse,
  parsed,
  password,
  query,
  ready,
  row,
  rowDescription,
  setting,
  sslRequest,
  startup,
  suspended,
  sync,
  terminate,
} from './postgresql-messages.ts';

const bye = [mumble(CLIENT, terminate), fin(CLIENT), fin(SERVER)];

export const code = (sqlstate: string): number => packSqlstate(Buffer.from(sqlstate), 0);
const OK = code('00000');

/** The connection begins: exchange 0. */
const welcome = Buffer.concat([authentication(0), setting('server_version', '15.8'), keyData, ready()]);
const login: Turn[] = [ask(0, startup({ user: 'alice', database: 'shop' })), answer(0, welcome)];
const loggedIn: Expected = { operation: 'STARTUP', target: '', status: OK };

const simple = (target: string, more: Partial<Expected> = {}): Expected => ({
  operation: 'QUERY',
  target,
  status: OK,
  ...more,
});
const executed = (target: string, more: Partial<Expected> = {}): Expected => ({
  operation: 'EXECUTE',
  target,
  status: OK,
  ...more,
});
const prepared = (target: string, more: Partial<Expected> = {}): Expected => ({
  operation: 'PARSE',
  target,
  status: OK,
  ...more,
});

/** What a simple query for one row is answered with. */
const oneRow = Buffer.concat([rowDescription('n'), row('1'), complete('SELECT 1'), ready()]);

/** A row of one value; the loss of what it holds costs nothing. */
function largeRow(length: number): Part[] {
  const whole = row('Z'.repeat(length));
  return [whole.subarray(0, whole.length - length), free(whole.subarray(whole.length - length))];
}

const beginnings: Conversation[] = [
  {
    name: 'trusted',
    turns: [...login, ...bye],
    expected: [loggedIn],
  },
  {
    name: 'scram-sha-256',
    turns: [
      ask(0, startup({ user: 'alice', database: 'shop', application_name: 'test' })),
      answer(0, authentication(10, 'SCRAM-SHA-256\0\0')),
      mumble(CLIENT, password('SCRAM-SHA-256\0\0\0\0 n,,n=,r=nonce')),
      answer(0, authentication(11, 'r=nonce,s=salt,i=4096')),
      mumble(CLIENT, password('c=biws,r=nonce,p=proof')),
      answer(0, authentication(12, 'v=signature'), authentication(0)),
      answer(0, setting('client_encoding', 'UTF8'), setting('TimeZone', 'UTC'), keyData, ready()),
      ask(1, query('SELECT a FROM x1')),
      answer(1, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('SELECT x1')],
  },
  {
    name: 'wrong password',
    turns: [
      ask(0, startup({ user: 'alice' })),
      answer(0, authentication(5, 'salt')),
      mumble(CLIENT, password('md5c0ffee')),
      answer(0, error('28P01', 'password authentication failed', 'FATAL')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [{ ...loggedIn, status: code('28P01') }],
  },
  {
    name: 'encryption refused twice',
    turns: [
      mumble(CLIENT, gssRequest),
      mumble(SERVER, 'N'),
      mumble(CLIENT, sslRequest),
      mumble(SERVER, 'N'),
      ...login,
      ask(1, query('SELECT a FROM y1')),
      answer(1, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('SELECT y1')],
  },
  {
    name: 'encryption granted',
    turns: [
      mumble(CLIENT, sslRequest),
      mumble(SERVER, 'S'),
      mumble(CLIENT, Buffer.from(`160301002f010000${'2b'.repeat(40)}`, 'hex')),
      mumble(SERVER, Buffer.from(`160303002f020000${'2b'.repeat(40)}`, 'hex')),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [],
  },
  {
    name: 'a request to cancel',
    turns: [ask(0, cancelRequest), fin(SERVER), fin(CLIENT)],
    expected: [{ operation: 'CANCEL', status: 0, outcome: ONE_WAY, end: 'unseen' }],
  },
  {
    name: 'replication is let go',
    turns: [
      ask(0, startup({ user: 'alice', replication: 'database', database: 'shop' }, 0x30002)),
      answer(0, welcome),
      ask(1, query('IDENTIFY_SYSTEM')),
      answer(1, oneRow),
      ask(2, query('START_REPLICATION SLOT s LOGICAL 0/0')),
      answer(2, copyBothResponse),
      mumble(SERVER, free(Buffer.concat([copyData('w123456789'), copyData('k123')]))),
      mumble(CLIENT, free(copyData('r12345'))),
      mumble(SERVER, free(copyData('w12345'))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [loggedIn, simple(''), simple('')],
    fragile: true, // from the middle of the stream nothing is known
  },
];

const simpleQueries: Conversation[] = [
  {
    name: 'simple queries',
    turns: [
      ...login,
      ask(1, query('BEGIN')),
      answer(1, complete('BEGIN'), ready('T')),
      ask(2, query("INSERT INTO q2 VALUES ('x', 1)")),
      answer(2, complete('INSERT 0 1'), ready('T')),
      ask(3, query('SELECT n, name FROM q3')),
      answer(3, rowDescription('n', 'name'), row('1', 'one'), row('2', null), complete('SELECT 2'), ready('T')),
      ask(4, query('SELECT nothing FROM q4')),
      answer(4, error('42703'), ready('E')),
      ask(5, query('SELECT n FROM q5')),
      answer(5, error('25P02'), ready('E')),
      ask(6, query('COMMIT')),
      answer(6, complete('ROLLBACK'), ready()),
      ask(7, query('')),
      answer(7, emptyQuery, ready()),
      ...bye,
    ],
    expected: [
      loggedIn,
      simple('BEGIN'),
      simple('INSERT q2'),
      simple('SELECT q3'),
      simple('SELECT q4', { status: code('42703') }),
      simple('SELECT q5', { status: code('25P02') }),
      simple('COMMIT'),
      simple(''),
    ],
  },
  {
    name: 'several statements in one query, the second fails',
    turns: [
      ...login,
      ask(1, query('SELECT n FROM m1; SELECT n / 0 FROM m2; SELECT n FROM m3')),
      answer(1, rowDescription('n'), row('1'), complete('SELECT 1'), rowDescription('n'), error('22012'), ready()),
      ask(2, query('SELECT n FROM m4')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('SELECT m1 SELECT m2 SELECT m3', { status: code('22012') }), simple('SELECT m4')],
  },
  {
    name: 'pipelined',
    turns: [
      ...login,
      ask(1, query('SELECT n FROM p1')),
      ask(2, query('SELECT n FROM p2')),
      answer(1, oneRow),
      ask(3, query('SELECT n FROM p3')),
      answer(2, error('42P01'), ready()),
      answer(3, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('SELECT p1'), simple('SELECT p2', { status: code('42P01') }), simple('SELECT p3')],
  },
  {
    name: 'what the server says unasked',
    turns: [
      ...login,
      ask(1, query('LISTEN news')),
      answer(1, complete('LISTEN'), ready()),
      mumble(SERVER, notification('news', 'first')),
      ask(2, query('SELECT n FROM u2')),
      mumble(SERVER, notification('news', 'second'), notice('01000')),
      answer(2, oneRow),
      mumble(SERVER, setting('TimeZone', 'Europe/Berlin'), notification('news', '')),
      ask(3, query('SELECT n FROM u3')),
      answer(3, rowDescription('n'), notice('00000'), row('1'), complete('SELECT 1'), ready()),
      ...bye,
    ],
    expected: [loggedIn, simple('LISTEN'), simple('SELECT u2'), simple('SELECT u3')],
  },
  {
    name: 'rows of 100 kB',
    turns: [
      ...login,
      ask(1, query('SELECT t FROM big1')),
      answer(1, rowDescription('t')),
      answer(1, ...largeRow(10_000)),
      answer(1, ...largeRow(100_000)),
      answer(1, complete('SELECT 2'), ready()),
      ask(2, query('SELECT n FROM big2')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('SELECT big1'), simple('SELECT big2')],
    long: true,
  },
  {
    name: 'a function call',
    turns: [
      ...login,
      ask(1, functionCall(954, 'abcd', '1234')),
      answer(1, functionResult('result'), ready()),
      ask(2, functionCall(1)),
      answer(2, error('42883'), ready()),
      ask(3, query('SELECT n FROM f3')),
      answer(3, oneRow),
      ...bye,
    ],
    expected: [
      loggedIn,
      { operation: 'FUNCTION', status: OK },
      { operation: 'FUNCTION', status: code('42883') },
      simple('SELECT f3'),
    ],
  },
];

const extendedQueries: Conversation[] = [
  {
    name: 'unnamed statements',
    turns: [
      ...login,
      ask(
        1,
        parse('', 'SELECT n FROM e1 WHERE n = $1', [23]),
        bind('', '', '1'),
        describePortal(''),
        execute(''),
        sync,
      ),
      answer(1, parsed, bound, rowDescription('n'), row('1'), complete('SELECT 1'), ready()),
      ask(2, parse('', 'DELETE FROM e2 WHERE n = $1'), bind('', '', null), describePortal(''), execute(''), sync),
      answer(2, parsed, bound, noData, complete('DELETE 3'), ready()),
      ask(3, parse('', ''), bind('', ''), describePortal(''), execute(''), sync),
      answer(3, parsed, bound, noData, emptyQuery, ready()),
      ...bye,
    ],
    expected: [loggedIn, executed('SELECT e1'), executed('DELETE e2'), executed('')],
  },
  {
    name: 'unnamed statements that fail',
    turns: [
      ...login,
      ask(1, parse('', 'SELECT broken FROM g1'), bind('', ''), describePortal(''), execute(''), sync),
      answer(1, error('42703'), ready()),
      ask(2, parse('', 'SELECT n / 0 FROM g2'), bind('', ''), describePortal(''), execute(''), sync),
      answer(2, parsed, bound, rowDescription('n'), error('22012'), ready()),
      ask(3, query('SELECT n FROM g3')),
      answer(3, oneRow),
      ...bye,
    ],
    expected: [
      loggedIn,
      executed('SELECT g1', { status: code('42703') }),
      executed('SELECT g2', { status: code('22012') }),
      simple('SELECT g3'),
    ],
    fragile: true, // joined there, the error could be that of something asked in front
  },
  {
    name: 'messages one by one',
    turns: [
      ...login,
      ask(1, parse('', 'SELECT n FROM o1')),
      ask(1, bind('', '')),
      ask(1, describePortal('')),
      ask(1, execute('')),
      ask(1, sync),
      answer(1, parsed),
      answer(1, bound),
      answer(1, rowDescription('n')),
      answer(1, row('1')),
      answer(1, complete('SELECT 1')),
      answer(1, ready()),
      ask(2, query('SELECT n FROM o2')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, executed('SELECT o1'), simple('SELECT o2')],
  },
  {
    name: 'prepared once, executed three times',
    turns: [
      ...login,
      ask(1, parse('s1', 'UPDATE r1 SET n = $1'), describeStatement('s1'), sync),
      answer(1, parsed, parameterDescription(23), noData, ready()),
      ask(2, bind('', 's1', 'x'), execute(''), sync),
      answer(2, bound, complete('UPDATE 1'), ready()),
      ask(3, bind('', 's1', 'y'), describePortal(''), execute(''), sync),
      answer(3, bound, noData, complete('UPDATE 1'), ready()),
      ask(4, bind('', 's1', 'z'), execute(''), sync),
      answer(4, bound, error('23505'), ready()),
      mumble(CLIENT, closeStatement('s1'), sync),
      mumble(SERVER, closed, ready()),
      ask(5, query('SELECT n FROM r5')),
      answer(5, oneRow),
      ...bye,
    ],
    expected: [
      loggedIn,
      prepared('UPDATE r1'),
      executed('UPDATE r1'),
      executed('UPDATE r1'),
      executed('UPDATE r1', { status: code('23505') }),
      simple('SELECT r5'),
    ],
    fragile: true, // without its Parse the statement is not known
  },
  {
    name: 'described in between, with Flush',
    turns: [
      ...login,
      ask(1, parse('f', 'SELECT n FROM h1'), describeStatement('f'), flush),
      answer(1, parsed, parameterDescription(), rowDescription('n')),
      ask(2, bind('', 'f'), execute(''), sync),
      answer(2, bound, row('1'), complete('SELECT 1'), ready()),
      ask(3, bind('', 'f'), execute(''), flush),
      answer(3, bound, row('1'), complete('SELECT 1')),
      mumble(CLIENT, sync),
      mumble(SERVER, ready()),
      ask(4, query('SELECT n FROM h4')),
      answer(4, oneRow),
      ...bye,
    ],
    expected: [loggedIn, prepared('SELECT h1'), executed('SELECT h1'), executed('SELECT h1'), simple('SELECT h4')],
    fragile: true,
  },
  {
    name: 'a batch that Sync ends',
    turns: [
      ...login,
      ask(1, parse('', 'BEGIN'), bind('', ''), execute('')),
      ask(2, parse('b', 'INSERT INTO b2 VALUES ($1)'), bind('', 'b', '1'), describePortal(''), execute('')),
      ask(3, bind('', 'b', '2'), execute('')),
      ask(4, parse('', 'SELECT n FROM b4'), bind('', ''), execute(''), sync),
      answer(1, parsed, bound, complete('BEGIN')),
      answer(2, parsed, bound, noData, complete('INSERT 0 1')),
      answer(3, bound, complete('INSERT 0 1')),
      answer(4, parsed, bound, row('1'), row('2'), complete('SELECT 2'), ready('T')),
      ask(5, query('COMMIT')),
      answer(5, complete('COMMIT'), ready()),
      ...bye,
    ],
    expected: [
      loggedIn,
      executed('BEGIN'),
      executed('INSERT b2'),
      executed('INSERT b2'),
      executed('SELECT b4'),
      simple('COMMIT'),
    ],
  },
  {
    name: 'a batch with an error in the middle',
    turns: [
      ...login,
      ask(1, parse('', 'INSERT INTO a1 VALUES (1)'), bind('', ''), execute('')),
      ask(2, parse('', 'INSERT INTO a2 VALUES (1)'), bind('', ''), execute('')),
      ask(3, parse('', 'INSERT INTO a3 VALUES (1)'), bind('', ''), execute('')),
      ask(4, parse('', 'INSERT INTO a4 VALUES (1)'), bind('', ''), execute(''), sync),
      ask(5, parse('', 'INSERT INTO a5 VALUES (1)'), bind('', ''), execute(''), sync),
      answer(1, parsed, bound, complete('INSERT 0 1')),
      answer(2, parsed, bound, error('23502'), ready()),
      answer(5, parsed, bound, complete('INSERT 0 1'), ready()),
      ...bye,
    ],
    expected: [
      loggedIn,
      executed('INSERT a1'),
      executed('INSERT a2', { status: code('23502') }),
      executed('INSERT a3', { status: 0, outcome: ONE_WAY, end: 'unseen' }),
      executed('INSERT a4', { status: 0, outcome: ONE_WAY, end: 'unseen' }),
      executed('INSERT a5'),
    ],
  },
  {
    name: 'the commit fails',
    turns: [
      ...login,
      ask(1, parse('', 'INSERT INTO c1 VALUES (1)'), bind('', ''), execute(''), sync),
      answer(1, parsed, bound, complete('INSERT 0 1'), error('23503'), ready()),
      ask(2, query('SELECT n FROM c2')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, executed('INSERT c1', { status: code('23503') }), simple('SELECT c2')],
    fragile: true, // as above
  },
  {
    name: 'portals, a few rows at a time',
    turns: [
      ...login,
      ask(1, parse('', 'SELECT n FROM t1'), bind('p', ''), describePortal('p'), execute('p', 1), flush),
      answer(1, parsed, bound, rowDescription('n'), row('1'), suspended),
      ask(2, execute('p', 1), flush),
      answer(2, row('2'), suspended),
      ask(3, execute('p', 1), sync),
      answer(3, complete('SELECT 0'), ready()),
      ask(4, query('SELECT n FROM t4')),
      answer(4, oneRow),
      ...bye,
    ],
    expected: [loggedIn, executed('SELECT t1'), executed('SELECT t1'), executed('SELECT t1'), simple('SELECT t4')],
    fragile: true,
  },
  {
    name: 'closed in front of what is asked',
    turns: [
      ...login,
      mumble(CLIENT, closePortal('old'), closeStatement('older')),
      ask(1, parse('', 'SELECT n FROM k1'), bind('', ''), execute(''), sync),
      mumble(SERVER, closed, closed),
      answer(1, parsed, bound, row('1'), complete('SELECT 1'), ready()),
      mumble(CLIENT, sync, sync),
      mumble(SERVER, ready(), ready()),
      ask(2, query('SELECT n FROM k2')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, executed('SELECT k1'), simple('SELECT k2')],
  },
];

const copies: Conversation[] = [
  {
    name: 'copy in',
    turns: [
      ...login,
      ask(1, query('COPY i1 FROM STDIN')),
      answer(1, copyInResponse),
      ask(1, copyData('1\tone\n'), copyData('2\ttwo\n')),
      ask(1, copyDone),
      answer(1, complete('COPY 2'), ready()),
      ask(2, query('COPY i2 FROM STDIN')),
      answer(2, copyInResponse),
      ask(2, copyData('1\tone\n'), copyFail('changed my mind')),
      answer(2, error('57014'), ready()),
      ask(3, query('SELECT n FROM i3')),
      answer(3, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('COPY i1'), simple('COPY i2', { status: code('57014') }), simple('SELECT i3')],
  },
  {
    name: 'copy in, extended: a Sync that is ignored',
    turns: [
      ...login,
      ask(1, parse('', 'COPY j1 FROM STDIN'), bind('', ''), execute(''), sync),
      answer(1, parsed, bound, copyInResponse),
      ask(1, copyData('1\n'), copyDone, sync),
      answer(1, complete('COPY 1'), ready()),
      ask(2, query('SELECT n FROM j2')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, executed('COPY j1'), simple('SELECT j2')],
  },
  {
    name: 'copy out',
    turns: [
      ...login,
      ask(1, query('COPY l1 TO STDOUT')),
      answer(1, copyOutResponse, copyData('1\n'), copyData('2\n'), copyDone, complete('COPY 2'), ready()),
      ask(2, parse('', 'COPY l2 TO STDOUT'), bind('', ''), execute(''), sync),
      answer(2, parsed, bound, copyOutResponse, copyData('1\n'), copyDone, complete('COPY 1'), ready()),
      ...bye,
    ],
    expected: [loggedIn, simple('COPY l1'), executed('COPY l2')],
  },
];

const ends: Conversation[] = [
  {
    name: 'the server goes down',
    turns: [
      ...login,
      ask(1, query('SELECT pg_sleep(100) FROM d1')),
      answer(1, error('57P01', 'terminating connection due to administrator command', 'FATAL')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [loggedIn, simple('SELECT d1', { status: code('57P01') })],
  },
  {
    name: 'reset while waiting',
    turns: [...login, ask(1, query('SELECT n FROM x1')), rst(SERVER)],
    expected: [loggedIn, simple('SELECT x1', { status: 0, outcome: RESET, end: 'close' })],
  },
  {
    name: 'closed while waiting',
    turns: [...login, ask(1, query('SELECT n FROM x1')), fin(CLIENT), fin(SERVER)],
    expected: [loggedIn, simple('SELECT x1', { status: 0, outcome: CLOSED, end: 'close' })],
  },
  {
    name: 'the capture ends',
    turns: [...login, ask(1, query('SELECT n FROM x1')), answer(1, rowDescription('n'), row('1'))],
    expected: [loggedIn, simple('SELECT x1', { status: PENDING, outcome: TRUNCATED, end: 'unseen' })],
    fragile: true,
  },
  {
    name: 'the capture ends before the answer',
    turns: [...login, ask(1, query('SELECT n FROM x1'))],
    expected: [loggedIn, simple('SELECT x1', { status: 0, outcome: OPEN, end: 'capture' })],
  },
  {
    name: 'an answer that comes too late',
    turns: [
      ...login,
      ask(1, query('SELECT n FROM x1')),
      pause(130_000),
      answer(1, oneRow),
      ask(2, query('SELECT n FROM x2')),
      answer(2, oneRow),
      ...bye,
    ],
    expected: [loggedIn, simple('SELECT x1', { status: 0, outcome: TIMEOUT, end: 120_000 }), simple('SELECT x2')],
    fragile: true,
  },
];

export const conversations: Conversation[] = [...beginnings, ...simpleQueries, ...extendedQueries, ...copies, ...ends];
