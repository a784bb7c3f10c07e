/** Bytes kept for the length of a nested message whose size is not known beforehand: a padded varint up to 2 MiB. */
const LENGTH_BYTES = 3;

/**
 * Writes the protobuf wire format (protobuf.dev, "Encoding") into one growing buffer. Tags are given as the byte that
 * stands on the wire: field number x 8 + wire type (0 varint, 1 fixed64, 2 length-delimited, 5 fixed32).
 * Only `room` checks for space: ask it before writing.
 */
export class ProtobufWriter {
  buf: Buffer;
  pos = 0;
  #view: DataView;

  constructor(bytes: number) {
    this.buf = Buffer.allocUnsafeSlow(bytes);
    this.#view = new DataView(this.buf.buffer);
  }

  /** Makes sure that `bytes` more can be written. */
  room(bytes: number): void {
    if (this.pos + bytes <= this.buf.length) return;
    let size = this.buf.length * 2;
    while (size < this.pos + bytes) size *= 2;
    const grown = Buffer.allocUnsafeSlow(size);
    this.buf.copy(grown, 0, 0, this.pos);
    this.buf = grown;
    this.#view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.buf[this.pos++] = value;
  }

  /** An integer that a double holds exactly; a negative one takes ten bytes (two's complement of 64 bits). */
  varint(value: number): void {
    const buf = this.buf;
    let pos = this.pos;
    if (value >= 0 && value < 0x80000000) {
      let rest = value;
      while (rest > 127) {
        buf[pos++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      buf[pos++] = rest;
      this.pos = pos;
      return;
    }
    let low = value >>> 0;
    let high = Math.floor(value / 4294967296) >>> 0;
    while (high !== 0 || low > 127) {
      buf[pos++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    buf[pos++] = low;
    this.pos = pos;
  }

  fixed32(value: number): void {
    this.#view.setUint32(this.pos, value, true);
    this.pos += 4;
  }

  fixed64(low: number, high: number): void {
    this.#view.setUint32(this.pos, low, true);
    this.#view.setUint32(this.pos + 4, high, true);
    this.pos += 8;
  }

  double(value: number): void {
    this.#view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  /** Four bytes of an id, as they are read. */
  word(value: number): void {
    this.#view.setUint32(this.pos, value, false);
    this.pos += 4;
  }

  /** Tag, length and UTF-8 of a string. Takes at most 3 x length + 4 bytes (4: tag and a padded length). */
  string(tag: number, text: string): void {
    this.byte(tag);
    const lengthAt = this.pos;
    if (text.length < 128) {
      // Buffer.write takes 50 ns whatever the length, a loop over charCodeAt 7 ns a character
      const bytes = this.buf.write(text, lengthAt + 1);
      if (bytes < 128) {
        this.buf[lengthAt] = bytes;
        this.pos = lengthAt + 1 + bytes;
        return;
      }
    }
    this.pos += LENGTH_BYTES;
    this.pos += this.buf.write(text, this.pos);
    this.close(lengthAt);
  }

  bytes(source: Uint8Array): void {
    this.buf.set(source, this.pos);
    this.pos += source.length;
  }

  /** Begins a nested message; give what it returns to `close`. */
  open(tag: number): number {
    this.byte(tag);
    const at = this.pos;
    this.pos += LENGTH_BYTES;
    return at;
  }

  /** Ends it: its length goes in front, as a varint padded with continuation bits, so that nothing has to move. */
  close(at: number): void {
    const length = this.pos - at - LENGTH_BYTES;
    const buf = this.buf;
    buf[at] = (length & 127) | 128;
    buf[at + 1] = ((length >>> 7) & 127) | 128;
    buf[at + 2] = length >>> 14;
  }

  /** As `open`, for messages that may grow beyond 2 MiB: up to 256 MiB. */
  openLarge(tag: number): number {
    const at = this.open(tag);
    this.pos++;
    return at;
  }

  closeLarge(at: number): void {
    const length = this.pos - at - LENGTH_BYTES - 1;
    const buf = this.buf;
    buf[at] = (length & 127) | 128;
    buf[at + 1] = ((length >>> 7) & 127) | 128;
    buf[at + 2] = ((length >>> 14) & 127) | 128;
    buf[at + 3] = length >>> 21;
  }

  /** A copy of what was written, of its own; the writer is empty again. */
  take(): Buffer {
    const out = Buffer.allocUnsafeSlow(this.pos);
    this.buf.copy(out, 0, 0, this.pos);
    this.pos = 0;
    return out;
  }
}

/** Bytes that a varint takes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** A signed integer of 32 bits as protobuf's sint32 has it. */
export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}
