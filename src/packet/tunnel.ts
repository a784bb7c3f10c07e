/**
 * Tunnels over UDP. A port alone proves nothing, so the header has to check out down to the first nibble or the
 * EtherType of what is inside; otherwise the datagram stays plain UDP.
 */

import { credibleInside, looksLikeEthernet } from './ethernet.ts';
import { believableGre } from './gre.ts';
import { TAG_GENEVE, TAG_GTP, TAG_VXLAN } from './packet.ts';
import { ETHERNET, GRE, IP4, IP6, inward, type Layer, MPLS, SEGMENT, tag, type Walk } from './walk.ts';

// IANA ports; 8472 is what Linux takes for VXLAN unless told otherwise.
const PORT_VXLAN = 4789;
const PORT_VXLAN_LINUX = 8472;
const PORT_VXLAN_GPE = 4790;
const PORT_GENEVE = 6081;
const PORT_GRE = 4754;
const PORT_GTP_USER = 2152;
const PORT_TEREDO = 3544;

/** GTP-U extension headers in a row; the specification defines five. */
const MAX_GTP_EXTENSIONS = 8;

/** The UDP payload at `pos`: the layer inside a tunnel, or SEGMENT when it is none. */
export function udpTunnel(w: Walk): Layer {
  switch (w.packet.dstPort) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
      return vxlan(w);
    case PORT_VXLAN_GPE:
      return vxlanGpe(w);
    case PORT_GENEVE:
      return geneve(w);
    case PORT_GRE:
      return believableGre(w) ? inward(w, w.pos, GRE) : SEGMENT;
    case PORT_GTP_USER:
      return gtpUser(w);
    case PORT_TEREDO:
      return teredo(w);
  }
  return w.packet.srcPort === PORT_TEREDO ? teredo(w) : SEGMENT;
}

/** Flags (1, 0x08 = VNI valid, 0x80 = group policy), reserved or policy (3), VNI (3), reserved (1); Ethernet (RFC 7348 5). */
function vxlan(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 8 > w.end) return SEGMENT;
  if ((v.getUint8(at) & 0x7f) !== 0x08 || v.getUint8(at + 7) !== 0 || !looksLikeEthernet(w, at + 8)) return SEGMENT;
  tag(w, TAG_VXLAN, v.getUint32(at + 4) >>> 8);
  return inward(w, at + 8, ETHERNET);
}

/** As VXLAN, but flags say version (0x30), P (0x04: a next protocol stands in byte 3) and O (0x01) (draft-ietf-nvo3-vxlan-gpe 3). */
function vxlanGpe(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 9 > w.end) return SEGMENT;
  const flags = v.getUint8(at);
  if ((flags & 0x39) !== 0x08 || v.getUint8(at + 7) !== 0) return SEGMENT;
  const inside = v.getUint8(at + 8) >> 4;
  const next = (flags & 0x04) === 0 ? 3 : v.getUint8(at + 3);
  let layer: Layer = SEGMENT;
  if (next === 1 && inside === 4) layer = IP4;
  else if (next === 2 && inside === 6) layer = IP6;
  else if (next === 3 && looksLikeEthernet(w, at + 8)) layer = ETHERNET;
  else if (next === 5) layer = MPLS;
  if (layer === SEGMENT) return SEGMENT;
  tag(w, TAG_VXLAN, v.getUint32(at + 4) >>> 8);
  return inward(w, at + 8, layer);
}

/**
 * Version (2 bits, 0) and length of the options in 4-byte units (6), O (control), C (critical options) and reserved (6),
 * EtherType (2), VNI (3), reserved (1), options (RFC 8926 3.4).
 */
function geneve(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 8 > w.end) return SEGMENT;
  const first = v.getUint8(at);
  const inside = at + 8 + (first << 2);
  // O set: a control message, not the tenant's data.
  if (first > 0x3f || (v.getUint8(at + 1) & 0xbf) !== 0 || v.getUint8(at + 7) !== 0) return SEGMENT;
  const layer = credibleInside(w, v.getUint16(at + 2), inside);
  if (layer === SEGMENT) return SEGMENT;
  tag(w, TAG_GENEVE, v.getUint32(at + 4) >>> 8);
  return inward(w, inside, layer);
}

/**
 * Version (3 bits, 1), protocol type (1 = GTP), reserved, E, S and PN flags; message type (1, 255 = user packet), length of
 * what follows the first 8 bytes (2), tunnel endpoint id (4). With any of the flags: sequence number (2), N-PDU (1), next
 * extension type (1); each extension is length in 4-byte units (1), content, next type (1) (3GPP TS 29.281 5.1, 5.2).
 */
function gtpUser(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 12 > w.end) return SEGMENT;
  const flags = v.getUint8(at);
  if ((flags & 0xf8) !== 0x30 || v.getUint8(at + 1) !== 255) return SEGMENT;
  const wireEnd = at + 8 + v.getUint16(at + 2);
  if (wireEnd > w.wireEnd) return SEGMENT;
  let inside = at + 8;
  if ((flags & 0x07) !== 0) {
    inside = at + 12;
    let next = (flags & 0x04) === 0 ? 0 : v.getUint8(at + 11);
    for (let i = 0; next !== 0; i++) {
      if (i === MAX_GTP_EXTENSIONS || inside >= w.end) return SEGMENT;
      const bytes = v.getUint8(inside) << 2;
      if (bytes === 0 || inside + bytes > w.end) return SEGMENT;
      inside += bytes;
      next = v.getUint8(inside - 1);
    }
  }
  if (inside >= w.end || inside >= wireEnd) return SEGMENT;
  const nibble = v.getUint8(inside) >> 4;
  if (nibble !== 4 && nibble !== 6) return SEGMENT;
  tag(w, TAG_GTP, v.getInt32(at + 4));
  w.wireEnd = wireEnd;
  if (w.end > wireEnd) w.end = wireEnd;
  return inward(w, inside, nibble === 4 ? IP4 : IP6);
}

/**
 * IPv6, perhaps behind an authentication header (00 01, lengths of client id and of the value (1 + 1), both, nonce (8),
 * confirmation (1)) and an origin indication (00 00, port, address), which fills the datagram exactly (RFC 4380 5.1.1).
 */
function teredo(w: Walk): Layer {
  const v = w.view;
  let at = w.pos;
  if (at + 4 <= w.end && v.getUint16(at) === 0x0001) at += 13 + v.getUint8(at + 2) + v.getUint8(at + 3);
  if (at + 2 <= w.end && v.getUint16(at) === 0x0000) at += 8;
  if (at + 40 > w.end || v.getUint8(at) >> 4 !== 6) return SEGMENT;
  if (at + 40 + v.getUint16(at + 4) !== w.wireEnd) return SEGMENT;
  return inward(w, at, IP6);
}
