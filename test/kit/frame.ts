/** One captured TCP segment, and the Ethernet frame that carries it. */

import { ACK, FIN, RST, SYN } from '../../src/packet/packet.ts';

export const CLIENT = 0;
export const SERVER = 1;
export type Party = 0 | 1;

/** Who talks to whom. `id` tells connections apart and goes into the client's port. */
export interface Link {
  readonly id: number;
  readonly version: 4 | 6;
  readonly serverPort: number;
  /** Initial sequence numbers of client and server. */
  readonly isn: readonly [number, number];
}

export const clientPort = (link: Link): number => 1024 + (link.id % 64000);

/** A segment as it passes the capture. Its capture time is given when it is run. */
export interface Frame {
  readonly link: Link;
  readonly side: Party;
  readonly flags: number;
  /** Stream offsets of the payload in its direction. */
  readonly from: number;
  readonly to: number;
  readonly payload: Buffer;
  /** Bytes of the other direction that its sender has received (FIN counted). */
  readonly acked: number;
  /** The sequence number counts a FIN that was sent earlier. */
  readonly seqShift: number;
  readonly window: number;
  /** Payload bytes that the snaplen leaves; Infinity: all. */
  captured: number;
  /** Time since the frame before it. */
  gapNs: number;
}

export const isData = (f: Frame): boolean => f.to > f.from;
export const ends = (f: Frame): boolean => (f.flags & (FIN | RST)) !== 0;
export { ACK, FIN, RST, SYN };

const ETHERNET_BYTES = 14;
const TCP_BYTES = 20;

/** Lays the frame out as Ethernet, IPv4 or IPv6 and TCP. Checksums stay 0: nobody on the capture side checks them. */
export function layOut(f: Frame): { bytes: Buffer; wireLength: number } {
  const ipBytes = f.link.version === 4 ? 20 : 40;
  const head = ETHERNET_BYTES + ipBytes + TCP_BYTES;
  const b = Buffer.alloc(head + f.payload.length);
  b.writeUInt16BE(f.link.version === 4 ? 0x0800 : 0x86dd, 12);
  writeAddresses(b, f);
  const at = ETHERNET_BYTES + ipBytes;
  const ports = [clientPort(f.link), f.link.serverPort];
  const own = f.link.isn[f.side];
  const other = f.link.isn[f.side === CLIENT ? SERVER : CLIENT];
  b.writeUInt16BE(ports[f.side]!, at);
  b.writeUInt16BE(ports[1 - f.side]!, at + 2);
  const syn = (f.flags & SYN) !== 0;
  b.writeUInt32BE((own + (syn ? 0 : 1) + f.from + f.seqShift) >>> 0, at + 4);
  if ((f.flags & ACK) !== 0) b.writeUInt32BE((other + 1 + f.acked) >>> 0, at + 8);
  b[at + 12] = (TCP_BYTES / 4) << 4;
  b[at + 13] = f.flags;
  b.writeUInt16BE(f.window, at + 14);
  f.payload.copy(b, head);
  return { bytes: b.subarray(0, head + Math.min(f.captured, f.payload.length)), wireLength: b.length };
}

/** The client is 10.x.y.1 or 2001:db8::x, the server 10.0.0.2 or 2001:db8::2. */
function writeAddresses(b: Buffer, f: Frame): void {
  const { id, version } = f.link;
  const length = TCP_BYTES + f.payload.length;
  if (version === 4) {
    b[14] = 0x45;
    b.writeUInt16BE(20 + length, 16);
    b[22] = 64;
    b[23] = 6;
    const client = [10, 1 + (Math.floor(id / 64000) % 250), 0, 1];
    const server = [10, 0, 0, 2];
    b.set(f.side === CLIENT ? [...client, ...server] : [...server, ...client], 26);
    return;
  }
  b[14] = 0x60;
  b.writeUInt16BE(length, 18);
  b[20] = 6;
  b[21] = 64;
  const client = Buffer.from('20010db8000000000000000000000001', 'hex');
  client.writeUInt16BE(Math.floor(id / 64000), 8);
  const server = Buffer.from('20010db8000000000000000000000002', 'hex');
  b.set(f.side === CLIENT ? client : server, 22);
  b.set(f.side === CLIENT ? server : client, 38);
}
