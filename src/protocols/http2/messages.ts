/** Messages of gRPC in the DATA of one direction of a stream: `compressed(8) length(32)` and so many bytes (gRPC over HTTP/2, "Message encoding"). */

/** What is reported as messages (`Exchanges.message`): gRPC has one kind. */
export const MESSAGE = 0;

/** Bytes in front of a message. */
const PREFIX_BYTES = 5;
/** gRPC-Web: the message holds the trailers (gRPC-Web protocol, "HTTP/2 trailers framing"). */
const TRAILERS = 0x80;
const COMPRESSED = 0x01;
/** Trailers of gRPC-Web that are read; longer ones pass by. */
const MAX_TRAILERS = 4096;

/** Walks over the prefixes; what is in a message passes by unseen. */
export class Messages {
  readonly #web: boolean;
  /** Bytes of the present message that are still to come. */
  left = 0;
  #prefixBytes = 0;
  #flags = 0;
  #length = 0;
  count = 0;
  bytes = 0;
  compressed = 0;
  /** A prefix was none: what follows cannot be read. */
  broken = false;
  /** The trailers of gRPC-Web are next, so many bytes of them. */
  trailers = 0;

  constructor(web: boolean) {
    this.#web = web;
  }

  /** Bytes of the prefix that are missing. */
  get missing(): number {
    return PREFIX_BYTES - this.#prefixBytes;
  }

  /** Reads `n` bytes of the prefix, no more than are missing. Returns the length of the message that they announce, -1 if they do not. */
  read(buf: Buffer, at: number, n: number): number {
    for (let i = at; i < at + n; i++) {
      if (this.#prefixBytes === 0) {
        this.#flags = buf[i]!;
        this.#length = 0;
      } else this.#length = this.#length * 256 + buf[i]!;
      this.#prefixBytes++;
    }
    if (this.#prefixBytes < PREFIX_BYTES) return -1;
    this.#prefixBytes = 0;
    if ((this.#flags & ~(this.#web ? TRAILERS | COMPRESSED : COMPRESSED)) !== 0) {
      this.broken = true;
      return -1;
    }
    this.left = this.#length;
    if ((this.#flags & TRAILERS) !== 0) {
      if (this.#flags === TRAILERS && this.#length <= MAX_TRAILERS) this.trailers = this.#length;
      return -1;
    }
    this.count++;
    this.bytes += this.#length;
    if ((this.#flags & COMPRESSED) !== 0) this.compressed++;
    return this.#length;
  }
}
