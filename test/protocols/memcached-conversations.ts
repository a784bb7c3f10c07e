/** Memcached's text, meta and binary protocol as clients and servers speak it, for the conformance kit. */

import { CLOSED, ONE_WAY, RESET, TIMEOUT } from '../../src/exchange/exchange.ts';
import { findStatus } from '../../src/protocols/memcached/status.ts';
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

/** The number of a status word. */
export const status = (word: string): number => findStatus(Buffer.from(word), 0, word.length)!.number;

const found = (operation: string, word: string, more: Partial<Expected> = {}): Expected => ({
  operation,
  target: operation,
  status: status(word),
  ...more,
});
const silent = (operation: string): Expected => ({
  operation,
  target: operation,
  status: 0,
  outcome: ONE_WAY,
  end: 'unseen',
});

const bye = [fin(CLIENT), fin(SERVER)];
const parts = (p: Part | Part[]): Part[] => (Array.isArray(p) ? p : [p]);

/** Asks and answers in turns, and the client goes. */
function serial(
  name: string,
  rows: [Part | Part[], Part | Part[], Expected][],
  more: Partial<Conversation> = {},
): Conversation {
  const turns: Saying[] = rows.flatMap(([request, reply], i) => [
    ask(i, ...parts(request)),
    answer(i, ...parts(reply)),
  ]);
  return { name, turns: [...turns, ...bye], expected: rows.map((r) => r[2]), ...more };
}

const text: Conversation[] = [
  serial('one command', [[['set key 0 0 5\r\n', free('value\r\n')], 'STORED\r\n', found('set', 'STORED')]]),
  serial('text commands', [
    [['set key 0 0 5\r\n', free('value\r\n')], 'STORED\r\n', found('set', 'STORED')],
    ['get key\r\n', ['VALUE key 0 5\r\n', free('value\r\n'), 'END\r\n'], found('get', 'END')],
    ['gets none\r\n', 'END\r\n', found('gets', 'END')],
    [['add key 0 0 1\r\n', free('x\r\n')], 'NOT_STORED\r\n', found('add', 'NOT_STORED')],
    [['replace key 0 0 1\r\n', free('7\r\n')], 'STORED\r\n', found('replace', 'STORED')],
    ['incr key 3\r\n', '10\r\n', found('incr', 'OK')],
    ['decr none 3\r\n', 'NOT_FOUND\r\n', found('decr', 'NOT_FOUND')],
    ['gets key\r\n', ['VALUE key 0 2 77\r\n', free('10\r\n'), 'END\r\n'], found('gets', 'END')],
    [['cas key 0 0 1 77\r\n', free('1\r\n')], 'STORED\r\n', found('cas', 'STORED')],
    [['cas key 0 0 1 77\r\n', free('2\r\n')], 'EXISTS\r\n', found('cas', 'EXISTS')],
    ['touch key 100\r\n', 'TOUCHED\r\n', found('touch', 'TOUCHED')],
    ['gat 100 key\r\n', ['VALUE key 0 1\r\n', free('1\r\n'), 'END\r\n'], found('gat', 'END')],
    [['append key 0 0 2\r\n', free('ab\r\n')], 'STORED\r\n', found('append', 'STORED')],
    [['prepend key 0 0 0\r\n', free('\r\n')], 'STORED\r\n', found('prepend', 'STORED')],
    ['delete key\r\n', 'DELETED\r\n', found('delete', 'DELETED')],
    ['delete key\r\n', 'NOT_FOUND\r\n', found('delete', 'NOT_FOUND')],
    ['flush_all\r\n', 'OK\r\n', found('flush_all', 'OK')],
    ['verbosity 1\r\n', 'OK\r\n', found('verbosity', 'OK')],
    ['version\r\n', 'VERSION 1.6.18\r\n', found('version', 'VERSION')],
  ]),
  serial('several keys and lists', [
    [
      'get a b c d\r\n',
      ['VALUE a 0 1\r\n', free('1\r\n'), 'VALUE c 5 3\r\n', free('abc\r\n'), 'END\r\n'],
      found('get', 'END'),
    ],
    ['stats\r\n', 'STAT pid 1162\r\nSTAT version 1.6.18\r\nEND\r\n', found('stats', 'END')],
    ['stats reset\r\n', 'RESET\r\n', found('stats', 'RESET')],
    ['gats 60 a b\r\n', ['VALUE a 0 1 9\r\n', free('1\r\n'), 'END\r\n'], found('gats', 'END')],
    ['incr n 1\r\n', '2\r\n', found('incr', 'OK')],
  ]),
  serial(
    'lists of items, and a line longer than detection looks at',
    [
      [['set key 0 0 1\r\n', free('1\r\n')], 'STORED\r\n', found('set', 'STORED')],
      ['lru_crawler metadump all\r\n', 'key=a exp=-1 la=1 cas=2\r\nEND\r\n', found('lru_crawler', 'END')],
      [`get ${'key '.repeat(700)}\r\n`, ['VALUE key 0 1\r\n', free('1\r\n'), 'END\r\n'], found('get', 'END')],
    ],
    { fragile: true },
  ),
  serial(
    'errors',
    [
      [
        ['set k 0 0 1\r\n', free('1\r\n')],
        'SERVER_ERROR out of memory storing object\r\n',
        found('set', 'SERVER_ERROR'),
      ],
      [
        'incr k 1\r\n',
        'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
        found('incr', 'CLIENT_ERROR'),
      ],
      [
        'get k\r\n',
        ['VALUE k 0 1\r\n', free('1\r\n'), 'SERVER_ERROR out of memory writing get response\r\n'],
        found('get', 'SERVER_ERROR'),
      ],
      ['nonsense k\r\n', 'ERROR\r\n', found('nonsense', 'ERROR')],
      ['verbosity\r\n', 'ERROR\r\n', found('verbosity', 'ERROR')],
      ['gets k\r\n', 'END\r\n', found('gets', 'END')],
    ],
    { fragile: true },
  ), // what nobody knows is not believed behind a hole
  {
    name: 'pipelining',
    turns: [
      ask(0, 'set a 0 0 1\r\n', free('1\r\n')),
      ask(1, 'get a\r\n'),
      ask(2, 'incr a 1\r\n'),
      answer(0, 'STORED\r\n'),
      answer(1, 'VALUE a 0 1\r\n', free('1\r\n'), 'END\r\n'),
      ask(3, 'delete a\r\n'),
      answer(2, '2\r\n'),
      answer(3, 'DELETED\r\n'),
      ...bye,
    ],
    expected: [found('set', 'STORED'), found('get', 'END'), found('incr', 'OK'), found('delete', 'DELETED')],
  },
  {
    name: 'noreply and quit',
    turns: [
      ask(0, 'set a 0 0 1 noreply\r\n', free('1\r\n')),
      ask(1, 'incr a 1 noreply\r\n'),
      ask(2, 'get a\r\n'),
      answer(2, 'VALUE a 0 1\r\n', free('2\r\n'), 'END\r\n'),
      ask(3, 'delete a noreply\r\n'),
      ask(4, 'flush_all noreply\r\n'),
      ask(5, 'touch a 1\r\n'),
      answer(5, 'NOT_FOUND\r\n'),
      ask(6, 'quit\r\n'),
      ...bye,
    ],
    expected: [
      silent('set'),
      silent('incr'),
      found('get', 'END'),
      silent('delete'),
      silent('flush_all'),
      found('touch', 'NOT_FOUND'),
      silent('quit'),
    ],
    fragile: true,
  },
  {
    name: 'watch',
    turns: [
      ask(0, 'gets a\r\n'),
      answer(0, 'END\r\n'),
      ask(1, 'watch fetchers\r\n'),
      answer(1, 'OK\r\n'),
      mumble(SERVER, 'ts=1 gid=1 type=item_get key=a status=not_found clsid=0\r\n'),
      ...bye,
    ],
    expected: [found('gets', 'END'), found('watch', 'OK')],
    fragile: true,
  },
  {
    name: 'an error instead of a value that is too large',
    turns: [
      ask(0, 'set a 0 0 28\r\n', free('too large for a small server\r\n')),
      answer(0, 'SERVER_ERROR object too large for cache\r\n'),
      ask(1, 'gets a\r\n'),
      answer(1, 'END\r\n'),
      ...bye,
    ],
    expected: [found('set', 'SERVER_ERROR'), found('gets', 'END')],
    deceptive: true,
  },
  {
    name: 'nobody answers',
    turns: [
      ask(0, 'gets a\r\n'),
      pause(130_000),
      answer(0, 'END\r\n'),
      ask(1, 'decr a 1\r\n'),
      answer(1, 'NOT_FOUND\r\n'),
      ask(2, 'set a 0 0 1\r\n', free('1\r\n')),
      ...bye,
    ],
    expected: [
      { operation: 'gets', target: 'gets', status: 0, outcome: TIMEOUT, end: 120_000 },
      found('decr', 'NOT_FOUND'),
      { operation: 'set', target: 'set', status: 0, outcome: CLOSED, end: 'close' },
    ],
  },
  {
    name: 'reset inside a value',
    turns: [ask(0, 'gets a\r\n'), answer(0, 'VALUE a 0 10 1\r\n', free('12345')), rst(SERVER)],
    expected: [found('gets', 'END', { status: -1, outcome: RESET, end: 'close' })],
    fragile: true,
  },
];

const meta: Conversation[] = [
  serial(
    'meta commands',
    [
      ['mn\r\n', 'MN\r\n', found('mn', 'MN')],
      [['ms key 2 T90\r\n', free('hi\r\n')], 'HD\r\n', found('ms', 'HD')],
      ['mg key v t f\r\n', ['VA 2 t90 f0\r\n', free('hi\r\n')], found('mg', 'VA')],
      ['mg key\r\n', 'HD\r\n', found('mg', 'HD')],
      ['mg none v\r\n', 'EN\r\n', found('mg', 'EN')],
      [['ms key S1 ME\r\n'], 'CLIENT_ERROR bad data chunk\r\n', found('ms', 'CLIENT_ERROR')],
      ['ma n v\r\n', ['VA 1\r\n', free('7\r\n')], found('ma', 'VA')],
      ['ma none\r\n', 'NF\r\n', found('ma', 'NF')],
      ['md key\r\n', 'HD\r\n', found('md', 'HD')],
      ['me key\r\n', 'ME key exp=-1 la=3 cas=2 fetch=no cls=1 size=63\r\n', found('me', 'ME')],
      ['incr n 1\r\n', '8\r\n', found('incr', 'OK')],
    ],
    { fragile: true },
  ),
  {
    name: 'quiet meta commands that are told apart',
    turns: [
      ask(0, 'mg a v k q\r\n'),
      ask(1, 'mg b v O7 q\r\n'),
      ask(2, 'ms c 1 O8 q\r\n', free('1\r\n')),
      ask(3, 'md d O9 q\r\n'),
      ask(4, 'mn\r\n'),
      answer(1, 'VA 2 O7\r\n', free('hi\r\n')),
      answer(3, 'EX O9\r\n'),
      answer(4, 'MN\r\n'),
      ...bye,
    ],
    expected: [silent('mg'), found('mg', 'VA'), silent('ms'), found('md', 'EX'), found('mn', 'MN')],
    uncut: true, // two of them start together
    fragile: true,
  },
  {
    name: 'quiet meta commands that cannot be told apart',
    turns: [
      ask(0, 'ms a 1 q\r\n', free('1\r\n')),
      ask(1, 'md a q\r\n'),
      ask(2, 'mn\r\n'),
      answer(2, 'MN\r\n'),
      ask(3, 'ms b 1\r\n', free('1\r\n')),
      answer(3, 'HD\r\n'),
      ...bye,
    ],
    expected: [silent('ms'), silent('md'), found('mn', 'MN'), found('ms', 'HD')],
    fragile: true,
  },
];

/** A message of the binary protocol. */
export function packet(
  magic: number,
  opcode: number,
  o: { key?: string; extras?: number; value?: string; opaque?: number; status?: number },
): Buffer {
  const key = Buffer.from(o.key ?? '');
  const value = Buffer.from(o.value ?? '');
  const head = Buffer.alloc(24 + (o.extras ?? 0));
  head[0] = magic;
  head[1] = opcode;
  head.writeUInt16BE(key.length, 2);
  head[4] = o.extras ?? 0;
  head.writeUInt16BE(o.status ?? 0, 6);
  head.writeUInt32BE((o.extras ?? 0) + key.length + value.length, 8);
  head.writeUInt32BE(o.opaque ?? 0, 12);
  return Buffer.concat([head, key, value]);
}
const request = (opcode: number, o: Parameters<typeof packet>[2] = {}): Buffer => packet(0x80, opcode, o);
const response = (opcode: number, o: Parameters<typeof packet>[2] = {}): Buffer => packet(0x81, opcode, o);

const GET = 0;
const SET = 1;
const ADD = 2;
const DELETE = 4;
const INCREMENT = 5;
const QUIT = 7;
const GETQ = 9;
const NOOP = 10;
const GETKQ = 13;
const STAT = 16;
const SETQ = 17;
const SASL_AUTH = 33;

const binaryOk = (operation: string, more: Partial<Expected> = {}): Expected => found(operation, 'OK', more);
const TOO_LARGE = 28;
const AUTH_ERROR = 32;

const binary: Conversation[] = [
  serial('binary commands', [
    [request(SET, { key: 'a', extras: 8, value: 'one', opaque: 1 }), response(SET, { opaque: 1 }), binaryOk('set')],
    [request(GET, { key: 'a', opaque: 2 }), response(GET, { extras: 4, value: 'one', opaque: 2 }), binaryOk('get')],
    [
      request(GET, { key: 'b', opaque: 3 }),
      response(GET, { status: 1, value: 'Not found', opaque: 3 }),
      found('get', 'NOT_FOUND'),
    ],
    [
      request(ADD, { key: 'a', extras: 8, value: 'x', opaque: 4 }),
      response(ADD, { status: 2, opaque: 4 }),
      found('add', 'EXISTS'),
    ],
    [
      request(INCREMENT, { key: 'n', extras: 20, opaque: 5 }),
      response(INCREMENT, { value: '12345678', opaque: 5 }),
      binaryOk('incr'),
    ],
    [
      request(SET, { key: 'l', extras: 8, value: 'x', opaque: 6 }),
      response(SET, { status: 3, value: 'Too large', opaque: 6 }),
      { ...binaryOk('set'), status: TOO_LARGE },
    ],
    [
      request(STAT, { opaque: 7 }),
      Buffer.concat([
        response(STAT, { key: 'pid', value: '1', opaque: 7 }),
        response(STAT, { key: 'time', value: '2', opaque: 7 }),
        response(STAT, { opaque: 7 }),
      ]),
      binaryOk('stats'),
    ],
    [
      request(SASL_AUTH, { key: 'PLAIN', value: '\0user\0secret', opaque: 8 }),
      response(SASL_AUTH, { status: 0x20, value: 'Auth failure', opaque: 8 }),
      { ...binaryOk('sasl_auth'), status: AUTH_ERROR },
    ],
    [request(DELETE, { key: 'a', opaque: 9 }), response(DELETE, { opaque: 9 }), binaryOk('delete')],
    [request(QUIT, { opaque: 10 }), response(QUIT, { opaque: 10 }), binaryOk('quit')],
  ]),
  {
    name: 'quiet binary commands',
    turns: [
      ask(0, request(GETKQ, { key: 'a', opaque: 1 })),
      ask(1, request(GETKQ, { key: 'b', opaque: 2 })),
      ask(2, request(SETQ, { key: 'c', extras: 8, value: 'x', opaque: 3 })),
      ask(3, request(NOOP, { opaque: 4 })),
      answer(1, response(GETKQ, { key: 'b', extras: 4, value: 'hi', opaque: 2 })),
      answer(3, response(NOOP, { opaque: 4 })),
      ask(4, request(SETQ, { key: 'c', extras: 8, value: 'x', opaque: 5 })),
      ask(5, request(GET, { key: 'c', opaque: 6 })),
      answer(4, response(SETQ, { status: 2, opaque: 5 })),
      answer(5, response(GET, { extras: 4, value: 'x', opaque: 6 })),
      ...bye,
    ],
    expected: [
      silent('get'),
      binaryOk('get'),
      silent('set'),
      binaryOk('noop'),
      found('set', 'EXISTS'),
      binaryOk('get'),
    ],
    uncut: true,
    fragile: true,
  },
  {
    name: 'quiet binary commands whose answers bring the key',
    turns: [
      ask(0, request(GETKQ, { key: 'a' })),
      ask(1, request(GETKQ, { key: 'b' })),
      ask(2, request(GETKQ, { key: 'c' })),
      ask(3, request(NOOP)),
      answer(1, response(GETKQ, { key: 'b', extras: 4, value: 'hi' })),
      answer(2, response(GETKQ, { key: 'c', extras: 4, value: 'hi' })),
      answer(3, response(NOOP)),
      ask(4, request(SETQ, { key: 'c', extras: 8, value: 'x', opaque: 5 })),
      ask(5, request(NOOP, { opaque: 5 })),
      answer(5, response(NOOP, { opaque: 5 })),
      ask(6, request(SETQ, { key: 'c', extras: 8, value: 'x', opaque: 5 })),
      ask(7, request(NOOP, { opaque: 5 })),
      answer(6, response(SETQ, { status: 2, opaque: 5 })),
      answer(7, response(NOOP, { opaque: 5 })),
      ...bye,
    ],
    expected: [
      silent('get'),
      binaryOk('get'),
      binaryOk('get'),
      binaryOk('noop'),
      silent('set'),
      binaryOk('noop'),
      found('set', 'EXISTS'),
      binaryOk('noop'),
    ],
    uncut: true,
    fragile: true,
  },
  {
    name: 'quiet binary commands that cannot be told apart',
    turns: [
      ask(0, request(GETQ, { key: 'a' })),
      ask(1, request(GETQ, { key: 'b' })),
      ask(2, request(NOOP, { opaque: 4 })),
      mumble(SERVER, response(GETQ, { extras: 4, value: 'hi' })),
      answer(2, response(NOOP, { opaque: 4 })),
      ...bye,
    ],
    expected: [silent('get'), silent('get'), binaryOk('noop')],
    fragile: true,
  },
];

const MEGABYTE = Buffer.alloc(1 << 20, 'x');
const large: Conversation[] = [
  {
    name: 'values of 1 MiB',
    turns: [
      ask(0, `set big 0 0 ${MEGABYTE.length}\r\n`, free(MEGABYTE), free('\r\n')),
      answer(0, 'STORED\r\n'),
      ask(1, 'gets big\r\n'),
      answer(1, `VALUE big 0 ${MEGABYTE.length} 1\r\n`, free(MEGABYTE), free('\r\n'), 'END\r\n'),
      ask(2, 'incr n 1\r\n'),
      answer(2, '1\r\n'),
      ...bye,
    ],
    expected: [found('set', 'STORED'), found('gets', 'END'), found('incr', 'OK')],
    long: true,
  },
];

export const conversations: readonly Conversation[] = [...text, ...meta, ...binary, ...large];
