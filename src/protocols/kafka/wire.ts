/** Message frames of Kafka's protocol, and its numbers of variable length. All integers of fixed length are big-endian. */

import type { Window } from '../protocol.ts';

/** int32 size of what follows, int16 API key, int16 API version, int32 correlation id; then the client id (int16 length). */
export const REQUEST_BYTES = 12;
/** int32 size of what follows, int32 correlation id. */
export const RESPONSE_BYTES = 8;
export const SIZE_BYTES = 4;

/**
 * Brokers take requests of 100 MiB (`socket.request.max.bytes`), answers to Fetch are mostly below 50 MiB (`fetch.max.bytes`); both can
 * be set higher.
 */
export const MAX_MESSAGE_BYTES = 2 ** 30;

export const sizeAt = (w: Window, at: number): number => w.view.getInt32(at);
export const apiKeyAt = (w: Window, at: number): number => w.view.getInt16(at + 4);
export const apiVersionAt = (w: Window, at: number): number => w.view.getInt16(at + 6);
/** Of a request, of a response. */
export const askedIdAt = (w: Window, at: number): number => w.view.getInt32(at + 8);
export const answeredIdAt = (w: Window, at: number): number => w.view.getInt32(at + 4);

/** Longest number of 32 and of 64 bits: seven bits a byte, the least first. */
export const MAX_VARINT_BYTES = 5;
export const MAX_VARLONG_BYTES = 10;

/** Bytes that the number at `buf[at]` takes; 0: its end is not in the window; -1: it has more than `most`. */
export function varintBytes(w: Window, at: number, most: number): number {
  const { buf } = w;
  for (let n = 1; n <= most; n++) {
    if (at + n > w.end) return 0;
    if (buf[at + n - 1]! < 0x80) return n;
  }
  return -1;
}

/** An unsigned number of that many bytes. */
export function unsignedAt(w: Window, at: number, bytes: number): number {
  const { buf } = w;
  let value = 0;
  for (let i = at + bytes - 1; i >= at; i--) value = value * 128 + (buf[i]! & 0x7f);
  return value;
}

/** A signed one: 0, -1, 1, -2 are written as 0, 1, 2, 3. */
export function signedAt(w: Window, at: number, bytes: number): number {
  const value = unsignedAt(w, at, bytes);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
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

/** There are so many bytes behind `w.pos`; otherwise they are wanted. */
export function holds(w: Window, bytes: number): boolean {
  w.want = bytes;
  return w.pos + bytes <= w.end;
}
