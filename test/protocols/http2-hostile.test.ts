/** What a hostile end may try: floods, bombs, tables without end. Memory stays within its bounds, time linear, and what follows is found. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../src/config/defaults.ts';
import { COMPLETE, LOST, RESET, TRUNCATED } from '../../src/exchange/exchange.ts';
import { COUNTERS, type Http2Counters } from '../../src/protocols/http2/counters.ts';
import { CLIENT, type Frame, type Party, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { link, Wire } from '../kit/wire.ts';
import { empty, get, head } from './http2-conversations.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  Encoder,
  frame,
  frameHead,
  GOAWAY,
  HEADERS,
  integer,
  PREFACE,
  RST_STREAM,
  settings,
  text,
  u32,
} from './http2-wire.ts';

const BOTH = END_HEADERS | END_STREAM;
const SEGMENT = 1400;

/** One connection, and what the pipeline makes of it. */
class Line {
  readonly rig = new Rig();
  readonly #wire: Wire;
  readonly #before: Http2Counters = { ...COUNTERS };
  #fed = 0;

  constructor() {
    this.#wire = new Wire(link({ serverPort: 8080 }));
    this.#wire.handshake();
    this.say(CLIENT, PREFACE, settings());
    this.say(SERVER, settings());
  }

  /** In segments of usual size. */
  say(side: Party, ...parts: readonly Buffer[]): this {
    const bytes = Buffer.concat(parts);
    for (let at = 0; at < bytes.length; at += SEGMENT) this.#wire.data(side, bytes.subarray(at, at + SEGMENT));
    this.#feed();
    return this;
  }

  /** Says it, and the capture misses it. */
  miss(side: Party, ...parts: readonly Buffer[]): this {
    this.#wire.data(side, Buffer.concat(parts));
    this.#fed = this.#wire.frames.length;
    return this;
  }

  #feed(): void {
    const all: readonly Frame[] = this.#wire.frames;
    this.rig.feed(all.slice(this.#fed));
    this.#fed = all.length;
  }

  /** A request and its response behind all that. */
  after(stream: number): this {
    this.say(CLIENT, get(stream, '/after'));
    this.say(SERVER, empty(stream, 204));
    return this;
  }

  /** The request behind it was found. */
  end(target = '/after'): this {
    this.rig.end();
    const last = this.rig.found.find((f) => f.status === 204);
    assert.ok(last !== undefined, 'what follows is found');
    assert.equal(last.outcome, COMPLETE);
    assert.equal(last.target, target);
    return this;
  }

  count(name: keyof Http2Counters): number {
    return COUNTERS[name] - this.#before[name];
  }

  get peakBytes(): number {
    return this.rig.peakBytes;
  }
}

const plain = new Encoder();
const block = (path: string): Buffer =>
  plain.block([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', path],
  ]);

test('CONTINUATION frames without end, empty or not', () => {
  for (const size of [0, 1, 1000]) {
    const line = new Line();
    const flood = Array.from({ length: 30_000 / (size === 1000 ? 20 : 1) }, () =>
      frame(CONTINUATION, 0, 1, Buffer.alloc(size, 0x82)),
    );
    line.say(CLIENT, frame(HEADERS, END_STREAM, 1, block('/flood')), ...flood);
    line.say(CLIENT, frame(CONTINUATION, END_HEADERS, 1, block('/flood')));
    line.after(3).end();
    assert.equal(line.count('oversizedBlocks'), 1);
    assert.ok(line.peakBytes < 200_000, `${line.peakBytes}`);
  }
});

test('a header block that is too large: of a request it is passed over, of a response its status is unknown', () => {
  const line = new Line();
  line.say(CLIENT, frame(HEADERS, BOTH, 1, Buffer.concat([block('/large'), text('x'), Buffer.alloc(100_000)])));
  line.say(CLIENT, get(3, '/asked')).say(SERVER, frame(HEADERS, END_HEADERS, 3, Buffer.alloc(100_000, 0x82)));
  line.say(SERVER, frame(DATA, END_STREAM, 3, 'hello'));
  line.say(CLIENT, get(5, '/only')).say(SERVER, frame(HEADERS, BOTH, 5, Buffer.alloc(100_000, 0x82)));
  line.after(7).end();
  assert.deepEqual(
    line.rig.found.map((f) => [f.target, f.status, f.outcome]),
    [
      ['/asked', 0, COMPLETE],
      ['/only', 0, TRUNCATED],
      ['/after', 204, COMPLETE],
    ],
  );
  assert.equal(line.count('oversizedBlocks'), 3);
  assert.ok(line.peakBytes < 200_000, `${line.peakBytes}`);
});

test('rapid resets', () => {
  const line = new Line();
  const streams = 20_000;
  const both: Buffer[] = [];
  for (let k = 0; k < streams; k++) both.push(get(2 * k + 1, '/reset'), frame(RST_STREAM, 0, 2 * k + 1, u32(8)));
  line.say(CLIENT, ...both);
  line.after(2 * streams + 1).end();
  assert.equal(line.count('resets'), streams);
  assert.equal(line.rig.found.filter((f) => f.outcome === RESET).length, streams);
  assert.ok(line.peakBytes < 100_000, `${line.peakBytes}`);
});

test('a small block that stands for a large list of fields', () => {
  const line = new Line();
  const large = Buffer.concat([Buffer.of(0x40), text('x-large'), text('v'.repeat(4000))]);
  line.say(CLIENT, frame(HEADERS, BOTH, 1, Buffer.concat([block('/first'), large])));
  line.say(CLIENT, frame(HEADERS, BOTH, 3, Buffer.concat([block('/bomb'), Buffer.alloc(10_000, 0xbe)])));
  line.after(5).end();
  assert.equal(line.count('oversizedLists'), 1);
  assert.deepEqual(new Set(line.rig.found.map((f) => f.target)), new Set(['/first', '/after']));
});

test('a table of 4 GiB', () => {
  const line = new Line();
  line.say(SERVER, settings([1, 0xffffffff]));
  line.say(CLIENT, frame(HEADERS, BOTH, 1, Buffer.concat([integer(0xffffffff, 5, 0x20), block('/first')])));
  for (let k = 1; k < 200; k++) {
    const entries = Array.from({ length: 10 }, (_, i) =>
      Buffer.concat([Buffer.of(0x44), text(`/${k}/${i}/${'p'.repeat(1000)}`)]),
    );
    line.say(CLIENT, frame(HEADERS, BOTH, 2 * k + 1, Buffer.concat([...entries, block('/more')])));
    line.say(SERVER, empty(2 * k + 1, 200));
  }
  line.after(1001).end();
  assert.ok(line.peakBytes < 64 * 1024 * 2 + 100_000, `${line.peakBytes}`);
});

test('more streams than may be followed are counted, and those under way are found', () => {
  const line = new Line();
  const most = DEFAULTS.exchanges.maxInFlight;
  const streams = most + 2000;
  line.say(CLIENT, ...Array.from({ length: streams }, (_, k) => get(2 * k + 1, `/many/${k}`)));
  line.say(SERVER, ...Array.from({ length: streams }, (_, k) => empty(2 * k + 1, 200)));
  line.after(2 * streams + 1).end();
  assert.equal(line.rig.found.filter((f) => f.status === 200 && f.outcome === COMPLETE).length, most);
  assert.equal(line.rig.count('exchange.refused_in_flight'), streams - most);
  assert.equal(line.count('unasked'), streams - most);
});

test('a server that goes away again and again', () => {
  const line = new Line();
  line.say(CLIENT, ...Array.from({ length: 1000 }, (_, k) => get(2 * k + 1, '/goes')));
  line.say(SERVER, ...Array.from({ length: 10_000 }, (_, k) => frame(GOAWAY, 0, 0, u32(Math.max(1, 2001 - k), 0))));
  line.rig.end();
  assert.equal(line.count('resets'), 999);
});

test('ends of thousands of streams are lost: what is held for them is given back in time', () => {
  const line = new Line();
  const streams = 5000;
  for (let k = 0; k < streams; k++) {
    const id = 2 * k + 1;
    line.say(CLIENT, get(id, '/endless')).say(SERVER, head(id, 200));
    line.miss(SERVER, frame(DATA, END_STREAM, id, 'bye'));
    if (k % 100 === 0) line.rig.wait(2000);
  }
  line.after(2 * streams + 1).end();
  const endings = Map.groupBy(line.rig.found, (f) => f.outcome);
  assert.equal(endings.get(TRUNCATED)?.length, streams);
  assert.ok(line.peakBytes < 2_000_000, `${line.peakBytes}`);
});

test('answers of thousands of streams are lost: new ones find room', () => {
  const line = new Line();
  const streams = 3000;
  for (let k = 0; k < streams; k++) {
    const id = 2 * k + 1;
    line.say(CLIENT, get(id, '/unheard')).miss(SERVER, empty(id, 200));
    if (k % 10 === 0) line.say(SERVER, frame(6, 0, 0, Buffer.alloc(8)));
  }
  line.after(2 * streams + 1).end();
  const endings = Map.groupBy(line.rig.found, (f) => f.outcome);
  assert.equal((endings.get(LOST)?.length ?? 0) + line.rig.count('exchange.refused_in_flight'), streams);
  assert.ok(line.rig.count('exchange.refused_in_flight') <= 10);
});

test('lengths that nobody can believe', () => {
  for (const bad of [
    frameHead(HEADERS, BOTH, 1, 0xffffff),
    frameHead(HEADERS, BOTH | 8, 1, 0),
    Buffer.concat([frameHead(HEADERS, BOTH | 8, 1, 5), Buffer.of(200, 0x82, 0x82, 0x82, 0x82)]),
    Buffer.concat([frameHead(DATA, 8, 1, 3), Buffer.of(3, 0, 0)]),
    frameHead(DATA, 8, 1, 0),
    frameHead(RST_STREAM, 0, 1, 5),
    frameHead(GOAWAY, 0, 0, 7),
    frameHead(4, 0, 0, 0xffffff),
    frameHead(9, 0, 1, 10),
  ]) {
    const line = new Line();
    line.say(CLIENT, get(1, '/before')).say(SERVER, empty(1, 200)).say(CLIENT, bad);
    line.say(CLIENT, Buffer.alloc(3000, 0xff));
    line.rig.end();
    assert.equal(line.rig.found.filter((f) => f.status === 200).length, 1);
    assert.ok(line.peakBytes < 200_000);
  }
});
