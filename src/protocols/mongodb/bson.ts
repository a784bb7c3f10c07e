/** BSON (bsonspec.org, version 1.1) read in place: elements by their offsets, nothing is decoded that nobody asks for. */

import type { Window } from '../protocol.ts';

/** An empty document: int32 length and a zero byte. */
export const MIN_DOCUMENT_BYTES = 5;

export const DOUBLE = 0x01;
export const STRING = 0x02;
export const DOCUMENT = 0x03;
export const ARRAY = 0x04;
export const BINARY = 0x05;
export const UNDEFINED = 0x06;
export const OBJECT_ID = 0x07;
export const BOOLEAN = 0x08;
export const DATE = 0x09;
export const NULL = 0x0a;
export const REGEX = 0x0b;
export const DB_POINTER = 0x0c;
export const CODE = 0x0d;
export const SYMBOL = 0x0e;
export const CODE_WITH_SCOPE = 0x0f;
export const INT32 = 0x10;
export const TIMESTAMP = 0x11;
export const INT64 = 0x12;
export const DECIMAL128 = 0x13;
export const MAX_KEY = 0x7f;
export const MIN_KEY = 0xff;

/** Size of the values of a type; VARIABLE: it stands in the value; -1: no such type. */
const VARIABLE = -2;
const SIZES = new Int8Array(256).fill(-1);
for (const [type, bytes] of [
  [DOUBLE, 8],
  [STRING, VARIABLE],
  [DOCUMENT, VARIABLE],
  [ARRAY, VARIABLE],
  [BINARY, VARIABLE],
  [UNDEFINED, 0],
  [OBJECT_ID, 12],
  [BOOLEAN, 1],
  [DATE, 8],
  [NULL, 0],
  [REGEX, VARIABLE],
  [DB_POINTER, VARIABLE],
  [CODE, VARIABLE],
  [SYMBOL, VARIABLE],
  [CODE_WITH_SCOPE, VARIABLE],
  [INT32, 4],
  [TIMESTAMP, 8],
  [INT64, 8],
  [DECIMAL128, 16],
  [MAX_KEY, 0],
  [MIN_KEY, 0],
] as const)
  SIZES[type] = bytes;

/** What the int32 in front of a value of variable size says at least, and what the value has beyond it. */
const LEAST = new Uint8Array(256);
const BEYOND = new Uint8Array(256);
for (const [type, least, beyond] of [
  [STRING, 1, 4], // the zero byte counts, the int32 does not
  [CODE, 1, 4],
  [SYMBOL, 1, 4],
  [DB_POINTER, 1, 16], // an ObjectId follows the string
  [BINARY, 0, 5], // the subtype and the int32 do not count
  [DOCUMENT, MIN_DOCUMENT_BYTES, 0],
  [ARRAY, MIN_DOCUMENT_BYTES, 0],
  [CODE_WITH_SCOPE, 14, 0],
] as const) {
  LEAST[type] = least;
  BEYOND[type] = beyond;
}

/** Index of the zero byte that ends the text which begins at `from`; -1: there is none in front of `to`. */
export function textEnd(buf: Buffer, from: number, to: number): number {
  for (let i = from; i < to; i++) if (buf[i] === 0) return i;
  return -1;
}

export const isType = (type: number): boolean => SIZES[type & 255] !== -1;

/**
 * The longest name of an element that is read, and the longest regular expression at the top of a command. Names of command fields
 * are below 40 bytes; only documents of applications, which are passed over, may have longer ones.
 */
export const MAX_NAME_BYTES = 512;

/** What Elements.next() answers. */
export const ELEMENT = 0;
/** The document is over, `w.pos` behind it. */
export const END = 1;
/** More bytes are needed to say: `w.want` of them from `w.pos` on. */
export const NEEDS = 2;
/** These bytes are no document, or not one that is worth reading on. */
export const BROKEN = 3;

/**
 * Walks the elements of one document, as far as the window holds them. It stands on an element until pass() goes on; a window that
 * ends within an element is asked for again, with more bytes.
 */
export class Elements {
  /** Stream offset behind the document. */
  end = 0;
  type = 0;
  /** Name of the element: `buf[nameFrom, nameTo)`. */
  nameFrom = 0;
  nameTo = 0;
  /** Where its value begins, and how long it is; the value need not be in the window. */
  valueAt = 0;
  valueBytes = 0;

  /** A document of `length` bytes begins at `w.pos`, and its length is in the window. */
  enter(w: Window, length: number): void {
    this.end = w.base + w.pos + length;
    w.pos += 4;
  }

  next(w: Window): number {
    const { buf, pos } = w;
    const left = this.end - w.base - pos; // bytes of the document from `pos` on
    if (left < 1) return BROKEN;
    if (pos >= w.end) return this.#need(w, 1);
    const type = buf[pos]!;
    if (type === 0) {
      if (left !== 1) return BROKEN;
      w.pos = pos + 1;
      return END;
    }
    const size = SIZES[type]!;
    if (size === -1) return BROKEN;
    const to = textEnd(buf, pos + 1, Math.min(w.end, pos + 1 + MAX_NAME_BYTES));
    if (to < 0) return w.end - pos > MAX_NAME_BYTES ? BROKEN : this.#need(w, w.end - pos + 1);
    this.type = type;
    this.nameFrom = pos + 1;
    this.nameTo = to;
    this.valueAt = to + 1;
    if (size >= 0) this.valueBytes = size;
    else if (type === REGEX) {
      const flagsAt = this.#behindText(w, to + 1);
      const behind = flagsAt < 0 ? flagsAt : this.#behindText(w, flagsAt);
      if (behind < 0) return behind === -1 ? BROKEN : this.#need(w, w.end - pos + 1);
      this.valueBytes = behind - to - 1;
    } else {
      if (to + 5 > w.end) return this.#need(w, to + 5 - pos);
      const n = w.view.getInt32(to + 1, true);
      if (n < LEAST[type]!) return BROKEN;
      this.valueBytes = n + BEYOND[type]!;
    }
    // in front of the zero byte that ends the document
    if (this.valueAt + this.valueBytes - pos >= left) return BROKEN;
    return ELEMENT;
  }

  /** The name is `word`. */
  named(w: Window, word: Buffer): boolean {
    const { nameFrom } = this;
    const n = word.length;
    if (this.nameTo - nameFrom !== n) return false;
    const { buf } = w;
    for (let i = 0; i < n; i++) if (buf[nameFrom + i] !== word[i]) return false;
    return true;
  }

  /** The first `bytes` of the value are in the window; otherwise `w.want` is set to what is needed. */
  holds(w: Window, bytes: number): boolean {
    if (this.valueAt + bytes <= w.end) return true;
    w.want = this.valueAt + bytes - w.pos;
    return false;
  }

  /** Goes behind the element. False: that is not in the window, and `w.want` bytes from `w.pos` on have to be skipped first. */
  pass(w: Window): boolean {
    const to = this.valueAt + this.valueBytes;
    if (to <= w.end) {
      w.pos = to;
      return true;
    }
    w.pos = this.valueAt;
    w.want = this.valueBytes;
    return false;
  }

  #need(w: Window, bytes: number): number {
    w.want = bytes;
    return NEEDS;
  }

  /** Index behind the text that ends with a zero byte; -1: it is too long; -2: its end is not in the window. */
  #behindText(w: Window, from: number): number {
    const to = textEnd(w.buf, from, Math.min(w.end, from + MAX_NAME_BYTES));
    if (to >= 0) return to + 1;
    return w.end - from >= MAX_NAME_BYTES ? -1 : -2;
  }
}

/** `bytes` of them are in the window from `w.pos` on; otherwise `w.want` says how many are needed. */
export function holds(w: Window, bytes: number): boolean {
  w.want = bytes;
  return w.pos + bytes <= w.end;
}

/** Goes to the stream offset `to`. False: it is not in the window, and `w.want` bytes from `w.pos` on have to be skipped. */
export function skipTo(w: Window, to: number): boolean {
  const at = to - w.base;
  if (at <= w.end) {
    w.pos = at;
    return true;
  }
  w.want = at - w.pos;
  return false;
}
