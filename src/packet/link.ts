/** The outermost header, by LINKTYPE_ number (tcpdump.org/linktypes.html). */

import { etherType, pppoe } from './ethernet.ts';
import {
  DROP,
  ETHERNET,
  IP,
  IP4,
  IP6,
  type Layer,
  LLC,
  MPLS,
  malformed,
  PPP,
  short,
  shorten,
  skip,
  type Walk,
} from './walk.ts';
import { radiotap, wlan } from './wlan.ts';

const LINK_NULL = 0;
const LINK_ETHERNET = 1;
const LINK_PPP = 9;
/** DLT_RAW as some systems write it into files. */
const LINK_RAW_BSD = 12;
const LINK_RAW_OPENBSD = 14;
const LINK_PPP_HDLC = 50;
const LINK_PPP_ETHER = 51;
const LINK_ATM_RFC1483 = 100;
const LINK_RAW = 101;
const LINK_C_HDLC = 104;
const LINK_IEEE802_11 = 105;
const LINK_LOOP = 108;
const LINK_ENC = 109;
const LINK_LINUX_SLL = 113;
const LINK_IEEE802_11_RADIOTAP = 127;
const LINK_PPP_PPPD = 166;
const LINK_PPP_WITH_DIR = 204;
const LINK_MPLS = 219;
const LINK_IPV4 = 228;
const LINK_IPV6 = 229;
const LINK_NFLOG = 239;
const LINK_LINUX_SLL2 = 276;

/** ARPHRD_NETLINK: the protocol field of a cooked header is a netlink family, not an EtherType. */
const HARDWARE_NETLINK = 824;
/** Protocol fields of cooked captures below 1536 (Linux if_ether.h): 4 is 802.2, the others carry no IP. */
const COOKED_802_2 = 4;

/** Linux counts interfaces from 1, and never gives out so high a number. */
const MAX_INTERFACE = 0xfffffff;

/** Attributes in an NFLOG record; the kernel knows about 20. */
const MAX_NFLOG_ATTRIBUTES = 64;
const NFLOG_PAYLOAD = 9;

/** Moves over the link header of the frame at `pos`. */
export function linkLayer(w: Walk, link: number): Layer {
  switch (link) {
    case LINK_ETHERNET:
      return ETHERNET;
    case LINK_LINUX_SLL2:
      return cooked2(w);
    case LINK_LINUX_SLL:
      return cooked(w);
    case LINK_NULL:
    case LINK_LOOP:
      return loopback(w);
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
      return IP;
    case LINK_IPV4:
      return IP4;
    case LINK_IPV6:
      return IP6;
    case LINK_PPP:
      return PPP;
    case LINK_PPP_WITH_DIR:
      return skip(w, 1, PPP); // direction (1)
    case LINK_PPP_PPPD:
      return skip(w, 2, PPP); // direction (1) in the place of the address, control (1)
    case LINK_PPP_HDLC:
      return hdlc(w);
    case LINK_C_HDLC:
      return ciscoHdlc(w);
    case LINK_PPP_ETHER:
      return pppoe(w);
    case LINK_MPLS:
      return MPLS;
    case LINK_NFLOG:
      return nflog(w);
    case LINK_IEEE802_11:
      return wlan(w, false);
    case LINK_IEEE802_11_RADIOTAP:
      return radiotap(w);
    case LINK_ATM_RFC1483:
      return LLC;
    case LINK_ENC:
      return skip(w, 12, IP); // address family (4), SPI (4), flags (4)
  }
  w.counters.unknownLink++;
  return DROP;
}

/** Address family in four bytes, in the byte order of the machine that captured (NULL) or the network's (LOOP). */
function loopback(w: Walk): Layer {
  const at = w.pos;
  if (at + 4 > w.end) return short(w, 'malformedLink');
  const big = w.view.getUint32(at);
  w.pos = at + 4;
  switch (big <= 0xffff ? big : w.view.getUint32(at, true)) {
    case 2:
      return IP4;
    case 10: // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
    case 23:
    case 24:
    case 28:
    case 30:
      return IP6;
  }
  w.counters.unknownEthertype++;
  return DROP;
}

/** LINUX_SLL: packet type (2), hardware type (2), address length (2), address (8), protocol (2). */
function cooked(w: Walk): Layer {
  const at = w.pos;
  if (at + 16 > w.end) return short(w, 'malformedLink');
  w.pos = at + 16;
  return cookedProtocol(w, w.view.getUint16(at + 2), w.view.getUint16(at + 14));
}

/** LINUX_SLL2: protocol (2), reserved (2), interface (4), hardware type (2), packet type (1), address length (1), address (8). */
function cooked2(w: Walk): Layer {
  const at = w.pos;
  if (at + 20 > w.end) return short(w, 'malformedLink');
  w.pos = at + 20;
  w.packet.device = ((w.view.getUint32(at + 4) & MAX_INTERFACE) << 1) | 1;
  return cookedProtocol(w, w.view.getUint16(at + 8), w.view.getUint16(at));
}

function cookedProtocol(w: Walk, hardware: number, protocol: number): Layer {
  if (protocol >= 0x0600 && hardware !== HARDWARE_NETLINK) return etherType(w, protocol);
  if (protocol === COOKED_802_2 && hardware !== HARDWARE_NETLINK) return LLC;
  w.counters.notIp++;
  return DROP;
}

/** PPP_HDLC: the first byte tells PPP (FF) from Cisco HDLC (0F unicast, 8F multicast). */
function hdlc(w: Walk): Layer {
  if (w.pos >= w.end) return short(w, 'malformedLink');
  const address = w.view.getUint8(w.pos);
  return address === 0x0f || address === 0x8f ? ciscoHdlc(w) : PPP;
}

/** Address (1), control (1), EtherType (2); SLARP (8035) and CDP (2000) among the types carry no IP. */
function ciscoHdlc(w: Walk): Layer {
  const at = w.pos;
  if (at + 4 > w.end) return short(w, 'malformedLink');
  const type = w.view.getUint16(at + 2);
  if (type < 0x0600 || type === 0x8035 || type === 0x2000) {
    w.counters.notIp++;
    return DROP;
  }
  w.pos = at + 4;
  return etherType(w, type);
}

/**
 * NFLOG: family (1), version (1, 0), resource id (2), then attributes: length with these four bytes (2) and type (2) in the byte
 * order of the machine that captured, value, padding to 4. Types are small, so that the zero among the two bytes tells the order.
 */
function nflog(w: Walk): Layer {
  const v = w.view;
  if (w.pos + 4 > w.end) return short(w, 'malformedLink');
  if (v.getUint8(w.pos + 1) !== 0) return malformed(w, 'malformedLink');
  let at = w.pos + 4;
  for (let i = 0; i < MAX_NFLOG_ATTRIBUTES; i++) {
    if (at + 4 > w.end) return short(w, 'malformedLink');
    const little = (v.getUint8(at + 3) & 0x3f) === 0;
    const bytes = v.getUint16(at, little);
    if (bytes < 4) return malformed(w, 'malformedLink');
    if ((v.getUint16(at + 2, little) & 0x3fff) === NFLOG_PAYLOAD) {
      w.pos = at + 4;
      shorten(w, at + bytes);
      return IP;
    }
    at += (bytes + 3) & ~3;
  }
  w.counters.depthExceeded++;
  return DROP;
}
