/**
 * Bytes that the way from frame to finished exchange allocates per packet, of a classic pcap file:
 * `node --min-semi-space-size=256 --max-semi-space-size=256 test/bench/measure/allocation.ts FILE`.
 *
 * In slices of the file: collect garbage, look at the heap, decode, look again. The young generation is large enough for a slice,
 * and a slice in which garbage was collected all the same does not count: so the difference is what was allocated, whether it is
 * kept or not. The first half of the file only warms up.
 */
import { readFileSync } from 'node:fs';
import { GCProfiler, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Budget } from '../../../src/bytes/budget.ts';
import { Timebase } from '../../../src/bytes/timebase.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Pipeline } from '../../../src/pipeline.ts';
import { BARE, type Detail, FULL } from '../../../src/protocols/protocol.ts';
import { Counters } from '../../../src/self/counters.ts';

/** At some hundred bytes for each packet, a slice takes some megabytes. */
const SLICE = 10_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const file = readFileSync(process.argv[2]!);
const nanoseconds = file.readUInt32LE(0) === 0xa1b23c4d ? 1 : 1000;
const link = file.readUInt32LE(20);
const starts: number[] = [];
for (let at = 24; at + 16 <= file.length; at += 16 + file.readUInt32LE(at + 8)) starts.push(at);

/** Per packet, and how many exchanges came out. */
async function measure(detail: Detail): Promise<{ bytes: number; exchanges: number }> {
  const config = await loadConfig(null, {});
  let exchanges = 0;
  const pipeline = new Pipeline({
    config,
    listeners: [{ finished: () => void exchanges++ }],
    counters: new Counters(),
    budget: new Budget(config.limits.memoryBytes),
    timebase: new Timebase(),
    detail,
  });
  const feed = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const at = starts[i]!;
      const captured = file.readUInt32LE(at + 8);
      const fraction = file.readUInt32LE(at + 4) * nanoseconds;
      const begin = at + 16;
      pipeline.frame(file, begin, begin + captured, file.readUInt32LE(at + 12), file.readUInt32LE(at), fraction, link);
    }
  };
  const half = starts.length >> 1;
  feed(0, half);
  let bytes = 0;
  let packets = 0;
  for (let from = half; from + SLICE <= starts.length; from += SLICE) {
    collect();
    const profiler = new GCProfiler();
    profiler.start();
    const before = allocated();
    feed(from, from + SLICE);
    const after = allocated();
    if (profiler.stop()!.statistics.length > 0) continue;
    bytes += after - before;
    packets += SLICE;
  }
  pipeline.end();
  return { bytes: bytes / packets, exchanges };
}

/** On the heap, and in buffers beside it. */
function allocated(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const [full, bare] = [await measure(FULL), await measure(BARE)];
console.log(JSON.stringify({ packets: starts.length, exchanges: full.exchanges, full: full.bytes, bare: bare.bytes }));
