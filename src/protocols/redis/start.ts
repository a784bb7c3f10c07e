/** Where messages start: for detection, and to find the way back after a hole. */

import type { Window } from '../protocol.ts';
import { type Command, findCommand, MAX_WORD } from './commands.ts';
import {
  BAD,
  BANG,
  BAR,
  COLON,
  COMMA,
  CR,
  CUT,
  DOLLAR,
  EQUALS,
  GREATER,
  HASH,
  isDigit,
  isText,
  isWord,
  LF,
  lengthEnd,
  MAX_LINE,
  MINUS,
  PAREN,
  PERCENT,
  PLUS,
  readLength,
  STAR,
  TILDE,
  UNDERSCORE,
} from './syntax.ts';

export const NOT_A_START = 0;
export const TOO_SHORT = 1;
export const A_START = 2;

/** Words of one command that are believed: what a server accepts at most (RESP: `invalid multibulk length`). */
export const MAX_WORDS = 1024 * 1024;
/** Longest first word that is read whole; no command has a longer name. */
export const MAX_NAME = 64;

/** What requestStart() read: the command if it is a known one, how many words, and where the first one stands. */
export class RequestStart {
  command: Command | null = null;
  count = 0;
  wordFrom = 0;
  wordTo = 0;

  /** `*3\r\n$3\r\nSET\r\n` at `w.pos`: the first word whole, and like a command's name. */
  read(w: Window): number {
    const { buf, pos, end } = w;
    if (pos >= end) return TOO_SHORT;
    if (buf[pos] !== STAR) return NOT_A_START;
    this.count = readLength(w, pos);
    if (this.count === CUT) return TOO_SHORT;
    if (this.count < 1 || this.count > MAX_WORDS) return NOT_A_START;
    const at = lengthEnd();
    if (at >= end) return TOO_SHORT;
    if (buf[at] !== DOLLAR) return NOT_A_START;
    const n = readLength(w, at);
    if (n === CUT) return TOO_SHORT;
    if (n < 1 || n > MAX_NAME) return NOT_A_START;
    this.wordFrom = lengthEnd();
    this.wordTo = this.wordFrom + n;
    const seen = Math.min(end, this.wordTo);
    if (seen > this.wordFrom && !isWord(buf, this.wordFrom, seen)) return NOT_A_START;
    if (end < this.wordTo + 2) return end > this.wordTo && buf[this.wordTo] !== CR ? NOT_A_START : TOO_SHORT;
    if (buf[this.wordTo] !== CR || buf[this.wordTo + 1] !== LF) return NOT_A_START;
    this.command = findCommand(buf, this.wordFrom, this.wordTo);
    return A_START;
  }
}

/** Whether a reply credibly starts at `buf[at]`: as strict as the visible bytes allow. */
export function replyStart(w: Window, at: number): number {
  const { buf, end } = w;
  if (at >= end) return TOO_SHORT;
  const type = buf[at]!;
  switch (type) {
    case DOLLAR:
    case EQUALS:
    case BANG: {
      const n = readLength(w, at);
      if (n === CUT) return TOO_SHORT;
      if (n === BAD) return NOT_A_START;
      const to = lengthEnd() + n;
      if (n < 0 || to + 2 > end) return A_START;
      return buf[to] === CR && buf[to + 1] === LF ? A_START : NOT_A_START;
    }
    case STAR:
    case TILDE:
    case PERCENT:
    case GREATER:
    case BAR: {
      const n = readLength(w, at);
      if (n === CUT) return TOO_SHORT;
      if (n === BAD) return NOT_A_START;
      const inside = lengthEnd();
      return n <= 0 || inside >= end || isType(buf[inside]!) ? A_START : NOT_A_START;
    }
    default:
      return lineStart(w, at, type);
  }
}

/** Lines: status, error, integer, null, boolean, double, big number. */
function lineStart(w: Window, at: number, type: number): number {
  if (!isType(type)) return NOT_A_START;
  const { buf, end } = w;
  const eol = w.find(LF, at);
  const to = eol < 0 ? end : eol - 1;
  if (eol >= 0 && (eol === at + 1 || buf[to] !== CR)) return NOT_A_START;
  for (let i = at + 1; i < to; i++) {
    const b = buf[i]!;
    if (eol < 0 && b === CR && i === to - 1) break;
    if (!fits(type, b, i - at)) return NOT_A_START;
  }
  if (eol >= 0) return type === UNDERSCORE || to > at + 1 ? A_START : NOT_A_START;
  if ((type === PLUS || type === MINUS) && end - at >= MAX_LINE) return A_START;
  return end - at >= MAX_LINE ? NOT_A_START : TOO_SHORT;
}

/** Whether byte `nth` (from 1) of a line may be `b`. */
function fits(type: number, b: number, nth: number): boolean {
  switch (type) {
    case COLON:
    case PAREN:
      return isDigit(b) || (nth === 1 && (b === MINUS || b === PLUS));
    case COMMA: // 1.5e-3, inf, nan
      return isDigit(b) || b === MINUS || b === PLUS || b === 46 || b === 101 || b === 69 || INF_NAN.includes(b);
    case HASH:
      return nth === 1 && (b === 116 || b === 102);
    case UNDERSCORE:
      return false;
    case MINUS:
      return b >= 32 && b !== 127 && (nth > 1 || b > 32);
    default:
      return b >= 32 && b !== 127;
  }
}
const INF_NAN = [105, 110, 102, 97];

const TYPES = [
  PLUS,
  MINUS,
  COLON,
  DOLLAR,
  STAR,
  UNDERSCORE,
  HASH,
  COMMA,
  PAREN,
  BANG,
  EQUALS,
  PERCENT,
  TILDE,
  GREATER,
  BAR,
];
const IS_TYPE = new Uint8Array(256);
for (const t of TYPES) IS_TYPE[t] = 1;
/** Whether a value can begin with that byte. */
const isType = (b: number): boolean => IS_TYPE[b] === 1;

/** Longest inline command that is believed to be one without knowing what went before. */
const MAX_LINE_START = 256;

/** Index behind the first word of an inline command at `at`; -1: there is none. */
export function inlineWordEnd(buf: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && buf[i]! > 32) i++;
  return isWord(buf, at, i) ? i : -1;
}

/** Whether an inline command stands at `w.pos`: a known one with as many words as it takes. */
export function inlineStart(w: Window): number {
  const { buf, pos, end } = w;
  if (pos >= end) return TOO_SHORT;
  const seen = Math.min(end, pos + MAX_LINE_START);
  let lf = pos;
  while (lf < seen && buf[lf] !== LF) lf++;
  const whole = lf < seen;
  let to = whole && lf > pos && buf[lf - 1] === CR ? lf - 1 : lf;
  if (!whole && buf[to - 1] === CR) to--;
  if (!isText(buf, pos, to) || (!whole && seen - pos === MAX_LINE_START)) return NOT_A_START;
  let wordEnd = pos;
  while (wordEnd < to && buf[wordEnd]! > 32) wordEnd++;
  if (!isWord(buf, pos, wordEnd)) return NOT_A_START;
  const command = findCommand(buf, pos, wordEnd);
  if (wordEnd === to && !whole) return wordEnd - pos <= MAX_WORD ? TOO_SHORT : NOT_A_START;
  if (command === null) return NOT_A_START;
  if (!whole) return TOO_SHORT;
  if (isVersion(buf, pos, to)) return NOT_A_START;
  return command.takes(countWords(buf, pos, to)) ? A_START : NOT_A_START;
}

/** `SUBSCRIBE sip:bob@example.org SIP/2.0`, `MOVE /a HTTP/1.1`: a protocol that names itself at the line's end. */
function isVersion(buf: Uint8Array, from: number, to: number): boolean {
  return to - from > 4 && isDigit(buf[to - 1]!) && buf[to - 2] === 46 && isDigit(buf[to - 3]!) && buf[to - 4] === 47;
}

/** Words that other protocols of lines have as well: HTTP/0.9, NATS, IRC, SMTP, POP3, FTP, ClamAV. */
const SHARED = new Set('AUTH ECHO GET HELLO INFO MODULE MONITOR PING QUIT SCAN TIME TYPE'.split(' '));

/**
 * Whether the inline command at `w.pos`, which inlineStart() believes, can be nobody else's: a command in capitals with
 * arguments.
 */
export function isOwnInline(w: Window): boolean {
  const { buf, pos, end } = w;
  const wordEnd = inlineWordEnd(buf, pos, end);
  const command = findCommand(buf, pos, wordEnd);
  return command !== null && buf[wordEnd] === SPACE && isCapitals(buf, pos, wordEnd) && !SHARED.has(command.word);
}

function isCapitals(buf: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (buf[i]! >= 97) return false;
  return true;
}

const SPACE = 32;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const BACKSLASH = 92;
export const isQuote = (b: number): boolean => b === DOUBLE_QUOTE || b === SINGLE_QUOTE;

/** Words of the inline command `buf[from, to)`. */
export function countWords(buf: Uint8Array, from: number, to: number): number {
  let n = 0;
  for (let i = wordStart(buf, from, to); i < to; n++) i = wordStart(buf, inlineArgumentEnd(buf, i, to), to);
  return n;
}

export function wordStart(buf: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && buf[i] === SPACE) i++;
  return i;
}

/** Index behind the word of an inline command at `from`: a space ends it unless it is quoted. */
export function inlineArgumentEnd(buf: Uint8Array, from: number, to: number): number {
  let quote = 0;
  let i = from;
  for (; i < to; i++) {
    const b = buf[i]!;
    if (quote !== 0) {
      if (b === BACKSLASH && i + 1 < to) i++;
      else if (b === quote) quote = 0;
    } else if (isQuote(b)) quote = b;
    else if (b === SPACE) break;
  }
  return i;
}
