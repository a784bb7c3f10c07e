/** Frames of WebSocket (RFC 6455 section 5.2): FIN, RSV and opcode (1), MASK and length (1), longer length (0, 2 or 8), key (0 or 4). */

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;

/** The longest header. */
export const MAX_FRAME_HEADER = 14;

/** The frame at hand. */
export class Frame {
  final = false;
  opcode = 0;
  masked = false;
  headerBytes = 0;
  payloadBytes = 0;
  /** Where the masking key stands. */
  keyAt = 0;
}

/** What readFrame answers. */
export const READ = 1;
export const CUT = 0;
export const NONE = -1;

/** Reads the header at `at`. */
export function readFrame(buf: Buffer, at: number, end: number, f: Frame): number {
  if (end - at < 2) return CUT;
  const first = buf[at]!;
  f.final = first >= 0x80;
  f.opcode = first & 15;
  // RSV1 says that a message is compressed (RFC 7692); the other two bits have no meaning yet.
  if ((first & 0x30) !== 0 || (f.opcode > 2 && f.opcode < 8) || f.opcode > 10) return NONE;
  f.masked = buf[at + 1]! >= 0x80;
  const short = buf[at + 1]! & 0x7f;
  if (f.opcode >= 8 && (short > 125 || !f.final || (first & 0x40) !== 0)) return NONE;
  let bytes = 2;
  f.payloadBytes = short;
  if (short === 126) {
    if (end - at < 4) return CUT;
    f.payloadBytes = buf.readUInt16BE(at + 2);
    if (f.payloadBytes < 126) return NONE;
    bytes = 4;
  } else if (short === 127) {
    if (end - at < 10) return CUT;
    const high = buf.readUInt32BE(at + 2);
    if (high > 0xffff) return NONE; // nobody sends 256 TiB
    f.payloadBytes = high * 2 ** 32 + buf.readUInt32BE(at + 6);
    if (f.payloadBytes < 65_536) return NONE;
    bytes = 10;
  }
  f.keyAt = at + bytes;
  f.headerBytes = bytes + (f.masked ? 4 : 0);
  return end - at < f.headerBytes ? CUT : READ;
}
