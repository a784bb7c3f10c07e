import type { Packet } from '../packet/packet.ts';
import type { Flow } from './flow.ts';

/** Unknown to the outside, so that nobody can choose addresses that all fall into one slot. No output depends on it. */
const SEED = (Math.random() * 0x100000000) | 0;

/** Same for both directions of a conversation. */
export function flowHash(p: Packet): number {
  let a = p.src3 ^ p.src2 ^ p.src1 ^ p.src0;
  let b = p.dst3 ^ p.dst2 ^ p.dst1 ^ p.dst0;
  a = mix(a, p.srcPort);
  b = mix(b, p.dstPort);
  let h = (a + b) | 0;
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

function mix(address: number, port: number): number {
  let h = Math.imul(address ^ SEED, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ port, 0x85ebca6b);
  return h ^ (h >>> 13);
}

const START_SLOTS = 1024;

/**
 * Flows by their two endpoints: open addressing with linear probing over a power of two, at most half full.
 * Removal shifts the followers back, so there are no tombstones and the table does not decay.
 */
export class FlowTable<F extends Flow> {
  #slots: (F | null)[] = new Array<F | null>(START_SLOTS).fill(null);
  #mask = START_SLOTS - 1;
  /** Every flow; the order depends on insertions and removals alone. */
  readonly all: F[] = [];

  get size(): number {
    return this.all.length;
  }

  /** The packet's flow, or null. */
  find(p: Packet, hash: number): F | null {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const c = slots[i]!;
      if (c === null) return null;
      if (c.hash === hash && (isForward(c, p) || isBackward(c, p))) return c;
    }
  }

  insert(c: F): void {
    if (this.all.length * 2 >= this.#slots.length) this.#grow();
    this.#place(c);
    c.place = this.all.length;
    this.all.push(c);
  }

  remove(c: F): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let i = c.hash & mask;
    while (slots[i] !== c) {
      if (slots[i] === null) return;
      i = (i + 1) & mask;
    }
    const last = this.all.pop()!;
    if (last !== c) {
      last.place = c.place;
      this.all[c.place] = last;
    }
    for (let j = i; ; ) {
      j = (j + 1) & mask;
      const next = slots[j]!;
      if (next === null) break;
      // `next` may move into the free slot i unless its home lies cyclically behind i.
      if (((j - (next.hash & mask)) & mask) >= ((j - i) & mask)) {
        slots[i] = next;
        i = j;
      }
    }
    slots[i] = null;
  }

  #place(c: F): void {
    const mask = this.#mask;
    let i = c.hash & mask;
    while (this.#slots[i] !== null) i = (i + 1) & mask;
    this.#slots[i] = c;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<F | null>(old.length * 2).fill(null);
    this.#mask = this.#slots.length - 1;
    for (const c of old) if (c !== null) this.#place(c);
  }
}

/** The packet comes from side 0. */
export function isForward(c: Flow, p: Packet): boolean {
  return (
    c.aPort === p.srcPort &&
    c.bPort === p.dstPort &&
    c.a3 === p.src3 &&
    c.b3 === p.dst3 &&
    c.a2 === p.src2 &&
    c.b2 === p.dst2 &&
    c.a1 === p.src1 &&
    c.b1 === p.dst1 &&
    c.a0 === p.src0 &&
    c.b0 === p.dst0 &&
    c.version === p.ipVersion
  );
}

function isBackward(c: Flow, p: Packet): boolean {
  return (
    c.aPort === p.dstPort &&
    c.bPort === p.srcPort &&
    c.a3 === p.dst3 &&
    c.b3 === p.src3 &&
    c.a2 === p.dst2 &&
    c.b2 === p.src2 &&
    c.a1 === p.dst1 &&
    c.b1 === p.src1 &&
    c.a0 === p.dst0 &&
    c.b0 === p.src0 &&
    c.version === p.ipVersion
  );
}
