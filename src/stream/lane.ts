import type { Budget, Owner } from '../bytes/budget.ts';
import { Marks, Window } from '../bytes/window.ts';
import { type Decoder, type Dir, LOST, MORE, SKIP } from '../protocols/protocol.ts';
import type { StreamCounters } from './counters.ts';

/** What every lane of a pipeline shares. One window serves them all: it is lent for one call only. */
export class LaneEnv {
  readonly window = new Window();
  readonly budget: Budget;
  readonly owner: Owner;
  readonly counters: StreamCounters;

  constructor(budget: Budget, counters: StreamCounters) {
    this.budget = budget;
    this.owner = budget.owner('lanes');
    this.counters = counters;
  }
}

/** Smallest carry buffer: most split heads fit. It doubles up to the decoder's maxHead. */
const MIN_CARRY = 512;

/** One direction of one connection between reassembly and decoder; the only place that buffers for a decoder. */
export class Lane {
  readonly #env: LaneEnv;
  readonly #dir: Dir;
  readonly #decoder: Decoder;
  readonly #maxHead: number;
  #carry: Buffer | null = null;
  #marks: Marks | null = null;
  #held = 0;
  /** Capture time of the byte in front of the carry. */
  #carryBeforeNs = 0;
  /** Stream offset and sequence number of the next byte that push() will bring. */
  #offset = 0;
  #seq = 0;
  /** Capture time of the last byte that came by. */
  #lastNs = 0;
  #want = 0;
  #skip = 0;
  /** Looking for the next credible message start. */
  #lost: boolean;
  /** STOP was answered: nothing more goes to the decoder. */
  stopped = false;
  violations = 0;

  constructor(env: LaneEnv, dir: Dir, decoder: Decoder, maxHead: number, midway: boolean) {
    this.#env = env;
    this.#dir = dir;
    this.#decoder = decoder;
    this.#maxHead = maxHead;
    this.#lost = midway;
  }

  /** The next bytes in order, from one segment. `seq` belongs to `buf[start]`. Returns the index behind the last byte used when STOP came. */
  push(buf: Buffer, start: number, end: number, seq: number, timeNs: number, ack: number): number {
    if (this.stopped) return start;
    this.#seq = seq;
    let at = start;
    while (at < end) {
      if (this.#skip > 0) {
        const n = Math.min(this.#skip, end - at);
        this.#skip -= n;
        at += n;
        this.#advance(n, timeNs);
        if (this.#skip > 0) return end;
        if (this.#held === 0 && at === end) {
          this.#view(buf, at, end, timeNs, ack);
          this.#run();
          return this.stopped ? at : end;
        }
      }
      if (this.#held === 0) {
        this.#view(buf, at, end, timeNs, ack); // the common case: no copy
        this.#run();
        const pos = this.#env.window.pos;
        const past = Math.min(this.#skip, end - pos);
        this.#skip -= past;
        this.#advance(pos + past - at, timeNs);
        at = pos + past;
        if (this.stopped) return at;
        if (at < end) {
          this.#hold(buf, at, end, timeNs, ack);
          return end;
        }
      } else {
        at = this.#topUp(buf, at, end, timeNs, ack);
        if (this.stopped) return at;
      }
    }
    return end;
  }

  /** `n` bytes were lost on the wire or by the capture. */
  hole(n: number, timeNs: number): void {
    if (this.stopped) return;
    if (this.#skip < n && this.#isPassed(n, timeNs)) {
      this.#release();
      this.#skip = Math.max(this.#skip, n);
    }
    if (this.#skip >= n && this.#held === 0) {
      this.#skip -= n;
      this.#advance(n, timeNs);
      if (this.#skip > 0) return;
      this.#empty(timeNs);
      this.#run();
      return;
    }
    this.#release();
    this.#skip = 0;
    this.#lost = true;
    this.#empty(this.#lastNs);
    this.#decoder.gap(this.#dir, this.#env.window);
    this.#advance(n, timeNs);
  }

  /** The `n` bytes that are missing belong to a message that the decoder can do without. */
  #isPassed(n: number, timeNs: number): boolean {
    if (this.#decoder.passes === undefined) return false;
    // Cut off by the snaplen, not lost and found out later, when much may have been answered. Seen that so much is missing, what was held
    // may be a start, or all that there will be of a message.
    if (this.#held > 0 && timeNs === this.#lastNs) {
      const w = this.#env.window;
      this.#showCarry(w);
      w.lacking = n;
      this.#run();
      w.lacking = 0;
      if (this.#skip >= n) return true;
      this.#skip = 0;
    }
    return !this.#lost && !this.stopped && this.#decoder.passes(this.#dir, this.#offset + n);
  }

  /** The direction ended by FIN. */
  end(): void {
    if (this.stopped) return;
    this.#release();
    this.#empty(this.#lastNs);
    this.#decoder.end(this.#dir, this.#env.window);
  }

  /** Gives back what it holds. The lane is not used afterwards. */
  close(): void {
    this.#release();
    this.#carry = null;
    this.stopped = true;
  }

  #advance(n: number, timeNs: number): void {
    this.#offset += n;
    this.#seq = (this.#seq + n) | 0;
    this.#lastNs = timeNs;
  }

  #view(buf: Buffer, at: number, end: number, timeNs: number, ack: number): void {
    const w = this.#env.window;
    w.show(buf);
    w.pos = at;
    w.first = at;
    w.end = end;
    w.base = this.#offset - at;
    w.seq = (this.#seq - at) | 0;
    w.timeNs = timeNs;
    w.ack = ack;
    w.beforeNs = this.#lastNs;
    w.marks = null;
  }

  #empty(timeNs: number): void {
    const w = this.#env.window;
    this.#view(w.buf, 0, 0, timeNs, 0);
    w.beforeNs = timeNs;
  }

  /** Copies `buf[at, end)` into the carry, as far as it fits. */
  #append(buf: Buffer, at: number, end: number, timeNs: number, ack: number): number {
    const need = this.#held + (end - at);
    let carry = this.#carry;
    if (carry === null || carry.length < need) {
      const size = Math.min(this.#maxHead, Math.max(MIN_CARRY, 2 ** Math.ceil(Math.log2(need))));
      const old = carry === null ? 0 : carry.length;
      if (size > old && this.#env.budget.take(this.#env.owner, size - old)) {
        const grown = Buffer.allocUnsafeSlow(size);
        if (carry !== null) carry.copy(grown, 0, 0, this.#held);
        this.#carry = grown;
        carry = grown;
      }
    }
    if (carry === null) return 0;
    const n = Math.min(end - at, carry.length - this.#held);
    if (this.#held === 0) this.#carryBeforeNs = this.#lastNs;
    buf.copy(carry, this.#held, at, at + n);
    this.#marks ??= new Marks();
    this.#marks.add(this.#held, timeNs, ack);
    this.#held += n;
    this.#advance(n, timeNs);
    return n;
  }

  #hold(buf: Buffer, at: number, end: number, timeNs: number, ack: number): void {
    if (this.#append(buf, at, end, timeNs, ack) < end - at) this.#overflow();
  }

  /** No room for a head that is still incomplete: it is lost. */
  #overflow(): void {
    this.#env.counters.oversizedHeads++;
    this.#release();
    this.#lost = true;
    this.#empty(this.#lastNs);
    this.#decoder.gap(this.#dir, this.#env.window);
  }

  /** Appends to the carry and runs the decoder over it; returns the index behind the bytes taken. */
  #topUp(buf: Buffer, at: number, end: number, timeNs: number, ack: number): number {
    const n = this.#append(buf, at, end, timeNs, ack);
    if (n === 0) {
      this.#overflow();
      return end;
    }
    if (this.#held < this.#want) return at + n;
    const w = this.#env.window;
    this.#showCarry(w);
    this.#run(this.#held - n);
    const past = Math.min(this.#skip, w.end - w.pos);
    this.#skip -= past;
    const used = w.pos + past;
    const left = this.#held - used;
    if (this.stopped) {
      // Only bytes of this very segment can be handed on to a successor; older ones were part of the head.
      const back = Math.min(left, n);
      this.#release();
      return at + n - back;
    }
    if (left === 0) {
      this.#release();
    } else if (used > 0) {
      this.#carry!.copyWithin(0, used, this.#held);
      this.#marks!.shift(used);
      this.#held = left;
    }
    return at + n;
  }

  #showCarry(w: Window): void {
    w.show(this.#carry!);
    w.pos = 0;
    w.first = 0;
    w.end = this.#held;
    w.base = this.#offset - this.#held;
    w.seq = (this.#seq - this.#held) | 0;
    w.marks = this.#marks;
    w.beforeNs = this.#carryBeforeNs;
  }

  #release(): void {
    this.#held = 0;
    this.#want = 0;
    if (this.#marks !== null) this.#marks.count = 0;
    if (this.#carry !== null) {
      this.#env.budget.give(this.#env.owner, this.#carry.length);
      this.#carry = null;
    }
  }

  /**
   * Lets the decoder read until it wants more than the window holds. Leaves `#skip` and `#want` set. `newest` is where the latest
   * segment begins in the window: what was held in front of it may turn out to be no start, and the segment one all the same.
   */
  #run(newest = 0): void {
    const w = this.#env.window;
    for (;;) {
      if (this.#lost) {
        const from = w.pos;
        let found = this.#decoder.resync(this.#dir, w);
        if (!found && w.pos === w.end && newest > from) {
          w.pos = newest;
          found = this.#decoder.resync(this.#dir, w);
        }
        this.#env.counters.resyncBytes += w.pos - from;
        if (!found) {
          this.#want = w.end - w.pos + 1;
          return;
        }
        this.#lost = false;
      }
      const step = this.#decoder.decode(this.#dir, w);
      if (step === MORE) {
        this.#want = w.want;
        if (w.want > w.end - w.pos && w.want <= this.#maxHead) return;
        this.#env.counters.oversizedHeads++;
        this.#violate();
        return;
      }
      if (step === SKIP) {
        const n = Math.min(w.want, w.end - w.pos);
        w.pos += n;
        this.#skip = w.want - n;
        if (this.#skip > 0) return;
      } else if (step === LOST) {
        this.#violate();
        return;
      } else {
        this.stopped = true;
        return;
      }
    }
  }

  /** What the decoder cannot read is given up until the next segment. */
  #violate(): void {
    this.violations++;
    this.#env.counters.violations++;
    this.#lost = true;
    const w = this.#env.window;
    w.pos = w.end;
    this.#decoder.gap(this.#dir, w);
  }
}
