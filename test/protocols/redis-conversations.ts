/** RESP 2 and 3 as clients and servers speak it, for the conformance kit. */

import { CLOSED, ONE_WAY, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import { errorStatus } from '../../src/protocols/redis/status.ts';
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
  type Saying,
} from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';

/** A request as clients send it: an array of bulk strings. */
export const command = (...words: (string | Buffer)[]): Buffer =>
  Buffer.concat([
    Buffer.from(`*${words.length}\r\n`),
    ...words.flatMap((w) => [Buffer.from(`$${Buffer.byteLength(w)}\r\n`), Buffer.from(w), Buffer.from('\r\n')]),
  ]);
export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
export const array = (...elements: string[]): string => `*${elements.length}\r\n${elements.join('')}`;

/** Statuses: the type byte of a reply, or a number for the first word of an error. */
export const STATUS = 43;
export const INTEGER = 58;
export const BULK = 36;
export const ARRAY = 42;
export const error = (word: string): number => errorStatus(Buffer.from(`${word} `), 0, word.length + 1);

const found = (operation: string, status: number, more: Partial<Expected> = {}): Expected => ({
  operation: operation.split(' ')[0]!,
  target: operation,
  status,
  ...more,
});

const bye = [fin(CLIENT), fin(SERVER)];
const OK = '+OK\r\n';

/** Asks and answers in turns, and the client goes. */
function serial(
  name: string,
  rows: [Part | Part[], Part | Part[], Expected][],
  more: Partial<Conversation> = {},
): Conversation {
  const turns: Saying[] = rows.flatMap(([request, reply], i) => [
    ask(i, ...(Array.isArray(request) ? request : [request])),
    answer(i, ...(Array.isArray(reply) ? reply : [reply])),
  ]);
  return { name, turns: [...turns, ...bye], expected: rows.map((r) => r[2]), ...more };
}

const plain: Conversation[] = [
  serial('one command', [[command('GET', 'key'), bulk('value'), found('GET', BULK)]]),
  serial('kinds of replies', [
    [command('SET', 'key', 'value'), OK, found('SET', STATUS)],
    [command('get', 'key'), ['$5\r\n', free('value\r\n')], found('GET', BULK)],
    [command('GET', 'none'), '$-1\r\n', found('GET', BULK)],
    [command('INCR', 'n'), ':1\r\n', found('INCR', INTEGER)],
    [command('DECR', 'n'), ':-17\r\n', found('DECR', INTEGER)],
    [command('LRANGE', 'l', '0', '-1'), array(bulk('a'), bulk(''), ':3\r\n'), found('LRANGE', ARRAY)],
    [command('LRANGE', 'none', '0', '-1'), '*0\r\n', found('LRANGE', ARRAY)],
    [command('BLPOP', 'l', '1'), '*-1\r\n', found('BLPOP', ARRAY)],
    [command('GET', ''), bulk(''), found('GET', BULK)],
  ]),
  serial('errors', [
    [command('INCR', 'text'), '-ERR value is not an integer or out of range\r\n', found('INCR', error('ERR'))],
    [command('LPUSH', 'k', 'v'), '-WRONGTYPE Operation against a key\r\n', found('LPUSH', error('WRONGTYPE'))],
    [
      command('EVALSHA', 'a'.repeat(40), '0'),
      '-NOSCRIPT No matching script.\r\n',
      found(`EVALSHA ${'a'.repeat(40)}`, error('NOSCRIPT')),
    ],
    [command('FCALL', 'f', '0'), '-MINE alone\r\n', found('FCALL f', error('MINE'))],
    [command('GET', 'k'), '-LOADING\r\n', found('GET', error('LOADING'))],
    [command('PING'), `-ERR ${'long '.repeat(500)}\r\n`, found('PING', error('ERR'))],
    [command('ECHO', 'x'), bulk('x'), found('ECHO', BULK)],
  ]),
  serial('redirects of a cluster', [
    [command('GET', 'a'), '-MOVED 3999 127.0.0.1:6381\r\n', found('GET', error('MOVED'))],
    [command('ASKING'), OK, found('ASKING', STATUS)],
    [command('SET', 'a', 'b'), '-ASK 3999 127.0.0.1:6382\r\n', found('SET', error('ASK'))],
  ]),
  serial('nested arrays', [
    [
      command('COMMAND', 'DOCS', 'get'),
      array(array(array(array(bulk('deep')), '*0\r\n'), ':1\r\n'), '*-1\r\n', array(':2\r\n', '$-1\r\n')),
      found('COMMAND DOCS', ARRAY),
    ],
    [command('CLUSTER', 'SLOTS'), `${'*1\r\n'.repeat(200)}:5\r\n`, found('CLUSTER SLOTS', ARRAY)],
    [command('PING'), '+PONG\r\n', found('PING', STATUS)],
  ]),
  serial('words of two parts', [
    [command('CLIENT', 'SETINFO', 'LIB-NAME', 'x'), OK, found('CLIENT SETINFO', STATUS)],
    [command('config', 'get', 'maxmemory'), array(bulk('maxmemory'), bulk('0')), found('CONFIG GET', ARRAY)],
    [command('XINFO', 'STREAM', 's'), '-ERR no such key\r\n', found('XINFO STREAM', error('ERR'))],
    [command('JSON.GET', 'doc', '$'), bulk('[]'), found('JSON.GET', BULK)],
  ]),
  serial(
    'commands that nobody knows',
    [
      [command('GET', 'a'), '$-1\r\n', found('GET', BULK)],
      [command('CLIENT', 'WHATEVER'), '-ERR unknown subcommand\r\n', found('CLIENT', error('ERR'))],
      [command('Made.Up-1', 'x'), '-ERR unknown command\r\n', found('MADE.UP-1', error('ERR'))],
    ],
    { fragile: true }, // they do not show who is the client
  ),
  serial(
    'values that look like replies and requests',
    [
      [command('SET', 'k', '*1\r\n$4\r\nPING\r\n'), OK, found('SET', STATUS)],
      [command('GETRANGE', 'k', '0', '9'), bulk('+OK\r\n:1\r\n'), found('GETRANGE', BULK)],
      [command('LRANGE', 'l', '0', '1'), array(bulk('GET'), bulk('key')), found('LRANGE', ARRAY)],
      [command('HGETALL', 'h'), array(bulk('message'), bulk('a'), bulk('b'), bulk('c')), found('HGETALL', ARRAY)],
      [command('LPOP', 'l', '3'), array(bulk('message'), bulk('a'), bulk('b')), found('LPOP', ARRAY)],
      [command('GET', Buffer.from([0, 255, 13, 10, 36])), '$-1\r\n', found('GET', BULK)],
    ],
    { deceptive: true },
  ),
];

const pipelines: Conversation[] = [
  {
    name: 'pipelining',
    turns: [
      ask(0, command('SET', 'a', '1')),
      ask(1, command('INCR', 'a')),
      ask(2, command('HGETALL', 'h')),
      answer(0, OK),
      ask(3, command('GET', 'a')),
      answer(1, ':2\r\n'),
      answer(2, array(bulk('f'), bulk('v'))),
      answer(3, bulk('2')),
      ...bye,
    ],
    expected: [found('SET', STATUS), found('INCR', INTEGER), found('HGETALL', ARRAY), found('GET', BULK)],
  },
  {
    name: 'a transaction',
    turns: [
      ask(0, command('WATCH', 'a')),
      answer(0, OK),
      ask(1, command('MULTI')),
      ask(2, command('SET', 'a', '1')),
      ask(3, command('LPUSH', 'a', '1')),
      ask(4, command('EXEC')),
      answer(1, OK),
      answer(2, '+QUEUED\r\n'),
      answer(3, '+QUEUED\r\n'),
      answer(4, array(OK, '-WRONGTYPE Operation\r\n')),
      ask(5, command('UNWATCH')),
      answer(5, OK),
      ...bye,
    ],
    expected: [
      found('WATCH', STATUS),
      found('MULTI', STATUS),
      found('SET', STATUS),
      found('LPUSH', STATUS),
      found('EXEC', ARRAY),
      found('UNWATCH', STATUS),
    ],
  },
  {
    name: 'CLIENT REPLY',
    turns: [
      ask(0, command('PING')),
      ask(1, command('CLIENT', 'REPLY', 'OFF')),
      ask(2, command('SET', 'a', '1')),
      ask(3, command('CLIENT', 'REPLY', 'ON')),
      answer(0, '+PONG\r\n'),
      answer(3, OK),
      ask(4, command('CLIENT', 'REPLY', 'SKIP')),
      ask(5, command('INCR', 'a')),
      ask(6, command('GET', 'a')),
      answer(6, bulk('2')),
      ask(7, command('CLIENT', 'REPLY', 'off')),
      ask(8, command('DECR', 'a')),
      ask(9, command('RESET')),
      answer(9, '+RESET\r\n'),
      ask(10, command('EXISTS', 'a')),
      answer(10, ':1\r\n'),
      ...bye,
    ],
    expected: [
      found('PING', STATUS),
      found('CLIENT REPLY', 0, { outcome: ONE_WAY, end: 'unseen' }),
      found('SET', 0, { outcome: ONE_WAY, end: 'unseen' }),
      found('CLIENT REPLY', STATUS),
      found('CLIENT REPLY', 0, { outcome: ONE_WAY, end: 'unseen' }),
      found('INCR', 0, { outcome: ONE_WAY, end: 'unseen' }),
      found('GET', BULK),
      found('CLIENT REPLY', 0, { outcome: ONE_WAY, end: 'unseen' }),
      found('DECR', 0, { outcome: ONE_WAY, end: 'unseen' }),
      found('RESET', STATUS),
      found('EXISTS', INTEGER),
    ],
    fragile: true, // what is lost may be what turns the replies on and off
  },
];

const lines: Conversation[] = [
  serial(
    'inline commands',
    [
      ['PING\r\n', '+PONG\r\n', found('PING', STATUS)],
      ['SET key "a value" EX 5\r\n', OK, found('SET', STATUS)],
      ['get key\n', bulk('a value'), found('GET', BULK)],
      ['config get maxmemory  \r\n', array(bulk('maxmemory'), bulk('0')), found('CONFIG GET', ARRAY)],
      ["ECHO 'it is' quoted\r\n", '-ERR wrong number of arguments\r\n', found('ECHO', error('ERR'))],
      ['nonsense here\r\n', "-ERR unknown command 'nonsense'\r\n", found('NONSENSE', error('ERR'))],
      [`RPUSH list ${'element '.repeat(400)}\r\n`, ':400\r\n', found('RPUSH', INTEGER)],
      ['EXISTS key\r\n', ':1\r\n', found('EXISTS', INTEGER)],
    ],
    { fragile: true },
  ), // a line that is no known command is not believed behind a hole
  {
    name: 'empty lines and empty commands',
    turns: [
      ask(0, command('GET', 'a')),
      answer(0, bulk('1')),
      mumble(CLIENT, '\r\n*0\r\n\r\n*-1\r\n'),
      ask(1, command('GET', 'b')),
      answer(1, bulk('2')),
      mumble(SERVER, '\n\n'),
      ask(2, command('DEL', 'b')),
      answer(2, ':1\r\n'),
      ...bye,
    ],
    expected: [found('GET', BULK), found('GET', BULK), found('DEL', INTEGER)],
    fragile: true, // what is no command says nothing of the protocol
  },
];

const subscribed = (kind: string, channel: string, n: number): string =>
  array(bulk(kind), channel === '' ? '$-1\r\n' : bulk(channel), `:${n}\r\n`);
const message = (channel: string, text: string): string => array(bulk('message'), bulk(channel), bulk(text));
const patterned = (text: string): string => array(bulk('pmessage'), bulk('n*'), bulk('news'), bulk(text));

const publishing: Conversation[] = [
  {
    name: 'subscriptions and messages in RESP2',
    turns: [
      ask(0, command('SUBSCRIBE', 'news', 'sport', 'weather')),
      answer(0, subscribed('subscribe', 'news', 1)),
      mumble(SERVER, message('news', 'in between')),
      answer(0, subscribed('subscribe', 'sport', 2), subscribed('subscribe', 'weather', 3)),
      mumble(SERVER, message('sport', 'one')),
      ask(1, command('PSUBSCRIBE', 'n*')),
      answer(1, subscribed('psubscribe', 'n*', 4)),
      mumble(SERVER, message('news', 'two'), patterned('two')),
      ask(2, command('PING')),
      mumble(SERVER, message('news', 'three')),
      answer(2, array(bulk('pong'), bulk(''))),
      ask(3, command('GET', 'x')),
      mumble(SERVER, patterned('four')),
      answer(3, "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING\r\n"),
      ask(4, command('UNSUBSCRIBE', 'sport')),
      answer(4, subscribed('unsubscribe', 'sport', 3)),
      ask(5, command('UNSUBSCRIBE')),
      answer(5, subscribed('unsubscribe', 'news', 2), subscribed('unsubscribe', 'weather', 1)),
      mumble(SERVER, patterned('five')),
      ask(6, command('PUNSUBSCRIBE')),
      answer(6, subscribed('punsubscribe', 'n*', 0)),
      ask(7, command('UNSUBSCRIBE')),
      answer(7, subscribed('unsubscribe', '', 0)),
      ask(8, command('GET', 'x')),
      answer(8, bulk('y')),
      ...bye,
    ],
    expected: [
      found('SUBSCRIBE', ARRAY, {
        responseBytes: 103, // the message between the acknowledgements is none of it
      }),
      found('PSUBSCRIBE', ARRAY),
      found('PING', ARRAY),
      found('GET', error('ERR')),
      found('UNSUBSCRIBE', ARRAY),
      found('UNSUBSCRIBE', ARRAY),
      found('PUNSUBSCRIBE', ARRAY),
      found('UNSUBSCRIBE', ARRAY),
      found('GET', BULK),
    ],
    fragile: true,
  },
  {
    name: 'sharded channels, a refusal, and RESET',
    turns: [
      ask(0, command('SSUBSCRIBE', 'orders')),
      answer(0, subscribed('ssubscribe', 'orders', 1)),
      mumble(SERVER, array(bulk('smessage'), bulk('orders'), bulk('x'))),
      ask(1, command('SUBSCRIBE', 'secret')),
      answer(1, '-NOPERM this user has no permissions to access one of the channels\r\n'),
      ask(2, command('SUNSUBSCRIBE')),
      answer(2, subscribed('sunsubscribe', 'orders', 0)),
      ask(3, command('SUBSCRIBE', 'a')),
      answer(3, subscribed('subscribe', 'a', 1)),
      ask(4, command('RESET')),
      answer(4, '+RESET\r\n'),
      ask(5, command('LRANGE', 'l', '0', '2')),
      answer(5, array(bulk('message'), bulk('is'), bulk('a value'))),
      ...bye,
    ],
    expected: [
      found('SSUBSCRIBE', ARRAY),
      found('SUBSCRIBE', error('NOPERM')),
      found('SUNSUBSCRIBE', ARRAY),
      found('SUBSCRIBE', ARRAY),
      found('RESET', STATUS),
      found('LRANGE', ARRAY),
    ],
    fragile: true,
  },
  {
    name: 'MONITOR',
    turns: [
      ask(0, command('MONITOR')),
      answer(0, OK),
      mumble(SERVER, '+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"\r\n'),
      mumble(SERVER, '+1339518087.877697 [0 127.0.0.1:60866] "dbsize"\r\n'),
      ask(1, command('PING')),
      mumble(SERVER, '+1339518090.420270 [0 lua] "set" "x" "7"\r\n'),
      answer(1, '+PONG\r\n'),
      ...bye,
    ],
    expected: [found('MONITOR', STATUS), found('PING', STATUS)],
  },
];

const resp3: Conversation[] = [
  {
    name: 'RESP3',
    turns: [
      ask(0, command('HELLO', '3', 'AUTH', 'user', 'secret')),
      answer(0, '%2\r\n', bulk('server'), bulk('redis'), bulk('proto'), ':3\r\n'),
      ask(1, command('GET', 'none')),
      answer(1, '_\r\n'),
      mumble(SERVER, '>2\r\n', bulk('invalidate'), array(bulk('key'))),
      ask(2, command('SMEMBERS', 's')),
      answer(2, '~3\r\n', bulk('a'), '#t\r\n', ',1.5e3\r\n'),
      ask(3, command('SUBSCRIBE', 'a', 'b')),
      answer(3, '>3\r\n', bulk('subscribe'), bulk('a'), ':1\r\n', '>3\r\n', bulk('subscribe'), bulk('b'), ':2\r\n'),
      ask(4, command('LRANGE', 'l', '0', '2')),
      mumble(SERVER, '>3\r\n', bulk('message'), bulk('a'), bulk('text')),
      answer(4, array(bulk('message'), bulk('of'), bulk('mine'))),
      ask(5, command('ZSCORE', 'z', 'm')),
      answer(5, ',inf\r\n'),
      ask(6, command('LOLWUT')),
      answer(6, '=8\r\ntxt:', free('four\r\n')),
      ask(7, command('INCRBY', 'n', '1')),
      answer(7, '(3492890328409238509324850943850943825024385\r\n'),
      ask(8, command('EVAL', 'return 1', '0')),
      answer(8, '!21\r\nSYNTAX invalid syntax\r\n'),
      ask(9, command('EXISTS', 'n')),
      answer(9, '#f\r\n'),
      ask(10, command('HGETALL', 'h')),
      mumble(SERVER, '|1\r\n', bulk('ttl'), ':3600\r\n'),
      answer(10, '%1\r\n', bulk('f'), '|1\r\n+inner\r\n:1\r\n', bulk('v')),
      ask(11, command('PING')),
      answer(11, '+PONG\r\n'),
      ...bye,
    ],
    expected: [
      found('HELLO', 37),
      found('GET', 95),
      found('SMEMBERS', 126),
      found('SUBSCRIBE', 62),
      found('LRANGE', ARRAY),
      found('ZSCORE', 44),
      found('LOLWUT', 61),
      found('INCRBY', 40),
      found('EVAL', error('SYNTAX')),
      found('EXISTS', 35),
      found('HGETALL', 37),
      found('PING', STATUS),
    ],
    fragile: true,
  },
  serial(
    'streamed strings and aggregates',
    [
      [command('HELLO', '3'), `%1\r\n${bulk('proto')}:3\r\n`, found('HELLO', 37)],
      [
        command('GET', 'k'),
        ['$?\r\n;4\r\n', free('Hell\r\n'), ';6\r\n', free('o worl\r\n'), ';1\r\nd\r\n;0\r\n'],
        found('GET', BULK),
      ],
      [
        command('LRANGE', 'l', '0', '-1'),
        '*?\r\n:1\r\n*2\r\n:2\r\n*?\r\n.\r\n$?\r\n;2\r\nab\r\n;0\r\n%?\r\n+a\r\n:1\r\n.\r\n.\r\n',
        found('LRANGE', ARRAY),
      ],
      [command('PING'), '+PONG\r\n', found('PING', STATUS)],
    ],
    { fragile: true },
  ),
];

const endings: Conversation[] = [
  {
    name: 'nobody answers',
    turns: [
      ask(0, command('GET', 'a')),
      answer(0, bulk('1')),
      ask(1, command('BLPOP', 'q', '0')),
      pause(130_000),
      answer(1, array(bulk('q'), bulk('late'))),
      ask(2, command('LLEN', 'q')),
      answer(2, ':0\r\n'),
      ...bye,
    ],
    expected: [found('GET', BULK), found('BLPOP', 0, { outcome: TIMEOUT, end: 120_000 }), found('LLEN', INTEGER)],
  },
  {
    name: 'closed and reset without an answer',
    turns: [ask(0, command('GET', 'a')), answer(0, bulk('1')), ask(1, command('DEBUG', 'SEGFAULT')), ...bye],
    expected: [found('GET', BULK), found('DEBUG SEGFAULT', 0, { outcome: CLOSED, end: 'close' })],
  },
  {
    name: 'reset inside a reply',
    turns: [ask(0, command('GET', 'a')), answer(0, '$10\r\n', free('12345')), rst(SERVER)],
    expected: [found('GET', BULK, { outcome: RESET, end: 'close' })],
    fragile: true,
  },
  {
    name: 'a reply that never ends',
    turns: [ask(0, command('LRANGE', 'l', '0', '-1')), answer(0, '*3\r\n:1\r\n')],
    expected: [found('LRANGE', ARRAY, { outcome: TRUNCATED, end: 'unseen' })],
    fragile: true,
  },
  {
    name: 'SHUTDOWN',
    turns: [
      ask(0, command('PING')),
      answer(0, '+PONG\r\n'),
      ask(1, command('SHUTDOWN', 'NOSAVE')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('PING', STATUS), found('SHUTDOWN', 0, { outcome: ONE_WAY, end: 'unseen' })],
    fragile: true,
  },
  {
    name: 'QUIT',
    turns: [ask(0, command('QUIT')), answer(0, OK), fin(SERVER), fin(CLIENT)],
    expected: [found('QUIT', STATUS)],
  },
];

const feed = (n: number): string => command('SET', `key${n}`, 'value').toString();
const replication: Conversation[] = [
  {
    name: 'a replica follows its master',
    turns: [
      ask(0, command('PING')),
      answer(0, '+PONG\r\n'),
      ask(1, command('REPLCONF', 'listening-port', '6380')),
      answer(1, OK),
      ask(2, command('PSYNC', '?', '-1')),
      answer(2, '+FULLRESYNC 8371445ee47bce42ccd5b2a1c3b1d0d8f7f3f6a1 0\r\n'),
      mumble(SERVER, '\n\n$20\r\nREDIS0009 not a bulk', feed(1), feed(2)),
      mumble(CLIENT, command('REPLCONF', 'ACK', '10')),
      mumble(SERVER, feed(3), command('REPLCONF', 'GETACK', '*')),
      mumble(CLIENT, command('REPLCONF', 'ACK', '90')),
      ...bye,
    ],
    expected: [found('PING', STATUS), found('REPLCONF', STATUS), found('PSYNC', STATUS)],
    fragile: true,
  },
  {
    name: 'slots that move to another node',
    turns: [
      ask(0, command('AUTH', 'secret')),
      answer(0, '+OK\r\n'),
      ask(1, command('CLUSTER', 'SYNCSLOTS', 'ESTABLISH')),
      answer(1, '+OK\r\n'),
      mumble(CLIENT, command('CLUSTER', 'SYNCSLOTS', 'ACK')),
      mumble(SERVER, command('CLUSTER', 'SYNCSLOTS', 'REQUEST-PAUSE')),
      mumble(CLIENT, command('CLUSTER', 'SYNCSLOTS', 'PAUSED')),
      mumble(SERVER, command('CLUSTER', 'SYNCSLOTS', 'REQUEST-FAILOVER')),
      mumble(CLIENT, feed(3)),
      ...bye,
    ],
    expected: [found('AUTH', STATUS), found('CLUSTER SYNCSLOTS', STATUS)],
    fragile: true,
  },
  {
    name: 'a replica that is refused',
    turns: [
      ask(0, command('PSYNC', '?', '-1')),
      answer(0, '-NOMASTERLINK No link with my own master\r\n'),
      ask(1, command('PING')),
      answer(1, '+PONG\r\n'),
      ...bye,
    ],
    expected: [found('PSYNC', error('NOMASTERLINK')), found('PING', STATUS)],
    fragile: true,
  },
];

const MEGABYTES = Buffer.alloc(10 << 20, 'x');
const large: Conversation[] = [
  {
    name: 'values of 10 MiB',
    turns: [
      ask(0, `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${MEGABYTES.length}\r\n`, free(MEGABYTES), free('\r\n')),
      answer(0, OK),
      ask(1, command('GET', 'big')),
      answer(1, `$${MEGABYTES.length}\r\n`, free(MEGABYTES), free('\r\n')),
      ask(2, command('DEL', 'big')),
      answer(2, ':1\r\n'),
      ...bye,
    ],
    expected: [found('SET', STATUS), found('GET', BULK), found('DEL', INTEGER)],
    long: true,
  },
  {
    name: 'an array of 100,000 elements',
    turns: [
      ask(0, command('LRANGE', 'l', '0', '-1')),
      answer(0, '*100000\r\n', Buffer.from(bulk('element').repeat(50_000) + ':12\r\n*1\r\n:5\r\n'.repeat(25_000))),
      ask(1, command('PING')),
      answer(1, '+PONG\r\n'),
      ...bye,
    ],
    expected: [found('LRANGE', ARRAY), found('PING', STATUS)],
    long: true,
  },
  {
    name: 'a thousand keys',
    turns: [
      ask(0, command('MGET', ...Array.from({ length: 1000 }, (_, i) => `key:${i}`))),
      answer(0, `*1000\r\n${'$-1\r\n'.repeat(1000)}`),
      ask(1, command('PING')),
      answer(1, '+PONG\r\n'),
      ...bye,
    ],
    expected: [found('MGET', ARRAY), found('PING', STATUS)],
    long: true,
  },
];

export const conversations: readonly Conversation[] = [
  ...plain,
  ...pipelines,
  ...lines,
  ...publishing,
  ...resp3,
  ...endings,
  ...replication,
  ...large,
];
