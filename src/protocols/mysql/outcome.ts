/** How a command ended: OK, EOF and ERR packets (MySQL Internals, "Generic Response Packets"). */

import { SESSION_STATE_CHANGED } from './capabilities.ts';
import { CURSOR, nulAt, readInteger, u16 } from './packet.ts';

/**
 * Bytes of an OK packet that are looked at: header 1, two integers of up to 9, status and warnings 4, then a message and what has changed
 * in the session: the database stands behind system variables, of which servers send a handful of up to 100 bytes.
 */
export const MAX_OK = 1024;
/** An EOF packet: 0xfe, int<2> warnings, int<2> status. */
export const EOF_LENGTH = 5;
/** MariaDB: this "error" tells how far a long statement has come. */
export const PROGRESS = 0xffff;

/** Session state information: its type for the chosen database. */
const TRACK_SCHEMA = 1;

export class Outcome {
  /** Status flags. */
  flags = 0;
  /** A database was chosen; null: nothing is said of it. */
  schema: string | null = null;
}

/** Reads an OK or EOF packet of `length` bytes, of which `buf[at, to)` are here. False: it is none. */
export function readOk(buf: Buffer, at: number, to: number, length: number, o: Outcome): boolean {
  o.flags = 0;
  o.schema = null;
  if (length === 1) return buf[at] === 0xfe; // before 4.1
  if (length === EOF_LENGTH && buf[at] === 0xfe) {
    o.flags = u16(buf, at + 3);
    return true;
  }
  if (readInteger(buf, at + 1, to) < 0 || readInteger(buf, CURSOR.at, to) < 0) return false;
  const status = CURSOR.at;
  if (status + 2 > to) return false;
  o.flags = u16(buf, status);
  if ((o.flags & SESSION_STATE_CHANGED) !== 0) readChanges(buf, status + 4, to, o);
  return true;
}

/** string<lenenc> message, then in an int<lenenc> of bytes: type, string<lenenc> of data, for each change. */
function readChanges(buf: Buffer, at: number, to: number, o: Outcome): void {
  const message = readInteger(buf, at, to);
  if (message < 0 || readInteger(buf, CURSOR.at + message, to) < 0) return;
  let i = CURSOR.at;
  while (i < to) {
    const type = buf[i]!;
    const bytes = readInteger(buf, i + 1, to);
    const data = CURSOR.at;
    if (bytes < 0 || data + bytes > to) return;
    if (type === TRACK_SCHEMA) {
      const name = readInteger(buf, data, data + bytes);
      if (name < 0 || CURSOR.at + name > data + bytes) return;
      o.schema = buf.toString('utf8', CURSOR.at, CURSOR.at + name);
    }
    i = data + bytes;
  }
}

/** Bytes of an ERR packet that are looked at: 0xff, int<2> code, `#`, SQLSTATE. The message may quote what was asked. */
export const ERROR_HEAD = 9;

/** SQLSTATE of the ERR packet in `buf[at, to)`; '' when it has none. */
export function sqlState(buf: Buffer, at: number, to: number): string {
  if (to - at < ERROR_HEAD || buf[at + 3] !== 0x23 || nulAt(buf, at + 4, at + ERROR_HEAD) < at + ERROR_HEAD) return '';
  const state = buf.toString('latin1', at + 4, at + ERROR_HEAD);
  return /^[0-9A-Z]{5}$/.test(state) ? state : '';
}
