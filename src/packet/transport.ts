/** TCP and UDP headers, and the dispatch on the protocol number that leads to them. */

import { AUTHENTICATION, extensions } from './ip.ts';
import { SYN, TCP, UDP } from './packet.ts';
import { udpTunnel } from './tunnel.ts';
import {
  DROP,
  ETHERNET,
  GRE,
  IP4,
  IP6,
  inward,
  type Layer,
  MPLS,
  malformed,
  SEGMENT,
  short,
  type Walk,
} from './walk.ts';

// IANA protocol numbers.
const ICMP = 1;
const IP4_IN_IP = 4;
const IP6_IN_IP = 41;
const GRE_IN_IP = 47;
const ESP = 50;
const ICMP6 = 58;
const ETHER_IP = 97;
const MPLS_IN_IP = 137;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;

/** The header behind the IP header, of the kind that `packet.protocol` says. */
export function upper(w: Walk): Layer {
  const protocol = w.packet.protocol;
  if (protocol === TCP) return tcp(w);
  if (protocol === UDP) return udp(w);
  switch (protocol) {
    case ICMP:
    case ICMP6:
      w.counters.icmp++;
      return DROP;
    case IP4_IN_IP:
      return inward(w, w.pos, IP4);
    case IP6_IN_IP:
      return inward(w, w.pos, IP6);
    case GRE_IN_IP:
      return inward(w, w.pos, GRE);
    case MPLS_IN_IP:
      return inward(w, w.pos, MPLS);
    case ETHER_IP:
      // Version 3 in the upper four bits, the rest 0 (RFC 3378 3).
      if (w.pos + 2 > w.end) return short(w, 'malformedTunnel');
      if (w.view.getUint16(w.pos) !== 0x3000) return malformed(w, 'malformedTunnel');
      return inward(w, w.pos + 2, ETHERNET);
    case AUTHENTICATION:
      return extensions(w, protocol);
    case ESP:
      w.counters.esp++;
      return DROP;
  }
  w.counters.otherProtocol++;
  return DROP;
}

/**
 * RFC 9293 3.1: ports (2 + 2), sequence number (4), acknowledgement number (4), data offset in 4-byte units (4 bits) and
 * flags, window (2), checksum (2), urgent pointer (2), options.
 */
function tcp(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 20 > w.end) return short(w, 'malformedTcp');
  const headerBytes = (v.getUint8(at + 12) >> 4) << 2;
  const payload = at + headerBytes;
  if (headerBytes < 20 || payload > w.wireEnd) return malformed(w, 'malformedTcp');
  const flags = v.getUint8(at + 13);
  const p = w.packet;
  p.srcPort = v.getUint16(at);
  p.dstPort = v.getUint16(at + 2);
  p.seq = v.getInt32(at + 4);
  p.ack = v.getInt32(at + 8);
  p.flags = flags;
  p.window = v.getUint16(at + 14);
  p.mss = (flags & SYN) === 0 ? 0 : maxSegmentSize(w, at + 20, payload);
  p.payload = Math.min(payload, w.end);
  p.payloadEnd = w.end;
  p.payloadLength = w.wireEnd - payload;
  w.counters.tcp++;
  return SEGMENT;
}

/** Options are a kind (1), and unless that is 0 or 1 a length (1) that counts both, then data; MSS is 2, 4, size (2). */
function maxSegmentSize(w: Walk, from: number, headerEnd: number): number {
  const v = w.view;
  const end = Math.min(headerEnd, w.end);
  for (let at = from; at + 4 <= end; ) {
    const kind = v.getUint8(at);
    if (kind === OPTION_END) return 0;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const bytes = v.getUint8(at + 1);
    if (kind === OPTION_MSS && bytes === 4) return v.getUint16(at + 2);
    if (bytes < 2) return 0;
    at += bytes;
  }
  return 0;
}

/** RFC 768: ports (2 + 2), length with this header (2), checksum (2). */
function udp(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 8 > w.end) return short(w, 'malformedUdp');
  const bytes = v.getUint16(at + 4);
  const payload = at + 8;
  // Length 0: a jumbogram (RFC 2675 4), as long as the IP packet.
  if (bytes !== 0) {
    if (bytes < 8 || at + bytes > w.wireEnd) return malformed(w, 'malformedUdp');
    w.wireEnd = at + bytes;
    if (w.end > w.wireEnd) w.end = w.wireEnd;
  } else if (payload > w.wireEnd) return malformed(w, 'malformedUdp');
  const p = w.packet;
  p.srcPort = v.getUint16(at);
  p.dstPort = v.getUint16(at + 2);
  w.pos = payload;
  const inner = udpTunnel(w);
  if (inner !== SEGMENT) return inner;
  p.payload = payload;
  p.payloadEnd = w.end;
  p.payloadLength = w.wireEnd - payload;
  w.counters.udp++;
  return SEGMENT;
}
