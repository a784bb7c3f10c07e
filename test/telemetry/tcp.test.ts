/** What is told of connections, as metrics of pairs of services. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { TcpNews, TO_CLIENT, TO_SERVER } from '../../src/exchange/tcp-news.ts';
import { encodeMetrics } from '../../src/telemetry/metrics-encoding.ts';
import {
  type GaugePoint,
  type HistogramPoint,
  type MetricsSnapshot,
  mergeSnapshots,
  type SumPoint,
} from '../../src/telemetry/snapshot.ts';
import { BASE_SEC, ends, exchange, telemetry } from './double.ts';
import { readMetrics } from './otlp-reader.ts';

const watching = { spans: { enabled: false }, metrics: { tcp: true } } as const;

/** News of a connection from 10.0.0.`client` to 10.0.0.`server`. */
function news(client: number, server: number, change: Partial<TcpNews> = {}): TcpNews {
  const n = new TcpNews();
  n.client3 = 0x0a000000 | client;
  n.server3 = 0x0a000000 | server;
  n.serverPort = 80;
  n.firstNs = 1e9;
  n.lastNs = 2e9;
  return Object.assign(n, change);
}

function withBytes(n: TcpNews, delivered: number, lost: number): TcpNews {
  n.directions[TO_CLIENT].delivered = delivered;
  n.directions[TO_CLIENT].lost = lost;
  return n;
}

function points<P extends SumPoint | HistogramPoint | GaugePoint>(s: MetricsSnapshot, metric: string): P[] {
  return s.resources
    .filter((r) => r.attributes['service.name'] === 'spantap')
    .flatMap((r) => r.metrics.filter((m) => m.name === metric))
    .flatMap((m) => m.points as P[]);
}
const values = (s: MetricsSnapshot, metric: string): unknown[] =>
  points<SumPoint>(s, metric).map((p) => [
    p.attributes['spantap.direction'] ?? p.attributes['error.type'] ?? '',
    p.value,
  ]);
const shares = (s: MetricsSnapshot): unknown[] =>
  points<GaugePoint>(s, 'spantap.coverage').map((p) => [p.attributes.client ?? 'overflow', p.value]);

test('every figure of a pair, under the names that dashboards and rules know', () => {
  const { telemetry: t } = telemetry(watching);
  const n = news(1, 2, { device: 4, opened: 1, refused: 0, timedOut: 0, handshakeNs: 3e6 });
  Object.assign(n.directions[TO_SERVER], { delivered: 90, lost: 10, retransmitted: 7, zeroWindowNs: 1.5e9 });
  Object.assign(n.directions[TO_CLIENT], { delivered: 300, outOfOrder: 20, resets: 1 });
  t.tcp!.told(n);
  t.tcp!.told(news(1, 2, { device: 4, refused: 1 }));
  t.tcp!.told(news(1, 2, { device: 4, timedOut: 1 }));
  t.tcp!.told(news(1, 2, { device: 4, opened: 1, handshakeNs: 2e9 }));
  const s = t.snapshot(60e9);
  const who = {
    client: 'svc-1',
    server: 'svc-2',
    client_service_namespace: 'shop',
    server_service_namespace: 'shop',
    'network.interface.name': 'eth2',
  };
  const [opened] = points<SumPoint>(s, 'spantap.tcp.connections.opened');
  assert.deepEqual(opened, { attributes: who, start: [BASE_SEC + 1, 0], time: [BASE_SEC + 60, 0], value: 2 });
  assert.deepEqual(values(s, 'spantap.tcp.connections.failed'), [
    ['refused', 1],
    ['timeout', 1],
  ]);
  const both = (toServer: number, toClient: number): unknown[] => [
    ['to_server', toServer],
    ['to_client', toClient],
  ];
  assert.deepEqual(values(s, 'spantap.tcp.connections.reset'), both(0, 1));
  assert.deepEqual(values(s, 'spantap.tcp.bytes.sent'), both(100, 300));
  assert.deepEqual(values(s, 'spantap.tcp.bytes.delivered'), both(90, 300));
  assert.deepEqual(values(s, 'spantap.tcp.retransmitted'), both(7, 0));
  assert.deepEqual(values(s, 'spantap.tcp.out_of_order'), both(0, 20));
  assert.deepEqual(values(s, 'spantap.tcp.zero_window.time'), both(1.5, 0));
  assert.deepEqual(shares(s), [['svc-1', 390 / 400]]);
  const [handshakes] = points<HistogramPoint>(s, 'spantap.tcp.handshake.duration');
  assert.deepEqual(handshakes!.counts, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  assert.equal(handshakes!.sum, 2.003);
  const units = Object.fromEntries(s.resources[0]!.metrics.map((m) => [m.name, `${m.kind} ${m.unit}`]));
  assert.deepEqual(units, {
    'spantap.tcp.connections.opened': 'sum {connection}',
    'spantap.tcp.connections.failed': 'sum {connection}',
    'spantap.tcp.connections.reset': 'sum {connection}',
    'spantap.tcp.handshake.duration': 'histogram s',
    'spantap.tcp.bytes.sent': 'sum By',
    'spantap.tcp.bytes.delivered': 'sum By',
    'spantap.tcp.retransmitted': 'sum By',
    'spantap.tcp.out_of_order': 'sum By',
    'spantap.tcp.zero_window.time': 'sum s',
    'spantap.coverage': 'gauge 1',
  });
});

test('devices and services tell records apart, ports and addresses of one service do not', () => {
  const { telemetry: t } = telemetry(watching);
  for (const serverPort of [80, 81, 82]) t.tcp!.told(news(1, 2, { opened: 1, serverPort }));
  for (const device of [2, 2, 4]) t.tcp!.told(news(1, 2, { opened: 1, device }));
  t.tcp!.told(news(2, 1, { opened: 1 }));
  const opened = points<SumPoint>(t.snapshot(2e9), 'spantap.tcp.connections.opened');
  assert.deepEqual(
    opened.map((p) => [p.attributes.client, p.attributes['network.interface.name'], p.value]),
    [
      ['svc-1', undefined, 3],
      ['svc-1', 'eth1', 2],
      ['svc-1', 'eth2', 1],
      ['svc-2', undefined, 1],
    ],
  );
});

test('both encodings, one resource for the graph and for TCP', () => {
  const { telemetry: t } = telemetry(watching);
  t.finished(exchange(ends(1, 2)));
  const n = withBytes(news(1, 2, { opened: 1 }), 75, 25);
  n.directions[TO_SERVER].zeroWindowNs = 250e6;
  t.tcp!.told(n);
  const s = t.snapshot(2e9);
  assert.equal(s.resources.filter((r) => r.attributes['service.name'] === 'spantap').length, 1);
  type Read = {
    resourceMetrics: {
      scopeMetrics: {
        metrics: {
          name: string;
          gauge?: { dataPoints: { asDouble: number }[] };
          sum?: { isMonotonic: boolean; dataPoints: { asDouble?: number; asInt?: number | string }[] };
        }[];
      }[];
    }[];
  };
  const json = JSON.parse(Buffer.from(encodeMetrics(s, 'json')).toString()) as Read;
  for (const read of [json, readMetrics(encodeMetrics(s, 'protobuf')) as unknown as Read]) {
    const all = read.resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((m) => m.metrics));
    const named = (name: string): (typeof all)[number] => all.find((m) => m.name === name)!;
    assert.equal(named('spantap.coverage').gauge!.dataPoints[0]!.asDouble, 0.75);
    const time = named('spantap.tcp.zero_window.time').sum!;
    assert.deepEqual([time.isMonotonic, time.dataPoints[0]!.asDouble], [true, 0.25]);
    assert.equal(Number(named('spantap.tcp.bytes.sent').sum!.dataPoints[1]!.asInt), 100);
  }
});

test('coverage is that of the last whole interval; without traffic there is none', () => {
  const { telemetry: t } = telemetry(watching);
  t.tick(1e9);
  t.tcp!.told(withBytes(news(1, 2), 50, 50));
  assert.deepEqual(shares(t.snapshot(2e9)), [['svc-1', 0.5]], 'before the first has ended: what there is');
  t.tick(11e9);
  t.tcp!.told(withBytes(news(1, 2), 100, 0));
  assert.deepEqual(shares(t.snapshot(12e9)), [['svc-1', 0.5]]);
  t.tick(21e9);
  assert.deepEqual(shares(t.snapshot(22e9)), [['svc-1', 1]]);
  t.tick(31e9);
  assert.deepEqual(shares(t.snapshot(32e9)), []);
  assert.deepEqual(values(t.snapshot(32e9), 'spantap.tcp.bytes.sent'), [
    ['to_server', 0],
    ['to_client', 200],
  ]);
});

test('shards add up, coverage by its bytes', () => {
  const a = telemetry(watching).telemetry;
  const b = telemetry(watching).telemetry;
  a.tcp!.told(withBytes(news(1, 2, { opened: 1 }), 900, 0));
  b.tcp!.told(withBytes(news(1, 2, { opened: 2 }), 0, 100));
  const s = mergeSnapshots([structuredClone(a.snapshot(60e9)), structuredClone(b.snapshot(60e9))]);
  assert.deepEqual(shares(s), [['svc-1', 0.9]]);
  assert.deepEqual(values(s, 'spantap.tcp.connections.opened'), [['', 3]]);
});

test('more pairs than there is room for share one record, and it is counted', () => {
  const { telemetry: t, reading } = telemetry({ ...watching, metrics: { tcp: true, maxSeries: 12 } });
  for (let client = 10; client < 20; client++) t.tcp!.told(news(client, 2, { opened: 1 }));
  t.tcp!.told(news(10, 2, { opened: 1 }));
  const opened = points<SumPoint>(t.snapshot(2e9), 'spantap.tcp.connections.opened');
  assert.deepEqual(
    opened.map((p) => [p.attributes.client ?? p.attributes['otel.metric.overflow'], p.value]),
    [
      ['svc-10', 2],
      ['svc-11', 1],
      ['svc-12', 1],
      [true, 7],
    ],
  );
  assert.equal(reading('telemetry.series_overflow'), 7);
  assert.equal(reading('telemetry.tcp_pairs'), 3);
});

test('under memory pressure known pairs go on, new ones share the record', () => {
  const budget = new Budget(1 << 20);
  const { telemetry: t } = telemetry({ ...watching, budget });
  t.tcp!.told(news(1, 2, { opened: 1 }));
  budget.take(budget.owner('wire'), 0.9 * (1 << 20));
  t.tcp!.told(news(1, 2, { opened: 1 }));
  t.tcp!.told(news(3, 2, { opened: 1 }));
  assert.deepEqual(values(t.snapshot(2e9), 'spantap.tcp.connections.opened'), [
    ['', 2],
    ['', 1],
  ]);
});

test('a pair without connections for long is forgotten, and begins anew after that', () => {
  const { telemetry: t, budget } = telemetry({ ...watching, metrics: { tcp: true, expiryMs: 60_000 } });
  t.tcp!.told(news(1, 2, { opened: 1 }));
  t.tcp!.told(news(3, 2, { opened: 1, lastNs: 100e9 }));
  const used = budget.used;
  t.tick(120e9);
  assert.deepEqual(
    points<SumPoint>(t.snapshot(120e9), 'spantap.tcp.connections.opened').map((p) => p.attributes.client),
    ['svc-3'],
  );
  assert.ok(budget.used < used);
  t.tcp!.told(news(1, 2, { opened: 1, firstNs: 1e9, lastNs: 121e9 }));
  const again = points<SumPoint>(t.snapshot(122e9), 'spantap.tcp.connections.opened')[1]!;
  assert.deepEqual([again.attributes.client, again.value, again.start], ['svc-1', 1, [BASE_SEC + 120, 0]]);
});

test('names are asked for again once a minute', () => {
  const { telemetry: t, namer } = telemetry(watching);
  for (let i = 0; i < 10; i++) t.tcp!.told(news(1, 2, { opened: 1 }));
  assert.equal(namer.lookups, 2);
  t.tick(61e9);
  for (let i = 0; i < 10; i++) t.tcp!.told(news(1, 2, { opened: 1 }));
  assert.equal(namer.lookups, 4);
});

test('switched off, alone or with all metrics: nobody listens', () => {
  assert.equal(telemetry({ metrics: { tcp: false } }).telemetry.tcp, null);
  assert.equal(telemetry({ metrics: { tcp: true, enabled: false } }).telemetry.tcp, null);
});
