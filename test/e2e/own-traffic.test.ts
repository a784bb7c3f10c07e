/** The agent captures the interface over which it exports, and never speaks of its own connections. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeProxy } from '../export/fake-proxy.ts';
import { grpcCollector } from '../export/grpc-collector.ts';
import { readTraces } from '../telemetry/otlp-reader.ts';
import { attribute, Endpoint, pointsOf, SERVER } from './otlp.ts';
import { environment, lacking, spantap, start } from './program.ts';
import { freePort } from './servers/server.ts';

const skip = lacking();

test('nothing it sends is about what it sends, or about who asks for its health', { skip }, async () => {
  const endpoint = new Endpoint();
  await endpoint.open();
  const app = createServer((_req, res) => res.end('hello'));
  after(() => app.close());
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
  const { port } = app.address() as AddressInfo;
  const ask = (n: number): Promise<void> =>
    new Promise((resolve, reject) => {
      get({ port, path: `/app/${n}`, agent: false }, (res) => res.resume().once('end', resolve)).once('error', reject);
    });

  const healthPort = await freePort();
  const env = environment({
    ...endpoint.environment,
    SPANTAP_SPANS_FLUSH_DELAY: '100ms',
    SPANTAP_HEALTH_HOST: '0.0.0.0',
    SPANTAP_HEALTH_PORT: String(healthPort),
    OTEL_METRIC_EXPORT_INTERVAL: '300',
  });
  const agent = start(spantap('run', '-i', 'lo'), { env });
  await agent.until(/capturing/);
  let asked = 0;
  const work = async (rounds: number): Promise<void> => {
    for (let i = 0; i < rounds; i++) {
      await ask(asked++);
      assert.equal((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 200);
      await sleep(50);
    }
  };
  await work(40);
  await endpoint.close(); // new connections have to be made, some of them in vain
  await work(20);
  await endpoint.open();
  await work(40);
  assert.equal(await agent.stop(), 0, agent.err);

  const spans = endpoint.spans.filter((s) => s.kind === SERVER);
  const ofApp = spans.filter((s) => Number(attribute(s, 'server.port')) === port);
  assert.equal(ofApp.length, asked, 'it captured, and delivered all of it');
  assert.ok(endpoint.requests.length > 10 && endpoint.peers.size >= 2, 'there was traffic to keep quiet about');

  // Neither port stands in no attribute, as whichever end of whatever.
  const things = [...endpoint.spans, ...endpoint.metrics.flatMap(pointsOf)];
  const own = things.filter((thing) =>
    thing.attributes.some((a) => {
      if (a.key === 'endpoint') return false; // what spantap.export.* is about
      const value = attribute(thing, a.key);
      return [endpoint.port, healthPort].some((own) => String(value) === `${own}` || String(value).includes(`:${own}`));
    }),
  );
  assert.deepEqual(own, []);
});

test('nor about handshakes of its own, whether they succeed or are refused', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'spantap-own-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const endpoint = new Endpoint();
  await endpoint.open();
  const file = join(dir, 'agent.yaml');
  writeFileSync(file, `naming: { services: [{ ip: 127.0.0.1, port: ${endpoint.port}, name: collector }] }\n`);
  const env = environment({ ...endpoint.environment, SPANTAP_EXPORT_FLUSH_TIMEOUT: '20s' });
  const agent = start(spantap('run', '-c', file, '-i', 'lo', `port ${endpoint.port}`), { env });
  await agent.until(/capturing/);
  /** Somebody else asks for the same port. */
  const others = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const socket = connect(endpoint.port, '127.0.0.1').on('error', () => {});
      socket.on('connect', () => socket.end());
      await new Promise<void>((done) => socket.once('close', () => done()));
    }
  };
  await others(3);
  await sleep(4000);
  await endpoint.close(); // it tries again and again, each second and more
  const before = Number(endpoint.peers.size);
  await others(2);
  await agent.until(/ECONNREFUSED/, 60_000);
  await sleep(4000);
  await endpoint.open();
  await sleep(4000);
  assert.equal(await agent.stop(), 0, agent.err);
  assert.ok(endpoint.peers.size > before, 'it has connected anew');

  const figure = (metric: string, error?: string): number => {
    const last = endpoint.metrics.filter((m) => m.name === `spantap.tcp.connections.${metric}`).at(-1)!;
    const points = pointsOf(last).filter((p) => attribute(p, 'server') === 'collector');
    return Number(points.find((p) => attribute(p, 'error.type') === error)!.asInt);
  };
  assert.deepEqual([figure('opened'), figure('failed', 'refused'), figure('failed', 'timeout')], [3, 2, 0]);
});

test('nor about gRPC, nor about the proxy on the way', { skip }, async (t) => {
  const collector = await grpcCollector();
  t.after(() => collector.close());
  const proxy = await fakeProxy(collector.port);
  t.after(() => proxy.close());
  const app = createServer((_req, res) => res.end('hello'));
  t.after(() => app.close());
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
  const { port } = app.address() as AddressInfo;
  const agent = start(spantap('run', '-i', 'lo'), {
    env: environment({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://collector.test:${collector.port}`,
      HTTP_PROXY: `http://tap:hunter2@127.0.0.1:${proxy.port}`,
      SPANTAP_SPANS_FLUSH_DELAY: '100ms',
    }),
  });
  await agent.until(/capturing/);
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve, reject) => {
      get({ port, path: `/app/${i}`, agent: false }, (res) => res.resume().once('end', resolve)).once('error', reject);
    });
    await sleep(50);
  }
  assert.equal(await agent.stop(), 0, agent.err);
  assert.doesNotMatch(agent.err + agent.out, /hunter2/);
  assert.ok(proxy.asked.length > 0 && proxy.asked.every((a) => a.line === `CONNECT collector.test:${collector.port}`));

  const spans = collector.received
    .filter((call) => call.path.includes('Trace'))
    .flatMap((call) => readTraces(Buffer.from(call.body, 'latin1')).resourceSpans)
    .flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));
  const portOf = (s: (typeof spans)[number]) => Number(attribute({ attributes: s.attributes ?? [] }, 'server.port'));
  const to = (at: number) => spans.filter((s) => s.kind === SERVER && portOf(s) === at);
  assert.equal(to(port).length, 20);
  assert.deepEqual(to(proxy.port), []);
  // its own metrics go the same way
  assert.ok(collector.received.some((c) => c.path.includes('Metrics') && c.body.includes('spantap.export.sent_items')));
  // what the proxy itself sends on is traffic like any other: the capture would have shown it all
  assert.ok(to(collector.port).length > 0);
});
