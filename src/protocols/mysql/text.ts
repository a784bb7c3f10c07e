/** Where the text of a query begins, and whether bytes can be one. */

import { CURSOR, integerWidth, isText, readInteger } from './packet.ts';

/** Query attributes that are read over at most. */
export const MAX_ATTRIBUTE_BYTES = 4096;
const MAX_ATTRIBUTES = 1024;

const FIXED = new Map<number, number>([
  [0x01, 1], // TINY
  [0x02, 2], // SHORT
  [0x03, 4], // LONG
  [0x04, 4], // FLOAT
  [0x05, 8], // DOUBLE
  [0x06, 0], // NULL
  [0x08, 8], // LONGLONG
  [0x09, 4], // INT24
  [0x0d, 2], // YEAR
]);
/** DATE, TIME, DATETIME and TIMESTAMP: a byte of length in front. */
const TEMPORAL = new Set([0x07, 0x0a, 0x0b, 0x0c]);

/** Attributes precede the text: their count, then that of parameter sets, which is 1. No text begins with such a control character. */
export const beginsWithAttributes = (buf: Buffer, at: number, to: number): boolean =>
  at + 1 < to && buf[at]! < 9 && buf[at + 1] === 1;

/**
 * Behind the query attributes at `at` (MySQL Internals, "COM_QUERY" with CLIENT_QUERY_ATTRIBUTES): int<lenenc> count, int<lenenc> 1 and, if
 * there are any, NULL bitmap, a flag that is 1, types and names, values. -1: that cannot be read within `to`.
 */
export function behindAttributes(buf: Buffer, at: number, to: number): number {
  const count = readInteger(buf, at, to);
  if (count < 0 || count > MAX_ATTRIBUTES || readInteger(buf, CURSOR.at, to) < 0) return -1;
  if (count === 0) return CURSOR.at;
  const nulls = CURSOR.at;
  let i = nulls + ((count + 7) >> 3);
  if (i >= to || buf[i] !== 1) return -1;
  i++;
  const types: number[] = [];
  for (let k = 0; k < count; k++) {
    if (i + 2 > to) return -1;
    types.push(buf[i]!);
    const nameBytes = readInteger(buf, i + 2, to);
    if (nameBytes < 0 || nameBytes > MAX_ATTRIBUTE_BYTES) return -1;
    i = CURSOR.at + nameBytes;
  }
  for (let k = 0; k < count; k++) {
    if ((buf[nulls + (k >> 3)]! & (1 << (k & 7))) !== 0) continue;
    i = behindValue(buf, i, to, types[k]!);
    if (i < 0) return -1;
  }
  return i <= to ? i : -1;
}

/** Behind a value in the binary protocol; -1: it goes beyond `to`. */
export function behindValue(buf: Buffer, at: number, to: number, type: number): number {
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return at + fixed <= to ? at + fixed : -1;
  if (at >= to) return -1;
  if (TEMPORAL.has(type)) return at + 1 + buf[at]! <= to ? at + 1 + buf[at]! : -1;
  const bytes = readInteger(buf, at, to);
  return bytes >= 0 && CURSOR.at + bytes <= to ? CURSOR.at + bytes : -1;
}

/** Characters of a statement that are looked at to believe it. */
const TEXT_SAMPLE = 128;

const LETTER_OR_SIGN = /[A-Za-z(/\-#{;@`"'\\_]/;

/** `buf[from, to)`, of which `to` may be where the window ends, can be the text of a statement. */
export function looksLikeSql(buf: Buffer, from: number, to: number): boolean {
  const end = Math.min(to, from + TEXT_SAMPLE);
  if (!isText(buf, from, end)) return false;
  let i = from;
  while (i < end && buf[i]! <= 32) i++;
  return i === end || LETTER_OR_SIGN.test(String.fromCharCode(buf[i]!));
}

/** Type of a parameter and whether it is unsigned, as STMT_BULK_EXECUTE names it, takes two bytes. */
const TYPE_BYTES = 2;
/** STMT_BULK_EXECUTE: types are sent along. */
const SEND_TYPES = 128;
/** STMT_BULK_EXECUTE: a value follows its indicator; others stand for NULL, DEFAULT and the column's own value. */
const VALUE_FOLLOWS = 0;

/**
 * Rows of a STMT_BULK_EXECUTE of `parameters` columns (MariaDB, "COM_STMT_BULK_EXECUTE"): command, int<4> id, int<2> flags, the types if
 * flags say so, then for each row and parameter an indicator and a value. 0: the payload `buf[at, to)` cannot be read to its end.
 */
export function bulkRows(buf: Buffer, at: number, to: number, parameters: number): number {
  const flags = buf[at + 5]! | (buf[at + 6]! << 8);
  if ((flags & SEND_TYPES) === 0 || parameters === 0) return 0;
  const types = at + 7;
  let i = types + TYPE_BYTES * parameters;
  let rows = 0;
  while (i >= 0 && i < to) {
    for (let k = 0; k < parameters; k++) {
      if (i >= to) return 0;
      const indicator = buf[i++]!;
      if (indicator !== VALUE_FOLLOWS) continue;
      i = behindValue(buf, i, to, buf[types + TYPE_BYTES * k]!);
      if (i < 0) return 0;
    }
    rows++;
  }
  return rows;
}

/** A length-encoded string is whole within `to`: its end, else -1. */
export function behindString(buf: Buffer, at: number, to: number): number {
  if (at >= to || integerWidth(buf[at]!) === 0) return -1;
  const bytes = readInteger(buf, at, to);
  return bytes >= 0 && CURSOR.at + bytes <= to ? CURSOR.at + bytes : -1;
}
