/**
 * pcapng files (draft-ietf-opsawg-pcapng): sections of blocks
 *
 *   type u32 | total length u32 | body | total length u32
 *
 * in the byte order of their section. Unknown blocks and options are skipped; behind a damaged block reading goes on at the next
 * credible one.
 */

import type { FrameHandler } from '../source.ts';
import {
  byteOrder,
  credibleBlock,
  ENHANCED_PACKET,
  INTERFACE,
  leastBytes,
  OLD_PACKET,
  SECTION_HEADER,
  SIMPLE_PACKET,
} from './blocks.ts';
import { type FormatReader, MAX_FRAME_BYTES, MAX_RECORD_BYTES, NO, UNSURE, YES } from './format.ts';
import { type Interface, readInterface } from './interface.ts';
import type { Warnings } from './warnings.ts';

/** Longest block that is skipped unseen, as in libpcap and Wireshark: decryption secrets and journals can be long. */
const MAX_SKIPPED_BYTES = 16 << 20;
/** An entry costs some 200 bytes, so 65,536 of them 13 MB; interface numbers of the old packet block have 16 bits, too. */
const MAX_INTERFACES = 65_536;

export class PcapngReader implements FormatReader {
  frames = 0;
  readonly #buf: Buffer;
  readonly #view: DataView;
  readonly #handler: FrameHandler;
  readonly #warnings: Warnings;
  #littleEndian = true;
  #interfaces: Interface[] = [];
  /** Where the last packet was captured. */
  #last: Interface | undefined = undefined;
  /** Bytes of a long unknown block still to pass by. */
  #skip = 0;
  /** What was wrong, while the next credible block is looked for, and the offset of it. */
  #damage = '';
  #damageOffset = 0;
  /** The damage is that the file ends inside a block: no damage at all, unless blocks follow. */
  #atEnd = false;
  /** The last time seen: simple packet blocks have none of their own. */
  #sec = 0;
  #nsec = 0;
  #toldNoTimes = false;

  constructor(buf: Buffer, handler: FrameHandler, warnings: Warnings) {
    this.#buf = buf;
    this.#view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    this.#handler = handler;
    this.#warnings = warnings;
  }

  read(pos: number, end: number, shift: number, last: boolean): number {
    let at = pos;
    if (this.#skip > 0) {
      const passed = Math.min(this.#skip, end - at);
      this.#skip -= passed;
      at += passed;
      if (this.#skip > 0) {
        if (last) this.#warnings.add('file-truncated', 'the file ends inside a block', at + shift);
        return at;
      }
    }
    for (;;) {
      if (this.#damage !== '') at = this.#search(at, end, shift, last);
      if (this.#damage !== '') return at;
      at = this.#blocks(at, end, shift, last);
      if (this.#damage !== '') continue;
      if (!last || at >= end) return at;
      this.#lose('the file ends inside a block', at + shift);
      this.#atEnd = true;
    }
  }

  /** Stops before a block that is not whole yet, or one that cannot be: then `#damage` says why. */
  #blocks(pos: number, end: number, shift: number, last: boolean): number {
    const view = this.#view;
    let at = pos;
    while (end - at >= 12) {
      const type = view.getUint32(at, this.#littleEndian);
      if (type === SECTION_HEADER) {
        const order = byteOrder(view, at);
        if (order === undefined) return this.#lose('a section header without byte-order magic', at + shift, at);
        this.#littleEndian = order;
      }
      const length = view.getUint32(at + 4, this.#littleEndian);
      if (length < leastBytes(type) || length % 4 !== 0 || length > MAX_SKIPPED_BYTES) {
        return this.#lose(`a block of type ${type} claims ${length} bytes`, at + shift, at);
      }
      if (length > MAX_RECORD_BYTES) {
        if (this.#isRead(type)) return this.#lose(`a block of type ${type} claims ${length} bytes`, at + shift, at);
        this.#skip = Math.max(0, length - (end - at));
        at = Math.min(end, at + length);
        if (this.#skip > 0 && last) {
          this.#skip = 0;
          this.#warnings.add('file-truncated', 'the file ends inside a block', end + shift);
        }
        continue;
      }
      if (length > end - at) return at;
      const trailing = view.getUint32(at + length - 4, this.#littleEndian);
      if (trailing === length) {
        this.#take(type, at, length, at + shift);
      } else {
        // Believe the leading length if another block, or the end, stands where it says.
        const next = at + length;
        const credible = last && next === end ? YES : credibleBlock(view, next, end, this.#littleEndian, last);
        if (credible === UNSURE) return at;
        const reason = `a block's two lengths differ (${length} and ${trailing})`;
        if (credible === NO) return this.#lose(reason, at + shift, at);
        this.#warnings.add('file-garbled', `${reason}; the block is skipped`, at + shift);
      }
      at += length;
    }
    return at;
  }

  #isRead(type: number): boolean {
    return (
      type === SECTION_HEADER ||
      type === INTERFACE ||
      type === ENHANCED_PACKET ||
      type === SIMPLE_PACKET ||
      type === OLD_PACKET
    );
  }

  #take(type: number, pos: number, length: number, offset: number): void {
    switch (type) {
      case ENHANCED_PACKET:
        this.#packet(this.#view.getUint32(pos + 8, this.#littleEndian), pos, length, offset);
        break;
      case OLD_PACKET:
        // The same layout, but for a drop count in the other half of the interface number.
        this.#packet(this.#view.getUint16(pos + 8, this.#littleEndian), pos, length, offset);
        break;
      case SIMPLE_PACKET:
        this.#simplePacket(pos, length, offset);
        break;
      case INTERFACE:
        if (this.#interfaces.length < MAX_INTERFACES) {
          this.#interfaces.push(readInterface(this.#view, pos, length, this.#littleEndian));
        } else {
          this.#warnings.add('file-garbled', `more than ${MAX_INTERFACES} interfaces in a section`, offset);
        }
        break;
      case SECTION_HEADER:
        this.#interfaces = [];
        break;
    }
  }

  /** 4.3: interface u32 | time high u32 | time low u32 | captured length u32 | length on the wire u32 | bytes | options. */
  #packet(index: number, pos: number, length: number, offset: number): void {
    const view = this.#view;
    const littleEndian = this.#littleEndian;
    const from = this.#interfaces[index];
    if (from === undefined) {
      this.#warnings.add('file-garbled', `a packet of an interface (${index}) that the section does not have`, offset);
      return;
    }
    const captured = view.getUint32(pos + 20, littleEndian);
    if (captured > length - 32 || captured > MAX_FRAME_BYTES) {
      this.#warnings.add(
        'file-garbled',
        `a packet of ${captured} bytes in a block of ${length}; it is skipped`,
        offset,
      );
      return;
    }
    from.clock.read(view.getUint32(pos + 12, littleEndian), view.getUint32(pos + 16, littleEndian));
    this.#sec = from.clock.sec;
    this.#nsec = from.clock.nsec;
    this.#deliver(pos + 28, captured, view.getUint32(pos + 24, littleEndian), from);
  }

  /** 4.4: length on the wire u32 | bytes. Of the first interface; what was captured follows from its snaplen. */
  #simplePacket(pos: number, length: number, offset: number): void {
    const from = this.#interfaces[0];
    if (from === undefined) {
      this.#warnings.add('file-garbled', 'a packet in a section without interface', offset);
      return;
    }
    if (!this.#toldNoTimes) {
      this.#toldNoTimes = true;
      this.#warnings.add(
        'file-no-timestamps',
        'packets without time (simple packet blocks): they count as captured when the packet before was, durations mean nothing',
        offset,
      );
    }
    const wireLength = this.#view.getUint32(pos + 8, this.#littleEndian);
    const captured = Math.min(wireLength, from.snaplen || wireLength, length - 16, MAX_FRAME_BYTES);
    this.#deliver(pos + 12, captured, wireLength, from);
  }

  #deliver(start: number, captured: number, wireLength: number, from: Interface): void {
    if (from !== this.#last) {
      this.#last = from;
      this.#handler.from?.(from.name);
    }
    this.#handler.frame(this.#buf, start, start + captured, wireLength, this.#sec, this.#nsec, from.link);
    this.frames++;
  }

  #lose(reason: string, offset: number, pos = 0): number {
    this.#damage = reason;
    this.#damageOffset = offset;
    this.#atEnd = false;
    return pos;
  }

  /** Blocks begin at multiples of 4 bytes behind one another. Without success everything searched is given up. */
  #search(pos: number, end: number, shift: number, last: boolean): number {
    let at = Math.max(pos, this.#damageOffset + 4 - shift);
    for (; at < end; at += 4) {
      const answer = credibleBlock(this.#view, at, end, this.#littleEndian, last);
      if (answer === UNSURE) return at;
      if (answer === YES) {
        this.#report('file-garbled', at + shift, 'to the next credible block');
        return at;
      }
    }
    if (last) {
      const where = 'to the end of the file, for no credible block follows';
      this.#report(this.#atEnd ? 'file-truncated' : 'file-garbled', end + shift, where);
      return end;
    }
    return Math.min(at, end);
  }

  #report(code: string, offset: number, where: string): void {
    const skipped = offset - this.#damageOffset;
    const rest = code === 'file-truncated' ? '' : `; ${skipped} bytes skipped ${where}`;
    this.#warnings.add(code, `${this.#damage}${rest}`, this.#damageOffset);
    this.#damage = '';
  }
}
