/** Certificates are exchanged while data flows, over connections that would else live for ever. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Certificates } from './certificates.ts';
import { fakeCollector, type Kit, sinkTo, text, until } from './collector.ts';
import { grpcCollector } from './grpc-collector.ts';

const certificates = new Certificates();
const file = (name: string): string => certificates.file(name);
certificates.make('ca', 'authority');
certificates.make('new-ca', 'next authority');
certificates.make('server', 'localhost', 'ca');
certificates.make('new-server', 'localhost', 'new-ca');
certificates.make('client', 'agent of old', 'ca');
certificates.make('new-client', 'agent of new', 'ca');

interface Server {
  readonly port: number;
  /** Each request: who sent it (CN), and what. */
  readonly seen: { client: string; body: string }[];
  close(): Promise<void> | void;
}

async function httpServer(port: number, name: string): Promise<Server> {
  const read = (f: string): Buffer => readFileSync(file(f));
  const collector = await fakeCollector(port, {
    key: read(`${name}.key`),
    cert: read(`${name}.crt`),
    ca: read('ca.crt'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  const seen: Server['seen'] = [];
  collector.answer = (r, response) => {
    seen.push({ client: r.client, body: r.body });
    response.end();
  };
  return { port: collector.port, seen, close: () => collector.close() };
}

async function grpcServer(port: number, name: string): Promise<Server> {
  const collector = await grpcCollector(port, {
    key: file(`${name}.key`),
    cert: file(`${name}.crt`),
    clientCa: file('ca.crt'),
  });
  const seen: Server['seen'] = [];
  collector.answer = (call, reply) => {
    seen.push({ client: call.client, body: call.body });
    reply(null, Buffer.alloc(0));
  };
  return { port: collector.port, seen, close: () => collector.close() };
}

const PROTOCOLS = [
  ['http/protobuf', httpServer],
  ['grpc', grpcServer],
] as const;

for (const [protocol, serve] of PROTOCOLS) {
  test(`${protocol}: a renewed client certificate, a half-written one, and a new authority`, async (t) => {
    const tls = certificates.files('live-ca', 'live');
    const install = (to: string, from: string): void => copyFileSync(file(from), file(to));
    install('live-ca.crt', 'ca.crt');
    install('live.crt', 'client.crt');
    install('live.key', 'client.key');
    let server = await serve(0, 'server');
    t.after(() => server.close());
    const kit: Kit = sinkTo(
      0,
      { protocol, tls, endpoints: [`https://localhost:${server.port}`] },
      { certificatesMs: 20 },
    );
    t.after(() => kit.sink.close());
    let n = 0;
    const seen: Server['seen'] = [];
    /** Keeps sending, so that no connection is ever idle for long. */
    const sendUntil = async (what: () => boolean): Promise<void> => {
      await until(() => {
        kit.sink.enqueue('traces', text(`batch ${n++}`), 1);
        seen.push(...server.seen.splice(0));
        return what();
      });
    };
    const last = (): string => seen.at(-1)?.client ?? '';

    await sendUntil(() => last() === 'agent of old');
    install('live.key', 'new-client.key'); // the certificate is not there yet
    await sendUntil(() => kit.log.lines.length > 0);
    assert.match(kit.log.lines[0]!.message, /the old ones stay/);
    assert.equal(kit.log.lines.length, 1);
    await sleep(100);
    const before = n;
    await sendUntil(() => seen.length >= before);
    assert.equal(last(), 'agent of old');
    install('live.crt', 'new-client.crt');
    await sendUntil(() => last() === 'agent of new');

    // the authority of the server changes: first both are trusted, then the server has the new one
    writeFileSync(file('live-ca.crt'), Buffer.concat([readFileSync(file('ca.crt')), readFileSync(file('new-ca.crt'))]));
    await sleep(100);
    await until(() => kit.reading('queue_items') === 0);
    seen.push(...server.seen.splice(0));
    await server.close();
    server = await serve(server.port, 'new-server');
    const restarted = seen.length;
    await sendUntil(() => seen.length > restarted);

    assert.ok(await kit.sink.flush(5000));
    seen.push(...server.seen.splice(0));
    // each arrived, and just once
    const bodies = seen.map((s) => s.body);
    assert.equal(new Set(bodies).size, n);
    assert.equal(bodies.length, n);
    assert.equal(kit.reading('sent_items'), n);
    assert.deepEqual(
      kit.log.lines.map((l) => l.message).filter((m) => !m.includes('the Collector')),
      ['new certificates cannot be used; the old ones stay'],
    );
  });
}
