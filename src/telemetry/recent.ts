/** Slots that a key may lie in, side by side. */
const WAYS = 4;

/**
 * A table of what was seen recently: keys and values of a few 32-bit words and a time, in one Int32Array of fixed size.
 * When the slots of a key are taken, the oldest of them makes room, so it never grows and never rehashes.
 * A key of zeroes is not allowed: it is what empty slots hold.
 */
export class Recent {
  /** The key for the next call; the caller fills it in. */
  readonly key: Int32Array;
  readonly #words: Int32Array;
  readonly #keyWords: number;
  readonly #stride: number;
  readonly #setMask: number;
  /** The slot for the key that `find` did not find: an empty one, or the oldest. */
  #vacancy = 0;

  /** `slots` is a power of two. Memory: slots x (keyWords + valueWords + 1) x 4 bytes. */
  constructor(slots: number, keyWords: number, valueWords: number) {
    this.key = new Int32Array(keyWords);
    this.#keyWords = keyWords;
    this.#stride = keyWords + valueWords + 1;
    this.#setMask = slots / WAYS - 1;
    this.#words = new Int32Array(slots * this.#stride);
    // empty slots look as old as can be
    for (let at = this.#stride - 1; at < this.#words.length; at += this.#stride) this.#words[at] = -0x80000000;
  }

  /** Where the entry of `key` lies, -1 when there is none. Times are ms, compared modulo 2^32. */
  find(nowMs: number): number {
    const words = this.#words;
    const key = this.key;
    const keyWords = this.#keyWords;
    const stride = this.#stride;
    let at = this.#set() * WAYS * stride;
    let oldest = -1;
    for (let way = 0; way < WAYS; way++, at += stride) {
      let i = 0;
      while (i < keyWords && words[at + i] === key[i]) i++;
      if (i === keyWords) return at;
      const age = (nowMs - words[at + stride - 1]!) >>> 0;
      if (age > oldest) {
        oldest = age;
        this.#vacancy = at;
      }
    }
    return -1;
  }

  /** Makes an entry for `key`, which the last `find` did not find, and says where. */
  insert(nowMs: number): number {
    const at = this.#vacancy;
    this.#words.set(this.key, at);
    this.#words[at + this.#stride - 1] = nowMs | 0;
    return at;
  }

  value(at: number, index: number): number {
    return this.#words[at + this.#keyWords + index]!;
  }

  setValue(at: number, index: number, word: number): void {
    this.#words[at + this.#keyWords + index] = word;
  }

  /** How long ago the entry was made or refreshed, ms; negative when time went backwards. */
  ageMs(at: number, nowMs: number): number {
    return (nowMs - this.#words[at + this.#stride - 1]!) | 0;
  }

  refresh(at: number, nowMs: number): void {
    this.#words[at + this.#stride - 1] = nowMs | 0;
  }

  #set(): number {
    let h = 0;
    for (let i = 0; i < this.#keyWords; i++) {
      h = Math.imul(h ^ this.key[i]!, 0x9e3779b1);
      h ^= h >>> 15;
    }
    return h & this.#setMask;
  }
}
