import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ends, exchange, telemetry } from '../telemetry/double.ts';
import { fakeCollector, sinkTo, until } from './collector.ts';

/** `SPANTAP_TEST_FULL=1`: a Collector that is away for 30 seconds instead of 3. */
const AWAY_SECONDS = process.env.SPANTAP_TEST_FULL === '1' ? 30 : 3;
const SPANS_PER_SECOND = 500;
const STEP_MS = 50;

/** A Collector in a process of its own, that can be killed like one. */
function startCollector(port: number, seen: Set<string>): Promise<ChildProcess> {
  const child = fork(new URL('./collector-process.ts', import.meta.url), [String(port)]);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.on('message', (m: 'listening' | string[]) => {
      if (m === 'listening') resolve(child);
      else for (const id of m) seen.add(id);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

test(`a Collector that is killed and comes back after ${AWAY_SECONDS} s: no span is lost`, async (t) => {
  const free = await fakeCollector();
  const { port } = free;
  await free.close();
  const seen = new Set<string>();
  let collector = await startCollector(port, seen);
  t.after(() => stop(collector));
  const kit = sinkTo(
    port,
    { queue: { maxBytes: 64 << 20, maxAgeMs: 600_000, concurrency: 2 } },
    { backoff: { firstMs: 100, maxMs: 1000 } },
  );
  t.after(() => kit.sink.close());
  const pipeline = telemetry({ spans: { batchSpans: 128, flushDelayMs: 200 } });
  let made = 0;
  const produce = async (seconds: number): Promise<void> => {
    for (let step = 0; step < (seconds * 1000) / STEP_MS; step++) {
      for (let i = 0; i < (SPANS_PER_SECOND / 2) * (STEP_MS / 1000); i++) {
        pipeline.telemetry.finished(exchange(ends(1, 2), { startNs: made * 2e6 }));
        made += 2;
      }
      pipeline.telemetry.tick(made * 2e6);
      for (const b of pipeline.batches.splice(0)) kit.sink.enqueue('traces', b.bytes, b.spans);
      await sleep(STEP_MS);
    }
  };
  await produce(1);
  await until(() => kit.reading('sent_items') > 0);
  await stop(collector);
  await produce(AWAY_SECONDS);
  assert.ok(kit.reading('queue_items') >= AWAY_SECONDS * SPANS_PER_SECOND * 0.5);
  collector = await startCollector(port, seen);
  await produce(1);
  pipeline.telemetry.flush();
  for (const b of pipeline.batches.splice(0)) kit.sink.enqueue('traces', b.bytes, b.spans);
  assert.ok(await kit.sink.flush(20_000));
  await until(() => seen.size === made);
  assert.equal(kit.reading('sent_items'), made);
  const levels = kit.log.lines.map((l) => l.level);
  assert.equal(levels.filter((l) => l === 'info').length, 1);
  assert.ok(levels.length <= 3);
});

test('a Collector that is killed for good: memory stays within its budget, and every lost span is counted', async (t) => {
  const free = await fakeCollector();
  const { port } = free;
  await free.close();
  const maxBytes = 256 << 10;
  const kit = sinkTo(port, { queue: { maxBytes, maxAgeMs: 600_000, concurrency: 2 } });
  t.after(() => kit.sink.close());
  const pipeline = telemetry({ spans: { batchSpans: 128 } });
  let enqueued = 0;
  for (let i = 0; i < 300; i++) {
    for (let n = 0; n < 64; n++) pipeline.telemetry.finished(exchange(ends(1, 2)));
    for (const b of pipeline.batches.splice(0)) {
      kit.sink.enqueue('traces', b.bytes, b.spans);
      enqueued += b.spans;
    }
    assert.ok(kit.reading('queue_bytes') + kit.reading('queue_bytes', { signal: 'metrics' }) <= maxBytes);
    if (i % 4 === 0) await sleep(1);
  }
  const dropped = kit.reading('dropped_items', { signal: 'traces', reason: 'full' });
  assert.ok(dropped > 0);
  assert.equal(kit.reading('queue_items') + dropped, enqueued);
  assert.equal(await kit.sink.flush(50), false);
});
