/** Messages of gRPC in one direction of a call: `compressed(8) length(32)` and so many bytes (gRPC over HTTP/2, "Message encoding"). */

import { inflateGzip } from '../../bytes/inflate.ts';
import { TrailerStatus } from './trailers.ts';

/** What is reported as messages (`Exchanges.message`): gRPC has one kind. */
export const MESSAGE = 0;

/** Bytes in front of a message. */
const PREFIX_BYTES = 5;
/** gRPC-Web: the message holds the trailers (gRPC-Web protocol, "HTTP/2 trailers framing"). */
const TRAILERS = 0x80;
const COMPRESSED = 0x01;

/** Compressed trailers that are read: a status and a short message, which come whole or not at all; and what they may hold. */
const MAX_PACKED = 1024;
const MAX_UNPACKED = 16384;

/** Values of base64 (RFC 4648 section 4). */
const PADDING = 64;
const NO_BASE64 = 255;
const BASE64 = new Uint8Array(256).fill(NO_BASE64);
for (const [value, c] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/='].entries())
  BASE64[c.charCodeAt(0)] = value;

/** Walks over the prefixes; what is in a message passes by unseen, but for the status in the trailers of gRPC-Web. */
export class Messages {
  readonly #web: boolean;
  /** gRPC-Web in base64: every character has to be looked at, since each piece of the body may be padded. */
  readonly text: boolean;
  /** Bytes of the present message that are still to come. */
  left = 0;
  /** They are trailers that can be read; in `packed` form all of them at once. */
  trailers = false;
  #packed = false;
  /** There were trailers that could not be read: they may have held a status. */
  unread = false;
  /** Length of the message whose prefix ended where take() did; -1: none did. */
  announced = -1;
  #prefixBytes = 0;
  #flags = 0;
  #length = 0;
  #status: TrailerStatus | null = null;
  #quartet = 0;
  #characters = 0;
  #padding = 0;
  count = 0;
  bytes = 0;
  compressed = 0;
  /** A prefix was none: what follows cannot be read. */
  broken = false;

  constructor(web: boolean, text: boolean) {
    this.#web = web;
    this.text = text;
  }

  /** The status in the trailers; -1: none so far. */
  get status(): number {
    return this.#status === null ? -1 : this.#status.status;
  }

  /** How many bytes take() needs to see, where `piece` follow each other. */
  need(piece: number): number {
    if (this.#packed && this.left > piece) {
      this.#packed = false; // in pieces
      this.trailers = false;
    }
    return this.#packed ? this.left : 1;
  }

  /**
   * Reads bytes (or characters) of `buf[from, to)` that have to be seen, no further than the end of a prefix. Returns the index behind them;
   * what is in a message may pass by unless it is `text` or `trailers`.
   */
  take(buf: Buffer, from: number, to: number): number {
    this.announced = -1;
    let at = from;
    if (this.#packed) return this.#unpack(buf, from);
    if (this.text) while (at < to && this.announced < 0 && !this.broken) this.#character(BASE64[buf[at++]!]!);
    else {
      const end = Math.min(to, from + (this.left > 0 ? this.left : PREFIX_BYTES - this.#prefixBytes));
      while (at < end) this.#byte(buf[at++]!);
    }
    return at;
  }

  #unpack(buf: Buffer, from: number): number {
    const to = from + this.left;
    const text = inflateGzip(buf, from, to, MAX_UNPACKED);
    if (text !== null) {
      for (const b of text) this.#status!.take(b);
      this.#status!.end();
      this.unread = false;
    }
    this.#packed = false;
    this.left = 0;
    return to;
  }

  #character(value: number): void {
    if (value === PADDING) this.#padding++;
    else if (this.#padding > 0) this.broken = true;
    this.#quartet = (this.#quartet << 6) | (value & 63);
    if (value === NO_BASE64 || this.#padding > 2) this.broken = true;
    if (++this.#characters < 4 || this.broken) return;
    const bytes = 3 - this.#padding;
    for (let i = 0; i < bytes; i++) this.#byte((this.#quartet >> (16 - 8 * i)) & 255);
    this.#characters = 0;
    this.#quartet = 0;
    this.#padding = 0;
  }

  #byte(b: number): void {
    if (this.left > 0) {
      this.left--;
      if (!this.trailers) return;
      this.#status!.take(b);
      if (this.left === 0) this.#status!.end();
      return;
    }
    if (this.broken) return;
    if (this.#prefixBytes === 0) {
      this.#flags = b;
      this.#length = 0;
    } else this.#length = this.#length * 256 + b;
    if (++this.#prefixBytes < PREFIX_BYTES) return;
    this.#prefixBytes = 0;
    this.#begin();
  }

  /** The prefix is whole. */
  #begin(): void {
    this.trailers = false;
    if ((this.#flags & ~(this.#web ? TRAILERS | COMPRESSED : COMPRESSED)) !== 0) {
      this.broken = true;
      return;
    }
    this.left = this.#length;
    if ((this.#flags & TRAILERS) !== 0) {
      const packed = this.#flags !== TRAILERS;
      this.#packed = packed && !this.text && this.left > 0 && this.left <= MAX_PACKED;
      this.unread = packed;
      this.trailers = !packed || this.#packed;
      if (this.trailers) this.#status ??= new TrailerStatus();
      return;
    }
    this.announced = this.#length;
    this.count++;
    this.bytes += this.#length;
    if ((this.#flags & COMPRESSED) !== 0) this.compressed++;
  }
}
