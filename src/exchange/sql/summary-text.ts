/** Semantic conventions for database client spans, "Generating a summary of the query". */
export const MAX_SUMMARY_LENGTH = 255;

/** 512 texts of at most 255 characters, two bytes each: 256 KiB at the very most. */
const KEPT = 512;

const SPACE = 32;

/**
 * A short text put together from pieces of a statement. The string that leaves shares no memory with the statement,
 * and texts that come again and again are the same string each time.
 */
export class SummaryText {
  length = 0;
  readonly #codes = new Uint16Array(MAX_SUMMARY_LENGTH);
  readonly #kept: string[] = new Array<string>(KEPT).fill('');

  /** Adds `text[from, to)` behind a space. False, and nothing added, when it does not fit. */
  word(text: string, from: number, to: number): boolean {
    return this.#add(text, from, to, SPACE);
  }

  /** Adds `separator` and `text[from, to)`. */
  part(separator: number, text: string, from: number, to: number): boolean {
    return this.#add(text, from, to, separator);
  }

  #add(text: string, from: number, to: number, separator: number): boolean {
    let at = this.length;
    if (at + (at > 0 ? 1 : 0) + to - from > MAX_SUMMARY_LENGTH) return false;
    if (at > 0) this.#codes[at++] = separator;
    for (let i = from; i < to; i++) this.#codes[at++] = text.charCodeAt(i);
    this.length = at;
    return true;
  }

  toString(): string {
    const { length } = this;
    const codes = this.#codes;
    let hash = length;
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + codes[i]!) | 0;
    const slot = (hash ^ (hash >>> 16)) & (KEPT - 1);
    const known = this.#kept[slot]!;
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === codes[i]) i++;
      if (i === length) return known;
    }
    let made = '';
    if (length > 0) made = String.fromCharCode.apply(null, codes.subarray(0, length) as unknown as number[]);
    this.#kept[slot] = made;
    return made;
  }
}
