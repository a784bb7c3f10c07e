/** Several endpoints: each is sent everything, and none waits for another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeCollector, sinkTo, text, until } from './collector.ts';
import { grpcCollector } from './grpc-collector.ts';

test('one of two is away: the other gets everything at once; it gets the rest when it is back', async (t) => {
  const well = await fakeCollector();
  t.after(() => well.close());
  const gone = await fakeCollector();
  await gone.close();
  const endpoints = [`http://127.0.0.1:${gone.port}`, `http://127.0.0.1:${well.port}`];
  const kit = sinkTo(0, { endpoints });
  t.after(() => kit.sink.close());
  const at = (name: string, endpoint: string): number => kit.reading(name, { signal: 'traces', endpoint });
  for (let i = 0; i < 20; i++) kit.sink.enqueue('traces', text(`batch ${i}`), 10);
  await until(() => at('sent_items', endpoints[1]!) === 200 && at('retries', endpoints[0]!) >= 2);
  assert.equal(at('sent_items', endpoints[0]!), 0);
  assert.equal(at('queue_items', endpoints[0]!), 200);
  assert.equal(at('queue_items', endpoints[1]!), 0);
  assert.equal(at('retries', endpoints[1]!), 0);
  assert.equal(kit.sink.trouble, `${endpoints[0]}: ECONNREFUSED`);
  assert.deepEqual(
    kit.log.lines.map((l) => l.fields.collector),
    [endpoints[0]],
  );
  const back = await fakeCollector(gone.port);
  t.after(() => back.close());
  assert.ok(await kit.sink.flush(5000));
  const bodies = (received: { body: string }[]): string[] => received.map((r) => r.body).sort();
  assert.deepEqual(bodies(back.received), bodies(well.received));
  assert.equal(at('sent_items', endpoints[0]!), 200);
});

test('all queues together stay within the one budget, and each drops and counts for itself', async (t) => {
  const well = await grpcCollector();
  t.after(() => well.close());
  const gone = await fakeCollector();
  await gone.close();
  const endpoints = [`http://127.0.0.1:${gone.port}`, `http://127.0.0.1:${well.port}`];
  const maxBytes = 100_000;
  const queue = { maxBytes, maxAgeMs: 60_000, concurrency: 2 };
  const kit = sinkTo(0, { endpoints, protocol: 'grpc', compression: 'none', queue });
  t.after(() => kit.sink.close());
  for (let i = 0; i < 100; i++) {
    kit.sink.enqueue('traces', new Uint8Array(1000), 1);
    kit.sink.enqueue('metrics', new Uint8Array(1000), 1);
    assert.ok(kit.reading('queue_bytes', {}) <= maxBytes);
    if (i % 5 === 0) await until(() => kit.reading('queue_items', { endpoint: endpoints[1]! }) === 0);
  }
  await until(() => kit.reading('sent_items', { endpoint: endpoints[1]! }) === 200);
  assert.equal(kit.reading('dropped_items', { endpoint: endpoints[1]! }), 0);
  // a half of 85 %, and a half of 15 %
  assert.equal(kit.reading('queue_items', { endpoint: endpoints[0]!, signal: 'traces' }), 42);
  assert.equal(kit.reading('queue_items', { endpoint: endpoints[0]!, signal: 'metrics' }), 7);
  assert.equal(kit.reading('dropped_items', { endpoint: endpoints[0]!, reason: 'full' }), 200 - 49);
});
