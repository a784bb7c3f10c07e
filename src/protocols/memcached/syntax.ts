/** Lines of the text protocol, taken apart by offsets. */

import type { Window } from '../protocol.ts';
import { type Command, findCommand, MAX_KEY } from './commands.ts';

export const LF = 10;
export const CR = 13;
const SPACE = 32;

/** Longest line that is looked at whole. Servers refuse longer ones, but for a get of many keys. */
export const MAX_LINE = 2048;
/** Words of a line that are told apart; what stands behind them is counted only. */
const MAX_WORDS = 24;

/** Longest data block that is believed: items have at most 1 GiB (`-I`). */
const MAX_DIGITS = 10;

/** The words of a line: the last one that was read. */
export class Line {
  readonly starts = new Int32Array(MAX_WORDS);
  readonly ends = new Int32Array(MAX_WORDS);
  /** All words, those beyond MAX_WORDS too. */
  count = 0;

  /** Takes `buf[from, to)` apart at spaces. False: it holds what no line holds. */
  read(buf: Uint8Array, from: number, to: number): boolean {
    let n = 0;
    for (let i = from; i < to; ) {
      while (i < to && buf[i] === SPACE) i++;
      if (i === to) break;
      const start = i;
      while (i < to && buf[i] !== SPACE) {
        const b = buf[i]!;
        if (b < 32 || b === 127) return false;
        i++;
      }
      if (n < MAX_WORDS) {
        this.starts[n] = start;
        this.ends[n] = i;
      }
      n++;
    }
    this.count = n;
    return n > 0;
  }

  /** Words that can be looked at. */
  get seen(): number {
    return Math.min(this.count, MAX_WORDS);
  }

  is(buf: Uint8Array, nth: number, word: string): boolean {
    const from = this.starts[nth]!;
    if (this.ends[nth]! - from !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (buf[from + i] !== word.charCodeAt(i)) return false;
    return true;
  }

  /** The number that word `nth` is, -1 if it is none. */
  number(buf: Uint8Array, nth: number): number {
    return toNumber(buf, this.starts[nth]!, this.ends[nth]!);
  }

  length(nth: number): number {
    return this.ends[nth]! - this.starts[nth]!;
  }
}

export function toNumber(buf: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > MAX_DIGITS) return -1;
  let n = 0;
  for (let i = from; i < to; i++) {
    const digit = buf[i]! - 48;
    if (digit < 0 || digit > 9) return -1;
    n = n * 10 + digit;
  }
  return n;
}

/** Index of the line feed that ends the line at `from`, -1 if the window does not hold it. */
export const lineFeed = (w: Window, from: number): number => w.find(LF, from);

/** Where the line that ends with the line feed at `lf` ends without it. */
export const lineEnd = (buf: Uint8Array, from: number, lf: number): number =>
  lf > from && buf[lf - 1] === CR ? lf - 1 : lf;

/** Numbers may have 20 digits and a sign: flags, times, unique values. */
function isNumber(buf: Uint8Array, from: number, to: number): boolean {
  let i = from;
  if (buf[i] === 45) i++;
  if (i === to || to - i > 20) return false;
  for (; i < to; i++) if (buf[i]! < 48 || buf[i]! > 57) return false;
  return true;
}

const LINE = new Line();

/** The command whose line is `buf[from, to)`, if it is one as the protocol has it; null otherwise. */
export function strictCommand(buf: Uint8Array, from: number, to: number): Command | null {
  if (!LINE.read(buf, from, to) || LINE.starts[0] !== from) return null;
  const c = findCommand(buf, from, LINE.ends[0]!);
  if (c === null) return null;
  let count = LINE.count;
  if (count > 1 && count <= LINE.seen && LINE.is(buf, count - 1, 'noreply')) count--;
  if (count < c.fewest || count > c.most) return null;
  if (c.keyAt > 0 && LINE.length(c.keyAt) > MAX_KEY) return null;
  if (c.lengthAt === 4) {
    for (let i = 2; i < count; i++) if (!isNumber(buf, LINE.starts[i]!, LINE.ends[i]!)) return null;
  } else if (c.lengthAt > 0 && LINE.number(buf, c.lengthAt) < 0) return null;
  if (c.name === 'incr' || c.name === 'decr' || c.name === 'touch') {
    return isNumber(buf, LINE.starts[2]!, LINE.ends[2]!) ? c : null;
  }
  if (c.keyAt === 2 && !isNumber(buf, LINE.starts[1]!, LINE.ends[1]!)) return null;
  return c;
}

/** Whether all of `buf[from, to)` may stand in a line. */
export function isText(buf: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (buf[i]! < 32 || buf[i] === 127) return false;
  return true;
}

/** FNV-1a over `buf[from, to)`, 30 bits: a tag that is compared with another one of the same connection only. */
export function hashOf(buf: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h ^ buf[i]!, 0x01000193);
  return (h ^ (h >>> 15)) & 0x3fffffff;
}
