/** Puts a conversation on the wire: from what is said to captured segments. */

import type { Conversation, Saying, Turn } from './conversation.ts';
import { ACK, CLIENT, FIN, type Frame, type Link, type Party, RST, SERVER, SYN } from './frame.ts';
import type { Random } from './random.ts';

/** Larger turns travel in segments of this size, as offloading network cards hand them over. */
const MAX_SEGMENT = 32768;
const STEP_NS = 100_000;
const TURN_NS = 1_000_000;

export interface Delivery {
  /** Offsets at which the bytes of a saying are cut into segments, ascending. */
  readonly cut?: (s: Saying, index: number) => readonly number[];
  /** What one side says in a row travels together. */
  readonly merge?: boolean;
  /** No bare acknowledgements. */
  readonly silent?: boolean;
}

export const whole: Delivery = {};
export const pieces = (n: number): Delivery => ({
  cut: (s) => Array.from({ length: Math.ceil(s.bytes.length / n) - 1 }, (_, i) => (i + 1) * n),
});
/** Cuts saying number `index` once, at `at`. */
export const splitAt = (index: number, at: number): Delivery => ({ cut: (_, i) => (i === index ? [at] : []) });
export const randomCuts = (random: Random, most: number): Delivery => ({
  cut: (s) => {
    const cuts = new Set<number>();
    for (let n = random.below(most + 1); n > 0; n--) cuts.add(random.between(1, Math.max(1, s.bytes.length - 1)));
    return [...cuts].filter((c) => c < s.bytes.length).sort((a, b) => a - b);
  },
});

const DEFAULT_ISN: readonly [number, number] = [1_000_000, 3_000_000_000];

export function link(o: Partial<Link> & { serverPort: number }): Link {
  return { id: o.id ?? 1, version: o.version ?? 4, serverPort: o.serverPort, isn: o.isn ?? DEFAULT_ISN };
}

/** Sends segments in order over one connection and keeps its sequence and acknowledgement numbers. */
export class Wire {
  readonly frames: Frame[] = [];
  readonly #link: Link;
  readonly #sent: [number, number] = [0, 0];
  readonly #finished: [number, number] = [0, 0];

  constructor(l: Link) {
    this.#link = l;
  }

  handshake(): void {
    this.#put(CLIENT, SYN, 0, Buffer.alloc(0), STEP_NS);
    this.#put(SERVER, SYN | ACK, 0, Buffer.alloc(0), STEP_NS);
    this.ack(CLIENT);
  }

  data(side: Party, payload: Buffer, gapNs = STEP_NS): void {
    const from = this.#sent[side];
    this.#sent[side] += payload.length;
    this.#put(side, ACK, from, payload, gapNs);
  }

  ack(side: Party): void {
    this.#put(side, ACK, this.#sent[side], Buffer.alloc(0), STEP_NS);
  }

  fin(side: Party): void {
    this.#put(side, ACK | FIN, this.#sent[side], Buffer.alloc(0), TURN_NS);
    this.#finished[side] = 1;
  }

  rst(side: Party): void {
    this.#put(side, ACK | RST, this.#sent[side], Buffer.alloc(0), TURN_NS);
  }

  #put(side: Party, flags: number, from: number, payload: Buffer, gapNs: number): void {
    const peer = side === CLIENT ? SERVER : CLIENT;
    this.frames.push({
      link: this.#link,
      side,
      flags,
      from,
      to: from + payload.length,
      payload,
      acked: this.#sent[peer] + this.#finished[peer],
      seqShift: this.#finished[side],
      window: 512,
      captured: Number.POSITIVE_INFINITY,
      gapNs,
    });
  }
}

/** The conversation from its first SYN on, each segment acknowledging all that its sender has received so far. */
export function frames(c: Conversation, l: Link, d: Delivery = whole): Frame[] {
  const wire = new Wire(l);
  wire.handshake();
  let pauseNs = 0;
  let index = 0;
  for (const t of d.merge ? merged(c.turns) : c.turns) {
    if (t.what === 'pause') {
      pauseNs += t.ms * 1e6;
      continue;
    }
    if (t.what !== 'say') {
      if (t.what === 'fin') wire.fin(t.side);
      else wire.rst(t.side);
    } else {
      let from = 0;
      for (const to of [...cuts(t, index++, d), t.bytes.length]) {
        wire.data(t.side, t.bytes.subarray(from, to), from === 0 ? TURN_NS + pauseNs : STEP_NS);
        from = to;
        if (!d.silent) wire.ack(t.side === CLIENT ? SERVER : CLIENT);
      }
    }
    pauseNs = 0;
  }
  return wire.frames;
}

function cuts(s: Saying, index: number, d: Delivery): readonly number[] {
  if (d.cut !== undefined) return d.cut(s, index);
  return Array.from({ length: Math.ceil(s.bytes.length / MAX_SEGMENT) - 1 }, (_, i) => (i + 1) * MAX_SEGMENT);
}

function merged(turns: readonly Turn[]): Turn[] {
  const out: Turn[] = [];
  for (const t of turns) {
    const last = out.at(-1);
    if (t.what === 'say' && last?.what === 'say' && last.side === t.side) {
      out[out.length - 1] = { ...last, bytes: Buffer.concat([last.bytes, t.bytes]) };
    } else out.push(t);
  }
  return out;
}
