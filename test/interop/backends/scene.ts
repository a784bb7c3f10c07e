/** The demo's shop with a live agent beside it, and what the backends say of each pair of its services. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Services } from '../../../demo/services.ts';
import { environment, type Started, spantap, start } from '../../e2e/program.ts';
import { emptyFolder } from '../../e2e/servers/server.ts';
import type { Figures, Pair } from './figures.ts';
import { exactQuantile } from './figures.ts';
import { type Jaeger, type JaegerSpan, tag } from './jaeger.ts';
import type { Prometheus } from './prometheus.ts';

const CONFIG = new URL('../../../demo/agent.yaml', import.meta.url).pathname;
/** Of this process alone: whoever else has a shop on this machine is not heard, and does not hear this one. */
const NETWORK = `127.${100 + ((process.pid >> 8) % 100)}.${process.pid & 255}`;

/** What is counted by itself within this time of its end has arrived in the agent. */
const SETTLE_MS = 1500;

const shops: Services[] = [];
after(() => Promise.all(shops.map((shop) => shop.stop())));

/** The shop with its stores, which the test needs all; stopped with the test file at the latest. */
export async function openShop(): Promise<Services> {
  const shop = new Services(NETWORK);
  shops.push(shop);
  assert.deepEqual(await shop.start(), [], 'not installed');
  return shop;
}

/** A live agent that listens to the shop; its health is asked for before anything is. */
export async function openAgent(variables: Record<string, string>): Promise<Started> {
  const env = environment({
    SPANTAP_CAPTURE_RING: '64MiB',
    SPANTAP_LOG_LEVEL: 'info',
    SPANTAP_METRICS_INTERVAL: '250ms',
    SPANTAP_SELF_INTERVAL: '1s',
    ...variables,
  });
  const file = join(emptyFolder('agent'), 'agent.yaml');
  // 127.0.0.1 is what gRPC's library connects from
  writeFileSync(file, readFileSync(CONFIG, 'utf8').replaceAll(/127\.0\.0\.(?!1\b)/g, `${NETWORK}.`));
  const agent = start(spantap('run', '-c', file), { env });
  await agent.until(/capturing/, 60_000);
  return agent;
}

/** When all has been said and the last packets are in. */
export async function closeAgent(agent: Started): Promise<void> {
  await sleep(SETTLE_MS);
  assert.equal(await agent.stop(), 0, agent.err);
}

/** Protocols by what the demo's pairs speak: their metric, as Prometheus calls it, and its buckets in seconds. */
const HTTP_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const DB_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
export interface Native {
  readonly metric: string;
  readonly bounds: readonly number[];
  /** The server has a span of its own. */
  readonly served: boolean;
}
export function nativeOf(pair: Pair): Native {
  const server = pair.split(' ')[1]!;
  if (server === 'redis' || server === 'postgresql')
    return { metric: 'db_client_operation_duration_seconds', bounds: DB_BOUNDS, served: false };
  if (server === 'prices') return { metric: 'rpc_client_call_duration_seconds', bounds: HTTP_BOUNDS, served: true };
  return { metric: 'http_client_request_duration_seconds', bounds: HTTP_BOUNDS, served: true };
}

/** Where a pair's requests, the failed ones among them, and its durations stand in Prometheus. */
export interface Selectors {
  readonly requests: string;
  readonly failed: string;
  /** How many requests a vector of `requests` or `failed` tells of. */
  readonly count: (vector: string) => string;
  readonly p95: string;
}

/** `native`: the histogram is a native one of Prometheus, which has no series for each bucket. */
export interface Source {
  /** Matchers of the labels that tell whose it is. */
  readonly labels: string;
  readonly native: boolean;
}

const sumOf = (vector: string): string => `sum(${vector})`;
const observationsOf = (vector: string): string => `histogram_count(sum(${vector}))`;

/** `count` and `p95` of a histogram with or without series for its buckets; requests may be a counter of their own. */
function selectors(
  requests: string,
  failed: string,
  metric: string,
  labels: string,
  native: boolean,
  count = sumOf,
): Selectors {
  const durations = native ? `${metric}{${labels}}` : `${metric}_bucket{${labels}}`;
  const p95 = `histogram_quantile(0.95, sum ${native ? '' : 'by (le) '}(${durations}))`;
  return { requests, failed, count, p95 };
}

export function nativeSelectors(pair: Pair, { labels: source, native }: Source): Selectors {
  const [client, server] = pair.split(' ');
  const { metric } = nativeOf(pair);
  const labels = `job="demo/${client}",service_peer_name="${server}",${source}`;
  const counts = native ? metric : `${metric}_count`;
  const of = (more: string): string => `${counts}{${labels}${more}}`;
  return selectors(of(''), of(',error_type!=""'), metric, labels, native, native ? observationsOf : sumOf);
}

export function graphSelectors(pair: Pair, { labels: source, native }: Source): Selectors {
  const [client, server] = pair.split(' ');
  const labels = `client="${client}",server="${server}",${source}`;
  const name = 'traces_service_graph_request';
  const duration = `${name}_client_seconds`;
  return selectors(`${name}_total{${labels}}`, `${name}_failed_total{${labels}}`, duration, labels, native);
}

/** The Collector's spanmetrics connector, of SERVER spans, and of CLIENT spans where the server has none. */
export function connectorSelectors(pair: Pair, { labels: source, native }: Source): Selectors {
  const [client, server] = pair.split(' ');
  const own = nativeOf(pair).served
    ? `service_name="${server}",service_peer_name="${client}",span_kind="SPAN_KIND_SERVER"`
    : `service_name="${client}",service_peer_name="${server}",span_kind="SPAN_KIND_CLIENT"`;
  const labels = `${own},${source}`;
  const name = 'traces_span_metrics';
  // the conventions call a 4xx answer an error on the client's side alone, and half of the gRPC statuses
  const failed = nativeOf(pair).metric.startsWith('db')
    ? [`status_code="STATUS_CODE_ERROR"`]
    : nativeOf(pair).metric.startsWith('rpc')
      ? ['rpc_status_code!="OK"']
      : ['http_response_status_code=~"[45].."'];
  const calls = `${name}_calls_total`;
  const duration = `${name}_duration_seconds`;
  return selectors(`${calls}{${labels}}`, `${calls}{${labels},${failed}}`, duration, labels, native);
}

/** As dashboards ask: sums, and a quantile of summed histograms. */
export async function figuresOf(prometheus: Prometheus, s: Selectors): Promise<Figures> {
  const one = async (expression: string): Promise<number> =>
    (await prometheus.query(expression))[0]?.value ?? Number.NaN;
  return {
    requests: await one(s.count(s.requests)),
    failed: await one(`${s.count(s.failed)} or vector(0)`),
    p95Seconds: await one(s.p95),
  };
}

/** Spans that stand for the requests of a pair. */
export async function spansOf(jaeger: Jaeger, pairs: Iterable<Pair>): Promise<Map<Pair, JaegerSpan[]>> {
  const services = new Set([...pairs].flatMap((pair) => pair.split(' ')));
  const found = new Map<string, JaegerSpan[]>([...pairs].map((pair) => [pair, []]));
  const seen = new Set<string>();
  for (const service of services) {
    for (const trace of await jaeger.traces(service)) {
      if (seen.has(trace.traceID)) continue;
      seen.add(trace.traceID);
      for (const s of trace.spans) {
        const own = trace.processes[s.processID]!.serviceName;
        const peer = String(tag(s, 'service.peer.name'));
        const pair = tag(s, 'span.kind') === 'server' ? `${peer} ${own}` : `${own} ${peer}`;
        const list = found.get(pair);
        if (list !== undefined && nativeOf(pair).served === (tag(s, 'span.kind') === 'server')) list.push(s);
      }
    }
  }
  return found;
}

const failedSpan = (s: JaegerSpan): boolean =>
  tag(s, 'error') === true ||
  Number(tag(s, 'http.response.status_code') ?? 0) >= 400 ||
  (tag(s, 'rpc.status_code') ?? 'OK') !== 'OK';

export const secondsOf = (spans: readonly JaegerSpan[]): number[] => spans.map((s) => s.duration / 1e6);

export function spanFigures(spans: readonly JaegerSpan[]): Figures {
  const p95Seconds = exactQuantile(0.95, secondsOf(spans));
  return { requests: spans.length, failed: spans.filter(failedSpan).length, p95Seconds };
}
