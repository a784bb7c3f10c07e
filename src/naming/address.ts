/** Addresses and networks as the four signed 32-bit words of a Packet, IPv4 in word 3. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface Address {
  readonly version: 4 | 6;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** The address, or null if `text` is none. Zones (`fe80::1%eth0`) are left out. */
export function parseAddress(text: string): Address | null {
  const plain = text.replace(/%.*/, '');
  const version = isIP(plain);
  if (version === 0) return null;
  const view = new DataView(Uint8Array.from(ipaddr.parse(plain).toByteArray()).buffer);
  if (version === 4) return { version, w0: 0, w1: 0, w2: 0, w3: view.getInt32(0) };
  return { version: 6, w0: view.getInt32(0), w1: view.getInt32(4), w2: view.getInt32(8), w3: view.getInt32(12) };
}

/** A network: an address belongs to it when its words under the masks are the network's. */
export interface Network extends Address {
  readonly m0: number;
  readonly m1: number;
  readonly m2: number;
  readonly m3: number;
}

/** `prefix`: leading bits that count, at most 32 or 128. */
export function network(a: Address, prefix: number): Network {
  const skipped = a.version === 4 ? 96 : 0; // words 0 to 2 of an IPv4 address are always 0
  const mask = (word: number): number => {
    const bits = prefix + skipped - 32 * word;
    return bits >= 32 ? -1 : bits <= 0 ? 0 : -1 << (32 - bits);
  };
  const m0 = mask(0);
  const m1 = mask(1);
  const m2 = mask(2);
  const m3 = mask(3);
  return { version: a.version, w0: a.w0 & m0, w1: a.w1 & m1, w2: a.w2 & m2, w3: a.w3 & m3, m0, m1, m2, m3 };
}

/** 127.0.0.0/8, ::1, and what hosts files list for IPv6 besides: fe00::0 (localnet) and ff00::/8 (multicast). */
export function isLocal(a: Address): boolean {
  if (a.version === 4) return a.w3 >>> 24 === 127;
  const one = a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1;
  return one || a.w0 >>> 24 === 0xff || a.w0 >>> 16 === 0xfe00;
}
