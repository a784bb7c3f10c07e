/**
 * Names on the wire (RFC 1035 sections 3.1 and 4.1.4): labels of 1 to 63 bytes, each behind its length, up to an empty one. Two set
 * bits in place of a length make, with the 14 bits behind them, a pointer into the message to where the name goes on.
 */

import { Words } from '../../bytes/words.ts';

/** Of a name, lengths included (RFC 1035 section 2.3.4). */
export const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
const POINTER = 0xc0;
/** Servers point straight at the earlier name, which may itself end in a pointer: more than a few in a row are made up. */
const MAX_POINTERS = 16;

const DOT = 46;
const BACKSLASH = 92;
const QUOTE = 34;
const ZERO = 48;

/** Index behind the name as it stands at `at` (a pointer ends it); -1: there is none, or it goes beyond `end`. */
export function nameEnd(buf: Buffer, at: number, end: number): number {
  for (let i = at; i < end && i - at < MAX_NAME_BYTES; ) {
    const n = buf[i]!;
    if (n === 0) return i + 1;
    if (n >= POINTER) return i + 2 <= end ? i + 2 : -1;
    if (n > MAX_LABEL_BYTES) return -1;
    i += n + 1;
  }
  return -1;
}

/** Hash of the name `buf[from, to)` without regard to case (RFC 4343), going on from `seed`. */
export function nameHash(buf: Buffer, from: number, to: number, seed: number): number {
  let h = seed;
  for (let i = from; i < to; i++) {
    let c = buf[i]!;
    if (c >= 65 && c <= 90) c |= 32; // a length is below 64
    h = Math.imul(h ^ c, 0x01000193);
  }
  return h;
}

/** Four characters for each byte at most, and the dots. */
const SCRATCH = Buffer.alloc(5 * MAX_NAME_BYTES);
const TEXTS = new Words();

/**
 * The name at `at` in the message that begins at `start`, in the form of zone files: `example.com` without the last dot, `.` for the
 * root; bytes that do not print as `\DDD`, a dot inside a label as `\.`. '' when it is none.
 */
export function nameText(buf: Buffer, start: number, at: number, end: number): string {
  let length = 0; // of the text
  let total = 1; // of the name, as it would stand without pointers
  let pointers = 0;
  let i = at;
  // Each pointer must lead to before the stretch that it ends: so none leads in a circle.
  let stretch = at;
  for (;;) {
    if (i >= end) return '';
    const n = buf[i]!;
    if (n === 0) break;
    if (n >= POINTER) {
      if (i + 1 >= end || ++pointers > MAX_POINTERS) return '';
      i = start + (((n & 0x3f) << 8) | buf[i + 1]!);
      if (i >= stretch) return '';
      stretch = i;
      continue;
    }
    total += n + 1;
    if (n > MAX_LABEL_BYTES || total > MAX_NAME_BYTES || i + n >= end) return '';
    if (length > 0) SCRATCH[length++] = DOT;
    for (const to = i + n; i < to; ) length = putByte(buf[++i]!, length);
    i++;
  }
  return length === 0 ? '.' : TEXTS.text(SCRATCH, 0, length);
}

function putByte(c: number, at: number): number {
  let i = at;
  if (c > 32 && c < 127) {
    if (c === DOT || c === BACKSLASH || c === QUOTE) SCRATCH[i++] = BACKSLASH;
    SCRATCH[i++] = c;
    return i;
  }
  SCRATCH[i++] = BACKSLASH;
  SCRATCH[i++] = ZERO + Math.trunc(c / 100);
  SCRATCH[i++] = ZERO + (Math.trunc(c / 10) % 10);
  SCRATCH[i++] = ZERO + (c % 10);
  return i;
}
