/** `make demo-jaeger`: the real Jaeger has the traces of the demo; without a Jaeger it says how to get one. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { environment, run } from '../e2e/program.ts';
import { build, lackingBackends } from './backends/programs.ts';

const DEMO = new URL('../../demo/main.ts', import.meta.url).pathname;
const demo = (variables: Record<string, string>) =>
  run([process.execPath, DEMO, '--jaeger', '--seconds', '3'], { env: environment(variables), maxMs: 120_000 });

describe('the demo with Jaeger', { skip: lackingBackends(['jaeger'], 'redis-server', 'postgres') }, () => {
  /** The script looks for its folder there. */
  const home = { HOME: process.env.HOME ?? '', SPANTAP_BACKENDS: process.env.SPANTAP_BACKENDS ?? '' };
  before(() => build('jaeger'));

  test('shows the traces of its services', async () => {
    const { code, out, err } = await demo(home);
    assert.equal(code, 0, out + err);
    assert.match(out, /^Jaeger shows the traces at http:\/\/127\.0\.0\.1:\d+\//m);
    const [, services, spans] = /^Jaeger knows (.*); the trace [0-9a-f]{32} has (\d+) spans\.$/m.exec(out)!;
    assert.equal(services, 'cart, prices, shop, stock, visitors');
    assert.ok(Number(spans) >= 6, `${spans} spans`);
  });

  test('says how to get a Jaeger that is not there', async () => {
    const { code, out, err } = await demo({ ...home, SPANTAP_BACKENDS: '/nonexistent' });
    assert.equal(code, 1, out);
    assert.match(err, /scripts\/backends\.sh jaeger/);
  });
});
