/** Ethernet and what sits between it and IP: VLAN tags, 802.2 LLC/SNAP, MPLS, PPPoE and PPP. */

import { TAG_MPLS, TAG_VLAN } from './packet.ts';
import {
  DROP,
  ETHERNET,
  IP,
  IP4,
  IP6,
  inward,
  type Layer,
  LLC,
  MPLS,
  malformed,
  PPP,
  SEGMENT,
  short,
  shorten,
  skip,
  tag,
  type Walk,
} from './walk.ts';

// IEEE 802 EtherTypes.
const TYPE_IP4 = 0x0800;
const TYPE_IP6 = 0x86dd;
const TYPE_ARP = 0x0806;
const TYPE_RARP = 0x8035;
const TYPE_TEB = 0x6558;
const TYPE_MPLS = 0x8847;
const TYPE_MPLS_UPSTREAM = 0x8848;
export const TYPE_PPP = 0x880b;
const TYPE_VLAN = 0x8100;
const TYPE_SERVICE_VLAN = 0x88a8;
/** Outer tags before 802.1ad had a number of its own. */
const TYPE_OLD_QINQ_1 = 0x9100;
const TYPE_OLD_QINQ_2 = 0x9200;
const TYPE_CISCO_METADATA = 0x8909;
const TYPE_PPPOE_DISCOVERY = 0x8863;
const TYPE_PPPOE_SESSION = 0x8864;
const TYPE_LLDP = 0x88cc;
/** Up to here the field is the length of an 802.3 frame (IEEE 802.3 3.2.6). */
const MAX_802_3_LENGTH = 1500;

/** 802.1Q tags in a row: two are usual, three exist; an MPLS stack has rarely more than five entries. Both doubled and more. */
const MAX_VLANS = 8;
const MAX_LABELS = 12;

/** Destination and source address (6 + 6), EtherType or length (2). */
export function ethernet(w: Walk): Layer {
  const at = w.pos;
  if (at + 14 > w.end) return short(w, 'malformedLink');
  w.pos = at + 14;
  return etherType(w, w.view.getUint16(at + 12));
}

/** The header at `pos` is of EtherType `type`. */
export function etherType(w: Walk, type: number): Layer {
  if (type === TYPE_IP4) return IP4;
  if (type === TYPE_IP6) return IP6;
  switch (type) {
    case TYPE_VLAN:
    case TYPE_SERVICE_VLAN:
    case TYPE_OLD_QINQ_1:
    case TYPE_OLD_QINQ_2:
    case TYPE_CISCO_METADATA:
      return vlan(w, type);
    case TYPE_MPLS:
    case TYPE_MPLS_UPSTREAM:
      return MPLS;
    case TYPE_PPPOE_SESSION:
    case TYPE_PPPOE_DISCOVERY:
      return pppoe(w);
    case TYPE_TEB:
      return ETHERNET;
    case TYPE_PPP:
      return PPP;
    case TYPE_ARP:
    case TYPE_RARP:
      w.counters.arp++;
      return DROP;
    case TYPE_LLDP:
      w.counters.notIp++;
      return DROP;
  }
  if (type <= MAX_802_3_LENGTH) {
    shorten(w, w.pos + type);
    return LLC;
  }
  w.counters.unknownEthertype++;
  return DROP;
}

/**
 * 802.1Q: priority (3 bits), DEI (1), VLAN id (12), then the next EtherType. Id 0 is a priority tag and recorded all the same.
 * Cisco metadata (TrustSec) among them: version, length, option (2), group tag (2), then the next EtherType.
 */
function vlan(w: Walk, first: number): Layer {
  let type = first;
  for (let i = 0; i < MAX_VLANS; i++) {
    const at = w.pos;
    const bytes = type === TYPE_CISCO_METADATA ? 8 : 4;
    if (at + bytes > w.end) return short(w, 'malformedLink');
    if (bytes === 4) tag(w, TAG_VLAN, w.view.getUint16(at) & 0x0fff);
    type = w.view.getUint16(at + bytes - 2);
    w.pos = at + bytes;
    switch (type) {
      case TYPE_VLAN:
      case TYPE_SERVICE_VLAN:
      case TYPE_OLD_QINQ_1:
      case TYPE_OLD_QINQ_2:
      case TYPE_CISCO_METADATA:
        continue;
    }
    return etherType(w, type);
  }
  w.counters.depthExceeded++;
  return DROP;
}

/** 802.2: DSAP, SSAP, control; with SNAP (AA AA 03) an OUI (3) and an EtherType (2) follow (IEEE 802, 9.4; RFC 1042). */
export function llc(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 3 > w.end) return short(w, 'malformedLink');
  if (v.getUint16(at) === 0x0606) return skip(w, 3, IP);
  if (v.getUint16(at) !== 0xaaaa || v.getUint8(at + 2) !== 3) {
    w.counters.notIp++;
    return DROP;
  }
  if (at + 8 > w.end) return short(w, 'malformedLink');
  const oui = (v.getUint16(at + 3) << 8) | v.getUint8(at + 5);
  const type = v.getUint16(at + 6);
  // 00-00-00 encapsulated Ethernet, 00-00-F8 bridge tunnel; other organisations number their own protocols.
  if ((oui !== 0 && oui !== 0xf8) || type <= MAX_802_3_LENGTH) {
    w.counters.notIp++;
    return DROP;
  }
  w.pos = at + 8;
  return etherType(w, type);
}

/** Label stack entries of 4 bytes: label (20 bits), traffic class (3), bottom of stack (1), TTL (8) (RFC 3032 2.1). */
export function mpls(w: Walk): Layer {
  const v = w.view;
  for (let i = 0; i < MAX_LABELS; i++) {
    const at = w.pos;
    if (at + 4 > w.end) return short(w, 'malformedLink');
    const entry = v.getUint32(at);
    tag(w, TAG_MPLS, entry >>> 12);
    w.pos = at + 4;
    if ((entry & 0x100) !== 0) return afterLabels(w);
  }
  w.counters.depthExceeded++;
  return DROP;
}

/**
 * The label stack does not say what it carries (RFC 4928 3): the first nibble is 4 or 6 for IP, 0 for a pseudowire's control
 * word (4 bytes, RFC 4385 3), 1 for an associated channel; anything else is Ethernet without a control word and has to look
 * like it. A MAC address can begin with any of these: a length that fits speaks for IP.
 */
function afterLabels(w: Walk): Layer {
  const at = w.pos;
  if (at + 6 > w.end) return short(w, 'malformedLink');
  const v = w.view;
  const first = v.getUint8(at);
  if (first >= 0x45 && first <= 0x4f) {
    if (v.getUint16(at + 2) <= w.wireEnd - at || !looksLikeEthernet(w, at)) return IP4;
  } else if (first >> 4 === 6) {
    if (40 + v.getUint16(at + 4) <= w.wireEnd - at || !looksLikeEthernet(w, at)) return IP6;
  }
  if (first >> 4 === 0 && looksLikeEthernet(w, at + 4)) return inward(w, at + 4, ETHERNET);
  if (looksLikeEthernet(w, at)) return inward(w, at, ETHERNET);
  w.counters.notIp++;
  return DROP;
}

/** Whether an Ethernet frame with something known in it can begin at `at`. */
export function looksLikeEthernet(w: Walk, at: number): boolean {
  if (at + 15 > w.end) return false;
  const v = w.view;
  const type = v.getUint16(at + 12);
  const next = v.getUint8(at + 14);
  switch (type) {
    case TYPE_IP4:
      return next >= 0x45 && next <= 0x4f;
    case TYPE_IP6:
      return next >> 4 === 6;
    case TYPE_ARP:
    case TYPE_VLAN:
    case TYPE_SERVICE_VLAN:
    case TYPE_OLD_QINQ_1:
    case TYPE_OLD_QINQ_2:
    case TYPE_MPLS:
    case TYPE_PPPOE_DISCOVERY:
    case TYPE_PPPOE_SESSION:
    case TYPE_LLDP:
      return true;
  }
  // 802.3: the length fits, and the service access point is SNAP or spanning tree.
  return type <= MAX_802_3_LENGTH && at + 14 + type <= w.wireEnd && (next === 0xaa || next === 0x42);
}

/** The layer at `at` if that can be of EtherType `type`; SEGMENT if not: for tunnels that are believed only on such evidence. */
export function credibleInside(w: Walk, type: number, at: number): Layer {
  if (at >= w.end) return SEGMENT;
  const nibble = w.view.getUint8(at) >> 4;
  switch (type) {
    case TYPE_IP4:
      return nibble === 4 ? IP4 : SEGMENT;
    case TYPE_IP6:
      return nibble === 6 ? IP6 : SEGMENT;
    case TYPE_TEB:
      return looksLikeEthernet(w, at) ? ETHERNET : SEGMENT;
    case TYPE_MPLS:
    case TYPE_MPLS_UPSTREAM:
      return MPLS;
  }
  return SEGMENT;
}

/** Version and type (0x11), code (0 = session data), session id (2), length (2), then PPP (RFC 2516 4). */
export function pppoe(w: Walk): Layer {
  const at = w.pos;
  if (at + 6 > w.end) return short(w, 'malformedLink');
  if (w.view.getUint8(at) !== 0x11) return malformed(w, 'malformedLink');
  if (w.view.getUint8(at + 1) !== 0) {
    w.counters.notIp++;
    return DROP;
  }
  w.pos = at + 6;
  shorten(w, at + 6 + w.view.getUint16(at + 4));
  return PPP;
}

/** Address and control (FF 03, may be left out), protocol in one byte if that is odd, else in two (RFC 1661 2, RFC 1662 3.1). */
export function ppp(w: Walk): Layer {
  const v = w.view;
  let at = w.pos;
  if (at + 4 > w.end) return short(w, 'malformedLink');
  if (v.getUint16(at) === 0xff03) at += 2;
  let protocol = v.getUint8(at++);
  if ((protocol & 1) === 0) protocol = (protocol << 8) | v.getUint8(at++);
  w.pos = at;
  switch (protocol) {
    case 0x0021:
      return IP4;
    case 0x0057:
      return IP6;
    case 0x0281:
    case 0x0283:
      return MPLS;
  }
  w.counters.notIp++;
  return DROP;
}
