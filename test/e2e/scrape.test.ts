/** The agent is scraped over the interface that it captures, beside OTLP and instead of it. */
import assert from 'node:assert/strict';
import { createServer, get, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { metricName } from '../../src/export/prometheus/names.ts';
import { COUNTERS, GAUGES, unitOf } from '../../src/self/meanings.ts';
import { bySeries, type ParsedFamily, parsed } from '../export/exposition-parser.ts';
import { attribute, Endpoint, pointsOf } from './otlp.ts';
import { environment, lacking, spantap, start } from './program.ts';
import { freePort } from './servers/server.ts';

const skip = lacking();

const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

/** Own loopback addresses, so that nothing else on this machine is in the picture. */
const SERVER = '127.0.0.52';
const CLIENT = '127.0.0.51';

async function shop() {
  let asked = 0;
  const app = createServer((req, res) => res.writeHead(req.url!.endsWith('7') ? 500 : 200).end('hello'));
  after(() => app.close());
  await new Promise<void>((done) => app.listen(0, SERVER, done));
  const { port } = app.address() as AddressInfo;
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const o = { host: SERVER, port, path: `/app/${asked++}`, localAddress: CLIENT, agent: false };
      get(o, (res) => res.resume().once('end', resolve)).once('error', reject);
    });
  return {
    port,
    get asked() {
      return asked;
    },
    async work(rounds: number): Promise<void> {
      for (let i = 0; i < rounds; i++) await ask();
    },
  };
}

async function scrape(port: number, accept: string): Promise<{ headers: IncomingHttpHeaders; found: ParsedFamily[] }> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } });
  assert.equal(answer.status, 200);
  const type = answer.headers.get('content-type')!;
  return { headers: Object.fromEntries(answer.headers), found: parsed(await answer.text(), type) };
}

/** Sum over all series of that name that have all of these labels. */
function total(found: readonly ParsedFamily[], name: string, labels: Record<string, string> = {}): number {
  let sum = 0;
  for (const sample of found.flatMap((f) => f.samples)) {
    const fits = Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
    if (sample.name === name && fits) sum += sample.value;
  }
  return sum;
}

test('scraped instead of sent: both formats tell what the clients did, and nothing of the scrapes', {
  skip,
}, async () => {
  const endpoint = new Endpoint();
  await endpoint.open();
  const app = await shop();
  const port = await freePort();
  const env = environment({
    ...endpoint.environment,
    SPANTAP_PROMETHEUS_PORT: String(port),
    SPANTAP_SPANS_FLUSH_DELAY: '100ms',
    SPANTAP_CAPTURE_SHARDS: '2',
    SPANTAP_CAPTURE_RING: '64MiB',
    SPANTAP_NAMING_DNS: 'true', // which has counters of its own
  });
  const agent = start(spantap('run', '-i', 'lo'), { env });
  await agent.until(/capturing/);
  assert.match(agent.err, new RegExp(`scrape=http://127\\.0\\.0\\.1:${port}/metrics`));
  const done = (found: readonly ParsedFamily[]): number =>
    total(found, 'http_server_request_duration_seconds_count', { service_name: SERVER });
  for (let round = 0; round < 5; round++) {
    await app.work(10);
    await scrape(port, PROMETHEUS_3);
  }
  let open = await scrape(port, PROMETHEUS_3);
  for (let i = 0; i < 600 && done(open.found) < app.asked; i++) {
    await sleep(100);
    open = await scrape(port, PROMETHEUS_3);
  }
  const text = await scrape(port, 'text/plain;version=0.0.4');
  assert.match(String(open.headers['content-type']), /^application\/openmetrics-text; version=1\.0\.0;/);
  assert.match(String(text.headers['content-type']), /^text\/plain; version=0\.0\.4;/);
  for (const { found } of [open, text]) {
    bySeries(found); // none is there twice
    assert.equal(done(found), app.asked);
    const bucket = { service_name: SERVER, le: '+Inf', service_instance_id: 'test' };
    assert.equal(total(found, 'http_server_request_duration_seconds_bucket', bucket), app.asked);
    assert.equal(total(found, 'http_client_request_duration_seconds_count', { service_name: CLIENT }), app.asked);
    const edge = { client: CLIENT, server: SERVER, service_name: 'spantap' };
    assert.equal(total(found, 'traces_service_graph_request_total', edge), app.asked);
    assert.equal(total(found, 'traces_service_graph_request_failed_total', edge), 5);
    assert.equal(total(found, 'traces_service_graph_request_server_seconds_count', edge), app.asked);
    assert.equal(total(found, 'target_info', { service_name: SERVER }), 1);
    assert.equal(total(found, 'target_info', { service_name: 'spantap' }), 1);
    assert.ok(total(found, 'spantap_capture_received_total') > app.asked);
    assert.ok(total(found, 'spantap_prometheus_scrapes_total') > 0);
    assert.ok(total(found, 'spantap_stream_ignored_own_total') > 0, 'packets of the scrapes came by');
  }
  // All that it counts has a line in src/self/meanings.ts, and nothing else has.
  const figures = open.found.filter((f) => f.name.startsWith('spantap_') && f.type !== 'histogram');
  const own = figures.filter((f) => f.samples.every((s) => s.labels.client === undefined)); // the others are of pairs
  const meanings = [...Object.entries(COUNTERS), ...Object.entries(GAUGES)];
  const called = (name: string): string => metricName(`spantap.${name}`, unitOf(name), 'sum').family;
  const described = meanings.map(([name, meaning]) => `${called(name)}: ${meaning}`);
  assert.deepEqual(own.map((f) => `${f.name}: ${f.documentation}`).sort(), described.sort());
  for (const [type, table] of Object.entries({ counter: COUNTERS, gauge: GAUGES })) {
    assert.equal(own.filter((f) => f.type === type).length, Object.keys(table).length, type);
  }
  assert.equal(await agent.stop(), 0, agent.err);
  assert.equal(endpoint.spans.filter((s) => Number(attribute(s, 'server.port')) === app.port).length, 2 * app.asked);
  assert.equal(endpoint.metrics.length, 0, 'nothing was sent that is scraped');
  // Its port stands in no attribute and no label, as whichever end of whatever.
  const values = [
    ...endpoint.spans.flatMap((s) => s.attributes.map((a) => attribute(s, a.key))),
    ...text.found.flatMap((f) => f.samples.flatMap((s) => Object.values(s.labels))),
  ];
  assert.deepEqual(
    values.filter((value) => Number(value) === port || String(value).includes(`:${port}`)),
    [],
  );
});

test('scraped and sent, by the standard variables: the same figures both ways', { skip }, async () => {
  const endpoint = new Endpoint();
  await endpoint.open();
  const app = await shop();
  const port = await freePort();
  const env = environment({
    ...endpoint.environment,
    OTEL_METRICS_EXPORTER: 'otlp,prometheus',
    SPANTAP_EXPORT_FLUSH_TIMEOUT: '30s',
    OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
  });
  const agent = start(spantap('run', '-i', 'lo', `tcp port ${app.port}`), { env });
  await agent.until(/capturing/);
  await app.work(30);
  const name = 'http.server.request.duration';
  const told = (): boolean => endpoint.metrics.some((m) => m.name === 'spantap.capture.received');
  let count = 0;
  let scraped: ParsedFamily[] = [];
  for (let i = 0; i < 600 && (count < app.asked || !told()); i++) {
    await sleep(100);
    scraped = (await scrape(port, PROMETHEUS_3)).found;
    count = total(scraped, 'http_server_request_duration_seconds_count');
  }
  assert.equal(await agent.stop(), 0, agent.err);
  const last = endpoint.metrics.filter((m) => m.name === name).at(-1)!;
  assert.ok(told());
  const family = scraped.find((f) => f.name === 'http_server_request_duration_seconds')!;
  for (const point of pointsOf(last)) {
    const status = String(attribute(point, 'http.response.status_code'));
    const mine = family.samples.filter((s) => s.labels.http_response_status_code === status);
    const counts = point.bucketCounts!.map(Number);
    const cumulative = counts.map((_, n) => counts.slice(0, n + 1).reduce((a, b) => a + b, 0));
    const buckets = mine.filter((s) => s.name.endsWith('_bucket'));
    assert.deepEqual(
      buckets.map((s) => s.value),
      cumulative,
    );
    assert.deepEqual(
      buckets.map((s) => Number(s.labels.le === '+Inf' ? Infinity : s.labels.le)),
      [...point.explicitBounds!, Infinity],
    );
    assert.deepEqual(
      Object.entries(mine[0]!.labels)
        .filter(([key]) => !['le', 'service_name', 'service_instance_id'].includes(key))
        .sort(),
      point.attributes.map((a) => [a.key.replaceAll('.', '_'), String(attribute(point, a.key))]).sort(),
    );
  }
  assert.equal(pointsOf(last).length, 2);
});

test('a port that is taken ends the agent with a word about it', { skip }, async () => {
  const app = await shop();
  const env = environment({ SPANTAP_PROMETHEUS_PORT: String(app.port), SPANTAP_PROMETHEUS_HOST: SERVER });
  const agent = start(spantap('run', '-i', 'lo'), { env });
  assert.equal(await agent.ended(), 1);
  assert.match(agent.err, new RegExp(`prometheus\\.port: cannot listen at ${SERVER}:${app.port} \\(EADDRINUSE\\)`));
});
