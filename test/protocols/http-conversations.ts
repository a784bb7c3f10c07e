/** HTTP/1.x as clients and servers speak it, for the conformance kit. */

import { CLOSED, OPEN, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import { GRPC_STATUS_BASE } from '../../src/exchange/grpc/status.ts';
import {
  answer,
  ask,
  type Conversation,
  type Expected,
  fin,
  free,
  mumble,
  pause,
  rst,
  type Saying,
} from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';

const HOST = 'Host: shop.example\r\n';

export const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${more}\r\n`;
export const post = (target: string, length: number, more = ''): string =>
  `POST ${target} HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n${more}\r\n`;
export const reply = (status: number, length: number, more = ''): string =>
  `HTTP/1.1 ${status} Whatever\r\nContent-Length: ${length}\r\n${more}\r\n`;

const found = (target: string, status: number, more: Partial<Expected> = {}): Expected => ({
  operation: 'GET',
  target,
  status,
  ...more,
});

const LONG_PATH = `/dav/${'d'.repeat(1600)}`;
const LONG_PROXIED = `http://other.example${LONG_PATH}`;

const bye = [fin(CLIENT), fin(SERVER)];

const plain: Conversation[] = [
  {
    name: 'one request',
    turns: [ask(0, get('/one')), answer(0, reply(200, 5), free('hello')), ...bye],
    expected: [found('/one', 200, { version: 11 })],
  },
  {
    name: 'keep-alive',
    turns: [
      ask(0, get('/a')),
      answer(0, reply(200, 5), free('hello')),
      ask(1, post('/b', 11), free('what is it?')),
      answer(1, reply(201, 0)),
      ask(2, get('/c?x=1&y=2')),
      answer(2, reply(404, 9), free('not there')),
      ask(3, get('/d')),
      answer(3, reply(500, 4), free('oops')),
      ...bye,
    ],
    expected: [
      found('/a', 200),
      { operation: 'POST', target: '/b', status: 201 },
      found('/c?x=1&y=2', 404),
      found('/d', 500),
    ],
  },
  {
    name: 'pipelining',
    turns: [
      ask(0, get('/p0')),
      ask(1, get('/p1')),
      ask(2, post('/p2', 3), free('abc')),
      answer(0, reply(200, 5), free('hello')),
      ask(3, get('/p3')),
      answer(1, reply(201, 0)),
      answer(2, reply(202, 2), free('ok')),
      answer(3, reply(203, 0)),
      ...bye,
    ],
    expected: [
      found('/p0', 200),
      found('/p1', 201),
      { operation: 'POST', target: '/p2', status: 202 },
      found('/p3', 203),
    ],
  },
  {
    name: 'expect 100-continue',
    turns: [
      ask(0, post('/upload', 10, 'Expect: 100-continue\r\n')),
      mumble(SERVER, 'HTTP/1.1 100 Continue\r\n\r\n'),
      ask(0, free('0123456789')),
      answer(0, reply(201, 2), free('ok')),
      ask(1, get('/after')),
      answer(1, reply(200, 0)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/upload', status: 201 }, found('/after', 200)],
  },
  {
    name: 'early hints and processing',
    turns: [
      ask(0, get('/hints')),
      mumble(
        SERVER,
        'HTTP/1.1 102 Processing\r\n\r\n',
        'HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n',
      ),
      answer(0, reply(200, 3), free('abc')),
      ...bye,
    ],
    expected: [found('/hints', 200)],
  },
  {
    name: 'LF alone ends lines',
    turns: [
      ask(0, 'GET /lf HTTP/1.1\nHost: x\n\n'),
      answer(0, 'HTTP/1.1 200 OK\nContent-Length: 5\n\n', free('hello')),
      ask(1, 'GET /lf2 HTTP/1.0\n\n'),
      answer(1, 'HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n3\n', free('abc'), '\n0\n\n'),
      ...bye,
    ],
    expected: [found('/lf', 200), found('/lf2', 200, { version: 10 })],
  },
  {
    name: 'absolute form',
    turns: [
      ask(0, get('http://other.example:8080/abs?q=1')),
      answer(0, reply(200, 0)),
      ask(1, 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(1, reply(204, 0)),
      ...bye,
    ],
    expected: [found('http://other.example:8080/abs?q=1', 200), { operation: 'OPTIONS', target: '*', status: 204 }],
  },
  {
    name: 'absolute form, first on its connection and longer than what detection sees',
    turns: [ask(0, get(LONG_PROXIED)), answer(0, reply(200, 0)), ask(1, get('/abs')), answer(1, reply(200, 0)), ...bye],
    expected: [found(LONG_PROXIED, 200), found('/abs', 200)],
    long: true,
  },
  {
    name: 'a method that nobody knows, first on its connection and longer than what detection sees',
    turns: [
      ask(0, `REPORT ${LONG_PATH} HTTP/1.1\r\nHost: x\r\n\r\n`),
      answer(0, reply(207, 0)),
      ask(1, get('/next')),
      answer(1, reply(200, 0)),
      ...bye,
    ],
    expected: [{ operation: 'REPORT', target: LONG_PATH, status: 207 }, found('/next', 200)],
    long: true,
  },
  {
    name: 'a transfer coding that is none',
    turns: [
      ask(0, post('/a', 3, 'Transfer-Encoding: identity\r\n'), free('abc')),
      answer(0, reply(200, 5, 'Transfer-Encoding: Identity\r\n'), free('hello')),
      ask(1, get('/b')),
      answer(1, reply(200, 2), free('ok')),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/a', status: 200 }, found('/b', 200)],
  },
  {
    name: 'bodies where there must be none',
    turns: [
      ask(0, 'HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(0, reply(200, 5)),
      mumble(SERVER, 'hello'),
      ask(1, get('/a')),
      answer(1, reply(304, 7)),
      mumble(SERVER, 'Not mod'),
      ask(2, 'HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(2, reply(404, 900)),
      ask(3, get('/b')),
      answer(3, reply(200, 2), free('ok')),
      ...bye,
    ],
    expected: [
      { operation: 'HEAD', target: '/h', status: 200 },
      found('/a', 304),
      { operation: 'HEAD', target: '/h', status: 404 },
      found('/b', 200),
    ],
    fragile: true,
  },
  {
    name: 'methods that nobody knows',
    turns: [
      ask(0, 'PROPFIND /dav HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n', free('<x/>')),
      answer(0, reply(207, 4), free('<y/>')),
      ask(1, 'M-SEARCH * HTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(1, reply(200, 0)),
      ask(2, "x!#$%&'*+-.^_`|~9 /odd HTTP/1.1\r\nHost: x\r\n\r\n"),
      answer(2, reply(405, 0)),
      ask(3, 'QUERY /q HTTP/1.1\r\nContent-Length: 3\r\n\r\n', free('a=1')),
      answer(3, reply(200, 0)),
      ...bye,
    ],
    expected: [
      { operation: 'PROPFIND', target: '/dav', status: 207 },
      { operation: 'M-SEARCH', target: '*', status: 200 },
      { operation: "x!#$%&'*+-.^_`|~9", target: '/odd', status: 405 },
      { operation: 'QUERY', target: '/q', status: 200 },
    ],
    fragile: true, // behind a hole only known methods are believed
  },
  {
    name: 'blanks in the target and around it',
    turns: [
      ask(0, 'GET   /with some blanks   HTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(0, reply(200, 0)),
      ask(1, 'GET\t/tab\tHTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(1, reply(200, 0)),
      ...bye,
    ],
    expected: [found('/with some blanks', 200), found('/tab', 200)],
  },
  {
    name: 'empty lines in front of messages',
    turns: [
      mumble(CLIENT, '\r\n'),
      ask(0, get('/empty')),
      answer(0, reply(200, 2), free('ok')),
      mumble(CLIENT, '\r\n\r\n\n'),
      ask(1, get('/empty2')),
      mumble(SERVER, '\r\n'),
      answer(1, reply(200, 2), free('ok')),
      ...bye,
    ],
    expected: [found('/empty', 200), found('/empty2', 200)],
  },
  {
    name: 'no reason phrase, no space behind the code',
    turns: [
      ask(0, get('/noreason')),
      answer(0, 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n', free('ok')),
      ask(1, get('/noreason2')),
      answer(1, 'HTTP/1.1 599 \r\ncontent-length:0\r\n\r\n'),
      ...bye,
    ],
    expected: [found('/noreason', 200), found('/noreason2', 599)],
  },
];

const framing: Conversation[] = [
  {
    name: 'chunked with extensions and trailers',
    turns: [
      ask(
        0,
        'POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\n',
        free('hello'),
        '\r\nA ; a="b;c"\r\n',
        free('0123456789'),
        '\r\n000\r\nX-Sum: 1\r\n\r\n',
      ),
      answer(
        0,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1a\r\n',
        free('abcdefghijklmnopqrstuvwxyz'),
        '\r\n0;last\r\nServer-Timing: x\r\nExpires: never\r\n\r\n',
      ),
      ask(1, get('/next')),
      answer(1, reply(200, 0)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/chunks', status: 200 }, found('/next', 200)],
  },
  {
    name: 'a chunk that looks like messages',
    turns: [
      ask(0, get('/tricky')),
      answer(
        0,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n26\r\n',
        free('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'),
        '\r\n0\r\n\r\n',
      ),
      ask(1, post('/tricky2', 26), free('GET /no HTTP/1.1\r\nHost: x\r\n'.slice(0, 26))),
      answer(1, reply(201, 0)),
      ...bye,
    ],
    expected: [found('/tricky', 200), { operation: 'POST', target: '/tricky2', status: 201 }],
    deceptive: true,
  },
  {
    name: 'no body behind HEAD, 204 and 304',
    turns: [
      ask(0, 'HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n'),
      answer(0, reply(200, 12345)),
      ask(1, get('/nothing')),
      answer(1, 'HTTP/1.1 204 No Content\r\n\r\n'),
      ask(2, get('/same')),
      answer(2, reply(304, 777)),
      ask(3, 'HEAD /chunked HTTP/1.1\r\n\r\n'),
      answer(3, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
      ask(4, get('/last')),
      answer(4, reply(200, 1), free('x')),
      ...bye,
    ],
    expected: [
      { operation: 'HEAD', target: '/head', status: 200 },
      found('/nothing', 204),
      found('/same', 304),
      { operation: 'HEAD', target: '/chunked', status: 200 },
      found('/last', 200),
    ],
    fragile: true, // whether a body follows depends on a request that may be lost
  },
  {
    name: 'read until close',
    turns: [
      ask(0, 'GET /old HTTP/1.0\r\n\r\n'),
      answer(0, 'HTTP/1.0 200 OK\r\nServer: old\r\n\r\n', free('as long as it lasts')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('/old', 200, { version: 10 })],
    fragile: true,
  },
  {
    name: 'HTTP/0.9',
    turns: [ask(0, 'GET /ancient\r\n'), answer(0, free('<html>hello</html>')), fin(SERVER), fin(CLIENT)],
    expected: [found('/ancient', 0, { version: 9 })],
    fragile: true,
  },
  {
    name: 'a request without version, headers behind it',
    turns: [
      ask(0, 'GET /forgot\r\nHost: x\r\nUser-Agent: y\r\n\r\n'),
      answer(0, reply(200, 2), free('ok')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('/forgot', 200, { version: 9 })],
    fragile: true, // without its start the line is too little to be believed
    uncut: true,
  },
  {
    name: 'Transfer-Encoding wins over Content-Length',
    turns: [
      ask(
        0,
        'POST /te HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n',
        free('12345'),
        '\r\n0\r\n\r\n',
      ),
      answer(
        0,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n4\r\n',
        free('1234'),
        '\r\n0\r\n\r\n',
      ),
      ask(1, get('/te2')),
      answer(1, reply(200, 0)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/te', status: 200 }, found('/te2', 200)],
  },
  {
    name: 'Content-Length repeated with one value',
    turns: [
      ask(0, 'POST /cl HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n', free('abc')),
      answer(0, 'HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\n', free('1234')),
      ask(1, get('/cl2')),
      answer(1, 'HTTP/1.1 200 OK\r\nContent-Length:  \t2 \r\n\r\n', free('ok')),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/cl', status: 200 }, found('/cl2', 200)],
  },
  {
    name: 'Content-Length with different values reads until close',
    turns: [
      ask(0, get('/differ')),
      answer(0, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n', free('abcdefg')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('/differ', 200)],
    fragile: true,
  },
  {
    name: 'a Transfer-Encoding that is not chunked reads until close',
    turns: [
      ask(0, get('/gzip')),
      answer(0, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n', free('abcdefg')),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('/gzip', 200)],
    fragile: true,
  },
  {
    name: 'folded headers',
    turns: [
      ask(0, 'POST /fold HTTP/1.1\r\nX-Long: a\r\n  b\r\n\tc\r\nContent-Length:\r\n 3\r\n\r\n', free('abc')),
      answer(0, 'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n2\r\n', free('ok'), '\r\n0\r\n\r\n'),
      ask(1, get('/fold2')),
      answer(1, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\n2\r\n', free('ok'), '\r\n0\r\n\r\n'),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/fold', status: 200 }, found('/fold2', 200)],
  },
];

const handOver: Conversation[] = [
  {
    name: 'CONNECT and TLS inside',
    turns: [
      ask(0, 'CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n'),
      answer(0, 'HTTP/1.1 200 Connection established\r\n\r\n'),
      mumble(CLIENT, Buffer.from('16030100c8010000c403035a5a5a5a5a5a5a5a5a5a', 'hex')),
      mumble(SERVER, Buffer.from('160303007a020000760303', 'hex')),
      ...bye,
    ],
    expected: [{ operation: 'CONNECT', target: 'shop.example:443', status: 200 }],
    fragile: true,
  },
  {
    name: 'CONNECT and HTTP inside',
    turns: [
      ask(0, 'CONNECT shop.example:80 HTTP/1.1\r\n\r\n'),
      answer(0, 'HTTP/1.1 200 OK\r\n\r\n'),
      ask(1, get('/inside')),
      answer(1, reply(200, 2), free('ok')),
      ask(2, get('/inside2')),
      answer(2, reply(404, 0)),
      ...bye,
    ],
    expected: [
      { operation: 'CONNECT', target: 'shop.example:80', status: 200 },
      found('/inside', 200),
      found('/inside2', 404),
    ],
    fragile: true,
  },
  {
    name: 'CONNECT refused and tried again',
    turns: [
      ask(0, 'CONNECT shop.example:443 HTTP/1.1\r\n\r\n'),
      answer(0, reply(407, 5, 'Proxy-Authenticate: Basic\r\n'), free('no no')),
      ask(1, 'CONNECT shop.example:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n'),
      answer(1, 'HTTP/1.1 200 OK\r\n\r\n'),
      mumble(CLIENT, Buffer.from('1603010005010000', 'hex')),
      ...bye,
    ],
    expected: [
      { operation: 'CONNECT', target: 'shop.example:443', status: 407 },
      { operation: 'CONNECT', target: 'shop.example:443', status: 200 },
    ],
    fragile: true,
  },
  {
    name: 'upgrade to a protocol that nobody knows',
    turns: [
      ask(0, get('/chat', 'Upgrade: chat/2\r\nConnection: Upgrade\r\n')),
      answer(0, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat/2\r\n\r\n'),
      mumble(SERVER, Buffer.from('8105', 'hex'), 'hello'),
      mumble(CLIENT, Buffer.from('818501020304', 'hex'), 'hello'),
      ...bye,
    ],
    expected: [found('/chat', 101)],
    fragile: true,
  },
];

const endings: Conversation[] = [
  {
    name: 'reset inside the response',
    turns: [ask(0, get('/rst')), answer(0, reply(200, 1000), free('only the beginning')), rst(SERVER)],
    expected: [found('/rst', 200, { outcome: RESET, end: 'close' })],
  },
  {
    name: 'reset instead of a response',
    turns: [ask(0, get('/ok')), answer(0, reply(200, 0)), ask(1, get('/rst0')), rst(SERVER)],
    expected: [found('/ok', 200), found('/rst0', 0, { outcome: RESET, end: 'close' })],
  },
  {
    name: 'closed inside the response',
    turns: [ask(0, get('/fin')), answer(0, reply(200, 1000), free('only the beginning')), ...bye],
    expected: [found('/fin', 200, { outcome: CLOSED, end: 'close' })],
  },
  {
    name: 'closed instead of a response',
    turns: [ask(0, get('/fin0')), fin(SERVER), fin(CLIENT)],
    expected: [found('/fin0', 0, { outcome: CLOSED, end: 'close' })],
  },
  {
    name: 'the client half-closes and is answered',
    turns: [ask(0, get('/half')), fin(CLIENT), answer(0, reply(200, 5), free('hello')), fin(SERVER)],
    expected: [found('/half', 200)],
  },
  {
    name: 'the capture ends before the response',
    turns: [ask(0, get('/open'))],
    expected: [found('/open', 0, { outcome: OPEN, end: 'capture' })],
  },
  {
    name: 'the capture ends inside the response',
    turns: [ask(0, get('/cut')), answer(0, reply(200, 1000), free('only the beginning'))],
    expected: [found('/cut', 200, { outcome: TRUNCATED, end: 'unseen' })],
  },
  {
    name: 'the final response before the request is whole',
    turns: [
      ask(0, post('/large', 1000), free('the beginning ')),
      answer(0, reply(413, 3, 'Connection: close\r\n'), free('no!')),
      fin(SERVER),
      rst(CLIENT),
    ],
    expected: [{ operation: 'POST', target: '/large', status: 413, requestEnd: 'unseen', requestBytes: 0 }],
  },
  {
    name: 'the final response first, then the rest of the request all the same',
    turns: [
      ask(0, post('/anyway', 14), free('the beginning ')),
      ask(1, post('/large', 20), free('the beginning ')),
      answer(0, reply(200, 0)),
      answer(1, reply(413, 3), free('no!')),
      mumble(CLIENT, free('of it.')),
      ask(2, get('/next')),
      answer(2, reply(200, 0)),
      ...bye,
    ],
    expected: [
      { operation: 'POST', target: '/anyway', status: 200 },
      { operation: 'POST', target: '/large', status: 413, requestEnd: 'unseen', requestBytes: 0 },
      found('/next', 200),
    ],
    fragile: true,
  },
  {
    name: 'a late answer to HEAD',
    turns: [
      ask(0, 'HEAD /late HTTP/1.1\r\n\r\n'),
      pause(130_000),
      answer(0, reply(200, 1000)),
      ask(1, get('/fresh')),
      answer(1, reply(201, 0)),
      ...bye,
    ],
    expected: [{ operation: 'HEAD', target: '/late', status: 0, outcome: TIMEOUT, end: 120_000 }, found('/fresh', 201)],
    fragile: true,
  },
  {
    name: 'an unasked 408 on an idle connection',
    turns: [
      ask(0, get('/idle')),
      answer(0, reply(200, 2), free('ok')),
      pause(60_000),
      mumble(SERVER, 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [found('/idle', 200)],
  },
  {
    name: 'responses without requests',
    turns: [
      mumble(SERVER, reply(200, 2), free('hm')),
      ask(0, get('/asked')),
      answer(0, reply(201, 0)),
      mumble(SERVER, reply(202, 0)),
      ask(1, get('/asked2')),
      answer(1, reply(203, 0)),
      ...bye,
    ],
    expected: [found('/asked', 201), found('/asked2', 203)],
    fragile: true,
  },
  {
    name: 'never answered, asked again on the connection',
    turns: [
      ask(0, get('/never')),
      pause(130_000),
      answer(0, reply(200, 2), free('ok')), // too late: already told as a timeout
      ask(1, get('/fresh')),
      answer(1, reply(201, 0)),
      ...bye,
    ],
    expected: [found('/never', 0, { outcome: TIMEOUT, end: 120_000 }), found('/fresh', 201)],
    fragile: true,
  },
];

const URL_9K = `/long?${'q'.repeat(9000)}`;
const URL_70K = `/longer?${'q'.repeat(70_000)}`;
const KEPT = 2048;

const CHUNKS_END = '\r\n0\r\n\r\n';
/** The head of a request, and the first chunk's size. */
const chunkedGraphql = (bytes: number): string =>
  `POST /graphql HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n`;
const GRAPHQL = '{"query":"query Cart { items { price } }","variables":{"card":"4111"}}';

const long: Conversation[] = [
  {
    name: 'request lines beyond 8 KiB and beyond 64 KiB',
    turns: [
      ask(0, get(URL_9K)),
      answer(0, reply(200, 2), free('ok')),
      ask(1, get(URL_70K)),
      answer(1, reply(414, 0)),
      ask(2, get('/short')),
      answer(2, reply(200, 0)),
      ...bye,
    ],
    expected: [
      found(URL_9K.slice(0, KEPT), 200, { version: 11 }),
      found(URL_70K.slice(0, KEPT), 414, { version: 11 }),
      found('/short', 200),
    ],
    long: true,
  },
  {
    name: 'header lines beyond 8 KiB and beyond 64 KiB, trailers too',
    turns: [
      ask(
        0,
        `POST /headers HTTP/1.1\r\nCookie: ${'c'.repeat(9000)}\r\nX: ${'x'.repeat(70_000)}\r\nContent-Length: 3\r\n\r\n`,
        free('abc'),
      ),
      answer(
        0,
        `HTTP/1.1 200 OK\r\nSet-Cookie: ${'c'.repeat(70_000)}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n`,
        free('x'),
      ),
      answer(0, `\r\n0\r\nX-Trailer: ${'t'.repeat(20_000)}\r\nX-Last: 1\r\n\r\n`),
      ask(1, get('/next')),
      answer(1, `HTTP/1.1 404 ${'Not '.repeat(3000)}Found\r\nContent-Length: 2\r\n\r\n`, free('no')),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/headers', status: 200 }, found('/next', 404)],
    long: true,
  },
  {
    name: 'a hundred requests in one segment',
    turns: [
      ...Array.from({ length: 100 }, (_, i) => ask(i, get(`/n${i}`))),
      ...Array.from({ length: 100 }, (_, i) => answer(i, reply(400 + (i % 7), 3), free('abc'))),
      ...bye,
    ],
    expected: Array.from({ length: 100 }, (_, i) => found(`/n${i}`, 400 + (i % 7))),
    long: true,
  },
  {
    name: 'GraphQL: the beginning of a body is looked at',
    turns: [
      ask(0, post('/graphql', GRAPHQL.length), GRAPHQL),
      answer(0, reply(200, 5), free('{...}')),
      ask(1, post('/graphql', 5000), GRAPHQL.padEnd(1024), free(' '.repeat(5000 - 1024))),
      answer(1, reply(200, 0)),
      ask(2, post('/graphql', 0)),
      answer(2, reply(400, 0)),
      ...bye,
    ],
    expected: [200, 200, 400].map((status) => ({ operation: 'POST', target: '/graphql', status })),
  },
  {
    name: 'GraphQL: the beginning of the first chunk is looked at',
    turns: [
      ask(
        0,
        chunkedGraphql(5000),
        GRAPHQL.padEnd(1024),
        free(' '.repeat(5000 - 1024)),
        '\r\n3\r\n',
        free('abc'),
        CHUNKS_END,
      ),
      answer(0, reply(200, 5), free('{...}')),
      ask(1, chunkedGraphql(GRAPHQL.length), GRAPHQL, CHUNKS_END),
      answer(1, reply(200, 0)),
      ...bye,
    ],
    expected: [200, 200].map((status) => ({ operation: 'POST', target: '/graphql', status })),
  },
  {
    name: 'bodies of 10 MiB',
    turns: [
      ask(0, post('/big', 10 << 20), free(Buffer.alloc(10 << 20, 'a'))),
      answer(0, reply(200, 10 << 20), free(Buffer.alloc(10 << 20, 'b'))),
      ask(1, get('/small')),
      answer(1, reply(204, 0)),
      ...bye,
    ],
    expected: [{ operation: 'POST', target: '/big', status: 200 }, found('/small', 204)],
    long: true,
  },
];

/** A message of gRPC; with the flag 0x80 trailers. */
const message = (text: string, flags = 0): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(text.length, 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
};
const trailers = (status: number): Buffer => message(`grpc-message: so it is\r\ngrpc-status:${status}\r\n`, 0x80);
const WEB = 'Content-Type: application/grpc-web+proto\r\n';
const WEB_TEXT = 'Content-Type: application/grpc-web-text\r\n';
const WEB_CHUNKS = `HTTP/1.1 200 OK\r\n${WEB}Transfer-Encoding: chunked\r\n\r\n`;
const chunk = (bytes: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')]);
const base64 = (...parts: readonly Buffer[]): string => parts.map((p) => p.toString('base64')).join('');
const call = (exchange: number, more: string, body: Buffer | string): Saying =>
  ask(exchange, post('/shop.Cart/Get', body.length, more), body);
const called = (status: number): Expected => ({
  operation: 'POST',
  target: '/shop.Cart/Get',
  status: GRPC_STATUS_BASE + status,
  partly: [200],
});

const calls: Conversation[] = [
  {
    name: 'gRPC-Web',
    turns: [
      call(0, WEB, message('which')),
      answer(0, WEB_CHUNKS, chunk(message('a cart')), chunk(trailers(0)), '0\r\n\r\n'),
      call(1, WEB, message('no')),
      answer(1, reply(200, 0, `${WEB}grpc-status: 5\r\ngrpc-message: none\r\n`)),
      call(2, WEB, message('again')),
      answer(2, WEB_CHUNKS, chunk(Buffer.concat([message('one'), message('two')])), chunk(trailers(14)), '0\r\n\r\n'),
      call(3, WEB, message('who')),
      answer(3, reply(401, 2, 'Content-Type: text/plain\r\n'), free('no')),
      ...bye,
    ],
    expected: [...[0, 5, 14].map(called), { ...called(16), partly: [401] }],
  },
  {
    name: 'gRPC-Web: bodies in pieces that are not those of its messages',
    turns: (() => {
      const body = Buffer.concat([message('m'.repeat(3000)), message(''), message('x'), trailers(13)]);
      const cut = [0, 3, 700, 2000, 3011, 3020, 3035, body.length];
      const pieces = cut.slice(1).map((to, i) => chunk(body.subarray(cut[i], to)));
      return [
        ask(
          0,
          post('/shop.Cart/Get', 2005, WEB),
          message('q'.repeat(2000)).subarray(0, 5),
          free(Buffer.alloc(2000, 'q')),
        ),
        answer(0, WEB_CHUNKS, ...pieces, '0\r\n\r\n'),
        call(1, WEB, message('')),
        answer(1, reply(200, body.length, WEB), body),
        ...bye,
      ];
    })(),
    expected: [13, 13].map(called),
    long: true,
  },
  {
    name: 'gRPC-Web in base64, padded in one piece and in many',
    turns: (() => {
      const told = base64(message('a cart'), message('and another'), trailers(7));
      const whole = base64(Buffer.concat([message('a cart'), message('and another'), trailers(9)]));
      return [
        call(0, WEB_TEXT, base64(message('which one'))),
        answer(0, reply(200, told.length, WEB_TEXT), told),
        call(1, WEB_TEXT, base64(message('it'))),
        answer(
          1,
          `HTTP/1.1 200 OK\r\n${WEB_TEXT}Transfer-Encoding: chunked\r\n\r\n`,
          chunk(whole.slice(0, 2)),
          chunk(whole.slice(2, 33)),
          chunk(whole.slice(33)),
          '0\r\n\r\n',
        ),
        ...bye,
      ];
    })(),
    expected: [7, 9].map(called),
  },
  {
    name: 'gRPC-Web until the connection closes',
    turns: [
      call(0, WEB, message('which')),
      answer(0, `HTTP/1.1 200 OK\r\n${WEB}\r\n`, message('a cart'), trailers(3)),
      ...bye,
    ],
    expected: [called(3)],
    fragile: true,
  },
];

export const conversations: readonly Conversation[] = [
  ...plain,
  ...framing,
  ...handOver,
  ...endings,
  ...long,
  ...calls,
];
