import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOSED, COMPLETE, OUTCOMES } from '../../src/exchange/exchange.ts';
import { CLIENT as CLIENT_SIDE, SERVER as SERVER_SIDE, type Side } from '../../src/exchange/semantics.ts';
import { http } from '../../src/protocols/http/index.ts';
import { websocket } from '../../src/protocols/websocket/index.ts';
import { attributes } from '../kit/attributes.ts';
import { answer, ask, type Conversation, fin, mumble, pause, rst, type Turn } from '../kit/conversation.ts';
import { CLIENT, isData, SERVER } from '../kit/frame.ts';
import { fuzz } from '../kit/fuzz.ts';
import { Random } from '../kit/random.ts';
import { type Found, Rig } from '../kit/run.ts';
import { type Delivery, frames, link, pieces, randomCuts, whole } from '../kit/wire.ts';

const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n';

function frame(masked: boolean, first: number, payload: Buffer): Buffer {
  const n = payload.length;
  const length = n < 126 ? Buffer.of(n) : n < 65_536 ? Buffer.of(126, n >> 8, n & 255) : Buffer.alloc(9);
  if (n >= 65_536) {
    length[0] = 127;
    length.writeBigUInt64BE(BigInt(n), 1);
  }
  if (!masked) return Buffer.concat([Buffer.of(first), length, payload]);
  length[0]! |= 0x80;
  const key = Buffer.of(0xa1, 0xb2, 0xc3, 0xd4);
  return Buffer.concat([Buffer.of(first), length, key, payload.map((b, i) => b ^ key[i & 3]!)]);
}
const TEXT = 0x81;
const FIRST_OF_MORE = 0x02;
const LAST = 0x80;
const PING = 0x89;
const PONG = 0x8a;
const CLOSE = 0x88;
const fromClient = (first: number, payload: Buffer | string = ''): Turn =>
  mumble(CLIENT, frame(true, first, Buffer.from(payload as string)));
const fromServer = (first: number, payload: Buffer | string = ''): Turn =>
  mumble(SERVER, frame(false, first, Buffer.from(payload as string)));
const code = (n: number, reason = ''): Buffer => Buffer.concat([Buffer.of(n >> 8, n & 255), Buffer.from(reason)]);

const opened = [ask(0, UPGRADE), answer(0, SWITCHING)];
const chat: Conversation = {
  name: 'a chat over WebSocket',
  turns: [
    ...opened,
    fromServer(TEXT, 'welcome'),
    fromClient(TEXT, 'hello'),
    fromClient(FIRST_OF_MORE, Buffer.alloc(200, 'a')),
    fromClient(PING),
    fromClient(LAST, Buffer.alloc(300, 'b')),
    fromServer(PONG),
    fromServer(TEXT, Buffer.alloc(70_000, 'c')),
    fromClient(CLOSE, code(1000, 'bye')),
    fromServer(CLOSE, code(1000)),
    fin(SERVER),
    fin(CLIENT),
  ],
  expected: [],
};

const short: Conversation = {
  ...chat,
  name: 'a short chat',
  turns: chat.turns.filter((t) => t.what !== 'say' || t.bytes.length < 1000),
};

function sessions(c: Conversation, d: Delivery = whole, lost = -1): Found[] {
  const all = frames(c, link({ serverPort: 80 }), d);
  const rig = new Rig()
    .feed(all.filter((_, k) => k !== lost))
    .wait(1)
    .end();
  return rig.found.filter((f) => f.protocol === 'websocket');
}

function said(f: Found, side: Side): Record<string, unknown> {
  const is = Object.entries(attributes(f.record, side)).filter(([key]) => key.startsWith('spantap.'));
  return Object.fromEntries(is.map(([key, value]) => [key.slice('spantap.websocket.'.length), value]));
}

test('a session is one exchange, however its frames are cut', () => {
  for (const d of [pieces(60_000), pieces(1400), pieces(100)]) {
    const [f, ...more] = sessions(chat, d);
    assert.deepEqual([more.length, f!.outcome, websocket.semantics.status(f!.record)], [0, COMPLETE, '1000']);
    assert.deepEqual(said(f!, CLIENT_SIDE), {
      close_code: 1000,
      'messages.sent': 2,
      'messages.received': 2,
      'bytes.sent': 505,
      'bytes.received': 70_007,
    });
    assert.equal(said(f!, SERVER_SIDE)['messages.received'], 2);
    assert.equal(said(f!, SERVER_SIDE)['bytes.sent'], 70_007);
  }
});

test('byte by byte, and cut at random', () => {
  const cuts: Delivery[] = [pieces(1), { merge: true }];
  for (let seed = 0; seed < 20; seed++) cuts.push(randomCuts(new Random(seed), 9));
  for (const d of cuts) {
    const [f] = sessions(short, d);
    assert.deepEqual([f!.outcome, said(f!, CLIENT_SIDE)['messages.received']], [COMPLETE, 1]);
  }
});

test('a lost segment costs messages, not the session', () => {
  const all = frames(chat, link({ serverPort: 80 }));
  let incomplete = 0;
  for (let k = 8; k < all.length; k++) {
    if (!isData(all[k]!)) continue;
    const found = sessions(chat, whole, k);
    assert.equal(found.length, 1, `without frame ${k}`);
    if (said(found[0]!, CLIENT_SIDE).incomplete === true) incomplete++;
  }
  assert.ok(incomplete > 3, `${incomplete} sessions`);
});

test('messages are reported as they pass, whole ones only, and not for the first time when the session ends', () => {
  const without = (lost: number, c = chat): unknown[] => {
    const rig = new Rig().feed(frames(c, link({ serverPort: 80 })).filter((_, k) => k !== lost));
    if (lost >= 0) rig.wait(1).end();
    else
      assert.ok(
        rig.found.every((f) => f.protocol !== 'websocket'),
        'the session goes on',
      );
    return rig.passed.map((m) => [m.protocol, m.toServer ? 'up' : 'down', m.kind, m.bytes]);
  };
  const goesOn = { ...chat, turns: chat.turns.slice(0, 9) };
  const all = [
    ['websocket', 'down', 1, 7],
    ['websocket', 'up', 1, 5],
    ['websocket', 'up', 2, 500],
    ['websocket', 'down', 1, 70_000],
  ];
  assert.deepEqual(without(-1, goesOn), all);
  // the first half of the third, and then the second
  const data = frames(chat, link({ serverPort: 80 }));
  const halves = data.flatMap((f, k) => (isData(f) && [208, 308].includes(f.to - f.from) ? [k] : []));
  assert.equal(halves.length, 2);
  for (const half of halves) assert.deepEqual(without(half).toSorted(), all.filter((m) => m[3] !== 500).toSorted());
});

test('how it ends: other codes are errors, and so is an end without a close', () => {
  const ending = (...turns: Turn[]): unknown[] => {
    const [f] = sessions({ ...chat, turns: [...opened, fromClient(TEXT, 'x'), ...turns] });
    return [OUTCOMES[f!.outcome], websocket.semantics.errorType(f!.record, CLIENT_SIDE)];
  };
  assert.deepEqual(ending(fromServer(CLOSE, code(1011)), fromClient(CLOSE, code(1011))), ['complete', '1011']);
  assert.deepEqual(ending(fromClient(CLOSE, code(1001)), fromServer(CLOSE, code(1001))), ['complete', '']);
  assert.deepEqual(ending(fromClient(CLOSE), fromServer(CLOSE)), ['complete', '']);
  assert.deepEqual(ending(fromServer(CLOSE, code(4001)), fromClient(CLOSE, code(4001))), ['complete', '']);
  assert.deepEqual(ending(fin(SERVER), fin(CLIENT)), [OUTCOMES[CLOSED], 'connection_closed']);
  assert.deepEqual(ending(rst(SERVER)), ['reset', 'connection_reset']);
});

test('silence is no time-out', () => {
  const [f] = sessions({
    ...chat,
    turns: [
      ...opened,
      fromClient(TEXT, 'x'),
      pause(250_000),
      fromServer(TEXT, 'y'),
      fromClient(CLOSE),
      fromServer(CLOSE),
    ],
  });
  assert.equal(OUTCOMES[f!.outcome], 'complete');
});

const WORDS = [
  UPGRADE,
  SWITCHING,
  ...['', 'x', 'x'.repeat(200)].flatMap((s) => [
    frame(true, TEXT, Buffer.from(s)),
    frame(false, CLOSE, Buffer.from(s).subarray(0, 125)),
  ]),
  Buffer.of(0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0x88, 0x80),
  Buffer.of(0xff, 0xff),
].map((b) => b.toString('latin1'));
fuzz(http, [short], WORDS);

test('heads that the snaplen cuts: what follows tells whether the 101 was the answer', () => {
  const told = (behind: Buffer, ...more: Turn[]): Found[] => {
    const turns = [ask(0, UPGRADE), answer(0, SWITCHING), mumble(SERVER, behind), ...more, fin(CLIENT), fin(SERVER)];
    const all = frames({ name: 'cut', turns, expected: [] }, link({ serverPort: 80 }));
    const cut = all.map((f) => (f.to - f.from > 60 ? { ...f, captured: 40 } : f));
    return new Rig().feed(cut).end().found;
  };
  for (const first of [TEXT, FIRST_OF_MORE, CLOSE, 0xc1]) {
    const [x] = told(frame(false, first, Buffer.from('ab')), fromClient(TEXT, 'hello'));
    assert.deepEqual([x!.target, x!.status, OUTCOMES[x!.outcome]], ['/chat', 101, 'truncated']);
    assert.ok(x!.firstByteNs > x!.startNs && x!.firstByteNs < 4e6);
  }
  // SETTINGS of HTTP/2, and what is neither
  for (const behind of [
    Buffer.of(0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100),
    Buffer.from('hello'),
    Buffer.of(0x81),
  ]) {
    const [x] = told(behind);
    assert.deepEqual([x!.target, x!.status, OUTCOMES[x!.outcome]], ['/chat', 0, 'lost']);
  }
  const [x] = told(Buffer.alloc(0));
  assert.deepEqual([x!.status, OUTCOMES[x!.outcome]], [0, 'lost']);
});
