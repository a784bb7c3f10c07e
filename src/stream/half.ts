import type { Budget, Owner } from '../bytes/budget.ts';
import { DirectionNews } from '../exchange/tcp-news.ts';
import { NOWHERE } from './health.ts';

/** A segment that cannot be delivered yet, with a copy of its bytes. */
export class Segment {
  seq: number;
  /** Captured bytes; `length` is what the segment had on the wire. */
  readonly bytes: Buffer;
  readonly length: number;
  readonly timeNs: number;
  readonly ack: number;

  constructor(seq: number, bytes: Buffer, length: number, timeNs: number, ack: number) {
    this.seq = seq;
    this.bytes = bytes;
    this.length = length;
    this.timeNs = timeNs;
    this.ack = ack;
  }
}

/** Besides its bytes a kept segment costs about this much. */
export const SEGMENT_OVERHEAD = 160;

/**
 * What one end sends: sequence state, the segments that wait for a missing one, and what happened to its bytes since it was told last.
 * Sequence numbers are signed 32-bit integers, compared by `(a - b) | 0` (RFC 9293 section 3.4).
 */
export class Half extends DirectionNews {
  /** `nextSeq` is known: from a SYN, the first data, or the other end's acknowledgement. */
  started = false;
  /** Started by its SYN. */
  fromSyn = false;
  /** Sequence number of the next byte to deliver. */
  nextSeq = 0;
  /** Initial sequence number of the SYN that opened it. */
  isn = 0;
  /** Sorted by sequence number, no two of them overlapping. */
  readonly queue: Segment[] = [];
  queuedBytes = 0;
  /** Bytes on the wire that the last `insert` put into the queue. */
  fresh = 0;
  /** The receiver has acknowledged bytes up to here that we have not seen, since `missingNs` (capture time). */
  ackedSeq = 0;
  missing = false;
  missingNs = 0;
  finSeen = false;
  finSeq = 0;
  ended = false;
  /** Where its first packet was captured; how far that device has shown it, once copies come from another one. */
  device = NOWHERE;
  shownSeq = 0;
  /** Its sender has no room (window 0), since `shutNs`. */
  shut = false;
  shutNs = Number.NaN;
  /** A packet without payload proved that its sender has sent everything up to there. */
  proven = false;
  provenSeq = 0;
  /** A hole ends there whose last number may be that of a FIN. */
  doubtSeq: number | null = null;

  /** True when the byte at nextSeq is waiting in the queue. */
  get ready(): boolean {
    return this.queue.length > 0 && ((this.queue[0]!.seq - this.nextSeq) | 0) <= 0;
  }

  /**
   * Puts the parts of a segment that nobody has yet into the queue; where bytes overlap, those that came first stay.
   * False: over the bounds, nothing more can be kept.
   */
  insert(
    seq: number,
    buf: Buffer,
    start: number,
    captured: number,
    length: number,
    timeNs: number,
    ack: number,
    maxBytes: number,
    budget: Budget,
    owner: Owner,
  ): boolean {
    this.fresh = 0;
    let from = 0;
    const late = (this.nextSeq - seq) | 0;
    if (late > 0) from = late;
    const last = this.queue.length - 1;
    const behind = last >= 0 && ((seq - this.queue[last]!.seq - this.queue[last]!.length) | 0) >= 0;
    let i = behind ? last + 1 : 0; // most segments belong behind all others
    while (from < length) {
      const at = (seq + from) | 0;
      while (i < this.queue.length && ((this.queue[i]!.seq + this.queue[i]!.length - at) | 0) <= 0) i++;
      const next = i < this.queue.length ? this.queue[i]! : null;
      const room = next === null ? length - from : Math.min(length - from, (next.seq - at) | 0);
      if (room <= 0) {
        from += next!.length - ((at - next!.seq) | 0);
        continue;
      }
      const have = Math.max(0, Math.min(room, captured - from));
      const cost = have + SEGMENT_OVERHEAD;
      if (this.queuedBytes + cost > maxBytes || !budget.take(owner, cost)) return false;
      const bytes = Buffer.allocUnsafeSlow(have);
      if (have > 0) buf.copy(bytes, 0, start + from, start + from + have);
      this.queue.splice(i, 0, new Segment(at, bytes, room, timeNs, ack));
      this.queuedBytes += cost;
      this.fresh += room;
      from += room;
    }
    return true;
  }

  /** Where the farthest bytes end that are at hand. */
  farthestSeq(): number {
    const last = this.queue.at(-1);
    return last === undefined ? this.nextSeq : (last.seq + last.length) | 0;
  }

  /** The first segment in the queue at or behind that number. */
  behind(seq: number): Segment | null {
    for (const s of this.queue) if (((s.seq - seq) | 0) >= 0) return s;
    return null;
  }

  /** Takes the first segment out. */
  shift(budget: Budget, owner: Owner): Segment {
    const s = this.queue.shift()!;
    const cost = s.bytes.length + SEGMENT_OVERHEAD;
    this.queuedBytes -= cost;
    budget.give(owner, cost);
    return s;
  }

  /** Where the bytes end that are at hand without a gap from nextSeq on. */
  contiguousEnd(): number {
    let end = this.nextSeq;
    for (const s of this.queue) {
      if (((s.seq - end) | 0) > 0) break;
      end = (s.seq + s.length) | 0;
    }
    return end;
  }
}
