/** Start lines and tokens of HTTP/1.x (RFC 9112 sections 3 and 4), read as users and servers write them, not only as the grammar says. */

import { METHODS } from '../../exchange/http/methods.ts';

const SP = 32;
const TAB = 9;
const LF = 10;
const CR = 13;
const SLASH = 47;

/** tchar of RFC 9110 section 5.6.2. */
const TOKEN = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[c.charCodeAt(0)] = 1;

/** The longest method that is believed. */
const MAX_METHOD = 32;

/** Index of the known method in `buf[from, to)`, or -1. */
export function knownMethod(buf: Buffer, from: number, to: number): number {
  const n = to - from;
  switch (buf[from]) {
    case 71: // G
      return n === 3 && buf[from + 1] === 69 && buf[from + 2] === 84 ? 0 : -1;
    case 72: // H
      return same(buf, from, n, 'HEAD') ? 1 : -1;
    case 80: // P
      if (n === 4) return same(buf, from, n, 'POST') ? 2 : -1;
      if (n === 3) return same(buf, from, n, 'PUT') ? 3 : -1;
      return same(buf, from, n, 'PATCH') ? 8 : -1;
    case 68: // D
      return same(buf, from, n, 'DELETE') ? 4 : -1;
    case 67: // C
      return same(buf, from, n, 'CONNECT') ? 5 : -1;
    case 79: // O
      return same(buf, from, n, 'OPTIONS') ? 6 : -1;
    case 84: // T
      return same(buf, from, n, 'TRACE') ? 7 : -1;
    case 81: // Q
      return same(buf, from, n, 'QUERY') ? 9 : -1;
    default:
      return -1;
  }
}

function same(buf: Buffer, from: number, n: number, word: string): boolean {
  if (n !== word.length) return false;
  for (let i = 0; i < n; i++) if (buf[from + i] !== word.charCodeAt(i)) return false;
  return true;
}

/** `buf[from, from + name.length)` is `name` (given in lower case), whatever the case on the wire. */
export function sameName(buf: Buffer, from: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    let b = buf[from + i]!;
    if (b >= 65 && b <= 90) b |= 32;
    if (b !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** A request line taken apart; the one instance is filled anew by each call of readRequestLine. */
export class RequestLine {
  method = -1;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** 11, 10, other HTTP/1 minor versions as 10 + minor, or 9 when the line names no version. */
  version = 9;
}

/**
 * Reads the line `buf[from, to)` (without its line end). True when it is a request line: `method target HTTP/1.x` with any token
 * as method, or one without version (HTTP/0.9 and clients that forget it) when the method is a known one, or a word in capitals
 * before a path.
 */
export function readRequestLine(buf: Buffer, from: number, to: number, line: RequestLine): boolean {
  let i = from;
  const limit = Math.min(to, from + MAX_METHOD);
  while (i < limit && TOKEN[buf[i]!] === 1) i++;
  if (i === from || (i < to && buf[i] !== SP && buf[i] !== TAB)) return false;
  line.methodEnd = i;
  line.method = knownMethod(buf, from, i);
  if (i === to && line.method < 0) return false;
  while (i < to && (buf[i] === SP || buf[i] === TAB)) i++;
  line.targetStart = i;
  while (to > i && (buf[to - 1] === SP || buf[to - 1] === TAB)) to--;
  // Where ` HTTP/1.1` stands when the line is as it should be; otherwise look for the last blank.
  let space = to - 9;
  if (space <= i || buf[space] !== SP || buf[space + 1] !== 72) {
    space = to - 1;
    while (space > i && buf[space] !== SP && buf[space] !== TAB) space--;
  }
  if (space > i && same(buf, space + 1, Math.min(5, to - space - 1), 'HTTP/')) {
    if (to - space > 6 && buf[space + 6] !== 49) return false; // HTTP/2.0 in the preface of HTTP/2 (RFC 9113 section 3.4)
    line.version = 10 + (to - space > 8 ? Math.min(9, Math.max(0, buf[space + 8]! - 48)) : 1);
    while (space > i && (buf[space - 1] === SP || buf[space - 1] === TAB)) space--;
    line.targetEnd = space;
    return true;
  }
  line.targetEnd = to;
  line.version = 9;
  return line.method >= 0 || (upperCase(buf, from, line.methodEnd) && buf[i] === SLASH);
}

/** A line that is cut begins like a request: a known method, or a word in capitals, before a path, or before the absolute form (section 3.2.2). */
export function beginsRequestLine(buf: Buffer, from: number, end: number): boolean {
  let i = from;
  while (i < end && TOKEN[buf[i]!] === 1) i++;
  if (i === from || i + 1 >= end || buf[i] !== SP) return false;
  const known = knownMethod(buf, from, i) >= 0;
  if (buf[i + 1] === SLASH) return known || upperCase(buf, from, i);
  return known && (beginsScheme(buf, i + 1, end, 'http://') || beginsScheme(buf, i + 1, end, 'https://'));
}

const beginsScheme = (buf: Buffer, at: number, end: number, scheme: string): boolean =>
  end - at >= scheme.length && sameName(buf, at, scheme);

function upperCase(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if ((buf[i]! < 65 || buf[i]! > 90) && buf[i] !== 95 && buf[i] !== 45) return false;
  return true;
}

/** Status code of the line `buf[from, to)` when it is a status line of HTTP/1.x, else -1. Code 0 is not possible. */
export function readStatusLine(buf: Buffer, from: number, to: number): number {
  if (to - from < 12 || !same(buf, from, 5, 'HTTP/')) return -1;
  if (buf[from + 5] !== 49 || buf[from + 6] !== 46 || !digit(buf[from + 7]!) || buf[from + 8] !== SP) return -1;
  if (to - from > 12 && buf[from + 12] !== SP && buf[from + 12] !== CR && buf[from + 12] !== LF) return -1;
  const a = buf[from + 9]! - 48;
  const b = buf[from + 10]! - 48;
  const c = buf[from + 11]! - 48;
  if (a < 1 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9) return -1;
  return a * 100 + b * 10 + c;
}

const digit = (b: number): boolean => b >= 48 && b <= 57;

/** What a start can be, judged by the bytes at hand. */
export const NOT_A_START = 0;
export const TOO_SHORT = 1;
export const A_START = 2;
/** A known method without a version: HTTP/0.9, or a line of something else. */
export const MAYBE_A_START = 3;

const PROBE_LINE = new RequestLine();

/** Judges whether a request starts at `buf[from]`. */
export function requestStart(buf: Buffer, from: number, end: number, bound: number): number {
  let i = from;
  while (i < end && TOKEN[buf[i]!] === 1 && i - from <= MAX_METHOD) i++;
  if (i === end) return i - from < MAX_METHOD ? TOO_SHORT : NOT_A_START;
  const b = buf[i]!;
  if (i === from || (b !== SP && b !== TAB && b !== CR && b !== LF)) return NOT_A_START;
  const limit = Math.min(end, from + bound);
  let n = i;
  while (n < limit && buf[n] !== LF) {
    if (buf[n]! < SP && buf[n] !== CR && buf[n] !== TAB) return NOT_A_START;
    n++;
  }
  if (n === limit) {
    if (limit < end) return NOT_A_START;
    return TOO_SHORT;
  }
  const to = n > from && buf[n - 1] === CR ? n - 1 : n;
  if (!readRequestLine(buf, from, to, PROBE_LINE)) return NOT_A_START;
  return PROBE_LINE.version === 9 ? MAYBE_A_START : A_START;
}

/** Index behind the empty lines at `buf[from]`, which may stand in front of a message (RFC 9112 section 2.2). */
export function behindEmptyLines(buf: Buffer, from: number, end: number): number {
  while (from < end && (buf[from] === CR || buf[from] === LF)) from++;
  return from;
}

/**
 * Judges whether a request starts at `buf[from]` when that may be anywhere in a message. Only known methods are believed:
 * none of them ends another, so the rest of a line that was cut in its method is no start.
 */
export function requestRestart(buf: Buffer, from: number, end: number, bound: number): number {
  const judged = requestStart(buf, from, end, bound);
  if (judged === A_START) return PROBE_LINE.method >= 0 ? A_START : NOT_A_START;
  if (judged === TOO_SHORT) return METHODS.some((m) => begins(buf, from, end, m)) ? TOO_SHORT : NOT_A_START;
  return NOT_A_START;
}

/** `buf[from, end)` and `word` agree as far as both go. */
function begins(buf: Buffer, from: number, end: number, word: string): boolean {
  return same(buf, from, Math.min(end - from, word.length), word.slice(0, end - from));
}

/** Judges whether a response starts at `buf[from]`. */
export function responseStart(buf: Buffer, from: number, end: number): number {
  const n = Math.min(end - from, 7);
  for (let i = 0; i < n; i++) if (buf[from + i] !== 'HTTP/1.'.charCodeAt(i)) return NOT_A_START;
  if (end - from < 12) return TOO_SHORT;
  return readStatusLine(buf, from, Math.min(end, from + 13)) > 0 ? A_START : NOT_A_START;
}

/** Decimal Content-Length in `buf[from, to)`, blanks around it allowed; a list of equal numbers counts as one (RFC 9112 6.3); -1 if it is none. */
export function readLength(buf: Buffer, from: number, to: number): number {
  let value = -1;
  let n = 0;
  let digits = 0;
  for (let i = from; i <= to; i++) {
    const b = i < to ? buf[i]! : 44;
    if (digit(b)) {
      if (++digits > 15) return -1;
      n = n * 10 + (b - 48);
    } else if (b === 44) {
      if (digits === 0 || (value >= 0 && value !== n)) return -1;
      value = n;
      n = 0;
      digits = 0;
    } else if (b !== SP && b !== TAB) return -1;
  }
  return value;
}

/** Hexadecimal chunk size at the start of `buf[from, to)`, extensions ignored (RFC 9112 section 7.1); -1 if it is none. */
export function readChunkSize(buf: Buffer, from: number, to: number): number {
  let n = 0;
  let i = from;
  while (i < to && (buf[i] === SP || buf[i] === TAB)) i++;
  const first = i;
  for (; i < to; i++) {
    const b = buf[i]!;
    const d = b >= 48 && b <= 57 ? b - 48 : b >= 97 && b <= 102 ? b - 87 : b >= 65 && b <= 70 ? b - 55 : -1;
    if (d < 0) {
      if (b !== SP && b !== TAB && b !== 59) return -1;
      break;
    }
    if (i - first >= 12) return -1;
    n = n * 16 + d;
  }
  return i === first ? -1 : n;
}
