/** Fragments of both IP versions: made whole in any order, refused when they contradict each other, bounded under attack. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { Counters } from '../../src/self/counters.ts';
import { bytes, ethernet, fragment6, type Ip4, ip4, ip6, tcp, udp, vlan } from './build.ts';

const RAW = 101;
const SECOND = 1e9;

class Bench {
  readonly budget: Budget;
  readonly decoder: PacketDecoder;
  nowNs = 0;

  constructor(budgetBytes = 1 << 26, maxDatagrams?: number, maxFragmentBytes?: number) {
    this.budget = new Budget(budgetBytes);
    const counters = new Counters();
    this.decoder = new PacketDecoder({
      budget: this.budget,
      counters,
      ...(maxDatagrams === undefined ? {} : { maxDatagrams }),
      ...(maxFragmentBytes === undefined ? {} : { maxFragmentBytes }),
    });
  }

  get counters() {
    return this.decoder.counters;
  }

  /** One frame a microsecond later; the payload of its segment, or undefined. */
  feed(frame: Buffer, link = RAW, captured = frame.length): Buffer | undefined {
    this.nowNs += 1000;
    if (!this.decoder.decode(frame, 0, captured, frame.length, this.nowNs, link)) return undefined;
    const p = this.decoder.packet;
    return Buffer.from(p.buf.subarray(p.payload, p.payloadEnd));
  }
}

const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255));

/** Cuts what follows the IP header into fragments of `size` bytes, the last one with the rest. */
function split4(datagram: Buffer, size: number, o: Ip4 = {}): Buffer[] {
  const out: Buffer[] = [];
  for (let offset = 0; offset < datagram.length; offset += size) {
    const piece = datagram.subarray(offset, offset + size);
    out.push(ip4({ id: 77, protocol: 17, ...o, offset, more: offset + size < datagram.length }, piece));
  }
  return out;
}

function split6(datagram: Buffer, size: number, next: number, id = 0x89abcdef): Buffer[] {
  const out: Buffer[] = [];
  for (let offset = 0; offset < datagram.length; offset += size) {
    const piece = datagram.subarray(offset, offset + size);
    out.push(fragment6(next, id, offset, offset + size < datagram.length, piece));
  }
  return out;
}

const DATA = pattern(4000);
const UDP4 = udp(2049, 700, DATA);

/** Feeds all; only the last may give a segment. */
function assertWhole(b: Bench, frames: Buffer[], data: Buffer): void {
  frames.forEach((frame, i) => {
    const got = b.feed(frame);
    if (i < frames.length - 1) assert.equal(got, undefined, `fragment ${i} is no segment yet`);
    else assert.deepEqual(got, data);
  });
}

describe('whole datagrams', () => {
  test('in order, with the time of the first fragment', () => {
    const b = new Bench();
    assertWhole(b, split4(UDP4, 1480), DATA);
    const p = b.decoder.packet;
    assert.deepEqual([p.timeNs, p.srcPort, p.dstPort, p.payloadLength, p.protocol], [1000, 2049, 700, 4000, 17]);
    assert.deepEqual([b.counters.fragmentsHeld, b.counters.fragmentsReassembled, b.counters.udp], [2, 1, 1]);
  });
  test('backwards, for both versions', () => {
    assertWhole(new Bench(), split4(UDP4, 1480).reverse(), DATA);
    const b = new Bench();
    assertWhole(b, split6(UDP4, 1232, 17).reverse(), DATA);
    assert.deepEqual([b.decoder.packet.ipVersion, b.decoder.packet.timeNs], [6, 1000]);
  });
  test('of the largest size, in fragments of 8 bytes up to the allowed number, and beyond it', () => {
    const largest = pattern(65535 - 8);
    assertWhole(new Bench(), split4(udp(1, 2, largest), 8184), largest);
    const small = pattern(128 * 8 - 8);
    assertWhole(new Bench(), split4(udp(1, 2, small), 8), small);
    const b = new Bench();
    for (const f of split4(udp(1, 2, pattern(129 * 8 - 8)), 8)) assert.equal(b.feed(f), undefined);
    assert.deepEqual([b.counters.fragmentsOverBudget, b.counters.fragmentsReassembled], [1, 0]);
  });
  test('in every order of four, two datagrams interleaved', () => {
    const one = split4(UDP4, 1200);
    const other = split4(udp(9, 9, Buffer.alloc(4000, 1)), 1200, { id: 78 });
    const orders = permutations([0, 1, 2, 3]);
    assert.equal(orders.length, 24);
    for (const order of orders) {
      const b = new Bench();
      const mixed = order.flatMap((i) => [one[i]!, other[3 - i]!]);
      const got = mixed.map((f) => b.feed(f)).filter((x) => x !== undefined);
      assert.deepEqual(got, [DATA, Buffer.alloc(4000, 1)]);
    }
  });
  test('told apart by id, address, protocol and VLAN', () => {
    const variants: Ip4[] = [{}, { id: 5 }, { src: '10.0.0.9' }, { dst: '10.0.0.9' }, { protocol: 6 }];
    const b = new Bench();
    const firsts = variants.map((o) => split4(UDP4, 2048, o));
    for (const [head] of firsts) assert.equal(b.feed(head!), undefined);
    const tagged = (id: number, f: Buffer): Buffer => ethernet(0x8100, vlan(id, 0x0800, f));
    assert.equal(b.feed(tagged(1, firsts[0]![0]!), 1), undefined);
    assert.equal(b.feed(tagged(2, firsts[0]![1]!), 1), undefined);
    for (const [, tail] of firsts.slice(0, 4)) assert.deepEqual(b.feed(tail!), DATA);
    assert.equal(b.counters.fragmentsReassembled, 4);
    assert.equal(b.counters.fragmentsDuplicate, 0);
    assert.deepEqual(b.feed(tagged(1, firsts[0]![1]!), 1), DATA);
  });
  test('the same id again after it is whole', () => {
    const b = new Bench();
    for (let i = 0; i < 3; i++) assertWhole(b, split4(UDP4, 1480), DATA);
    assert.equal(b.counters.fragmentsReassembled, 3);
  });
  test('extension headers behind the fragment header', () => {
    const inner = bytes('11 00 01040000 0000', UDP4); // destination options, then UDP
    assertWhole(new Bench(), split6(inner, 1232, 60), DATA);
  });
  test('the first fragment says what is inside, whatever the others claim', () => {
    const frames = split6(UDP4, 1232, 17).map((f, i) => (i === 0 ? f : bytes(f.subarray(0, 40), 6, f.subarray(41))));
    assertWhole(new Bench(), frames, DATA);
    assertWhole(new Bench(), frames.reverse(), DATA);
  });
  test('a TCP segment', () => {
    const b = new Bench();
    assertWhole(b, split4(tcp({ seq: 5 }, DATA), 1480, { protocol: 6 }), DATA);
    assert.deepEqual([b.decoder.packet.seq, b.counters.tcp], [5, 1]);
  });
  test('cut by the snaplen: the head up to the first cut, the length of the whole', () => {
    const b = new Bench();
    const frames = split4(UDP4, 1480);
    b.feed(frames[0]!);
    b.feed(frames[1]!, RAW, 120);
    const got = b.feed(frames[2]!, RAW, 120);
    assert.deepEqual(got, DATA.subarray(0, 1480 + 100 - 8));
    assert.equal(b.decoder.packet.payloadLength, 4000);
  });
});

function permutations(items: number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((x) => permutations(items.filter((y) => y !== x)).map((rest) => [x, ...rest]));
}

describe('tunnels', () => {
  const inner = ip4({}, tcp({}, DATA));
  const vxlan = udp(50000, 4789, bytes('08000000 00000100', ethernet(0x0800, inner)));
  test('a fragmented outer datagram is decoded inward', () => {
    const b = new Bench();
    assertWhole(b, split4(vxlan, 1480, { src: '172.16.0.1' }), DATA);
    assert.deepEqual([b.decoder.packet.protocol, b.decoder.packet.dstPort, b.decoder.packet.tagCount], [6, 80, 1]);
  });
  test('inner fragments, each in an outer datagram that is fragmented itself', () => {
    const innerFragments = split4(tcp({}, DATA), 1480, { protocol: 6, id: 9 });
    const outer = innerFragments.map((f, i) =>
      split4(bytes('0000 0800', f), 1000, { protocol: 47, id: 100 + i, src: '172.16.0.1' }),
    );
    const b = new Bench();
    assertWhole(b, outer.flat(), DATA);
    assert.equal(b.decoder.packet.timeNs, 1000);
    assert.equal(b.counters.fragmentsReassembled, outer.length + 1);
  });
  test('three levels of fragments in fragments', () => {
    const level1 = split6(UDP4, 2048, 17);
    const level2 = level1.flatMap((f, i) => split6(f, 1024, 41, 200 + i));
    const level3 = level2.flatMap((f, i) => split4(f, 512, { protocol: 41, id: 300 + i }));
    assertWhole(new Bench(), level3, DATA);
  });
});

test('IPv6 fragments in fragments of the same header are followed to a depth of eight', () => {
  // The first 8 bytes of every level go ahead; the rest of the innermost is in the rest of the next, and so on outwards.
  const nested = (levels: number): { b: Bench; got: Buffer | undefined } => {
    const b = new Bench();
    let rest = udp(2049, 700, DATA.subarray(0, 512));
    for (let id = 0; id < levels; id++) {
      const next = id === 0 ? 17 : 44;
      assert.equal(b.feed(fragment6(next, id, 0, true, rest.subarray(0, 8))), undefined);
      rest = fragment6(next, id, 8, false, rest.subarray(8)).subarray(40);
    }
    return { b, got: b.feed(ip6(44, rest)) };
  };
  assert.deepEqual(nested(8).got, DATA.subarray(0, 512));
  const tooMany = nested(9);
  assert.equal(tooMany.got, undefined);
  assert.equal(tooMany.b.counters.depthExceeded, 1);
});

describe('contradictions', () => {
  const frames = split4(UDP4, 1480);
  const [first, middle, last] = frames as [Buffer, Buffer, Buffer];
  test('an exact copy is tolerated', () => {
    const b = new Bench();
    assertWhole(b, [first, first, middle, first, middle, last], DATA);
    assert.equal(b.counters.fragmentsDuplicate, 3);
  });
  test('a last fragment that comes twice', () => {
    const b = new Bench();
    assertWhole(b, [last, last, middle, first], DATA);
    assert.equal(b.counters.fragmentsDuplicate, 1);
  });
  const altered = Buffer.from(middle);
  altered[40]! ^= 1;
  const piece = (offset: number, length: number, more = true): Buffer =>
    ip4({ id: 77, protocol: 17, offset, more }, UDP4.subarray(offset, offset + length));
  /** What is sent, and how many of it are held before it shows. */
  const overlaps: [string, Buffer[], number][] = [
    ['the same place with other bytes', [first, middle, altered, last], 2],
    ['into the one before', [first, piece(1472, 1488), last], 1],
    ['inside another', [first, piece(800, 8), middle, last], 1],
    ['around another', [piece(80, 8), first, middle, last], 1],
    [
      'beyond the end',
      [first, last, ip4({ id: 77, protocol: 17, offset: 4008, more: true }, Buffer.alloc(8)), middle],
      2,
    ],
    ['two different ends', [first, last, piece(1480, 1472, false), middle], 2],
    ['an end before what was there', [first, piece(2960, 1040), piece(1480, 1480, false), last], 2],
    ['the end as if more followed', [first, last, piece(2960, 1048), middle], 2],
  ];
  for (const [name, sent, held] of overlaps) {
    test(`refused: ${name}`, () => {
      const b = new Bench();
      for (const f of sent) assert.equal(b.feed(f), undefined);
      const { fragmentsHeld, fragmentsOverlapping, fragmentsRefused, fragmentsReassembled } = b.counters;
      assert.deepEqual([fragmentsHeld, fragmentsOverlapping, fragmentsReassembled], [held, 1, 0]);
      assert.equal(fragmentsRefused, sent.length - held - 1);
      // Nothing more of it is believed, until it has had its time.
      for (const f of frames) assert.equal(b.feed(f), undefined);
      b.nowNs += 31 * SECOND;
      assertWhole(b, frames, DATA);
    });
  }
  const malformed: [string, Buffer][] = [
    ['empty', ip4({ id: 1, more: true }, Buffer.alloc(0))],
    ['of 12 bytes with more to come', ip4({ id: 1, more: true }, Buffer.alloc(12))],
    ['that ends beyond 65,535', ip4({ id: 1, offset: 65528 }, Buffer.alloc(8))],
    ['of IPv6 that is empty', fragment6(17, 1, 0, true, Buffer.alloc(0))],
  ];
  for (const [name, frame] of malformed) {
    test(`malformed: a fragment ${name}`, () => {
      const b = new Bench();
      assert.equal(b.feed(frame), undefined);
      assert.deepEqual([b.counters.malformedFragment, b.counters.fragmentsHeld], [1, 0]);
    });
  }
  test('a fragment cut inside the IP options is not taken in', () => {
    const b = new Bench();
    const frame = ip4({ id: 1, more: true, options: bytes('94040000') }, Buffer.alloc(16));
    assert.equal(b.feed(frame, RAW, 22), undefined);
    assert.deepEqual([b.counters.truncated, b.counters.fragmentsHeld], [1, 0]);
  });
  test('an upper header that is too short in the whole datagram', () => {
    const b = new Bench();
    for (const f of split4(Buffer.alloc(16), 8, { protocol: 6 })) assert.equal(b.feed(f), undefined);
    assert.deepEqual([b.counters.fragmentsReassembled, b.counters.malformedTcp], [1, 1]);
  });
});

describe('bounds', () => {
  const limit = (datagrams: number, maxBytes: number): number => datagrams * 1536 + maxBytes + 65536;

  test('a datagram that is not whole after 30 s is let go, also when the clock jumps back', () => {
    for (const jump of [31 * SECOND, -31 * SECOND]) {
      const b = new Bench();
      const [first, second, third] = split4(UDP4, 1480) as [Buffer, Buffer, Buffer];
      b.feed(first);
      b.feed(second);
      b.nowNs += jump;
      assert.equal(b.feed(third), undefined);
      assert.deepEqual([b.counters.fragmentsExpired, b.counters.fragmentsReassembled], [1, 0]);
    }
  });
  test('after 29 s it is still there', () => {
    const b = new Bench();
    const [first, second, third] = split4(UDP4, 1480) as [Buffer, Buffer, Buffer];
    b.feed(first);
    b.feed(second);
    b.nowNs += 29 * SECOND;
    assert.deepEqual(b.feed(third), DATA);
  });
  test('the oldest datagram makes room for a new one', () => {
    const b = new Bench(1 << 26, 4);
    const sent = [0, 1, 2, 3, 4].map((i) => split4(UDP4, 2048, { id: i }));
    for (const [head] of sent) b.feed(head!);
    assert.equal(b.counters.fragmentsEvicted, 1);
    for (const i of [1, 2, 3, 4]) assert.deepEqual(b.feed(sent[i]![1]!), DATA);
    assert.equal(b.feed(sent[0]![1]!), undefined);
  });
  test('a flood of first fragments stays within count and bytes, and whole datagrams still pass', () => {
    const b = new Bench(1 << 26, 64, 1 << 18);
    const payload = pattern(1480);
    for (let i = 0; i < 20_000; i++) {
      b.feed(ip4({ id: i & 0xffff, protocol: 17, more: true, src: `10.${i & 255}.1.1` }, payload));
      if (i % 1000 === 0) assertWhole(b, split4(UDP4, 1480, { src: '192.0.2.1', id: i & 0xffff }), DATA);
      assert.ok(b.budget.used <= limit(64, 1 << 18));
    }
    assert.equal(b.counters.fragmentsReassembled, 20);
    assert.equal(b.counters.fragmentsHeld, 20_000 + 40);
    assert.ok(b.counters.fragmentsEvicted > 19_000);
  });
  test('pages run out before the count does', () => {
    // 64 KiB hold 32 fragments of up to 2 KiB; the datagrams allowed would be 256.
    const b = new Bench(1 << 26, 256, 1 << 16);
    for (let i = 0; i < 100; i++) b.feed(ip4({ id: i, protocol: 17, more: true }, pattern(1480)));
    assert.deepEqual([b.counters.fragmentsEvicted, b.counters.fragmentsHeld], [100 - 32, 100]);
    assert.ok(b.budget.used <= limit(256, 1 << 16));
  });
  test('a datagram that grows makes room at the cost of others, not of itself', () => {
    const b = new Bench(1 << 26, 256, 1 << 16);
    const [first, ...rest] = split4(UDP4, 1480);
    b.feed(first!);
    // With this the 32 pages are all in use; the next page is one for the older datagram.
    for (const f of split4(udp(1, 2, pattern(65_000)), 2048, { id: 5 }).slice(0, 31)) b.feed(f);
    assert.equal(b.counters.fragmentsEvicted, 0);
    assert.deepEqual(rest.map((f) => b.feed(f)).at(-1), DATA);
    assert.equal(b.counters.fragmentsEvicted, 1);
  });
  test('with no memory at all it refuses, counts and goes on', () => {
    const b = new Bench(1000);
    for (const f of split4(UDP4, 1480)) assert.equal(b.feed(f), undefined);
    assert.deepEqual([b.counters.fragmentsOverBudget, b.budget.used], [3, 0]);
    assert.deepEqual(b.feed(ip4({ protocol: 17 }, udp(1, 2, Buffer.from('x')))), Buffer.from('x'));
  });
  test('with memory for the table but not for the bytes, the datagram is given up', () => {
    const b = new Bench(2000);
    for (const f of split4(UDP4, 1480)) assert.equal(b.feed(f), undefined);
    assert.deepEqual([b.counters.fragmentsOverBudget, b.counters.fragmentsRefused], [1, 2]);
  });
  test('pages are used again: a thousand datagrams cost what one does', () => {
    const b = new Bench();
    assertWhole(b, split4(UDP4, 1480), DATA);
    const used = b.budget.used;
    for (let i = 0; i < 1000; i++) assertWhole(b, split4(UDP4, 1480, { id: i }), DATA);
    assert.equal(b.budget.used, used);
  });
  test('a reassembled datagram stays as it is until the next call', () => {
    const b = new Bench();
    assertWhole(b, split4(UDP4, 1480), DATA);
    const p = b.decoder.packet;
    assert.equal(p.buf.compare(DATA, 0, DATA.length, p.payload, p.payloadEnd), 0);
    assert.deepEqual(b.feed(ip6(17, udp(1, 2, Buffer.from('next')))), Buffer.from('next'));
    assertWhole(b, split4(UDP4, 1480), DATA);
  });
});
