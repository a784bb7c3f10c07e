/** TLS handshakes as the kit's conversations, built from the parts that RFC 5246 and RFC 8446 name. */

import { CLOSED, RESET, TRUNCATED } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, fin, free, mumble, rst } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';

const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255);
const u24 = (n: number): Buffer => Buffer.of(n >> 16, (n >> 8) & 255, n & 255);
const vector8 = (b: Buffer): Buffer => Buffer.concat([Buffer.of(b.length), b]);
const vector16 = (...b: Buffer[]): Buffer => Buffer.concat([u16(Buffer.concat(b).length), ...b]);
const vector24 = (...b: Buffer[]): Buffer => Buffer.concat([u24(Buffer.concat(b).length), ...b]);

export const record = (type: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.of(type, 3, 3), u16(payload.length), payload]);
const message = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.of(type), vector24(body)]);
const handshake = (...messages: Buffer[]): Buffer => record(22, Buffer.concat(messages));
/** The same in records of `size` bytes. */
export function inPieces(payload: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < payload.length; at += size) records.push(record(22, payload.subarray(at, at + size)));
  return Buffer.concat(records);
}

const extension = (type: number, body: Buffer): Buffer => Buffer.concat([u16(type), vector16(body)]);
const serverName = (name: string): Buffer =>
  extension(0, vector16(Buffer.concat([Buffer.of(0), vector16(Buffer.from(name))])));
const chosenProtocol = (name: string): Buffer => extension(16, vector16(vector8(Buffer.from(name))));
const supportedVersions = (...versions: number[]): Buffer => extension(43, vector8(Buffer.concat(versions.map(u16))));
const chosenVersion = (version: number): Buffer => extension(43, u16(version));

export function clientHello(name = 'shop.example', ...more: Buffer[]): Buffer {
  return message(
    1,
    Buffer.concat([
      u16(0x0303),
      Buffer.alloc(32, 0x11),
      vector8(Buffer.alloc(32, 0x22)),
      vector16(u16(0x1301), u16(0xc02f)),
      vector8(Buffer.of(0)),
      vector16(...(name === '' ? [] : [serverName(name)]), ...more),
    ]),
  );
}

/** Of a draft of TLS 1.3 up to the 21st: no session id, no compression. */
const draftHello = (draft: number): Buffer =>
  message(
    2,
    Buffer.concat([u16(0x7f00 + draft), Buffer.alloc(32, 0x33), u16(0x1301), vector16(extension(51, u16(29)))]),
  );

export function serverHello(cipher: number, ...extensions: Buffer[]): Buffer {
  const body = [u16(0x0303), Buffer.alloc(32, 0x33), vector8(Buffer.alloc(32, 0x22)), u16(cipher), Buffer.of(0)];
  if (extensions.length > 0) body.push(vector16(...extensions));
  return message(2, Buffer.concat(body));
}

const RETRY = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');
const helloRetryRequest = message(
  2,
  Buffer.concat([
    u16(0x0303),
    RETRY,
    vector8(Buffer.alloc(0)),
    u16(0x1301),
    Buffer.of(0),
    vector16(chosenVersion(0x0304)),
  ]),
);

const der = (type: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.of(type, body.length), body]);
  return Buffer.concat([Buffer.of(type, 0x82), u16(body.length), body]);
};

/** A certificate as far as it is looked at, with `filler` bytes for a key. */
export function certificate(notAfter: string, filler = 400): Buffer {
  const time = (text: string): Buffer => der(text.length === 13 ? 0x17 : 0x18, Buffer.from(text));
  const tbs = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.from('0102030405', 'hex')),
    der(0x30, Buffer.from('300a06082a8648ce3d040302', 'hex')),
    der(0x30, Buffer.alloc(30, 0x31)),
    der(0x30, time('250101000000Z'), time(notAfter)),
    der(0x30, Buffer.alloc(30, 0x31)),
    Buffer.alloc(filler, 0x6b),
  );
  return message(11, vector24(vector24(der(0x30, tbs))));
}

const helloDone = message(14, Buffer.alloc(0));
const keyExchange = message(16, Buffer.alloc(66, 0x44));
const changeCipherSpec = record(20, Buffer.of(1));
const finished = record(22, Buffer.alloc(40, 0x99));
const data = (n: number): Buffer => record(23, Buffer.alloc(n, 0x77));
export const alert = (level: number, description: number): Buffer => record(21, Buffer.of(level, description));

const hello = (more: Buffer[] = []): Buffer => handshake(clientHello('shop.example', ...more));
const ok = { operation: 'ClientHello', target: 'shop.example', status: 1 } as const;

export const conversations: readonly Conversation[] = [
  {
    name: 'TLS 1.2, full handshake',
    turns: [
      ask(0, hello()),
      answer(
        0,
        handshake(serverHello(0xc02f, chosenProtocol('h2'))),
        handshake(certificate('301231235959Z')),
        handshake(helloDone),
      ),
      mumble(CLIENT, handshake(keyExchange), changeCipherSpec, finished),
      answer(0, changeCipherSpec, finished),
      mumble(CLIENT, free(data(300))),
      mumble(SERVER, free(data(3000))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0303 }],
    fragile: true,
  },
  {
    name: 'TLS 1.2, resumed: the client finishes last',
    turns: [
      ask(0, hello()),
      answer(0, handshake(serverHello(0xc02f)), changeCipherSpec, finished),
      mumble(CLIENT, changeCipherSpec, finished),
      mumble(CLIENT, free(data(100))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0303, end: { saying: 2 } }],
    fragile: true,
  },
  {
    name: 'TLS 1.2, messages cut into records of 50 bytes',
    turns: [
      ask(0, inPieces(clientHello(), 50)),
      answer(0, inPieces(Buffer.concat([serverHello(0xc02f), certificate('20491231235959Z'), helloDone]), 50)),
      mumble(CLIENT, handshake(keyExchange), changeCipherSpec, finished),
      answer(0, changeCipherSpec, finished),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0303 }],
    fragile: true,
  },
  {
    name: 'TLS 1.2, in records of one byte, and of three',
    turns: [
      ask(0, inPieces(clientHello(), 1)),
      answer(0, inPieces(Buffer.concat([serverHello(0xc02f), certificate('301231235959Z', 60), helloDone]), 3)),
      mumble(CLIENT, handshake(keyExchange), changeCipherSpec, finished),
      answer(0, changeCipherSpec, finished),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0303 }],
    fragile: true,
    long: true,
  },
  {
    name: 'TLS 1.3',
    turns: [
      ask(0, hello([supportedVersions(0x0304, 0x0303)])),
      answer(0, handshake(serverHello(0x1301, chosenVersion(0x0304))), changeCipherSpec, data(900)),
      mumble(CLIENT, changeCipherSpec, data(58)),
      mumble(CLIENT, free(data(200))),
      mumble(SERVER, free(data(2000))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0304, end: { saying: 2 } }],
    fragile: true,
  },
  {
    name: 'a draft of TLS 1.3 with a hello of its own',
    turns: [
      ask(0, hello([supportedVersions(0x7f12, 0x0303)])),
      answer(0, handshake(draftHello(18)), data(900)),
      mumble(CLIENT, data(58)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x7f12, end: { saying: 2 } }],
    fragile: true,
  },
  {
    name: 'a later draft of TLS 1.3',
    turns: [
      ask(0, hello([supportedVersions(0x7f17)])),
      answer(0, handshake(serverHello(0x1301, chosenVersion(0x7f17))), changeCipherSpec, data(900)),
      mumble(CLIENT, changeCipherSpec, data(58)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x7f17, end: { saying: 2 } }],
    fragile: true,
  },
  {
    name: 'TLS 1.3, the server asks for another hello',
    turns: [
      ask(0, hello([supportedVersions(0x0304)])),
      answer(0, handshake(helloRetryRequest), changeCipherSpec),
      mumble(CLIENT, changeCipherSpec, hello([supportedVersions(0x0304)])),
      answer(0, handshake(serverHello(0x1302, chosenVersion(0x0304))), data(700)),
      mumble(CLIENT, data(58)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0304, end: { saying: 4 } }],
    deceptive: true, // of the second hello alone nobody can tell that it is one
  },
  {
    name: 'the server refuses',
    turns: [ask(0, hello()), answer(0, alert(2, 40)), fin(SERVER), fin(CLIENT)],
    expected: [{ ...ok, status: 1040 }],
  },
  {
    name: 'the client does not like the certificate',
    turns: [
      ask(0, hello()),
      answer(0, handshake(serverHello(0xc02f)), handshake(certificate('200101000000Z')), handshake(helloDone)),
      mumble(CLIENT, alert(2, 45)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0303, status: 2045, end: { saying: 2 } }],
    deceptive: true,
  },
  {
    name: 'TLS 1.3, the client does not like the certificate and says so encrypted',
    turns: [
      ask(0, hello([supportedVersions(0x0304)])),
      answer(0, handshake(serverHello(0x1301, chosenVersion(0x0304))), changeCipherSpec, data(900)),
      mumble(CLIENT, changeCipherSpec, data(19)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0304, status: 2999, end: { saying: 2 } }],
    deceptive: true,
  },
  {
    name: 'a warning ends nothing',
    turns: [
      ask(0, hello()),
      mumble(SERVER, alert(1, 112)),
      answer(0, handshake(serverHello(0xc02f)), changeCipherSpec, finished),
      mumble(CLIENT, changeCipherSpec, finished),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [{ ...ok, version: 0x0303, end: { saying: 3 } }],
    fragile: true,
  },
  {
    name: 'closed in the middle of the handshake',
    turns: [ask(0, hello()), answer(0, handshake(serverHello(0xc02f))), fin(SERVER), fin(CLIENT)],
    expected: [{ ...ok, version: 0x0303, outcome: CLOSED, end: 'close' }],
    deceptive: true,
  },
  {
    name: 'reset instead of an answer',
    turns: [ask(0, hello()), rst(SERVER)],
    expected: [{ ...ok, status: 0, outcome: RESET, end: 'close' }],
    fragile: true,
  },
  {
    name: 'the capture ends in the middle of the handshake',
    turns: [ask(0, hello()), answer(0, handshake(serverHello(0xc02f)))],
    expected: [{ ...ok, version: 0x0303, outcome: TRUNCATED, end: 'unseen' }],
    deceptive: true,
  },
];
