import { LOST, MORE, SKIP, type Window } from '../protocol.ts';
import {
  BAD,
  BANG,
  BAR,
  COLON,
  COMMA,
  CR,
  CUT,
  DOLLAR,
  DOT,
  EQUALS,
  GREATER,
  HASH,
  isDigit,
  LF,
  lengthEnd,
  MAX_LINE,
  MINUS,
  NONE,
  PAREN,
  PERCENT,
  PLUS,
  readLength,
  SEMICOLON,
  STAR,
  STREAMED,
  TILDE,
  UNDERSCORE,
} from './syntax.ts';

/** Besides MORE, SKIP and LOST: all values have passed. */
export const DONE = 4;

/**
 * Values under way at once. The largest array that a server sends has 2^32 - 1 elements; nested ones add up, and beyond
 * this nobody means it.
 */
const MAX_LEFT = 2 ** 40;
/** Streamed aggregates inside each other (RESP3 only; no server sends them today). */
const MAX_STREAMS = 8;

const VALUES = 0;
/** In a line that is longer than MAX_LINE. */
const LINE_REST = 1;
/** Between the chunks of a streamed string. */
const CHUNKS = 2;

/**
 * Walks over RESP values without looking at them. Nesting needs no stack: an aggregate of n elements is one value less
 * and n more to come, so one number stands for any depth. Only streamed aggregates, whose length their end tells, are
 * kept apart.
 */
export class Walk {
  /** Values to come until the end, or until the innermost streamed aggregate's next element. */
  #left = 0;
  #phase = VALUES;
  /** What was left outside of each open streamed aggregate. */
  readonly #outside: number[] = [];
  /** The last integer that went by. */
  integer = 0;

  /** `count` values follow. */
  begin(count: number): void {
    this.#left = count;
    this.#phase = VALUES;
    this.#outside.length = 0;
  }

  /** Goes on from `w.pos`. MORE and SKIP are for the lane, LOST: this is no RESP. */
  step(w: Window): number {
    const { buf } = w;
    for (;;) {
      if (this.#phase !== VALUES) {
        const step = this.#phase === LINE_REST ? this.#lineRest(w) : this.#chunk(w);
        if (step !== DONE) return step;
        continue;
      }
      if (this.#left === 0 && this.#outside.length === 0) return DONE;
      const at = w.pos;
      if (at >= w.end) return more(w, 1);
      const type = buf[at]!;
      switch (type) {
        case DOLLAR:
        case EQUALS:
        case BANG: {
          const n = readLength(w, at);
          if (n >= 0) {
            this.#valued();
            const to = lengthEnd() + n + 2;
            if (to > w.end) {
              w.pos = lengthEnd();
              w.want = n + 2;
              return SKIP;
            }
            if (buf[to - 2] !== CR || buf[to - 1] !== LF) return LOST;
            w.pos = to;
            break;
          }
          if (n === CUT) return more(w, w.end - at + 1);
          if (n === BAD || (n === STREAMED && type !== DOLLAR)) return LOST;
          if (n === STREAMED) this.#phase = CHUNKS;
          this.#valued();
          w.pos = lengthEnd();
          break;
        }
        case STAR:
        case TILDE:
        case GREATER:
        case PERCENT:
        case BAR: {
          const n = readLength(w, at);
          if (n === CUT) return more(w, w.end - at + 1);
          if (n === BAD || !this.#aggregate(type, n)) return LOST;
          w.pos = lengthEnd();
          break;
        }
        case DOT: {
          if (w.end - at < 3) return more(w, 3);
          if (this.#outside.length === 0 || this.#left !== 0 || buf[at + 1] !== CR || buf[at + 2] !== LF) return LOST;
          this.#left = this.#outside.pop()!;
          w.pos = at + 3;
          break;
        }
        case PLUS:
        case MINUS:
        case COLON:
        case UNDERSCORE:
        case HASH:
        case COMMA:
        case PAREN: {
          const eol = endOfLine(w, at);
          if (eol < 0) {
            if (w.end - at < MAX_LINE) return more(w, w.end - at + 1);
            w.pos = w.end;
            this.#phase = LINE_REST;
            break;
          }
          if (buf[eol - 1] !== CR || !credible(buf, type, at + 1, eol - 1)) return LOST;
          if (type === COLON) this.integer = toInteger(buf, at + 1, eol - 1);
          this.#valued();
          w.pos = eol + 1;
          break;
        }
        default:
          return LOST;
      }
    }
  }

  /** One value has gone by, or is about to. Inside a streamed aggregate they are not counted in advance. */
  #valued(): void {
    if (this.#left > 0) this.#left--;
  }

  /** False: too many, or a kind that cannot be streamed. */
  #aggregate(type: number, n: number): boolean {
    if (type !== BAR) this.#valued();
    if (n === NONE) return type === STAR;
    if (n === STREAMED) {
      if (type === BAR || type === GREATER || this.#outside.length === MAX_STREAMS) return false;
      this.#outside.push(this.#left);
      this.#left = 0;
      return true;
    }
    // An attribute stands in front of the value that it describes; maps and attributes have pairs.
    if (type === BAR && this.#left === 0) this.#left = 1;
    this.#left += type === PERCENT || type === BAR ? 2 * n : n;
    return this.#left <= MAX_LEFT;
  }

  #lineRest(w: Window): number {
    const eol = w.find(LF, w.pos);
    if (eol < 0) {
      w.pos = w.end;
      return more(w, 1);
    }
    w.pos = eol + 1;
    this.#phase = VALUES;
    this.#valued();
    return DONE;
  }

  /** `;4\r\nHell\r\n;0\r\n` */
  #chunk(w: Window): number {
    const at = w.pos;
    if (at >= w.end) return more(w, 1);
    if (w.buf[at] !== SEMICOLON) return LOST;
    const n = readLength(w, at);
    if (n === CUT) return more(w, w.end - at + 1);
    if (n < 0) return LOST;
    w.pos = lengthEnd();
    if (n === 0) {
      this.#phase = VALUES;
      return DONE;
    }
    w.want = n + 2;
    return SKIP;
  }
}

function more(w: Window, bytes: number): number {
  w.want = bytes;
  return MORE;
}

/**
 * Index of the line feed behind `at`, -1 if it is not in the window. Most lines are short: that is quicker than any
 * search.
 */
function endOfLine(w: Window, at: number): number {
  const { buf } = w;
  const near = Math.min(w.end, at + 24);
  for (let i = at + 1; i < near; i++) if (buf[i] === LF) return i;
  return near === w.end ? -1 : w.find(LF, near);
}

/** What stands between the type byte and CRLF can be a value of that type. */
function credible(buf: Uint8Array, type: number, from: number, to: number): boolean {
  if (type === UNDERSCORE) return from === to;
  if (type === HASH) return to - from === 1 && (buf[from] === 116 || buf[from] === 102);
  if (type !== COLON && type !== PAREN) return true;
  let i = from;
  if (buf[i] === MINUS || buf[i] === PLUS) i++;
  if (i >= to) return false;
  for (; i < to; i++) if (!isDigit(buf[i]!)) return false;
  return true;
}

function toInteger(buf: Uint8Array, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) if (isDigit(buf[i]!)) n = n * 10 + (buf[i]! - 48);
  return buf[from] === MINUS ? -n : n;
}
