/** A header block in its frames: HEADERS or PUSH_PROMISE, and CONTINUATION frames with nothing in between (RFC 9113 section 4.3). */

import type { Window } from '../protocol.ts';
import {
  CONTINUATION,
  END_HEADERS,
  FRAME_HEAD,
  frameLength,
  frameStream,
  HAS_PRIORITY,
  PADDED,
  PRIORITY_BYTES,
  PUSH_PROMISE,
} from './frames.ts';
import type { Half } from './stream.ts';

/** A header block with its frames' heads is read when it is whole. Servers accept 8 to 64 KiB of them; larger ones go by unread. */
export const MAX_BLOCK = 65536;

/** What findBlock() found. */
export const WHOLE = 0;
export const INCOMPLETE = 1;
export const TOO_LARGE = 2;
export const BROKEN = 3;

/**
 * Looks for the end of the block whose first frame is at `w.pos`, and sets `h.blockBytes` to the bytes of all its frames. Of a block that
 * comes in many pieces each frame is looked at once. INCOMPLETE: `w.want` bytes are needed to go on.
 */
export function findBlock(h: Half, w: Window): number {
  const { buf, pos } = w;
  const have = w.end - pos;
  if (h.blockBytes === 0) {
    h.blockBytes = FRAME_HEAD + frameLength(buf, pos);
    h.blockOpen = (buf[pos + 4]! & END_HEADERS) === 0;
  }
  while (h.blockOpen) {
    if (h.blockBytes + FRAME_HEAD > MAX_BLOCK) return TOO_LARGE;
    w.want = h.blockBytes + FRAME_HEAD;
    if (have < w.want) return INCOMPLETE;
    const at = pos + h.blockBytes;
    if (buf[at + 3] !== CONTINUATION || frameStream(buf, at) !== frameStream(buf, pos)) return BROKEN;
    h.blockBytes += FRAME_HEAD + frameLength(buf, at);
    h.blockOpen = (buf[at + 4]! & END_HEADERS) === 0;
  }
  if (h.blockBytes > MAX_BLOCK) return TOO_LARGE;
  w.want = h.blockBytes;
  return have < h.blockBytes ? INCOMPLETE : WHOLE;
}

const SCRATCH = Buffer.alloc(MAX_BLOCK);

/** A header block in one piece: `buf[from, to)`. */
export class Block {
  buf: Buffer = SCRATCH;
  from = 0;
  to = 0;

  /** Takes it out of the frames at `buf[at, end)`. False: its first frame is not as it must be. */
  take(buf: Buffer, at: number, end: number): boolean {
    const flags = buf[at + 4]!;
    const firstEnd = at + FRAME_HEAD + frameLength(buf, at);
    // [pad length] [promised stream | priority] fragment [padding] (sections 6.2 and 6.6)
    let from = at + FRAME_HEAD;
    let to = firstEnd;
    if ((flags & PADDED) !== 0) to -= buf[from++]!;
    if (buf[at + 3] === PUSH_PROMISE) from += 4;
    else if ((flags & HAS_PRIORITY) !== 0) from += PRIORITY_BYTES;
    if (from > to) return false;
    this.buf = buf;
    this.from = from;
    this.to = to;
    if (firstEnd < end) this.#join(firstEnd, end);
    return true;
  }

  /** CONTINUATION frames are at `buf[at, end)`. */
  #join(at: number, end: number): void {
    const { buf } = this;
    let n = buf.copy(SCRATCH, 0, this.from, this.to);
    while (at < end) {
      const next = at + FRAME_HEAD + frameLength(buf, at);
      n += buf.copy(SCRATCH, n, at + FRAME_HEAD, next);
      at = next;
    }
    this.buf = SCRATCH;
    this.from = 0;
    this.to = n;
  }
}
