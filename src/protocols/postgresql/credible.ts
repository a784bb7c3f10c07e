/** Whether messages credibly start somewhere: for detection, and after losses. Letters alone match much, so bodies are looked into. */

import type { Window } from '../protocol.ts';
import {
  AUTHENTICATION,
  BACKEND,
  BIND,
  CANCEL_CODE,
  CLOSE,
  COMMAND_COMPLETE,
  COPY_BOTH,
  COPY_DATA,
  COPY_FAIL,
  COPY_IN,
  COPY_OUT,
  DATA_ROW,
  DESCRIBE,
  ERROR,
  EXECUTE,
  FRONTEND,
  FUNCTION_CALL,
  FUNCTION_RESULT,
  GSS_CODE,
  HEAD_BYTES,
  KEY_DATA,
  type Lengths,
  MAJOR,
  MAX_CANCEL,
  MAX_STARTUP,
  MIN_CANCEL,
  NEGOTIATE_VERSION,
  NOTICE,
  NOTIFICATION,
  PARAMETER_DESCRIPTION,
  PARAMETER_STATUS,
  PARSE,
  PASSWORD,
  QUERY,
  READY,
  ROW_DESCRIPTION,
  SSL_CODE,
} from './messages.ts';
import { StartupOptions } from './startup.ts';

/** No message. */
export const NOT = 0;
/** The window ends before anything is proved. */
export const CUT = 1;
/** Whole messages that hold too little to prove anything alone. */
export const WEAK = 2;
/** By its body it is one. */
export const PROVED = 3;

/** A chain of so many messages is proof enough. */
const MAX_MESSAGES = 16;

/** Messages stand in a row from `w.pos` to the window's end: the best proof that one of them gives, NOT if one is none. */
function chain(
  w: Window,
  lengths: Lengths,
  body: (w: Window, type: number, at: number, end: number) => number,
): number {
  const { buf, view } = w;
  let best = NOT;
  let at = w.pos;
  for (let n = 0; n < MAX_MESSAGES && at < w.end; n++) {
    const type = buf[at]!;
    if (lengths.min[type] === 0) return NOT;
    if (w.end - at < HEAD_BYTES) {
      // The highest bytes of a length are zero for all that is below 16 MiB.
      return at + 1 < w.end && buf[at + 1]! > 0x40 ? NOT : Math.max(best, CUT);
    }
    const length = view.getUint32(at + 1);
    if (length < lengths.min[type]! || length > lengths.max[type]!) return NOT;
    const end = at + 1 + length;
    const proof = body(w, type, at + HEAD_BYTES, end);
    if (proof === NOT) return NOT;
    best = Math.max(best, proof);
    at = end;
  }
  return best;
}

/** Typed messages of a client start at `w.pos`. */
export const requestsAt = (w: Window): number => chain(w, FRONTEND, requestBody);

/** Messages of a server start at `w.pos`. */
export const responsesAt = (w: Window): number => chain(w, BACKEND, responseBody);

const OPTIONS = new StartupOptions();

/** Greatest values of a first message's first bytes. */
const MOST = [0, 0, 0x27, 255, 4, 0xd2];

/** A connection's first message starts at `w.pos`: see Requests. */
export function firstAt(w: Window): number {
  const { buf, view, pos, end } = w;
  const n = end - pos;
  if (n < 8) {
    // The length is below 10,001, the version's upper half is 3, or 1234 in a code.
    for (let i = 0; i < Math.min(n, 6); i++) if (buf[pos + i]! > MOST[i]!) return NOT;
    return n > 5 && buf[pos + 5] !== (buf[pos + 4] === 0 ? MAJOR : 0xd2) ? NOT : CUT;
  }
  const length = view.getUint32(pos);
  const code = view.getUint32(pos + 4);
  if (code === SSL_CODE || code === GSS_CODE) return length === 8 && n === 8 ? PROVED : NOT;
  if (code === CANCEL_CODE) {
    if (length < MIN_CANCEL || length > MAX_CANCEL || n > length) return NOT;
    return n === length ? PROVED : CUT;
  }
  if (code >>> 16 !== MAJOR || length < 9 || length > MAX_STARTUP || n > length) return NOT;
  if (n === length) return OPTIONS.read(w, length) ? PROVED : NOT;
  return printable(w, pos + 8, end) ? CUT : NOT;
}

/** Words that statements begin with. */
const VERBS = new Set(
  (
    'abort alter analyze analyse begin call checkpoint close cluster comment commit copy create deallocate declare delete ' +
    'discard do drop end execute explain fetch grant import insert listen load lock merge move notify prepare reassign ' +
    'refresh reindex release reset revoke rollback savepoint security select set show start table truncate unlisten ' +
    'update vacuum values with base_backup create_replication_slot drop_replication_slot identify_system ' +
    'read_replication_slot start_replication timeline_history upload_manifest'
  ).split(' '),
);
const LONGEST_VERB = 24;

/** `buf[from, to)` is a statement's beginning; `whole`: a zero byte stands behind it where the message's length says. */
function statement(w: Window, from: number, to: number, whole: boolean): number {
  if (!printable(w, from, to)) return NOT;
  if (whole) return PROVED;
  let at = from;
  while (at < to && (blank(w.buf[at]!) || w.buf[at] === 0x28)) at++; // spaces and parentheses
  let end = at;
  while (end < to && end - at <= LONGEST_VERB && wordPart(w.buf[end]!)) end++;
  if (end === to) return CUT;
  if (VERBS.has(w.buf.toString('latin1', at, end).toLowerCase())) return PROVED;
  return w.buf[at] === 0x2d || w.buf[at] === 0x2f ? WEAK : NOT; // a comment: - or /
}

const blank = (b: number): boolean => b === 32 || (b >= 9 && b <= 13);
const wordPart = (b: number): boolean => (b >= 97 && b <= 122) || (b >= 65 && b <= 90) || b === 95;

/** No control characters but those that texts hold, zero bytes included. */
function printable(w: Window, from: number, to: number): boolean {
  const { buf } = w;
  const limit = Math.min(to, from + 256);
  for (let i = from; i < limit; i++) {
    const b = buf[i]!;
    if (b < 32 && b !== 0 && !(b >= 9 && b <= 13)) return false;
  }
  return true;
}

/** Index of the first zero byte in `buf[from, to)`, -1 if there is none. */
function zero(w: Window, from: number, to: number): number {
  const at = w.find(0, from);
  return at >= 0 && at < to ? at : -1;
}

/** What the body `buf[at, end)` of a client's message proves; it may go on behind the window's end. */
function requestBody(w: Window, type: number, at: number, end: number): number {
  const { buf } = w;
  const seen = Math.min(end, w.end);
  const whole = end <= w.end;
  switch (type) {
    case QUERY: {
      const to = zero(w, at, seen);
      if (to >= 0 ? to !== end - 1 : whole) return NOT;
      return statement(w, at, to < 0 ? seen : to, whole);
    }
    case PARSE: {
      const nameEnd = zero(w, at, seen);
      if (nameEnd < 0) return whole ? NOT : CUT;
      const textEnd = zero(w, nameEnd + 1, seen);
      if (textEnd < 0) return whole ? NOT : statement(w, nameEnd + 1, seen, false);
      if (textEnd + 3 > seen) return whole ? NOT : CUT;
      if (textEnd + 3 + 4 * w.view.getUint16(textEnd + 1) !== end) return NOT;
      return statement(w, nameEnd + 1, textEnd, true);
    }
    case BIND:
      return bindBody(w, at, end);
    case DESCRIBE:
    case CLOSE:
      if (at < seen && buf[at] !== 0x53 && buf[at] !== 0x50) return NOT; // S, P
      if (!whole) return CUT;
      return zero(w, at, end) === end - 1 && printable(w, at, end) ? PROVED : NOT;
    case EXECUTE:
      if (!whole) return CUT;
      return zero(w, at, end) === end - 5 && printable(w, at, end - 5) ? PROVED : NOT;
    case COPY_FAIL:
      if (!whole) return CUT;
      return zero(w, at, end) === end - 1 ? WEAK : NOT;
    case FUNCTION_CALL:
      return functionBody(w, at, end);
    case COPY_DATA:
    case PASSWORD:
      return whole ? WEAK : CUT;
    default:
      return WEAK; // nothing but a head
  }
}

/** What formats() and values() answer where they find none, and where the window ends first. */
const NONE = -1;
const UNSEEN = -2;

/** Number of format codes (2 bytes), each 0 or 1 (2 bytes): index behind them. */
function formats(w: Window, at: number, end: number): number {
  if (at + 2 > end) return NONE;
  if (at + 2 > w.end) return UNSEEN;
  const to = at + 2 + 2 * w.view.getUint16(at);
  if (to > end) return NONE;
  for (let p = at + 2; p < to; p += 2) {
    if (p + 2 > w.end) return UNSEEN;
    if (w.view.getUint16(p) > 1) return NONE;
  }
  return to;
}

/** Number of values (2 bytes), each with its length (4 bytes, -1 for NULL): index behind them. */
function values(w: Window, at: number, end: number): number {
  if (at + 2 > end) return NONE;
  if (at + 2 > w.end) return UNSEEN;
  let p = at + 2;
  for (let left = w.view.getUint16(at); left > 0; left--) {
    if (p + 4 > end) return NONE;
    if (p + 4 > w.end) return UNSEEN;
    const length = w.view.getInt32(p);
    if (length < -1 || length > end - p - 4) return NONE;
    p += 4 + Math.max(0, length);
  }
  return p;
}

const judged = (p: number, end: number): number => (p === UNSEEN ? CUT : p === end ? PROVED : NOT);

/** Portal and statement, each with its zero byte, formats of parameters, their values, formats of results. */
function bindBody(w: Window, at: number, end: number): number {
  const seen = Math.min(end, w.end);
  const portalEnd = zero(w, at, seen);
  const nameEnd = portalEnd < 0 ? -1 : zero(w, portalEnd + 1, seen);
  if (nameEnd < 0) return end > w.end && printable(w, at, seen) ? CUT : NOT;
  if (!printable(w, at, nameEnd)) return NOT;
  let p = formats(w, nameEnd + 1, end);
  if (p >= 0) p = values(w, p, end);
  if (p >= 0) p = formats(w, p, end);
  return judged(p, end);
}

/** The function's object id (4 bytes), formats of arguments, their values, format of the result (2 bytes). */
function functionBody(w: Window, at: number, end: number): number {
  let p = formats(w, at + 4, end);
  if (p >= 0) p = values(w, p, end);
  return judged(p < 0 ? p : p + 2, end);
}

/** What the body `buf[at, end)` of a server's message proves; it may go on behind the window's end. */
function responseBody(w: Window, type: number, at: number, end: number): number {
  const { buf, view } = w;
  const seen = Math.min(end, w.end);
  const whole = end <= w.end;
  switch (type) {
    case READY:
      if (!whole) return CUT;
      return buf[at] === 0x49 || buf[at] === 0x54 || buf[at] === 0x45 ? PROVED : NOT; // I, T, E
    case COMMAND_COMPLETE:
      for (let i = at; i < seen - (whole ? 1 : 0); i++)
        if (!wordPart(buf[i]!) && buf[i] !== 32 && !(buf[i]! >= 48 && buf[i]! <= 57)) return NOT;
      if (!whole) return CUT;
      return buf[end - 1] === 0 && (end - at === 1 || (buf[at]! >= 65 && buf[at]! <= 90)) ? PROVED : NOT;
    case ERROR:
    case NOTICE:
      return fieldsBody(w, at, end);
    case DATA_ROW:
      return rowBody(w, at, end);
    case ROW_DESCRIPTION:
      return descriptionBody(w, at, end);
    case PARAMETER_STATUS: {
      const nameEnd = zero(w, at, seen);
      const valueEnd = nameEnd < 0 ? -1 : zero(w, nameEnd + 1, seen);
      if (!printable(w, at, seen) || nameEnd === at || (valueEnd >= 0 && valueEnd !== end - 1)) return NOT;
      if (valueEnd < 0) return whole ? NOT : CUT;
      return PROVED;
    }
    case NOTIFICATION: {
      if (at + 4 > seen) return CUT;
      const channelEnd = zero(w, at + 4, seen);
      const textEnd = channelEnd < 0 ? -1 : zero(w, channelEnd + 1, seen);
      if (channelEnd === at + 4 || (textEnd >= 0 && textEnd !== end - 1)) return NOT;
      if (textEnd < 0) return whole ? NOT : CUT;
      return PROVED;
    }
    case AUTHENTICATION:
      // 0 to 12 are defined; the first of them, "all is well", is the longest by its meaning and the shortest by its length.
      if (at + 4 > seen) return CUT;
      if (view.getUint32(at) > 12 || (view.getUint32(at) === 0 && end - at !== 4)) return NOT;
      return whole ? PROVED : CUT;
    case PARAMETER_DESCRIPTION:
      if (at + 2 > seen) return CUT;
      return at + 2 + 4 * view.getUint16(at) === end ? WEAK : NOT;
    case COPY_IN:
    case COPY_OUT:
    case COPY_BOTH:
      if (at + 3 > seen) return CUT;
      return buf[at]! <= 1 && at + 3 + 2 * view.getUint16(at + 1) === end ? PROVED : NOT;
    case COPY_DATA:
    case KEY_DATA:
    case NEGOTIATE_VERSION:
    case FUNCTION_RESULT:
      return whole ? WEAK : CUT;
    default:
      return WEAK; // nothing but a head
  }
}

/** Fields of an error or notice: a letter and a text with its zero byte, one zero byte at the end. The severity comes first. */
function fieldsBody(w: Window, at: number, end: number): number {
  const { buf } = w;
  if (at < w.end && buf[at] !== 0x53) return NOT; // S
  for (let p = at; p < end; ) {
    if (p >= w.end) return p > at ? PROVED : CUT;
    if (buf[p] === 0) return p === end - 1 && p > at ? PROVED : NOT;
    if (!wordPart(buf[p]!)) return NOT;
    const textEnd = w.find(0, p + 1);
    if (textEnd < 0) return end > w.end ? CUT : NOT;
    if (textEnd >= end) return NOT;
    p = textEnd + 1;
  }
  return NOT;
}

/** Most columns that a row of a server has. */
const MAX_COLUMNS = 1664;
/** Lengths of so many columns that lead to one another are proof enough. */
const ENOUGH_COLUMNS = 3;

/** Number of columns (2 bytes), each with its length (4 bytes, -1 for NULL). */
function rowBody(w: Window, at: number, end: number): number {
  const { view } = w;
  if (at + 2 > w.end) return CUT;
  const columns = view.getUint16(at);
  if (columns > MAX_COLUMNS) return NOT;
  let p = at + 2;
  for (let i = 0; i < columns; i++) {
    if (p + 4 > end) return NOT;
    if (p + 4 > w.end) return i >= ENOUGH_COLUMNS ? PROVED : CUT;
    const length = view.getInt32(p);
    if (length < -1 || length > end - p - 4) return NOT;
    p += 4 + Math.max(0, length);
    if (i === columns - 1 && p === end) return PROVED;
  }
  return p === end ? WEAK : NOT;
}

/** Number of columns, of each: name with its zero byte, table (4 bytes), column (2), type (4), size (2), modifier (4), format (2: 0 or 1). */
function descriptionBody(w: Window, at: number, end: number): number {
  const { view } = w;
  if (at + 2 > w.end) return CUT;
  const columns = view.getUint16(at);
  if (columns > MAX_COLUMNS) return NOT;
  let p = at + 2;
  for (let i = 0; i < columns; i++) {
    if (p >= w.end) return i >= 1 ? PROVED : CUT;
    const nameEnd = zero(w, p, Math.min(end, w.end));
    if (nameEnd < 0) return end > w.end && printable(w, p, w.end) ? CUT : NOT;
    if (nameEnd + 19 > end) return NOT;
    if (nameEnd + 19 > w.end) return i >= 1 ? PROVED : CUT;
    if (view.getUint16(nameEnd + 17) > 1) return NOT;
    p = nameEnd + 19;
  }
  return p === end ? (columns > 0 ? PROVED : WEAK) : NOT;
}
