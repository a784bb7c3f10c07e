/** The structure of a header block, without its tables: enough to tell one from other bytes, and a request from a response. */

import { END_HEADERS, FRAME_HEAD, frameLength, HAS_PRIORITY, PADDED, PRIORITY_BYTES, PUSH_PROMISE } from './frames.ts';
import { LAST_PSEUDO, LAST_REQUEST_PSEUDO } from './static-table.ts';

/** What the fields of a block say of its sender. */
export const BROKEN_BLOCK = -1;
export const NOTHING = 0;
export const A_REQUEST = 1;
export const A_RESPONSE = 2;

/** Index that an integer gives, and where it ends. */
let value = 0;

/** The kind of the block whose first frame (HEADERS or PUSH_PROMISE) is at `buf[at]`; of a frame that `end` cuts: of what is there. */
export function blockKind(buf: Buffer, at: number, end: number): number {
  const flags = buf[at + 4]!;
  const length = frameLength(buf, at);
  let from = at + FRAME_HEAD;
  let to = from + length;
  if ((flags & PADDED) !== 0) {
    if (from >= end) return NOTHING;
    to -= buf[from++]!;
  }
  if (buf[at + 3] === PUSH_PROMISE) {
    // streams that a server begins have even numbers
    if (from + 4 <= end && (buf[from]! > 127 || (buf[from + 3]! & 1) !== 0)) return BROKEN_BLOCK;
    from += 4;
  } else if ((flags & HAS_PRIORITY) !== 0) from += PRIORITY_BYTES;
  if (from > to) return BROKEN_BLOCK;
  // what another frame goes on with may be cut anywhere
  const whole = to <= end && (flags & END_HEADERS) !== 0;
  const kind = fieldsKind(buf, from, Math.min(to, end), whole);
  return buf[at + 3] === PUSH_PROMISE && kind !== BROKEN_BLOCK ? A_RESPONSE : kind;
}

function fieldsKind(buf: Buffer, from: number, to: number, whole: boolean): number {
  let kind = NOTHING;
  let at = from;
  while (at < to) {
    const b = buf[at]!;
    const resize = b >= 32 && b < 64;
    at = integer(buf, at, to, b >= 128 ? 127 : b >= 64 ? 63 : resize ? 31 : 15);
    if (at > to) return whole ? BROKEN_BLOCK : kind;
    const index = value;
    if (at < 0 || (b >= 128 && index === 0)) return BROKEN_BLOCK;
    if (!resize && index > 0 && index <= LAST_PSEUDO) {
      const said = index <= LAST_REQUEST_PSEUDO ? A_REQUEST : A_RESPONSE;
      if (kind !== NOTHING && kind !== said) return BROKEN_BLOCK;
      kind = said;
    }
    if (b >= 128 || resize) continue;
    for (let strings = index === 0 ? 2 : 1; strings > 0; strings--) {
      if (at >= to) return whole ? BROKEN_BLOCK : kind;
      at = integer(buf, at, to, 127);
      if (at < 0) return BROKEN_BLOCK;
      if (at <= to) at += value;
      if (at > to) return whole ? BROKEN_BLOCK : kind;
    }
  }
  return kind;
}

/** Reads an integer (RFC 7541 section 5.1) into `value`; returns the index behind it, one behind `to` when it is cut, -1 when it is too long. */
function integer(buf: Buffer, from: number, to: number, prefix: number): number {
  let at = from;
  value = buf[at++]! & prefix;
  if (value < prefix) return at;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (at >= to) return to + 1;
    const b = buf[at++]!;
    value += (b & 127) * 2 ** shift;
    if (b < 128) return at;
  }
  return -1;
}
