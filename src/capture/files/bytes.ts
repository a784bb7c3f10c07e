/** Where the bytes of a capture file come from: a file, standard input. */

import { readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';

export interface ByteSource {
  /** Bytes taken from the file so far, and its size (0: unknown). With compression those of the compressed file. */
  readonly bytesRead: number;
  readonly totalBytes: number;
  /** What cut the bytes short, once `read` has answered 0. */
  readonly damage: Damage | undefined;
  /** Puts at least one byte into `into` from `at` on and answers how many; 0 at the end. `into` must have room. */
  read(into: Buffer, at: number): Promise<number>;
  close(): Promise<void>;
}

export interface Damage {
  code: 'file-truncated' | 'file-garbled' | 'file-unreadable';
  reason: string;
}

/** Rejects if the file cannot be opened or is a directory. */
export async function openFile(path: string): Promise<ByteSource> {
  const file = await open(path, 'r');
  try {
    const stat = await file.stat();
    // Opening a directory succeeds, reading it does not.
    if (stat.isDirectory()) throw new Error('it is a directory');
    return new FileSource(file, stat);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A regular file is read in slices of this size, in place: the way through the thread pool costs a tenth of the whole reading. */
const SLICE_BYTES = 1 << 20;
/** After so many slices (a few milliseconds each) timers and sockets get their turn. */
const SLICES_PER_TURN = 4;

class FileSource implements ByteSource {
  bytesRead = 0;
  readonly totalBytes: number;
  damage: Damage | undefined;
  readonly #file: FileHandle;
  readonly #regular: boolean;
  #slices = 0;

  constructor(file: FileHandle, stat: Stats) {
    this.#file = file;
    this.#regular = stat.isFile();
    this.totalBytes = stat.size;
  }

  async read(into: Buffer, at: number): Promise<number> {
    try {
      let bytesRead: number;
      if (this.#regular) {
        bytesRead = readSync(this.#file.fd, into, at, Math.min(into.length - at, SLICE_BYTES), null);
        if (++this.#slices % SLICES_PER_TURN === 0) await immediate();
      } else {
        // A pipe or device may keep its reader waiting.
        ({ bytesRead } = await this.#file.read(into, at, into.length - at, null));
      }
      this.bytesRead += bytesRead;
      return bytesRead;
    } catch (error) {
      this.damage = { code: 'file-unreadable', reason: (error as Error).message };
      return 0;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Standard input as a stream, not as a descriptor: a blocked read of a pipe would keep the process from exiting. */
export class StreamSource implements ByteSource {
  bytesRead = 0;
  readonly totalBytes = 0;
  damage: Damage | undefined;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async read(into: Buffer, at: number): Promise<number> {
    try {
      while (this.#chunk.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) return 0;
        this.#chunk = next.value;
      }
    } catch (error) {
      this.damage = { code: 'file-unreadable', reason: (error as Error).message };
      return 0;
    }
    const copied = this.#chunk.copy(into, at);
    this.#chunk = this.#chunk.subarray(copied);
    this.bytesRead += copied;
    return copied;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
