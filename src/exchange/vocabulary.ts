/** Words that metrics tell exchanges apart by (databases, query summaries, status words), as small numbers. */

/** Characters of a word that are kept: the longest query summary of the conventions. */
const MAX_CHARS = 255;

/** Every vocabulary, for their counters. */
export const VOCABULARIES: Vocabulary[] = [];

/**
 * Numbers for words, the same number for the same word as long as the process lives. Bounded: when it is full, new words are
 * counted and get number 0, which stands for ''.
 */
export class Vocabulary {
  /** Metric label of its counters. */
  readonly name: string;
  readonly #max: number;
  readonly #ids = new Map<string, number>([['', 0]]);
  readonly #words: string[] = [''];
  /** How often a word found no room. */
  refused = 0;

  /** At most `max` words of up to 255 characters: 4,096 of them take 1 MiB at the very most when they are Latin text. */
  constructor(name: string, max: number) {
    this.name = name;
    this.#max = max;
    VOCABULARIES.push(this);
  }

  get size(): number {
    return this.#words.length - 1;
  }

  /** From 0 to `max`. */
  id(word: string): number {
    const known = this.#ids.get(word);
    if (known !== undefined) return known;
    if (word.length > MAX_CHARS || this.size >= this.#max) {
      this.refused++;
      return 0;
    }
    const id = this.#words.length;
    this.#ids.set(word, id);
    this.#words.push(word);
    return id;
  }

  /** The word's number if it has one, else 0. */
  peek(word: string): number {
    return this.#ids.get(word) ?? 0;
  }

  /** The word itself if it has a number, else ''. */
  word(id: number): string {
    return this.#words[id] ?? '';
  }
}
