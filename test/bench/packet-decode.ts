/**
 * Nanoseconds per packet of the decoder, over the frames of real captures laid one behind the other in one buffer (the loop itself
 * costs about 10), and of reading the 12 header fields of a TCP packet by index and shift, and by DataView:
 * `node test/bench/packet-decode.ts [fixture...]`.
 */

import { Budget } from '../../src/bytes/budget.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { Counters } from '../../src/self/counters.ts';
import { type Frame, readFrames } from '../packet/frames.ts';

const fixtures = new URL('../fixtures/', import.meta.url).pathname;
const ROUNDS = 5;
const PACKETS = 3_000_000;

function measure(name: string, frames: Frame[]): void {
  const decoder = new PacketDecoder({ budget: new Budget(1 << 28), counters: new Counters() });
  const buf = Buffer.concat(frames.map((f) => f.bytes));
  const starts = new Int32Array(frames.length + 1);
  frames.forEach((f, i) => {
    starts[i + 1] = starts[i]! + f.bytes.length;
  });
  const links = frames.map((f) => f.link);
  const wires = frames.map((f) => f.wireLength);
  let best = Number.POSITIVE_INFINITY;
  let segments = 0;
  for (let round = 0; round < ROUNDS; round++) {
    segments = 0;
    const begin = performance.now();
    for (let n = 0, i = 0; n < PACKETS; n++) {
      if (decoder.decode(buf, starts[i]!, starts[i + 1]!, wires[i]!, n * 1000.5, links[i]!)) segments++;
      if (++i === frames.length) i = 0;
    }
    best = Math.min(best, ((performance.now() - begin) * 1e6) / PACKETS);
  }
  console.log(
    `${name.padEnd(28)} ${best.toFixed(1).padStart(6)} ns/packet, ${((100 * segments) / PACKETS).toFixed(0)} % segments`,
  );
}

function u16(b: Buffer, at: number): number {
  return (b[at]! << 8) | b[at + 1]!;
}

function u32(b: Buffer, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
}

function measureReads(): void {
  const b = Buffer.alloc(64 * 128, 7);
  const v = new DataView(b.buffer, b.byteOffset, b.length);
  const byIndex = (i: number): number =>
    u16(b, i + 12) ^
    b[i + 14]! ^
    u16(b, i + 16) ^
    u16(b, i + 20) ^
    b[i + 23]! ^
    u32(b, i + 26) ^
    u32(b, i + 30) ^
    u16(b, i + 34) ^
    u16(b, i + 36) ^
    u32(b, i + 38) ^
    u32(b, i + 42) ^
    u16(b, i + 48);
  const byView = (i: number): number =>
    v.getUint16(i + 12) ^
    v.getUint8(i + 14) ^
    v.getUint16(i + 16) ^
    v.getUint16(i + 20) ^
    v.getUint8(i + 23) ^
    v.getInt32(i + 26) ^
    v.getInt32(i + 30) ^
    v.getUint16(i + 34) ^
    v.getUint16(i + 36) ^
    v.getInt32(i + 38) ^
    v.getInt32(i + 42) ^
    v.getUint16(i + 48);
  let sum = 0;
  let best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    const t0 = performance.now();
    for (let n = 0; n < PACKETS; n++) sum ^= byIndex((n & 63) * 128);
    const t1 = performance.now();
    for (let n = 0; n < PACKETS; n++) sum ^= byView((n & 63) * 128);
    const t2 = performance.now();
    best = [Math.min(best[0]!, t1 - t0), Math.min(best[1]!, t2 - t1)];
  }
  const [index, view] = best.map((ms) => ((ms * 1e6) / PACKETS).toFixed(1));
  console.log(`12 fields: by index ${index} ns, by DataView ${view} ns (${sum})`);
}

measureReads();
for (const name of process.argv.slice(2).length > 0
  ? process.argv.slice(2)
  : [
      'tcp/zk-ssh-dups',
      'link/sv-decode-sll2-01',
      'tcp/sv-http-gap-double',
      'link/zk-pcapng-multi-interface',
      'ip/zk-ipv6-http-atomic-frag',
      'tunnel/zk-vxlan-encapsulated-http',
      'tunnel/sv-bug-2576-02',
      'ip/df-ip-fragment',
    ]) {
  const ng = name.includes('pcapng');
  measure(name, readFrames(`${fixtures}${name}/input.pcap${ng ? 'ng' : ''}`));
}
