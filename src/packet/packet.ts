/** The one packet in flight: filled anew for each frame by the decoder, read by the stream layer, kept by nobody. */

export const TCP = 6;
export const UDP = 17;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;

/** Kinds of encapsulation tags, outermost first in `tags`. */
export const TAG_VLAN = 1;
export const TAG_MPLS = 2;
export const TAG_VXLAN = 3;
export const TAG_GENEVE = 4;
export const TAG_GRE_KEY = 5;
export const TAG_ERSPAN = 6;
export const TAG_GTP = 7;
export const MAX_TAGS = 16;

export class Packet {
  buf: Buffer = Buffer.alloc(0);
  /** Capture time, ns since the pipeline's base second. A reassembled datagram has its first fragment's. */
  timeNs = 0;
  /**
   * Where it was captured: 0 unknown, 2n the n-th device that the capture has named, 2i + 1 the interface with index i (cooked
   * captures of all interfaces bear it in every packet).
   */
  device = 0;
  /** 4 or 6: the innermost IP header; 0 when the frame holds none. */
  ipVersion = 0;
  /** Innermost addresses as four signed 32-bit words, most significant first. IPv4 stands in word 3, the others are 0. */
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** Innermost upper-layer protocol number (IANA), after IPv6 extension headers. */
  protocol = 0;
  srcPort = 0;
  dstPort = 0;
  /** Captured transport payload: `buf[payload, payloadEnd)`. */
  payload = 0;
  payloadEnd = 0;
  /** Its length on the wire; larger than `payloadEnd - payload` when the snaplen cut it. */
  payloadLength = 0;
  /** TCP only; sequence numbers as signed 32-bit integers, compared by `(a - b) | 0`. */
  seq = 0;
  ack = 0;
  flags = 0;
  window = 0;
  /** MSS option of a SYN; 0 when absent. */
  mss = 0;
  /** Tags met on the way in: kind at 2i, value at 2i + 1. */
  readonly tags = new Int32Array(2 * MAX_TAGS);
  tagCount = 0;
}
