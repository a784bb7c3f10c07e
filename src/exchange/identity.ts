import type { Exchange } from './exchange.ts';

/** Request bytes that go into the identity. */
export const IDENTITY_BYTES = 64;

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

const rotl = (x: number, r: number): number => (x << r) | (x >>> (32 - r));

function fmix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * Sets `id0..id3` of an exchange: MurmurHash3 x86 128 (public domain, Austin Appleby) over sequence number,
 * acknowledgement number, correlation key and the first request bytes `buf[from, to)`. All of it stands in the packet that
 * opens the request, and address translation leaves all of it alone, so every observer of the request gets the same words.
 */
export function identify(x: Exchange, seq: number, ack: number, buf: Buffer, from: number, to: number): void {
  const end = Math.min(to, from + IDENTITY_BYTES);
  let h1 = seq;
  let h2 = ack;
  let h3 = x.key | 0;
  let h4 = end - from;
  let i = from;
  for (; i + 16 <= end; i += 16) {
    const k1 = buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16) | (buf[i + 3]! << 24);
    const k2 = buf[i + 4]! | (buf[i + 5]! << 8) | (buf[i + 6]! << 16) | (buf[i + 7]! << 24);
    const k3 = buf[i + 8]! | (buf[i + 9]! << 8) | (buf[i + 10]! << 16) | (buf[i + 11]! << 24);
    const k4 = buf[i + 12]! | (buf[i + 13]! << 8) | (buf[i + 14]! << 16) | (buf[i + 15]! << 24);
    h1 ^= Math.imul(rotl(Math.imul(k1, C1), 15), C2);
    h1 = (Math.imul((rotl(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotl(Math.imul(k2, C2), 16), C3);
    h2 = (Math.imul((rotl(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotl(Math.imul(k3, C3), 17), C4);
    h3 = (Math.imul((rotl(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotl(Math.imul(k4, C4), 18), C1);
    h4 = (Math.imul((rotl(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  for (let shift = 0, k = 0; i < end; i++) {
    k |= buf[i]! << shift;
    shift += 8;
    if (shift === 32 || i === end - 1) {
      h1 ^= Math.imul(rotl(Math.imul(k, C1), 15), C2);
      h1 = (Math.imul((rotl(h1, 19) + h4) | 0, 5) + 0x561ccd1b) | 0;
      k = 0;
      shift = 0;
    }
  }
  const length = end - from + 12;
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = fmix(h1);
  h2 = fmix(h2);
  h3 = fmix(h3);
  h4 = fmix(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  x.id0 = h1;
  x.id1 = (h2 + h1) | 0;
  x.id2 = (h3 + h1) | 0;
  x.id3 = (h4 + h1) | 0;
}
