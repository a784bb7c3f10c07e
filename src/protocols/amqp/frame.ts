/**
 * Frames (AMQP 0-9-1 section 4.2.3): type (1), channel (2), size (4), payload of that size, end (0xCE). A method's payload begins with
 * class (2) and method (2), a content header's with class (2), weight (2), body size (8), property flags (2).
 */

import type { Window } from '../protocol.ts';
import { CONNECTION_START, isTelling, METHODS, travels } from './methods.ts';

export const METHOD = 1;
export const HEADER = 2;
export const BODY = 3;
export const HEARTBEAT = 8;

/** Bytes in front of a frame's payload, and around it. */
export const HEAD = 7;
export const OVERHEAD = 8;
export const END = 0xce;
/** Class of the only methods that carry content. */
export const BASIC = 60;
/** Class, weight, body size, flags. */
export const HEADER_BYTES = 14;

/** RabbitMQ takes messages of 512 MiB at most; frames that are read in the middle of something have to be of the usual sizes. */
const MAX_SIZE = 1 << 29;
const MAX_CREDIBLE_SIZE = 1 << 20;

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
export const PROTOCOL_HEADER_BYTES = PROTOCOL_HEADER.length;
export const A = 0x41;

/** As many bytes of the protocol header (section 4.2.2) as there are; its four last tell 0-9-1 from other versions. */
export function isProtocolHeader(buf: Buffer, at: number, end: number): boolean {
  const n = Math.min(end - at, PROTOCOL_HEADER_BYTES);
  return buf.compare(PROTOCOL_HEADER, 0, n, at, at + n) === 0;
}

/** Type, channel and size go together. */
export function isFrame(type: number, channel: number, size: number): boolean {
  if (size > MAX_SIZE) return false;
  if (type === METHOD) return size >= 4;
  if (type === HEADER) return size >= HEADER_BYTES && channel !== 0;
  if (type === BODY) return channel !== 0;
  return type === HEARTBEAT && channel === 0 && size === 0;
}

/** What startAt answers. */
export const NOT_A_START = 0;
export const TOO_SHORT = 1;
/** A whole frame that either end may send. */
export const EITHER_WAY = 2;
/** A whole frame that only the given end sends. */
export const A_START = 3;

/** Is there a frame at `at` that travels in direction `dir`? Whole frames have to end as frames do. */
export function startAt(w: Window, at: number, dir: number): number {
  const { buf, end } = w;
  if (at >= end) return TOO_SHORT;
  const type = buf[at]!;
  if (type !== METHOD && type !== HEADER && type !== BODY && type !== HEARTBEAT) return NOT_A_START;
  // the highest byte of the size is 0 in whatever is believed
  if (end - at > 3 && buf[at + 3] !== 0) return NOT_A_START;
  if (end - at < HEAD) return TOO_SHORT;
  const size = buf.readUInt32BE(at + 3);
  if (size > MAX_CREDIBLE_SIZE || !isFrame(type, buf.readUInt16BE(at + 1), size)) return NOT_A_START;
  let found = EITHER_WAY;
  if (type === METHOD) {
    if (end - at < HEAD + 4) return TOO_SHORT;
    const id = buf.readUInt32BE(at + HEAD);
    const m = METHODS.get(id);
    if (m === undefined || !travels(m, dir)) return NOT_A_START;
    if (isTelling(m)) found = A_START;
    // long: what the server can do. Version 0-9 stands behind the numbers.
    if (id === CONNECTION_START && end - at >= HEAD + 6)
      return buf[at + HEAD + 4] === 0 && buf[at + HEAD + 5] === 9 ? A_START : NOT_A_START;
  } else if (type === HEADER) {
    if (end - at < HEAD + 4) return TOO_SHORT;
    if (buf.readUInt16BE(at + HEAD) !== BASIC || buf.readUInt16BE(at + HEAD + 2) !== 0) return NOT_A_START;
  }
  const last = at + size + OVERHEAD - 1;
  if (last >= end) return TOO_SHORT;
  return buf[last] === END ? found : NOT_A_START;
}

/** Bytes of the whole frame at `at`, whose head is in the window. */
export const frameBytes = (w: Window, at: number): number => w.buf.readUInt32BE(at + 3) + OVERHEAD;

/** Index behind the next byte from `from` on that may end a frame; the window's end when there is none. */
export function behindEnd(w: Window, from: number): number {
  const i = w.find(END, from);
  return i < 0 ? w.end : i + 1;
}
