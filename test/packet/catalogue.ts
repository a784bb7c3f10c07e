/** Hand-built frames of every kind. The segment in them is TCP from port 40000 to 80 with the payload `hello`. */

import type { PacketCounters } from '../../src/packet/counters.ts';
import {
  TAG_ERSPAN,
  TAG_GENEVE,
  TAG_GRE_KEY,
  TAG_GTP,
  TAG_MPLS,
  TAG_VLAN,
  TAG_VXLAN,
} from '../../src/packet/packet.ts';
import { bytes, ethernet, ip4, ip6, tcp, u16, udp, vlan } from './build.ts';

export const V4 = ip4({}, tcp());
export const V6 = ip6(6, tcp());
export const SNAP4 = bytes('aaaa03 000000 0800', V4);
export const INNER = ethernet(0x0800, V4);

const nflog = (order: 'le' | 'be'): Buffer => {
  const n = (value: number): Buffer => (order === 'be' ? u16(value) : u16(value).swap16());
  const prefix = bytes(n(7), n(10), '613100', '00'); // three bytes of value, one of padding
  return bytes('02 00 0000', prefix, n(4 + V4.length), n(9), V4);
};
const dataFrame = (control: string, rest: string): Buffer =>
  bytes(control, '0000', '020000000001'.repeat(3), '0000', rest);

/** Name, link type, frame, IP version and tags of the segment inside. */
export const linkFrames: [string, number, Buffer, 4 | 6, number[][]?][] = [
  ['Ethernet, IPv4', 1, ethernet(0x0800, V4), 4],
  ['Ethernet, IPv6', 1, ethernet(0x86dd, V6), 6],
  ['Ethernet with padding and frame check', 1, bytes(ethernet(0x0800, V4), Buffer.alloc(30, 0x41)), 4],
  ['802.3 with SNAP', 1, bytes(ethernet(SNAP4.length, SNAP4), '00000000'), 4],
  ['802.3 with the IP service access point', 1, ethernet(3 + V4.length, bytes('060603', V4)), 4],
  ['802.1Q', 1, ethernet(0x8100, vlan(0xe064, 0x0800, V4)), 4, [[TAG_VLAN, 100]]],
  ['802.1Q with id 0', 1, ethernet(0x8100, vlan(0, 0x86dd, V6)), 6, [[TAG_VLAN, 0]]],
  [
    'three VLAN tags',
    1,
    ethernet(0x9100, vlan(1, 0x88a8, vlan(2, 0x8100, vlan(3, 0x0800, V4)))),
    4,
    [
      [TAG_VLAN, 1],
      [TAG_VLAN, 2],
      [TAG_VLAN, 3],
    ],
  ],
  ['VLAN in SNAP length form', 1, ethernet(0x8100, vlan(5, SNAP4.length, SNAP4)), 4, [[TAG_VLAN, 5]]],
  ['Cisco metadata', 1, ethernet(0x8909, bytes('01 01 0001 0064 0800', V4)), 4],
  [
    'Cisco metadata behind a VLAN',
    1,
    ethernet(0x8100, vlan(7, 0x8909, bytes('01 01 0001 0064 0800', V4))),
    4,
    [[TAG_VLAN, 7]],
  ],
  ['PPPoE', 1, ethernet(0x8864, bytes('11 00 0001', u16(2 + V4.length), '0021', V4, '0000')), 4],
  ['NULL, little endian', 0, bytes('02000000', V4), 4],
  ['NULL, big endian', 0, bytes('00000002', V4), 4],
  ['NULL, IPv6 of macOS', 0, bytes('1e000000', V6), 6],
  ['NULL, IPv6 of FreeBSD', 0, bytes('0000001c', V6), 6],
  ['NULL, IPv6 of OpenBSD', 0, bytes('18000000', V6), 6],
  ['NULL, IPv6 of Linux', 0, bytes('0a000000', V6), 6],
  ['NULL, IPv6 of Windows', 0, bytes('17000000', V6), 6],
  ['LOOP', 108, bytes('00000018', V6), 6],
  ['PPP', 9, bytes('0021', V4), 4],
  ['PPP with address and control', 9, bytes('ff03 0057', V6), 6],
  ['PPP with a short protocol', 9, bytes('ff03 21', V4), 4],
  ['PPP with MPLS', 9, bytes('0281 00064140', V4), 4, [[TAG_MPLS, 100]]],
  ['PPP with direction', 204, bytes('01 ff03 0021', V4), 4],
  ['PPP of pppd', 166, bytes('00 03 0021', V4), 4],
  ['PPP in HDLC', 50, bytes('ff03 0021', V4), 4],
  ['Cisco HDLC as PPP_HDLC', 50, bytes('0f00 0800', V4), 4],
  ['Cisco HDLC', 104, bytes('0f00 86dd', V6), 6],
  ['PPPoE without Ethernet', 51, bytes('11 00 0001', u16(2 + V4.length), '0021', V4), 4],
  ['ATM RFC 1483', 100, SNAP4, 4],
  ['RAW, IPv4', 101, V4, 4],
  ['RAW, IPv6', 101, V6, 6],
  ['RAW of BSD', 12, V4, 4],
  ['RAW of OpenBSD', 14, V6, 6],
  ['IPV4', 228, V4, 4],
  ['IPV6', 229, V6, 6],
  ['ENC', 109, bytes('02000000', Buffer.alloc(8), V4), 4],
  ['MPLS', 219, bytes('00064140', V6), 6, [[TAG_MPLS, 100]]],
  ['SLL', 113, bytes('0000 0001 0006 0200000000010000 0800', V4), 4],
  ['SLL with 802.2', 113, bytes('0000 0001 0006 0200000000010000 0004', SNAP4), 4],
  ['SLL with a VLAN', 113, bytes('0000 0001 0006 0200000000010000 8100', vlan(9, 0x0800, V4)), 4, [[TAG_VLAN, 9]]],
  ['SLL2', 276, bytes('86dd 0000 00000002 0001 00 06 0200000000010000', V6), 6],
  ['NFLOG, little endian', 239, nflog('le'), 4],
  ['NFLOG, big endian', 239, nflog('be'), 4],
  ['802.11 data', 105, bytes(dataFrame('0801', ''), SNAP4), 4],
  ['802.11 between access points', 105, bytes(dataFrame('0803', '020000000009'), SNAP4), 4],
  ['802.11 QoS data', 105, bytes(dataFrame('8802', '0000'), SNAP4), 4],
  ['802.11 QoS data with HT control', 105, bytes(dataFrame('8882', '0000 00000000'), SNAP4), 4],
  ['radiotap without fields', 127, bytes('00 00 0800 00000000', dataFrame('0801', ''), SNAP4), 4],
  [
    'radiotap with timestamp, flags, a second word, and padding behind the QoS field',
    127,
    bytes('00 00 1900 03000080 00000000 00000000', '1122334455667788', '20', dataFrame('8802', '0000'), '0000', SNAP4),
    4,
  ],
];

/** Name, link type, frame, and the counter that says why it holds no segment. */
export const linkDrops: [string, number, Buffer, keyof PacketCounters][] = [
  [
    'radiotap without room for its flags',
    127,
    bytes('00 00 0800 02000000', dataFrame('0801', ''), SNAP4),
    'malformedLink',
  ],
  [
    'radiotap of endless presence words',
    127,
    bytes('00 00 0800 00000080', dataFrame('0801', ''), SNAP4),
    'malformedLink',
  ],
  ['an unknown link type', 147, V4, 'unknownLink'],
  ['an unknown EtherType', 1, ethernet(0x1234, V4), 'unknownEthertype'],
  ['ARP', 1, ethernet(0x0806, Buffer.alloc(28)), 'arp'],
  ['spanning tree', 1, ethernet(38, bytes('424203', Buffer.alloc(35))), 'notIp'],
  [
    'a protocol of another organisation in SNAP',
    1,
    ethernet(40, bytes('aaaa03 00000c 2000', Buffer.alloc(32))),
    'notIp',
  ],
  ['SNAP in SNAP', 1, ethernet(8 + SNAP4.length, bytes('aaaa03 000000', u16(SNAP4.length), SNAP4)), 'notIp'],
  ['PPPoE discovery', 1, ethernet(0x8863, bytes('11 09 0000 0000')), 'notIp'],
  ['PPPoE of another version', 1, ethernet(0x8864, bytes('21 00 0000 0000')), 'malformedLink'],
  ['PPP link control', 9, bytes('c021', '01010004'), 'notIp'],
  ['Ethernet too small', 1, bytes('0102'), 'malformedLink'],
  ['endless VLAN tags', 1, ethernet(0x8100, bytes('0001 8100'.repeat(40))), 'depthExceeded'],
  ['endless MPLS labels', 1, ethernet(0x8847, bytes('00064040'.repeat(40))), 'depthExceeded'],
  ['a family that is none', 0, bytes('07000000', V4), 'unknownEthertype'],
  ['neither IPv4 nor IPv6', 101, bytes('75', Buffer.alloc(40)), 'malformedLink'],
  ['a netlink message', 113, bytes('0004 0338 0000 0000000000000000 0800', V4), 'notIp'],
  ['NFLOG without payload', 239, bytes('02 00 0000', '0800 0a00 61310000'), 'malformedLink'],
  ['NFLOG with a length of 3', 239, bytes('02 00 0000', '0300 0a00 61310000'), 'malformedLink'],
  ['802.11 beacon', 105, bytes('8000', Buffer.alloc(40)), 'notIp'],
  ['802.11 acknowledgement', 105, bytes('d400', Buffer.alloc(8)), 'notIp'],
  ['802.11 null data', 105, bytes('4801', Buffer.alloc(22)), 'notIp'],
  ['802.11 encrypted', 105, bytes(dataFrame('0841', ''), SNAP4), 'wlanEncrypted'],
  ['802.11 fragment', 105, bytes(dataFrame('0805', ''), SNAP4), 'wlanPartial'],
  ['802.11 aggregate', 105, bytes(dataFrame('8802', '8000'), SNAP4), 'wlanPartial'],
  [
    'radiotap that failed its frame check',
    127,
    bytes('00 00 0900 02000000 40', dataFrame('0801', ''), SNAP4),
    'malformedLink',
  ],
];

export const outer = (protocol: number, payload: Buffer): Buffer =>
  ip4({ protocol, src: '172.16.0.1', dst: '172.16.0.2' }, payload);
const over = (port: number, payload: Buffer, srcPort = 50000): Buffer => outer(17, udp(srcPort, port, payload));
const gre = (head: string, payload: Buffer): Buffer => outer(47, bytes(head, payload));

/** As link type RAW. */
export const tunnelFrames: [string, Buffer, 4 | 6, number[][]?][] = [
  ['IP in IP', outer(4, V4), 4],
  ['IPv6 in IPv4', outer(41, V6), 6],
  ['IPv4 in IPv6', ip6(4, V4), 4],
  ['IPv6 in IPv6', ip6(41, V6), 6],
  ['AH in IPv4', ip4({ protocol: 51 }, bytes('06 04 0000', Buffer.alloc(20), tcp())), 4],
  ['EtherIP', outer(97, bytes('3000', INNER)), 4],
  ['MPLS in IP', outer(137, bytes('00064140', V4)), 4, [[TAG_MPLS, 100]]],
  ['VXLAN', over(4789, bytes('08000000 00002a00', INNER)), 4, [[TAG_VXLAN, 42]]],
  ['VXLAN of Linux', over(8472, bytes('08000000 ffffff00', INNER)), 4, [[TAG_VXLAN, 0xffffff]]],
  ['VXLAN with a group policy', over(4789, bytes('88000007 00002a00', INNER)), 4, [[TAG_VXLAN, 42]]],
  [
    'VXLAN with a VLAN inside',
    over(4789, bytes('08000000 00002a00', ethernet(0x8100, vlan(4, 0x86dd, V6)))),
    6,
    [
      [TAG_VXLAN, 42],
      [TAG_VLAN, 4],
    ],
  ],
  ['VXLAN-GPE with IPv4', over(4790, bytes('0c000001 00002a00', V4)), 4, [[TAG_VXLAN, 42]]],
  ['VXLAN-GPE with IPv6', over(4790, bytes('0c000002 00002a00', V6)), 6, [[TAG_VXLAN, 42]]],
  ['VXLAN-GPE with Ethernet', over(4790, bytes('0c000003 00002a00', INNER)), 4, [[TAG_VXLAN, 42]]],
  ['Geneve', over(6081, bytes('00006558 00000700', INNER)), 4, [[TAG_GENEVE, 7]]],
  ['Geneve with options', over(6081, bytes('03406558 00000700', Buffer.alloc(12, 1), INNER)), 4, [[TAG_GENEVE, 7]]],
  ['Geneve with IPv6', over(6081, bytes('000086dd 00000700', V6)), 6, [[TAG_GENEVE, 7]]],
  ['GRE', gre('0000 0800', V4), 4],
  ['GRE with everything', gre('b000 86dd 12340000 00000009 00000001', V6), 6, [[TAG_GRE_KEY, 9]]],
  ['GRE with Ethernet', gre('2000 6558 80000001', INNER), 4, [[TAG_GRE_KEY, 0x80000001 | 0]]],
  ['GRE with MPLS', gre('0000 8847', bytes('00064140', V4)), 4, [[TAG_MPLS, 100]]],
  ['PPTP', gre(`3001 880b ${u16(4 + V4.length).toString('hex')} 0001 00000005`, bytes('ff03 0021', V4)), 4],
  [
    'PPTP with acknowledgement',
    gre(`3081 880b ${u16(2 + V4.length).toString('hex')} 0001 00000005 00000004`, bytes('0021', V4)),
    4,
  ],
  ['ERSPAN I', gre('0000 88be', INNER), 4],
  ['ERSPAN II', gre('1000 88be 00000001', bytes('1001 0064 00000000', INNER)), 4, [[TAG_ERSPAN, 100]]],
  ['ERSPAN III', gre('1000 22eb 00000001', bytes('2001 0064 00000000 0000 0000', INNER)), 4, [[TAG_ERSPAN, 100]]],
  [
    'ERSPAN III with a platform header and IP',
    gre('1000 22eb 00000001', bytes('2001 0064 00000000 0000 0801', Buffer.alloc(8), V6)),
    6,
    [[TAG_ERSPAN, 100]],
  ],
  ['GRE in UDP', over(4754, bytes('2000 0800 00000005', V4)), 4, [[TAG_GRE_KEY, 5]]],
  ['GTP-U', over(2152, bytes('30ff', u16(V4.length), '00000011', V4)), 4, [[TAG_GTP, 17]]],
  [
    'GTP-U with an extension header',
    over(2152, bytes('34ff', u16(8 + V6.length), '00000011', '0000 00 85', '01 1009 00', V6)),
    6,
    [[TAG_GTP, 17]],
  ],
  ['Teredo', over(3544, V6), 6],
  ['Teredo from the relay, with origin', over(50000, bytes('0000 1234 01020304', V6), 3544), 6],
  ['Teredo with authentication', over(3544, bytes('0001 00 00', Buffer.alloc(9), V6)), 6],
];

/** UDP to the port of a tunnel, but none: it stays what it is. */
export const plainUdp: [string, Buffer][] = [
  ['VXLAN without the VNI flag', over(4789, bytes('00000000 00002a00', INNER))],
  ['VXLAN with bits in the reserved byte', over(4789, bytes('08000000 00002a01', INNER))],
  ['VXLAN with nothing known inside', over(4789, bytes('08000000 00002a00', ethernet(0x1234, V4)))],
  ['VXLAN-GPE control', over(4790, bytes('0d000001 00002a00', V4))],
  ['Geneve of another version', over(6081, bytes('40006558 00000700', INNER))],
  ['Geneve control', over(6081, bytes('00806558 00000700', INNER))],
  ['Geneve whose options run out', over(6081, bytes('3f006558 00000700', INNER))],
  ['Geneve with another protocol inside than it says', over(6081, bytes('000086dd 00000700', V4))],
  ['GRE in UDP with reserved bits', over(4754, bytes('0100 0800', V4))],
  ['GTP-U echo', over(2152, bytes('3201 0004 00000000 0001 0000'))],
  ['GTP version 2', over(2152, bytes('48ff', u16(V4.length), '00000011', V4))],
  ['GTP-U longer than the datagram', over(2152, bytes('30ff', u16(V4.length + 1), '00000011', V4))],
  [
    'GTP-U with an extension of length 0',
    over(2152, bytes('34ff', u16(8 + V4.length), '00000011', '0000 00 85', '00 1009 00', V4)),
  ],
  ['Teredo that does not fill the datagram', over(3544, bytes(V6, '00'))],
  ['text', over(6081, Buffer.from('0123456789'.repeat(5)))],
  ['nothing', over(4789, Buffer.alloc(0))],
];

export const tunnelDrops: [string, Buffer, keyof PacketCounters][] = [
  ['GRE with source routes', gre('4000 0800', V4), 'malformedTunnel'],
  ['GRE version 2', gre('0002 0800', V4), 'malformedTunnel'],
  ['GRE that runs out', gre('b000 0800', bytes('00000000')), 'malformedTunnel'],
  ['PPTP acknowledgement', gre('2081 880b 0000 0001 00000004', Buffer.alloc(0)), 'notIp'],
  ['ERSPAN II that says it is III', gre('1000 88be 00000001', bytes('2001 0064 00000000', INNER)), 'malformedTunnel'],
  ['EtherIP of another version', outer(97, bytes('4000', INNER)), 'malformedTunnel'],
  ['IPv6 in a tunnel for IPv4', outer(4, V6), 'malformedIp4'],
];
