/**
 * Reading of packets: a header of three bytes of length (little endian) and a sequence number, which counts the packets of one
 * command from 0 on, then the payload (MySQL Internals, "MySQL Packets"). Every reader looks at `buf[from, to)` only.
 */

export const HEADER = 4;

export const u16 = (buf: Buffer, at: number): number => buf[at]! | (buf[at + 1]! << 8);
export const u24 = (buf: Buffer, at: number): number => u16(buf, at) | (buf[at + 2]! << 16);
export const u32 = (buf: Buffer, at: number): number => (u24(buf, at) | (buf[at + 3]! << 24)) >>> 0;

/** Where readInteger() stopped; -1: it did not fit. */
export const CURSOR = { at: 0 };

/**
 * A length-encoded integer at `at`: one byte below 0xfb, or 0xfc, 0xfd, 0xfe and 2, 3, 8 bytes. -1 when it is none or goes beyond `to`
 * (0xfb is NULL, 0xff an error). `CURSOR.at` stands behind it.
 */
export function readInteger(buf: Buffer, at: number, to: number): number {
  const width = at < to ? integerWidth(buf[at]!) : 0;
  if (width === 0 || at + width > to) {
    CURSOR.at = to;
    return -1;
  }
  CURSOR.at = at + width;
  switch (width) {
    case 1:
      return buf[at]!;
    case 3:
      return u16(buf, at + 1);
    case 4:
      return u24(buf, at + 1);
    default:
      return u32(buf, at + 1) + u32(buf, at + 5) * 2 ** 32;
  }
}

/** Bytes of the length-encoded integer that begins so; 0: none does. */
export function integerWidth(first: number): number {
  if (first < 0xfb) return 1;
  if (first === 0xfc) return 3;
  if (first === 0xfd) return 4;
  return first === 0xfe ? 9 : 0;
}

/** Index of the NUL that ends the text at `at`; `to` when there is none. */
export function nulAt(buf: Buffer, at: number, to: number): number {
  let i = at;
  while (i < to && buf[i] !== 0) i++;
  return i;
}

/** No control characters in `buf[from, to)` but those of text. */
export function isText(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    if ((b < 32 && b !== 9 && b !== 10 && b !== 13) || b === 127) return false;
  }
  return true;
}

/** The end of the last whole character of UTF-8 in `buf[from, to)`, where a text was cut at `to`. */
export function characterEnd(buf: Buffer, from: number, to: number): number {
  let i = to;
  while (i > from && to - i < 4 && (buf[i - 1]! & 0xc0) === 0x80) i--;
  if (i === from) return to;
  const lead = buf[i - 1]!;
  const bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return i - 1 + bytes > to ? i - 1 : to;
}
