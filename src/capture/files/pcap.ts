/**
 * Classic pcap files (draft-ietf-opsawg-pcap). A header of 24 bytes:
 *
 *   magic u32 | version u16 u16 | zone i32 | accuracy u32 | snaplen u32 | FCS and link type u32
 *
 * then records of seconds u32 | fraction u32 | captured length u32 | length on the wire u32 | bytes, in the byte order that the
 * magic has.
 */

import type { FrameHandler } from '../source.ts';
import { type FormatReader, MAX_FRAME_BYTES, NO, UNSURE, YES } from './format.ts';
import type { Warnings } from './warnings.ts';

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Kuznetzov's patched tcpdump: interface, protocol and packet type (8 bytes) stand behind each record header. */
const MAGIC_MODIFIED = 0xa1b2cd34;

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** After damage, this many record headers that lead to one another are taken for real. */
const CHAIN = 3;
/** How far time may move across damage, seconds: a capture is rarely longer than a day, and clocks are set back by less than an hour. */
const MAX_BACK_SEC = 3600;
const MAX_AHEAD_SEC = 86_400;

export interface PcapHeader {
  littleEndian: boolean;
  /** What a record's fraction is multiplied with to be nanoseconds. */
  fractionNs: number;
  recordHeaderBytes: number;
}

/** From the magic in the first four bytes; undefined: no pcap file. */
export function pcapHeader(buf: Buffer): PcapHeader | undefined {
  for (const littleEndian of [true, false]) {
    const magic = littleEndian ? buf.readUInt32LE(0) : buf.readUInt32BE(0);
    if (magic === MAGIC_MICROSECONDS) return { littleEndian, fractionNs: 1000, recordHeaderBytes: RECORD_HEADER_BYTES };
    if (magic === MAGIC_NANOSECONDS) return { littleEndian, fractionNs: 1, recordHeaderBytes: RECORD_HEADER_BYTES };
    if (magic === MAGIC_MODIFIED) return { littleEndian, fractionNs: 1000, recordHeaderBytes: RECORD_HEADER_BYTES + 8 };
  }
  return undefined;
}

/** Bits 31 to 28 hold the length of the frame check sequence, 27 to 16 are reserved (section 4 of the draft). */
function linkOf(field: number): number {
  const link = field & 0xffff;
  // Raw IP, written with the DLT_ number of Linux or OpenBSD instead of LINKTYPE_RAW.
  return link === 12 || link === 14 ? 101 : link;
}

function isNear(sec: number, reference: number): boolean {
  return sec >= reference - MAX_BACK_SEC && sec <= reference + MAX_AHEAD_SEC;
}

export class PcapReader implements FormatReader {
  frames = 0;
  readonly #buf: Buffer;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  readonly #fractionNs: number;
  readonly #headerBytes: number;
  readonly #handler: FrameHandler;
  readonly #warnings: Warnings;
  #link = -1;
  #firstSec = 0;
  #lastSec = 0;
  /** What was wrong, while the next credible record is looked for, and the offset of it. */
  #damage = '';
  #damageOffset = 0;

  constructor(buf: Buffer, header: PcapHeader, handler: FrameHandler, warnings: Warnings) {
    this.#buf = buf;
    this.#view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    this.#littleEndian = header.littleEndian;
    this.#fractionNs = header.fractionNs;
    this.#headerBytes = header.recordHeaderBytes;
    this.#handler = handler;
    this.#warnings = warnings;
  }

  read(pos: number, end: number, shift: number, last: boolean): number {
    let at = pos;
    if (this.#link < 0) {
      if (end - at < FILE_HEADER_BYTES) return last ? this.#cut(end, at + shift, 'the file header') : at;
      this.#link = linkOf(this.#view.getUint32(at + 20, this.#littleEndian));
      at += FILE_HEADER_BYTES;
    }
    for (;;) {
      if (this.#damage !== '') at = this.#search(at, end, shift, last);
      if (this.#damage !== '') return at;
      at = this.#records(at, end, shift);
      if (this.#damage === '') break;
    }
    if (last && at < end) {
      return this.#cut(end, at + shift, `record ${this.frames + 1}`);
    }
    return at;
  }

  /** The hot loop. Stops before a record that is not whole yet, or one that cannot be: then `#damage` says why. */
  #records(pos: number, end: number, shift: number): number {
    const buf = this.#buf;
    const view = this.#view;
    const littleEndian = this.#littleEndian;
    const fractionNs = this.#fractionNs;
    const headerBytes = this.#headerBytes;
    const handler = this.#handler;
    const link = this.#link;
    let frames = this.frames;
    let sec = this.#lastSec;
    let at = pos;
    if (frames === 0 && end - at >= headerBytes) this.#firstSec = view.getUint32(at, littleEndian);
    while (end - at >= headerBytes) {
      const captured = view.getUint32(at + 8, littleEndian);
      const start = at + headerBytes;
      if (captured > MAX_FRAME_BYTES) {
        this.#lose(`record ${frames + 1} claims ${captured} bytes`, at + shift);
        break;
      }
      if (captured > end - start) break;
      sec = view.getUint32(at, littleEndian);
      let nsec = view.getUint32(at + 4, littleEndian) * fractionNs;
      const wireLength = view.getUint32(at + 12, littleEndian);
      // Not a packet: a tail of zeros, or the header of another pcap file.
      if (captured === 0 && wireLength === 0) {
        this.#lose(`record ${frames + 1} is of no length`, at + shift);
        break;
      }
      if (nsec >= 1e9) {
        const carry = Math.floor(nsec / 1e9);
        sec += carry;
        nsec -= carry * 1e9;
      }
      handler.frame(buf, start, start + captured, wireLength, sec, nsec, link);
      frames++;
      at = start + captured;
    }
    this.frames = frames;
    this.#lastSec = sec;
    return at;
  }

  #cut(end: number, offset: number, what: string): number {
    this.#warnings.add('file-truncated', `the file ends inside ${what}`, offset);
    return end;
  }

  #lose(reason: string, offset: number): void {
    this.#damage = reason;
    this.#damageOffset = offset;
  }

  /** Looks for a position from which records follow on one another; without success everything searched is given up. */
  #search(pos: number, end: number, shift: number, last: boolean): number {
    const view = this.#view;
    const littleEndian = this.#littleEndian;
    for (let at = Math.max(pos, this.#damageOffset + 1 - shift); at < end; at++) {
      if (end - at >= RECORD_HEADER_BYTES) {
        // Most positions fall by this alone; damage may be gigabytes of zeros.
        const captured = view.getUint32(at + 8, littleEndian);
        if (captured === 0 || captured > MAX_FRAME_BYTES) continue;
      }
      const answer = this.#chain(at, end, last);
      if (answer === UNSURE) return at;
      if (answer === YES) {
        this.#report(at + shift, 'to the next credible record');
        return at;
      }
    }
    if (last) this.#report(end + shift, 'to the end of the file, for no credible record follows');
    return end;
  }

  #report(offset: number, where: string): void {
    const skipped = offset - this.#damageOffset;
    this.#warnings.add('file-garbled', `${this.#damage}; ${skipped} bytes skipped ${where}`, this.#damageOffset);
    this.#damage = '';
  }

  #chain(pos: number, end: number, last: boolean): number {
    const view = this.#view;
    const littleEndian = this.#littleEndian;
    const headerBytes = this.#headerBytes;
    if (end - pos < headerBytes) return last ? NO : UNSURE;
    const startSec = view.getUint32(pos, littleEndian);
    // The last frame may itself have been a piece of the damage.
    if (this.frames > 0 && !isNear(startSec, this.#lastSec) && !isNear(startSec, this.#firstSec)) return NO;
    let at = pos;
    for (let links = 0; links < CHAIN; links++) {
      // A file may end with fewer records than the chain has, but then exactly behind one of them.
      if (last && links > 0 && at === end) return YES;
      if (end - at < headerBytes) return last ? NO : UNSURE;
      if (!isNear(view.getUint32(at, littleEndian), startSec)) return NO;
      if (view.getUint32(at + 4, littleEndian) * this.#fractionNs >= 1e9) return NO;
      const captured = view.getUint32(at + 8, littleEndian);
      const wireLength = view.getUint32(at + 12, littleEndian);
      if (captured === 0 || captured > wireLength || wireLength > MAX_FRAME_BYTES) return NO;
      at += headerBytes + captured;
    }
    return YES;
  }
}
