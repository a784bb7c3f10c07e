import type { Exchange } from '../exchange/exchange.ts';

/** Arbitrary, but never to be changed: agents at both ends of a connection must agree. */
const TRACE_SALT = 0x5a1e7a90;
const CLIENT_SALT = 0x1c63b5d1;
const SERVER_SALT = 0x7e95c2e7;

/** Finalizer of MurmurHash3: a bijection of 32 bits in which each input bit moves each output bit. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The ids that follow from an exchange's identity; the same at every place where its request can be seen. */
export class Identity {
  trace0 = 0;
  trace1 = 0;
  trace2 = 0;
  trace3 = 0;
  client0 = 0;
  client1 = 0;
  server0 = 0;
  server1 = 0;

  derive(x: Exchange): void {
    this.trace0 = mix(x.id0 ^ TRACE_SALT);
    this.trace1 = mix(x.id1 ^ TRACE_SALT);
    this.trace2 = mix(x.id2 ^ TRACE_SALT);
    this.trace3 = mix(x.id3 ^ TRACE_SALT);
    this.client0 = mix(mix(x.id0 ^ CLIENT_SALT) + x.id2);
    this.client1 = mix(mix(x.id1 ^ CLIENT_SALT) + x.id3);
    this.server0 = mix(mix(x.id0 ^ SERVER_SALT) + x.id2);
    this.server1 = mix(mix(x.id1 ^ SERVER_SALT) + x.id3);
    // ids of zeroes are invalid (W3C Trace Context 3.2.2.3, 3.2.2.4)
    if ((this.trace0 | this.trace1 | this.trace2 | this.trace3) === 0) this.trace3 = 1;
    if ((this.client0 | this.client1) === 0) this.client1 = 1;
    if ((this.server0 | this.server1) === 0) this.server1 = 1;
  }
}

/** Lower-case hex of a 32-bit word. */
export function wordHex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
