/** Cost of telemetry per finished exchange: `node test/bench/telemetry.ts`. */

import { gzipSync } from 'node:zlib';
import { Budget } from '../../src/bytes/budget.ts';
import { Timebase } from '../../src/bytes/timebase.ts';
import { COMPLETE, type Ends, Exchange, type Spoken } from '../../src/exchange/exchange.ts';
import { HttpDetail } from '../../src/exchange/http/detail.ts';
import { httpSemantics } from '../../src/exchange/http/semantics.ts';
import { Counters } from '../../src/self/counters.ts';
import { encodeMetrics } from '../../src/telemetry/metrics-encoding.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import { ends, TestNamer, TOY } from '../telemetry/double.ts';

const HTTP = { name: 'http', semantics: httpSemantics };
const ROUNDS = 7;
const SERVICES = 20;
const PER_ROUND = 200_000;

const connections: Ends[] = [];
for (let i = 0; i < 200; i++) connections.push(ends(1 + (i % SERVICES), 1 + ((i * 7 + 3) % SERVICES), 8080));

/** CPU time of this thread: other work on the machine disturbs it less than the clock. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** A few records used again and again, as in real life they are fresh in the cache when they finish. */
function pool(protocol: Spoken): Exchange[] {
  const out: Exchange[] = [];
  for (let n = 0; n < 512; n++) {
    const x = new Exchange(protocol, connections[n % connections.length]!, -1, 0);
    x.outcome = COMPLETE;
    x.operation = n % 5 === 0 ? 'POST' : 'GET';
    x.target = `/api/v1/orders/${n}?page=${n % 10}`;
    x.version = 11;
    x.status = n % 50 === 0 ? 500 : 200;
    const d = new HttpDetail();
    d.host = 'orders.shop.svc:8080';
    d.userAgent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36';
    x.detail = protocol === HTTP ? d : null;
    out.push(x);
  }
  return out;
}

function renew(x: Exchange, n: number): void {
  x.startNs = n * 20_000;
  x.requestEndNs = x.startNs + 10_000;
  x.firstByteNs = x.startNs + 3e6 + (n % 7) * 4e6;
  x.endNs = x.firstByteNs + 100_000;
  x.id0 = Math.imul(n + 1, 0x9e3779b1);
  x.id1 = Math.imul(n + 1, 0x85ebca6b);
  x.id2 = Math.imul(n + 1, 0xc2b2ae35);
  x.id3 = n;
}

function run(
  label: string,
  protocol: Spoken,
  spans: boolean,
  encoding: 'protobuf' | 'json',
  routes: 'off' | 'template',
): void {
  const timebase = new Timebase();
  timebase.baseSec = 1_700_000_000;
  let bytes = 0;
  let count = 0;
  let last = new Uint8Array(0);
  const t = new Telemetry({
    options: {
      spans: { enabled: spans, mode: 'pair', unsampled: 'drop', batchSpans: 512, flushDelayMs: 1000 },
      metrics: { enabled: true, intervalMs: 10_000, maxBuckets: 0, maxSeries: 10_000, expiryMs: 300_000, tcp: false },
      routes,
      agentId: 'bench',
      own: {},
      encoding,
    },
    namer: new TestNamer(),
    budget: new Budget(256 << 20),
    counters: new Counters(),
    timebase,
    onSpans: (batch) => {
      bytes += batch.bytes.length;
      count += batch.spans;
      last = batch.bytes as Uint8Array<ArrayBuffer>;
    },
  });
  const per = spans ? PER_ROUND / 5 : PER_ROUND;
  const records = pool(protocol);
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = cpuUs();
    for (let i = 0; i < per; i++) {
      const x = records[i & 511]!;
      renew(x, round * per + i);
      t.finished(x);
    }
    figures.push(((cpuUs() - begin) * 1e3) / per);
  }
  const sizes =
    count > 0
      ? `, ${(bytes / count).toFixed(0)} bytes/span, gzip level 1: ${((gzipSync(last, { level: 1 }).length / last.length) * (bytes / count)).toFixed(0)}`
      : '';
  console.log(
    `${label}: ${Math.min(...figures).toFixed(0)} ns/exchange (median ${figures.sort((a, b) => a - b)[3]!.toFixed(0)})${sizes}`,
  );
  if (spans) return;
  const begin = performance.now();
  const snapshot = t.snapshot(1e12);
  const middle = performance.now();
  const request = encodeMetrics(snapshot, 'protobuf');
  const end = performance.now();
  const points = snapshot.resources.reduce(
    (n, r) => n + r.metrics.reduce((m, metric) => m + metric.points.length, 0),
    0,
  );
  console.log(
    `  snapshot ${(middle - begin).toFixed(2)} ms, encode ${(end - middle).toFixed(2)} ms: ${points} points, ${request.length} bytes`,
  );
}

run('metrics only', TOY, false, 'protobuf', 'off');
run('metrics only, http', HTTP, false, 'protobuf', 'off');
run('metrics only, http, routes', HTTP, false, 'protobuf', 'template');
run('CLIENT + SERVER span, protobuf', TOY, true, 'protobuf', 'off');
run('CLIENT + SERVER span, protobuf, http', HTTP, true, 'protobuf', 'off');
run('CLIENT + SERVER span, json, http', HTTP, true, 'json', 'off');
