import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueType } from '@opentelemetry/api';
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { Budget } from '../../src/bytes/budget.ts';
import { type Exchange, LOST, ONE_WAY, OPEN, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import { VERSION } from '../../src/self/version.ts';
import { countPoints, encodeMetrics, metricsRequests } from '../../src/telemetry/metrics-encoding.ts';
import {
  type HistogramPoint,
  inPieces,
  type MetricsSnapshot,
  mergeSnapshots,
  type SumPoint,
} from '../../src/telemetry/snapshot.ts';
import { BASE_SEC, ends, exchange, TOY_DATABASE, TOY_MESSAGING, TOY_NAMES, TOY_SESSION, telemetry } from './double.ts';
import { readMetrics } from './otlp-reader.ts';

const quiet = { spans: { enabled: false } } as const;

function points<P extends HistogramPoint | SumPoint>(s: MetricsSnapshot, service: string, metric: string): P[] {
  return s.resources
    .filter((r) => r.attributes['service.name'] === service)
    .flatMap((r) => r.metrics.filter((m) => m.name === metric))
    .flatMap((m) => m.points as P[]);
}
const histogram = (s: MetricsSnapshot, service: string, metric: string) => points<HistogramPoint>(s, service, metric);
const sum = (s: MetricsSnapshot, metric: string) => points<SumPoint>(s, 'spantap', metric);
const count = (p: HistogramPoint | undefined): number => p?.counts.reduce((a, b) => a + b, 0) ?? 0;

test('one exchange counts at its client, its server and in the graph', () => {
  const { telemetry: t } = telemetry(quiet);
  t.finished(exchange(ends(1, 2, 8080)));
  t.finished(exchange(ends(1, 2, 8080), { endNs: 1e9 + 25e6 }));
  const s = t.snapshot(60e9);
  const [client] = histogram(s, 'svc-1', 'toy.client.duration');
  const [server] = histogram(s, 'svc-2', 'toy.server.duration');
  assert.deepEqual(client!.attributes, {
    'server.port': 8080,
    'service.peer.name': 'svc-2',
    'service.peer.namespace': 'shop',
    'toy.method': 'GET',
    'toy.status': 200,
  });
  assert.deepEqual(server!.attributes, {
    'service.peer.name': 'svc-1',
    'service.peer.namespace': 'shop',
    'toy.method': 'GET',
    'toy.status': 200,
  });
  assert.deepEqual(client!.counts, [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // a bound belongs to its own bucket
  assert.ok(Math.abs(client!.sum - 0.035) < 1e-12);
  assert.deepEqual(client!.start, [BASE_SEC + 1, 0]);
  assert.deepEqual(client!.time, [BASE_SEC + 60, 0]);
  const edge = {
    client: 'svc-1',
    server: 'svc-2',
    connection_type: '',
    client_service_namespace: 'shop',
    server_service_namespace: 'shop',
  };
  const [total] = sum(s, 'traces_service_graph_request_total');
  assert.deepEqual([total!.attributes, total!.value], [edge, 2]);
  assert.equal(sum(s, 'traces_service_graph_request_failed_total')[0]!.value, 0);
  assert.equal(count(histogram(s, 'spantap', 'traces_service_graph_request_client')[0]), 2);
  assert.equal(count(histogram(s, 'spantap', 'traces_service_graph_request_server')[0]), 2);
  const own = s.resources.find((r) => r.attributes['service.name'] === 'spantap')!.attributes;
  assert.equal(own['service.instance.id'], 'agent-1');
  assert.equal(own['service.version'], VERSION);
  const observed = s.resources.find((r) => r.attributes['service.name'] === 'svc-1')!.attributes;
  assert.equal(observed['service.instance.id'], 'agent-1');
  assert.equal(observed['service.namespace'], 'shop');
});

test('outcomes: what counts, what fails, what has a duration', () => {
  const cases: [number, Partial<Parameters<typeof exchange>[1]>, number, number, number][] = [
    // outcome, change, total, failed, durations
    [TIMEOUT, { endNs: 31e9, status: 0 }, 1, 1, 1],
    [TRUNCATED, { endNs: Number.NaN }, 1, 0, 0],
    [ONE_WAY, { endNs: Number.NaN, firstByteNs: Number.NaN, status: 0 }, 1, 0, 0],
    [OPEN, {}, 0, 0, 0],
    [LOST, {}, 0, 0, 0],
  ];
  for (const [outcome, change, total, failed, durations] of cases) {
    const { telemetry: t, reading } = telemetry(quiet);
    t.finished(exchange(ends(1, 2), { outcome, ...change }));
    const s = t.snapshot(60e9);
    assert.equal(sum(s, 'traces_service_graph_request_total')[0]?.value ?? 0, total);
    assert.equal(sum(s, 'traces_service_graph_request_failed_total')[0]?.value ?? 0, failed);
    assert.equal(count(histogram(s, 'svc-2', 'toy.server.duration')[0]), durations);
    const label = ['', '', 'truncated', 'timeout', '', '', 'open', 'lost', 'one_way'][outcome]!;
    assert.equal(reading('exchanges', { protocol: 'toy', outcome: label }), 1);
  }
});

test('errors have series of their own, and a clock that ran backwards makes 0', () => {
  const { telemetry: t } = telemetry(quiet);
  t.finished(exchange(ends(1, 2), { status: 404 }));
  t.finished(exchange(ends(1, 2), { status: 503, endNs: 0.5e9 }));
  const s = t.snapshot(2e9);
  const errors = (service: string, metric: string): unknown[] =>
    histogram(s, service, metric).map((p) => p.attributes['error.type']);
  assert.deepEqual(errors('svc-1', 'toy.client.duration'), ['404', '503']);
  assert.deepEqual(errors('svc-2', 'toy.server.duration'), [undefined, '503']);
  assert.equal(sum(s, 'traces_service_graph_request_failed_total')[0]!.value, 2);
  assert.equal(histogram(s, 'svc-2', 'toy.server.duration')[1]!.sum, 0);
});

test('a database: the client measures, the edge is labelled', () => {
  const { telemetry: t } = telemetry(quiet);
  t.finished(exchange(ends(1, 2, 3306), {}, TOY_DATABASE));
  const s = t.snapshot(2e9);
  assert.equal(histogram(s, 'svc-1', 'toy.client.duration').length, 1);
  assert.equal(histogram(s, 'svc-2', 'toy.server.duration').length, 0);
  assert.equal(sum(s, 'traces_service_graph_request_total')[0]!.attributes.connection_type, 'database');
});

test('messages: the sender measures the sending, the receiver what is delivered', () => {
  const { telemetry: t } = telemetry(quiet);
  t.finished(exchange(ends(1, 2), { operation: 'SEND' }, TOY_MESSAGING));
  t.finished(exchange(ends(2, 3), { operation: 'DELIVER' }, TOY_MESSAGING));
  const s = t.snapshot(2e9);
  const has = (service: string): number[] => [
    histogram(s, service, 'toy.client.duration').length,
    histogram(s, service, 'toy.server.duration').length,
  ];
  assert.deepEqual(
    [has('svc-1'), has('svc-2'), has('svc-3')],
    [
      [1, 0],
      [0, 0],
      [0, 1],
    ],
  );
});

test('what passes in a session is counted while it goes on, at both ends, and expires like the rest', () => {
  const { telemetry: t, budget, reading } = telemetry({ ...quiet, metrics: { expiryMs: 60_000 } });
  const before = budget.used;
  const x = exchange(ends(1, 2), {}, TOY_SESSION);
  for (const bytes of [0, 64, 65]) t.passed(x, true, 1, bytes, 2e9);
  t.passed(x, false, 2, 5e6, 3e9);
  t.passed(exchange(ends(1, 2)), true, 1, 9, 3e9); // of a protocol that has no messages
  const s = t.snapshot(60e9);
  const told = (service: string): unknown[] =>
    histogram(s, service, 'spantap.message.size').map((p) => [p.attributes, p.counts, p.sum]);
  const attributes = (peer: string, direction: string, kind: number): object => ({
    'toy.kind': kind,
    'network.protocol.name': 'toysession',
    'network.io.direction': direction,
    'service.peer.name': peer,
    'service.peer.namespace': 'shop',
  });
  assert.deepEqual(told('svc-1'), [
    [attributes('svc-2', 'transmit', 1), [2, 1, 0, 0, 0, 0, 0, 0, 0], 129],
    [attributes('svc-2', 'receive', 2), [0, 0, 0, 0, 0, 0, 0, 0, 1], 5e6],
  ]);
  assert.deepEqual(told('svc-2'), [
    [attributes('svc-1', 'receive', 1), [2, 1, 0, 0, 0, 0, 0, 0, 0], 129],
    [attributes('svc-1', 'transmit', 2), [0, 0, 0, 0, 0, 0, 0, 0, 1], 5e6],
  ]);
  const units = s.resources.flatMap((r) => r.metrics.map((m) => m.unit));
  assert.deepEqual(units, ['By', 'By']);
  t.tick(200e9);
  assert.deepEqual([reading('telemetry.series'), reading('telemetry.pairs'), budget.used], [0, 0, before]);
});

test('messages that were sent and consumed have counters beside the durations, and those alone where there are none', () => {
  const { telemetry: t } = telemetry(quiet);
  const messaging = (operation: string, change: Partial<Exchange> = {}) =>
    t.finished(exchange(ends(1, 2), { operation, ...change }, TOY_MESSAGING));
  for (let n = 0; n < 3; n++) messaging('SEND', { outcome: ONE_WAY, endNs: Number.NaN });
  for (let n = 0; n < 2; n++) messaging('FETCH', { waits: true, status: 201 });
  messaging('DELIVER', { status: 202 });
  const s = t.snapshot(2e9);
  const of = (service: string) =>
    s.resources
      .filter((r) => r.attributes['service.name'] === service)
      .flatMap((r) => r.metrics)
      .map((m) => [m.name, m.kind, m.unit, m.points.map((p) => ('value' in p ? p.value : count(p as HistogramPoint)))]);
  assert.deepEqual(of('svc-1'), [
    ['messaging.client.sent.messages', 'sum', '{message}', [3]],
    ['messaging.client.consumed.messages', 'sum', '{message}', [6]],
  ]);
  assert.deepEqual(of('svc-2'), [
    ['toy.server.duration', 'histogram', 's', [1]],
    ['messaging.client.consumed.messages', 'sum', '{message}', [1]],
  ]);
  assert.deepEqual(points<SumPoint>(s, 'svc-1', 'messaging.client.sent.messages')[0]!.attributes, {
    'server.port': 80,
    'service.peer.name': 'svc-2',
    'service.peer.namespace': 'shop',
    'toy.method': 'SEND',
    'toy.status': 200,
  });
});

test('beyond the limit of series messages that were sent count on', () => {
  const { telemetry: t } = telemetry({ ...quiet, metrics: { maxSeries: 6 } });
  for (let status = 1; status <= 20; status++) {
    const change = { operation: 'SEND', status, outcome: ONE_WAY, endNs: Number.NaN };
    t.finished(exchange(ends(1, 2), change, TOY_MESSAGING));
    t.finished(exchange(ends(2, 1), { ...change, operation: 'DELIVER' }, TOY_MESSAGING));
  }
  const s = t.snapshot(2e9);
  for (const name of ['messaging.client.sent.messages', 'messaging.client.consumed.messages']) {
    const all = points<SumPoint>(s, 'svc-1', name);
    assert.equal(
      all.reduce((n, p) => n + p.value, 0),
      20,
      name,
    );
    assert.equal(all.filter((p) => p.attributes['otel.metric.overflow'] === true).length, 1);
  }
});

test('a series without a duration makes no histogram', () => {
  const { telemetry: t } = telemetry(quiet);
  const waiting = () => t.finished(exchange(ends(1, 2), { waits: true }));
  waiting();
  assert.deepEqual(histogram(t.snapshot(2e9), 'svc-1', 'toy.client.duration'), []);
  assert.deepEqual(histogram(t.snapshot(2e9), 'spantap', 'traces_service_graph_request_client'), []);
  assert.equal(sum(t.snapshot(2e9), 'traces_service_graph_request_total')[0]!.value, 1);
  for (const { metrics } of t.snapshot(2e9).resources) for (const m of metrics) assert.ok(m.points.length > 0, m.name);
  t.finished(exchange(ends(1, 2)));
  waiting();
  assert.deepEqual(histogram(t.snapshot(3e9), 'svc-1', 'toy.client.duration').map(count), [1]);
});

test('beyond the limit of series messages go to an overflow series', () => {
  const { telemetry: t, reading } = telemetry({ ...quiet, metrics: { maxSeries: 6 } });
  const x = exchange(ends(1, 2), {}, TOY_SESSION);
  for (let kind = 0; kind < 20; kind++) t.passed(x, true, kind, 100, 2e9);
  const sent = histogram(t.snapshot(3e9), 'svc-1', 'spantap.message.size');
  assert.equal(
    sent.reduce((n, p) => n + count(p), 0),
    20,
  );
  const over = sent.find((p) => p.attributes['otel.metric.overflow'] === true);
  assert.equal(count(over), reading('telemetry.series_overflow'));
});

test('no two points of a metric have equal attributes, whatever ports and connections lead there', () => {
  const { telemetry: t } = telemetry(quiet);
  for (const port of [80, 8080, 9000]) {
    for (let i = 0; i < 3; i++) t.finished(exchange(ends(1, 2, port)));
    t.finished(exchange(ends(1, 2, port), {}, TOY_DATABASE));
  }
  const s = t.snapshot(2e9);
  for (const r of s.resources) {
    for (const m of r.metrics) {
      const keys = m.points.map((p) => JSON.stringify(p.attributes));
      assert.equal(new Set(keys).size, keys.length, m.name);
    }
  }
  assert.equal(count(histogram(s, 'svc-2', 'toy.server.duration')[0]), 9);
  assert.deepEqual(
    sum(s, 'traces_service_graph_request_total').map((p) => p.value),
    [9, 3],
  );
});

test('series are cumulative, expire when nothing comes, and start anew', () => {
  const { telemetry: t, reading, budget } = telemetry({ ...quiet, metrics: { expiryMs: 60_000 } });
  const before = budget.used;
  const e = ends(1, 2);
  t.finished(exchange(e));
  t.finished(exchange(ends(3, 4)));
  t.tick(10e9);
  t.finished(exchange(e, { startNs: 40e9 }));
  t.tick(65e9);
  let s = t.snapshot(65e9);
  assert.deepEqual(
    sum(s, 'traces_service_graph_request_total').map((p) => p.value),
    [2],
  ); // the other has expired
  assert.equal(histogram(s, 'svc-3', 'toy.client.duration').length, 0);
  assert.equal(reading('telemetry.series_expired'), 3);
  t.tick(200e9);
  s = t.snapshot(200e9);
  assert.equal(countPoints(s), 0);
  assert.equal(reading('telemetry.series'), 0);
  assert.equal(reading('telemetry.pairs'), 0);
  assert.equal(budget.used, before);
  // the old connection asks again: a new series, and its start is not before the end of the forgotten one
  t.finished(exchange(e, { startNs: 199e9, endNs: 201e9 }));
  s = t.snapshot(210e9);
  const [total] = sum(s, 'traces_service_graph_request_total');
  assert.deepEqual([total!.value, total!.start], [1, [BASE_SEC + 200, 0]]);
  assert.equal(reading('telemetry.pairs'), 1);
});

test('beyond the limit of series: overflow, nothing lost from the totals, memory bounded', () => {
  const { telemetry: t, reading, budget } = telemetry({ ...quiet, metrics: { maxSeries: 30 } });
  const own = exchange(ends(1, 2));
  t.finished(own);
  for (let i = 0; i < 500; i++) {
    const e = ends(1, 2);
    e.client3 = 0x08000000 + i; // strangers
    t.finished(exchange(e, { status: 200 }));
  }
  t.finished(exchange(ends(1, 2)));
  const s = t.snapshot(2e9);
  const totals = sum(s, 'traces_service_graph_request_total');
  assert.equal(
    totals.reduce((n, p) => n + p.value, 0),
    502,
  );
  const overflow = totals.find((p) => p.attributes['otel.metric.overflow'] === true);
  assert.ok(overflow !== undefined && overflow.value > 400);
  const known = totals.find((p) => p.attributes.client === 'svc-1');
  assert.equal(known!.value, 2); // RED of known pairs goes on
  const served = histogram(s, 'svc-2', 'toy.server.duration');
  assert.equal(
    served.reduce((n, p) => n + count(p), 0),
    502,
  ); // the service itself has an overflow series
  assert.ok(served.some((p) => p.attributes['otel.metric.overflow'] === true));
  assert.ok(reading('telemetry.series')! <= 32);
  assert.equal(reading('telemetry.series_overflow'), overflow.value);
  assert.ok(reading('telemetry.series_refused')! > 0);
  assert.ok(budget.used < 600_000);
});

test('an overflow series expires like any other', () => {
  const { telemetry: t, reading } = telemetry({ ...quiet, metrics: { maxSeries: 6, expiryMs: 60_000 } });
  t.finished(exchange(ends(1, 2)));
  t.finished(exchange(ends(1, 2), { status: 201 }));
  t.finished(exchange(ends(1, 2), { status: 202 }));
  assert.ok(reading('telemetry.series_overflow')! > 0);
  t.tick(200e9);
  assert.equal(reading('telemetry.series'), 0);
  t.finished(exchange(ends(1, 2), { startNs: 201e9 }));
  assert.equal(reading('telemetry.series'), 3);
});

test('a budget without room makes no series but counts', () => {
  const budget = new Budget(1 << 20);
  assert.ok(budget.take(budget.owner('load'), 0.9 * (1 << 20)));
  const { telemetry: t, reading } = telemetry({ ...quiet, budget });
  t.finished(exchange(ends(1, 2)));
  const totals = sum(t.snapshot(2e9), 'traces_service_graph_request_total');
  assert.deepEqual(
    totals.map((p) => [p.attributes, p.value]),
    [[{ 'otel.metric.overflow': true }, 1]],
  );
  assert.equal(reading('telemetry.series'), 0);
});

test('names are asked for once per connection, and again after a while', () => {
  const { telemetry: t, namer } = telemetry(quiet);
  const e = ends(1, 2);
  for (let i = 0; i < 100; i++) t.finished(exchange(e));
  assert.equal(namer.lookups, 2);
  t.tick(61e9);
  t.finished(exchange(e));
  assert.equal(namer.lookups, 4);
});

test('routes make series of their own', () => {
  const { telemetry: t } = telemetry({ ...quiet, routes: 'template' });
  for (const target of ['/users/1', '/users/2', '/orders/7/items/9']) t.finished(exchange(ends(1, 2), { target }));
  const served = histogram(t.snapshot(2e9), 'svc-2', 'toy.server.duration');
  assert.deepEqual(
    served.map((p) => [p.attributes['toy.route'], count(p)]),
    [
      ['/users/{id}', 2],
      ['/orders/{id}/items/{id}', 1],
    ],
  );
});

test('metrics off: nothing but counters', () => {
  const { telemetry: t, reading } = telemetry({ ...quiet, metrics: { enabled: false } });
  t.finished(exchange(ends(1, 2)));
  assert.deepEqual(t.snapshot(2e9), { resources: [] });
  assert.equal(reading('telemetry.series'), 0);
  assert.equal(reading('exchanges', { protocol: 'toy', outcome: 'complete' }), 1);
});

test('shards add up', () => {
  const a = telemetry(quiet).telemetry;
  const b = telemetry(quiet).telemetry;
  for (let i = 0; i < 3; i++) a.finished(exchange(ends(1, 2), { startNs: 5e9 }));
  for (let i = 0; i < 4; i++) b.finished(exchange(ends(1, 2), { startNs: 3e9 }));
  b.finished(exchange(ends(2, 3)));
  // as it comes out of a worker
  const s = mergeSnapshots([structuredClone(a.snapshot(60e9)), structuredClone(b.snapshot(61e9))]);
  const [client] = histogram(s, 'svc-1', 'toy.client.duration');
  assert.deepEqual([count(client), client!.start, client!.time], [7, [BASE_SEC + 3, 0], [BASE_SEC + 61, 0]]);
  assert.ok(Math.abs(client!.sum - 0.07) < 1e-12);
  assert.deepEqual(
    sum(s, 'traces_service_graph_request_total').map((p) => p.value),
    [7, 1],
  );
  assert.equal(s.resources.filter((r) => r.attributes['service.name'] === 'spantap').length, 1);
  const alone = a.snapshot(60e9);
  assert.equal(mergeSnapshots([alone]), alone);
  assert.deepEqual(mergeSnapshots([]), { resources: [] });
});

/** The snapshot as the SDK's data types, for its own serializers. */
function asSdk(s: MetricsSnapshot): ResourceMetrics[] {
  return s.resources.map((r) => ({
    resource: resourceFromAttributes(r.attributes),
    scopeMetrics: [
      {
        scope: { name: 'spantap', version: VERSION, schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' },
        metrics: r.metrics.map((m): MetricData => {
          const { name, description, unit } = m;
          const common = { aggregationTemporality: AggregationTemporality.CUMULATIVE };
          if (m.kind === 'sum') {
            return {
              ...common,
              descriptor: { name, description, unit, valueType: m.fractional ? ValueType.DOUBLE : ValueType.INT },
              dataPointType: DataPointType.SUM,
              isMonotonic: true,
              dataPoints: m.points.map((p) => ({
                attributes: p.attributes as never,
                startTime: p.start,
                endTime: p.time,
                value: p.value,
              })),
            };
          }
          if (m.kind === 'gauge') {
            return {
              ...common,
              descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
              dataPointType: DataPointType.GAUGE,
              dataPoints: m.points.map((p) => ({
                attributes: p.attributes as never,
                startTime: p.start,
                endTime: p.time,
                value: p.value,
              })),
            };
          }
          if (m.kind === 'exponentialHistogram') {
            return {
              ...common,
              descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
              dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
              dataPoints: m.points.map((p) => ({
                attributes: p.attributes as never,
                startTime: p.start,
                endTime: p.time,
                value: {
                  count: p.counts.reduce((a, b) => a + b, p.zeroCount),
                  sum: p.sum,
                  scale: p.scale,
                  zeroCount: p.zeroCount,
                  positive: { offset: p.offset, bucketCounts: p.counts },
                  negative: { offset: 0, bucketCounts: [] },
                },
              })),
            };
          }
          return {
            ...common,
            descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
            dataPointType: DataPointType.HISTOGRAM,
            dataPoints: m.points.map((p) => ({
              attributes: p.attributes as never,
              startTime: p.start,
              endTime: p.time,
              value: { buckets: { boundaries: [...m.bounds], counts: p.counts }, count: count(p), sum: p.sum },
            })),
          };
        }),
      },
    ],
  }));
}

/** No duration and no size is below 0, and we say nothing of that; the SDK says that there is nothing. */
const withoutNegative = <T>(read: T): T =>
  JSON.parse(JSON.stringify(read, (key, value) => (key === 'negative' ? undefined : value)));

for (const [kind, maxBuckets] of [
  ['explicit', 0],
  ['exponential', 20],
] as const) {
  test(`encoded metrics say the same as the stock serializers, histograms being ${kind}`, () => {
    const { telemetry: t } = telemetry({ ...quiet, metrics: { maxSeries: 60, maxBuckets } });
    for (let i = 0; i < 400; i++) {
      t.finished(
        exchange(ends(1 + (i % 3), 5 + (i % 4), 8000 + (i % 40)), {
          status: 200 + (i % 3) * 100,
          endNs: 1e9 + (i % 40) * 40e6 * 1.01 ** i,
        }),
      );
    }
    t.finished(exchange(ends(9, 9), { target: 'ü'.repeat(200), operation: 'Größe'.repeat(60) }));
    const s = t.snapshot(123456789012);
    const sdk = asSdk(s);
    const stock = Buffer.concat(sdk.map((r) => ProtobufMetricsSerializer.serializeRequest(r)!));
    const mine = encodeMetrics(s, 'protobuf');
    assert.deepEqual(readMetrics(mine), withoutNegative(readMetrics(stock)));
    assert.equal(JSON.stringify(readMetrics(mine)).includes('"exponentialHistogram"'), maxBuckets > 0);
    const json = sdk.flatMap(
      (r) => JSON.parse(Buffer.from(JsonMetricsSerializer.serializeRequest(r)!).toString()).resourceMetrics as object[],
    );
    const made = JSON.parse(Buffer.from(encodeMetrics(s, 'json')).toString());
    assert.deepEqual(made, { resourceMetrics: withoutNegative(json) });
  });
}

test('many points go in several requests, each small enough for gRPC, and none is left out', () => {
  const metric = (name: string, count: number) => ({
    kind: 'histogram' as const,
    name,
    description: '',
    unit: 's',
    bounds: [1, 2],
    points: Array.from({ length: count }, (_, i) => ({
      attributes: { name: `${name} ${i}`, statement: 's'.repeat(3000) },
      start: [BASE_SEC, 1] as [number, number],
      time: [BASE_SEC + 1, 2] as [number, number],
      counts: [i, 0, 0],
      sum: 1,
    })),
  });
  const resources = [
    { attributes: { service: 'a' }, metrics: [metric('a1', 10), metric('a2', 2490), metric('a3', 500)] },
    { attributes: { service: 'b' }, metrics: [metric('b1', 0), metric('b2', 1)] },
    { attributes: { service: 'c' }, metrics: [metric('c1', 999)] },
  ];
  const requests = [...metricsRequests({ resources }, 'protobuf')];
  assert.deepEqual(
    requests.map((r) => r.points),
    [1000, 1000, 1000, 1000],
  );
  for (const { bytes } of requests) assert.ok(bytes.length < 4 << 20, `${bytes.length} bytes`);
  const named = (list: readonly { attributes: object; metrics: { name: string; points: object[] }[] }[]) =>
    list.flatMap((r) => r.metrics.flatMap((m) => m.points.map((p) => [r.attributes, m.name, p])));
  const pieces = [...inPieces({ resources }, 700)];
  assert.equal(pieces.length, 6);
  assert.deepEqual(named(pieces.flatMap((p) => p.resources)), named(resources));
  assert.deepEqual([...metricsRequests({ resources: [] }, 'json')], []);
});

test('points with many buckets of base 2 are fewer in a request', () => {
  const metric = {
    kind: 'exponentialHistogram' as const,
    name: 'm',
    description: '',
    unit: 's',
    maxBuckets: 1024,
    points: Array.from({ length: 1000 }, (_, i) => ({
      attributes: { name: `${i}`, statement: 's'.repeat(3000) },
      start: [BASE_SEC, 1] as [number, number],
      time: [BASE_SEC + 1, 2] as [number, number],
      scale: 6,
      zeroCount: 0,
      offset: -512,
      counts: new Array<number>(1024).fill(2 ** 31 + i),
      sum: 1,
    })),
  };
  const requests = [...metricsRequests({ resources: [{ attributes: {}, metrics: [metric] }] }, 'protobuf')];
  for (const { bytes } of requests) assert.ok(bytes.length < 4 << 20, `${bytes.length} bytes`);
  assert.equal(
    requests.reduce((sum, r) => sum + r.points, 0),
    1000,
  );
});

test('a request beyond two megabytes is encoded right', () => {
  const point = (i: number): SumPoint => ({
    attributes: { client: `client-${i}`, server: 's'.repeat(300) },
    start: [BASE_SEC, 1],
    time: [BASE_SEC + 1, 2],
    value: 2 ** 40 + i,
  });
  const metric = { kind: 'sum' as const, name: 'm', description: '', unit: '' };
  const list = Array.from({ length: 8000 }, (_, i) => point(i));
  const bytes = encodeMetrics(
    { resources: [{ attributes: { a: 'b' }, metrics: [{ ...metric, points: list }] }] },
    'protobuf',
  );
  assert.ok(bytes.length > 2 ** 21);
  const read = readMetrics(bytes) as {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ sum: { dataPoints: { asInt: string }[] } }] }] }];
  };
  const out = read.resourceMetrics[0].scopeMetrics[0].metrics[0].sum.dataPoints;
  assert.equal(out.length, 8000);
  assert.equal(out[7999]!.asInt, String(2 ** 40 + 7999));
});

test('a protocol that makes no edges: durations at the client and nothing in the graph, not even beyond the limit', () => {
  const { telemetry: t } = telemetry({ ...quiet, metrics: { maxSeries: 6, expiryMs: 5000 } });
  for (let i = 0; i < 50; i++) t.finished(exchange(ends(1, 2, 53), { status: 200 + i }, TOY_NAMES));
  const s = t.snapshot(60e9);
  const points = histogram(s, 'svc-1', 'toy.client.duration');
  assert.equal(
    points.reduce((n, p) => n + count(p), 0),
    50,
  );
  assert.deepEqual(sum(s, 'traces_service_graph_request_total'), []);
  t.finished(exchange(ends(1, 2, 80)));
  assert.equal(sum(t.snapshot(60e9), 'traces_service_graph_request_total')[0]!.value, 1);
  t.tick(100e9);
  assert.deepEqual(t.snapshot(100e9).resources.length, 1);
});
