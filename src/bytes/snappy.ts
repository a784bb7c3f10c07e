/** Snappy's raw format (format_description.txt of google/snappy), for pieces that stand whole in memory. */

/** Literals of up to 60 bytes have their length in the tag; longer ones in one to four bytes behind it. */
const INLINE_LITERAL = 60;

/**
 * Decompresses `buf[from, to)`; null when it is no such thing or would give more than `maxBytes`. A stream is a varint with the
 * uncompressed length, then elements: a tag byte whose two low bits say literal (0), or copy with an offset of 11 (1), 16 (2) or
 * 32 bits (3) back into what is already there.
 */
export function unpackSnappy(buf: Buffer, from: number, to: number, maxBytes: number): Buffer | null {
  let at = from;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    if (at >= to || shift > 28) return null;
    const b = buf[at++]!;
    size += (b & 127) * 2 ** shift;
    if (b < 128) break;
  }
  if (size > maxBytes) return null;
  const out = Buffer.allocUnsafe(size);
  let n = 0;
  while (at < to) {
    const tag = buf[at++]!;
    let length = tag >> 2;
    if ((tag & 3) === 0) {
      if (length >= INLINE_LITERAL) {
        const bytes = length - INLINE_LITERAL + 1;
        if (at + bytes > to) return null;
        length = buf.readUIntLE(at, bytes);
        at += bytes;
      }
      length++;
      if (length > to - at || length > size - n) return null;
      buf.copy(out, n, at, at + length);
      at += length;
      n += length;
      continue;
    }
    let offset: number;
    if ((tag & 3) === 1) {
      if (at + 1 > to) return null;
      length = (length & 7) + 4;
      offset = ((tag >> 5) << 8) | buf[at++]!;
    } else {
      const bytes = (tag & 3) === 2 ? 2 : 4;
      if (at + bytes > to) return null;
      length++;
      offset = buf.readUIntLE(at, bytes);
      at += bytes;
    }
    if (offset === 0 || offset > n || length > size - n) return null;
    // What is copied may overlap with what it is copied to, and then repeats itself: byte by byte.
    for (const end = n + length; n < end; n++) out[n] = out[n - offset]!;
  }
  return n === size ? out : null;
}
