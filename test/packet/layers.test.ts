/** Hand-built frames: every link type, every header between it and the segment, and what is refused. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import type { PacketCounters } from '../../src/packet/counters.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { MAX_TAGS, type Packet, TAG_GTP, TAG_MPLS } from '../../src/packet/packet.ts';
import { Counters } from '../../src/self/counters.ts';
import { bytes, DST6, ethernet, ip4, ip6, SRC6, tcp, u16, u32, udp, vlan } from './build.ts';
import { INNER, linkDrops, linkFrames, outer, plainUdp, tunnelDrops, tunnelFrames, V4, V6 } from './catalogue.ts';

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

const moved = (counters: PacketCounters): [string, number][] => Object.entries(counters).filter(([, n]) => n > 0);

const text = (p: Packet): string => p.buf.toString('latin1', p.payload, p.payloadEnd);

/** The frame comes through with the segment of the catalogue, and moves no other counter. */
function assertHello(link: number, frame: Buffer, ipVersion: 4 | 6, tags: number[][] = []): void {
  const { segment, p, counters } = decode(link, frame);
  assert.deepEqual(moved(counters), [['tcp', 1]]);
  assert.equal(segment, true);
  assert.equal(p.ipVersion, ipVersion);
  assert.deepEqual([p.protocol, p.srcPort, p.dstPort], [6, 40000, 80]);
  assert.equal(text(p), 'hello');
  assert.equal(p.payloadLength, 5);
  assert.deepEqual(tagsOf(p), tags);
}

function assertDropped(link: number, frame: Buffer, counter: keyof PacketCounters): void {
  const { segment, p, counters } = decode(link, frame);
  assert.equal(segment, false);
  assert.deepEqual(moved(counters), [[counter, 1]]);
  assert.deepEqual([p.srcPort, p.dstPort], [0, 0]);
}

describe('links', () => {
  for (const [name, link, frame, version, tags] of linkFrames)
    test(name, () => assertHello(link, frame, version, tags));

  for (const [name, link, frame, counter] of linkDrops)
    test(`drops ${name}`, () => assertDropped(link, frame, counter));
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
  test('headers are whole or there is no segment', () => {
    const datagram = ip4({ protocol: 17 }, udp(1, 2, Buffer.from('hello')));
    const cases: [Buffer, number][] = [
      [V4, 40],
      [V6, 60],
      [datagram, 28],
      [ip4({ options: bytes('94040000') }, tcp()), 44],
    ];
    for (const [frame, headers] of cases) {
      for (let captured = 1; captured <= frame.length; captured++) {
        const { segment, p, counters } = decode(RAW, frame.subarray(0, captured), frame.length);
        assert.equal(segment, captured >= headers, `${captured} of ${frame.length} bytes`);
        if (segment) assert.deepEqual([p.payloadEnd - p.payload, p.payloadLength], [captured - headers, 5]);
        else
          assert.deepEqual(
            moved(counters).filter(([name]) => name !== 'lengthBeyondFrame'),
            [['truncated', 1]],
          );
      }
    }
  });
  test('the length of an outer header ends a packet that has none of its own', () => {
    const open = ip4({ total: 0 }, tcp());
    const snap = bytes('aaaa03 000000 0800', open);
    const padding = Buffer.alloc(9, 0x55);
    const gtp = bytes('30ff', u16(open.length), '00000011', open);
    const cases: [number, Buffer][] = [
      [1, ethernet(snap.length, snap)],
      [1, ethernet(0x8864, bytes('11 00 0001', u16(2 + open.length), '0021', open))],
      [239, bytes('02 00 0000', u16(4 + open.length).swap16(), '0900', open)],
      [RAW, outer(17, bytes(udp(50000, 2152, bytes(gtp, padding))))],
      [RAW, ip4({ protocol: 47, total: 0 }, bytes('3001 880b', u16(2 + open.length), '0001 00000005 0021', open))],
    ];
    for (const [link, frame] of cases)
      assertHello(link, bytes(frame, padding), 4, link === RAW && frame[9] === 17 ? [[TAG_GTP, 17]] : []);
  });
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
  for (const [name, frame, version, tags] of tunnelFrames) test(name, () => assertHello(RAW, frame, version, tags));

  for (const [name, frame] of plainUdp) {
    test(`plain UDP: ${name}`, () => {
      const { segment, p, counters } = decode(RAW, frame);
      assert.equal(segment, true);
      assert.deepEqual([p.protocol, p.src3 >>> 0, p.srcPort, p.tagCount], [17, 0xac100001, 50000, 0]);
      assert.deepEqual([counters.udp, p.payloadLength], [1, frame.length - 28]);
    });
  }

  for (const [name, frame, counter] of tunnelDrops) test(`drops ${name}`, () => assertDropped(RAW, frame, counter));

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
