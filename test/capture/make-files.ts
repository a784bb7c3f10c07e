/** Makes small capture files in memory, and gathers what a reader finds in one. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ReadOptions, type ReadResult, readCaptureFile } from '../../src/capture/files/read.ts';

export interface Frame {
  bytes: Buffer;
  wireLength: number;
  /** Seconds and nine decimals. */
  time: string;
  link: number;
}

export class Gatherer {
  readonly frames: Frame[] = [];
  frame(buf: Buffer, start: number, end: number, wireLength: number, sec: number, nsec: number, link: number): void {
    const time = `${sec}.${String(nsec).padStart(9, '0')}`;
    this.frames.push({ bytes: Buffer.from(buf.subarray(start, end)), wireLength, time, link });
  }
}

export interface Read extends ReadResult {
  found: Frame[];
}

export async function readPath(path: string, options?: ReadOptions): Promise<Read> {
  const gatherer = new Gatherer();
  const result = await readCaptureFile(path, gatherer, options);
  return { ...result, found: gatherer.frames };
}

/** Reads `content` as standard input, in pieces of `pieceBytes`. */
export function readBytes(content: Buffer, pieceBytes = Math.max(1, content.length)): Promise<Read> {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += pieceBytes) pieces.push(content.subarray(at, at + pieceBytes));
  return readPath('-', { stdin: Readable.from(pieces, { objectMode: false }) });
}

/** Calls `use` with the path of a file that holds `content` and goes away afterwards. */
export async function withFile<T>(content: Buffer, use: (path: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'spantap-'));
  try {
    const path = join(dir, 'input');
    writeFileSync(path, content);
    return await use(path);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Writes numbers and bytes one behind the other. */
export class Writer {
  readonly #parts: Buffer[] = [];
  readonly littleEndian: boolean;
  constructor(littleEndian = true) {
    this.littleEndian = littleEndian;
  }

  u16(...values: number[]): this {
    for (const value of values) {
      const b = Buffer.alloc(2);
      if (this.littleEndian) b.writeUInt16LE(value);
      else b.writeUInt16BE(value);
      this.#parts.push(b);
    }
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) {
      const b = Buffer.alloc(4);
      if (this.littleEndian) b.writeUInt32LE(value);
      else b.writeUInt32BE(value);
      this.#parts.push(b);
    }
    return this;
  }

  /** Two halves in the order of the bytes. */
  i64(value: bigint): this {
    const b = Buffer.alloc(8);
    if (this.littleEndian) b.writeBigInt64LE(value);
    else b.writeBigInt64BE(value);
    this.#parts.push(b);
    return this;
  }

  bytes(value: Uint8Array, align = 1): this {
    this.#parts.push(Buffer.from(value), Buffer.alloc((align - (value.length % align)) % align));
    return this;
  }

  get buffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** `count` frames of different lengths and contents. */
export function someFrames(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.alloc(20 + (i % 7) * 11, 65 + (i % 26)));
}

export const START_SEC = 1_700_000_000;

/** A pcap file; the i-th frame is captured i seconds and i units behind the start. */
export function pcapOf(frames: readonly Buffer[], magic = 0xa1b2c3d4, linkField = 1, littleEndian = true): Buffer {
  const w = new Writer(littleEndian).u32(magic).u16(2, 4).u32(0, 0, 65535, linkField);
  frames.forEach((frame, i) => {
    w.u32(START_SEC + i, i, frame.length, frame.length);
    if (magic === 0xa1b2cd34) w.u32(3).u16(0x0800, 0);
    w.bytes(frame);
  });
  return w.buffer;
}

export function block(type: number, body: Buffer, littleEndian = true): Buffer {
  const length = 12 + body.length + ((4 - (body.length % 4)) % 4);
  return new Writer(littleEndian).u32(type, length).bytes(body, 4).u32(length).buffer;
}

export function sectionBlock(littleEndian = true): Buffer {
  const body = new Writer(littleEndian).u32(0x1a2b3c4d).u16(1, 0).i64(-1n).buffer;
  return block(0x0a0d0d0a, body, littleEndian);
}

export interface InterfaceFields {
  link?: number;
  snaplen?: number;
  tsresol?: number;
  tsoffset?: bigint;
  littleEndian?: boolean;
}

export function interfaceBlock(o: InterfaceFields = {}): Buffer {
  const w = new Writer(o.littleEndian ?? true).u16(o.link ?? 1, 0).u32(o.snaplen ?? 0);
  w.u16(2, 3).bytes(Buffer.from('lan'), 4);
  if (o.tsresol !== undefined) w.u16(9, 1).bytes(Buffer.of(o.tsresol), 4);
  if (o.tsoffset !== undefined) w.u16(14, 8).i64(o.tsoffset);
  return block(1, w.u16(0, 0).buffer, o.littleEndian);
}

export function packetBlock(frame: Buffer, units: bigint, iface = 0, littleEndian = true): Buffer {
  const w = new Writer(littleEndian).u32(iface, Number(units >> 32n), Number(units & 0xffffffffn));
  return block(6, w.u32(frame.length, frame.length).bytes(frame, 4).buffer, littleEndian);
}

/** A pcapng file with one microsecond interface. */
export function pcapngOf(frames: readonly Buffer[]): Buffer {
  const start = BigInt(START_SEC) * 1_000_000n;
  const packets = frames.map((frame, i) => packetBlock(frame, start + BigInt(i) * 1_000_001n));
  return Buffer.concat([sectionBlock(), interfaceBlock(), ...packets]);
}
