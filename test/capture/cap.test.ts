/** The `cap` driver. Runs where the package has been built. */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { CAP_LIMITS } from '../../src/capture/cap.ts';
import { openLive } from '../../src/capture/live.ts';
import { mayCapture, optionsFor, Sender, textOf, until } from './packets.ts';

/** `cap` is optional for those who install spantap; scripts/setup.sh builds it, so in CI its absence is a failure. */
function hasCap(t: TestContext): boolean {
  try {
    createRequire(import.meta.url)('cap');
    return mayCapture(t);
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    t.skip('NOT RUN: the package cap is not built (npm rebuild cap)');
    return false;
  }
}

test('datagrams arrive one at a time with the agent’s clock, and its limits are told', async (t) => {
  if (!hasCap(t)) return;
  const sender = await Sender.open();
  const seen: string[] = [];
  const times: number[] = [];
  let batches = 0;
  const frame = (
    buf: Buffer,
    start: number,
    end: number,
    _w: number,
    sec: number,
    nsec: number,
    link: number,
  ): void => {
    assert.equal(link, 1);
    seen.push(textOf(buf, start, end));
    times.push(sec * 1000 + nsec / 1e6);
  };
  const before = Date.now();
  const capture = openLive(optionsFor(sender.port, { driver: 'cap' }), { frame }, () => {
    batches++;
  });
  for (let i = 0; i < 20; i++) {
    await sender.send(i, 1);
    await until(() => seen.length > i);
  }
  await until(() => batches > 0);
  capture.pause();
  await sender.send(20, 1);
  await until(() => capture.stats().received > 20);
  const stats = capture.stats();
  capture.close();
  capture.close();
  sender.close();
  assert.equal(capture.clock, 'agent');
  assert.deepEqual(capture.warnings, [CAP_LIMITS]);
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => String(i)),
  );
  assert.deepEqual(stats, { received: 21, dropped: 1, interfaceDropped: 0 });
  assert.ok(batches > 0);
  // 20 ms for the two clocks of JavaScript to differ.
  assert.ok(times[0]! > before - 20 && times.at(-1)! < Date.now() + 20);
  for (let i = 1; i < times.length; i++) assert.ok(times[i]! >= times[i - 1]!);
});

test('a bad filter and a missing interface are told as with the addon', (t) => {
  if (!hasCap(t)) return;
  const open = (more: object): unknown => openLive(optionsFor(9, { driver: 'cap', ...more }), { frame() {} }, () => {});
  assert.throws(() => open({ filter: 'tcp foo' }), { code: 'capture-bad-filter' });
  assert.throws(() => open({ interfaces: ['nope7'] }), { code: 'capture-no-device' });
});

test('in a worker thread it says that it cannot', async () => {
  const live = JSON.stringify(new URL('../../src/capture/live.ts', import.meta.url).href);
  const script = `import { parentPort } from 'node:worker_threads';
    import { openLive } from ${live};
    try { openLive(${JSON.stringify(optionsFor(9, { driver: 'cap' }))}, { frame() {} }, () => {}); }
    catch (error) { parentPort.postMessage(error.code); }`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const code = await new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  assert.equal(code, 'capture-cap-main-thread');
});
