/**
 * What Prometheus refuses: a sample older than the one before it, or another value at the same time. `target_info` has the latest time of
 * each request's points, so the requests about one resource have to come in order as well.
 */
import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Endpoint, pointsOf } from './otlp.ts';
import { environment, lacking, spantap, start } from './program.ts';

/** Agents that are started and stopped, each a little later: some while the figures that come once a second are collected. */
const ROUNDS = 8;

test('metrics come in the order of their times, one value for each', { skip: lacking() }, async () => {
  const app = createServer((_req, res) => res.end('hello'));
  after(() => app.close());
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
  const { port } = app.address() as AddressInfo;
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      get({ port, path: '/', agent: false }, (res) => res.resume().once('end', resolve)).once('error', reject);
    });

  let compared = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const endpoint = new Endpoint();
    await endpoint.open();
    const often = { SPANTAP_METRICS_INTERVAL: '100ms', SPANTAP_SELF_INTERVAL: '1s' };
    const env = environment({ ...endpoint.environment, ...often });
    const agent = start(spantap('run', '-i', 'lo', `tcp port ${port}`), { env });
    await agent.until(/capturing/);
    for (let i = 0; i < 16 + round; i++) {
      await ask();
      await sleep(50);
    }
    assert.equal(await agent.stop(), 0, agent.err);
    await endpoint.close();

    const infos = new Map<string, bigint>();
    const series = new Map<string, { time: bigint; value: string }>();
    for (const { resource, scopeMetrics } of endpoint.requests.flatMap((r) => r.resourceMetrics ?? [])) {
      const whose = JSON.stringify(resource.attributes);
      let latest = 0n;
      for (const metric of scopeMetrics.flatMap((s) => s.metrics)) {
        for (const { timeUnixNano, startTimeUnixNano: _, attributes, ...figures } of pointsOf(metric)) {
          // Prometheus counts milliseconds
          const time = BigInt(timeUnixNano) / 1_000_000n;
          const value = JSON.stringify(figures);
          const key = `${whose} ${metric.name} ${JSON.stringify(attributes)}`;
          const before = series.get(key);
          series.set(key, { time, value });
          if (time > latest) latest = time;
          if (before === undefined) continue;
          compared++;
          assert.ok(time > before.time || (time === before.time && value === before.value), `${key}: ${time}`);
        }
      }
      assert.ok(latest >= (infos.get(whose) ?? 0n), `${whose}: ${latest}`);
      infos.set(whose, latest);
    }
  }
  assert.ok(compared > 1000, `${compared} points`);
});
