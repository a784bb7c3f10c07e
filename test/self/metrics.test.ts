import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/self/counters.ts';
import { startSelfMetrics } from '../../src/self/metrics.ts';
import { ownResource } from '../../src/self/resource.ts';
import { VERSION } from '../../src/self/version.ts';
import { fakeCollector, KeptLog, sinkTo, until } from '../export/collector.ts';

interface Sent {
  resourceMetrics: {
    resource: { attributes: { key: string; value: { stringValue: string } }[] };
    scopeMetrics: {
      metrics: {
        name: string;
        sum?: {
          isMonotonic: boolean;
          dataPoints: { asDouble: number; attributes: { key: string; value: object }[] }[];
        };
        gauge?: { dataPoints: { asDouble: number }[] };
      }[];
    }[];
  }[];
}

test("the agent's own metrics go out the way of all others, and appear with their first reading", async (t) => {
  const collector = await fakeCollector();
  t.after(() => collector.close());
  const kit = sinkTo(collector.port, { headers: { 'x-a': '1' }, protocol: 'http/json' });
  t.after(() => kit.sink.close());
  let readings: Reading[] = [
    { name: 'packet.malformed', labels: {}, value: 3, kind: 'counter' },
    { name: 'exchanges', labels: { protocol: 'http', outcome: 'complete' }, value: 5, kind: 'counter' },
    { name: 'exchanges', labels: { protocol: 'http', outcome: 'reset' }, value: 1, kind: 'counter' },
  ];
  const log = new KeptLog();
  const points: number[] = [];
  const self = await startSelfMetrics({
    readings: async () => readings,
    encoding: 'json',
    send: (bytes, items) => {
      points.push(items);
      kit.sink.enqueue('metrics', bytes, items);
    },
    intervalMs: 20,
    resource: ownResource('agent-1', {
      OTEL_SERVICE_NAME: 'tapper',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=t%20est,service.name=no',
    }).attributes,
    log,
  });
  t.after(() => self.stop());
  await until(() => collector.received.length > 0); // by the interval
  readings = readings.concat({ name: 'export.queue_bytes', labels: { signal: 'traces' }, value: 77, kind: 'gauge' });
  await self.collect();
  assert.equal(points.at(-1), 4);
  assert.ok(await kit.sink.flush(5000));
  const last = collector.received.at(-1)!;
  assert.equal(last.path, '/v1/metrics');
  assert.equal(last.headers['x-a'], '1');
  const sent = JSON.parse(last.body) as Sent;
  const resource = Object.fromEntries(
    sent.resourceMetrics[0]!.resource.attributes.map((a) => [a.key, a.value.stringValue]),
  );
  assert.equal(resource['service.name'], 'tapper');
  assert.equal(resource['service.version'], VERSION);
  assert.equal(resource['service.instance.id'], 'agent-1');
  assert.equal(resource['deployment.environment.name'], 't est');
  const metrics = new Map(sent.resourceMetrics[0]!.scopeMetrics[0]!.metrics.map((m) => [m.name, m]));
  assert.equal(metrics.get('spantap.packet.malformed')!.sum!.dataPoints[0]!.asDouble, 3);
  assert.equal(metrics.get('spantap.packet.malformed')!.sum!.isMonotonic, true);
  assert.deepEqual(
    metrics
      .get('spantap.exchanges')!
      .sum!.dataPoints.map((p) => p.asDouble)
      .sort(),
    [1, 5],
  );
  assert.equal(metrics.get('spantap.export.queue_bytes')!.gauge!.dataPoints[0]!.asDouble, 77);
  assert.deepEqual(log.lines, []);
});

test('counters are differences where the standard variable asks for that', async (t) => {
  process.env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE = 'delta';
  t.after(() => delete process.env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE);
  let value = 5;
  const sent: Sent[] = [];
  const self = await startSelfMetrics({
    readings: () => [{ name: 'packet.malformed', labels: {}, value, kind: 'counter' }],
    encoding: 'json',
    send: (bytes) => sent.push(JSON.parse(Buffer.from(bytes).toString()) as Sent),
    intervalMs: 60_000,
    resource: {},
    log: new KeptLog(),
  });
  t.after(() => self.stop());
  await self.collect();
  value = 12;
  await self.collect();
  const told = sent.map((s) => s.resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!.sum!.dataPoints[0]!.asDouble);
  assert.deepEqual(told, [5, 7]);
});

test('a bad variable of resource attributes is left out whole', () => {
  const { attributes, malformed } = ownResource('agent-1', { OTEL_RESOURCE_ATTRIBUTES: 'a=b,broken' });
  assert.equal(malformed, true);
  assert.deepEqual(attributes, ownResource('agent-1', {}).attributes);
});

test('in protobuf too; readings that fail are left out with a word about it', async (t) => {
  const log = new KeptLog();
  const sent: Uint8Array[] = [];
  let fail = false;
  const self = await startSelfMetrics({
    readings: () => {
      if (fail) throw new Error('a shard is gone');
      return [{ name: 'a', labels: {}, value: 1, kind: 'counter' }];
    },
    encoding: 'protobuf',
    send: (bytes) => sent.push(bytes),
    intervalMs: 60_000,
    resource: ownResource('agent-1', {}).attributes,
    log,
  });
  t.after(() => self.stop());
  await self.collect();
  const text = Buffer.from(sent[0]!).toString('latin1');
  assert.ok(text.includes('spantap.a') && text.includes('service.instance.id') && !text.includes('{'));
  fail = true;
  await self.collect();
  assert.equal(sent.length, 1);
  assert.equal(log.lines.at(-1)!.fields.reason, 'a shard is gone');
});
