/**
 * The wire may hold anything. Every fixture frame is cut at every byte and damaged at random: the decoder never throws, never
 * looks behind the captured bytes, and keeps its promises about what it reports.
 */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { MAX_TAGS, TCP, UDP } from '../../src/packet/packet.ts';
import { Counters } from '../../src/self/counters.ts';
import { bytes, ip6, tcp, u32 } from './build.ts';
import { linkDrops, linkFrames, plainUdp, tunnelDrops, tunnelFrames } from './catalogue.ts';
import { type Frame, readFrames } from './frames.ts';

const root = new URL('../fixtures/', import.meta.url).pathname;

/** The frames built by hand, with whatever they hold. */
const built: Frame[] = [
  ...linkFrames.map(([, link, bytes]) => ({ link, bytes })),
  ...linkDrops.map(([, link, bytes]) => ({ link, bytes })),
  ...[...tunnelFrames, ...plainUdp, ...tunnelDrops].map(([, bytes]) => ({ link: 101, bytes })),
  { link: 101, bytes: ip6(0, bytes('06 00 c204', u32(100_000), tcp({}, Buffer.alloc(200))), 0) },
  { link: 101, bytes: ip6(0, bytes('06 02', '0102 0000'.repeat(4), 'c204', u32(100_000), tcp()), 0) },
].map((f) => ({ ...f, wireLength: f.bytes.length, timeNs: 1 }));

/** Frames of all shapes, but not hundreds of the same: the first of each length in a file. */
const captured: Frame[] = ['link', 'tunnel', 'ip', 'tcp'].flatMap((room) =>
  readdirSync(root + room).flatMap((name) => {
    const input = readdirSync(`${root}${room}/${name}`).find((f) => f.startsWith('input.'))!;
    const lengths = new Set<number>();
    return readFrames(`${root}${room}/${name}/${input}`).filter(({ bytes }) => {
      const first = !lengths.has(bytes.length);
      lengths.add(bytes.length);
      return first;
    });
  }),
);

const frames = [...captured, ...built];

const decoder = () => new PacketDecoder({ budget: new Budget(1 << 26), counters: new Counters() });

/** All that a call of the decoder can be seen to do; offsets count from `base`, but for reassembled datagrams. */
function outcome(d: PacketDecoder, segment: boolean, buf: Buffer, base: number): number[] {
  const p = d.packet;
  const tags = [...p.tags.subarray(0, 2 * p.tagCount)];
  const head = [segment ? 1 : 0, p.timeNs, p.ipVersion, ...tags, ...Object.values(d.counters)];
  if (p.ipVersion !== 0) head.push(p.src0, p.src1, p.src2, p.src3, p.dst0, p.dst1, p.dst2, p.dst3, p.protocol);
  if (!segment) return head;
  const from = p.buf === buf ? base : 0;
  head.push(p.srcPort, p.dstPort, p.payload - from, p.payloadEnd - from, p.payloadLength);
  if (p.protocol === TCP) head.push(p.seq, p.ack, p.flags, p.window, p.mss);
  return head;
}

/** What holds for every segment whatever the bytes were. */
function assertSound(d: PacketDecoder, buf: Buffer, start: number, end: number): void {
  const p = d.packet;
  assert.ok(p.protocol === TCP || p.protocol === UDP);
  assert.ok(p.ipVersion === 4 || p.ipVersion === 6);
  assert.ok(p.payload <= p.payloadEnd, 'payload in order');
  assert.ok(p.payloadEnd - p.payload <= p.payloadLength, 'not more captured than there was');
  if (p.buf === buf) assert.ok(p.payload >= start && p.payloadEnd <= end, 'payload inside the frame');
  else assert.ok(p.payload >= 8 && p.payloadEnd <= 65535, 'payload inside the datagram');
  assert.ok(p.tagCount <= MAX_TAGS);
  for (const word of [p.src0, p.src3, p.dst0, p.dst3, p.seq, p.ack]) assert.equal(word, word | 0);
}

test('a frame cut at any byte gives the same, whatever stands behind the cut', () => {
  // Behind the cut: the rest of the frame, ones, and the end of the buffer (a read there would throw).
  const [tempted, poisoned, tight] = [decoder(), decoder(), decoder()];
  let cuts = 0;
  for (const f of frames) {
    const ones = Buffer.alloc(f.bytes.length + 32, 0xff);
    for (let cut = 0; cut <= f.bytes.length; cut++) {
      if (cut > 400 && cut % 97 !== 0 && cut < f.bytes.length - 8) continue; // headers end long before
      f.bytes.copy(ones, 16, 0, cut);
      ones.fill(0xff, 16 + cut);
      const exact = Buffer.from(f.bytes.subarray(0, cut));
      const a = tempted.decode(f.bytes, 0, cut, f.wireLength, f.timeNs, f.link);
      const b = poisoned.decode(ones, 16, 16 + cut, f.wireLength, f.timeNs, f.link);
      const c = tight.decode(exact, 0, cut, f.wireLength, f.timeNs, f.link);
      const seen = outcome(tempted, a, f.bytes, 0);
      assert.deepEqual(outcome(poisoned, b, ones, 16), seen, `cut at ${cut} of ${f.bytes.length}`);
      assert.deepEqual(outcome(tight, c, exact, 0), seen, `cut at ${cut} of ${f.bytes.length}`);
      if (a) assertSound(tempted, f.bytes, 0, cut);
      cuts++;
    }
  }
  assert.ok(cuts > 10_000);
});

/** A xorshift generator: the same numbers in every run. */
function generator(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

test('damaged frames never throw, and every call moves one verdict', () => {
  const random = generator(0x5eed);
  const budget = new Budget(1 << 26);
  const d = new PacketDecoder({ budget, counters: new Counters() });
  const links = [
    ...new Set(frames.map((f) => f.link)),
    0,
    9,
    50,
    51,
    100,
    101,
    104,
    105,
    108,
    109,
    127,
    219,

    229,
    239,
  ];
  const notes = ['tagsDropped', 'lengthBeyondFrame', 'fragmentsReassembled', 'fragmentsExpired', 'fragmentsEvicted'];
  const verdicts = (): number => {
    let sum = 0;
    for (const [name, n] of Object.entries(d.counters)) if (!notes.includes(name)) sum += n;
    return sum;
  };
  let segments = 0;
  for (let round = 0; round < 60; round++) {
    for (const f of frames) {
      const buf = Buffer.from(f.bytes);
      // Mostly in the headers, where it hurts.
      const reach = random(3) === 0 ? buf.length : Math.min(buf.length, 120);
      for (let n = random(6); n >= 0; n--) buf[random(reach)] = random(4) === 0 ? 255 * random(2) : random(256);
      const end = random(4) === 0 ? random(buf.length + 1) : buf.length;
      const link = random(8) === 0 ? links[random(links.length)]! : f.link;
      const wireLength = random(10) === 0 ? random(0x7fffffff) : f.wireLength;
      const before = verdicts();
      const segment = d.decode(buf, 0, end, wireLength, f.timeNs, link);
      assert.equal(verdicts(), before + 1, 'one verdict for a frame');
      if (segment) {
        assertSound(d, buf, 0, end);
        segments++;
      } else assert.ok(d.packet.srcPort === 0 && d.packet.dstPort === 0);
    }
  }
  assert.ok(segments > 1000, `${segments} segments`);
  assert.ok(budget.used <= (4 << 20) + 256 * 1536 + 65536);
});

test('noise never throws', () => {
  const random = generator(0xbad);
  const d = decoder();
  const buf = Buffer.alloc(300);
  for (let round = 0; round < 60_000; round++) {
    for (let i = 0; i < 80; i++) buf[i] = random(256);
    // Half of them begin like IP or Ethernet with IP in it.
    const link = [1, 101, 113, 276, 239, 127, 105, 0, 9, 219][random(10)]!;
    if (link === 1 && random(2) === 0) buf.writeUInt16BE([0x0800, 0x86dd, 0x8100, 0x8847, 0x8864][random(5)]!, 12);
    if (random(2) === 0) buf[link === 1 ? 14 : 0] = random(2) === 0 ? 0x45 : 0x60;
    const end = random(buf.length + 1);
    if (d.decode(buf, 0, end, end, round, link)) assertSound(d, buf, 0, end);
  }
});
