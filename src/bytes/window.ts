/**
 * Where the bytes of a window came from: one mark for each segment, so that a message that starts in the middle
 * of carried bytes still knows the packet that brought it.
 */
export class Marks {
  count = 0;
  /** Buffer index at which the segment's bytes begin. */
  readonly starts: number[] = [];
  readonly times: number[] = [];
  readonly acks: number[] = [];

  add(start: number, timeNs: number, ack: number): void {
    const last = this.count - 1;
    // Segments of equal time and acknowledgement need no mark of their own: a captured offload burst is one.
    if (last >= 0 && this.times[last] === timeNs && this.acks[last] === ack) return;
    this.starts[this.count] = start;
    this.times[this.count] = timeNs;
    this.acks[this.count] = ack;
    this.count++;
  }

  /** Index of the mark that covers buffer index `i`. */
  find(i: number): number {
    let m = this.count - 1;
    while (m > 0 && this.starts[m]! > i) m--;
    return m;
  }

  /** The first `n` bytes were dropped and the rest moved to the front. */
  shift(n: number): void {
    const first = this.find(n);
    let k = 0;
    for (let m = first; m < this.count; m++, k++) {
      this.starts[k] = Math.max(0, this.starts[m]! - n);
      this.times[k] = this.times[m]!;
      this.acks[k] = this.acks[m]!;
    }
    this.count = k;
  }
}

/** The bytes that a decoder may look at: `buf[pos, end)`. Lent for one call; copy out what must outlive it. */
export class Window {
  buf: Buffer = Buffer.alloc(0);
  /** On the same bytes as `buf`. */
  view: DataView = new DataView(this.buf.buffer, this.buf.byteOffset, 0);
  pos = 0;
  end = 0;
  /** The argument of MORE and SKIP. */
  want = 0;
  /** Stream offset of `buf[0]` (holes counted), so `base + pos` is where the window stands in its direction. */
  base = 0;
  /** TCP sequence number of `buf[0]`, signed 32 bits. */
  seq = 0;
  /** Capture time and acknowledgement number of the segment when there is only one. */
  timeNs = 0;
  ack = 0;
  /** Capture time of the byte in front of the window. */
  beforeNs = 0;
  /** Bytes behind the window that were not captured, where it ends so; 0: that is not known. */
  lacking = 0;
  /** Index of the first byte that the window ever showed in this call. */
  first = 0;
  marks: Marks | null = null;

  /** Shows other bytes; a source hands over the same buffer again and again. */
  show(buf: Buffer): void {
    if (buf === this.buf) return;
    this.buf = buf;
    this.view = new DataView(buf.buffer, buf.byteOffset, buf.length);
  }

  /** Index of the first byte `value` in `buf[from, end)`, -1 if there is none. Four bytes at a time. */
  find(value: number, from: number): number {
    const { buf, view, end } = this;
    const pattern = Math.imul(value, 0x01010101);
    let i = from;
    for (; i + 4 <= end; i += 4) {
      const v = view.getInt32(i, true) ^ pattern;
      const zeros = (v - 0x01010101) & ~v & 0x80808080; // the lowest bit set stands in the first byte that is zero
      if (zeros !== 0) return i + ((31 - Math.clz32(zeros & -zeros)) >> 3);
    }
    for (; i < end; i++) if (buf[i] === value) return i;
    return -1;
  }

  /** Capture time of the packet that brought `buf[i]`, ns since the base. */
  timeAt(i: number): number {
    const m = this.marks;
    return m === null ? this.timeNs : m.times[m.find(i)]!;
  }

  /** Capture time of the last byte in front of `pos`. */
  timeBefore(): number {
    return this.pos > this.first ? this.timeAt(this.pos - 1) : this.beforeNs;
  }

  /** Acknowledgement number in the segment that brought `buf[i]`, signed 32 bits. */
  ackAt(i: number): number {
    const m = this.marks;
    return m === null ? this.ack : m.acks[m.find(i)]!;
  }

  /** Sequence number of `buf[i]`, signed 32 bits. */
  seqAt(i: number): number {
    return (this.seq + i) | 0;
  }
}
