import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpantapError } from '../../src/self/errors.ts';
import { startHealth } from '../../src/self/health.ts';

test('health answers for life and for work', async () => {
  let ready: string | null = 'capture is not open yet';
  const health = await startHealth({ host: '127.0.0.1', port: 0, live: () => null, ready: () => ready });
  const ask = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const r = await fetch(`http://127.0.0.1:${health.port}${path}`, { method });
    return [r.status, await r.text()];
  };
  assert.deepEqual(await ask('/healthz'), [200, 'ok\n']);
  assert.deepEqual(await ask('/readyz'), [503, 'capture is not open yet\n']);
  ready = null;
  assert.deepEqual(await ask('/readyz?verbose'), [200, 'ok\n']);
  assert.equal((await ask('/'))[0], 404);
  assert.equal((await ask('/healthz', 'POST'))[0], 405);
  assert.deepEqual(await ask('/healthz', 'HEAD'), [200, '']);

  await assert.rejects(
    startHealth({ host: '127.0.0.1', port: health.port, live: () => null, ready: () => null }),
    (e) => e instanceof SpantapError && e.code === 'health-listen' && /health\.port.*EADDRINUSE/.test(e.message),
  );
  await health.close();
  await assert.rejects(ask('/healthz'));
});

test('health: where it can be asked', async () => {
  const everywhere = await startHealth({ host: '0.0.0.0', port: 0, live: () => null, ready: () => null });
  const here = await startHealth({ host: '127.0.0.1', port: 0, live: () => null, ready: () => null });
  assert.ok(everywhere.addresses.includes('127.0.0.1') && !everywhere.addresses.includes('0.0.0.0'));
  assert.deepEqual(here.addresses, ['127.0.0.1']);
  await Promise.all([everywhere.close(), here.close()]);
});
