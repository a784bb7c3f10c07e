/** Control packets of MQTT (OASIS MQTT 5.0 section 2, 3.1.1 section 2): type and flags (1), remaining length (1 to 4), the rest. */

import type { Window } from '../protocol.ts';

export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
export const UNSUBSCRIBE = 10;
export const UNSUBACK = 11;
export const PINGREQ = 12;
export const PINGRESP = 13;
export const DISCONNECT = 14;
export const AUTH = 15;

export const NAMES = [
  '',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
];

/** Lower four bits of the first byte, by type; -1: any (PUBLISH has flags). */
const FLAGS = [-2, 0, 0, -1, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0];
/** Remaining length at least and at most, by type; what has properties or names may be longer. */
const LEAST = [0, 10, 2, 2, 2, 2, 2, 2, 5, 3, 4, 2, 0, 0, 0, 0];
const MOST = [
  0,
  1 << 20,
  1 << 20,
  1 << 28,
  1 << 16,
  1 << 16,
  1 << 16,
  1 << 16,
  1 << 20,
  1 << 20,
  1 << 20,
  1 << 20,
  0,
  0,
  1 << 16,
  1 << 20,
];

/** From a client only, from a server only: bits by type. The rest goes both ways. */
const FROM_CLIENT = (1 << CONNECT) | (1 << SUBSCRIBE) | (1 << UNSUBSCRIBE) | (1 << PINGREQ);
const FROM_SERVER = (1 << CONNACK) | (1 << SUBACK) | (1 << UNSUBACK) | (1 << PINGRESP);

/** May a packet of that type travel so? `toServer`: from client to server. */
export const travels = (type: number, toServer: boolean): boolean =>
  ((toServer ? FROM_SERVER : FROM_CLIENT) & (1 << type)) === 0;

/** Type and flags, remaining length of up to four bytes. */
export const MAX_FIXED = 5;

/** The fixed header at hand. */
export class Fixed {
  type = 0;
  flags = 0;
  /** Bytes of the fixed header itself. */
  bytes = 0;
  /** Bytes behind it. */
  rest = 0;
}

/** A variable byte integer (5.0 section 1.5.5): seven bits a byte, least significant first. Bytes it takes; 0: cut, -1: none. */
export function variableInt(buf: Buffer, at: number, end: number): number {
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return 0;
    if (buf[at + i]! < 0x80) return i + 1;
  }
  return -1;
}

export function variableValue(buf: Buffer, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 128 + (buf[at + i]! & 0x7f);
  return value;
}

/** Reads the fixed header at `at`. 1: read; 0: cut; -1: none. */
export function readFixed(buf: Buffer, at: number, end: number, f: Fixed): number {
  if (at >= end) return 0;
  const type = buf[at]! >> 4;
  const flags = buf[at]! & 15;
  const wanted = FLAGS[type]!;
  // 3.1 marks what is sent once more with bit 3
  if (wanted === -2 || (wanted >= 0 && wanted !== (wanted === 2 ? flags & ~8 : flags))) return -1;
  if (type === PUBLISH && (flags & 6) === 6) return -1; // QoS 3 does not exist
  const n = variableInt(buf, at + 1, end);
  if (n <= 0) return n;
  f.type = type;
  f.flags = flags;
  f.bytes = 1 + n;
  f.rest = variableValue(buf, at + 1, n);
  return f.rest >= LEAST[type]! && f.rest <= MOST[type]! ? 1 : -1;
}

export const qosOf = (flags: number): number => (flags >> 1) & 3;

const NUL = 0;
const HASH = 0x23;
const PLUS = 0x2b;

/** The bytes from `from` are the beginning of a topic that may be published to: no wildcards, no control characters. */
export function isTopic(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    if (b === NUL || b < 0x20 || b === 0x7f || b === HASH || b === PLUS) return false;
  }
  return true;
}

/** Longest topic that is believed midway: longer ones are legal, and rare. */
const MAX_CREDIBLE_TOPIC = 1024;

/** What startAt answers. */
export const NOT_A_START = 0;
export const TOO_SHORT = 1;
/** Looks like a packet, but so do four bytes of other protocols. */
export const WEAK_START = 2;
export const A_START = 3;

/** Does a packet credibly start at `at`, going in that direction? For detection and after losses. */
export function startAt(w: Window, at: number, toServer: boolean): number {
  const { buf, end } = w;
  const f = FIXED;
  const got = readFixed(buf, at, end, f);
  if (got <= 0) return got === 0 ? TOO_SHORT : NOT_A_START;
  if (!travels(f.type, toServer)) return NOT_A_START;
  const body = at + f.bytes;
  if (f.type === CONNECT) return connectAt(buf, body, end);
  if (f.type === PUBLISH) return publishAt(buf, body, end, f);
  if (f.type === SUBSCRIBE || f.type === UNSUBSCRIBE) {
    if (end - body < 5) return TOO_SHORT;
    if (buf.readUInt16BE(body) === 0) return NOT_A_START;
    return filtersAt(buf, body + 2, Math.min(end, body + f.rest), body + f.rest <= end, f.type === SUBSCRIBE ? 1 : 0);
  }
  if (f.rest > 64) return NOT_A_START; // acknowledgements are short
  if (f.rest >= 2 && f.type !== CONNACK && f.type !== DISCONNECT && f.type !== AUTH) {
    if (end - body < 2) return TOO_SHORT;
    if (buf.readUInt16BE(body) === 0) return NOT_A_START; // packet identifiers are not 0
  }
  return body + f.rest <= end ? WEAK_START : TOO_SHORT;
}

const FIXED = new Fixed();

/** Topic filters fill the packet; in 5.0 properties stand in front of them. `whole`: all of it is there. */
function filtersAt(buf: Buffer, from: number, end: number, whole: boolean, options: number): number {
  if (filtersFill(buf, from, end, options)) return A_START;
  const n = variableInt(buf, from, end);
  const at = n > 0 ? from + n + variableValue(buf, from, n) : end;
  if (at < end && filtersFill(buf, at, end, options)) return A_START;
  return whole ? NOT_A_START : TOO_SHORT;
}

/** Length and readable text, each followed by `options` bytes, fill `buf[from, end)` exactly. */
export function filtersFill(buf: Buffer, from: number, end: number, options: number): boolean {
  let at = from;
  while (at + 2 < end) {
    const to = at + 2 + buf.readUInt16BE(at);
    if (to === at + 2 || to + options > end) return false;
    for (let i = at + 2; i < to; i++) if (buf[i]! < 0x20 || buf[i] === 0x7f) return false;
    at = to + options;
  }
  return at === end && at > from;
}

/** Protocol name: `MQTT` with level 4 or 5, `MQIsdp` with level 3. */
function connectAt(buf: Buffer, body: number, end: number): number {
  for (const [name, levels] of NAMES_AND_LEVELS) {
    const n = Math.min(name.length, end - body);
    if (buf.compare(name, 0, n, body, body + n) !== 0) continue;
    if (end - body <= name.length) return TOO_SHORT;
    return levels.includes(buf[body + name.length]! & 0x7f) ? A_START : NOT_A_START; // bit 7: a bridge says so
  }
  return NOT_A_START;
}

const NAMES_AND_LEVELS: readonly [Buffer, readonly number[]][] = [
  [Buffer.from('\0\x04MQTT'), [4, 5]],
  [Buffer.from('\0\x06MQIsdp'), [3]],
];

function publishAt(buf: Buffer, body: number, end: number, f: Fixed): number {
  if (end - body < 2) return TOO_SHORT;
  const topic = buf.readUInt16BE(body);
  const least = 2 + topic + (qosOf(f.flags) > 0 ? 2 : 0);
  if (topic > MAX_CREDIBLE_TOPIC || least > f.rest) return NOT_A_START;
  // An empty topic stands for an alias (5.0). Three characters and more are no accident where the packet ends as another begins.
  if (!isTopic(buf, body + 2, Math.min(end, body + 2 + topic))) return NOT_A_START;
  if (body + 2 + topic > end) return TOO_SHORT;
  if (topic < 3) return WEAK_START;
  const next = body + f.rest;
  return next < end && readFixed(buf, next, end, NEXT) < 0 ? NOT_A_START : A_START;
}

const NEXT = new Fixed();
