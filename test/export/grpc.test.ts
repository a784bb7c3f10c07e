import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { createServer as createHttp2Server, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { grpcStatus } from '../../src/export/grpc-status.ts';
import { fakeCollector, sinkTo, text, until } from './collector.ts';
import { grpcCollector, messageOf } from './grpc-collector.ts';

/** A field of protobuf with a length before its bytes; lengths below 128 only. */
const field = (number: number, bytes: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, Buffer.byteLength(bytes)]), Buffer.from(bytes)]);

/** google.rpc.Status with a RetryInfo in its details. */
const retryInfo = (seconds: number, nanos = 0): Buffer => {
  const bytes = [0x08, seconds];
  if (nanos > 0) {
    bytes.push(0x10);
    for (let rest = nanos; rest > 0; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
  }
  const any = Buffer.concat([
    field(1, 'type.googleapis.com/google.rpc.RetryInfo'),
    field(2, field(1, Buffer.from(bytes))),
  ]);
  return Buffer.concat([Buffer.from([0x08, 8]), field(2, 'busy'), field(3, any)]);
};

test('calls arrive as gRPC reads them: path, metadata, deadline, message; both signals, compressed and not', async (t) => {
  const collector = await grpcCollector();
  t.after(() => collector.close());
  for (const compression of ['gzip', 'none'] as const) {
    const kit = sinkTo(collector.port, {
      protocol: 'grpc',
      compression,
      headers: { 'X-Tenant': 'blue', 'key-bin': 'a\u00e4' },
      timeoutMs: 5000,
    });
    t.after(() => kit.sink.close());
    kit.sink.enqueue('traces', text(`spans ${compression}`), 5);
    kit.sink.enqueue('metrics', text(`points ${compression}`), 7);
    assert.ok(await kit.sink.flush(5000), JSON.stringify(kit.log.lines));
    kit.sink.enqueue('traces', text('more'), 2);
    assert.ok(await kit.sink.flush(5000));
    const calls = collector.received.splice(0);
    const first = calls.find((c) => c.body === `spans ${compression}`)!;
    assert.equal(first.path, '/opentelemetry.proto.collector.trace.v1.TraceService/Export');
    assert.equal(
      calls.find((c) => c.body === `points ${compression}`)!.path,
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    );
    assert.deepEqual(first.metadata.get('x-tenant'), ['blue']);
    assert.deepEqual(first.metadata.get('key-bin'), [Buffer.from('a\u00e4')]);
    assert.match(String(first.metadata.get('user-agent')[0]), /^spantap\/\d+\.\d+/);
    assert.ok(first.deadlineMs > 0 && first.deadlineMs <= 5000, `${first.deadlineMs}`);
    const more = calls.find((c) => c.body === 'more')!;
    assert.equal(more.peer, first.peer); // one connection
    assert.ok(kit.announced.some((port) => first.peer.endsWith(`:${port}`)));
    assert.equal(kit.announced.length, 2); // one for each signal
    assert.equal(kit.reading('sent_items'), 7);
    assert.equal(kit.reading('sent_items', { signal: 'metrics' }), 7);
    assert.deepEqual(kit.log.lines, []);
  }
});

test('a message far beyond the windows of HTTP/2, several at once', async (t) => {
  const collector = await grpcCollector();
  t.after(() => collector.close());
  const queue = { maxBytes: 32 << 20, maxAgeMs: 60_000, concurrency: 4 };
  const kit = sinkTo(collector.port, { protocol: 'grpc', compression: 'none', queue });
  t.after(() => kit.sink.close());
  const sent = Array.from({ length: 4 }, () => randomBytes(3 << 20));
  for (const body of sent) kit.sink.enqueue('traces', body, 1);
  assert.ok(await kit.sink.flush(30_000), JSON.stringify(kit.log.lines));
  const digests = (list: readonly Buffer[]): string[] => list.map((b) => hash('sha1', b)).sort();
  assert.deepEqual(digests(collector.received.map((c) => Buffer.from(c.body, 'latin1'))), digests(sent));
});

test('the connection is announced before its first byte', async (t) => {
  const order: string[] = [];
  const server = createServer((socket) => {
    socket.once('data', () => {
      order.push('byte');
      socket.destroy();
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const kit = sinkTo(
    (server.address() as AddressInfo).port,
    { protocol: 'grpc' },
    {
      announce: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        order.push('announced');
      },
    },
  );
  t.after(() => kit.sink.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => order.includes('byte'));
  assert.deepEqual(order.slice(0, 2), ['announced', 'byte']);
});

test('which codes are tried again, and when', async (t) => {
  const again = ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS'];
  const collector = await grpcCollector();
  const kit = sinkTo(collector.port, { protocol: 'grpc' });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  for (const name of Object.keys(status).filter((n) => Number.isNaN(Number(n)) && n !== 'OK')) {
    let answers = 0;
    collector.answer = (_call, reply) => {
      if (answers++ === 0) reply({ code: status[name as 'UNKNOWN'], details: `it is\n100% ä ${name}` });
      else reply(null, Buffer.alloc(0));
    };
    const failed = kit.reading('failed_items');
    const sent = kit.reading('sent_items');
    kit.sink.enqueue('traces', text(name), 1);
    await until(() => kit.reading('queue_items') === 0);
    const retried = again.includes(name);
    assert.equal(answers, retried ? 2 : 1, name);
    assert.equal(kit.reading('failed_items') - failed, retried ? 0 : 1, name);
    assert.equal(kit.reading('sent_items') - sent, retried ? 1 : 0, name);
    if (!retried) {
      const line = kit.log.lines.at(-1)!;
      assert.equal(line.level, 'error');
      assert.equal(line.fields.reason, `${name}: it is 100% ä ${name}`);
    }
  }
});

test('RetryInfo is honoured, and makes RESOURCE_EXHAUSTED worth another try', async (t) => {
  const collector = await grpcCollector();
  const arrivals: number[] = [];
  collector.answer = (_call, reply) => {
    arrivals.push(performance.now());
    if (arrivals.length === 2) return reply(null, Buffer.alloc(0));
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', retryInfo(1, 200_000_000));
    reply({ code: status.RESOURCE_EXHAUSTED, details: 'busy', metadata });
  };
  const kit = sinkTo(collector.port, { protocol: 'grpc' });
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => kit.reading('sent_items') === 1);
  assert.ok(arrivals[1]! - arrivals[0]! >= 1190, `${arrivals[1]! - arrivals[0]!} ms`);
});

test('partial success is counted, also when the answer is compressed', async (t) => {
  const partial = field(1, Buffer.concat([Buffer.from([0x08, 3]), field(2, 'three are too old')]));
  const server = createHttp2Server();
  let packed = false;
  server.on('stream', (stream: ServerHttp2Stream) => {
    const message = packed ? gzipSync(partial) : partial;
    const prefix = Buffer.from([packed ? 1 : 0, 0, 0, 0, message.length]);
    const encoding = packed ? { 'grpc-encoding': 'gzip' } : {};
    stream.respond({ 'content-type': 'application/grpc', ...encoding }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.write(prefix.subarray(0, 2)); // in pieces
    stream.end(Buffer.concat([prefix.subarray(2), message]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const kit = sinkTo((server.address() as AddressInfo).port, { protocol: 'grpc' });
  t.after(() => kit.sink.close());
  for (packed of [false, true]) {
    kit.sink.enqueue('traces', text('a'), 10);
    assert.ok(await kit.sink.flush(5000));
  }
  assert.equal(kit.reading('sent_items'), 14);
  assert.equal(kit.reading('rejected_items'), 6);
  assert.equal(kit.log.lines[0]!.fields.reason, 'three are too old');
});

test('an answer without end is not kept, and ends with the deadline', async (t) => {
  const server = createHttp2Server();
  let chunks = 0;
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.respond({ 'content-type': 'application/grpc' });
    const more = (): void => {
      if (stream.destroyed) return;
      chunks++;
      stream.write(Buffer.alloc(1 << 16), more);
    };
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const kit = sinkTo((server.address() as AddressInfo).port, { protocol: 'grpc', timeoutMs: 300 });
  t.after(() => kit.sink.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => kit.log.lines.length > 0);
  assert.ok(chunks > 4, 'it was read on');
  assert.equal(kit.log.lines[0]!.fields.reason, 'no answer within 300 ms');
  assert.equal(kit.reading('queue_items'), 1);
});

test('a Collector that goes away between calls (GOAWAY, or the connection just ends) is no outage', async (t) => {
  const sessions: Http2Session[] = [];
  const bodies: string[] = [];
  const server = createHttp2Server();
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      bodies.push(messageOf(Buffer.concat(chunks)).toString());
      stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
    });
    stream.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const kit = sinkTo(
    (server.address() as AddressInfo).port,
    { protocol: 'grpc' },
    { backoff: { firstMs: 60_000, maxMs: 60_000 } },
  );
  t.after(() => kit.sink.close());
  for (let i = 0; i < 6; i++) {
    kit.sink.enqueue('traces', text(`${i}`), 1);
    assert.ok(await kit.sink.flush(5000), JSON.stringify(kit.log.lines));
    if (i % 2 === 0) sessions.at(-1)!.close();
    else sessions.at(-1)!.destroy();
  }
  assert.deepEqual(bodies, ['0', '1', '2', '3', '4', '5']);
  assert.deepEqual(kit.log.lines, []);
  assert.equal(sessions.length, 6);
});

test('the other protocol at the port is told as such', async (t) => {
  const http = await fakeCollector();
  t.after(() => http.close());
  const grpc = await grpcCollector();
  t.after(() => grpc.close());
  for (const [port, protocol] of [
    [http.port, 'grpc'],
    [grpc.port, 'http/protobuf'],
  ] as const) {
    const kit = sinkTo(port, { protocol });
    t.after(() => kit.sink.close());
    kit.sink.enqueue('traces', text('a'), 1);
    await until(() => kit.log.lines.length > 0);
    assert.match(String(kit.log.lines[0]!.fields.reason), /is it the port of another protocol\?/);
    assert.equal(kit.reading('queue_items'), 1);
  }
});

test('random codes, many calls at once: every item is in exactly one account', async (t) => {
  const collector = await grpcCollector();
  const codes = [0, 0, 14, 3, 0, 8, 1, 0, 13];
  let n = 0;
  collector.answer = (_call, reply) => {
    const code = codes[n++ % codes.length]!;
    if (code === 0) reply(null, Buffer.alloc(0));
    else reply({ code, details: 'no' });
  };
  const kit = sinkTo(
    collector.port,
    { protocol: 'grpc', queue: { maxBytes: 60_000, maxAgeMs: 60_000, concurrency: 8 } },
    { backoff: { firstMs: 1, maxMs: 2 } },
  );
  t.after(() => kit.sink.close());
  t.after(() => collector.close());
  let items = 0;
  for (let i = 0; i < 300; i++) {
    kit.sink.enqueue('traces', Buffer.alloc(1 + ((i * 7919) % 9000), i), 1 + (i % 5));
    items += 1 + (i % 5);
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(await kit.sink.flush(20_000));
  assert.equal(kit.reading('sent_items') + kit.reading('failed_items') + kit.reading('dropped_items'), items);
  assert.ok(kit.reading('failed_items') > 0);
});

test('whatever stands in trailers, reading them throws nothing', () => {
  assert.equal(grpcStatus({}), null);
  assert.equal(grpcStatus({ 'grpc-status': 'x' }), null);
  assert.equal(grpcStatus({ 'grpc-status': '99', 'grpc-message': '%zz' })!.text, 'code 99: %zz');
  assert.equal(grpcStatus({ 'grpc-status': '8' })!.retryable, false);
  assert.equal(
    grpcStatus({ 'grpc-status': '14', 'grpc-status-details-bin': retryInfo(7, 5e8).toString('base64') })!.afterMs,
    7500,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, message) => {
      const details = Buffer.from(bytes).toString('base64');
      const found = grpcStatus({ 'grpc-status': '8', 'grpc-message': message, 'grpc-status-details-bin': details })!;
      assert.ok(found.afterMs === null || found.afterMs >= 0);
      assert.ok(found.text.length < 250);
    }),
    { numRuns: 3000 },
  );
});
