/** The exporter beside a real Collector: gRPC as grpc-go reads it, mutual TLS, a restart in the middle, a copy for each of two. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { metricsRequests } from '../../src/telemetry/metrics-encoding.ts';
import { requestsIn, spansOf } from '../e2e/otlp.ts';
import type { Started } from '../e2e/program.ts';
import { emptyFolder, freePort } from '../e2e/servers/server.ts';
import { Certificates } from '../export/certificates.ts';
import { type Kit, sinkTo, until } from '../export/collector.ts';
import { ends, exchange, telemetry } from '../telemetry/double.ts';
import { readTraces } from '../telemetry/otlp-reader.ts';
import { build, eventually, lackingBackends, launch } from './backends/programs.ts';

const skip = lackingBackends(['collector']);
const LIMIT = { timeout: 3_600_000 };
const EXCHANGES = 1000;
/** Holds all that a test sends. */
const queue = { maxBytes: 16 << 20, maxAgeMs: 600_000, concurrency: 2 };

describe('a real Collector', { skip }, () => {
  const certificates = new Certificates();
  const folder = emptyFolder('collector-grpc');
  const file = (name: string): string => certificates.file(name);
  const received = join(folder, 'received');
  const at = { grpc: 0, http: 0, secureGrpc: 0, secureHttp: 0, health: 0 };
  let running: Started;

  /** Nobody's receiver takes long, but a batch may be under way in the file exporter. */
  const arrived = (): string[] =>
    spansOf(requestsIn(readFileSync(received, 'utf8'))).map((span) => `${span.traceId} ${span.spanId}`);
  const start = async (): Promise<void> => {
    running = await launch('collector', ['--config', join(folder, 'config')], folder, `http://127.0.0.1:${at.health}/`);
  };

  /** Sends spans of so many exchanges, and gives their ids. */
  let made = 0;
  const send = (kit: Kit, exchanges: number): string[] => {
    const double = telemetry({ spans: { batchSpans: 64 } });
    for (let i = 0; i < exchanges; i++) double.telemetry.finished(exchange(ends(1, 2), { startNs: made++ * 1e6 }));
    double.telemetry.flush();
    return double.batches.flatMap(({ bytes, spans }) => {
      kit.sink.enqueue('traces', bytes, spans);
      const scopes = readTraces(Buffer.from(bytes)).resourceSpans.flatMap((r) => r.scopeSpans);
      return scopes.flatMap((s) => s.spans.map((span) => `${span.traceId} ${span.spanId}`));
    });
  };
  const allOf = async (ids: readonly string[], copies = 1): Promise<void> => {
    const wanted = new Set(ids);
    const seen = async (): Promise<number> => arrived().filter((id) => wanted.has(id)).length;
    assert.equal(await eventually(seen, (count) => count >= ids.length * copies), ids.length * copies);
    assert.equal(new Set(arrived().filter((id) => wanted.has(id))).size, ids.length);
  };

  before(async () => {
    await build('collector');
    certificates.make('ca', 'authority');
    certificates.make('server', 'localhost', 'ca');
    certificates.make('client', 'agent', 'ca');
    for (const name of Object.keys(at) as (keyof typeof at)[]) at[name] = await freePort();
    const plain = (port: number): object => ({ endpoint: `127.0.0.1:${port}` });
    const tls = { cert_file: file('server.crt'), key_file: file('server.key'), client_ca_file: file('ca.crt') };
    const secure = (port: number): object => ({ ...plain(port), tls });
    const pipeline = { receivers: ['otlp/plain', 'otlp/secure'], exporters: ['file'] };
    const config = {
      receivers: {
        'otlp/plain': { protocols: { grpc: plain(at.grpc), http: plain(at.http) } },
        'otlp/secure': { protocols: { grpc: secure(at.secureGrpc), http: secure(at.secureHttp) } },
      },
      exporters: { file: { path: received, append: true, flush_interval: '100ms' } },
      extensions: { health_check: plain(at.health) },
      service: {
        extensions: ['health_check'],
        pipelines: { traces: pipeline, metrics: pipeline },
        telemetry: { metrics: { level: 'none' } },
      },
    };
    writeFileSync(join(folder, 'config'), JSON.stringify(config));
    await start();
  }, LIMIT);

  for (const compression of ['gzip', 'none'] as const) {
    test(`takes gRPC, compression ${compression}`, async (t) => {
      const kit = sinkTo(at.grpc, { protocol: 'grpc', compression, queue });
      t.after(() => kit.sink.close());
      const ids = send(kit, EXCHANGES);
      assert.ok(await kit.sink.flush(30_000));
      assert.equal(kit.reading('sent_items'), ids.length);
      assert.equal(kit.reading('rejected_items') + kit.reading('retries'), 0);
      assert.deepEqual(kit.log.lines, []);
      await allOf(ids);
    });
  }

  test('takes as many series as there may be: in requests below its 4 MiB', async (t) => {
    const kit = sinkTo(at.grpc, { protocol: 'grpc', queue });
    t.after(() => kit.sink.close());
    const bounds = Array.from({ length: 14 }, (_, i) => i);
    const points = Array.from({ length: 10_000 }, (_, i) => ({
      attributes: { 'db.query.summary': `${i} ${'SELECT things '.repeat(18)}`, 'service.peer.name': `peer-${i}` },
      start: [1_700_000_000, 0] as [number, number],
      time: [1_700_000_001, 0] as [number, number],
      counts: [...bounds, 1],
      sum: 1,
    }));
    const metric = { kind: 'histogram' as const, name: 'many', description: '', unit: 's', bounds, points };
    let bytes = 0;
    for (const r of metricsRequests({ resources: [{ attributes: {}, metrics: [metric] }] }, 'protobuf')) {
      await kit.sink.enqueue('metrics', r.bytes, r.points);
      bytes += r.bytes.length;
    }
    assert.ok(bytes > 4 << 20, `${bytes} bytes would have been taken at once`);
    assert.ok(await kit.sink.flush(30_000));
    assert.equal(kit.reading('sent_items', { signal: 'metrics' }), 10_000);
    assert.deepEqual(kit.log.lines, []);
  });

  for (const protocol of ['grpc', 'http/protobuf'] as const) {
    test(`${protocol}: knows us by our certificate, and takes nothing without`, async (t) => {
      const endpoints = [`https://localhost:${protocol === 'grpc' ? at.secureGrpc : at.secureHttp}`];
      const kit = sinkTo(0, { protocol, endpoints, queue, tls: certificates.files('ca', 'client') });
      t.after(() => kit.sink.close());
      const ids = send(kit, EXCHANGES);
      assert.ok(await kit.sink.flush(30_000), JSON.stringify(kit.log.lines));
      await allOf(ids);
      const nobody = sinkTo(0, { protocol, endpoints, tls: certificates.files('ca') });
      t.after(() => nobody.sink.close());
      send(nobody, 1);
      await until(() => nobody.log.lines.length > 0);
      assert.equal(nobody.reading('sent_items'), 0);
    });
  }

  test('is restarted while spans come by gRPC: each arrives, and just once', async (t) => {
    const kit = sinkTo(at.grpc, { protocol: 'grpc', queue });
    t.after(() => kit.sink.close());
    const ids = send(kit, EXCHANGES);
    await until(() => kit.reading('sent_items') > 0);
    const stopped = running.stop();
    ids.push(...send(kit, EXCHANGES));
    await stopped;
    ids.push(...send(kit, EXCHANGES));
    await until(() => kit.log.lines.length > 0);
    await start();
    assert.ok(await kit.sink.flush(30_000));
    assert.equal(kit.reading('sent_items'), ids.length);
    await allOf(ids);
    assert.deepEqual(
      kit.log.lines.map((l) => l.level),
      ['warn', 'info'],
    );
  });

  test('is sent a copy at each of its two endpoints', async (t) => {
    const endpoints = [`http://127.0.0.1:${at.grpc}`, `http://localhost:${at.grpc}`];
    const kit = sinkTo(0, { protocol: 'grpc', endpoints, queue });
    t.after(() => kit.sink.close());
    const ids = send(kit, 100);
    assert.ok(await kit.sink.flush(30_000));
    assert.equal(kit.reading('sent_items'), 2 * ids.length);
    await allOf(ids, 2);
  });
});
