/** OP_COMPRESSED: another message without its header, compressed. */

import { inflateZlib, inflateZstd } from '../../bytes/inflate.ts';
import { unpackSnappy } from '../../bytes/snappy.ts';
import { Window } from '../../bytes/window.ts';
import { HEADER_BYTES, messageLength } from './wire.ts';

/** Messages that are longer when they are compressed go by unread: what is asked can then not be told. */
export const MAX_PACKED_BYTES = 64 * 1024;
/** The most that is unpacked. Text compresses to a tenth or so: 64 KiB become less than that. It is held for one call. */
const MAX_UNPACKED_BYTES = 1024 * 1024;

const COMPRESSED_AT = HEADER_BYTES + 9;

/** Compressor ids. */
const NOOP = 0;
const SNAPPY = 1;
const ZLIB = 2;
const ZSTD = 3;

const INNER = new Window();

/**
 * The message that is packed into the one at `w.pos`, with its header, alone in a window that is valid until the next call. Null:
 * it is not whole in the window, or packed by an unknown compressor, or broken.
 */
export function unpack(w: Window): Window | null {
  const { buf, view, pos } = w;
  const end = pos + messageLength(w, pos);
  if (end > w.end) return null;
  const size = view.getInt32(pos + 20, true);
  if (size > MAX_UNPACKED_BYTES) return null;
  const inner = inflate(buf[pos + 24]!, buf, pos + COMPRESSED_AT, end, size);
  if (inner === null || inner.length !== size) return null;
  const whole = Buffer.allocUnsafeSlow(HEADER_BYTES + size);
  buf.copy(whole, 0, pos, pos + 12);
  inner.copy(whole, HEADER_BYTES);
  INNER.show(whole);
  INNER.view.setInt32(0, whole.length, true);
  INNER.view.setInt32(12, view.getInt32(pos + 16, true), true);
  INNER.pos = 0;
  INNER.first = 0;
  INNER.end = whole.length;
  INNER.base = 0;
  return INNER;
}

function inflate(compressor: number, buf: Buffer, from: number, to: number, size: number): Buffer | null {
  switch (compressor) {
    case NOOP:
      return to - from === size ? buf.subarray(from, to) : null;
    case SNAPPY:
      return unpackSnappy(buf, from, to, size);
    case ZLIB:
      return inflateZlib(buf, from, to, size);
    case ZSTD:
      return inflateZstd(buf, from, to, size);
    default:
      return null;
  }
}
