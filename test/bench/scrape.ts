/** Cost of a scrape of 10,000 histograms: `node test/bench/scrape.ts`. */
import { serialize } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { exposition } from '../../src/export/prometheus/exposition.ts';
import { type Family, gather } from '../../src/export/prometheus/families.ts';
import { ends, exchange, telemetry } from '../telemetry/double.ts';

const SERIES = 10_000;
const ROUNDS = 7;

/** CPU time of this thread: other work on the machine disturbs it less than the clock. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const median = (values: number[]): string => values.sort((a, b) => a - b)[values.length >> 1]!.toFixed(0);

const { telemetry: t } = telemetry({ spans: { enabled: false }, metrics: { maxSeries: 2 * SERIES } });
// each status is a series of the client and one of the server
for (let n = 0; n < SERIES / 2; n++) {
  t.finished(exchange(ends(1 + (n % 10), 11 + ((n / 10) % 10), 8080), { status: 200 + Math.floor(n / 100) }));
}

const costs = { snapshot: [] as number[], handed: [] as number[], gathered: [] as number[], written: [] as number[] };
let longestMs = 0;
let bytes = 0;
let packed = 0;
for (let round = 0; round < ROUNDS; round++) {
  let before = cpuMs();
  const lap = (into: number[]): void => {
    const now = cpuMs();
    into.push(now - before);
    before = now;
  };
  const snapshot = t.snapshot(60e9);
  lap(costs.snapshot);
  serialize(snapshot); // as it goes from the shard to the main thread
  lap(costs.handed);
  const steps = gather(snapshot.resources, { conflicts: 0 });
  let families: Family[] | null = null;
  while (families === null) {
    const from = cpuMs();
    const step = steps.next();
    if (step.done) families = step.value;
    if (round > 0) longestMs = Math.max(longestMs, cpuMs() - from);
  }
  lap(costs.gathered);
  const pieces: Buffer[] = [];
  const texts = exposition(families, 'openmetrics');
  for (;;) {
    const from = cpuMs();
    const { value, done } = texts.next();
    if (done) break;
    pieces.push(Buffer.from(value));
    if (round > 0) longestMs = Math.max(longestMs, cpuMs() - from);
  }
  lap(costs.written);
  const all = Buffer.concat(pieces);
  bytes = all.length;
  if (round === 0) packed = gzipSync(all, { level: 1 }).length;
}
console.log(
  `a scrape of ${SERIES} histograms of 14 buckets: ${(bytes / 1e6).toFixed(1)} MB, ${(packed / 1e6).toFixed(1)} MB by gzip`,
);
console.log(
  `  in the shard:       snapshot ${median(costs.snapshot)} ms, handed over ${median(costs.handed)} ms of CPU`,
);
console.log(`  in the main thread: sorted ${median(costs.gathered)} ms, written ${median(costs.written)} ms of CPU`);
console.log(`  longest piece in one go: ${longestMs.toFixed(1)} ms of CPU`);
