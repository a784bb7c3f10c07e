/** Texts that come again and again (paths, hosts): found by their bytes, so that no string is made of what is known. */

/** 1,024 slots of at most 128 bytes: below 300 KiB with the strings. */
const SLOTS = 1024;
const MAX_BYTES = 128;

export class Words {
  readonly #hashes = new Int32Array(SLOTS);
  readonly #lengths = new Int32Array(SLOTS).fill(-1);
  readonly #bytes = Buffer.alloc(SLOTS * MAX_BYTES);
  readonly #texts: string[] = new Array<string>(SLOTS).fill('');

  /** `buf[from, to)` as text (UTF-8). */
  text(buf: Buffer, from: number, to: number): string {
    const n = to - from;
    if (n === 0) return '';
    if (n > MAX_BYTES) return buf.toString('utf8', from, to);
    let h = n;
    for (let i = from; i < to; i++) h = (Math.imul(h, 31) + buf[i]!) | 0;
    h ^= h >>> 15;
    const slot = h & (SLOTS - 1);
    const at = slot * MAX_BYTES;
    const known = this.#bytes;
    if (this.#hashes[slot] === h && this.#lengths[slot] === n) {
      let i = 0;
      while (i < n && known[at + i] === buf[from + i]) i++;
      if (i === n) return this.#texts[slot]!;
    }
    const text = buf.toString('utf8', from, to);
    for (let i = 0; i < n; i++) known[at + i] = buf[from + i]!;
    this.#hashes[slot] = h;
    this.#lengths[slot] = n;
    this.#texts[slot] = text;
    return text;
  }
}
