/** A real Prometheus gets the agent's metrics in every way there is, and must find the same in each. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { environment, run, type Started, spantap, start } from '../e2e/program.ts';
import { emptyFolder, freePort } from '../e2e/servers/server.ts';
import { build, eventually, json, lackingBackends } from './backends/programs.ts';
import { type Labels, Prometheus, type Sample } from './backends/prometheus.ts';

const skip = lackingBackends(['prometheus', 'promtool']);

/** Own loopback addresses, so that nothing else on this machine is in the picture. */
const CLIENT = '127.0.0.61';
const SERVER = '127.0.0.62';
const SCRAPES = ['openmetrics', 'text', 'protobuf', 'readme'];
const FAMILIES = '{__name__=~"http_.*|traces_service_graph_.*"}';

let prometheus: Prometheus;
let agent: Started;
let scrapePort = 0;
let appPort = 0;
const app = createServer((req, res) => res.writeHead(req.url!.endsWith('7') ? 500 : 200).end('hello'));
let asked = 0;
let failed = 0;

/** The scrape configuration as README.md has it, for another port, with another job. */
function readmeConfig(target: string): object {
  const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const block = /\n\n( {4}scrape_configs:\n(?: {4}.*\n)+)/.exec(text);
  assert.ok(block !== null, 'README.md shows how to scrape');
  const { scrape_configs: list } = parse(block[1]!) as { scrape_configs: object[] };
  assert.equal(list.length, 1);
  return { ...list[0], job_name: 'readme', static_configs: [{ targets: [target], labels: { way: 'readme' } }] };
}

/** An agent that hears the app and its own scrapes, and sends to a Prometheus what it lets be scraped as well. */
async function startAgent(scrape: number, to: Prometheus, variables: Record<string, string>): Promise<Started> {
  const file = join(emptyFolder('scrape'), 'agent.yaml');
  const services = [
    { ip: CLIENT, name: 'front"end\\', namespace: 'shop' },
    { ip: SERVER, name: 'cart' },
  ];
  writeFileSync(file, JSON.stringify({ naming: { services } }));
  const env = environment({
    OTEL_METRICS_EXPORTER: 'otlp,prometheus',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(scrape),
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: to.otlp,
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    SPANTAP_SELF_INTERVAL: '1s',
    SPANTAP_SPANS_ENABLED: 'false',
    ...variables,
  });
  const started = start(spantap('run', '-c', file, '-i', 'lo', `tcp and (host ${SERVER} or port ${scrape})`), { env });
  await started.until(/capturing/);
  return started;
}

/** One request to the app, over a connection of its own. */
function visit(path: string): Promise<void> {
  const o = { host: SERVER, port: appPort, path, localAddress: CLIENT, agent: false };
  return new Promise((resolve, reject) => {
    get(o, (res) => res.resume().once('end', resolve)).once('error', reject);
  });
}

before(async () => {
  if (skip !== false) return;
  await new Promise<void>((done) => app.listen(0, SERVER, done));
  appPort = (app.address() as AddressInfo).port;
  scrapePort = await freePort();
  const target = `127.0.0.1:${scrapePort}`;
  const job = (way: string, more: object = {}): object => ({
    job_name: way,
    static_configs: [{ targets: [target], labels: { way } }],
    ...more,
  });
  prometheus = await Prometheus.start({
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    otlp: { promote_resource_attributes: ['service.name', 'service.namespace', 'service.instance.id'] },
    scrape_configs: [
      job('openmetrics', { scrape_protocols: ['OpenMetricsText1.0.0'] }),
      job('protobuf', { scrape_protocols: ['PrometheusProto'] }),
      job('text', { scrape_protocols: ['PrometheusText0.0.4'] }),
      readmeConfig(target),
    ],
  });

  agent = await startAgent(scrapePort, prometheus, {});
  for (; asked < 100; asked++) {
    if (asked % 10 === 7) failed++;
    await visit(`/app/${asked}`);
  }
  const arrived = async (): Promise<number> =>
    (await prometheus.query(`traces_service_graph_request_total{server="cart"} == ${asked}`)).length;
  for (let i = 0; i < 600 && (await arrived()) < SCRAPES.length + 1; i++) await sleep(100);
  assert.equal(await arrived(), SCRAPES.length + 1, `${await prometheus.query('traces_service_graph_request_total')}`);
});
after(async () => {
  if (skip !== false) return;
  await agent?.stop();
  await prometheus?.stop();
  app.close();
});

/** Values by name and labels, apart from those of the way. What comes by OTLP writes whole bounds without a point. */
function plain(samples: readonly Sample[], without: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { labels, value } of samples) {
    const kept = Object.entries(labels)
      .filter(([name]) => !without.includes(name))
      .map(
        ([name, text]) =>
          `${name}=${JSON.stringify(name === 'le' ? String(Number(text.replace('+Inf', 'Infinity'))) : text)}`,
      );
    found.set(kept.sort().join(), value);
  }
  assert.equal(found.size, samples.length, 'no two series are the same');
  return found;
}

test('every way has the same series with the same values', { skip }, async () => {
  const ours = (way: string): string => `${FAMILIES.slice(0, -1)},way="${way}",service_instance_id="test"}`;
  const sent = await prometheus.query(ours(''));
  const expected = plain(sent, ['job', 'instance']);
  assert.ok(expected.size > 50, String(expected.size));
  for (const way of SCRAPES) {
    assert.deepEqual(plain(await prometheus.query(ours(way)), ['job', 'instance', 'way']), expected, way);
  }
  // With the relabelling of README.md job and instance are as by OTLP, too.
  assert.deepEqual(plain(await prometheus.query(ours('readme')), ['way']), plain(sent, []));
  const jobs = new Set(sent.map((s) => s.labels.job));
  assert.deepEqual([...jobs].sort(), ['cart', 'shop/front"end\\', 'spantap']);
});

test('rate, errors and p95 are what the client counted, every way', { skip }, async () => {
  for (const way of ['', ...SCRAPES]) {
    const one = async (expression: string): Promise<number> => {
      const found = await prometheus.query(expression.replaceAll('WAY', `way="${way}"`));
      assert.equal(found.length, 1, `${way}: ${expression}`);
      return found[0]!.value;
    };
    assert.equal(await one('sum(traces_service_graph_request_total{WAY,server="cart"})'), asked);
    assert.equal(await one('sum(traces_service_graph_request_failed_total{WAY,server="cart"})'), failed);
    assert.equal(await one('sum(http_server_request_duration_seconds_count{WAY,service_name="cart"})'), asked);
    assert.equal(
      await one(
        'sum(http_client_request_duration_seconds_count{WAY,service_namespace="shop",http_response_status_code="500"})',
      ),
      failed,
    );
    const p95 = await one(
      'histogram_quantile(0.95, sum by (le) (http_server_request_duration_seconds_bucket{WAY,service_name="cart"}))',
    );
    const mean = await one(
      'sum(http_server_request_duration_seconds_sum{WAY,service_name="cart"}) / sum(http_server_request_duration_seconds_count{WAY,service_name="cart"})',
    );
    assert.ok(p95 > 0 && mean > 0 && mean < 10, `${p95} ${mean}`);
    assert.ok((await one('sum(spantap_capture_received_total{WAY,service_instance_id="test"})')) > 2 * asked);
  }
  const p95 = await prometheus.query(
    'histogram_quantile(0.95, sum by (le, way) (http_server_request_duration_seconds_bucket{service_name="cart"}))',
  );
  assert.equal(new Set(p95.map((s) => s.value)).size, 1, JSON.stringify(p95));
});

test('target_info joins, and says what the resources say', { skip }, async () => {
  const info = (way: string) => prometheus.query(`target_info{way="${way}",job="cart"}`);
  const about = ({ way: _, ...labels }: Labels): Labels => labels;
  const [sent, scraped] = [await info(''), await info('readme')];
  assert.equal(sent.length, 1);
  assert.equal(scraped.length, 1);
  const { service_name, service_instance_id, ...rest } = about(scraped[0]!.labels);
  assert.deepEqual([service_name, service_instance_id], ['cart', 'test']);
  const { service_name: _name, service_instance_id: _id, ...known } = about(sent[0]!.labels);
  assert.deepEqual(rest, known);
  for (const way of SCRAPES) {
    const joined = await prometheus.query(
      `http_server_request_duration_seconds_count{way="${way}"} * on (way, service_name, service_namespace, service_instance_id) ` +
        `group_left (telemetry_distro_name) target_info{way="${way}"}`,
    );
    assert.ok(joined.length >= 2 && joined.every((s) => s.labels.telemetry_distro_name === 'spantap'), way);
  }
});

test('one target_info for each service, whichever the way', { skip }, async () => {
  assert.deepEqual(await prometheus.query('count by (way, job, instance, service_name) (target_info) > 1'), []);
});

test('Prometheus has nothing to say against it', { skip }, async () => {
  interface Target {
    labels: Labels;
    health: string;
    lastError: string;
  }
  const { data } = await json<{ data: { activeTargets: Target[] } }>(`${prometheus.url}/api/v1/targets`);
  assert.deepEqual(
    data.activeTargets.map((t) => [t.labels.job, t.health, t.lastError]).sort(),
    SCRAPES.map((way) => [way, 'up', '']).sort(),
  );
  type Metadata = Record<string, { type: string; unit: string; help: string }[]>;
  const { data: known } = await json<{ data: Metadata }>(`${prometheus.url}/api/v1/metadata`);
  assert.ok(known.http_server_request_duration_seconds!.some((m) => m.type === 'histogram' && m.unit === 'seconds'));
  assert.doesNotMatch(prometheus.log, /level=(WARN|ERROR)/);
  // The scrapes were captured, and not traced.
  assert.deepEqual(await prometheus.query(`{server_port="${scrapePort}"}`), []);
  const ignored = async (): Promise<number> => (await prometheus.query('spantap_stream_ignored_own_total > 0')).length;
  for (let i = 0; i < 600 && (await ignored()) === 0; i++) await sleep(100);
  assert.ok((await ignored()) > 0);
});

test('promtool check metrics', { skip }, async () => {
  const { promtool } = await build('promtool');
  const text = await (await fetch(`http://127.0.0.1:${scrapePort}/metrics`)).text();
  const file = join(emptyFolder('promtool'), 'metrics');
  writeFileSync(file, text);
  const checked = await run(['sh', '-c', `"$0" check metrics <"$1"`, promtool, file]);
  assert.deepEqual([checked.code, checked.out, checked.err], [0, '', '']);
});

test('exponential histograms are native ones, sent and scraped, and text has their count and sum', {
  skip,
}, async () => {
  const port = await freePort();
  const targets = [`127.0.0.1:${port}`];
  const natives = await Prometheus.start({
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    otlp: { promote_resource_attributes: ['service.name', 'service.namespace', 'service.instance.id'] },
    scrape_configs: [
      { job_name: 'native', scrape_native_histograms: true, static_configs: [{ targets, labels: { way: 'native' } }] },
      {
        job_name: 'text',
        scrape_protocols: ['PrometheusText0.0.4'],
        static_configs: [{ targets, labels: { way: 'text' } }],
      },
    ],
  });
  const exponential = await startAgent(port, natives, {
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
  });
  for (let i = 0; i < 200; i++) await visit(`/exponential/${i}`);
  const name = 'http_client_request_duration_seconds';
  const by = async (expression: string): Promise<Map<string, number>> =>
    new Map((await natives.query(expression)).map(({ labels, value }) => [labels.way ?? 'otlp', value]));
  const count = () => by(`sum by (way) (histogram_count(${name}))`);
  await eventually(count, (counts) => counts.get('otlp') === 200 && counts.get('native') === 200);
  await eventually(
    () => by(`sum by (way) (${name}_count)`),
    (counts) => counts.get('text') === 200,
  );
  const sums = await by(`sum by (way) (histogram_sum(${name})) or sum by (way) (${name}_sum)`);
  assert.equal(sums.size, 3);
  for (const [way, sum] of sums) assert.equal(sum, sums.get('otlp'), way);
  for (const q of [0.5, 0.95, 0.99]) {
    const quantiles = await by(`histogram_quantile(${q}, sum by (way) (${name}))`);
    assert.equal(quantiles.size, 2);
    assert.equal(quantiles.get('native'), quantiles.get('otlp'));
    assert.ok(quantiles.get('otlp')! > 0 && quantiles.get('otlp')! < 10);
  }
  for (const [family, value] of await by('count by (way) ({__name__=~".*_bucket",le!="+Inf"})'))
    assert.fail(`${family} ${value}`);
  assert.equal(await exponential.stop(), 0, exponential.err);
  assert.doesNotMatch(natives.log, /level=(WARN|ERROR)/);
  await natives.stop();
});
