import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExportOptions } from '../../src/export/options.ts';
import { addressesOf, type Environment, type OtlpTarget, otlpTargets, type Signal } from '../../src/export/targets.ts';
import { SpantapError } from '../../src/self/errors.ts';
import { exportOptions } from './collector.ts';

/** The one target of each signal. */
function single(options: Partial<ExportOptions>, env: Environment): Record<Signal, OtlpTarget> {
  const { traces, metrics } = otlpTargets(exportOptions(options), env);
  assert.deepEqual([traces.length, metrics.length], [1, 1]);
  return { traces: traces[0]!, metrics: metrics[0]! };
}
const urls = (env: Environment, ...endpoints: string[]): string[] => {
  const t = single({ endpoints }, env);
  return [t.traces.url.href, t.metrics.url.href];
};

test('addresses: configuration, then the variable of the signal, then the general one, then the default', () => {
  assert.deepEqual(urls({}), ['http://localhost:4318/v1/traces', 'http://localhost:4318/v1/metrics']);
  assert.deepEqual(urls({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.example:1/base/' }), [
    'https://c.example:1/base/v1/traces',
    'https://c.example:1/base/v1/metrics',
  ]);
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://general:4318',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:9/as/it/is',
  };
  assert.deepEqual(urls(env), ['http://traces:9/as/it/is', 'http://general:4318/v1/metrics']);
  assert.deepEqual(urls(env, 'http://configured'), ['http://configured/v1/traces', 'http://configured/v1/metrics']);
  assert.deepEqual(urls({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), urls({}));
});

test('all other settings', () => {
  const t = single(
    { headers: { Authorization: 'mine' }, tls: { caFile: '/ca', certFile: '', keyFile: '' } },
    {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=theirs,x-a=1%2C2, x-b = two ',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x-a=3',
      OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '100',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/other-ca',
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: '/cert',
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: '/key',
    },
  );
  assert.equal(t.traces.protocol, 'http/json');
  assert.equal(t.metrics.protocol, 'http/protobuf');
  assert.deepEqual(t.traces.headers, { authorization: 'mine', 'x-a': '1,2', 'x-b': 'two' });
  assert.deepEqual(t.metrics.headers, { authorization: 'mine', 'x-a': '3', 'x-b': 'two' });
  assert.deepEqual([t.traces.timeoutMs, t.metrics.timeoutMs], [100, 2500]);
  assert.deepEqual([t.traces.compression, t.metrics.compression], ['none', 'gzip']);
  assert.deepEqual(t.traces.tls, { caFile: '/ca', certFile: '/cert', keyFile: '/key' });
  assert.deepEqual(t.metrics.tls, { caFile: '/ca', certFile: '/cert', keyFile: '' });
  const plain = single(
    { timeoutMs: 7, compression: 'none', protocol: 'http/protobuf' },
    {
      OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
  );
  assert.deepEqual(
    [plain.traces.timeoutMs, plain.traces.compression, plain.traces.protocol],
    [7, 'none', 'http/protobuf'],
  );
  const defaults = single({}, {}).metrics;
  assert.deepEqual([defaults.timeoutMs, defaults.compression, defaults.protocol], [10_000, 'gzip', 'http/protobuf']);
});

test('what is wrong is told with the name of the variable', () => {
  const cases: [Environment, RegExp][] = [
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'http' },
      /^OTEL_EXPORTER_OTLP_PROTOCOL: 'http' is not supported; use http\/protobuf/,
    ],
    [{ OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'soap' }, /^OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'soap'/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /^OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' is no address/],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'ftp://x' }, /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT/],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c/v1/traces', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT: http:\/\/c has the path \/v1\/traces, and gRPC has none/,
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'me:secret@c', OTEL_EXPORTER_OTLP_INSECURE: 'true' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT: '\*\*\*@c' is no address/,
    ],
    [
      { HTTP_PROXY: 'socks5://me:secret@proxy', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' },
      /^HTTP_PROXY: is no address of a proxy/,
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'te=secret' },
      /^OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'te' cannot be sent as metadata of gRPC/,
    ],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, /^OTEL_EXPORTER_OTLP_TIMEOUT: '10s' is no number of milliseconds/],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '0' }, /^OTEL_EXPORTER_OTLP_TIMEOUT/],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd' }, /^OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd'/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'novalue' }, /^OTEL_EXPORTER_OTLP_HEADERS/],
    [{ OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=%zz' }, /^OTEL_EXPORTER_OTLP_TRACES_HEADERS/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a b=secret' }, /^OTEL_EXPORTER_OTLP_HEADERS: 'a b' is no valid header/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=secret%0d%0ax: y' }, /^OTEL_EXPORTER_OTLP_HEADERS: 'a'/],
  ];
  for (const [env, message] of cases) {
    assert.throws(
      () => otlpTargets(exportOptions(), env),
      (e) => e instanceof SpantapError && message.test(e.message) && !e.message.includes('secret'),
      JSON.stringify(env),
    );
  }
  assert.throws(
    () => otlpTargets(exportOptions({ endpoints: ['nonsense'] }), {}),
    /^SpantapError: export.endpoint: 'nonsense'/,
  );
});

test('gRPC: addresses without scheme or path, per signal', () => {
  assert.deepEqual(urls({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), ['http://localhost:4317/', 'http://localhost:4317/']);
  assert.deepEqual(urls({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' }), [
    'http://localhost:4317/',
    'http://localhost:4318/v1/metrics',
  ]);
  const bare = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' };
  assert.deepEqual(urls(bare), ['https://collector:4317/', 'https://collector:4317/']);
  assert.deepEqual(urls({ ...bare, OTEL_EXPORTER_OTLP_METRICS_INSECURE: 'TRUE' }), [
    'https://collector:4317/',
    'http://collector:4317/',
  ]);
  assert.deepEqual(urls({ ...bare, OTEL_EXPORTER_OTLP_INSECURE: 'true' }), Array(2).fill('http://collector:4317/'));
  // a scheme says it already
  const schemed = { ...bare, OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector', OTEL_EXPORTER_OTLP_INSECURE: 'true' };
  assert.deepEqual(urls(schemed), Array(2).fill('https://collector/'));
});

test('several endpoints: every signal goes to each; a password in one becomes a header, and is shown nowhere', () => {
  const endpoints = ['http://a:4318', 'https://me:p%40ss@b/base'];
  const t = otlpTargets(exportOptions({ endpoints, headers: { 'x-a': '1' } }), {});
  for (const targets of [t.traces, t.metrics]) {
    assert.deepEqual(
      targets.map((x) => x.headers),
      [{ 'x-a': '1' }, { authorization: `Basic ${btoa('me:p@ss')}`, 'x-a': '1' }],
    );
  }
  assert.equal(addressesOf(t.traces), 'http://a:4318/v1/traces, https://b/base/v1/traces');
  const own = otlpTargets(exportOptions({ endpoints, headers: { authorization: 'own' } }), {});
  assert.equal(own.traces[1]!.headers.authorization, 'own');
  assert.throws(
    () => otlpTargets(exportOptions({ endpoints: ['http://a', 'http://a:80/'] }), {}),
    /export.endpoint: http:\/\/a is there twice/,
  );
});
