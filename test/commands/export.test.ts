import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { grpcCollector } from '../export/grpc-collector.ts';
import { readTraces } from '../telemetry/otlp-reader.ts';

const ONE = 'test/fixtures/http/df-http/input.pcap';

let server: Server;
let endpoint = '';
let status = 200;
const received: { path: string; body: string }[] = [];

before(async () => {
  server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const body = Buffer.concat(parts);
      received.push({
        path: req.url!,
        body: (req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString(),
      });
      res.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

async function readExport(env: Record<string, string>): Promise<{ code: number; out: string; err: string }> {
  received.length = 0;
  const child = spawn(process.execPath, ['src/main.ts', 'read', '--export', ONE], {
    env: { PATH: process.env.PATH, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  const code = await new Promise<number>((done) => child.on('close', done));
  return { code, out, err };
}

test('--export delivers spans and metrics, and still reports', async () => {
  status = 200;
  const r = await readExport({ SPANTAP_EXPORT_ENDPOINT: endpoint, SPANTAP_EXPORT_PROTOCOL: 'http/json' });
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^exchanges +1: 1 complete/m);
  assert.deepEqual(received.map((x) => x.path).sort(), ['/v1/metrics', '/v1/traces']);
  const traces = JSON.parse(received.find((x) => x.path === '/v1/traces')!.body);
  const spans = traces.resourceSpans.flatMap((x: { scopeSpans: { spans: object[] }[] }) =>
    x.scopeSpans.flatMap((s) => s.spans),
  );
  assert.equal(spans.length, 2);
});

test('--export delivers by gRPC, and to each of several endpoints', async (t) => {
  const collectors = [await grpcCollector(), await grpcCollector()];
  t.after(() => {
    for (const collector of collectors) collector.close();
  });
  const r = await readExport({
    SPANTAP_EXPORT_ENDPOINT: collectors.map((c) => `http://127.0.0.1:${c.port}`).join(', '),
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  });
  assert.equal(r.code, 0, r.err);
  for (const { received: calls } of collectors) {
    assert.deepEqual(calls.map((c) => c.path.split('.').at(-1)).sort(), [
      'MetricsService/Export',
      'TraceService/Export',
    ]);
    const traces = calls.find((c) => c.path.includes('Trace'))!;
    const { resourceSpans } = readTraces(Buffer.from(traces.body, 'latin1'));
    assert.equal(resourceSpans.flatMap((x) => x.scopeSpans.flatMap((s) => s.spans)).length, 2);
  }
});

test('what does not arrive is told, exit code 1', async () => {
  status = 400;
  const r = await readExport({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  assert.equal(r.code, 1);
  assert.match(r.err, /did not arrive at http:\/\/127\.0\.0\.1:\d+/);
  assert.match(r.out, /^exchanges +1: 1 complete/m);
});

test('an endpoint that is no address is told before anything is read', async () => {
  const r = await readExport({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' });
  assert.equal(r.code, 1);
  assert.match(r.err, /^spantap: .*OTEL_EXPORTER_OTLP_ENDPOINT/);
  assert.equal(r.out, '');
});
