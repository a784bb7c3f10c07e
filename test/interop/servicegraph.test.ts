/**
 * A live agent behind the configuration with the service graph connector: what the Collector draws from spans is what the agent counts,
 * but for what that file says of it.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { CONFIG } from '../dashboards/expressions.ts';
import { spantap, start } from '../e2e/program.ts';
import { emptyFolder } from '../e2e/servers/server.ts';
import { Jaeger } from './backends/jaeger.ts';
import { build, eventually, lackingBackends } from './backends/programs.ts';
import { Prometheus } from './backends/prometheus.ts';
import { CLIENT, Everything, PROGRAMS } from './everything.ts';
import { startExample } from './examples.ts';

const ROUNDS = 20;
const LIMIT = { timeout: 3_600_000 };

/** What stands at an edge, by `client server`: connection type, requests and those that failed. */
type Graph = Record<string, readonly [type: string, requests: number, failed: number]>;

async function graphOf(prometheus: Prometheus, service: string): Promise<Graph> {
  const series = `{__name__=~"traces_service_graph_request(_failed)?_total",service_name="${service}"}`;
  const found: Record<string, [type: string, requests: number, failed: number]> = {};
  for (const { labels, value } of await prometheus.query(
    `sum by (__name__, client, server, connection_type) (${series})`,
  )) {
    const edge = `${labels.client} ${labels.server}`;
    found[edge] ??= [labels.connection_type ?? '', 0, 0];
    found[edge][labels.__name__!.includes('failed') ? 2 : 1] = value;
  }
  return found;
}

const requests = (g: Graph): number => Object.values(g).reduce((sum, [, n]) => sum + n, 0);

/** What spans make of what the agent has counted, as the configuration says. */
function spansMake(counted: Graph): Graph {
  const [, handshakes] = counted[`${CLIENT} gate`]!;
  const [, messages, refused] = counted[`${CLIENT} nats`]!;
  return {
    ...counted,
    [`${CLIENT} gate`]: ['virtual_node', handshakes, 0],
    [`${CLIENT} nats`]: ['virtual_node', messages - ROUNDS, refused],
    [`${CLIENT} resolver`]: ['virtual_node', 2 * ROUNDS, ROUNDS],
    [`user ${CLIENT}`]: ['virtual_node', ROUNDS, 0],
  };
}

/** Asks as an application that is traced itself: it sends the CLIENT span to the Collector, and the agent makes none. */
async function askTraced(url: string, otlp: string): Promise<void> {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  await (await fetch(url, { headers: { traceparent: `00-${traceId}-${spanId}-01` } })).text();
  const span = { traceId, spanId, name: 'GET', kind: 3, startTimeUnixNano: '1000', endTimeUnixNano: '2000' };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: CLIENT } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const sent = await fetch(`${otlp}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  assert.equal(sent.status, 200);
}

const skip = lackingBackends(['collector', 'jaeger', 'prometheus'], ...PROGRAMS);

describe('the service graph of spans', { skip }, () => {
  test('is the one that the agent counts, and is told from it by service_name', LIMIT, async () => {
    await build('collector', 'jaeger', 'prometheus');
    const jaeger = await Jaeger.start();
    const prometheus = await Prometheus.start(
      parse(readFileSync(join(CONFIG, 'prometheus/prometheus.yml'), 'utf8')) as object,
    );
    const collector = await startExample('servicegraph.yaml', {
      TRACES_ENDPOINT: jaeger.otlp,
      METRICS_ENDPOINT: `${prometheus.url}/api/v1/otlp`,
    });

    const everything = new Everything();
    await everything.start();
    const file = join(emptyFolder('servicegraph'), 'agent.yaml');
    // its figures come once, at its end
    const metrics = { interval: '1h' };
    writeFileSync(file, JSON.stringify({ ...everything.settings, metrics, export: { endpoint: collector.otlp } }));
    const agent = start(spantap('run', '-c', file));
    await agent.until(/capturing/);
    await everything.open();
    for (let n = 0; n < ROUNDS; n++) await everything.round();
    await askTraced(`http://127.0.0.1:${everything.ports.get('cart')}/items/1`, collector.otlp);
    assert.equal(await agent.stop(), 0, agent.err);
    await everything.close();

    const counted = await eventually(
      () => graphOf(prometheus, 'spantap'),
      (seen) => Object.keys(seen).length > 0,
    );
    // spans that wait for another one, and the connector's interval
    const drawn = await eventually(
      () => graphOf(prometheus, ''),
      (seen) => requests(seen) >= requests(spansMake(counted)),
    );
    assert.deepEqual(drawn, spansMake(counted));
    assert.deepEqual(Object.keys(counted).toSorted(), [
      `${CLIENT} cart`,
      `${CLIENT} gate`,
      `${CLIENT} nats`,
      `${CLIENT} postgresql`,
      `${CLIENT} prices`,
      `${CLIENT} redis`,
    ]);
    await jaeger.stop();
    await prometheus.stop();
  });
});
