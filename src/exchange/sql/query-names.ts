import { FOLD } from './characters.ts';

/** Names given by WITH that are told from tables. Each costs one comparison per table. */
const MAX_NAMES = 32;

/** The names that a statement gives to its queries by WITH, as offsets into it. Further ones than 32 count as tables. */
export class QueryNames {
  #count = 0;
  readonly #starts = new Uint32Array(MAX_NAMES);
  readonly #ends = new Uint32Array(MAX_NAMES);

  clear(): void {
    this.#count = 0;
  }

  add(start: number, end: number): void {
    if (this.#count === MAX_NAMES) return;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count++;
  }

  /** `text[start, end)` is one of them, in whatever case. */
  has(text: string, start: number, end: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      const from = this.#starts[i]!;
      const length = this.#ends[i]! - from;
      if (length !== end - start) continue;
      let same = 0;
      while (same < length && (text.charCodeAt(from + same) | FOLD) === (text.charCodeAt(start + same) | FOLD)) same++;
      if (same === length) return true;
    }
    return false;
  }
}
