/** The blocks of a pcapng file (draft-ietf-opsawg-pcapng): their numbers, their least lengths, and how to know one. */

import { MAX_RECORD_BYTES, NO, UNSURE, YES } from './format.ts';

export const SECTION_HEADER = 0x0a0d0d0a;
export const INTERFACE = 1;
/** Obsolete since 2004, still found. */
export const OLD_PACKET = 2;
export const SIMPLE_PACKET = 3;
export const ENHANCED_PACKET = 6;

/** Least total length of the blocks the specification lists; their presence here makes a block credible after damage. */
const LEAST_BYTES = new Map<number, number>([
  [SECTION_HEADER, 28],
  [INTERFACE, 20],
  [OLD_PACKET, 32],
  [SIMPLE_PACKET, 16],
  [4, 16], // name resolution
  [5, 24], // interface statistics
  [ENHANCED_PACKET, 32],
  [9, 16], // systemd journal export
  [10, 20], // decryption secrets
  [0x00000bad, 16], // custom, may be copied
  [0x40000bad, 16], // custom, must not be copied
]);

export function leastBytes(type: number): number {
  return LEAST_BYTES.get(type) ?? 12;
}

/**
 * Byte order of the section whose header block begins at `pos`, from the magic behind its type and length: true is little-endian;
 * undefined: it is none.
 */
export function byteOrder(view: DataView, pos: number): boolean | undefined {
  const magic = view.getUint32(pos + 8, false);
  if (magic === 0x4d3c2b1a) return true;
  return magic === 0x1a2b3c4d ? false : undefined;
}

/** Whether a whole block that the specification lists stands at `pos`: its length, said in front and behind, must agree. */
export function credibleBlock(
  view: DataView,
  pos: number,
  end: number,
  sectionLittleEndian: boolean,
  last: boolean,
): number {
  const absent = last ? NO : UNSURE;
  if (end - pos < 12) return absent;
  let littleEndian = sectionLittleEndian;
  const type = view.getUint32(pos, littleEndian);
  if (type === SECTION_HEADER) {
    const order = byteOrder(view, pos);
    if (order === undefined) return NO;
    littleEndian = order;
  } else if (!LEAST_BYTES.has(type)) {
    return NO;
  }
  const length = view.getUint32(pos + 4, littleEndian);
  if (length < leastBytes(type) || length % 4 !== 0 || length > MAX_RECORD_BYTES) return NO;
  if (length > end - pos) return absent;
  return view.getUint32(pos + length - 4, littleEndian) === length ? YES : NO;
}
