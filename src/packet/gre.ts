/** GRE (RFC 2784, 2890), its PPTP variant (RFC 2637) and the ERSPAN mirrors that travel in it. */

import { credibleInside, etherType, TYPE_PPP } from './ethernet.ts';
import { TAG_ERSPAN, TAG_GRE_KEY } from './packet.ts';
import { DROP, ETHERNET, IP, type Layer, malformed, PPP, SEGMENT, short, shorten, tag, type Walk } from './walk.ts';

const TYPE_ERSPAN_1_2 = 0x88be;
const TYPE_ERSPAN_3 = 0x22eb;

const CHECKSUM = 0x8000;
const ROUTING = 0x4000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
/** Version 1 only. */
const ACKNOWLEDGEMENT = 0x0080;
const VERSION = 0x0007;

/**
 * Flags and version (2), protocol (2), then as the flags say: checksum and reserved (2 + 2), key (4), sequence number (4),
 * acknowledgement number (4).
 */
export function gre(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 4 > w.end) return short(w, 'malformedTunnel');
  const flags = v.getUint16(at);
  const type = v.getUint16(at + 2);
  const version = flags & VERSION;
  // Source routes (RFC 1701) went out of use with RFC 2784.
  if (version > 1 || (flags & ROUTING) !== 0) return malformed(w, 'malformedTunnel');
  let pos = at + 4;
  if ((flags & CHECKSUM) !== 0) pos += 4;
  const key = pos;
  if ((flags & KEY) !== 0) pos += 4;
  if ((flags & SEQUENCE) !== 0) pos += 4;
  if (version === 1 && (flags & ACKNOWLEDGEMENT) !== 0) pos += 4;
  if (pos > w.end) return short(w, 'malformedTunnel');
  w.pos = pos;
  if (version === 1) {
    if (type !== TYPE_PPP || (flags & KEY) === 0) return malformed(w, 'malformedTunnel');
    // The key is payload length (2) and call id (2); without a sequence number the packet only acknowledges.
    shorten(w, pos + v.getUint16(key));
    if ((flags & SEQUENCE) !== 0 && w.end > pos) return PPP;
    w.counters.notIp++;
    return DROP;
  }
  if ((flags & KEY) !== 0) tag(w, TAG_GRE_KEY, v.getInt32(key));
  if (type === TYPE_ERSPAN_1_2) return (flags & SEQUENCE) === 0 ? ETHERNET : erspan2(w);
  if (type === TYPE_ERSPAN_3) return erspan3(w);
  return etherType(w, type);
}

/** Version (4 bits, 1) and VLAN (12), class, encapsulation, T and session id (10), reserved and port index (4). Type I has no header. */
function erspan2(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 8 > w.end) return short(w, 'malformedTunnel');
  if (v.getUint8(at) >> 4 !== 1) return malformed(w, 'malformedTunnel');
  tag(w, TAG_ERSPAN, v.getUint16(at + 2) & 0x03ff);
  w.pos = at + 8;
  return ETHERNET;
}

/**
 * As type II up to the session id, version 2; timestamp (4), group tag (2), P, frame type (5 bits: 0 Ethernet, 2 IP), hardware
 * id, direction, granularity and O (2); with O a platform header (8) follows (draft-foschiano-erspan 4.3).
 */
function erspan3(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 12 > w.end) return short(w, 'malformedTunnel');
  if (v.getUint8(at) >> 4 !== 2) return malformed(w, 'malformedTunnel');
  const bits = v.getUint16(at + 10);
  const inside = at + ((bits & 1) === 0 ? 12 : 20);
  if (inside > w.end) return short(w, 'malformedTunnel');
  tag(w, TAG_ERSPAN, v.getUint16(at + 2) & 0x03ff);
  w.pos = inside;
  const frameType = (bits >> 10) & 0x1f;
  if (frameType === 0) return ETHERNET;
  if (frameType === 2) return IP;
  w.counters.notIp++;
  return DROP;
}

/** Whether a UDP payload can be GRE (RFC 8086): version 0, reserved bits 0, a protocol that fits what stands inside. */
export function believableGre(w: Walk): boolean {
  const at = w.pos;
  const v = w.view;
  if (at + 4 > w.end) return false;
  const flags = v.getUint16(at);
  if ((flags & 0x4fff) !== 0) return false;
  const optional = (flags >> 15) + ((flags >> 13) & 1) + ((flags >> 12) & 1);
  const inside = at + 4 + 4 * optional;
  return credibleInside(w, v.getUint16(at + 2), inside) !== SEGMENT;
}
