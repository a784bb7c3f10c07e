/** RESP 2 and 3 as bytes (Redis serialization protocol specification). */

import type { Window } from '../protocol.ts';

export const LF = 10;
export const CR = 13;
export const QUOTE = 34;
export const PLUS = 43; // + simple string
export const MINUS = 45; // - simple error
export const COLON = 58; // : integer
export const DOLLAR = 36; // $ bulk string
export const STAR = 42; // * array
export const UNDERSCORE = 95; // _ null
export const HASH = 35; // # boolean
export const COMMA = 44; // , double
export const PAREN = 40; // ( big number
export const BANG = 33; // ! bulk error
export const EQUALS = 61; // = verbatim string
export const PERCENT = 37; // % map
export const TILDE = 126; // ~ set
export const GREATER = 62; // > push
export const BAR = 124; // | attribute
export const DOT = 46; // . end of a streamed aggregate
export const SEMICOLON = 59; // ; chunk of a streamed string

/** What readLength() says instead of a length. */
export const NONE = -1;
/** `?`: the length is not known beforehand. */
export const STREAMED = -2;
export const CUT = -3;
export const BAD = -4;

/**
 * Longest length that is believed. `proto-max-bulk-len` is 512 MiB unless configured otherwise, aggregates have at most
 * 2^32 - 1 elements: 12 digits are more than enough, and sums of them stay exact.
 */
const MAX_DIGITS = 12;

/** Index behind what readLength() read last. */
let behind = 0;
export const lengthEnd = (): number => behind;

/** The number between the type byte at `at` and its CRLF: `$5\r\n`. Not negative, or one of the words above. */
export function readLength(w: Window, at: number): number {
  const { buf, end } = w;
  let i = at + 1;
  if (i >= end) return CUT;
  let b = buf[i]!;
  let n = 0;
  if (b >= 48 && b <= 57) {
    const limit = Math.min(end, i + MAX_DIGITS + 1);
    for (; i < limit; i++) {
      b = buf[i]!;
      if (b < 48 || b > 57) break;
      n = n * 10 + (b - 48);
    }
    if (i === limit) return i < end || i === at + 2 + MAX_DIGITS ? BAD : CUT;
  } else if (b === MINUS) {
    if (i + 1 === end) return CUT;
    if (buf[i + 1] !== 49) return BAD;
    i += 2;
    n = NONE;
  } else if (b === 63) {
    i++;
    n = STREAMED;
  } else return BAD;
  if (i >= end) return CUT;
  if (buf[i] !== CR) return BAD;
  if (i + 1 >= end) return CUT;
  if (buf[i + 1] !== LF) return BAD;
  behind = i + 2;
  return n;
}

/** Longest line (status, error, number) that is looked at whole; what is longer is known by its start. */
export const MAX_LINE = 1024;

/** Whether the line `buf[from, to)` holds nothing that no text holds. */
export function isText(buf: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    if ((b < 32 && b !== 9) || b === 127) return false;
  }
  return true;
}

/** A word as commands are named, of modules too: `GET`, `JSON.SET`, `restore-asking`. */
export function isWord(buf: Uint8Array, from: number, to: number): boolean {
  if (to === from || !isLetter(buf[from]!)) return false;
  for (let i = from + 1; i < to; i++) {
    const b = buf[i]!;
    if (!isLetter(b) && (b < 48 || b > 57) && b !== DOT && b !== MINUS && b !== UNDERSCORE) return false;
  }
  return true;
}

export const isLetter = (b: number): boolean => (b >= 65 && b <= 90) || (b >= 97 && b <= 122);
export const isDigit = (b: number): boolean => b >= 48 && b <= 57;
