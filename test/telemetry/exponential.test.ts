import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregationType, type ExponentialHistogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { addBuckets, type ExponentialBuckets, ExponentialDistribution } from '../../src/telemetry/exponential.ts';
import { type ExponentialHistogramMetric, mergeSnapshots } from '../../src/telemetry/snapshot.ts';
import { ends, exchange, telemetry } from './double.ts';

const NS = 1e9;

function mine(ns: readonly number[], maxBuckets: number): ExponentialBuckets & { sum: number; count: number } {
  const d = new ExponentialDistribution(NS, maxBuckets);
  for (const value of ns) d.add(value);
  return { ...d.buckets(), sum: d.sum, count: d.count };
}

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** What OpenTelemetry's SDK makes of the same values. */
async function sdk(ns: readonly number[], maxSize: number): Promise<ExponentialHistogram> {
  const reader = new Reader();
  const aggregation = {
    type: AggregationType.EXPONENTIAL_HISTOGRAM,
    options: { maxSize, recordMinMax: false },
  } as const;
  const provider = new MeterProvider({ readers: [reader], views: [{ instrumentName: 'h', aggregation }] });
  const histogram = provider.getMeter('m').createHistogram('h');
  for (const value of ns) histogram.record(value / NS);
  const { resourceMetrics } = await reader.collect();
  return resourceMetrics.scopeMetrics[0]!.metrics[0]!.dataPoints[0]!.value as ExponentialHistogram;
}

/** From nanoseconds to hours; some are powers of 2 in seconds, which are the bounds of buckets. */
const durations = fc.array(
  fc.oneof(
    fc.double({ min: 0, max: 13, noNaN: true }).map((power) => Math.round(10 ** power)),
    fc.integer({ min: -9, max: 12 }).map((power) => NS * 2 ** power),
    fc.constant(0),
  ),
  { minLength: 1, maxLength: 300 },
);
const sizes = fc.constantFrom(4, 16, 20, 160, 1024);

test('buckets are those that the SDK makes', async () => {
  await fc.assert(
    fc.asyncProperty(durations, sizes, async (ns, maxBuckets) => {
      const { scale, zeroCount, positive, count, sum } = await sdk(ns, maxBuckets);
      const own = mine(ns, maxBuckets);
      assert.equal(own.scale, scale);
      assert.equal(own.zeroCount, zeroCount);
      assert.equal(own.count, count);
      assert.ok(Math.abs(own.sum / NS - sum!) <= 1e-9 * sum!);
      // the SDK may keep buckets without values at the ends
      const used = positive.bucketCounts.findIndex((n) => n > 0);
      const last = positive.bucketCounts.findLastIndex((n) => n > 0);
      if (used < 0) assert.deepEqual([own.offset, own.counts], [0, []]);
      else {
        assert.equal(own.offset, positive.offset + used);
        assert.deepEqual(own.counts, positive.bucketCounts.slice(used, last + 1));
      }
    }),
    { numRuns: 300 },
  );
});

test('a value lies in its bucket: above the lower bound, and not above the upper one', () => {
  fc.assert(
    fc.property(durations, sizes, (ns, maxBuckets) => {
      const { scale, zeroCount, offset, counts } = mine(ns, maxBuckets);
      assert.ok(counts.length <= maxBuckets);
      assert.equal(zeroCount, ns.filter((n) => n === 0).length);
      const base = 2 ** (2 ** -scale);
      const expected = new Map<number, number>();
      for (const n of ns.filter((value) => value > 0)) {
        const i = Math.ceil(Math.log2(n / NS) * 2 ** scale) - 1;
        assert.ok(n / NS > base ** i * (1 - 1e-9) && n / NS <= base ** (i + 1) * (1 + 1e-9), `${n} in bucket ${i}`);
        expected.set(i, (expected.get(i) ?? 0) + 1);
      }
      const found = counts.map((count, i) => [offset + i, count] as const).filter(([, count]) => count > 0);
      assert.deepEqual(new Map(found), new Map([...expected].toSorted(([a], [b]) => a - b)));
    }),
  );
});

test('what several have counted adds up to what one would have counted', () => {
  fc.assert(
    fc.property(durations, durations, sizes, (a, b, maxBuckets) => {
      const sum = addBuckets(mine(a, maxBuckets), mine(b, maxBuckets), maxBuckets);
      const { scale, zeroCount, offset, counts } = mine([...a, ...b], maxBuckets);
      assert.deepEqual(
        { scale: sum.scale, zeroCount: sum.zeroCount, offset: sum.offset, counts: sum.counts },
        { scale, zeroCount, offset, counts },
      );
    }),
  );
});

test('a pair of services: durations, the graph and shards put together, in the memory that was asked for', () => {
  const options = { spans: { enabled: false }, metrics: { maxBuckets: 160 } } as const;
  const shards = [telemetry(options), telemetry(options)];
  const plain = telemetry({ spans: { enabled: false } });
  const seconds: number[] = [];
  for (let i = 1; i <= 1000; i++) {
    const ns = Math.round(1e6 * 1.004 ** i);
    seconds.push(ns / NS);
    for (const { telemetry: t } of [shards[i & 1]!, plain]) t.finished(exchange(ends(1, 2), { endNs: 1e9 + ns }));
  }
  const snapshots = shards.map(({ telemetry: t }) => structuredClone(t.snapshot(60e9)));
  const { resources } = mergeSnapshots(snapshots);
  const of = (name: string): ExponentialHistogramMetric =>
    resources.flatMap((r) => r.metrics).find((m) => m.name === name) as ExponentialHistogramMetric;
  for (const name of ['toy.client.duration', 'toy.server.duration', 'traces_service_graph_request_client']) {
    const metric = of(name);
    assert.equal(metric.kind, 'exponentialHistogram');
    assert.equal(metric.points.length, 1);
    const [p] = metric.points;
    assert.equal(
      p!.counts.reduce((a, b) => a + b, 0),
      1000,
    );
    assert.ok(Math.abs(p!.sum - seconds.reduce((a, b) => a + b, 0)) < 1e-6);
    const base = 2 ** (2 ** -p!.scale);
    assert.ok(base < 1.05, `${name}: ${base}`);
    // the 95th percentile, in the bucket where it lies
    let rank = 0;
    const bucket =
      p!.offset +
      p!.counts.findIndex((count) => {
        rank += count;
        return rank >= 950;
      });
    assert.ok(base ** bucket < seconds[949]! && seconds[949]! <= base ** (bucket + 1));
  }
  // four distributions, of 160 counters each, more than with explicit buckets
  assert.equal(shards[0]!.budget.used - plain.budget.used, 3 * 160 * 8);
});
