/** IPv4 and IPv6. Checksums are not verified anywhere: with offload the capture sees them before the card fills them in. */

import { DROP, IP4, IP6, type Layer, malformed, short, UPPER, type Walk } from './walk.ts';

// IPv6 extension headers (IANA protocol numbers).
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
export const AUTHENTICATION = 51;
const DESTINATION = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;
/** RFC 8200 4.1 knows at most seven in one packet (destination options twice); hostile ones have hundreds. */
const MAX_EXTENSIONS = 12;
const JUMBO_OPTION = 0xc2;

/** IPv4 or IPv6, whichever the first nibble says. */
export function ip(w: Walk): Layer {
  if (w.pos >= w.end) return short(w, 'malformedIp4');
  const version = w.view.getUint8(w.pos) >> 4;
  if (version === 4) return IP4;
  if (version === 6) return IP6;
  return malformed(w, 'malformedLink');
}

/**
 * RFC 791 3.1: version and header length (1), DSCP (1), total length (2), identification (2), flags and fragment offset (2),
 * TTL (1), protocol (1), checksum (2), source (4), destination (4), options.
 */
export function ip4(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 20 > w.end) return short(w, 'malformedIp4');
  const first = v.getUint8(at);
  const headerBytes = (first & 15) << 2;
  const totalBytes = v.getUint16(at + 2);
  if (first >> 4 !== 4 || headerBytes < 20) return malformed(w, 'malformedIp4');
  // Total length 0: segmentation offload or BIG TCP; the packet is as long as the rest of the frame.
  if (totalBytes !== 0) {
    if (totalBytes < headerBytes) return malformed(w, 'malformedIp4');
    endsAt(w, at + totalBytes);
  }
  const p = w.packet;
  p.ipVersion = 4;
  p.src0 = 0;
  p.src1 = 0;
  p.src2 = 0;
  p.src3 = v.getInt32(at + 12);
  p.dst0 = 0;
  p.dst1 = 0;
  p.dst2 = 0;
  p.dst3 = v.getInt32(at + 16);
  p.protocol = v.getUint8(at + 9);
  w.pos = at + headerBytes;
  if (w.pos > w.end) return short(w, 'malformedIp4');
  // More fragments (0x2000) or an offset; reserved and do-not-fragment do not matter.
  const fragment = v.getUint16(at + 6) & 0x3fff;
  if (fragment === 0) return UPPER;
  const whole = w.fragments.add(w, v.getUint16(at + 4), (fragment & 0x1fff) << 3, (fragment & 0x2000) !== 0);
  return whole ? UPPER : DROP;
}

/**
 * RFC 8200 3: version, traffic class, flow label (4), payload length (2), next header (1), hop limit (1), source (16),
 * destination (16).
 */
export function ip6(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 40 > w.end) return short(w, 'malformedIp6');
  if (v.getUint8(at) >> 4 !== 6) return malformed(w, 'malformedIp6');
  const payloadBytes = v.getUint16(at + 4);
  const next = v.getUint8(at + 6);
  const p = w.packet;
  p.ipVersion = 6;
  p.src0 = v.getInt32(at + 8);
  p.src1 = v.getInt32(at + 12);
  p.src2 = v.getInt32(at + 16);
  p.src3 = v.getInt32(at + 20);
  p.dst0 = v.getInt32(at + 24);
  p.dst1 = v.getInt32(at + 28);
  p.dst2 = v.getInt32(at + 32);
  p.dst3 = v.getInt32(at + 36);
  p.protocol = next;
  w.pos = at + 40;
  if (payloadBytes !== 0) endsAt(w, at + 40 + payloadBytes);
  else if (next === HOP_BY_HOP && !jumbo(w)) return short(w, 'malformedIp6');
  // Payload length 0 without a hop-by-hop header: as in IPv4, the rest of the frame (newer BIG TCP leaves the option out).
  return extensions(w, next);
}

/** The IP header says where its packet ends; behind it is padding, before it (if captured less) the rest was cut. */
function endsAt(w: Walk, wireEnd: number): void {
  if (wireEnd > w.wireEnd) w.counters.lengthBeyondFrame++;
  w.wireEnd = wireEnd;
  if (w.end > wireEnd) w.end = wireEnd;
}

/**
 * Finds the jumbo payload option (type C2, length 4, payload length 4) in the hop-by-hop header at `pos` (RFC 2675 2). That
 * length counts from behind the IPv6 header and is above 65,535.
 */
function jumbo(w: Walk): boolean {
  const v = w.view;
  if (w.pos + 8 > w.end) return false;
  const optionsEnd = w.pos + ((v.getUint8(w.pos + 1) + 1) << 3);
  if (optionsEnd > w.end) return false;
  let at = w.pos + 2;
  while (at + 6 <= optionsEnd) {
    const option = v.getUint8(at);
    if (option === JUMBO_OPTION) {
      const bytes = v.getUint32(at + 2);
      if (v.getUint8(at + 1) !== 4 || bytes <= 0xffff || bytes > w.wireEnd - w.pos) return false;
      endsAt(w, w.pos + bytes);
      return true;
    }
    at += option === 0 ? 1 : 2 + v.getUint8(at + 1); // type 0 (Pad1) is the only one without a length
  }
  return false;
}

/**
 * Walks the extension headers from `pos`, the first of kind `next`, to the upper layer (RFC 8200 4). IPv4 comes here with
 * the one that it shares, AH (RFC 4302 2: length in 4-byte units minus 2).
 */
export function extensions(w: Walk, next: number): Layer {
  const v = w.view;
  const p = w.packet;
  for (let i = 0; i < MAX_EXTENSIONS; i++) {
    const at = w.pos;
    let bytes = 0;
    switch (next) {
      case HOP_BY_HOP:
      case ROUTING:
      case DESTINATION:
      case MOBILITY:
      case HIP:
      case SHIM6:
      case AUTHENTICATION:
      case FRAGMENT:
        if (at + 8 > w.end) return short(w, 'malformedIp6');
        if (next === FRAGMENT) bytes = 8;
        else if (next === AUTHENTICATION) bytes = (v.getUint8(at + 1) + 2) << 2;
        else bytes = (v.getUint8(at + 1) + 1) << 3;
        break;
      default:
        p.protocol = next;
        return UPPER;
    }
    if (at + bytes > w.end) return short(w, 'malformedIp6');
    w.pos = at + bytes;
    const kind = next;
    next = v.getUint8(at);
    p.protocol = next;
    if (kind !== FRAGMENT) continue;
    // Offset in units of 8 bytes (13 bits), reserved (2), more (1); identification (4). Neither offset nor more: atomic (RFC 6946).
    const field = v.getUint16(at + 2) & 0xfff9;
    if (field === 0) continue;
    return w.fragments.add(w, v.getInt32(at + 4), field & 0xfff8, (field & 1) !== 0) ? extensions(w, p.protocol) : DROP;
  }
  w.counters.depthExceeded++;
  return DROP;
}
