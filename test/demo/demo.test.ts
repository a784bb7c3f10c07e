import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

test('the demo sees every pair of its services, and passes everything on to a Collector', async () => {
  const paths = new Set<string>();
  const collector = createServer((req, res) => {
    paths.add(req.url!);
    req.resume();
    req.on('end', () => res.end('{}'));
  });
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
  const { port } = collector.address() as AddressInfo;
  try {
    const child = spawn(process.execPath, ['demo/main.ts', '--seconds', '3'], {
      env: { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (out += d));
    const code = await new Promise((done) => child.once('close', done));
    assert.equal(code, 0, out);
    for (const pair of ['visitors shop', 'shop prices', 'shop cart', 'cart stock', 'cart redis', 'stock postgresql'])
      assert.match(out, new RegExp(`^${pair.replace(' ', ' +')} +\\d`, 'm'));
    assert.match(out, /^ *shop SERVER .*━.* ms\n +shop CLIENT .*━/m);
    const [, visits, spans] = /Visitors made (\d+) requests.*exported (\d+) spans/.exec(out)!;
    assert.ok(Number(visits) > 0 && Number(spans) >= 2 * Number(visits), out);
    assert.deepEqual([...paths].sort(), ['/v1/metrics', '/v1/traces']);
  } finally {
    collector.close();
  }
});
