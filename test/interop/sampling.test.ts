/**
 * A live agent behind the two configurations that sample: what the load balancer hands on to the sampler comes to Jaeger if it is an
 * error, and mostly not if it is none.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { spantap, start } from '../e2e/program.ts';
import { emptyFolder } from '../e2e/servers/server.ts';
import { Jaeger, type JaegerSpan, tag } from './backends/jaeger.ts';
import { build, eventually, lackingBackends } from './backends/programs.ts';
import { Everything, PROGRAMS } from './everything.ts';
import { startExample } from './examples.ts';

const ROUNDS = 60;
const LIMIT = { timeout: 3_600_000 };

const skip = lackingBackends(['jaeger', 'collector'], ...PROGRAMS);

describe('tail sampling behind load balancing', { skip }, () => {
  test('keeps every error and few of the others, with both spans of each', LIMIT, async () => {
    await build('jaeger', 'collector');
    const jaeger = await Jaeger.start();
    const sampler = await startExample('tail-sampling.yaml', { TRACES_ENDPOINT: jaeger.otlp });
    const behind = { SAMPLERS: '127.0.0.1', SAMPLERS_PORT: String(sampler.grpcPort) };
    const balancer = await startExample('loadbalancing.yaml', behind);

    const everything = new Everything();
    await everything.start();
    const file = join(emptyFolder('sampling'), 'agent.yaml');
    const settings = { metrics: { enabled: false }, self: { metrics: false } };
    writeFileSync(file, JSON.stringify({ ...everything.settings, ...settings, export: { endpoint: balancer.otlp } }));
    const agent = start(spantap('run', '-c', file));
    await agent.until(/capturing/);
    await everything.open();
    for (let n = 0; n < ROUNDS; n++) await everything.round();
    assert.equal(await agent.stop(), 0, agent.err);
    await everything.close();

    const answered = (spans: readonly JaegerSpan[], status: number): JaegerSpan[] =>
      spans.filter((s) => Number(tag(s, 'http.response.status_code')) === status);
    const spans = await eventually(
      async () => (await jaeger.traces('cart')).flatMap((t) => t.spans),
      // pairs come whole
      (seen) => answered(seen, 503).length >= 2 * ROUNDS && answered(seen, 200).length % 2 === 0,
    );
    assert.equal(answered(spans, 503).length, 2 * ROUNDS, 'a CLIENT and a SERVER span of each');
    const others = answered(spans, 200).length;
    assert.ok(others < 2 * ROUNDS, `of ${4 * ROUNDS} spans without errors ${others} were kept`);
    await jaeger.stop();
  });
});
