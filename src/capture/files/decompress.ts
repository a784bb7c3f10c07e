/** gzip and zstd, known by their first bytes. */

import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { ByteSource, Damage } from './bytes.ts';

/** Of compressed bytes, for each turn of the decompressor. */
const INPUT_BYTES = 64 << 10;
/**
 * Of decompressed bytes. Also what is lost before a damaged place, for the decompressor gives up a whole piece; and all that
 * a bomb can make us hold, for there is no next piece before this one has been read.
 */
const OUTPUT_BYTES = 64 << 10;

/** The bytes of `source`, whose first are `head`: decompressed if they are compressed. */
export function decompressed(source: ByteSource, head: Buffer): ByteSource {
  const options = { chunkSize: OUTPUT_BYTES, highWaterMark: 1 };
  // RFC 1952, 2.3.1.
  if (head.length >= 3 && head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) {
    return new Decompressed(source, head, () => createGunzip(options));
  }
  // RFC 8878, 3.1.1 and 3.1.2: a frame, or a skippable frame before it.
  if (head.length >= 4 && isZstd(head.readUInt32LE(0))) {
    return new Decompressed(source, head, () => createZstdDecompress(options));
  }
  return new Rewound(source, head);
}

function isZstd(magic: number): boolean {
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
}

/** Gives what was read to look at it once more. */
class Rewound implements ByteSource {
  readonly #source: ByteSource;
  #head: Buffer;

  constructor(source: ByteSource, head: Buffer) {
    this.#source = source;
    this.#head = head;
  }

  get bytesRead(): number {
    return this.#source.bytesRead;
  }

  get totalBytes(): number {
    return this.#source.totalBytes;
  }

  get damage(): Damage | undefined {
    return this.#source.damage;
  }

  async read(into: Buffer, at: number): Promise<number> {
    if (this.#head.length === 0) return this.#source.read(into, at);
    const copied = this.#head.copy(into, at);
    this.#head = this.#head.subarray(copied);
    return copied;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

type Create = () => Decompressor;

/** zlib's streams count what they have consumed; of their input they leave what lies behind the end of a zstd frame. */
interface Decompressor extends Transform {
  readonly bytesWritten: number;
}

class Decompressed implements ByteSource {
  damage: Damage | undefined;
  readonly #source: ByteSource;
  readonly #create: Create;
  #stream: Decompressor;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Wakes `read` when there is news. */
  #wake: () => void = () => {};
  /** Wakes `#feed` when a stream is over: everything has been read from it, or it has failed. */
  #settle: () => void = () => {};

  constructor(source: ByteSource, head: Buffer, create: Create) {
    this.#source = source;
    this.#create = create;
    this.#stream = this.#open();
    void this.#feed(new Rewound(source, head));
  }

  get bytesRead(): number {
    return this.#source.bytesRead;
  }

  get totalBytes(): number {
    return this.#source.totalBytes;
  }

  #open(): Decompressor {
    const stream = this.#create();
    stream.on('readable', () => this.#wake());
    stream.on('end', () => this.#settle());
    stream.on('close', () => this.#settle());
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A stream that is over too soon: the file was cut. Anything else: its bytes are wrong.
      const code = error.code === 'Z_BUF_ERROR' ? 'file-truncated' : 'file-garbled';
      this.damage = { code, reason: `decompression: ${error.message}` };
    });
    return stream;
  }

  async #feed(input: ByteSource): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(INPUT_BYTES);
    for (;;) {
      const bytes = await input.read(buffer, 0);
      if (bytes === 0 || this.#stream.destroyed) break;
      await this.#write(buffer.subarray(0, bytes));
    }
    this.#stream.end();
    await this.#over();
    this.#ended = true;
    this.#wake();
  }

  /** Comes back when the bytes are through and all of their output but the last piece has been read. */
  async #write(bytes: Buffer): Promise<void> {
    let rest = bytes;
    while (rest.length > 0 && !this.#stream.destroyed) {
      const stream = this.#stream;
      const before = stream.bytesWritten;
      await new Promise<void>((resolve) => {
        this.#settle = resolve; // a write that fails is never answered
        stream.write(rest, () => resolve());
      });
      rest = rest.subarray(stream.bytesWritten - before);
      if (rest.length === 0 || this.damage !== undefined) return;
      // The end of a frame; another one follows.
      await this.#over();
      if (this.damage === undefined) this.#stream = this.#open();
    }
  }

  #over(): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      if (this.#stream.readableEnded || this.#stream.destroyed) resolve();
    });
  }

  async read(into: Buffer, at: number): Promise<number> {
    while (this.#chunk.length === 0) {
      const next: Buffer | null = this.#stream.read();
      if (next !== null) this.#chunk = next;
      else if (this.#ended) return this.#finish();
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
    const copied = this.#chunk.copy(into, at);
    this.#chunk = this.#chunk.subarray(copied);
    return copied;
  }

  #finish(): number {
    this.damage = this.#source.damage ?? this.damage;
    return 0;
  }

  close(): Promise<void> {
    this.#stream.destroy();
    return this.#source.close();
  }
}
