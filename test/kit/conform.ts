/**
 * The conformance kit: what every protocol's decoder must stand, with the pipeline around it as it runs in production. A protocol
 * brings conversations; the kit puts them on the wire in every way that a wire knows.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Protocol } from '../../src/protocols/protocol.ts';
import { type Conversation, isSerial, sayings } from './conversation.ts';
import { CLIENT, FIN, type Frame, isData, type Link, RST, SERVER, SYN } from './frame.ts';
import { answered, assertExact, assertNoWrongPair, assertOthersFound, hitBy } from './oracle.ts';
import { Random } from './random.ts';
import { Rig } from './run.ts';
import { type Delivery, frames, link, pieces, randomCuts, splitAt, whole } from './wire.ts';

/** A port that no protocol claims. */
const STRANGE_PORT = 40123;
/** Longer conversations than that are not cut at every byte. */
const MANY_BYTES = 4096;

const size = (c: Conversation): number => sayings(c).reduce((n, s) => n + s.bytes.length, 0);
const short = (c: Conversation): boolean => c.long !== true && size(c) <= MANY_BYTES;

/** Registers the tests that every conversation of the protocol has to pass. */
export function conform(protocol: Protocol, conversations: readonly Conversation[]): void {
  const port = protocol.ports[0] ?? STRANGE_PORT;
  const here = link({ serverPort: port });
  const names = [protocol.name, ...(protocol.dialects ?? []).map((d) => d.name)];
  const strange = link({ serverPort: STRANGE_PORT });

  const exact = (c: Conversation, list: readonly Frame[], note: string): void => {
    const rig = new Rig().feed(list);
    rig.wait(1).end();
    for (const f of rig.found) assert.ok(names.includes(f.protocol), f.protocol);
    assertExact(c, here.id, rig.found, rig.times, note);
  };
  const noWrongPair = (c: Conversation, list: readonly Frame[], note: string): Rig => {
    const rig = new Rig().feed(list).end();
    assertNoWrongPair(c, here.id, rig.found, rig.times, note);
    return rig;
  };

  describe(`${protocol.name}: as it was sent`, () => {
    for (const c of conversations) {
      test(c.name, () => {
        exact(c, frames(c, here), 'whole');
        exact(c, frames(c, here, { silent: true }), 'without bare acknowledgements');
        exact(c, frames(c, here, { merge: true }), 'all that one side says in one segment');
        exact(c, frames(c, link({ serverPort: STRANGE_PORT })), 'on a strange port');
        exact(c, frames(c, link({ serverPort: port, version: 6 })), 'over IPv6');
        if (c.long) for (const n of [536, 1460, 9000]) exact(c, frames(c, here, pieces(n)), `pieces of ${n}`);
      });
    }
  });

  describe(`${protocol.name}: cut anywhere`, () => {
    for (const c of conversations) {
      if (c.long || c.uncut) continue;
      test(c.name, () => {
        exact(c, frames(c, here, pieces(1)), 'byte by byte');
        exact(c, frames(c, here, { ...pieces(1), silent: true }), 'byte by byte, without bare acknowledgements');
        for (const n of [2, 3, 7, 100]) exact(c, frames(c, here, pieces(n)), `pieces of ${n}`);
        for (let i = 0; i < sayings(c).length && short(c); i++) {
          for (let at = 1; at < sayings(c)[i]!.bytes.length; at++) {
            exact(c, frames(c, here, splitAt(i, at)), `saying ${i} cut at ${at}`);
          }
        }
        for (let seed = 0; seed < 50; seed++) {
          const d = { ...randomCuts(new Random(seed), 9), merge: seed % 2 === 1 };
          exact(c, frames(c, here, d), `random cuts, seed ${seed}`);
        }
      });
    }
  });

  describe(`${protocol.name}: with holes`, () => {
    for (const c of conversations) {
      if (c.deceptive) continue;
      test(c.name, () => {
        for (const [name, d] of deliveries(c)) {
          const all = frames(c, here, d);
          const step = c.long ? 41 : 1;
          for (let k = 0; k < all.length; k += step) {
            if (!isData(all[k]!)) continue;
            const note = `${name}, without frame ${k}`;
            const rig = noWrongPair(c, without(all, k, 1), note);
            if (c.fragile || d.silent) continue;
            assertOthersFound(c, here.id, rig.found, rig.times, hitBy(c, [all[k]!]), note);
          }
          for (let k = 0; k < all.length; k += step)
            noWrongPair(c, without(all, k, 4), `${name}, without frames ${k} to ${k + 3}`);
        }
      });
    }
  });

  describe(`${protocol.name}: joined midway, left early`, () => {
    for (const c of conversations) {
      if (c.deceptive) continue;
      test(c.name, () => {
        for (const [name, d] of deliveries(c)) {
          const all = frames(c, strange, d);
          for (let k = 1; k < all.length; k += c.long ? 41 : 1) {
            const rig = noWrongPair(c, all.slice(k), `${name}, from frame ${k} on`);
            if (!c.fragile && !d.silent) {
              const missed = hitBy(c, all.slice(0, k));
              assertOthersFound(c, here.id, rig.found, rig.times, missed, `${name}, from frame ${k} on`);
            }
            noWrongPair(c, all.slice(0, k), `${name}, up to frame ${k}`);
          }
          // Of a pipelining client a few segments without beginning and end look like those of one that waits.
          if (all.length > 60 || !isSerial(c)) continue;
          for (let k = 1; k < all.length; k++) {
            for (let m = k + 1; m < all.length; m++)
              noWrongPair(c, all.slice(k, m), `${name}, frames ${k} to ${m - 1}`);
          }
        }
      });
    }
  });

  describe(`${protocol.name}: disorder`, () => {
    for (const c of conversations) {
      if (c.long) continue;
      test(c.name, () => {
        for (const [name, d] of deliveries(c)) disorder(c, name, frames(c, here, d));
        if (c.uncut) return;
        for (const isn of [0xffffffff, 0xfffffff0, 0x7ffffff0, 0xffffffff - Math.floor(size(c) / 2)]) {
          const wrap = link({ serverPort: port, isn: [isn, isn] });
          exact(c, frames(c, wrap, pieces(16)), `sequence numbers from ${isn}`);
        }
      });
    }

    function disorder(c: Conversation, name: string, all: readonly Frame[]): void {
      for (let k = 0; k < all.length; k++) {
        const again = [...all.slice(0, k + 1), all[k]!, ...all.slice(k + 1)];
        exact(c, again, `${name}, frame ${k} twice`);
        if (k + 1 < all.length && movable(all, k))
          exact(c, swapped(all, k), `${name}, frames ${k} and ${k + 1} swapped`);
        if (isData(all[k]!)) {
          exact(c, keptAlive(all, k), `${name}, a keep-alive behind frame ${k}`);
          exact(c, repeated(all, k), `${name}, frame ${k} sent again together with the one in front`);
        }
        if (c.deceptive) continue;
        const cut = all.map((f, i) => (i === k && isData(f) ? { ...f, captured: (f.to - f.from) >> 1 } : f));
        noWrongPair(c, cut, `${name}, frame ${k} cut by the snaplen`);
      }
      if (c.deceptive) return;
      const rig = noWrongPair(
        c,
        all.map((f) => ({ ...f, captured: 60 })),
        `${name}, snaplen of 60 bytes of payload`,
      );
      // what the server asks has the ends of another link
      assert.ok(rig.found.filter((f) => f.link === here.id).length <= c.expected.length);
    }
  });

  describe(`${protocol.name}: one direction only`, () => {
    for (const c of conversations) {
      test(c.name, () => {
        for (const [name, d] of deliveries(c)) {
          for (const side of [CLIENT, SERVER] as const) {
            const rig = new Rig()
              .feed(frames(c, here, d).filter((f) => f.side === side))
              .wait(300_000)
              .end();
            for (const f of rig.found)
              assert.ok(
                !answered(f),
                `${name}: a response without the ${side === CLIENT ? 'server' : 'client'}'s bytes`,
              );
          }
        }
      });
    }
  });

  describe(`${protocol.name}: garbage`, () => {
    for (const c of conversations) {
      if (c.long) continue;
      test(c.name, () => {
        for (let seed = 0; seed < 60; seed++) besideGarbage(c, here, seed);
      });
    }
  });
}

/** The same conversation on a connection beside a damaged one is found as if nothing had happened. */
function besideGarbage(c: Conversation, here: Link, seed: number): void {
  const random = new Random(seed);
  const bad = link({ ...here, id: 77, isn: [random.below(2 ** 32), random.below(2 ** 32)] });
  const broken = frames(c, bad, randomCuts(random, 5)).map((f) => ({
    ...damaged(f, random, seed % 3),
    gapNs: Math.min(f.gapNs, 1_000_000),
  }));
  const good = frames(c, here, c.uncut ? whole : randomCuts(random, 3));
  const rig = new Rig();
  let b = 0;
  for (const f of good) {
    while (b < broken.length && random.chance(0.6)) rig.feed([broken[b++]!]);
    rig.feed([f]);
  }
  rig.feed(broken.slice(b)).wait(1).end();
  assertExact(c, here.id, rig.found, rig.times, `beside garbage, seed ${seed}`);
  assert.ok(rig.peakBytes < 1 << 20, `seed ${seed}: ${rig.peakBytes} bytes held`);
}

/** Kinds: 0 random bytes, 1 some bits flipped, 2 cut short and filled up with something else. */
function damaged(f: Frame, random: Random, kind: number): Frame {
  if (!isData(f)) return f;
  const n = f.payload.length;
  if (kind === 0) return { ...f, payload: random.bytes(n) };
  const payload = Buffer.from(f.payload);
  if (kind === 1) for (let k = random.between(1, 4); k > 0; k--) payload[random.below(n)]! ^= 1 << random.below(8);
  else payload.fill(random.below(256), random.below(n));
  return { ...f, payload };
}

function deliveries(c: Conversation): [string, Delivery][] {
  if (c.long || c.uncut) return [['whole', whole]];
  const all: [string, Delivery][] = [
    ['whole', whole],
    ['merged', { merge: true, silent: true }],
  ];
  const n = Math.max(8, Math.ceil(size(c) / 64));
  all.push([`pieces of ${n}`, pieces(n)], [`pieces of ${n}, no bare acknowledgements`, { ...pieces(n), silent: true }]);
  for (let seed = 0; seed < 4; seed++) all.push([`random cuts, seed ${seed}`, randomCuts(new Random(seed + 100), 4)]);
  return all;
}

function without(all: readonly Frame[], k: number, n: number): Frame[] {
  const rest = all.slice(0, k).concat(all.slice(k + n));
  return rest;
}

/** The handshake, pauses and the end of a connection stay where they are. */
function movable(all: readonly Frame[], k: number): boolean {
  const pair = [all[k]!, all[k + 1]!];
  return k >= 3 && pair.every((f) => (f.flags & (SYN | FIN | RST)) === 0 && f.gapNs < 10_000_000);
}

function swapped(all: readonly Frame[], k: number): Frame[] {
  const list = [...all];
  list[k] = { ...all[k + 1]!, gapNs: all[k]!.gapNs };
  list[k + 1] = { ...all[k]!, gapNs: Math.min(all[k + 1]!.gapNs, 2_000_000) };
  return list;
}

/** RFC 9293 section 3.8.4: one byte in front of what was sent, of any value. */
function keptAlive(all: readonly Frame[], k: number): Frame[] {
  const f = all[k]!;
  const probe: Frame = { ...f, from: f.to - 1, payload: Buffer.of(0) };
  return [...all.slice(0, k + 1), probe, ...all.slice(k + 1)];
}

/** A retransmission with other borders: the segment and up to 20 bytes of the one in front of it. */
function repeated(all: readonly Frame[], k: number): Frame[] {
  const f = all[k]!;
  const before = all.slice(0, k).findLast((o) => o.side === f.side && o.to === f.from && o.to > o.from);
  if (before === undefined) return [...all];
  const back = before.payload.subarray(Math.max(0, before.payload.length - 20));
  const again: Frame = { ...f, from: f.from - back.length, payload: Buffer.concat([back, f.payload]) };
  return [...all.slice(0, k), again, ...all.slice(k + 1)];
}
