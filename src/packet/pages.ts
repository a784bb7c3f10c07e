import type { Budget, Owner } from '../bytes/budget.ts';

/** Small enough that a fragment of an Ethernet takes one or two, large enough that a datagram takes 32 at most. */
export const PAGE_SHIFT = 11;
export const PAGE_BYTES = 1 << PAGE_SHIFT;
export const NO_PAGE = -1;

/** Pages are bought from the budget in chunks of 64 KiB (one datagram of the largest size) and then kept for the next. */
const CHUNK_SHIFT = 5;
const CHUNK_PAGES = 1 << CHUNK_SHIFT;
export const CHUNK_BYTES = CHUNK_PAGES * PAGE_BYTES;

/** Memory in pages, each known by its number. */
export class Pages {
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #maxChunks: number;
  readonly #chunks: Buffer[] = [];
  readonly #free: number[] = [];

  constructor(budget: Budget, owner: Owner, maxBytes: number) {
    this.#budget = budget;
    this.#owner = owner;
    this.#maxChunks = Math.max(1, Math.floor(maxBytes / CHUNK_BYTES));
  }

  /** A page, or NO_PAGE when all are in use and no more may be bought. */
  take(): number {
    if (this.#free.length === 0) {
      if (this.#chunks.length >= this.#maxChunks || !this.#budget.take(this.#owner, CHUNK_BYTES)) return NO_PAGE;
      for (let i = CHUNK_PAGES - 1; i >= 0; i--) this.#free.push(this.#chunks.length * CHUNK_PAGES + i);
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
    }
    return this.#free.pop()!;
  }

  give(page: number): void {
    this.#free.push(page);
  }

  /** Copies `from[start, end)` to byte `at` of the page. */
  write(page: number, at: number, from: Buffer, start: number, end: number): void {
    from.copy(this.#chunks[page >> CHUNK_SHIFT]!, offsetOf(page) + at, start, end);
  }

  /** Copies the first bytes of the page to `to[start, end)`. */
  read(page: number, to: Buffer, start: number, end: number): void {
    const offset = offsetOf(page);
    this.#chunks[page >> CHUNK_SHIFT]!.copy(to, start, offset, offset + end - start);
  }

  /** Whether `other[start, end)` stands at byte `at` of the page. */
  holds(page: number, at: number, other: Buffer, start: number, end: number): boolean {
    const offset = offsetOf(page) + at;
    return this.#chunks[page >> CHUNK_SHIFT]!.compare(other, start, end, offset, offset + end - start) === 0;
  }
}

function offsetOf(page: number): number {
  return (page & (CHUNK_PAGES - 1)) << PAGE_SHIFT;
}
