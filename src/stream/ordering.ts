import type { Budget, Owner } from '../bytes/budget.ts';
import type { Connection } from './connection.ts';
import type { StreamCounters } from './counters.ts';
import type { Side } from './flow.ts';
import type { Half, Segment } from './half.ts';

/** Without an acknowledgement that proves the loss, a missing segment is waited for this long (retransmissions take up to seconds). */
const UNPROVEN_LOSS_NS = 3e9;

/**
 * The order in which the bytes of a connection's two directions reach the conversation: that in which they were sent, as far as
 * acknowledgement numbers tell it. What is missing is waited for, then declared a hole.
 */
export class Ordering {
  readonly #graceNs: number;
  readonly #counters: StreamCounters;
  readonly #budget: Budget;
  readonly #owner: Owner;

  /** `graceNs`: how long bytes are waited for that the receiver has acknowledged. `owner` holds what waits in the halves. */
  constructor(graceNs: number, counters: StreamCounters, budget: Budget, owner: Owner) {
    this.#graceNs = graceNs;
    this.#counters = counters;
    this.#budget = budget;
    this.#owner = owner;
  }

  /**
   * Delivers what can be delivered, oldest capture time first between the two directions; then, when the grace is over
   * (or `force`), declares what is missing as a hole and goes on.
   */
  settle(c: Connection, nowNs: number, force: boolean): void {
    const { half0, half1 } = c;
    for (;;) {
      const side = this.#next(half0, half1);
      if (side !== -1) {
        this.#deliver(c, side);
        continue;
      }
      if (this.#expired(c, half0, half1, 0, nowNs, force) || this.#expired(c, half1, half0, 1, nowNs, force)) continue;
      break;
    }
    c.disordered = half0.queue.length > 0 || half1.queue.length > 0 || half0.missing || half1.missing;
  }

  /** Which side's first waiting segment is due; -1: none. */
  #next(half0: Half, half1: Half): -1 | Side {
    const ready0 = half0.ready;
    const ready1 = half1.ready;
    if (!ready0 && !ready1) return -1;
    const s0 = half0.queue[0];
    const s1 = half1.queue[0];
    // Held while it acknowledges bytes of the other side that were not delivered yet.
    const due0 = ready0 && !awaits(s0!, half1);
    const due1 = ready1 && !awaits(s1!, half0);
    if (due0 && due1) return s0!.timeNs <= s1!.timeNs ? 0 : 1;
    if (due0) return 0;
    if (due1) return 1;
    // Each acknowledges the other: impossible in TCP, so the order of capture decides.
    if (ready0 && ready1) return s0!.timeNs <= s1!.timeNs ? 0 : 1;
    return -1;
  }

  #deliver(c: Connection, side: Side): void {
    const half = side === 0 ? c.half0 : c.half1;
    const s = half.shift(this.#budget, this.#owner);
    const late = (half.nextSeq - s.seq) | 0;
    if (late >= s.length) return;
    const have = Math.max(0, s.bytes.length - late);
    half.nextSeq = (s.seq + s.length) | 0;
    if (have > 0) {
      half.delivered += have;
      c.conversation.bytes(side, s.bytes, late, s.bytes.length, (s.seq + late) | 0, s.timeNs, s.ack);
    }
    const cut = s.length - late - have;
    if (cut > 0) this.hole(c, side, cut, s.timeNs);
    c.weather.lastDataNs = s.timeNs;
    if (half.missing && ((half.ackedSeq - half.nextSeq) | 0) <= 0) half.missing = false;
  }

  /** Declares the hole in front of `half` when it has been waited for long enough. True: something changed. */
  #expired(c: Connection, half: Half, peer: Half, side: Side, nowNs: number, force: boolean): boolean {
    const first = half.queue[0];
    if (half.missing) {
      const gap = (half.ackedSeq - half.nextSeq) | 0;
      if (gap <= 0 || (first !== undefined && half.ready)) {
        if (gap <= 0 || ((half.ackedSeq - half.contiguousEnd()) | 0) <= 0) {
          half.missing = false;
          return true;
        }
        return false; // its first segment waits for the other side
      }
      if (!force && nowNs - half.missingNs < this.#graceNs) return false;
      if (comesSecond(half, peer)) return false;
      const upTo = first !== undefined && ((first.seq - half.ackedSeq) | 0) < 0 ? first.seq : half.ackedSeq;
      this.#declare(c, half, peer, side, upTo, first !== undefined ? first.timeNs : half.missingNs);
      if (((half.ackedSeq - half.nextSeq) | 0) <= 0) half.missing = false;
      return true;
    }
    if (first === undefined || half.ready) return false;
    if (!force && nowNs - first.timeNs < UNPROVEN_LOSS_NS) return false;
    if (comesSecond(half, peer)) return false;
    this.#declare(c, half, peer, side, first.seq, first.timeNs);
    return true;
  }

  /**
   * A hole up to `upTo`, but not across a segment that the other side sent in the middle of it: what was lost in front of that
   * segment and what was lost behind it are two holes, with the segment in between.
   */
  #declare(c: Connection, half: Half, peer: Half, side: Side, upTo: number, timeNs: number): void {
    let end = upTo;
    const waiting = peer.queue[0];
    if (waiting !== undefined && ((waiting.ack - half.nextSeq) | 0) > 0 && ((waiting.ack - end) | 0) < 0)
      end = waiting.ack;
    const length = (end - half.nextSeq) | 0;
    half.nextSeq = end;
    if (half.missing && end === half.ackedSeq && !half.finSeen && half.queue[0]?.seq !== end) {
      if (half.doubtSeq === null) half.lost--; // a FIN has a number, too: not counted while nothing follows
      half.doubtSeq = end;
    }
    this.hole(c, side, length, timeNs);
  }

  /** Bytes that nobody will bring. */
  hole(c: Connection, side: Side, length: number, timeNs: number): void {
    (side === 0 ? c.half0 : c.half1).lost += length;
    this.#hole(c, side, length, timeNs);
  }

  /** What follows belongs to another sequence space: how much is missing in front of it cannot be told. */
  rupture(c: Connection, side: Side, timeNs: number): void {
    this.#hole(c, side, 1, timeNs);
  }

  #hole(c: Connection, side: Side, length: number, timeNs: number): void {
    this.#counters.holes++;
    this.#counters.holeBytes += length;
    c.conversation.hole(side, length, timeNs);
  }
}

/** The segment was sent after its sender had received bytes of `peer` that may still be delivered. */
function awaits(s: Segment, peer: Half): boolean {
  return (peer.missing || peer.queue.length > 0) && ((s.ack - peer.nextSeq) | 0) > 0;
}

/**
 * Bytes are missing on both sides, and those of `peer` were sent first: what waits behind them was sent before its sender had
 * received anything of what `half` misses, while what waits behind that was sent after its sender had received them.
 */
function comesSecond(half: Half, peer: Half): boolean {
  const theirs = peer.queue[0];
  if (theirs === undefined || peer.ready || ((theirs.ack - half.nextSeq) | 0) > 0) return false;
  const ours = half.queue[0];
  return ours === undefined || ((ours.ack - peer.nextSeq) | 0) > 0;
}
