/** Reads a capture file of any kind from its first byte to its last. */

import type { Readable } from 'node:stream';
import { fileReason, SpantapError } from '../../self/errors.ts';
import type { FileWarning, FrameHandler } from '../source.ts';
import { type ByteSource, openFile, StreamSource } from './bytes.ts';
import { decompressed } from './decompress.ts';
import { CHUNK_BYTES, type FormatReader } from './format.ts';
import { PcapReader, pcapHeader } from './pcap.ts';
import { PcapngReader } from './pcapng.ts';
import { Warnings } from './warnings.ts';

/** Enough to know gzip, zstd, pcap and pcapng by. */
const HEAD_BYTES = 4;

export interface ReadOptions {
  /** After every chunk: bytes taken from the file, and its size (0: unknown). */
  readonly onProgress?: (bytesRead: number, totalBytes: number) => void;
  /** After the frames of every chunk. What it answers is awaited: the way to hold a fast file back. */
  readonly onChunkEnd?: () => void | Promise<void>;
  /** What `-` stands for; the process's standard input if not given. */
  readonly stdin?: Readable;
}

export interface ReadResult {
  frames: number;
  /** Of the capture after decompression. */
  bytes: number;
  warnings: FileWarning[];
}

/**
 * Delivers the frames of a capture file to `handler`: classic pcap or pcapng, as it is or compressed by gzip or zstd; `-` is
 * standard input. Whatever is wrong with the content becomes a warning, and everything readable around it is delivered:
 * `file-empty`, `file-not-capture`, `file-truncated`, `file-garbled`, `file-no-timestamps`, `file-more-warnings`, and
 * `file-unreadable` for a read that fails midway. Throws the SpantapError `file-unreadable` if it cannot be opened.
 */
export async function readCaptureFile(path: string, handler: FrameHandler, o: ReadOptions = {}): Promise<ReadResult> {
  const source = await openSource(path, o.stdin);
  try {
    return await readSource(source, handler, o);
  } finally {
    await source.close();
  }
}

async function openSource(path: string, stdin: Readable = process.stdin): Promise<ByteSource> {
  try {
    const source = path === '-' ? new StreamSource(stdin) : await openFile(path);
    const head = Buffer.alloc(HEAD_BYTES);
    let bytes = 0;
    for (let n = 1; n > 0 && bytes < HEAD_BYTES; bytes += n) n = await source.read(head, bytes);
    if (bytes === 0 && source.damage !== undefined) {
      await source.close();
      throw new Error(source.damage.reason);
    }
    return decompressed(source, head.subarray(0, bytes));
  } catch (error) {
    throw unreadable(path, error as Error);
  }
}

/** What is thrown for a capture file that cannot be opened. */
export function unreadable(path: string, error: Error): SpantapError {
  return new SpantapError('file-unreadable', `The capture file ${path} cannot be read: ${fileReason(error)}`);
}

async function readSource(source: ByteSource, handler: FrameHandler, o: ReadOptions): Promise<ReadResult> {
  const warnings = new Warnings();
  const buf = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let reader: FormatReader | undefined;
  handler.from?.('');
  /** Offset in the file of the buffer's first byte; bytes in the buffer. */
  let base = 0;
  let end = 0;
  for (;;) {
    const bytes = await source.read(buf, end);
    const last = bytes === 0;
    end += bytes;
    if (reader === undefined) {
      if (!last && end < HEAD_BYTES) continue;
      if (end === 0 && source.damage !== undefined) break; // not empty, but of its compressed bytes none can be had
      reader = readerOf(buf, end, handler, warnings);
      if (reader === undefined) break;
    }
    const pos = reader.read(0, end, base, last);
    buf.copyWithin(0, pos, end);
    base += pos;
    end -= pos;
    const held = o.onChunkEnd?.();
    if (held !== undefined) await held;
    o.onProgress?.(source.bytesRead, source.totalBytes);
    if (last) break;
  }
  const size = base + end;
  if (source.damage !== undefined) warnings.add(source.damage.code, source.damage.reason, size);
  return { frames: reader?.frames ?? 0, bytes: size, warnings: warnings.close(size) };
}

/** The reader for a file that begins with `buf[0, end)`; undefined, and told, if it is no capture. */
function readerOf(buf: Buffer, end: number, handler: FrameHandler, warnings: Warnings): FormatReader | undefined {
  if (end === 0) {
    warnings.add('file-empty', 'the file is empty', 0);
    return undefined;
  }
  if (end >= HEAD_BYTES) {
    // The type of a section header block reads alike in both byte orders (4.1 of the pcapng specification).
    if (buf.readUInt32BE(0) === 0x0a0d0d0a) return new PcapngReader(buf, handler, warnings);
    const header = pcapHeader(buf);
    if (header !== undefined) return new PcapReader(buf, header, handler, warnings);
  }
  warnings.add('file-not-capture', 'this is neither pcap nor pcapng (nor one of them compressed by gzip or zstd)', 0);
  return undefined;
}
