/** Texts of addresses that come again and again: found by their words, so that no string is made of what is known. */

import { addressText } from './address.ts';

/** 1,024 slots with texts of at most 39 characters: below 80 KiB. */
const SLOTS = 1024;

export class AddressTexts {
  readonly #versions = new Uint8Array(SLOTS);
  readonly #words = new Int32Array(4 * SLOTS);
  readonly #texts: string[] = new Array<string>(SLOTS).fill('');

  /** As `addressText`. */
  text(version: number, w0: number, w1: number, w2: number, w3: number): string {
    const h = Math.imul(w0 ^ Math.imul(w1, 31) ^ Math.imul(w2, 961) ^ Math.imul(w3, 0x85ebca6b), 0x9e3779b1);
    const slot = h >>> 22;
    const at = 4 * slot;
    const known = this.#words;
    if (
      this.#versions[slot] !== version ||
      known[at] !== w0 ||
      known[at + 1] !== w1 ||
      known[at + 2] !== w2 ||
      known[at + 3] !== w3
    ) {
      this.#texts[slot] = addressText(version, w0, w1, w2, w3);
      this.#versions[slot] = version;
      known[at] = w0;
      known[at + 1] = w1;
      known[at + 2] = w2;
      known[at + 3] = w3;
    }
    return this.#texts[slot]!;
  }
}
