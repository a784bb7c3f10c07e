/** Whether a message credibly begins somewhere: for recognition, behind a hole, and before anything is made of it. */

import type { Window } from '../protocol.ts';
import { ELEMENT, Elements, END, isType, MAX_NAME_BYTES, MIN_DOCUMENT_BYTES, STRING, textEnd } from './bson.ts';
import {
  CLIENT_SENDS,
  fixedBytes,
  flagsAreKnown,
  HEADER_BYTES,
  leastBytes,
  MAX_MESSAGE_BYTES,
  messageLength,
  OP_COMMAND,
  OP_COMPRESSED,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_QUERY,
  OP_REPLY,
  opcodeAt,
  responseTo,
  SECTION_BODY,
  SECTION_SEQUENCE,
  SERVER_SENDS,
  senders,
} from './wire.ts';

/**
 * What requestStart() and responseStart() answer: this, or how many bytes from `w.pos` on have to be in the window. When they are
 * there it is a start, and with them what the first look needs.
 */
export const NOT_A_START = -1;

/** Names of commands have below 40 bytes. */
export const MAX_COMMAND_BYTES = 128;
/** Longest text of a command's first element that is read: a collection has at most 255 bytes together with its database. */
export const MAX_TARGET_BYTES = 512;

/** A request begins at `w.pos`. The first look needs its command and what that speaks of. */
export function requestStart(w: Window): number {
  const { pos, view } = w;
  const least = header(w, CLIENT_SENDS);
  if (least < 0 || w.end - pos < least) return least;
  const opcode = opcodeAt(w, pos);
  const end = pos + messageLength(w, pos);
  switch (opcode) {
    case OP_MSG:
      return unasked(w) && flagsAreKnown(view.getInt32(pos + 16, true)) ? section(w, end, true) : NOT_A_START;
    case OP_COMPRESSED:
      return unasked(w) && compressed(w, CLIENT_SENDS) ? least : NOT_A_START;
    case OP_KILL_CURSORS:
      return view.getInt32(pos + 20, true) * 8 === end - pos - least ? least : NOT_A_START;
    case OP_COMMAND: {
      const commandAt = behindName(w, pos + 16, end);
      return commandAt <= 0 ? missing(w, commandAt) : missing(w, behindName(w, commandAt, end));
    }
    default: {
      const at = behindName(w, pos + 20, end);
      if (at <= 0) return missing(w, at);
      const behind = at + fixedBytes(opcode);
      if (opcode === OP_QUERY) return query(w, behind, end);
      return behind <= end ? behind - pos : NOT_A_START;
    }
  }
}

/** A reply begins at `w.pos`. */
export function responseStart(w: Window): number {
  const { pos, view } = w;
  const least = header(w, SERVER_SENDS);
  if (least < 0 || w.end - pos < least) return least;
  const end = pos + messageLength(w, pos);
  switch (opcodeAt(w, pos)) {
    case OP_MSG:
      return flagsAreKnown(view.getInt32(pos + 16, true)) ? section(w, end, false) : NOT_A_START;
    case OP_COMPRESSED:
      return compressed(w, SERVER_SENDS) ? least : NOT_A_START;
    case OP_REPLY: {
      const count = view.getInt32(pos + 32, true);
      const known = view.getUint32(pos + 16, true) < 16 && view.getInt32(pos + 28, true) >= 0;
      if (!known || count < 0 || count * MIN_DOCUMENT_BYTES > end - pos - least) return NOT_A_START;
      return count === 0 ? least : document(w, pos + least, end, false);
    }
    default:
      return document(w, pos + HEADER_BYTES, end, false);
  }
}

const DATABASE = Buffer.from('$db');
const CURSOR = Buffer.from('cursor');
const ELEMENTS = new Elements();

/**
 * The request that begins at `w.pos` may be one. Replies to request number 0 look alike, but do not name a database, as every command
 * does; where the end of the message is not in the window only those that begin with a cursor are known.
 */
export function mayAsk(w: Window): boolean {
  const { pos } = w;
  if (opcodeAt(w, pos) !== OP_MSG || w.buf[pos + 20] !== SECTION_BODY) return true;
  const e = ELEMENTS;
  w.pos = pos + 21;
  e.enter(w, w.view.getInt32(w.pos, true));
  let step = e.next(w);
  let named = step === ELEMENT && e.named(w, CURSOR) ? false : null;
  while (named === null && step === ELEMENT) {
    if (e.named(w, DATABASE)) named = true;
    else if (!e.pass(w)) break;
    else step = e.next(w);
  }
  w.pos = pos;
  return named ?? step !== END;
}

/** The message that begins at `w.pos` is followed by another one, or by nothing that the window shows. */
export function isFollowed(w: Window, sender: number): boolean {
  const { pos } = w;
  w.pos += messageLength(w, pos);
  const followed = w.pos >= w.end || header(w, sender) >= 0;
  w.pos = pos;
  return followed;
}

/** Bytes that a message with this header has at least; NOT_A_START: `sender` sends no such message. */
function header(w: Window, sender: number): number {
  const { pos } = w;
  const there = w.end - pos;
  if (there < 4) return HEADER_BYTES;
  const length = messageLength(w, pos);
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) return NOT_A_START;
  if (there < HEADER_BYTES) return HEADER_BYTES;
  const opcode = opcodeAt(w, pos);
  const least = leastBytes(opcode);
  return (senders(opcode) & sender) === 0 || length < least ? NOT_A_START : least;
}

/** Requests answer nothing; some clients word that as -1. */
function unasked(w: Window): boolean {
  const to = responseTo(w, w.pos);
  return to === 0 || to === -1;
}

/** int32 original opcode, int32 uncompressed size, uint8 compressor id. */
function compressed(w: Window, sender: number): boolean {
  const opcode = w.view.getInt32(w.pos + 16, true);
  const size = w.view.getInt32(w.pos + 20, true);
  return (
    opcode !== OP_COMPRESSED &&
    (senders(opcode) & sender) !== 0 &&
    size >= leastBytes(opcode) - HEADER_BYTES &&
    size <= MAX_MESSAGE_BYTES
  );
}

/** The first section of an OP_MSG. */
function section(w: Window, end: number, command: boolean): number {
  const at = w.pos + 20;
  const kind = w.buf[at]!;
  if (kind === SECTION_BODY) return document(w, at + 1, end, command);
  const size = w.view.getInt32(at + 1, true);
  return kind === SECTION_SEQUENCE && size > MIN_DOCUMENT_BYTES && at + 1 + size <= end
    ? leastBytes(OP_MSG)
    : NOT_A_START;
}

/** A document begins at `at`. `command`: its first element is named like a command, and the text in it is needed as well. */
function document(w: Window, at: number, end: number, command: boolean): number {
  const { buf, view, pos } = w;
  if (at + MIN_DOCUMENT_BYTES > end) return NOT_A_START;
  if (at + MIN_DOCUMENT_BYTES > w.end) return at + MIN_DOCUMENT_BYTES - pos;
  const length = view.getInt32(at, true);
  if (length < MIN_DOCUMENT_BYTES || at + length > end) return NOT_A_START;
  const type = buf[at + 4]!;
  if (type === 0) return length === MIN_DOCUMENT_BYTES && !command ? at + MIN_DOCUMENT_BYTES - pos : NOT_A_START;
  if (!isType(type)) return NOT_A_START;
  const from = at + 5;
  const most = Math.min(at + length, from + (command ? MAX_COMMAND_BYTES : MAX_NAME_BYTES));
  const to = textEnd(buf, from, Math.min(w.end, most));
  if (to < 0) return w.end < most && isWord(buf, from, w.end, command) ? w.end - pos + 1 : NOT_A_START;
  if (!isWord(buf, from, to, command) || (command && to === from)) return NOT_A_START;
  // the value itself, or how long it is, as far as there is so much
  if (type !== STRING || to + 5 > w.end) return Math.min(to + 5, at + length) - pos;
  const bytes = view.getInt32(to + 1, true);
  if (bytes < 1 || to + 5 + bytes >= at + length) return NOT_A_START;
  return bytes <= MAX_TARGET_BYTES ? to + 5 + bytes - pos : to + 5 - pos;
}

/** What OP_QUERY begins with when options stand beside the query: a document `$query`, or `query` in old clients. */
const WRAPPED = [Buffer.from('\x03$query\0'), Buffer.from('\x03query\0')];

/** Where the query of an OP_QUERY begins whose document begins at `at`, as far as that is in the window. */
export function unwrapped(w: Window, at: number): number {
  const from = at + 4;
  for (const word of WRAPPED) {
    const to = from + word.length;
    if (to <= w.end && w.buf.compare(word, 0, word.length, from, to) === 0) return to;
  }
  return at;
}

/** The document of an OP_QUERY, and what may be wrapped in it. */
function query(w: Window, at: number, end: number): number {
  const needed = document(w, at, end, false);
  if (needed < 0 || w.pos + needed > w.end) return needed;
  const inner = unwrapped(w, at);
  return inner === at ? needed : document(w, inner, end, false);
}

/** Names of commands are letters, digits, `_` and `$`; of other elements anything but control characters. */
function isWord(buf: Buffer, from: number, to: number, command: boolean): boolean {
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    if (b < 32) return false;
    if (!command || b === 36 || b === 95 || (b >= 48 && b <= 57)) continue;
    const letter = b | 32;
    if (letter < 97 || letter > 122) return false;
  }
  return true;
}

/** Index behind the name (of a database, collection or command) that begins at `at`; 0: its end is not in the window; -1: it is none. */
function behindName(w: Window, at: number, end: number): number {
  const most = Math.min(end, at + MAX_TARGET_BYTES);
  const to = textEnd(w.buf, at, Math.min(w.end, most));
  if (to < 0) return w.end < most && isWord(w.buf, at, w.end, false) ? 0 : -1;
  return to > at && isWord(w.buf, at, to, false) ? to + 1 : -1;
}

/** What behindName() said, as an answer: bytes from `w.pos` on. */
function missing(w: Window, behind: number): number {
  if (behind < 0) return NOT_A_START;
  return behind === 0 ? w.end - w.pos + 1 : behind - w.pos;
}
