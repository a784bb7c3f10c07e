/** At five per cent loss nothing may be paired wrongly, however the client asks. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Protocol } from '../../src/protocols/protocol.ts';
import { isData, SYN } from './frame.ts';
import { Random } from './random.ts';
import { atRandom, capture, type Dialogue, type Style, Talk, type Toll } from './traffic.ts';
import { link } from './wire.ts';

const CONNECTIONS = 40;
const PER_CONNECTION = 50;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
/** Exchanges of a talk of which every set of segments is lost in turn, how many segments it may have, and how many captures that gives. */
const FEW = 5;
const MAX_SEGMENTS = 12;
const SUBSETS = 4000;
/** All connections are open by then. */
const JOIN_NS = 30e6;

/** Least share of exchanges that must be found: without loss, and at five per cent. */
const FLOORS: Record<Style, readonly [number, number]> = {
  serial: [1, 0.7],
  burst: [1, 0.02],
  depth: [1, 0.02],
};

function talks(
  protocol: Protocol,
  dialogue: Dialogue,
  style: Style,
  seed: number,
  connections = CONNECTIONS,
  exchanges = PER_CONNECTION,
): Talk[] {
  const random = new Random(seed);
  return Array.from({ length: connections }, (_, n) => {
    const isn = [random.below(2 ** 32), random.below(2 ** 32)] as const;
    const l = link({ id: n + 1, serverPort: protocol.ports[0] ?? 40123, isn });
    return new Talk(l, style, exchanges, n * exchanges, 1e6 + n * 137_911, random, dialogue);
  });
}

export function losses(protocol: Protocol, dialogue: Dialogue): void {
  describe(`${protocol.name}: every loss there can be`, () => {
    for (const midway of [false, true]) {
      test(`a client that waits for its answers${midway ? ', joined midway' : ''}`, (t) => {
        let captures = 0;
        for (let seed = 1; captures < SUBSETS; seed++) {
          const talk = talks(protocol, dialogue, 'serial', seed, 1, FEW)[0]!;
          const segments = talk.frames.map((p) => p.frame).filter(isData);
          if (segments.length > MAX_SEGMENTS) continue;
          for (let lost = 0; lost < 2 ** segments.length; lost++, captures++) {
            const gone = new Set(segments.filter((_, i) => (lost & (1 << i)) !== 0));
            const toll = capture([talk], dialogue, (f) => gone.has(f) || (midway && (f.flags & SYN) !== 0));
            assert.equal(toll.wrong, 0, `seed ${seed}, lost segments ${lost.toString(2)}`);
          }
        }
        t.diagnostic(`${captures} captures`);
      });
    }
  });

  describe(`${protocol.name}: random loss`, () => {
    for (const style of ['serial', 'burst', 'depth'] as const) {
      // The hardest: a client that always has four requests under way and is joined midway looks like one that asks and waits, four
      // answers late, until it gives itself away.
      test(`${style}, joined midway, 5 % of the segments lost`, (t) => {
        for (const seed of SEEDS) {
          const toll = capture(
            talks(protocol, dialogue, style, seed),
            dialogue,
            atRandom(0.05, new Random(seed + 2000), JOIN_NS),
          );
          t.diagnostic(`${style}, joined midway: ${toll.found} of ${toll.asked} found, ${toll.wrong} wrong`);
          assert.equal(toll.wrong, 0);
        }
      });
      for (const [i, loss] of [0, 0.05].entries()) {
        test(`${style}, ${100 * loss} % of the segments lost`, (t) => {
          const sum: Toll = { asked: 0, found: 0, wrong: 0 };
          for (const seed of SEEDS) {
            const toll = capture(
              talks(protocol, dialogue, style, seed),
              dialogue,
              atRandom(loss, new Random(seed + 1000)),
            );
            sum.asked += toll.asked;
            sum.found += toll.found;
            sum.wrong += toll.wrong;
          }
          t.diagnostic(`${style}, loss ${loss}: ${sum.found} of ${sum.asked} found, ${sum.wrong} wrong`);
          assert.equal(sum.wrong, 0);
          assert.ok(sum.found >= FLOORS[style][i]! * sum.asked, `only ${sum.found} of ${sum.asked} found`);
        });
      }
    }
  });
}
