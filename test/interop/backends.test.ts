/**
 * A live agent beside the demo's shop, pointed at a real Collector, which feeds a real Jaeger and a real Prometheus. Then the
 * backends are asked: what they say of each pair of services must be what its callers counted, whichever way it went.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Services } from '../../demo/services.ts';
import type { Started } from '../e2e/program.ts';
import { freePort } from '../e2e/servers/server.ts';
import { Collector } from './backends/collector.ts';
import { bucketQuantile, exactQuantile, type Figures, ledgerFigures, type Pair, table } from './backends/figures.ts';
import { Jaeger, type JaegerSpan, tag } from './backends/jaeger.ts';
import { build, eventually, lackingBackends, versions } from './backends/programs.ts';
import { type Labels, Prometheus } from './backends/prometheus.ts';
import {
  closeAgent,
  connectorSelectors,
  figuresOf,
  graphSelectors,
  nativeOf,
  nativeSelectors,
  openAgent,
  openShop,
  type Selectors,
  type Source,
  secondsOf,
  spanFigures,
  spansOf,
} from './backends/scene.ts';
import { readExample } from './examples.ts';

const PROGRAMS = ['prometheus', 'jaeger', 'collector'] as const;
const STEP = '250ms';
const DATABASES = 'attributes/databases';
const AGENT = 'interop';
/** A second agent, without spans and with exponential histograms, sends to a Prometheus itself. */
const DIRECT = 'direct';
/** Whose figures: the agent's, with the buckets of the conventions, and those that the Collector's connectors make of its spans. */
const COUNTED: Source = { labels: `instance="${AGENT}"`, native: false };
const OF_SPANS: Source = { labels: 'job!="spantap"', native: false };
/** The same with exponential histograms, of the second agent and of connectors beside those, in a Prometheus of their own. */
const FINELY_COUNTED: Source = { labels: `instance="${DIRECT}"`, native: true };
const FINELY_OF_SPANS: Source = { labels: `instance!="${DIRECT}"`, native: true };
/** From 10 us to 0.6 s in buckets of base 2 that are 0.5 % wide. */
const FINE_BUCKETS = 2048;
/**
 * The same for the service graph connector. Its exponential histograms come without a time (0.152.0), which Prometheus refuses; but
 * Prometheus makes native ones of any buckets.
 */
const FINE_BOUNDS_NS = Array.from({ length: FINE_BUCKETS }, (_, i) => Math.round(2e4 * 1.005 ** i));

/** Visits until every pair has had requests that went wrong, so that each series is there before rates are looked at. */
const WARM_UP = 400;
/** Rates are looked at over this time and a little more: against it, the edges of a window (one step each) are below 1 %. */
const WINDOW_MS = 60_000;
const QUIET_MS = 3_000;

/** Upper bounds of the service graph's buckets, seconds. */
const GRAPH_BOUNDS = [0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15];

const close = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) <= 0.01 * Math.abs(expected), `${what}: ${actual}, expected ${expected}`);

describe('beside a Collector, Jaeger and Prometheus', {
  skip: lackingBackends(PROGRAMS, 'redis-server', 'postgres'),
}, () => {
  let jaeger: Jaeger;
  let prometheus: Prometheus;
  let fine: Prometheus;
  let collector: Collector;
  let shop: Services;
  let agent: Started;
  let direct: Started;
  let pairs: Pair[] = [];
  let spans: Map<Pair, JaegerSpan[]>;
  /** Those among them that make an edge: the caller's span is there, too, or the server has none. */
  let joined: Map<Pair, JaegerSpan[]>;
  const sources = new Map<string, Map<Pair, Figures>>();
  /** Sources that stand in a Prometheus, by name. */
  const families = new Map<string, { from: () => Prometheus; selectors: (pair: Pair) => Selectors }>();
  for (const [name, of, source] of [
    ['native', nativeSelectors, COUNTED],
    ['service graph', graphSelectors, COUNTED],
    ['spanmetrics', connectorSelectors, OF_SPANS],
    ['graph of spans', graphSelectors, OF_SPANS],
    ['native, fine', nativeSelectors, FINELY_COUNTED],
    ['service graph, fine', graphSelectors, FINELY_COUNTED],
    ['spanmetrics, fine', connectorSelectors, FINELY_OF_SPANS],
    ['graph of spans, fine', graphSelectors, FINELY_OF_SPANS],
  ] as const) {
    const { native } = source;
    families.set(name, {
      from: () => (native ? fine : prometheus),
      selectors: (pair) => of(pair, source),
    });
  }
  /** The stretch over which rates are looked at, and what was counted within. */
  let windowSeconds = 0;
  let endSeconds = 0;
  let within = new Map<Pair, number>();
  let servicesCollected = '';

  /** Ids of all spans that Jaeger has. */
  const known = new Set<string>();
  const parentOf = (s: JaegerSpan): string => s.references.find((r) => r.refType === 'CHILD_OF')?.spanID ?? '';

  const requests = (): Map<Pair, number> => new Map([...shop.ledger.accounts].map(([pair, a]) => [pair, a.requests]));
  const everyPair = async (of: (pair: Pair) => Promise<Figures>): Promise<Map<Pair, Figures>> => {
    const found = new Map<Pair, Figures>();
    for (const pair of pairs) found.set(pair, await of(pair));
    return found;
  };

  before(async () => {
    await build(...PROGRAMS);
    jaeger = await Jaeger.start();
    const exported = await freePort();
    prometheus = await Prometheus.start(
      {
        global: { scrape_interval: STEP },
        scrape_configs: [
          { job_name: 'collector', honor_labels: true, static_configs: [{ targets: [`127.0.0.1:${exported}`] }] },
        ],
      },
      ['--enable-feature=created-timestamp-zero-ingestion'],
    );
    const { processors, connectors } = readExample('servicegraph.yaml');
    const spanMetrics = {
      namespace: 'traces.span.metrics',
      metrics_flush_interval: STEP,
      dimensions: ['service.peer.name', 'http.response.status_code', 'rpc.status_code'].map((name) => ({ name })),
    };
    fine = await Prometheus.start({ otlp: { convert_histograms_to_nhcb: true } });
    collector = await Collector.start({
      processors: { batch: { timeout: '100ms' }, [DATABASES]: processors[DATABASES] },
      connectors: {
        span_metrics: {
          ...spanMetrics,
          histogram: { unit: 's', explicit: { buckets: GRAPH_BOUNDS.map((bound) => `${1000 * bound}ms`) } },
        },
        service_graph: { ...connectors.service_graph, metrics_flush_interval: STEP },
        'span_metrics/fine': { ...spanMetrics, histogram: { unit: 's', exponential: { max_size: FINE_BUCKETS } } },
        'service_graph/fine': {
          ...connectors.service_graph,
          metrics_flush_interval: STEP,
          latency_histogram_buckets: FINE_BOUNDS_NS.map((ns) => `${ns}ns`),
        },
      },
      exporters: {
        otlp_grpc: { endpoint: `127.0.0.1:${jaeger.grpcPort}`, tls: { insecure: true } },
        // several senders would bring samples in another order, which Prometheus refuses
        otlp_http: { metrics_endpoint: prometheus.otlp, sending_queue: { num_consumers: 1 } },
        prometheus: { endpoint: `127.0.0.1:${exported}` },
        'otlp_http/fine': { metrics_endpoint: fine.otlp, sending_queue: { num_consumers: 1 } },
      },
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: ['batch'],
          exporters: ['otlp_grpc', 'span_metrics', 'span_metrics/fine'],
        },
        'traces/graph': {
          receivers: ['otlp'],
          processors: [DATABASES],
          exporters: ['service_graph', 'service_graph/fine'],
        },
        metrics: { receivers: ['otlp'], exporters: ['otlp_http'] },
        'metrics/connectors': { receivers: ['span_metrics', 'service_graph'], exporters: ['prometheus'] },
        'metrics/fine': { receivers: ['span_metrics/fine', 'service_graph/fine'], exporters: ['otlp_http/fine'] },
      },
    });

    shop = await openShop();
    agent = await openAgent({
      SPANTAP_EXPORT_ENDPOINT: collector.otlp,
      SPANTAP_EXPORT_PROTOCOL: '',
      SPANTAP_AGENT_ID: AGENT,
    });
    direct = await openAgent({
      SPANTAP_EXPORT_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: fine.otlp,
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
      SPANTAP_METRICS_MAX_BUCKETS: String(FINE_BUCKETS),
      SPANTAP_SPANS_ENABLED: 'false',
      SPANTAP_AGENT_ID: DIRECT,
    });
    await shop.connect();
    await shop.visit(8, WARM_UP);
    await sleep(QUIET_MS);
    const beforehand = requests();
    const startMs = Date.now();
    while (Date.now() - startMs < WINDOW_MS - QUIET_MS) await shop.visit(8, 200);
    await sleep(QUIET_MS);
    const endMs = Date.now();
    windowSeconds = (endMs - startMs) / 1000;
    endSeconds = endMs / 1000;
    within = new Map([...requests()].map(([pair, n]) => [pair, n - beforehand.get(pair)!]));
    await shop.stop();
    await Promise.all([agent, direct].map(closeAgent));
    pairs = [...shop.ledger.accounts.keys()];

    const total = [...requests().values()].reduce((sum, n) => sum + n, 0);
    for (const store of [prometheus, fine])
      await eventually(
        async () => (await store.query('sum(traces_service_graph_request_total{job="spantap"})'))[0]?.value ?? 0,
        (n) => n >= total,
      );
    await eventually(
      async () => [...(await spansOf(jaeger, pairs)).values()].reduce((sum, list) => sum + list.length, 0),
      (n) => n >= total,
    );
    await sleep(QUIET_MS); // the connector's output is scraped
    spans = await spansOf(jaeger, pairs);
    for (const service of await jaeger.services())
      for (const trace of await jaeger.traces(service)) for (const s of trace.spans) known.add(s.spanID);
    const hasEdge = (pair: Pair, s: JaegerSpan): boolean => !nativeOf(pair).served || known.has(parentOf(s));
    joined = new Map([...spans].map(([pair, list]) => [pair, list.filter((s) => hasEdge(pair, s))]));
    sources.set('load generator', ledgerFigures(shop.ledger));
    sources.set('Jaeger', new Map([...spans].map(([pair, list]) => [pair, spanFigures(list)])));
    for (const [name, { from, selectors }] of families)
      sources.set(name, await everyPair((pair) => figuresOf(from(), selectors(pair))));
    servicesCollected = await collector.metrics();
    console.log(`${[...versions()].map((v) => v.join(' ')).join(', ')}\n${table(sources)}`);
  });
  after(async () => {
    await collector?.stop();
    await jaeger?.stop();
    await prometheus?.stop();
    await fine?.stop();
  });

  test('the backends are those that are pinned', async () => {
    const pinned = versions();
    assert.equal(await prometheus.version(), pinned.get('prometheus'));
    assert.match(jaeger.log, new RegExp(`"Version": "v${pinned.get('jaeger')}"`));
    assert.match(collector.log, new RegExp(`"Version": "${pinned.get('collector')}"`));
  });

  test('every source counts what the callers counted, pair by pair', () => {
    const own = sources.get('load generator')!;
    assert.equal(own.size, 6);
    for (const [name, figures] of sources) {
      for (const [pair, f] of figures) {
        const expected = name.startsWith('graph of spans') ? spanFigures(joined.get(pair)!) : own.get(pair)!;
        assert.equal(f.requests, expected.requests, `${name}: requests of ${pair}`);
        assert.equal(f.failed, expected.failed, `${name}: failed requests of ${pair}`);
        assert.ok(f.failed > 0, `${pair} has failures`);
      }
    }
  });

  test('95th percentiles agree within 1 % where buckets are fine, and else as the buckets of each family can tell them', () => {
    for (const pair of pairs) {
      const ofPair = (name: string): number => sources.get(name)!.get(pair)!.p95Seconds;
      const seconds = secondsOf(spans.get(pair)!);
      const ofJoined = secondsOf(joined.get(pair)!);
      for (const name of ['native, fine', 'service graph, fine', 'spanmetrics, fine', 'graph of spans, fine']) {
        const expected = exactQuantile(0.95, name === 'graph of spans, fine' ? ofJoined : seconds);
        close(ofPair(name), expected, `${name}: p95 of ${pair}`);
      }
      const fits = (name: string, bounds: readonly number[], durations = seconds): void => {
        const told = ofPair(name);
        // Jaeger cuts durations to microseconds, and one that was a little above a bound of buckets is then at it
        const longest = durations.map((s) => s + 1e-6);
        const from = 0.99 * bucketQuantile(0.95, durations, bounds);
        const to = 1.01 * bucketQuantile(0.95, longest, bounds);
        assert.ok(told >= from && told <= to, `${name}: p95 of ${pair}: ${told}, expected ${from} to ${to}`);
      };
      fits('native', nativeOf(pair).bounds);
      for (const name of ['service graph', 'spanmetrics']) fits(name, GRAPH_BOUNDS);
      fits('graph of spans', GRAPH_BOUNDS, ofJoined);
      // what the caller measures is longer: its own work comes on top
      const own = ofPair('load generator');
      assert.ok(exactQuantile(0.95, seconds) <= 1.01 * own, `p95 of ${pair}: ${ofPair('Jaeger')}, caller ${own}`);
    }
  });

  test('rates are what the callers did in that time', async () => {
    for (const [name, { from, selectors }] of families) {
      if (name.startsWith('graph of spans')) continue; // the callers do not say which of their requests bring a trace
      for (const pair of pairs) {
        const { requests: counted, count } = selectors(pair);
        const expression = count(`rate(${counted}[${Math.round(1000 * windowSeconds)}ms])`);
        const [sample] = await from().query(expression, endSeconds);
        close(sample?.value ?? Number.NaN, within.get(pair)! / windowSeconds, `${name}: rate of ${pair}`);
      }
    }
  });

  test('Jaeger has the services and operations, and the dependencies between them', async () => {
    assert.deepEqual((await jaeger.services()).toSorted(), ['cart', 'prices', 'shop', 'stock', 'visitors']);
    const operations = async (service: string): Promise<string[]> =>
      (await jaeger.operations(service)).map((o) => `${o.spanKind} ${o.name}`).toSorted();
    assert.deepEqual(await operations('prices'), ['server shop.Prices/Get']);
    assert.deepEqual(await operations('shop'), [
      'client GET /v1/carts/{id}',
      'client POST /v1/carts/{id}',
      'client shop.Prices/Get',
      'server GET /carts/{id}',
      'server GET /no-such-page',
      'server GET /products/{id}',
      'server POST /carts/{id}/orders',
    ]);
    assert.deepEqual(await operations('stock'), [
      'client CREATE TABLE items',
      'client INSERT items SELECT generate_series',
      'client SELECT items',
      'client STARTUP',
      'client UPDATE items',
      'server GET /items/{id}',
      'server POST /items/{id}',
    ]);
    // databases have no spans of their own; of requests that bring a trace the visitors' app exports its span itself
    const alone = joined.get('visitors shop')!.length;
    const counted = (pair: Pair): number => sources.get('load generator')!.get(pair)!.requests;
    const expected = [
      ['cart', 'stock', counted('cart stock')],
      ['shop', 'cart', counted('shop cart')],
      ['shop', 'prices', counted('shop prices')],
      ['visitors', 'shop', alone],
    ];
    // it counts what happens within a service, too
    const between = (await jaeger.dependencies()).filter((d) => d.parent !== d.child);
    const found = between.map((d) => [d.parent, d.child, d.callCount]);
    assert.deepEqual(found.toSorted(), expected);
    assert.ok(alone > 0 && alone < counted('visitors shop'));
  });

  test('the graph of spans has the edges that the agent counts, whole but for the spans that the visitors have elsewhere', async () => {
    for (const pair of pairs.filter((p) => p !== 'visitors shop'))
      assert.equal(joined.get(pair)!.length, spans.get(pair)!.length, pair);
    const elsewhere = spans.get('visitors shop')!.length - joined.get('visitors shop')!.length;
    const expired = async (): Promise<number> => {
      const text = await collector.metrics();
      return Number(/^otelcol_connector_servicegraph_expired_edges\S* (\d+)$/m.exec(text)?.[1]);
    };
    // there are two connectors, which count together
    assert.equal(await eventually(expired, (edges) => edges >= 2 * elsewhere), 2 * elsewhere);
    await sleep(QUIET_MS); // what had expired would be an edge to the connector's mind by now
    const edges = async ({ labels }: Source): Promise<string[]> => {
      const by = 'client, client_service_namespace, server, connection_type';
      const found = await prometheus.query(`group by (${by}) (traces_service_graph_request_total{${labels}})`);
      return found.map((s) => JSON.stringify(Object.entries(s.labels).toSorted())).toSorted();
    };
    const ofSpans = await edges(OF_SPANS);
    assert.equal(ofSpans.length, pairs.length);
    assert.deepEqual(ofSpans, await edges(COUNTED));
  });

  test('Jaeger puts a trace together: who called whom, and from within what', async () => {
    const select = spans
      .get('stock postgresql')!
      .find((s) => s.operationName === 'SELECT items' && s.references.length > 0)!;
    const trace = await jaeger.trace(select.traceID);
    const line = [];
    // processes are numbered anew in each answer
    let s = trace.spans.find((other) => other.spanID === select.spanID);
    while (s !== undefined) {
      line.push(`${trace.processes[s.processID]!.serviceName} ${tag(s, 'span.kind')} ${s.operationName}`);
      const parent = parentOf(s);
      s = trace.spans.find((other) => other.spanID === parent);
    }
    assert.deepEqual(line, [
      'stock client SELECT items',
      'stock server GET /items/{id}',
      'cart client GET /items/{id}',
      'cart server GET /v1/carts/{id}',
      'shop client GET /v1/carts/{id}',
      'shop server GET /carts/{id}',
    ]);
  });

  test('resources: each service is a target, with its attributes', async () => {
    for (const pair of pairs) {
      const client = pair.split(' ')[0]!;
      const [info] = await prometheus.series(`target_info{job="demo/${client}",instance="${AGENT}"}`);
      assert.equal(info?.instance, AGENT);
      assert.equal(info.telemetry_sdk_language, 'nodejs');
      assert.equal(info.telemetry_sdk_name, 'spantap');
      assert.equal(info.telemetry_distro_name, 'spantap');
      assert.ok(info.telemetry_sdk_version);
    }
    const { metric } = nativeOf('visitors shop');
    const joined = `${metric}_count * on (job, instance) group_left (telemetry_distro_name) target_info`;
    assert.equal((await prometheus.query(joined)).length, (await prometheus.query(`${metric}_count`)).length);
  });

  test('no series is there twice, and none collides', async () => {
    const all = await prometheus.series('{__name__=~"http_.*|rpc_.*|db_.*|traces_.*|spantap_.*"}');
    const text = (labels: Labels): string => JSON.stringify(Object.entries(labels).toSorted());
    assert.equal(new Set(all.map(text)).size, all.length);
    // the same figure under two sets of labels would be counted twice by every sum
    const edges = await prometheus.query(
      'count by (instance, client, server, connection_type, failed) (traces_service_graph_request_total) > 1',
    );
    assert.deepEqual(edges, []);
    const mine = all.filter((labels) => labels.exported_job !== undefined || labels.exported_instance !== undefined);
    assert.deepEqual(mine, []);
  });

  test('nothing was refused, out of order or twice', async () => {
    for (const { log } of [prometheus, fine]) assert.doesNotMatch(log, /out.of.order|duplicate|level=(WARN|ERROR)/i);
    assert.doesNotMatch(collector.log, /\t(warn|error)\t/);
    for (const [, name, value] of servicesCollected.matchAll(
      /^(otelcol_\w*(?:refused|failed|dropped)\w*)(?:\{.*\})? (\S+)$/gm,
    ))
      assert.equal(Number(value), 0, name);
    assert.match(servicesCollected, /^otelcol_receiver_accepted_spans.* [1-9]/m);
    for (const figure of ['rejected', 'failed', 'dropped']) {
      const samples = await prometheus.query(`{__name__=~"spantap_export_${figure}_items(_total)?"}`);
      assert.ok(samples.length > 0, figure);
      for (const { labels, value } of samples) assert.equal(value, 0, `${figure}: ${JSON.stringify(labels)}`);
    }
    assert.doesNotMatch(agent.err + direct.err, /WARN|ERROR/);
  });
});
