/** HTTP/2 and gRPC as clients and servers speak them, for the conformance kit. */

import { CLOSED, OPEN, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
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
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  Encoder,
  type FieldList,
  frame,
  frameHead,
  GOAWAY,
  HAS_PRIORITY,
  HEADERS,
  message,
  PADDED,
  PING,
  PREFACE,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  settings,
  u32,
  WINDOW_UPDATE,
} from './http2-wire.ts';

/** `Exchange.status` of a gRPC call: this and its status. */
const GRPC = 1000;
const BOTH = END_HEADERS | END_STREAM;
const CANCEL = 8;
const REFUSED = 7;

const bye = [fin(CLIENT), fin(SERVER)];
const plain = new Encoder();

const asks = (path: string, more: FieldList = [], method = 'GET'): FieldList => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'shop.example'],
  ...more,
  ['accept-encoding', 'gzip, deflate'],
];
const says = (status: number, more: FieldList = []): FieldList => [[':status', String(status)], ...more];

/** Without a body. */
export const get = (stream: number, path: string, more: FieldList = [], e = plain): Buffer =>
  frame(HEADERS, BOTH, stream, e.block(asks(path, more)));
export const head = (stream: number, status: number, more: FieldList = [], e = plain): Buffer =>
  frame(HEADERS, END_HEADERS, stream, e.block(says(status, more)));
const post = (stream: number, path: string, more: FieldList = [], e = plain): Buffer =>
  frame(HEADERS, END_HEADERS, stream, e.block(asks(path, more, 'POST')));
/** All of a response. */
export const empty = (stream: number, status: number, more: FieldList = [], e = plain): Buffer =>
  frame(HEADERS, BOTH, stream, e.block(says(status, more)));
const trailers = (stream: number, fields: FieldList, e = plain): Buffer =>
  frame(HEADERS, BOTH, stream, e.block(fields));
/** DATA whose payload may get lost. */
const data = (stream: number, payload: string | Buffer, flags = 0): Part[] => [
  frameHead(DATA, flags, stream, payload.length),
  free(payload),
];
const last = (stream: number, payload: string | Buffer): Part[] => data(stream, payload, END_STREAM);

const opening: Turn[] = [
  mumble(CLIENT, PREFACE, settings([2, 0], [4, 1 << 20])),
  mumble(SERVER, settings([3, 100])),
  mumble(CLIENT, frame(SETTINGS, ACK, 0)),
  mumble(SERVER, frame(SETTINGS, ACK, 0)),
];

const found = (target: string, status: number, more: Partial<Expected> = {}): Expected => ({
  operation: 'GET',
  target,
  status,
  version: 20,
  ...more,
});

const GRPC_HEADERS: FieldList = [
  ['te', 'trailers'],
  ['content-type', 'application/grpc+proto'],
  ['user-agent', 'grpc-node-js/1.14'],
];
const called = (target: string, status: number, more: Partial<Expected> = {}): Expected => ({
  operation: 'POST',
  target,
  status: GRPC + status,
  partly: [200],
  version: 20,
  ...more,
});
const call = (stream: number, path: string, more: FieldList = [], e = plain): Buffer =>
  post(stream, path, [...GRPC_HEADERS, ...more], e);
const grpcHead = (stream: number, e = plain): Buffer =>
  head(stream, 200, [['content-type', 'application/grpc+proto']], e);
const status = (stream: number, code: number, e = plain): Buffer =>
  trailers(
    stream,
    [
      ['grpc-status', String(code)],
      ['grpc-message', 'so it is'],
    ],
    e,
  );

/** A message whose bytes may get lost, alone in its DATA frame. */
const told = (stream: number, payload: string, flags = 0): Part[] => {
  const bytes = message(payload);
  return [frameHead(DATA, flags, stream, bytes.length), bytes.subarray(0, 5), free(bytes.subarray(5))];
};

const http: Conversation[] = [
  {
    name: 'one request',
    turns: [...opening, ask(0, get(1, '/one')), answer(0, head(1, 200), ...last(1, 'hello')), ...bye],
    expected: [found('/one', 200)],
  },
  {
    name: 'without a preface, one after the other',
    turns: [
      ask(0, get(1, '/a')),
      answer(0, head(1, 200), ...last(1, 'hello')),
      ask(1, post(3, '/b'), ...last(3, 'what is it?')),
      answer(1, empty(3, 204)),
      ask(2, get(5, '/c?x=1&y=2')),
      answer(2, head(5, 404), ...data(5, 'not '), ...data(5, 'there'), ...last(5, '')),
      ask(3, get(7, '/d')),
      answer(3, head(7, 500), ...last(7, 'oops')),
      ...bye,
    ],
    expected: [
      found('/a', 200),
      { operation: 'POST', target: '/b', status: 204 },
      found('/c?x=1&y=2', 404),
      found('/d', 500),
    ],
  },
  {
    name: 'the server speaks first',
    turns: [
      mumble(SERVER, settings([3, 128]), frame(WINDOW_UPDATE, 0, 0, u32(1 << 20))),
      mumble(CLIENT, PREFACE, settings(), frame(SETTINGS, ACK, 0)),
      ask(0, get(1, '/')),
      answer(0, empty(1, 304)),
      ...bye,
    ],
    expected: [found('/', 304)],
  },
  {
    name: 'the server speaks first, then the client says more at once than detection looks at',
    long: true,
    turns: [
      mumble(SERVER, settings([3, 128])),
      mumble(CLIENT, PREFACE, settings()),
      ...Array.from({ length: 40 }, (_, i) => ask(i, get(2 * i + 1, `/at/once/${i}`))),
      ...Array.from({ length: 40 }, (_, i) => answer(i, empty(2 * i + 1, 204))),
      ...bye,
    ],
    expected: Array.from({ length: 40 }, (_, i) => found(`/at/once/${i}`, 204)),
  },
  {
    name: 'streams side by side',
    turns: [
      ...opening,
      ask(0, get(1, '/s0')),
      ask(1, get(3, '/s1')),
      ask(2, post(5, '/s2')),
      ask(3, get(7, '/s3')),
      answer(1, head(3, 201), ...data(3, 'one')),
      ask(2, ...data(5, 'abc')),
      answer(0, head(1, 200), ...last(1, 'zero')),
      ask(2, ...last(5, 'def')),
      answer(1, ...last(3, 'more')),
      answer(3, head(7, 203)),
      answer(2, empty(5, 202)),
      answer(3, ...last(7, 'three')),
      ...bye,
    ],
    expected: [
      found('/s0', 200),
      found('/s1', 201),
      { operation: 'POST', target: '/s2', status: 202 },
      found('/s3', 203),
    ],
  },
  {
    name: 'padding and priorities',
    turns: [
      ask(
        0,
        frame(
          HEADERS,
          END_HEADERS | PADDED | HAS_PRIORITY,
          1,
          Buffer.concat([
            Buffer.of(7),
            u32(0),
            Buffer.of(15),
            plain.block(asks('/padded', [], 'POST')),
            Buffer.alloc(7),
          ]),
        ),
        frameHead(DATA, PADDED | END_STREAM, 1, 9),
        Buffer.of(3),
        free('hello\0\0\0'),
      ),
      mumble(CLIENT, frame(PRIORITY, 0, 3, Buffer.concat([u32(1), Buffer.of(9)]))),
      answer(
        0,
        frame(HEADERS, END_HEADERS | PADDED, 1, Buffer.concat([Buffer.of(1), plain.block(says(200)), Buffer.alloc(1)])),
        frameHead(DATA, PADDED | END_STREAM, 1, 6),
        Buffer.of(5),
        free('\0\0\0\0\0'),
      ),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/padded', status: 200 }],
  },
  {
    name: 'CONTINUATION',
    turns: [
      (() => {
        const block = plain.block(asks('/continued', [['x-filler', 'f'.repeat(50)]]));
        return ask(
          0,
          frame(HEADERS, END_STREAM, 1, block.subarray(0, 11)),
          frame(CONTINUATION, 0, 1, block.subarray(11, 12)),
          frame(CONTINUATION, 0, 1),
          frame(CONTINUATION, END_HEADERS, 1, block.subarray(12)),
        );
      })(),
      answer(
        0,
        frame(HEADERS, 0, 1, plain.block(says(200))),
        frame(CONTINUATION, END_HEADERS, 1, plain.block([['server', 'spandau']])),
        ...last(1, 'hello'),
      ),
      ask(1, get(3, '/next')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [found('/continued', 200), found('/next', 200)],
  },
  {
    name: 'Huffman code',
    // RFC 7541 appendix C.4.1: GET http://www.example.com/
    turns: [
      ask(0, frame(HEADERS, BOTH, 1, Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex'))),
      answer(0, head(1, 200), ...last(1, 'hello')),
      ...bye,
    ],
    expected: [found('/', 200)],
  },
  {
    name: 'the same again, by its index',
    turns: (() => {
      const c = new Encoder(true);
      const s = new Encoder(true);
      const more: FieldList = [
        ['user-agent', 'curl/8'],
        ['x-other', 'something'],
      ];
      return [
        ...[0, 1, 2, 3].flatMap((i) => [
          ask(i, get(2 * i + 1, i < 2 ? '/again' : '/other', more, c)),
          answer(i, head(2 * i + 1, 200, [['server', 'spandau']], s), ...last(2 * i + 1, 'hello')),
        ]),
        ...bye,
      ];
    })(),
    expected: ['/again', '/again', '/other', '/other'].map((t) => found(t, 200)),
  },
  {
    name: 'a status by its index',
    turns: (() => {
      const s = new Encoder(true);
      return [
        ...opening,
        ...[0, 1, 2].flatMap((i) => [
          ask(i, get(2 * i + 1, `/s/${i}`)),
          answer(i, head(2 * i + 1, 403, [], s), ...last(2 * i + 1, 'no')),
        ]),
        ...bye,
      ];
    })(),
    expected: [0, 1, 2].map((i) => found(`/s/${i}`, 403, { partly: [0] })),
  },
  {
    name: 'a table of another size',
    turns: (() => {
      const c = new Encoder(true);
      const path = (n: number): string => `/${'p'.repeat(n)}`;
      const get = (stream: number, to: string, resize?: number): Buffer =>
        frame(
          HEADERS,
          BOTH,
          stream,
          Buffer.concat([resize === undefined ? Buffer.alloc(0) : c.resize(resize), c.block(asks(to))]),
        );
      return [
        ...[[80], [80, 300], [80], [120], [80, 0], [80], [80, 4096], [80], [80]].flatMap(([n, size], i) => [
          ask(i, get(2 * i + 1, path(n!), size)),
          answer(i, empty(2 * i + 1, 200)),
        ]),
        ...bye,
      ];
    })(),
    expected: [80, 80, 80, 120, 80, 80, 80, 80, 80].map((n) => found(`/${'p'.repeat(n)}`, 200)),
  },
  {
    name: 'early hints and continue',
    turns: [
      ask(0, post(1, '/hints', [['expect', '100-continue']])),
      mumble(SERVER, frame(HEADERS, END_HEADERS, 1, plain.block(says(100)))),
      ask(0, ...last(1, 'so be it')),
      mumble(SERVER, frame(HEADERS, END_HEADERS, 1, plain.block(says(103, [['link', '</s.css>']])))),
      answer(0, head(1, 200), ...last(1, 'abc')),
      ask(1, get(3, '/after')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/hints', status: 200 }, found('/after', 200)],
  },
  {
    name: 'trailers on both sides',
    turns: [
      ask(0, post(1, '/trailers'), ...data(1, 'abc'), trailers(1, [['x-checksum', '17']])),
      answer(0, head(1, 200), ...data(1, 'abc'), trailers(1, [['x-checksum', '17']])),
      ask(1, get(3, '/after')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/trailers', status: 200 }, found('/after', 200)],
  },
  {
    name: 'answered before it was asked whole',
    turns: [
      ask(0, post(1, '/too/large'), ...data(1, 'abc')),
      answer(0, empty(1, 413)),
      mumble(SERVER, frame(RST_STREAM, 0, 1, u32(0))),
      mumble(CLIENT, ...last(1, 'def')),
      ask(1, get(3, '/after')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [
      { operation: 'POST', target: '/too/large', status: 413, requestEnd: 'unseen', requestBytes: 0 },
      found('/after', 200),
    ],
  },
  {
    name: 'frames of extensions, pings and windows',
    turns: [
      mumble(
        CLIENT,
        PREFACE,
        settings(),
        frame(0x0b + 0x1f, 0xff, 0, 'grease'),
        frame(WINDOW_UPDATE, 0, 0, u32(1 << 20)),
      ),
      mumble(SERVER, settings([4, 10], [5, 1 << 20]), frame(0x10, 0, 0, 'priority')),
      ask(0, get(1, '/ping')),
      mumble(SERVER, frame(PING, 0, 0, Buffer.alloc(8))),
      mumble(CLIENT, frame(PING, ACK, 0, Buffer.alloc(8)), frame(WINDOW_UPDATE, 0, 1, u32(1000))),
      answer(0, head(1, 200), ...data(1, 'a'), frame(0x2a, 0, 1, 'extension'), ...last(1, 'b')),
      ...bye,
    ],
    // a frame of an extension is nobody's
    expected: [found('/ping', 200, { responseBytes: 0 + 9 + 1 + 10 + 10 })],
  },
  {
    name: 'broken off',
    turns: [
      ask(0, get(1, '/refused')),
      mumble(SERVER, frame(RST_STREAM, 0, 1, u32(REFUSED))),
      ask(1, get(3, '/half')),
      answer(1, head(3, 200), ...data(3, 'a half')),
      mumble(CLIENT, frame(RST_STREAM, 0, 3, u32(CANCEL))),
      ask(2, get(5, '/after')),
      answer(2, empty(5, 200)),
      ...bye,
    ],
    expected: [
      found('/refused', 0, { outcome: RESET, end: { saying: 1 } }),
      found('/half', 200, { outcome: RESET, end: { saying: 4 } }),
      found('/after', 200),
    ],
  },
  {
    name: 'the server goes away',
    turns: [
      ...opening,
      ask(0, get(1, '/goes')),
      ask(1, get(3, '/too/late')),
      mumble(SERVER, frame(GOAWAY, 0, 0, u32(1, 0))),
      answer(0, head(1, 200), ...last(1, 'bye')),
      ...bye,
    ],
    expected: [found('/goes', 200), found('/too/late', 0, { outcome: RESET, end: { saying: 6 } })],
  },
  {
    name: 'server push',
    turns: [
      ask(0, get(1, '/page')),
      mumble(
        SERVER,
        frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([u32(2), plain.block(asks('/style.css'))])),
        frame(HEADERS, END_HEADERS, 2, plain.block(says(200))),
      ),
      answer(0, head(1, 200)),
      mumble(SERVER, ...last(2, 'a {}')),
      answer(0, ...last(1, '<html>')),
      ask(1, get(3, '/after')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [found('/page', 200), found('/after', 200)],
  },
  {
    name: 'CONNECT',
    turns: [
      ask(
        0,
        frame(
          HEADERS,
          END_HEADERS,
          1,
          plain.block([
            [':method', 'CONNECT'],
            [':authority', 'db.example:3306'],
          ]),
        ),
        ...data(1, 'SELECT 1'),
      ),
      answer(0, head(1, 200), ...data(1, '1')),
      ask(0, ...last(1, 'QUIT')),
      answer(0, ...last(1, '')),
      ...bye,
    ],
    expected: [{ operation: 'CONNECT', target: 'db.example:3306', status: 200 }],
  },
  {
    name: 'closed, reset and open',
    turns: [ask(0, get(1, '/never')), ask(1, get(3, '/half')), answer(1, head(3, 200), ...data(3, 'a')), ...bye],
    expected: [
      found('/never', 0, { outcome: CLOSED, end: 'close' }),
      found('/half', 200, { outcome: CLOSED, end: 'close' }),
    ],
    fragile: true,
  },
  {
    name: 'reset',
    turns: [ask(0, get(1, '/never')), rst(SERVER)],
    expected: [found('/never', 0, { outcome: RESET, end: 'close' })],
    fragile: true,
  },
  {
    name: 'open at the end',
    turns: [ask(0, get(1, '/never')), ask(1, get(3, '/half')), answer(1, head(3, 200), ...data(3, 'a'))],
    expected: [
      found('/never', 0, { outcome: OPEN, end: 'capture' }),
      found('/half', 200, { outcome: TRUNCATED, end: 'unseen' }),
    ],
    fragile: true,
  },
  {
    name: 'a time-out',
    turns: [
      ask(0, get(1, '/slow')),
      pause(130_000),
      answer(0, empty(1, 200)), // too late: already told
      ask(1, get(3, '/after')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [found('/slow', 0, { outcome: TIMEOUT, end: 120_000 }), found('/after', 200)],
    fragile: true,
  },
  {
    name: 'upgraded from HTTP/1.1',
    turns: [
      ask(
        0,
        'GET /upgrade HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
      ),
      mumble(
        SERVER,
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
        settings([3, 100]),
      ),
      mumble(CLIENT, PREFACE, settings()),
      answer(0, head(1, 200), ...last(1, 'hello')),
      ask(1, get(3, '/after')),
      answer(1, empty(3, 404)),
      ...bye,
    ],
    expected: [found('/upgrade', 200), found('/after', 404)],
  },
  {
    name: 'interim responses whose status stands in the table',
    turns: (() => {
      const s = new Encoder(true);
      return [
        ...opening,
        ...[0, 1, 2, 3].flatMap((i) => [
          ask(i, get(2 * i + 1, `/hints/${i}`)),
          mumble(SERVER, frame(HEADERS, END_HEADERS, 2 * i + 1, s.block(says(103, [['link', '</s.css>']])))),
          answer(i, ...(i === 3 ? [empty(7, 304, [], s)] : [head(2 * i + 1, 206, [], s), ...last(2 * i + 1, 'hello')])),
        ]),
        ...bye,
      ];
    })(),
    expected: [0, 1, 2, 3].map((i) => found(`/hints/${i}`, i === 3 ? 304 : 206)),
  },
  {
    name: 'bodies of 1 MiB',
    long: true,
    turns: [
      ...opening,
      ask(
        0,
        post(1, '/large'),
        ...Array.from({ length: 64 }, () => data(1, Buffer.alloc(16384, 'a'))).flat(),
        ...last(1, ''),
      ),
      answer(
        0,
        head(1, 200),
        ...Array.from({ length: 64 }, () => data(1, Buffer.alloc(16384, 'b'))).flat(),
        ...last(1, ''),
      ),
      ask(1, get(3, '/after')),
      answer(1, empty(3, 200)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/large', status: 200 }, found('/after', 200)],
  },
  {
    name: 'three hundred streams, a hundred at a time',
    long: true,
    turns: (() => {
      const c = new Encoder(true);
      const s = new Encoder(true);
      const turns: Turn[] = [...opening];
      for (let i = 0; i < 300; i += 100) {
        for (let k = i; k < i + 100; k++) turns.push(ask(k, get(2 * k + 1, `/item/${k}`, [['x-id', `${k % 7}`]], c)));
        for (let k = i + 99; k >= i; k--)
          turns.push(answer(k, head(2 * k + 1, 200, [], s), ...last(2 * k + 1, 'hello')));
      }
      return [...turns, ...bye];
    })(),
    expected: Array.from({ length: 300 }, (_, k) => found(`/item/${k}`, 200)),
  },
];

const grpc: Conversation[] = [
  {
    name: 'gRPC: one call after the other',
    turns: [
      ...opening,
      ask(0, call(1, '/shop.Cart/Get'), ...told(1, 'which', END_STREAM)),
      answer(0, grpcHead(1), ...told(1, 'a cart'), status(1, 0)),
      ask(1, call(3, '/shop.Cart/Add', [['grpc-timeout', '5S']]), ...told(3, 'apples', END_STREAM)),
      answer(1, grpcHead(3), ...told(3, ''), status(3, 0)),
      ask(2, call(5, '/shop.Cart/Pay'), ...told(5, 'cash', END_STREAM)),
      answer(2, grpcHead(5), status(5, 9)),
      ...bye,
    ],
    expected: [called('/shop.Cart/Get', 0), called('/shop.Cart/Add', 0), called('/shop.Cart/Pay', 9)],
  },
  {
    name: 'gRPC: streams of messages',
    turns: [
      ask(0, call(1, '/shop.Cart/Watch'), ...told(1, 'from', END_STREAM)),
      ask(1, call(3, '/shop.Cart/Chat'), ...told(3, 'hi')),
      answer(0, grpcHead(1), ...told(1, 'one')),
      answer(1, grpcHead(3), ...told(3, 'hello')),
      answer(0, ...told(1, 'two')),
      ask(1, ...told(3, 'how are you')),
      answer(1, ...told(3, 'well')),
      ask(1, ...data(3, '', END_STREAM)),
      answer(1, status(3, 0)),
      answer(0, ...told(1, 'three'), status(1, 14)),
      ...bye,
    ],
    expected: [called('/shop.Cart/Watch', 14), called('/shop.Cart/Chat', 0)],
  },
  {
    name: 'gRPC: messages across frames, several in one',
    turns: [
      ask(
        0,
        call(1, '/shop.Cart/Upload'),
        (() => {
          const all = Buffer.concat([message('one'), message('two', 1), message(''), message('x'.repeat(40))]);
          return Buffer.concat([
            frame(DATA, 0, 1, all.subarray(0, 3)),
            frame(DATA, PADDED, 1, Buffer.concat([Buffer.of(2), all.subarray(3, 11), Buffer.alloc(2)])),
            frame(DATA, 0, 1, all.subarray(11, 25)),
            frame(DATA, END_STREAM, 1, all.subarray(25)),
          ]);
        })(),
      ),
      answer(0, grpcHead(1), ...told(1, 'done'), status(1, 0)),
      ...bye,
    ],
    expected: [called('/shop.Cart/Upload', 0)],
  },
  {
    name: 'gRPC: trailers only',
    turns: [
      ask(0, call(1, '/shop.Cart/Missing'), ...told(1, 'x', END_STREAM)),
      answer(
        0,
        empty(1, 200, [
          ['content-type', 'application/grpc'],
          ['grpc-status', '12'],
        ]),
      ),
      ask(1, call(3, '/shop.Cart/Get'), ...told(3, 'x', END_STREAM)),
      answer(1, empty(3, 503)),
      ...bye,
    ],
    expected: [called('/shop.Cart/Missing', 12), called('/shop.Cart/Get', 14)],
  },
  {
    name: 'gRPC: cancelled and overdue',
    turns: [
      ask(0, call(1, '/shop.Cart/Cancelled', [['grpc-timeout', '10S']]), ...told(1, 'x', END_STREAM)),
      mumble(CLIENT, frame(RST_STREAM, 0, 1, u32(CANCEL))),
      ask(1, call(3, '/shop.Cart/Overdue', [['grpc-timeout', '100m']]), ...told(3, 'x', END_STREAM)),
      answer(1, grpcHead(3)),
      pause(100),
      mumble(CLIENT, frame(RST_STREAM, 0, 3, u32(CANCEL))),
      ask(2, call(5, '/shop.Cart/Get'), ...told(5, 'x', END_STREAM)),
      answer(2, grpcHead(5), ...told(5, 'y'), status(5, 0)),
      ...bye,
    ],
    expected: [
      { ...called('/shop.Cart/Cancelled', 1, { outcome: RESET, end: { saying: 1 } }), began: false },
      called('/shop.Cart/Overdue', 4, { outcome: RESET, end: { saying: 4 } }),
      called('/shop.Cart/Get', 0),
    ],
  },
  {
    name: 'gRPC: the same again, by its index',
    turns: (() => {
      const c = new Encoder(true);
      const s = new Encoder(true);
      return [
        ...opening,
        ...[0, 1, 2, 3].flatMap((i) => [
          ask(i, call(2 * i + 1, '/shop.Cart/Get', [], c), ...told(2 * i + 1, 'which', END_STREAM)),
          answer(i, grpcHead(2 * i + 1, s), ...told(2 * i + 1, 'a cart'), status(2 * i + 1, 0, s)),
        ]),
        ...bye,
      ];
    })(),
    expected: [0, 1, 2, 3].map(() => called('/shop.Cart/Get', 0)),
  },
  {
    name: 'gRPC-Web',
    turns: [
      ask(
        0,
        post(1, '/shop.Cart/Get', [['content-type', 'application/grpc-web+proto']]),
        ...told(1, 'which', END_STREAM),
      ),
      answer(
        0,
        head(1, 200, [['content-type', 'application/grpc-web+proto']]),
        ...told(1, 'a cart'),
        frame(DATA, END_STREAM, 1, message('grpc-status: 5\r\ngrpc-message: no\r\n', 0x80)),
      ),
      ...bye,
    ],
    expected: [called('/shop.Cart/Get', 5)],
  },
  {
    name: 'gRPC-Web: trailers in many frames, and in base64',
    turns: (() => {
      const text = [['content-type', 'application/grpc-web-text']] as const;
      const end = message('grpc-message: no\r\ngrpc-status: 9\r\n', 0x80);
      const coded = Buffer.from(`${message('a cart').toString('base64')}${end.toString('base64')}`);
      return [
        ask(
          0,
          post(1, '/shop.Cart/Get', [['content-type', 'application/grpc-web+proto']]),
          frame(DATA, END_STREAM, 1, message('which')),
        ),
        answer(
          0,
          head(1, 200, [['content-type', 'application/grpc-web+proto']]),
          frame(DATA, 0, 1, end.subarray(0, 3)),
          frame(DATA, 0, 1, end.subarray(3, 30)),
          frame(DATA, END_STREAM, 1, end.subarray(30)),
        ),
        ask(1, post(3, '/shop.Cart/Get', text), frame(DATA, END_STREAM, 3, message('which').toString('base64'))),
        answer(
          1,
          head(3, 200, text),
          frame(DATA, 0, 3, coded.subarray(0, 11)),
          frame(DATA, END_STREAM, 3, coded.subarray(11)),
        ),
        ...bye,
      ];
    })(),
    expected: [called('/shop.Cart/Get', 9), called('/shop.Cart/Get', 9)],
  },
];

export const conversations: readonly Conversation[] = [...http, ...grpc];
