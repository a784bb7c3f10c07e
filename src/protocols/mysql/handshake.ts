/** What server and client say before the first command (MySQL Internals, "Connection Phase"). */

import {
  CLIENT_CONNECT_WITH_DB,
  CLIENT_PLUGIN_AUTH_LENENC,
  CLIENT_PROTOCOL_41,
  CLIENT_SECURE_CONNECTION,
  CLIENT_SSL,
} from './capabilities.ts';
import { MARIADB, MYSQL } from './exchange-detail.ts';
import { CURSOR, isText, nulAt, readInteger, u16, u32 } from './packet.ts';

export const PROTOCOL_VERSION = 10;

/** A version text is `8.0.36-0ubuntu0.22.04.1`, `5.5.5-10.11.6-MariaDB-1:10.11.6+maria~deb12-log`. */
const MAX_VERSION = 96;
/** Behind the version: thread id 4, scramble 8, a zero, capabilities 2; all that older servers need not send comes behind. */
const FIXED_BYTES = 4 + 8 + 1 + 2;
export const MIN_GREETING = 1 + 1 + 1 + FIXED_BYTES;
/** The longest greeting: version, and fixed parts with a scramble and a plugin's name of up to 255 bytes. */
export const MAX_GREETING = 512;
/** Bytes of a greeting that hold all that is wanted of it. */
export const GREETING_HEAD = 1 + MAX_VERSION + 1 + FIXED_BYTES + 5;

export class Greeting {
  system = MYSQL;
  flags = 0;
}

/** The first bytes of a greeting's payload can be one: protocol version, version text, a zero behind the first part of the scramble. */
export function greetingStart(buf: Buffer, at: number, to: number): boolean {
  if (at < to && buf[at] !== PROTOCOL_VERSION) return false;
  const text = at + 1;
  const end = Math.min(to, text + MAX_VERSION + 1);
  let dot = text; // of `8.0.36`
  while (dot < end && buf[dot]! >= 48 && buf[dot]! <= 57) dot++;
  if (dot < end && (dot === text || buf[dot] !== 46)) return false;
  const nul = nulAt(buf, text, end);
  if (nul === text + MAX_VERSION + 1 || !isText(buf, text, nul)) return false;
  const filler = nul + 1 + 4 + 8;
  return filler >= to || buf[filler] === 0;
}

/** What MariaDB's versions begin with, for the sake of clients of old. */
const MARIADB_PREFIX = '5.5.5-';

/** Reads `buf[at, to)`, the greeting's payload, into `g`; false: it is none. `cut`: capabilities that are missing count as there. */
export function readGreeting(buf: Buffer, at: number, to: number, cut: boolean, g: Greeting): boolean {
  if (at >= to || !greetingStart(buf, at, to)) return false;
  const nul = nulAt(buf, at + 1, to);
  const low = nul + 1 + 4 + 8 + 1;
  if (low + 2 > to && !cut) return false;
  const version = buf.toString('latin1', at + 1, nul);
  g.system = version.includes('MariaDB') || (cut && version.startsWith(MARIADB_PREFIX)) ? MARIADB : MYSQL;
  if (cut) {
    g.flags = -1;
    return true;
  }
  const high = low + 2 + 1 + 2; // behind character set and status
  g.flags = u16(buf, low) | (high + 2 <= to ? u16(buf, high) << 16 : 0);
  return true;
}

/** Capabilities 4, longest packet 4, character set 1, then 19 zeros and 4 bytes that are zero but for MariaDB. */
const RESPONSE_FIXED = 4 + 4 + 1 + 23;
const ZEROS_FROM = 9;
/** A login is believed when its zeros are there. */
export const LOGIN_ZEROS = ZEROS_FROM + 19;

/** User names have up to 32 characters (MySQL), 128 (MariaDB), databases 64. */
const MAX_NAME_BYTES = 512;
/** The login's packet: fixed part, user, authentication data, database; attributes behind them are not wanted. */
export const LOGIN_HEAD = RESPONSE_FIXED + MAX_NAME_BYTES + 1024;
/** The packet itself: connection attributes have up to 64 KiB. */
export const MAX_LOGIN = 1 << 17;

export class Login {
  flags = 0;
  /** Only the fixed part: TLS follows. */
  tls = false;
  user = '';
  database = '';
}

/** A login or SSLRequest with the capabilities of 4.1 may begin here; `length` is the packet's payload. */
export function loginStart(buf: Buffer, at: number, to: number, length: number): boolean {
  if (length < RESPONSE_FIXED || length > MAX_LOGIN) return false;
  if (at + 2 <= to && (u16(buf, at) & CLIENT_PROTOCOL_41) === 0) return false;
  const end = Math.min(to, at + LOGIN_ZEROS);
  for (let i = at + ZEROS_FROM; i < end; i++) if (buf[i] !== 0) return false;
  if (length > RESPONSE_FIXED) return true;
  return at + 2 > to || (u16(buf, at) & CLIENT_SSL) !== 0;
}

/** Of a login of `length` bytes `here` are there, `lacking` behind them are not: its capabilities can be read, and it does not ask for TLS. */
export const isCutLogin = (lacking: number, length: number, here: number): boolean =>
  lacking > 0 && length > RESPONSE_FIXED && here >= 4;

/**
 * Reads a login, `buf[at, to)` of a payload of `length` bytes, into `l`; false: it is none. Nothing of a password is looked at. `cut`: names
 * may be missing.
 */
export function readLogin(buf: Buffer, at: number, to: number, length: number, cut: boolean, l: Login): boolean {
  l.tls = false;
  l.user = '';
  l.database = '';
  if (to - at < 5) return false;
  const low = u16(buf, at);
  if ((low & CLIENT_PROTOCOL_41) === 0) return !cut && readOldLogin(buf, at, to, low, length, l);
  if (length < RESPONSE_FIXED || (at + RESPONSE_FIXED > to && !cut)) return false;
  l.flags = u32(buf, at) | 0;
  if (length === RESPONSE_FIXED) {
    l.tls = (low & CLIENT_SSL) !== 0;
    return l.tls;
  }
  const user = at + RESPONSE_FIXED;
  const nul = nulAt(buf, user, Math.min(to, user + MAX_NAME_BYTES));
  if (nul >= to && cut) return true;
  if (nul >= to || buf[nul] !== 0 || !isText(buf, user, nul)) return false;
  l.user = buf.toString('utf8', user, nul);
  if ((l.flags & CLIENT_CONNECT_WITH_DB) === 0) return true;
  const database = behindSecret(buf, nul + 1, to, l.flags);
  if (!cut || nulAt(buf, database, to) < to) l.database = nameAt(buf, database, to);
  return true;
}

/** HandshakeResponse320: capabilities 2, longest packet 3, user, and then authentication data or, both with a zero, a database. */
function readOldLogin(buf: Buffer, at: number, to: number, flags: number, length: number, l: Login): boolean {
  l.flags = flags;
  if (length === 5) {
    l.tls = (flags & CLIENT_SSL) !== 0;
    return l.tls;
  }
  const nul = nulAt(buf, at + 5, Math.min(to, at + 5 + MAX_NAME_BYTES));
  if (nul >= to || !isText(buf, at + 5, nul)) return false;
  l.user = buf.toString('utf8', at + 5, nul);
  if ((flags & CLIENT_CONNECT_WITH_DB) !== 0) l.database = nameAt(buf, nulAt(buf, nul + 1, to) + 1, to);
  return true;
}

/** Behind the answer to the scramble. */
function behindSecret(buf: Buffer, at: number, to: number, flags: number): number {
  if ((flags & CLIENT_PLUGIN_AUTH_LENENC) !== 0) {
    const bytes = readInteger(buf, at, to);
    return bytes < 0 ? to : CURSOR.at + bytes;
  }
  if ((flags & CLIENT_SECURE_CONNECTION) !== 0) return at < to ? at + 1 + buf[at]! : to;
  return nulAt(buf, at, to) + 1;
}

function nameAt(buf: Buffer, at: number, to: number): string {
  if (at >= to) return '';
  const nul = nulAt(buf, at, Math.min(to, at + MAX_NAME_BYTES));
  return isText(buf, at, nul) ? buf.toString('utf8', at, nul) : '';
}

/** COM_CHANGE_USER: command, user with a zero, length 1 and authentication data, database with a zero; false: it is none. */
export function readChangeUser(buf: Buffer, at: number, to: number, l: Login): boolean {
  l.user = '';
  l.database = '';
  const nul = nulAt(buf, at + 1, Math.min(to, at + 1 + MAX_NAME_BYTES));
  if (nul + 1 >= to || !isText(buf, at + 1, nul)) return false;
  l.user = buf.toString('utf8', at + 1, nul);
  l.database = nameAt(buf, nul + 2 + buf[nul + 1]!, to);
  return true;
}

/**
 * A record of TLS with a ClientHello (RFC 8446 sections 5.1 and 4): type 22, version 3.x, a length; then type 1, 24 bits of length of
 * which the first are zero, version 3.x.
 */
export function clientHelloAt(buf: Buffer, at: number, to: number): boolean {
  if (to - at < 10 || buf[at] !== 22 || buf[at + 1] !== 3 || buf[at + 2]! > 4) return false;
  return buf[at + 5] === 1 && buf[at + 6] === 0 && buf[at + 9] === 3;
}
