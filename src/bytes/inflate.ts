/** Decompression of pieces that stand whole in memory. Hostile input answers null, and never takes more than it was allowed. */

import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** zlib (RFC 1950) data `buf[from, to)`; null when it is no such thing or would give more than `maxBytes`. */
export function inflateZlib(buf: Buffer, from: number, to: number, maxBytes: number): Buffer | null {
  return unpack(inflateSync, buf, from, to, maxBytes);
}

/** The same of gzip (RFC 1952). */
export function inflateGzip(buf: Buffer, from: number, to: number, maxBytes: number): Buffer | null {
  return unpack(gunzipSync, buf, from, to, maxBytes);
}

/** Zstandard (RFC 8878) data `buf[from, to)`; null when it is no such thing or would give more than `maxBytes`. */
export function inflateZstd(buf: Buffer, from: number, to: number, maxBytes: number): Buffer | null {
  return unpack(zstdDecompressSync, buf, from, to, maxBytes);
}

type Unpacker = (packed: Buffer, options: { maxOutputLength: number }) => Buffer;

function unpack(how: Unpacker, buf: Buffer, from: number, to: number, maxBytes: number): Buffer | null {
  try {
    return how(buf.subarray(from, to), { maxOutputLength: maxBytes });
  } catch {
    return null; // garbage, or more than `maxBytes`
  }
}
