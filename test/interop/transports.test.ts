/** Everything arrives in a real Collector whichever way it is sent, also when the Collector is restarted meanwhile. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Services } from '../../demo/services.ts';
import { attribute, metricsOf, type OtlpRequest, pointsOf, requestsIn, type Span } from '../e2e/otlp.ts';
import { emptyFolder, freePort } from '../e2e/servers/server.ts';
import { Collector } from './backends/collector.ts';
import { build, lackingBackends } from './backends/programs.ts';
import { closeAgent, nativeOf, openAgent, openShop } from './backends/scene.ts';

/** Each agent has a way of its own into one and the same Collector. */
const WAYS = [
  { name: 'json-gzip', protocol: 'http/json', compression: 'gzip' },
  { name: 'json', protocol: 'http/json', compression: 'none' },
  { name: 'protobuf-gzip', protocol: 'http/protobuf', compression: 'gzip' },
  { name: 'protobuf', protocol: 'http/protobuf', compression: 'none' },
  { name: 'grpc-gzip', protocol: 'grpc', compression: 'gzip' },
  { name: 'grpc', protocol: 'grpc', compression: 'none' },
] as const;

const skip = lackingBackends(['collector'], 'redis-server', 'postgres');
const VISITS = 300;
/** What depends on when a packet was stamped, not on what it held. */
const TIMES =
  /^spantap\.(request\.transfer|time_to_first_byte|response\.transfer|retransmissions|out_of_order|zero_windows)$/;

interface Owned {
  readonly service: string;
  readonly span: Span;
}

const received = (file: string): OtlpRequest[] => requestsIn(readFileSync(file, 'utf8'));

const spansIn = (requests: readonly OtlpRequest[]): Owned[] =>
  requests
    .flatMap((r) => r.resourceSpans ?? [])
    .flatMap(({ resource, scopeSpans }) => {
      const service = String(attribute(resource, 'service.name'));
      return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ service, span })));
    });

/** Requests by pair, as the spans that stand for them say. */
function countSpans(owned: readonly Owned[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { service, span } of owned) {
    const peer = String(attribute(span, 'service.peer.name'));
    const isServer = span.kind === 2;
    const pair = isServer ? `${peer} ${service}` : `${service} ${peer}`;
    if (nativeOf(pair).served === isServer) counts[pair] = (counts[pair] ?? 0) + 1;
  }
  return counts;
}

/** Requests by pair, as the service graph said last. */
function countEdges(requests: readonly OtlpRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const metric of metricsOf(requests)) {
    if (metric.name !== 'traces_service_graph_request_total') continue;
    for (const p of pointsOf(metric)) counts[`${attribute(p, 'client')} ${attribute(p, 'server')}`] = Number(p.asInt);
  }
  return counts;
}

const counted = (shop: Services): Record<string, number> =>
  Object.fromEntries([...shop.ledger.accounts].map(([pair, a]) => [pair, a.requests]));

/** All of a span but when it was. */
const contents = ({ service, span }: Owned): string => {
  const attributes = span.attributes.filter(({ key }) => !TIMES.test(key)).map((a) => JSON.stringify(a));
  const { traceId, spanId, parentSpanId, name, kind, status } = span;
  return JSON.stringify([service, traceId, spanId, parentSpanId, name, kind, status?.code ?? 0, attributes.toSorted()]);
};

async function nothingRefused(collector: Collector): Promise<void> {
  const text = await collector.metrics();
  assert.match(text, /^otelcol_receiver_accepted_spans/m);
  for (const [, name, value] of text.matchAll(/^(otelcol_\w*(?:refused|failed)\w*)(?:\{.*\})? (\S+)$/gm))
    assert.equal(Number(value), 0, name);
}

describe('ways into a Collector', { skip }, () => {
  const folder = emptyFolder('received');
  const arrived = new Map<string, OtlpRequest[]>();
  let ledger: Record<string, number> = {};

  before(async () => {
    await build('collector');
    const shop = await openShop();
    const ports = new Map<string, number>();
    for (const { name } of WAYS) ports.set(name, await freePort());
    const each = <T>(values: (way: (typeof WAYS)[number]) => [string, T][]): Record<string, T> =>
      Object.fromEntries(WAYS.flatMap(values));
    const collector = await Collector.start({
      receivers: each(({ name, protocol }) => {
        const endpoint = { endpoint: `127.0.0.1:${ports.get(name)}` };
        return [[`otlp/${name}`, { protocols: protocol === 'grpc' ? { grpc: endpoint } : { http: endpoint } }]];
      }),
      exporters: each(({ name }) => [[`file/${name}`, { path: join(folder, name), flush_interval: '100ms' }]]),
      pipelines: each(({ name }) => {
        const pipeline = { receivers: [`otlp/${name}`], exporters: [`file/${name}`] };
        return [
          [`traces/${name}`, pipeline],
          [`metrics/${name}`, pipeline],
        ];
      }),
    });
    const agents = await Promise.all(
      WAYS.map(({ name, protocol, compression }) =>
        openAgent({
          SPANTAP_EXPORT_ENDPOINT: `http://127.0.0.1:${ports.get(name)}`,
          SPANTAP_EXPORT_PROTOCOL: protocol,
          SPANTAP_EXPORT_COMPRESSION: compression,
          SPANTAP_AGENT_ID: name,
        }),
      ),
    );
    await shop.connect();
    await shop.visit(8, VISITS);
    await shop.stop();
    await Promise.all(agents.map(closeAgent));
    await nothingRefused(collector);
    await collector.stop();
    for (const { name } of WAYS) arrived.set(name, received(join(folder, name)));
    ledger = counted(shop);
  });

  for (const { name } of WAYS) {
    test(`${name}: spans and metrics are what the callers counted`, () => {
      const requests = arrived.get(name)!;
      assert.equal(Object.keys(ledger).length, 6);
      assert.deepEqual(countSpans(spansIn(requests)), ledger);
      assert.deepEqual(countEdges(requests), ledger);
    });

    test(`${name}: the spans are the same as those that went the other ways`, () => {
      const [first, own] = [WAYS[0].name, name].map((way) => spansIn(arrived.get(way)!).map(contents).toSorted());
      assert.deepEqual(own, first);
    });
  }
});

describe('a Collector that is restarted', { skip }, () => {
  for (const protocol of ['http/protobuf', 'http/json', 'grpc']) {
    test(`${protocol}: nothing is lost, and nothing counted twice`, async () => {
      const file = join(emptyFolder('restarted'), 'received');
      const exporters = { file: { path: file, append: true, flush_interval: '100ms' } };
      const pipeline = { receivers: ['otlp'], exporters: ['file'] };
      const collector = await Collector.start({ exporters, pipelines: { traces: pipeline, metrics: pipeline } });
      const endpoint = protocol === 'grpc' ? `http://127.0.0.1:${collector.ports.grpc}` : collector.otlp;
      const shop = await openShop();
      const agent = await openAgent({ SPANTAP_EXPORT_ENDPOINT: endpoint, SPANTAP_EXPORT_PROTOCOL: protocol });
      await shop.connect();
      await shop.visit(8, VISITS / 2);
      const visits = shop.visit(8, VISITS);
      await collector.stop();
      await sleep(2_000);
      await collector.start();
      await visits;
      await shop.visit(8, VISITS / 2);
      await shop.stop();
      await agent.until(/takes data again/);
      await closeAgent(agent);
      await nothingRefused(collector);
      await collector.stop();

      const requests = received(file);
      const spans = spansIn(requests);
      const ledger = counted(shop);
      assert.deepEqual(countSpans(spans), ledger);
      assert.equal(new Set(spans.map(({ span }) => span.spanId)).size, spans.length);
      assert.deepEqual(countEdges(requests), ledger);
    });
  }
});
