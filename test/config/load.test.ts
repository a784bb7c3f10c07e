import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse, parseDocument } from 'yaml';
import type { CaptureOptions } from '../../src/capture/options.ts';
import { DEFAULTS } from '../../src/config/defaults.ts';
import { effectiveConfig, loadConfig } from '../../src/config/load.ts';
import { leaves, variableName } from '../../src/config/variables.ts';
import type { ExportOptions } from '../../src/export/options.ts';
import type { NamingOptions } from '../../src/naming/options.ts';
import { SpantapError } from '../../src/self/errors.ts';
import type { ExchangeOptions, StreamOptions } from '../../src/stream/options.ts';
import type { TelemetryOptions } from '../../src/telemetry/options.ts';

const dir = mkdtempSync(join(tmpdir(), 'spantap-config-'));
after(() => rmSync(dir, { recursive: true }));

function file(text: string): string {
  const path = join(dir, 'agent.yaml');
  writeFileSync(path, text);
  return path;
}

/** The lines of the complaint about a configuration. */
async function mistakes(text: string | null, env: Record<string, string> = {}): Promise<string[]> {
  const error = await loadConfig(text === null ? null : file(text), env).then(
    () => assert.fail('was accepted'),
    (e: unknown) => e,
  );
  assert.ok(error instanceof SpantapError, String(error));
  assert.equal(error.exitCode, 1);
  return error.message.replaceAll(`${dir}/`, '').split('\n');
}

test('the documented file loads, equals the defaults and names every key', async () => {
  const path = 'config/agent.yaml';
  const text = readFileSync(path, 'utf8');
  assert.deepEqual(parse(text), DEFAULTS);
  assert.deepEqual(await loadConfig(path, {}), await loadConfig(null, {}));
  const doc = parseDocument(text);
  for (const leaf of leaves(DEFAULTS, [])) assert.ok(doc.hasIn(leaf), `${leaf.join('.')} is not documented`);
});

test('the defaults pass their own schema', async () => {
  const { checkSettings } = await import('../../src/config/check.ts');
  assert.deepEqual(
    checkSettings(structuredClone(DEFAULTS), (path, message) => assert.fail(`${path.join('.')}: ${message}`)),
    DEFAULTS,
  );
});

test('a Config is made of the slices the rooms take, in plain units, and is frozen', async () => {
  const config = await loadConfig(null, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', HOME: '/root' });
  const capture: CaptureOptions = config.capture;
  const streams: StreamOptions = config.streams;
  const exchanges: ExchangeOptions = config.exchanges;
  const naming: NamingOptions = config.naming;
  const telemetry: TelemetryOptions = config.telemetry;
  const sending: ExportOptions = config.export;
  assert.equal(capture.ringBytes, 16 * 1024 * 1024);
  assert.equal(capture.batchDelayMs, 20);
  assert.equal(config.limits.memoryBytes, 256 * 1024 * 1024);
  assert.equal(streams.maxFlows, 65_536);
  assert.equal(streams.maxReorderBytes, 1024 * 1024);
  assert.equal(streams.idleMs, 300_000);
  assert.equal(exchanges.timeoutMs, 120_000);
  assert.equal(naming.hostsFile, '/etc/hosts');
  assert.equal(telemetry.agentId, hostname());
  assert.equal(telemetry.encoding, 'protobuf');
  assert.equal(sending.timeoutMs, null);
  assert.deepEqual(config.otel, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' });
  assert.throws(() => {
    (capture.interfaces as string[]).push('lo');
  }, TypeError);
  assert.throws(() => {
    (config.health as { port: number }).port = 1;
  }, TypeError);
});

test('variables win over the file, the file over OTEL_ variables and defaults', async () => {
  const path = file('metrics: { interval: 20s }\ncapture: { interfaces: [eth0], snaplen: 96 }\nlimits:\n');
  const config = await loadConfig(path, {
    OTEL_METRIC_EXPORT_INTERVAL: '7000',
    SPANTAP_CAPTURE_INTERFACES: 'lo, eth1',
    SPANTAP_EXPORT_HEADERS: 'authorization=Basic a=b,x-tenant=1',
    SPANTAP_CAPTURE_PROMISCUOUS: '1',
    SPANTAP_EXPORT_QUEUE_MAX_AGE: '90s',
    SPANTAP_EXPORT_PROTOCOL: 'http/json',
    SPANTAP_CAPTURE_FILTER: '',
  });
  assert.equal(config.telemetry.metrics.intervalMs, 20_000);
  assert.deepEqual(config.capture.interfaces, ['lo', 'eth1']);
  assert.equal(config.capture.snaplen, 96);
  assert.equal(config.capture.promiscuous, true);
  assert.deepEqual(config.export.headers, { authorization: 'Basic a=b', 'x-tenant': '1' });
  assert.equal(config.export.queue.maxAgeMs, 90_000);
  assert.equal(config.telemetry.encoding, 'json');
  const plain = await loadConfig(null, {
    OTEL_METRIC_EXPORT_INTERVAL: '7000',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
  assert.equal(plain.telemetry.metrics.intervalMs, 7000);
  assert.equal(plain.telemetry.encoding, 'json');
});

test('histograms are what the key says, else the standard variable', async () => {
  const variable = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION';
  const of = async (text: string | null, env: Record<string, string> = {}): Promise<number> =>
    (await loadConfig(text === null ? null : file(text), env)).telemetry.metrics.maxBuckets;
  assert.equal(await of(null), 0);
  assert.equal(await of(null, { [variable]: 'base2_exponential_bucket_histogram' }), 160);
  assert.equal(await of(null, { [variable]: 'explicit_bucket_histogram', SPANTAP_METRICS_MAX_BUCKETS: '320' }), 0);
  assert.equal(await of('metrics: { histograms: explicit }', { [variable]: 'base2_exponential_bucket_histogram' }), 0);
  assert.equal(await of('metrics: { histograms: exponential, maxBuckets: 320 }'), 320);
  await assert.rejects(of(null, { [variable]: 'exponential' }), {
    message: `${variable}: must be one of explicit_bucket_histogram, base2_exponential_bucket_histogram`,
  });
});

test('OTEL_METRIC_EXPORT_INTERVAL has no unit, and is named as it was written', async () => {
  assert.deepEqual(await mistakes(null, { OTEL_METRIC_EXPORT_INTERVAL: '15s' }), [
    "OTEL_METRIC_EXPORT_INTERVAL: '15s' is no whole number of milliseconds",
  ]);
});

test('SPANTAP_CONFIG names the file when nothing else does', async () => {
  const path = file('capture: { shards: 3 }\n');
  assert.equal((await loadConfig(null, { SPANTAP_CONFIG: path })).capture.shards, 3);
});

test('metrics are sent, scraped, or both, as ports and names say', async () => {
  const of = async (text: string | null, env: Record<string, string> = {}): Promise<[boolean, string, number]> => {
    const { otlpMetrics, prometheus } = await loadConfig(text === null ? null : file(text), env);
    return [otlpMetrics, prometheus.host, prometheus.port];
  };
  const asked = { OTEL_METRICS_EXPORTER: 'prometheus' };
  const placed = { OTEL_EXPORTER_PROMETHEUS_HOST: '0.0.0.0', OTEL_EXPORTER_PROMETHEUS_PORT: '9999' };
  assert.deepEqual(await of(null), [true, '127.0.0.1', 0]);
  assert.deepEqual(await of(null, placed), [true, '127.0.0.1', 0], 'an address alone asks for nothing');
  assert.deepEqual(await of('prometheus: { port: 9464 }\n'), [false, '127.0.0.1', 9464]);
  assert.deepEqual(await of(null, { SPANTAP_PROMETHEUS_PORT: '9465' }), [false, '127.0.0.1', 9465]);
  assert.deepEqual(await of('prometheus: { port: 1 }\nmetrics: { exporters: [otlp] }\n'), [true, '127.0.0.1', 1]);
  assert.deepEqual(await of('metrics: { exporters: [otlp, prometheus] }\n'), [true, '127.0.0.1', 9464]);
  assert.deepEqual(await of(null, { SPANTAP_METRICS_EXPORTERS: 'prometheus' }), [false, '127.0.0.1', 9464]);
  assert.deepEqual(await of(null, asked), [false, '127.0.0.1', 9464]);
  assert.deepEqual(await of(null, { ...asked, ...placed }), [false, '0.0.0.0', 9999]);
  assert.deepEqual(await of('prometheus: { host: 127.0.0.9, port: 7 }\n', { ...asked, ...placed }), [
    false,
    '127.0.0.9',
    7,
  ]);
  assert.deepEqual(await of(null, { OTEL_METRICS_EXPORTER: 'otlp, prometheus' }), [true, '127.0.0.1', 9464]);
  assert.deepEqual(await of(null, { OTEL_METRICS_EXPORTER: 'console' }), [true, '127.0.0.1', 0]);
  assert.deepEqual(await of('metrics: { exporters: [otlp] }\n', asked), [true, '127.0.0.1', 0], 'the file wins');
  const none = await loadConfig(file('prometheus: { port: 9464 }\n'), { OTEL_METRICS_EXPORTER: 'none' });
  assert.deepEqual([none.prometheus.port, none.telemetry.metrics.enabled, none.self.metrics], [0, false, false]);
  const shown = await effectiveConfig(null, { ...asked, OTEL_EXPORTER_PROMETHEUS_PORT: '9999' });
  assert.match(shown, /- prometheus[\s\S]*\n {2}port: 9999 # OTEL_EXPORTER_PROMETHEUS_PORT\n/);
  assert.match(await effectiveConfig(null, asked), /\n {2}port: 9464 # metrics\.exporters\n/);
  assert.deepEqual(await mistakes(null, { ...asked, OTEL_EXPORTER_PROMETHEUS_PORT: 'x' }), [
    'OTEL_EXPORTER_PROMETHEUS_PORT: prometheus.port = "x": must be a whole number from 0 to 65535',
  ]);
  assert.deepEqual(await mistakes('metrics: { exporters: [jaeger] }\nprometheus: { port: 70000, host: "" }\n'), [
    'agent.yaml:1:24: metrics.exporters[0] = "jaeger": must be one of otlp, prometheus',
    'agent.yaml:2:28: prometheus.host = "": must not be empty',
    'agent.yaml:2:15: prometheus.port = 70000: must be at most 65535',
  ]);
});

test('the standard switches switch off', async () => {
  const on = { SPANTAP_SPANS_ENABLED: 'true' };
  const traces = await loadConfig(null, { ...on, OTEL_TRACES_EXPORTER: 'none' });
  assert.deepEqual([traces.telemetry.spans.enabled, traces.telemetry.metrics.enabled], [false, true]);
  const metrics = await loadConfig(null, { OTEL_METRICS_EXPORTER: 'none' });
  assert.deepEqual([metrics.telemetry.spans.enabled, metrics.telemetry.metrics.enabled], [true, false]);
  const sdk = await loadConfig(null, { OTEL_SDK_DISABLED: 'true' });
  assert.deepEqual(
    [sdk.telemetry.spans.enabled, sdk.telemetry.metrics.enabled, sdk.self.metrics],
    [false, false, false],
  );
});

test('what Kubernetes says of a service called spantap is no mistake', async () => {
  const links = {
    SPANTAP_SERVICE_HOST: '10.0.0.7',
    SPANTAP_SERVICE_PORT: '4318',
    SPANTAP_SERVICE_PORT_OTLP_HTTP: '4318',
    SPANTAP_PORT: 'tcp://10.0.0.7:4318',
    SPANTAP_PORT_4318_TCP: 'tcp://10.0.0.7:4318',
    SPANTAP_PORT_4318_TCP_PROTO: 'tcp',
    SPANTAP_PORT_4318_TCP_ADDR: '10.0.0.7',
  };
  assert.deepEqual(await loadConfig(null, links), await loadConfig(null, {}));
  const found = await mistakes(null, { SPANTAP_HEALT_PORT: '14318' });
  assert.deepEqual(found, ['SPANTAP_HEALT_PORT: is no variable of spantap; did you mean SPANTAP_HEALTH_PORT?']);
});

test('every mistake is told at once, with its place, its value and what to do', async () => {
  const text = [
    'capture:',
    '  snaplen: lots',
    '  intrfaces: [eth0]',
    'exchanges: { timeout: 30 }',
    'interfaces: [eth0]',
    'streams: 5m',
    'naming:',
    '  services:',
    '    - { cidr: 10.0.0.0/33, name: a }',
    '    - { ip: 10.0.0.1, host: b, name: b }',
    '    - { ip: 10.0.0.1, nmae: b }',
    'spans: { mode: both }',
  ].join('\n');
  const found = await mistakes(text, {
    SPANTAP_CAPTURE_SHARDS: '0',
    SPANTAP_LIMITS_FLOW: '5',
    SPANTAP_NAMING_SERVICES: 'x',
  });
  assert.deepEqual(
    found.sort(),
    [
      'SPANTAP_CAPTURE_SHARDS: capture.shards = 0: must be at least 1',
      'SPANTAP_LIMITS_FLOW: is no variable of spantap; did you mean SPANTAP_LIMITS_FLOWS?',
      'SPANTAP_NAMING_SERVICES: can be set in the configuration file only',
      'agent.yaml:10:7: naming.services[1] = {"ip":"10.0.0.1","host":"b","name":"b"}: needs exactly one of cidr, ip, host',
      'agent.yaml:11:23: naming.services[2].nmae: no such key; did you mean naming.services[2].name?',
      'agent.yaml:11:7: naming.services[2].name = nothing: is needed',
      'agent.yaml:12:10: spans.mode = "both": must be one of pair, client, server',
      'agent.yaml:2:3: capture.snaplen = "lots": must be a whole number from 64 to 262144',
      'agent.yaml:3:3: capture.intrfaces: no such key; did you mean capture.interfaces?',
      'agent.yaml:4:14: exchanges.timeout = 30: must be a duration with its unit: 500ms, 30s, 5m or 1h',
      'agent.yaml:5:1: interfaces: no such key; did you mean capture.interfaces?',
      'agent.yaml:6:1: streams = "5m": must be a section with keys of its own',
      'agent.yaml:9:9: naming.services[0].cidr = "10.0.0.0/33": must be a network such as 10.1.0.0/16 or 2001:db8::/64',
    ].sort(),
  );
});

test('what is no YAML, no map or no file is told with its place', async () => {
  assert.deepEqual(await mistakes('capture:\n  filter: "tcp\n'), ['agent.yaml:3:1: Missing closing "quote']);
  assert.match((await mistakes('a: 1\na: 2\n'))[0]!, /^agent\.yaml:2:1: .*unique/);
  assert.deepEqual(await mistakes('- a\n'), ['agent.yaml:1:1: the file must be a map of sections, such as `capture:`']);
  await assert.rejects(
    loadConfig(join(dir, 'absent.yaml'), {}),
    /absent\.yaml: cannot be read: there is no such file$/,
  );
});

test('secrets show in no message and no print', async () => {
  const text = 'export:\n  endpoint: http://user:hunter2@c:4318\n  headers: { authorization: hunter2 }\n';
  const printed = await effectiveConfig(file(text), { SPANTAP_LOG_LEVEL: 'debug' });
  assert.doesNotMatch(printed, /hunter2/);
  assert.match(printed, /endpoint: http:\/\/\*\*\*@c:4318 # .*agent\.yaml:2:3/);
  assert.match(printed, /level: debug # SPANTAP_LOG_LEVEL/);
  const found = await mistakes('export: { headers: { authorization: [hunter2] } }\n', { SPANTAP_EXPORT_HEADERS: '' });
  assert.deepEqual(found, ['agent.yaml:1:22: export.headers.authorization = "***": must be a text']);
  assert.doesNotMatch((await mistakes(null, { SPANTAP_EXPORT_HEADERS: 'hunter2' }))[0]!, /hunter2/);
});

test('what is printed can be loaded and says the same', async () => {
  const path = file(await effectiveConfig(null, { SPANTAP_CAPTURE_INTERFACES: 'lo', SPANTAP_LIMITS_MEMORY: '1GiB' }));
  const config = await loadConfig(path, {});
  assert.deepEqual(config.capture.interfaces, ['lo']);
  assert.equal(config.limits.memoryBytes, 2 ** 30);
});

test('every key but the rules has a variable, and no two share one', () => {
  const names = leaves(DEFAULTS, []).map(variableName);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes('SPANTAP_EXPORT_TLS_CA_FILE'));
  assert.ok(names.includes('SPANTAP_ROUTES'));
});
