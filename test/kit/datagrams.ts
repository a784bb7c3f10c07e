/** What a decoder must stand over UDP: conversations of datagrams, put on the wire in every way that a wire knows. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMPLETE, OUTCOMES } from '../../src/exchange/exchange.ts';
import type { Protocol } from '../../src/protocols/protocol.ts';
import { CLIENT, type Party, SERVER } from './frame.ts';
import { LONG_SECONDS, MAX_SECONDS } from './fuzz.ts';
import { Random } from './random.ts';
import { type Found, Rig } from './run.ts';

/** One datagram as its sender sent it. */
export interface Datagram {
  readonly side: Party;
  readonly payload: Buffer;
  /** The exchange that it is a request or response of; -1: of none. */
  readonly exchange: number;
  readonly gapNs: number;
  /** Tells flows apart: goes into the client's port. */
  readonly flow: number;
  /** Bytes of the payload that the snaplen leaves. */
  readonly captured: number;
}

const datagram = (side: Party, exchange: number, payload: Buffer, more: Partial<Datagram> = {}): Datagram => ({
  side,
  exchange,
  payload,
  gapNs: 1_000_000,
  flow: 1,
  captured: Number.POSITIVE_INFINITY,
  ...more,
});

export const asks = (exchange: number, payload: Buffer, more?: Partial<Datagram>): Datagram =>
  datagram(CLIENT, exchange, payload, more);
export const answers = (exchange: number, payload: Buffer, more?: Partial<Datagram>): Datagram =>
  datagram(SERVER, exchange, payload, more);

export interface ExpectedExchange {
  readonly operation: string;
  /** Tells the exchanges of a conversation apart. */
  readonly target: string;
  readonly status: number;
  readonly outcome?: number;
  /** How often the request was sent again. */
  readonly retransmissions?: number;
}

export interface Exchanged {
  readonly name: string;
  readonly datagrams: readonly Datagram[];
  readonly expected: readonly ExpectedExchange[];
  /** What it says stands partly at the end of its datagrams: the snaplen must not cut them. */
  readonly uncut?: boolean;
}

export interface Where {
  readonly version: 4 | 6;
  readonly serverPort: number;
}

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;

/** Ethernet, IPv4 or IPv6, UDP; the client is 10.1.0.1 or 2001:db8::1, the server 10.0.0.2 or 2001:db8::2. */
export function layOutDatagram(d: Datagram, at: Where): { bytes: Buffer; wireLength: number } {
  const ipBytes = at.version === 4 ? 20 : 40;
  const head = ETHERNET_BYTES + ipBytes + UDP_BYTES;
  const b = Buffer.alloc(head + d.payload.length);
  const length = UDP_BYTES + d.payload.length;
  b.writeUInt16BE(at.version === 4 ? 0x0800 : 0x86dd, 12);
  const [source, destination] = d.side === CLIENT ? [0, 1] : [1, 0];
  if (at.version === 4) {
    b[14] = 0x45;
    b.writeUInt16BE(20 + length, 16);
    b[22] = 64;
    b[23] = 17;
    const ends = [Buffer.of(10, 1, 0, 1), Buffer.of(10, 0, 0, 2)];
    ends[source]!.copy(b, 26);
    ends[destination]!.copy(b, 30);
  } else {
    b[14] = 0x60;
    b.writeUInt16BE(length, 18);
    b[20] = 17;
    b[21] = 64;
    const ends = ['1', '2'].map((last) => Buffer.from(`20010db8${'0'.repeat(23)}${last}`, 'hex'));
    ends[source]!.copy(b, 22);
    ends[destination]!.copy(b, 38);
  }
  const ports = [1024 + d.flow, at.serverPort];
  b.writeUInt16BE(ports[source]!, ETHERNET_BYTES + ipBytes);
  b.writeUInt16BE(ports[destination]!, ETHERNET_BYTES + ipBytes + 2);
  b.writeUInt16BE(length, ETHERNET_BYTES + ipBytes + 4);
  d.payload.copy(b, head);
  return { bytes: b.subarray(0, head + Math.min(d.captured, d.payload.length)), wireLength: b.length };
}

/** A datagram of the conversation, and when it was captured. */
interface Seen {
  readonly d: Datagram;
  readonly timeNs: number;
}

/** A pipeline that is fed datagrams, and what passed it. */
export class DatagramRig extends Rig {
  readonly seen: Seen[] = [];

  pass(list: readonly Datagram[], at: Where): this {
    for (const d of list) {
      this.nowNs += d.gapNs;
      this.seen.push({ d, timeNs: this.nowNs });
      const { bytes, wireLength } = layOutDatagram(d, at);
      this.raw(bytes, wireLength);
    }
    return this;
  }

  /** Capture time of the first datagram of that exchange from that side; NaN: none was captured. */
  firstNs(exchange: number, side: Party): number {
    return this.seen.find(({ d }) => d.exchange === exchange && d.side === side)?.timeNs ?? Number.NaN;
  }
}

const indexOf = (c: Exchanged, f: Found): number =>
  c.expected.findIndex((e) => e.target === f.target && e.operation === f.operation);

/** What must be found when nothing was lost, field by field; `only`: these exchanges, the others are not looked at. */
export function assertAll(c: Exchanged, rig: DatagramRig, note: string, only?: ReadonlySet<number>): void {
  const wanted = c.expected.map((_, i) => i).filter((i) => only === undefined || only.has(i));
  const found = rig.found.filter((f) => only === undefined || only.has(indexOf(c, f)));
  const shown = (i: number, f: Found | null): string => {
    const e = c.expected[i]!;
    const outcome = f === null ? (e.outcome ?? COMPLETE) : f.outcome;
    const answered = outcome === COMPLETE;
    const firstNs = f === null ? rig.firstNs(i, SERVER) : f.firstByteNs;
    const request = c.datagrams.find((d) => d.exchange === i && d.side === CLIENT)!;
    const response = c.datagrams.find((d) => d.exchange === i && d.side === SERVER);
    return JSON.stringify({
      operation: f?.operation ?? e.operation,
      target: f?.target ?? e.target,
      status: f?.status ?? e.status,
      outcome: OUTCOMES[outcome],
      startNs: f?.startNs ?? rig.firstNs(i, CLIENT),
      firstNs: answered ? firstNs : null,
      endNs: answered ? (f?.endNs ?? firstNs) : null,
      requestBytes: f?.requestBytes ?? request.payload.length,
      responseBytes: f?.responseBytes ?? (answered ? response!.payload.length : 0),
      retransmissions: f?.record.retransmissions ?? e.retransmissions ?? 0,
    });
  };
  assert.deepEqual(found.map((f) => shown(indexOf(c, f), f)).sort(), wanted.map((i) => shown(i, null)).sort(), note);
}

/** Whatever happened: what is found was asked then, and its answer is the right one. */
export function assertNoneWrong(c: Exchanged, rig: DatagramRig, note: string): void {
  for (const f of rig.found) {
    const i = indexOf(c, f);
    assert.ok(i >= 0, `${note}: nobody asked for ${f.operation} ${f.target}`);
    const asked = rig.seen.some(({ d, timeNs }) => d.exchange === i && d.side === CLIENT && timeNs === f.startNs);
    assert.ok(asked, `${note}: ${f.target} was not asked then`);
    if (Number.isNaN(f.firstByteNs)) continue;
    const answered = rig.seen.some(
      ({ d, timeNs }) => d.exchange === i && d.side === SERVER && timeNs === f.firstByteNs,
    );
    assert.ok(answered, `${note}: that is no answer to ${f.target}`);
    assert.equal(f.status, c.expected[i]!.status, note);
  }
}

/** Registers the tests that every conversation of the protocol has to pass. */
export function conformDatagrams(protocol: Protocol, conversations: readonly Exchanged[]): void {
  const here: Where = { version: 4, serverPort: protocol.ports[0]! };
  const run = (list: readonly Datagram[], at = here): DatagramRig => {
    const rig = new DatagramRig().pass(list, at);
    rig.end();
    return rig;
  };

  for (const c of conversations) {
    const all = c.datagrams;
    describe(`${protocol.name} over UDP: ${c.name}`, () => {
      test('as it was sent', () => {
        assertAll(c, run(all), 'whole');
        assertAll(c, run(all, { version: 6, serverPort: here.serverPort }), 'over IPv6');
        assertAll(c, run(all, { version: 4, serverPort: 40_123 }), 'on a strange port');
      });

      test('captured twice', () => {
        for (const gapNs of [0, 900, 40_000]) {
          assertAll(c, run(all.flatMap((d) => [d, { ...d, gapNs }])), `each one again after ${gapNs} ns`);
        }
      });

      test('with losses, from the middle, up to the middle', () => {
        for (let k = 0; k < all.length; k++) {
          const rig = run(all.toSpliced(k, 1));
          assertNoneWrong(c, rig, `without datagram ${k}`);
          assertAll(c, rig, `without datagram ${k}`, others(c, [all[k]!]));
          assertNoneWrong(c, run(all.slice(k)), `from datagram ${k} on`);
          assertNoneWrong(c, run(all.slice(0, k)), `up to datagram ${k}`);
        }
      });

      test('out of order', () => {
        for (let k = 0; k + 1 < all.length; k++) {
          const [a, b] = [all[k]!, all[k + 1]!];
          const rig = run([...all.slice(0, k), b, a, ...all.slice(k + 2)]);
          assertNoneWrong(c, rig, `datagrams ${k} and ${k + 1} swapped`);
          assertAll(c, rig, `datagrams ${k} and ${k + 1} swapped`, others(c, [a, b]));
        }
        for (let seed = 0; seed < 50; seed++) {
          const random = new Random(seed);
          const mixed = [...all].sort(() => random.next() - 0.5);
          assertNoneWrong(c, run(mixed), `shuffled, seed ${seed}`);
        }
      });

      test('one side only', () => {
        for (const side of [CLIENT, SERVER]) {
          for (const f of run(all.filter((d) => d.side === side)).found) assert.ok(Number.isNaN(f.firstByteNs));
        }
      });

      if (c.uncut !== true) {
        test('cut by the snaplen', () => {
          for (let k = 0; k < all.length; k++) {
            for (let captured = 0; captured < all[k]!.payload.length; captured++) {
              const rig = run(all.with(k, { ...all[k]!, captured }));
              assertNoneWrong(c, rig, `datagram ${k} cut to ${captured}`);
              assertAll(c, rig, `datagram ${k} cut to ${captured}`, others(c, [all[k]!]));
            }
          }
        });
      }

      test('between garbage', () => {
        for (let seed = 0; seed < 100; seed++) {
          const random = new Random(seed);
          const noise = (): Datagram =>
            datagram(random.pick([CLIENT, SERVER]), -1, random.bytes(random.below(80)), { flow: random.pick([1, 9]) });
          const rig = new DatagramRig().pass(
            all.flatMap((d) => [noise(), d]),
            here,
          );
          rig.end();
          assertAll(c, rig, `seed ${seed}`);
        }
      });
    });
  }
}

/** The exchanges that these datagrams have nothing to do with. */
function others(c: Exchanged, lost: readonly Datagram[]): Set<number> {
  const hit = new Set(lost.map((d) => d.exchange));
  return new Set(c.expected.map((_, i) => i).filter((i) => !hit.has(i)));
}

const INPUTS = 200_000;
/** Datagrams that one pipeline sees. */
const BATCH = 2000;
const MAX_BYTES = 16 << 20;

/** Mutates datagrams of the conversations, until time is up at the latest, and says how far it came. */
export function fuzzDatagrams(protocol: Protocol, conversations: readonly Exchanged[], words: readonly string[]): void {
  test(`${protocol.name} over UDP: ${INPUTS} damaged datagrams`, (t) => {
    const untilMs = Date.now() + (LONG_SECONDS || MAX_SECONDS) * 1000;
    let inputs = 0;
    for (let seed = 0; (LONG_SECONDS > 0 || inputs < INPUTS) && Date.now() < untilMs; seed++, inputs += BATCH) {
      const random = new Random(seed);
      // Sometimes there is not even room for all flows.
      const maxBytes = random.pick([20_000, 100_000, MAX_BYTES]);
      const rig = new DatagramRig(undefined, maxBytes);
      const at: Where = {
        version: random.pick([4, 6] as const),
        serverPort: random.pick([protocol.ports[0]!, 40_123]),
      };
      try {
        for (let n = 0; n < BATCH; n++) {
          const d = random.pick(random.pick(conversations).datagrams);
          const gapNs = random.chance(0.002) ? 6e9 : random.below(2_000_000);
          const captured = random.chance(0.1) ? random.below(60) : Number.POSITIVE_INFINITY;
          rig.pass(
            [{ ...d, payload: damaged(d.payload, random, words), flow: random.below(300), gapNs, captured }],
            at,
          );
        }
        rig.seen.length = 0;
        rig.wait(400_000).end();
        assert.ok(rig.peakBytes <= maxBytes);
        for (const f of rig.found) assert.ok(f.startNs <= rig.nowNs && f.target.length <= 1024);
      } catch (e) {
        throw new Error(`seed ${seed}`, { cause: e });
      }
    }
    t.diagnostic(`${inputs} datagrams`);
    assert.ok(inputs > 0);
  });
}

function damaged(payload: Buffer, random: Random, words: readonly string[]): Buffer {
  const at = random.below(payload.length + 1);
  const to = Math.min(payload.length, at + random.between(1, 30));
  const word = Buffer.from(random.pick(words), 'latin1');
  switch (random.below(7)) {
    case 0: {
      const b = Buffer.from(payload);
      for (let n = random.between(1, 4); n > 0; n--) b[random.below(b.length)]! ^= 1 << random.below(8);
      return b;
    }
    case 1:
      return random.bytes(payload.length);
    case 2:
      return Buffer.concat([payload.subarray(0, at), payload.subarray(to)]);
    case 3:
      return Buffer.concat([payload.subarray(0, at), word, payload.subarray(at)]);
    case 4:
      return Buffer.concat([payload.subarray(0, at), word, payload.subarray(at + word.length)]);
    case 5:
      return payload.subarray(0, at);
    default:
      return payload;
  }
}
