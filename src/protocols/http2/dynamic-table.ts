import { LOST_NAME } from './fields.ts';

/** RFC 9113 section 6.5.2: the size of a table until its owner says otherwise. */
const INITIAL_BYTES = 4096;
/**
 * What is kept of a table at most, for each direction: 64 KiB is what browsers offer; servers mostly offer 4 KiB. Of a larger table (up
 * to 4 GiB may be agreed on) the older entries are forgotten: they read as unknown.
 */
const MAX_KEPT_BYTES = 65536;
/** Memory is asked for in such steps. */
const STEP_BYTES = 1024;
const MIN_SLOTS = 16;

/** Where the memory comes from. */
export interface Memory {
  hold(bytes: number): boolean;
  release(bytes: number): void;
}

/**
 * The dynamic table of one direction as far as it was seen (RFC 7541 section 2.3.2): entry 0 is the newest. An entry's index says how
 * many entries were added behind it, and only the oldest ever leave. So an index is right exactly when every entry since that one was
 * seen to be added, whatever the table's size is and whatever stood in it before: after a loss all older entries are unknown, and all
 * newer ones are known.
 *
 * One doubt does no harm: an entry larger than the table empties it instead of being added (section 4.4), and after a loss nobody
 * knows that size. But whoever refers to such an entry, or to one in front of it, says by that that it was added.
 */
export class DynamicTable {
  readonly #memory: Memory;
  /** A ring; its length is a power of two. */
  #fields = new Int8Array(MIN_SLOTS);
  #nameBytes = new Int32Array(MIN_SLOTS);
  #sizes = new Int32Array(MIN_SLOTS);
  #values: string[] = new Array<string>(MIN_SLOTS).fill('');
  /** Slot of the newest entry. */
  #newest = 0;
  #bytes = 0;
  #held = 0;
  /** The size of the encoder's table; Infinity when it is not known. */
  #limit = INITIAL_BYTES;
  /** Entries that are known. */
  count = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  field(i: number): number {
    return this.#fields[this.#slot(i)]!;
  }

  value(i: number): string {
    return this.#values[this.#slot(i)]!;
  }

  nameBytes(i: number): number {
    return this.#nameBytes[this.#slot(i)]!;
  }

  /** As RFC 7541 section 4.1 counts it. */
  size(i: number): number {
    return this.#sizes[this.#slot(i)]!;
  }

  /** An entry is added. False: there was no memory for it, and all entries so far are unknown from now on. */
  add(field: number, value: string, nameBytes: number, valueBytes: number): boolean {
    const size = nameBytes + valueBytes + 32;
    if (size > this.#limit) {
      this.#forget();
      return true;
    }
    if (this.#bytes + size > this.#held) {
      // at most what is kept, and the one entry that may be larger
      const want = Math.min(MAX_KEPT_BYTES, Math.ceil((this.#bytes + size) / STEP_BYTES) * STEP_BYTES) - this.#held;
      if (want > 0) {
        if (!this.#memory.hold(want)) {
          this.#forget();
          return false;
        }
        this.#held += want;
      }
    }
    if (this.count === this.#values.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#values.length - 1);
    this.#fields[this.#newest] = field;
    this.#values[this.#newest] = field === LOST_NAME ? '' : value;
    this.#nameBytes[this.#newest] = nameBytes;
    this.#sizes[this.#newest] = size;
    this.#bytes += size;
    this.count++;
    this.#evict();
    return true;
  }

  /** The encoder says how large its table is from now on (section 6.3). */
  resize(bytes: number): void {
    this.#limit = bytes;
    this.#evict();
  }

  /** The connection begins: the table is empty, and of the size that all begin with. */
  reset(): void {
    this.#forget();
    this.#limit = INITIAL_BYTES;
  }

  /** Header blocks were lost: what was added or resized in them nobody knows. */
  lose(): void {
    this.#forget();
    this.#limit = Number.POSITIVE_INFINITY;
  }

  #slot(i: number): number {
    return (this.#newest - i) & (this.#values.length - 1);
  }

  #forget(): void {
    if (this.count > 0) this.#values.fill('');
    this.count = 0;
    this.#bytes = 0;
    if (this.#held > 0) this.#memory.release(this.#held);
    this.#held = 0;
  }

  /** The oldest make room. The newest stays even when it is larger than what is kept: it holds the place of one that is in the table. */
  #evict(): void {
    while (this.#bytes > this.#limit || (this.#bytes > MAX_KEPT_BYTES && this.count > 1)) {
      const oldest = this.#slot(this.count - 1);
      this.#bytes -= this.#sizes[oldest]!;
      this.#values[oldest] = '';
      this.count--;
    }
  }

  /** An entry takes at least 32 bytes, so there are never more than 2,048 slots. */
  #grow(): void {
    const slots = this.#values.length;
    const fields = new Int8Array(2 * slots);
    const nameBytes = new Int32Array(2 * slots);
    const sizes = new Int32Array(2 * slots);
    const values = new Array<string>(2 * slots).fill('');
    for (let i = this.count - 1, to = 0; i >= 0; i--, to++) {
      const from = this.#slot(i);
      fields[to] = this.#fields[from]!;
      nameBytes[to] = this.#nameBytes[from]!;
      sizes[to] = this.#sizes[from]!;
      values[to] = this.#values[from]!;
    }
    this.#newest = this.count - 1;
    this.#fields = fields;
    this.#nameBytes = nameBytes;
    this.#sizes = sizes;
    this.#values = values;
  }
}
