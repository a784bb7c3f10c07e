/** Whether bytes can be the beginning of a command or of an answer: for detection, and to find the way back after a loss. */

import {
  type Answer,
  AUTHENTICATION,
  COM_CREATE_DB,
  COM_DROP_DB,
  COM_FIELD_LIST,
  COM_INIT_DB,
  COM_QUERY,
  COM_STMT_BULK_EXECUTE,
  COM_STMT_EXECUTE,
  COM_STMT_PREPARE,
  commandOf,
  FIELDS,
  NOTHING,
  OK_OR_ERR,
  PREPARED,
  RESULTS,
  ROWS_ONLY,
} from './commands.ts';
import { greetingStart, MAX_GREETING, MIN_GREETING } from './handshake.ts';
import { PROGRESS } from './outcome.ts';
import { CURSOR, HEADER, integerWidth, isText, readInteger, u16, u24 } from './packet.ts';
import { beginsWithAttributes, behindAttributes, looksLikeSql } from './text.ts';

export const NONE = 0;
/** So far nothing speaks against it. */
export const SHORT = 1;
/** It can be one, but so few bytes may be anything. */
export const WEAK = 2;
export const STRONG = 3;
export type Start = 0 | 1 | 2 | 3;

/** Bytes of a statement that are wanted before it is believed. */
const MIN_TEXT = 6;
const MAX_COLUMNS = 4096;

/** A command begins at `buf[at]`, and if it ends before `to`, another one follows. */
export function commandStart(buf: Buffer, at: number, to: number): Start {
  const start = oneCommand(buf, at, to);
  if (start < WEAK) return start;
  const next = at + HEADER + u24(buf, at);
  if (next >= to) return start;
  const following = oneCommand(buf, next, to);
  return following === NONE || following === STRONG ? following : start;
}

function oneCommand(buf: Buffer, at: number, to: number): Start {
  if (to - at >= HEADER && buf[at + 3] !== 0) return NONE;
  if (to - at <= HEADER) return SHORT;
  const length = u24(buf, at);
  const payload = at + HEADER;
  const command = commandOf(buf[payload]!);
  if (command === null || length < command.least || length > command.most) return NONE;
  const end = Math.min(to, payload + length);
  switch (command.code) {
    case COM_QUERY:
    case COM_STMT_PREPARE:
      return statementStart(buf, payload + 1, end, length - 1);
    case COM_INIT_DB:
    case COM_CREATE_DB:
    case COM_DROP_DB:
      if (!isText(buf, payload + 1, end)) return NONE;
      return end - payload >= Math.min(length, MIN_TEXT) ? STRONG : SHORT;
    case COM_FIELD_LIST:
      return fieldListStart(buf, payload + 1, end) ? WEAK : NONE;
    case COM_STMT_EXECUTE:
      // int<4> id, flags, int<4> that is always 1
      if (end - payload < command.least) return SHORT;
      return buf[payload + 5]! <= 0x0f && u24(buf, payload + 6) === 1 && buf[payload + 9] === 0 ? STRONG : NONE;
    case COM_STMT_BULK_EXECUTE:
      if (end - payload < command.least) return SHORT;
      return (u16(buf, payload + 5) & ~0xc0) === 0 ? WEAK : NONE;
    default:
      return WEAK;
  }
}

function statementStart(buf: Buffer, at: number, to: number, length: number): Start {
  let text = at;
  if (beginsWithAttributes(buf, at, to)) {
    text = behindAttributes(buf, at, to);
    if (text < 0) return SHORT;
  }
  if (!looksLikeSql(buf, text, to)) return NONE;
  return to - text >= Math.min(length - (text - at), MIN_TEXT) ? STRONG : SHORT;
}

/** A table's name and a zero, and which columns. */
function fieldListStart(buf: Buffer, at: number, to: number): boolean {
  const nul = buf.subarray(at, to).indexOf(0);
  return nul < 0 ? isText(buf, at, to) : nul > 0 && isText(buf, at, at + nul) && isText(buf, at + nul + 1, to);
}

/** The payload of the packet at `at` can be the first one of that answer. `to`: where the window ends. */
export function answerStart(answer: Answer, buf: Buffer, at: number, to: number): Start {
  if (to - at <= HEADER) return SHORT;
  const length = u24(buf, at);
  const payload = at + HEADER;
  const end = Math.min(to, payload + length);
  const first = buf[payload]!;
  if (length === 0 || answer === NOTHING) return NONE;
  if (first === 0xff) return errorStart(buf, payload, end, length);
  switch (answer) {
    case OK_OR_ERR:
      return first === 0 || first === 0xfe ? okStart(buf, payload, end, length) : NONE;
    case RESULTS:
      if (first === 0 && length >= 5) return okStart(buf, payload, end, length);
      if (first === 0xfb) return length < 4096 && isText(buf, payload + 1, end) ? WEAK : NONE;
      return columnCountStart(buf, payload, end, length);
    case PREPARED:
      if (first !== 0 || length < 12 || length > 13) return NONE;
      return end - payload < 10 ? SHORT : buf[payload + 9] === 0 ? WEAK : NONE;
    case ROWS_ONLY:
      return first === 0 || (first === 0xfe && length < 32) ? WEAK : NONE;
    case FIELDS:
      return first === 0xfe ? (length < 32 ? WEAK : NONE) : definitionStart(buf, payload, end);
    case AUTHENTICATION:
      return first <= 2 || first === 0xfe ? WEAK : NONE;
    default:
      return WEAK;
  }
}

/** OK: 0x00 or 0xfe, int<lenenc> rows, int<lenenc> id, int<2> status, int<2> warnings, more; EOF: 0xfe, int<2> warnings, int<2> status. */
function okStart(buf: Buffer, at: number, to: number, length: number): Start {
  if (buf[at] === 0xfe && (length === 5 || length === 1)) return WEAK;
  if (length < 5) return NONE;
  if (to - at < Math.min(length, 5)) return SHORT;
  const whole = to - at === length;
  if (readInteger(buf, at + 1, to) < 0 || readInteger(buf, CURSOR.at, to) < 0) return whole ? NONE : SHORT;
  return CURSOR.at - at + 2 <= length ? WEAK : NONE;
}

/** ERR: 0xff, int<2> code, since 4.1 `#` and five characters of SQLSTATE, message. */
function errorStart(buf: Buffer, at: number, to: number, length: number): Start {
  if (length < 3 || length > 4096) return NONE;
  if (to - at < Math.min(length, 9)) return SHORT;
  const code = u16(buf, at + 1);
  if (code === 0) return NONE;
  if (code === PROGRESS) return WEAK;
  if (length < 9 || buf[at + 3] !== 0x23) return isText(buf, at + 3, to) ? WEAK : NONE;
  return isText(buf, at + 4, to) ? STRONG : NONE;
}

/** The columns' number, and with optional metadata a byte in front (MySQL) or behind (MariaDB); then a definition. */
function columnCountStart(buf: Buffer, at: number, to: number, length: number): Start {
  if (length > 5) return NONE;
  if (to - at < length) return SHORT;
  if (columnsOf(buf, at, to, length) <= 0) return NONE;
  const next = at + length;
  if (to - next <= HEADER) return WEAK;
  const definition = next + HEADER;
  if (buf[next + 3] !== ((buf[at - 1]! + 1) & 255)) return NONE;
  return definitionStart(buf, definition, Math.min(to, definition + u24(buf, next))) === NONE ? WEAK : STRONG;
}

/** Columns that the first packet of a result set announces; -1: it is none. `METADATA.follows` says whether definitions do. */
export const METADATA = { follows: true };
export function columnsOf(buf: Buffer, at: number, to: number, length: number): number {
  METADATA.follows = true;
  if (to - at < length || length === 0) return -1;
  const width = integerWidth(buf[at]!);
  const columns = readInteger(buf, at, to);
  if (length === width) return columns <= MAX_COLUMNS ? columns : -1;
  // MariaDB: a byte behind it that is 0 or 1
  if (length === width + 1 && columns > 0 && buf[at + width]! <= 1) {
    METADATA.follows = buf[at + width] === 1;
    return columns <= MAX_COLUMNS ? columns : -1;
  }
  // MySQL: a byte in front that is 0 or 1
  if (buf[at]! > 1 || length !== 1 + integerWidth(buf[at + 1]!)) return -1;
  METADATA.follows = buf[at] === 1;
  const behind = readInteger(buf, at + 1, to);
  return behind <= MAX_COLUMNS ? behind : -1;
}

/** A column's definition begins with its catalog, which is always `def`. */
function definitionStart(buf: Buffer, at: number, to: number): Start {
  if (at >= to) return SHORT;
  return buf[at] === 3 && (to - at < 4 || (buf[at + 1] === 0x64 && buf[at + 2] === 0x65 && buf[at + 3] === 0x66))
    ? STRONG
    : NONE;
}

/** A greeting begins at `buf[at]`. */
export function greetingVerdict(buf: Buffer, at: number, to: number): Start {
  if (to - at < HEADER) return SHORT;
  const length = u24(buf, at);
  const payload = at + HEADER;
  if (length < MIN_GREETING || length > MAX_GREETING || !greetingStart(buf, payload, to)) return NONE;
  if (to === payload) return SHORT;
  const nul = buf.subarray(payload, to).indexOf(0);
  return nul >= 0 && to > payload + nul + 1 + 4 + 8 ? STRONG : SHORT;
}
