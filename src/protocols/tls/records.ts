import type { Window } from '../protocol.ts';

/** Content types of records (RFC 8446 section 5.1). */
export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;
const HEARTBEAT = 24;

/** Content type (1), protocol version (2), length (2). */
export const RECORD_HEADER = 5;
/** Payload of a record at most: 2^14 and what encryption may add (RFC 5246 section 6.2.3). */
const MAX_RECORD = 16_384 + 2048;
/** Type (1), length (3). */
export const MESSAGE_HEADER = 4;
/** Longest handshake message that is read: certificate chains take 2 to 10 KiB. */
export const MAX_MESSAGE = 32_768;
/** A message in records of 256 bytes and more: 128 record headers on top. */
export const MAX_HEAD = 40_960;

/** Length of the record at `at`, which has a whole header; -1: that is none. */
export function recordLength(w: Window, at: number): number {
  const { buf } = w;
  const type = buf[at]!;
  if (type < CHANGE_CIPHER_SPEC || type > HEARTBEAT) return -1;
  // SSL 3.0 to TLS 1.2; TLS 1.3 goes by the number of 1.2
  if (buf[at + 1] !== 3 || buf[at + 2]! > 4) return -1;
  const length = (buf[at + 3]! << 8) | buf[at + 4]!;
  return length > MAX_RECORD ? -1 : length;
}

/** What Gatherer.next answers. */
export const GATHERED = 0;
/** `w.want` bytes are needed behind `w.pos`. */
export const TOO_FEW = 1;
/** The message is longer than anything that is read here. */
export const TOO_LONG = 2;
export const MALFORMED = 3;

/** Handshake messages of one direction, which may be cut into records in any way. The bytes of the last one stand in `MESSAGE`. */
export class Gatherer {
  /** Bytes of the present record in front of `w.pos` that belong to the next message. */
  left = 0;
  /** Length of the message in MESSAGE, header included. */
  length = 0;

  /** Reads the message that begins at `w.pos`, at a record header or inside a record; moves `w.pos` behind it. */
  next(w: Window): number {
    let at = w.pos;
    let left = this.left;
    let have = 0;
    let need = MESSAGE_HEADER;
    while (have < need) {
      if (left === 0) {
        if (at + RECORD_HEADER > w.end) return tooFew(w, at + RECORD_HEADER);
        const length = recordLength(w, at);
        if (length <= 0 || w.buf[at] !== HANDSHAKE) return MALFORMED;
        left = length;
        at += RECORD_HEADER;
      }
      const n = Math.min(left, need - have);
      if (at + n > w.end) return tooFew(w, at + n);
      w.buf.copy(MESSAGE, have, at, at + n);
      at += n;
      left -= n;
      have += n;
      if (have === MESSAGE_HEADER && need === MESSAGE_HEADER) {
        need += MESSAGE.readUIntBE(1, 3);
        if (need > MAX_MESSAGE) return TOO_LONG;
      }
    }
    w.pos = at;
    this.left = left;
    this.length = need;
    return GATHERED;
  }
}

/** One for all connections: a message is read as soon as it is gathered. */
export const MESSAGE = Buffer.alloc(MAX_MESSAGE);

function tooFew(w: Window, upTo: number): number {
  w.want = upTo - w.pos;
  return w.want > MAX_HEAD ? TOO_LONG : TOO_FEW;
}
