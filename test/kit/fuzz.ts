/** Damaged conversations by the hundred thousand: nothing thrown, nothing hung, nothing kept. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Protocol } from '../../src/protocols/protocol.ts';
import type { Conversation } from './conversation.ts';
import { type Frame, isData } from './frame.ts';
import { Random } from './random.ts';
import { Rig } from './run.ts';
import { frames, link, randomCuts } from './wire.ts';

const INPUTS = 200_000;
/** A longer run: so many seconds for each protocol, however many inputs that makes. */
export const LONG_SECONDS = Number(process.env.SPANTAP_TEST_FUZZ_SECONDS ?? 0);
/** On a busy machine a test stops short of its inputs. */
export const MAX_SECONDS = 60;
/** Connections that one pipeline sees, side by side. */
const BATCH = 50;
const MAX_BYTES = 16 << 20;

/** Mutates conversations of the protocol, until time is up at the latest, and says how far it came. */
export function fuzz(protocol: Protocol, conversations: readonly Conversation[], words: readonly string[]): void {
  test(`${protocol.name}: ${INPUTS} damaged connections`, (t) => {
    const short = conversations.filter((c) => c.long !== true);
    const untilMs = Date.now() + (LONG_SECONDS || MAX_SECONDS) * 1000;
    let inputs = 0;
    for (let seed = 0; (LONG_SECONDS > 0 || inputs < INPUTS) && Date.now() < untilMs; seed++, inputs += BATCH)
      batch(protocol, short, words, seed);
    t.diagnostic(`${inputs} connections`);
    assert.ok(inputs > 0);
  });
}

function batch(
  protocol: Protocol,
  conversations: readonly Conversation[],
  words: readonly string[],
  seed: number,
): void {
  const random = new Random(seed);
  // Sometimes there is not even room for all connections.
  const maxBytes = random.pick([40_000, 100_000, MAX_BYTES]);
  const rig = new Rig(undefined, maxBytes);
  const queues = Array.from({ length: BATCH }, (_, id) => {
    const isn = [random.below(2 ** 32), random.below(2 ** 32)] as const;
    const l = link({ id, serverPort: protocol.ports[random.below(protocol.ports.length)] ?? 40123, isn });
    return mutated(frames(random.pick(conversations), l, randomCuts(random, 3)), random, words);
  });
  try {
    for (let left = queues.filter((q) => q.length > 0); left.length > 0; left = left.filter((q) => q.length > 0)) {
      const q = random.pick(left);
      for (let n = random.between(1, 4); n > 0 && q.length > 0; n--) rig.feed([q.shift()!]);
    }
    rig.wait(400_000).end();
    assert.ok(rig.peakBytes <= maxBytes);
    for (const f of rig.found) assert.ok(f.startNs <= rig.nowNs && f.target.length <= 8192);
  } catch (e) {
    throw new Error(`seed ${seed}`, { cause: e });
  }
}

/** One to five changes to the segments of a connection, then its frames in the order they stand. */
function mutated(all: Frame[], random: Random, words: readonly string[]): Frame[] {
  let list = all;
  for (let n = random.between(1, 5); n > 0 && list.length > 0; n--) {
    const k = random.below(list.length);
    const f = list[k]!;
    switch (random.below(9)) {
      case 0:
        list = list.toSpliced(k, random.between(1, 3)); // lost
        break;
      case 1:
        list = list.toSpliced(k, 0, list[random.below(list.length)]!); // again, or too early
        break;
      case 2:
        list = list.with(k, { ...f, captured: random.below(40) });
        break;
      case 3:
        list = list.with(k, { ...f, flags: random.below(64) });
        break;
      case 4:
        list = list.with(k, { ...f, acked: f.acked + random.between(-200, 200), seqShift: random.between(-50, 50) });
        break;
      default:
        if (isData(f)) list = list.with(k, withPayload(f, damaged(f.payload, random, words)));
    }
  }
  return list.map((f) => ({ ...f, gapNs: Math.min(f.gapNs, random.chance(0.002) ? 6e9 : 2e6) }));
}

const withPayload = (f: Frame, payload: Buffer): Frame => ({ ...f, payload, to: f.from + payload.length });

function damaged(payload: Buffer, random: Random, words: readonly string[]): Buffer {
  const at = random.below(payload.length + 1);
  const to = Math.min(payload.length, at + random.between(1, 30));
  const word = Buffer.from(random.pick(words), 'latin1');
  switch (random.below(6)) {
    case 0: {
      const b = Buffer.from(payload);
      b[Math.min(at, b.length - 1)]! ^= 1 << random.below(8);
      return b;
    }
    case 1:
      return random.bytes(payload.length);
    case 2:
      return Buffer.concat([payload.subarray(0, at), payload.subarray(to)]);
    case 3:
      return Buffer.concat([payload.subarray(0, at), word, payload.subarray(at)]);
    case 4:
      return Buffer.concat([payload.subarray(0, at), word, payload.subarray(to)]);
    default:
      return Buffer.concat([payload.subarray(0, at), payload.subarray(at, to), payload.subarray(at)]);
  }
}
