/**
 * Nanoseconds per packet of the decoder, over the frames of real captures laid one behind the other in one buffer:
 * `node test/bench/packet-decode.ts`. The second figure reads the header fields of Ethernet, IPv4 and TCP by indexed bytes and
 * shifts, the third by DataView: the reason why the decoder holds one.
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
