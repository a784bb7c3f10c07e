/**
 * The compressed protocol: outer packets of int<3> length, a sequence number of their own, int<3> length before compression, payload. If
 * that last length is 0 the payload is as it is, else it is zlib or zstd data. What comes out is a stream of ordinary packets, which
 * begin and end anywhere in outer ones (MySQL Internals, "Compression").
 */

import { inflateZlib, inflateZstd } from '../../bytes/inflate.ts';
import { Marks, Window } from '../../bytes/window.ts';
import { type Exchanges, LOST, MORE, SKIP, type Step } from '../protocol.ts';
import { COUNTERS } from './counters.ts';
import { u24, u32 } from './packet.ts';

export const OUTER_HEADER = 7;
/**
 * Longest payload that is decompressed. Servers compress what their network buffer holds, 16 KiB by default, some proxies 90 KiB; what is
 * longer is the middle of a long row or the text of a long statement, and is passed by or given up.
 */
export const MAX_PACKED = 256 << 10;
/** The most that it may decompress to; 16 MiB, the most that the header can say, would be a bomb. */
export const MAX_UNPACKED = 1 << 20;
/** The longest beginning of a packet that its reader asks for: statement, query attributes and header, 16 + 4 KiB. */
const MAX_CARRY = 24 << 10;
const MIN_CARRY = 512;

const ZSTD_MAGIC = 0xfd2fb528;

/** `buf[at..]` begins like zlib or zstd data. */
function isPacked(buf: Buffer, at: number): boolean {
  return isZstd(buf, at) || ((buf[at]! & 0x0f) === 8 && ((buf[at]! << 8) | buf[at + 1]!) % 31 === 0);
}

const isZstd = (buf: Buffer, at: number): boolean => u32(buf, at) === ZSTD_MAGIC;

/** Payload `buf[at, to)` decompressed to exactly `size` bytes, else null. */
export function unpack(buf: Buffer, at: number, to: number, size: number): Buffer | null {
  if (to - at < 4 || !isPacked(buf, at)) return null;
  const data = isZstd(buf, at) ? inflateZstd(buf, at, to, size) : inflateZlib(buf, at, to, size);
  return data !== null && data.length === size ? data : null;
}

/** Who reads the packets of a direction. */
export interface PacketReader {
  read(w: Window): Step | -1;
  resync(w: Window): boolean;
}

/** One direction: takes outer packets apart and gives their content to the reader, which need not know. */
export class Unpacker {
  readonly #reader: PacketReader;
  /** The client's first outer packet of a command has number 0. */
  readonly #fromZero: boolean;
  readonly #inner = new Window();
  readonly #marks = new Marks();
  readonly #out: Exchanges;
  #carry: Buffer | null = null;
  #held = 0;
  #want = 0;
  /** Inner bytes that go by unseen. */
  #skip = 0;
  /** Inner bytes that go by as the outer ones are skipped; to be settled when that has happened. */
  #passing = 0;
  /** Bytes that are left of a payload that is as it is. */
  #stored = 0;
  /** None of that payload has been read; when its outer packet began, and what that segment acknowledged. */
  #storedBegins = false;
  #outerNs = 0;
  #outerAck = 0;
  /** Inner bytes so far. */
  #offset = 0;
  #lastNs = 0;

  constructor(reader: PacketReader, fromZero: boolean, out: Exchanges) {
    this.#reader = reader;
    this.#fromZero = fromZero;
    this.#out = out;
  }

  read(w: Window): Step {
    for (;;) {
      if (this.#passing > 0) {
        const step = this.#passed(w);
        if (step !== MORE) return step;
      }
      const here = w.end - w.pos;
      if (this.#stored > 0) {
        if (this.#skip > 0) {
          const n = Math.min(this.#stored, this.#skip);
          this.#stored -= n;
          this.#passing = n;
          w.want = n;
          return SKIP;
        }
        if (here === 0) {
          w.want = 1;
          return MORE;
        }
        const n = Math.min(this.#stored, here);
        this.#stored -= n;
        const step = this.#feedStored(w, w.pos + n);
        if (step !== MORE) return step;
        continue;
      }
      if (here < OUTER_HEADER) {
        w.want = OUTER_HEADER;
        return MORE;
      }
      const packed = u24(w.buf, w.pos);
      const size = u24(w.buf, w.pos + 4);
      if (size === 0) {
        this.#outerNs = w.timeAt(w.pos);
        this.#outerAck = w.ackAt(w.pos);
        this.#storedBegins = true;
        w.pos += OUTER_HEADER;
        this.#stored = packed;
        continue;
      }
      const bytes = OUTER_HEADER + packed;
      if (this.#skip >= size) {
        this.#passing = size;
        w.want = bytes;
        return SKIP;
      }
      if (packed > MAX_PACKED || size > MAX_UNPACKED) {
        COUNTERS.packedTooLarge++;
        return LOST;
      }
      if (here < bytes) {
        w.want = bytes;
        return MORE;
      }
      const data = unpack(w.buf, w.pos + OUTER_HEADER, w.pos + bytes, size);
      if (data === null) {
        COUNTERS.packedUnreadable++;
        return LOST;
      }
      const step = this.#feedUnpacked(w, data, w.pos + bytes);
      if (step !== MORE) return step;
    }
  }

  /** As Decoder.resync: an outer packet whose content credibly begins a message stands at `w.pos`. */
  resync(w: Window): boolean {
    const { buf, pos, end } = w;
    const here = end - pos;
    const inner = this.#inner;
    if (here < OUTER_HEADER) return this.#none(w, here > 3 && this.#fromZero && buf[pos + 3] !== 0);
    const packed = u24(buf, pos);
    const size = u24(buf, pos + 4);
    const payload = pos + OUTER_HEADER;
    inner.ack = w.ackAt(pos);
    if (packed === 0 || (this.#fromZero && buf[pos + 3] !== 0)) return this.#none(w, true);
    if (size === 0) {
      this.#show(buf, payload, Math.min(end, payload + packed));
      return this.#reader.resync(inner) || this.#none(w, inner.pos === inner.end && inner.end > payload);
    }
    if (packed > MAX_PACKED || size > MAX_UNPACKED) return this.#none(w, true);
    if (here < OUTER_HEADER + packed) return this.#none(w, here >= OUTER_HEADER + 4 && !isPacked(buf, payload));
    const data = unpack(buf, payload, payload + packed, size);
    if (data === null) return this.#none(w, true);
    this.#show(data, 0, size);
    // Data that can be decompressed is proof enough when only the beginning of a packet is in it.
    return this.#reader.resync(inner) || inner.pos < inner.end || this.#none(w, true);
  }

  /** No packet begins here, or (`surely` false) it is too little to say. */
  #none(w: Window, surely: boolean): boolean {
    if (surely) w.pos = w.end;
    return false;
  }

  /** Bytes were lost. */
  gap(): void {
    this.#release();
    this.#skip = 0;
    this.#passing = 0;
    this.#stored = 0;
    this.#storedBegins = false;
  }

  /** What was skipped outside has passed. */
  #passed(w: Window): Step {
    const n = this.#passing;
    this.#passing = 0;
    this.#skip -= n;
    this.#offset += n;
    this.#lastNs = w.timeBefore();
    if (this.#skip > 0) return MORE;
    this.#show(w.buf, w.pos, w.pos);
    this.#inner.seq = w.seq;
    this.#inner.beforeNs = this.#lastNs;
    return this.#run();
  }

  /** Content in front of `to`, which is as it was before: its bytes have their own times and sequence numbers. */
  #feedStored(w: Window, to: number): Step {
    const from = w.pos;
    w.pos = to;
    const begins = this.#storedBegins;
    this.#storedBegins = false;
    const firstNs = begins ? this.#outerNs : w.timeAt(from);
    const ack = begins ? this.#outerAck : w.ackAt(from);
    const beforeNs = this.#lastNs;
    this.#lastNs = w.timeAt(to - 1);
    if (this.#held > 0) return this.#append(w.buf, from, to, w.seqAt(to), firstNs, this.#lastNs, ack);
    const inner = this.#inner;
    this.#show(w.buf, from, to);
    inner.seq = w.seq;
    inner.timeNs = w.timeNs;
    inner.ack = w.ack;
    inner.marks = w.marks;
    inner.beforeNs = beforeNs;
    if (firstNs !== w.timeAt(from)) inner.marks = this.#storedMarks(w, from, to, firstNs, ack);
    const step = this.#run();
    return step === MORE ? this.#hold(w.seqAt(to), firstNs, this.#lastNs, ack) : step;
  }

  /** As in `w`, but that the first byte came when its outer packet began. */
  #storedMarks(w: Window, from: number, to: number, firstNs: number, ack: number): Marks {
    const marks = this.#marks;
    marks.count = 0;
    if (to - from > 1) marks.add(from, firstNs, ack);
    const second = to - from > 1 ? from + 1 : from;
    marks.add(second, w.timeAt(second), w.ackAt(second));
    const all = w.marks;
    for (let m = 0; all !== null && m < all.count; m++) {
      const start = all.starts[m]!;
      if (start > second && start < to) marks.add(start, all.times[m]!, all.acks[m]!);
    }
    return marks;
  }

  /**
   * Content of the outer packet that ends at `to`. Its first byte has the time of the outer packet's first byte, the others that of its
   * last one, without which nobody can read them; sequence numbers are counted back from its end.
   */
  #feedUnpacked(w: Window, data: Buffer, to: number): Step {
    const firstNs = w.timeAt(w.pos);
    const ack = w.ackAt(w.pos);
    const beforeNs = this.#lastNs;
    this.#lastNs = w.timeAt(to - 1);
    w.pos = to;
    const from = Math.min(this.#skip, data.length);
    this.#skip -= from;
    this.#offset += from;
    const endSeq = w.seqAt(to);
    if (this.#held > 0) return this.#append(data, from, data.length, endSeq, firstNs, this.#lastNs, ack);
    const inner = this.#inner;
    this.#show(data, from, data.length);
    inner.seq = (endSeq - data.length) | 0;
    inner.marks = this.#mark(0, from, data.length, firstNs, this.#lastNs, ack);
    inner.beforeNs = from > 0 ? this.#lastNs : beforeNs;
    const step = this.#run();
    return step === MORE ? this.#hold(endSeq, firstNs, this.#lastNs, ack) : step;
  }

  #mark(at: number, from: number, to: number, firstNs: number, lastNs: number, ack: number): Marks {
    const marks = this.#marks;
    if (at === 0) marks.count = 0;
    if (from === 0 && to > 1) marks.add(at, firstNs, ack);
    marks.add(from === 0 && to > 1 ? at + 1 : at, lastNs, ack);
    return marks;
  }

  #show(buf: Buffer, from: number, to: number): void {
    const inner = this.#inner;
    inner.show(buf);
    inner.pos = from;
    inner.first = from;
    inner.end = to;
    inner.base = this.#offset - from;
    inner.marks = null;
  }

  /** Lets the reader read until it wants more than there is, or skips. */
  #run(): Step {
    const inner = this.#inner;
    for (;;) {
      const from = inner.pos;
      const step = this.#reader.read(inner);
      this.#offset += inner.pos - from;
      if (step === MORE) {
        this.#want = inner.want;
        return MORE;
      }
      if (step !== SKIP) return step === -1 ? LOST : step;
      const n = Math.min(inner.want, inner.end - inner.pos);
      inner.pos += n;
      this.#offset += n;
      this.#skip = inner.want - n;
      if (this.#skip > 0) return MORE;
    }
  }

  /** Keeps what the reader has left of the window. */
  #hold(endSeq: number, firstNs: number, lastNs: number, ack: number): Step {
    const { pos, end, buf, first } = this.#inner;
    if (pos === end) return MORE;
    return this.#append(buf, pos, end, endSeq, pos === first ? firstNs : lastNs, lastNs, ack);
  }

  /** Puts `buf[from, to)` behind what is held, and lets the reader read when that is enough. */
  #append(buf: Buffer, from: number, to: number, endSeq: number, firstNs: number, lastNs: number, ack: number): Step {
    const inner = this.#inner;
    for (let at = from; at < to; ) {
      // What is wanted and no more, so that the rest of a large piece need not be copied.
      const n = Math.min(to - at, Math.max(this.#want - this.#held, 1));
      if (!this.#reserve(this.#held + n)) return LOST;
      buf.copy(this.#carry!, this.#held, at, at + n);
      if (this.#held === 0) this.#marks.count = 0;
      this.#marks.add(this.#held, at === from ? firstNs : lastNs, ack);
      if (at + n === to && n > 1) this.#marks.add(this.#held + n - 1, lastNs, ack);
      this.#held += n;
      at += n;
      if (this.#held < this.#want) return MORE;
      this.#show(this.#carry!, 0, this.#held);
      inner.marks = this.#marks;
      inner.seq = (endSeq - (to - at) - this.#held) | 0;
      inner.beforeNs = firstNs;
      const step = this.#run();
      if (step !== MORE) return step;
      const left = inner.end - inner.pos;
      this.#carry!.copyWithin(0, inner.pos, inner.end);
      this.#marks.shift(inner.pos);
      this.#held = left;
      if (left === 0) this.#release();
      const skipped = Math.min(this.#skip, to - at);
      this.#skip -= skipped;
      this.#offset += skipped;
      at += skipped;
    }
    return MORE;
  }

  #reserve(bytes: number): boolean {
    const carry = this.#carry;
    if (carry !== null && carry.length >= bytes) return true;
    if (bytes > MAX_CARRY) return false;
    const size = Math.min(MAX_CARRY, Math.max(MIN_CARRY, 2 ** Math.ceil(Math.log2(bytes))));
    if (!this.#out.hold(size - (carry === null ? 0 : carry.length))) return false;
    const grown = Buffer.allocUnsafeSlow(size);
    if (carry !== null) carry.copy(grown, 0, 0, this.#held);
    this.#carry = grown;
    return true;
  }

  #release(): void {
    this.#held = 0;
    this.#want = 0;
    if (this.#carry === null) return;
    this.#out.release(this.#carry.length);
    this.#carry = null;
  }
}
