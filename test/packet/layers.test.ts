/** Hand-built frames: every link type, every header between it and the segment, and what is refused. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import type { PacketCounters } from '../../src/packet/counters.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import {
  MAX_TAGS,
  type Packet,
  TAG_ERSPAN,
  TAG_GENEVE,
  TAG_GRE_KEY,
  TAG_GTP,
  TAG_MPLS,
  TAG_VLAN,
  TAG_VXLAN,
} from '../../src/packet/packet.ts';
import { Counters } from '../../src/self/counters.ts';
import { bytes, DST6, ethernet, ip4, ip6, SRC6, tcp, u16, u32, udp, vlan } from './build.ts';

const ETHERNET = 1;
const RAW = 101;

function decode(
  link: number,
  frame: Buffer,
  wireLength = frame.length,
): { segment: boolean; p: Packet; counters: PacketCounters } {
  const d = new PacketDecoder({ budget: new Budget(1 << 26), counters: new Counters() });
  // The frame stands in the middle of something else, as in a batch.
  const buf = bytes('45454545', frame, '45454545');
  const segment = d.decode(buf, 4, 4 + frame.length, wireLength, 1, link);
  return { segment, p: d.packet, counters: d.counters };
}

const tagsOf = (p: Packet): number[][] =>
  Array.from({ length: p.tagCount }, (_, i) => [p.tags[2 * i]!, p.tags[2 * i + 1]!]);

const text = (p: Packet): string => p.buf.toString('latin1', p.payload, p.payloadEnd);

/** The inner segment of all the frames that must come through: TCP from port 40000 to 80, payload `hello`. */
function assertHello(link: number, frame: Buffer, ipVersion: 4 | 6, tags: number[][] = []): void {
  const { segment, p, counters } = decode(link, frame);
  assert.equal(segment, true, JSON.stringify(Object.entries(counters).filter(([, n]) => n > 0)));
  assert.equal(p.ipVersion, ipVersion);
  assert.deepEqual([p.protocol, p.srcPort, p.dstPort], [6, 40000, 80]);
  assert.equal(text(p), 'hello');
  assert.equal(p.payloadLength, 5);
  assert.deepEqual(tagsOf(p), tags);
  assert.equal(counters.tcp, 1);
}

function assertDropped(link: number, frame: Buffer, counter: keyof PacketCounters): void {
  const { segment, p, counters } = decode(link, frame);
  assert.equal(segment, false);
  const moved = Object.entries(counters).filter(([, n]) => n > 0);
  assert.deepEqual(moved, [[counter, 1]]);
  assert.deepEqual([p.srcPort, p.dstPort], [0, 0]);
}

const V4 = ip4({}, tcp());
const V6 = ip6(6, tcp());
const SNAP4 = bytes('aaaa03 000000 0800', V4);
const INNER = ethernet(0x0800, V4);

describe('links', () => {
  const nflog = (order: 'le' | 'be'): Buffer => {
    const n = (value: number): Buffer => (order === 'be' ? u16(value) : u16(value).swap16());
    const prefix = bytes(n(7), n(10), '613100', '00'); // three bytes of value, one of padding
    return bytes('02 00 0000', prefix, n(4 + V4.length), n(9), V4);
  };
  const dataFrame = (control: string, rest: string): Buffer =>
    bytes(control, '0000', '020000000001'.repeat(3), '0000', rest);
  const table: [string, number, Buffer, 4 | 6, number[][]?][] = [
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
      bytes(
        '00 00 1900 03000080 00000000 00000000',
        '1122334455667788',
        '20',
        dataFrame('8802', '0000'),
        '0000',
        SNAP4,
      ),
      4,
    ],
  ];
  for (const [name, link, frame, version, tags] of table) test(name, () => assertHello(link, frame, version, tags));

  const dropped: [string, number, Buffer, keyof PacketCounters][] = [
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
    ['SNAP in SNAP', 1, ethernet(40, bytes('aaaa03 000000 0020', Buffer.alloc(32))), 'notIp'],
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
    [
      'radiotap whose presence words run out',
      127,
      bytes('00 00 0800 00000080', dataFrame('0801', '')),
      'malformedLink',
    ],
  ];
  for (const [name, link, frame, counter] of dropped) test(`drops ${name}`, () => assertDropped(link, frame, counter));
});

describe('MPLS', () => {
  const label = (value: number, bottom: boolean): Buffer => u32((value << 12) | (bottom ? 0x100 : 0) | 64);
  const stack = bytes(label(1000, false), label(16, true));
  const tags = [
    [TAG_MPLS, 1000],
    [TAG_MPLS, 16],
  ];
  test('IPv4 under a stack', () => assertHello(1, ethernet(0x8847, bytes(stack, V4)), 4, tags));
  test('IPv6 under a stack', () => assertHello(1, ethernet(0x8848, bytes(stack, V6)), 6, tags));
  test('a pseudowire with a control word', () =>
    assertHello(1, ethernet(0x8847, bytes(stack, '00000000', INNER)), 4, tags));
  test('a pseudowire without', () => assertHello(1, ethernet(0x8847, bytes(stack, INNER)), 4, tags));
  test('a pseudowire whose address begins like IPv4', () => {
    const inner = Buffer.from(INNER);
    inner.write('48ffffff', 0, 'hex');
    assertHello(1, ethernet(0x8847, bytes(stack, inner)), 4, tags);
  });
  test('IPv4 from 8.0.69.1, which has an EtherType in its address', () => {
    assertHello(1, ethernet(0x8847, bytes(stack, ip4({ src: '8.0.69.1' }, tcp()))), 4, tags);
  });
  test('an associated channel is none of these', () => {
    assertDropped(1, ethernet(0x8847, bytes(stack, '10000007', Buffer.alloc(20))), 'notIp');
  });
});

describe('IPv4', () => {
  test('options', () => assertHello(RAW, ip4({ options: bytes('94040000') }, tcp()), 4));
  test('addresses and all TCP fields', () => {
    const mss = bytes('01 01 0402 0204 05b4 00000000');
    const { p } = decode(
      RAW,
      ip4({ src: '192.168.1.2', dst: '255.0.0.1' }, tcp({ flags: 0x02, seq: 0x80000000, options: mss })),
    );
    assert.deepEqual([p.src0, p.src1, p.src2, p.src3 >>> 0], [0, 0, 0, 0xc0a80102]);
    assert.deepEqual([p.dst0, p.dst1, p.dst2, p.dst3 >>> 0], [0, 0, 0, 0xff000001]);
    assert.deepEqual([p.seq, p.ack, p.flags, p.window, p.mss], [-0x80000000, 7, 2, 512, 1460]);
    assert.equal(p.timeNs, 1);
  });
  test('total length 0 means the rest of the frame', () =>
    assertHello(1, ethernet(0x0800, ip4({ total: 0 }, tcp())), 4));
  test('total length 0 in a cut frame means the rest on the wire', () => {
    const whole = ip4({ total: 0 }, tcp({}, Buffer.alloc(100_000)));
    const { segment, p } = decode(RAW, whole.subarray(0, 96), whole.length);
    assert.equal(segment, true);
    assert.deepEqual([p.payloadEnd - p.payload, p.payloadLength], [56, 100_000]);
  });
  test('cut by the snaplen', () => {
    const whole = ethernet(0x0800, ip4({}, tcp({}, Buffer.alloc(1000))));
    const { segment, p, counters } = decode(1, whole.subarray(0, 96), whole.length);
    assert.equal(segment, true);
    assert.deepEqual([p.payloadEnd - p.payload, p.payloadLength], [96 - 54, 1000]);
    assert.equal(counters.lengthBeyondFrame, 0);
  });
  test('cut, and the capture does not say so', () => {
    const whole = ethernet(0x0800, ip4({}, tcp({}, Buffer.alloc(1000))));
    const { segment, p, counters } = decode(1, whole.subarray(0, 96));
    assert.equal(segment, true);
    assert.deepEqual([p.payloadEnd - p.payload, p.payloadLength, counters.lengthBeyondFrame], [96 - 54, 1000, 1]);
  });
  test('cut inside the TCP options', () => {
    const whole = ip4({}, tcp({ flags: 2, options: bytes('020405b4', '01'.repeat(16)) }));
    const { segment, p } = decode(RAW, whole.subarray(0, 46), whole.length);
    assert.equal(segment, true);
    assert.deepEqual([p.payloadEnd - p.payload, p.payloadLength, p.mss], [0, 5, 1460]);
  });
  test('a wire length beyond reason is not believed', () => {
    const { p } = decode(RAW, ip4({ total: 0 }, tcp()), 0x7fffffff);
    assert.equal(p.payloadLength, 5);
  });
  test('ICMP is itself and not what it quotes', () => {
    const { segment, p, counters } = decode(
      RAW,
      ip4({ protocol: 1, src: '10.9.9.9' }, bytes('0301 0000 00000000', V4)),
    );
    assert.deepEqual([segment, p.ipVersion, p.protocol, p.src3, counters.icmp], [false, 4, 1, 0x0a090909, 1]);
  });
  test('nothing of the frame before is left', () => {
    const d = new PacketDecoder({ budget: new Budget(1 << 20), counters: new Counters() });
    const tagged = ethernet(0x8100, vlan(3, 0x86dd, ip6(6, tcp({ flags: 2, options: bytes('020405b4') }))));
    assert.equal(d.decode(tagged, 0, tagged.length, tagged.length, 1, 1), true);
    assert.equal(d.decode(V4, 0, V4.length, V4.length, 2, RAW), true);
    assert.deepEqual([d.packet.tagCount, d.packet.mss, d.packet.src0, d.packet.dst2, d.packet.timeNs], [0, 0, 0, 0, 2]);
    assert.equal(d.decode(tagged, 0, 10, 10, 3, 1), false);
    assert.deepEqual([d.packet.ipVersion, d.packet.tagCount, d.packet.srcPort], [0, 0, 0]);
  });
  const dropped: [string, Buffer, keyof PacketCounters][] = [
    ['a header of 16 bytes', bytes('44', V4.subarray(1)), 'malformedIp4'],
    ['a total length below the header', ip4({ total: 19 }, tcp()), 'malformedIp4'],
    ['a packet that ends in its header', V4.subarray(0, 19), 'malformedIp4'],
    ['AH that runs out', ip4({ protocol: 51 }, bytes('06 ff 0000 00000000', tcp())), 'malformedIp6'],
    ['ESP', ip4({ protocol: 50 }, Buffer.alloc(40)), 'esp'],
    ['OSPF', ip4({ protocol: 89 }, Buffer.alloc(40)), 'otherProtocol'],
    ['TCP with a header of 16 bytes', ip4({}, bytes(tcp().subarray(0, 12), '40', tcp().subarray(13))), 'malformedTcp'],
    [
      'TCP with a header beyond the packet',
      ip4({}, bytes(tcp().subarray(0, 12), 'f0', tcp().subarray(13))),
      'malformedTcp',
    ],
    ['TCP of 19 bytes', ip4({}, tcp({}, Buffer.alloc(0)).subarray(0, 19)), 'malformedTcp'],
    ['UDP of 7 bytes', ip4({ protocol: 17 }, Buffer.alloc(7)), 'malformedUdp'],
    ['UDP with a length of 7', ip4({ protocol: 17 }, udp(1, 2, bytes('00'), 7)), 'malformedUdp'],
    ['UDP longer than its packet', ip4({ protocol: 17 }, udp(1, 2, bytes('00'), 10)), 'malformedUdp'],
  ];
  for (const [name, frame, counter] of dropped) test(`drops ${name}`, () => assertDropped(RAW, frame, counter));
  test('a TCP header cut by the snaplen is counted as that', () => {
    const { segment, counters } = decode(RAW, V4.subarray(0, 30), V4.length);
    assert.deepEqual([segment, counters.truncated, counters.malformedTcp], [false, 1, 0]);
  });
  test('UDP shorter than its packet ends where it says', () => {
    const { segment, p } = decode(RAW, ip4({ protocol: 17 }, udp(53, 5353, Buffer.from('hello+trailer'), 13)));
    assert.deepEqual([segment, text(p), p.payloadLength, p.srcPort, p.dstPort], [true, 'hello', 5, 53, 5353]);
  });
  test('hostile options of a SYN end the search', () => {
    for (const options of ['0201 0204', '0300 0000', '0101 0102', '02ff ffff', '0002 0405', '1303 0204 05b4 0000']) {
      assert.equal(decode(RAW, ip4({}, tcp({ flags: 2, options: bytes(options) }))).p.mss, 0, options);
    }
  });
});

describe('IPv6', () => {
  const hop = bytes('06 00 01040000 0000'); // next header TCP, PadN
  const chain = bytes(
    '2b 00 01040000 0000',
    '3c 02 00 00',
    Buffer.alloc(20),
    '33 00 01040000 0000',
    '06 04 0000',
    Buffer.alloc(20),
  );
  test('hop-by-hop', () => assertHello(RAW, ip6(0, bytes(hop, tcp())), 6));
  test('hop-by-hop, routing, destination options, AH', () => assertHello(RAW, ip6(0, bytes(chain, tcp())), 6));
  test('mobility', () => assertHello(RAW, ip6(135, bytes(hop, tcp())), 6));
  test('an atomic fragment', () => assertHello(RAW, ip6(44, bytes('06 00 0000 11223344', tcp())), 6));
  test('addresses', () => {
    const { p } = decode(RAW, V6);
    assert.equal(bytes(u32(p.src0), u32(p.src1), u32(p.src2), u32(p.src3)).toString('hex'), SRC6);
    assert.equal(bytes(u32(p.dst0), u32(p.dst1), u32(p.dst2), u32(p.dst3)).toString('hex'), DST6);
  });
  const jumbo = (payload: Buffer, length: number): Buffer => ip6(0, bytes('06 00 c204', u32(length), payload), 0);
  test('a jumbogram', () => {
    const { segment, p } = decode(RAW, jumbo(tcp({}, Buffer.alloc(100_000)), 8 + 20 + 100_000));
    assert.deepEqual([segment, p.payloadLength, p.payloadEnd - p.payload], [true, 100_000, 100_000]);
  });
  test('a jumbogram cut by the snaplen', () => {
    const whole = jumbo(tcp({}, Buffer.alloc(100_000)), 8 + 20 + 100_000);
    const { segment, p } = decode(RAW, whole.subarray(0, 80), whole.length);
    assert.deepEqual([segment, p.payloadLength, p.payloadEnd - p.payload], [true, 100_000, 12]);
  });
  test('payload length 0 without the option means the rest of the frame', () => {
    const { segment, p } = decode(RAW, ip6(6, tcp({}, Buffer.alloc(90_000)), 0));
    assert.deepEqual([segment, p.payloadLength], [true, 90_000]);
  });
  const dropped: [string, Buffer, keyof PacketCounters][] = [
    ['a jumbogram that is none', jumbo(tcp(), 100), 'malformedIp6'],
    ['a jumbogram longer than the frame', jumbo(tcp(), 100_000), 'malformedIp6'],
    ['payload length 0 with options but not that one', ip6(0, bytes(hop, tcp()), 0), 'malformedIp6'],
    ['an extension header that runs out', ip6(0, bytes('06 20 01040000 0000', tcp())), 'malformedIp6'],
    ['extension headers without end', ip6(60, bytes('3c 00 01040000 0000'.repeat(40))), 'depthExceeded'],
    ['no next header', ip6(59, Buffer.alloc(20)), 'otherProtocol'],
    ['ICMPv6', ip6(58, Buffer.alloc(20)), 'icmp'],
    ['a version that is not 6', ethernet(0x86dd, bytes('45', V6.subarray(1))), 'malformedIp6'],
  ];
  for (const [name, frame, counter] of dropped) {
    test(`drops ${name}`, () =>
      assertDropped(frame.length > 54 && frame[12] === 0x86 ? ETHERNET : RAW, frame, counter));
  }
});

describe('tunnels', () => {
  const outer = (protocol: number, payload: Buffer): Buffer =>
    ip4({ protocol, src: '172.16.0.1', dst: '172.16.0.2' }, payload);
  const over = (port: number, payload: Buffer, srcPort = 50000): Buffer => outer(17, udp(srcPort, port, payload));
  const gre = (head: string, payload: Buffer): Buffer => outer(47, bytes(head, payload));
  const table: [string, Buffer, 4 | 6, number[][]?][] = [
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
  for (const [name, frame, version, tags] of table) test(name, () => assertHello(RAW, frame, version, tags));

  const plain: [string, Buffer][] = [
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
  for (const [name, frame] of plain) {
    test(`plain UDP: ${name}`, () => {
      const { segment, p, counters } = decode(RAW, frame);
      assert.equal(segment, true);
      assert.deepEqual([p.protocol, p.src3 >>> 0, p.srcPort, p.tagCount], [17, 0xac100001, 50000, 0]);
      assert.deepEqual([counters.udp, p.payloadLength], [1, frame.length - 28]);
    });
  }

  const dropped: [string, Buffer, keyof PacketCounters][] = [
    ['GRE with source routes', gre('4000 0800', V4), 'malformedTunnel'],
    ['GRE version 2', gre('0002 0800', V4), 'malformedTunnel'],
    ['GRE that runs out', gre('b000 0800', bytes('00000000')), 'malformedTunnel'],
    ['PPTP acknowledgement', gre('2081 880b 0000 0001 00000004', Buffer.alloc(0)), 'notIp'],
    ['ERSPAN II that says it is III', gre('1000 88be 00000001', bytes('2001 0064 00000000', INNER)), 'malformedTunnel'],
    ['EtherIP of another version', outer(97, bytes('4000', INNER)), 'malformedTunnel'],
    ['IPv6 in a tunnel for IPv4', outer(4, V6), 'malformedIp4'],
  ];
  for (const [name, frame, counter] of dropped) test(`drops ${name}`, () => assertDropped(RAW, frame, counter));

  const nest = (levels: number): Buffer => {
    let frame = V4;
    for (let i = 0; i < levels; i++) frame = outer(4, frame);
    return frame;
  };
  test('eight tunnels in each other', () => assertHello(RAW, nest(8), 4));
  test('nine are too many', () => assertDropped(RAW, nest(9), 'depthExceeded'));
  test('tags beyond those recorded', () => {
    const stack = bytes('00064040'.repeat(11), '00064140');
    const frame = ethernet(0x8847, bytes(stack, outer(137, bytes(stack, V4))));
    const { segment, p, counters } = decode(1, frame);
    assert.deepEqual([segment, p.tagCount, counters.tagsDropped], [true, MAX_TAGS, 24 - MAX_TAGS]);
  });
});
