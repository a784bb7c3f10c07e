import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { fakeCollector, sinkTo, text, until } from './collector.ts';

test('requests arrive compressed, with the right heads, over connections that were announced first', async (t) => {
  const collector = await fakeCollector();
  const order: string[] = [];
  collector.answer = (r, response) => {
    order.push(`request ${r.remotePort}`);
    response.end();
  };
  const kit = sinkTo(
    collector.port,
    { headers: { 'X-Tenant': 'blue' } },
    {
      announce: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50)); // the capture thread takes its time
        order.push('announced');
      },
    },
  );
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('spans'), 5);
  assert.ok(await kit.sink.flush(5000));
  kit.sink.enqueue('traces', text('more spans'), 2);
  assert.ok(await kit.sink.flush(5000));
  const [first, second] = collector.received;
  assert.equal(first!.body, 'spans');
  assert.equal(first!.path, '/v1/traces');
  assert.equal(first!.headers['content-type'], 'application/x-protobuf');
  assert.equal(first!.headers['content-encoding'], 'gzip');
  assert.equal(first!.headers['x-tenant'], 'blue');
  assert.match(first!.headers['user-agent']!, /^spantap\/\d+\.\d+/);
  assert.equal(second!.remotePort, first!.remotePort); // kept alive
  assert.deepEqual(kit.announced, [first!.remotePort]);
  assert.deepEqual(order.slice(0, 2), ['announced', `request ${first!.remotePort}`]);
  assert.equal(kit.reading('sent_items'), 7);
  assert.equal(kit.reading('queue_bytes'), 0);
  assert.equal(kit.reading('queue_items'), 0);
  assert.ok(kit.reading('sent_bytes') > 0);
});

test('both signals go their ways; json and no compression', async (t) => {
  const collector = await fakeCollector();
  const kit = sinkTo(collector.port, { protocol: 'http/json', compression: 'none' });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('metrics', text('{"m":1}'), 1);
  kit.sink.enqueue('traces', text('{"t":1}'), 1);
  assert.ok(await kit.sink.flush(5000));
  const by = new Map(collector.received.map((r) => [r.path, r]));
  assert.equal(by.get('/v1/metrics')!.body, '{"m":1}');
  assert.equal(by.get('/v1/traces')!.body, '{"t":1}');
  assert.equal(by.get('/v1/traces')!.headers['content-type'], 'application/json');
  assert.equal(by.get('/v1/traces')!.headers['content-encoding'], undefined);
});

test('away, then there: nothing is lost, and it is said once', async (t) => {
  const gone = await fakeCollector();
  const { port } = gone;
  await gone.close();
  const kit = sinkTo(port);
  t.after(() => kit.sink.close());
  for (let i = 0; i < 20; i++) kit.sink.enqueue(i % 2 === 0 ? 'traces' : 'metrics', text(`batch ${i}`), 10);
  await until(() => kit.reading('retries') >= 3 && kit.reading('retries', { signal: 'metrics' }) >= 3);
  assert.equal(kit.log.lines.length, 1);
  assert.equal(kit.log.lines[0]!.fields.reason, 'ECONNREFUSED');
  assert.equal(kit.sink.trouble, 'ECONNREFUSED');
  const collector = await fakeCollector(port);
  t.after(() => collector.close());
  await until(() => collector.received.length === 20);
  assert.ok(await kit.sink.flush(5000));
  const bodies = collector.received.map((r) => r.body).sort();
  assert.deepEqual(bodies, Array.from({ length: 20 }, (_, i) => `batch ${i}`).sort());
  assert.equal(kit.reading('sent_items'), 100);
  assert.equal(kit.reading('sent_items', { signal: 'metrics' }), 100);
  assert.deepEqual(
    kit.log.lines.map((l) => l.level),
    ['warn', 'info'],
  );
  assert.equal(kit.sink.trouble, null);
});

test('while it is away there is a line each half minute, and one request under way at a time', async (t) => {
  const collector = await fakeCollector();
  let now = 0;
  let under = 0;
  let most = 0;
  collector.answer = (_r, response) => {
    most = Math.max(most, ++under);
    setTimeout(() => {
      under--;
      response.writeHead(503).end();
    }, 10);
  };
  const kit = sinkTo(
    collector.port,
    { queue: { maxBytes: 1 << 20, maxAgeMs: 1e9, concurrency: 4 } },
    { nowMs: () => now },
  );
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('first'), 1);
  await until(() => kit.log.lines.length === 1);
  for (let i = 0; i < 10; i++) kit.sink.enqueue('traces', text(`batch ${i}`), 1);
  most = 0;
  for (let i = 0; i < 140; i++) {
    now += 1000; // 140 seconds
    await kit.sink.flush(12); // tries at once
  }
  const reminders = kit.log.lines.slice(1);
  assert.ok(reminders.length >= 3 && reminders.length <= 4, `${reminders.length} lines`);
  assert.deepEqual((reminders[0]!.fields.waiting as { requests: number }).requests, 11);
  assert.equal(most, 1);
});

test('503 with Retry-After is honoured in both its forms', async (t) => {
  const collector = await fakeCollector();
  const arrivals: number[] = [];
  let form: () => string = () => '1';
  collector.answer = (_r, response) => {
    arrivals.push(performance.now());
    if (arrivals.length % 2 === 1) response.writeHead(503, { 'retry-after': form() }).end();
    else response.end();
  };
  const kit = sinkTo(collector.port);
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => arrivals.length === 2);
  assert.ok(arrivals[1]! - arrivals[0]! >= 990, 'a second was asked for');
  form = () => new Date(Date.now() + 2000).toUTCString(); // whole seconds: 1 to 2 from now
  kit.sink.enqueue('traces', text('b'), 1);
  await until(() => arrivals.length === 4);
  assert.ok(arrivals[3]! - arrivals[2]! >= 900);
  await until(() => kit.reading('sent_items') === 2);
});

test('429, 502 and 504 are tried again; 400 is not, and its reason is told', async (t) => {
  const collector = await fakeCollector();
  const statuses = [429, 502, 504, 200, 400, 200];
  collector.answer = (_r, response) => {
    response.writeHead(statuses.shift()!).end('bad\nrequest: \u001b[31mno such field');
  };
  const kit = sinkTo(collector.port, { queue: { maxBytes: 1 << 20, maxAgeMs: 60_000, concurrency: 1 } });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('a'), 3);
  await until(() => kit.reading('sent_items') === 3);
  assert.equal(kit.reading('retries'), 3);
  kit.sink.enqueue('traces', text('b'), 4);
  await until(() => kit.reading('failed_items') === 4);
  kit.sink.enqueue('traces', text('c'), 5);
  await until(() => kit.reading('sent_items') === 8);
  const refusal = kit.log.lines.find((l) => l.level === 'error')!;
  assert.equal(refusal.fields.reason, 'status 400: bad request: [31mno such field');
});

test('partial success is counted, in protobuf and in JSON', async (t) => {
  const collector = await fakeCollector();
  const inner = Buffer.concat([Buffer.from([0x08, 3, 0x12, 8]), Buffer.from('too late')]);
  const answers: [string, Buffer | string][] = [
    ['application/x-protobuf', Buffer.concat([Buffer.from([0x0a, inner.length]), inner])],
    ['application/json', '{"partialSuccess":{"rejectedSpans":"4","errorMessage":"too many"}}'],
    ['application/json', '{"partialSuccess":{}}'],
    ['application/x-protobuf', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x0f])], // damaged
    ['application/json', '{{{'],
  ];
  collector.answer = (_r, response) => {
    const [type, body] = answers.shift()!;
    response.writeHead(200, { 'content-type': type }).end(body);
  };
  const kit = sinkTo(collector.port, { queue: { maxBytes: 1 << 20, maxAgeMs: 60_000, concurrency: 1 } });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  for (let i = 0; i < 5; i++) kit.sink.enqueue('traces', text(`${i}`), 10);
  assert.ok(await kit.sink.flush(5000));
  assert.equal(kit.reading('rejected_items'), 7);
  assert.equal(kit.reading('sent_items'), 43);
  const lines = kit.log.lines.filter((l) => l.message.includes('in part'));
  assert.deepEqual(
    lines.map((l) => l.fields.reason),
    ['too late'],
  ); // one line, the next within half a minute is held back
});

test('a Collector that never answers, drips, or floods', async (t) => {
  const collector = await fakeCollector();
  let mode = 'silent';
  collector.answer = (_r, response) => {
    if (mode === 'silent') return;
    if (mode === 'drip') {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
      return;
    }
    response.writeHead(200);
    response.end(Buffer.alloc(4 << 20));
  };
  const kit = sinkTo(collector.port, { timeoutMs: 150 });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => kit.reading('retries') >= 1);
  assert.equal(kit.reading('sent_items'), 0);
  assert.equal(kit.log.lines[0]!.fields.reason, 'no answer within 150 ms');
  mode = 'drip'; // the status was seen: it counts, the rest is not waited for
  await until(() => kit.reading('sent_items') === 1);
  mode = 'flood';
  kit.sink.enqueue('traces', text('b'), 1);
  await until(() => kit.reading('sent_items') === 2);
});

test('a full queue drops the oldest and never holds more than its budget', async (t) => {
  const gone = await fakeCollector();
  const { port } = gone;
  await gone.close();
  const kit = sinkTo(port, { compression: 'none', queue: { maxBytes: 100_000, maxAgeMs: 60_000, concurrency: 2 } });
  t.after(() => kit.sink.close());
  for (let i = 0; i < 200; i++) {
    kit.sink.enqueue('traces', text(`${String(i).padStart(4, '0')}${'x'.repeat(996)}`), 1);
    assert.ok(kit.reading('queue_bytes') <= 85_000);
  }
  assert.equal(kit.reading('queue_requests'), 85);
  assert.equal(kit.reading('dropped_items', { signal: 'traces', reason: 'full' }), 115);
  assert.equal(kit.reading('dropped_bytes'), 115_000);
  kit.sink.enqueue('traces', new Uint8Array(200_000), 7); // would never fit
  assert.ok(kit.reading('queue_bytes') <= 85_000);
  const collector = await fakeCollector(port);
  t.after(() => collector.close());
  const before = kit.reading('queue_requests');
  await until(() => kit.reading('queue_requests') === 0);
  assert.equal(collector.received.length, before);
});

test('the youngest survive', async (t) => {
  const gone = await fakeCollector();
  const { port } = gone;
  await gone.close();
  const kit = sinkTo(port, { compression: 'none', queue: { maxBytes: 20_000, maxAgeMs: 60_000, concurrency: 1 } });
  t.after(() => kit.sink.close());
  for (let i = 0; i < 50; i++) kit.sink.enqueue('traces', text(`${i} ${'x'.repeat(1000)}`), 1);
  const collector = await fakeCollector(port);
  t.after(() => collector.close());
  await until(() => kit.reading('queue_requests') === 0);
  const numbers = collector.received.map((r) => Number(r.body.split(' ')[0]));
  assert.ok(numbers.includes(49));
  assert.ok(numbers.filter((n) => n >= 35).length === 15, numbers.join());
});

test('what is too old is given up', async (t) => {
  const gone = await fakeCollector();
  const { port } = gone;
  await gone.close();
  let now = 0;
  const kit = sinkTo(port, {}, { nowMs: () => now });
  t.after(() => kit.sink.close());
  kit.sink.enqueue('traces', text('old'), 3);
  await until(() => kit.log.lines.length > 0);
  now = 61_000;
  await kit.sink.flush(2000);
  assert.equal(kit.reading('dropped_items', { signal: 'traces', reason: 'age' }), 3);
  assert.equal(kit.reading('queue_items'), 0);
});

test('a request that always fails holds up nobody', async (t) => {
  const collector = await fakeCollector();
  collector.answer = (r, response) => response.writeHead(r.body === 'poison' ? 503 : 200).end();
  const kit = sinkTo(collector.port, { queue: { maxBytes: 1 << 20, maxAgeMs: 60_000, concurrency: 1 } });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('poison'), 1);
  for (let i = 0; i < 10; i++) kit.sink.enqueue('traces', text(`good ${i}`), 1);
  await until(() => kit.reading('sent_items') === 10);
  assert.equal(kit.reading('queue_items'), 1);
});

test('flush is bounded, and close drops and counts what is left', async () => {
  const collector = await fakeCollector();
  collector.answer = () => {};
  const kit = sinkTo(collector.port, { timeoutMs: 60_000 });
  kit.sink.enqueue('traces', text('a'), 6);
  const begin = performance.now();
  assert.equal(await kit.sink.flush(100), false);
  assert.ok(performance.now() - begin < 5000);
  kit.sink.close();
  assert.equal(kit.reading('dropped_items', { signal: 'traces', reason: 'close' }), 6);
  kit.sink.enqueue('traces', text('b'), 1);
  assert.equal(kit.reading('dropped_items', { signal: 'traces', reason: 'close' }), 7);
  assert.equal(await kit.sink.flush(100), true);
  await collector.close();
});

test('a connection that is closed under the announcement is an error like any other', async (t) => {
  const collector = await fakeCollector();
  let release = (): void => {};
  const kit = sinkTo(
    collector.port,
    { timeoutMs: 100 },
    { announce: () => new Promise((resolve) => (release = resolve)) },
  );
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => kit.log.lines.length === 1);
  assert.equal(collector.received.length, 0);
  assert.equal(kit.reading('queue_items'), 1);
  release();
});

test('random sizes and answers: every item is in exactly one account', async (t) => {
  const collector = await fakeCollector();
  const statuses = [200, 200, 200, 503, 400, 429, 200, 500];
  let n = 0;
  collector.answer = (_r, response) => response.writeHead(statuses[n++ % statuses.length]!).end();
  const kit = sinkTo(
    collector.port,
    { queue: { maxBytes: 60_000, maxAgeMs: 60_000, concurrency: 3 } },
    { backoff: { firstMs: 1, maxMs: 2 } },
  );
  t.after(() => collector.close());
  let items = 0;
  for (let i = 0; i < 300; i++) {
    kit.sink.enqueue('traces', randomBytes(1 + ((i * 7919) % 9000)), 1 + (i % 5));
    items += 1 + (i % 5);
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(await kit.sink.flush(20_000));
  kit.sink.close();
  const sum =
    kit.reading('sent_items') +
    kit.reading('failed_items') +
    kit.reading('dropped_items', { signal: 'traces', reason: 'full' });
  assert.equal(sum, items);
  assert.ok(kit.reading('failed_items') > 0);
  assert.ok(kit.reading('dropped_items', { signal: 'traces', reason: 'full' }) > 0);
});

test('a kept-alive connection that the Collector has closed meanwhile is no outage', async (t) => {
  const collector = await fakeCollector();
  const used = new Set<number>();
  collector.answer = (r, response) => {
    if (used.has(r.remotePort)) response.socket!.destroy();
    else response.end();
    used.add(r.remotePort);
  };
  const kit = sinkTo(collector.port, {}, { backoff: { firstMs: 60_000, maxMs: 60_000 } });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  for (let i = 0; i < 5; i++) {
    kit.sink.enqueue('traces', text(`${i}`), 1);
    assert.ok(await kit.sink.flush(5000));
  }
  assert.deepEqual(kit.log.lines, []);
  assert.equal(kit.reading('sent_items'), 5);
  assert.equal(kit.reading('retries'), 4);
});

test('metrics go one after the other in their order, also when one has to be sent again', async (t) => {
  const collector = await fakeCollector();
  let requests = 0;
  let under = 0;
  let most = 0;
  const taken: string[] = [];
  collector.answer = (r, response) => {
    most = Math.max(most, ++under);
    const status = requests++ === 0 ? 503 : 200;
    if (status === 200) taken.push(r.body);
    setTimeout(() => {
      under--;
      response.writeHead(status).end();
    }, 5);
  };
  const kit = sinkTo(collector.port, { queue: { maxBytes: 1 << 24, maxAgeMs: 1e9, concurrency: 4 } });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  // what is long takes longer to compress
  const bodies = Array.from({ length: 12 }, (_, n) => `${n}`.padEnd(n % 2 === 0 ? 50_000 : 10));
  for (const body of bodies) kit.sink.enqueue('metrics', text(body), 1);
  assert.ok(await kit.sink.flush(20_000));
  assert.deepEqual(taken, bodies);
  assert.equal(most, 1);
});
