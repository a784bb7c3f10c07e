/** Servers that fail in all ways, over HTTP and over gRPC: what was sent, kept, dropped and said in each case. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { after, test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { Certificates } from './certificates.ts';
import { fakeCollector, sinkTo, text, until } from './collector.ts';
import { grpcCollector, type Reply } from './grpc-collector.ts';

const ITEMS = 10;
const RETRY_SECONDS = 1;

const certificates = new Certificates();
certificates.make('ca', 'authority');
certificates.make('other-ca', 'another authority');
certificates.make('good', 'localhost', 'ca');
certificates.make('expired', 'localhost', 'ca', { days: -1 });
certificates.make('elsewhere', 'elsewhere', 'ca', { names: 'DNS:elsewhere.example' });
certificates.make('stranger', 'localhost', 'other-ca');

type Protocol = 'http/protobuf' | 'grpc';

interface Broken {
  readonly port: number;
  /** Requests that came through to it. */
  readonly received: () => number;
  close(): Promise<void> | void;
}

interface Case {
  readonly name: string;
  readonly https?: boolean;
  readonly serve: Record<Protocol, () => Promise<Broken>>;
  /** What becomes of the request: kept until the server is well again, dropped, or taken (with so many items). */
  readonly fate: Record<Protocol, 'kept' | 'dropped' | number>;
  readonly said: Record<Protocol, RegExp>;
  /** The server asked for so long a pause, ms. */
  readonly pauseMs?: number;
  readonly reaches?: boolean;
}

const both = <T>(value: T): Record<Protocol, T> => ({ 'http/protobuf': value, grpc: value });

const overHttp = async (answer: (response: ServerResponse) => void): Promise<Broken> => {
  const collector = await fakeCollector();
  collector.answer = (_request, response) => answer(response);
  return { port: collector.port, received: () => collector.received.length, close: () => collector.close() };
};
const overGrpc = async (answer: (reply: Reply) => void): Promise<Broken> => {
  const collector = await grpcCollector();
  collector.answer = (_call, reply) => answer(reply);
  return { port: collector.port, received: () => collector.received.length, close: () => collector.close() };
};
const listening = async (server: NetServer | Http2Server, received: () => number): Promise<Broken> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, received, close: () => void server.close() };
};

/** Takes bytes and does with the connection what it likes; well below HTTP. */
const overTcp = (onData: (socket: import('node:net').Socket) => void) => (): Promise<Broken> => {
  let received = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      received++;
      onData(socket);
    });
    after(() => socket.destroy());
  });
  return listening(server, () => received);
};
/** HTTP/2 below gRPC. */
const overHttp2 = (onStream: (stream: ServerHttp2Stream) => void) => (): Promise<Broken> => {
  let received = 0;
  const server = createHttp2Server();
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream) => {
    received++;
    stream.on('error', () => {});
    onStream(stream);
  });
  return listening(server, () => received);
};

const withCertificate = (name: string, clientCa = ''): Case['serve'] => ({
  async 'http/protobuf'() {
    const key = readFileSync(certificates.file(`${name}.key`));
    const cert = readFileSync(certificates.file(`${name}.crt`));
    const client =
      clientCa === ''
        ? {}
        : { requestCert: true, rejectUnauthorized: true, ca: readFileSync(certificates.file(`${clientCa}.crt`)) };
    const collector = await fakeCollector(0, { key, cert, ...client });
    return { port: collector.port, received: () => collector.received.length, close: () => collector.close() };
  },
  async grpc() {
    const of = (file: string): string => certificates.file(file);
    const files = { key: of(`${name}.key`), cert: of(`${name}.crt`), clientCa: clientCa && of(`${clientCa}.crt`) };
    const collector = await grpcCollector(0, files);
    return { port: collector.port, received: () => collector.received.length, close: () => collector.close() };
  },
});

const away = async (): Promise<Broken> => {
  const collector = await fakeCollector();
  await collector.close();
  return { port: collector.port, received: () => 0, close() {} };
};

/** ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1; error_message = 2 } } */
const PARTIAL = Buffer.from([0x0a, 9, 0x08, 3, 0x12, 5, ...Buffer.from('stale')]);

/** google.rpc.Status { details = 3: Any { type_url = 1; value = 2: RetryInfo { retry_delay = 1: Duration { seconds = 1 } } } } */
const retryInfo = (): Metadata => {
  const url = Buffer.from('type.googleapis.com/google.rpc.RetryInfo');
  const any = Buffer.from([0x0a, url.length, ...url, 0x12, 4, 0x0a, 2, 0x08, RETRY_SECONDS]);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from([0x08, 8, 0x1a, any.length, ...any]));
  return metadata;
};
const refusing =
  (code: number, metadata = new Metadata()) =>
  (): Promise<Broken> =>
    overGrpc((reply) => reply({ code, details: 'so it says', metadata }));
const answering =
  (code: number, headers: Record<string, string> = {}) =>
  (): Promise<Broken> =>
    overHttp((response) => response.writeHead(code, headers).end('so it says'));

const CASES: readonly Case[] = [
  {
    name: 'refuses connections',
    serve: both(away),
    fate: both('kept'),
    said: both(/ECONNREFUSED/),
    reaches: false,
  },
  {
    name: 'takes the request and never answers',
    serve: { 'http/protobuf': () => overHttp(() => {}), grpc: () => overGrpc(() => {}) },
    fate: both('kept'),
    said: both(/no answer within 400 ms/),
  },
  {
    name: 'accepts the connection and is silent under TLS',
    https: true,
    serve: both(overTcp(() => {})),
    fate: both('kept'),
    said: both(/no connection within 400 ms|ETIMEDOUT/),
  },
  {
    name: '429 with Retry-After | RESOURCE_EXHAUSTED with RetryInfo',
    serve: {
      'http/protobuf': answering(429, { 'retry-after': `${RETRY_SECONDS}` }),
      grpc: refusing(status.RESOURCE_EXHAUSTED, retryInfo()),
    },
    fate: both('kept'),
    said: { 'http/protobuf': /status 429/, grpc: /RESOURCE_EXHAUSTED: so it says/ },
    pauseMs: RETRY_SECONDS * 1000,
  },
  {
    name: '429 | RESOURCE_EXHAUSTED, without a time',
    serve: { 'http/protobuf': answering(429), grpc: refusing(status.RESOURCE_EXHAUSTED) },
    fate: { 'http/protobuf': 'kept', grpc: 'dropped' }, // by the letter of the OTLP specification
    said: { 'http/protobuf': /status 429/, grpc: /RESOURCE_EXHAUSTED: so it says/ },
  },
  {
    name: '503 | UNAVAILABLE',
    serve: { 'http/protobuf': answering(503), grpc: refusing(status.UNAVAILABLE) },
    fate: both('kept'),
    said: { 'http/protobuf': /status 503/, grpc: /UNAVAILABLE: so it says/ },
  },
  {
    name: '400 | INVALID_ARGUMENT',
    serve: { 'http/protobuf': answering(400), grpc: refusing(status.INVALID_ARGUMENT) },
    fate: both('dropped'),
    said: { 'http/protobuf': /status 400: so it says/, grpc: /INVALID_ARGUMENT: so it says/ },
  },
  {
    name: '401 | UNAUTHENTICATED',
    serve: { 'http/protobuf': answering(401), grpc: refusing(status.UNAUTHENTICATED) },
    fate: both('dropped'),
    said: { 'http/protobuf': /status 401/, grpc: /UNAUTHENTICATED/ },
  },
  {
    name: 'partial success, 3 of 10 rejected',
    serve: {
      'http/protobuf': () =>
        overHttp((response) => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(PARTIAL)),
      grpc: () => overGrpc((reply) => reply(null, PARTIAL)),
    },
    fate: both(7),
    said: both(/stale/),
  },
  {
    name: 'closes before an answer',
    serve: both(overTcp((socket) => socket.destroy())),
    fate: both('kept'),
    said: both(/ECONNRESET|the connection (ended|was closed)|socket hang up/),
  },
  {
    name: 'closes half-way through the head of the answer',
    serve: {
      'http/protobuf': overTcp((socket) => socket.end('HTTP/1.1 200 O')),
      // the frame of its SETTINGS, cut off
      grpc: overTcp((socket) => socket.end(Buffer.from([0, 0, 6, 4]))),
    },
    fate: both('kept'),
    said: both(/ECONNRESET|socket hang up|the connection ended/),
  },
  {
    name: 'closes half-way through the body of the answer',
    serve: {
      'http/protobuf': overTcp((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\n')),
      grpc: overHttp2((stream) => {
        stream.respond({ 'content-type': 'application/grpc' });
        stream.write(Buffer.from([0, 0, 0, 0, 100, 10]), () => stream.session?.destroy());
      }),
    },
    // HTTP has said 200 by then; the status of gRPC comes last
    fate: { 'http/protobuf': ITEMS, grpc: 'kept' },
    said: { 'http/protobuf': /^$/, grpc: /the answer broke off before its status/ },
  },
  {
    name: 'has a certificate that has expired',
    https: true,
    serve: withCertificate('expired'),
    fate: both('kept'),
    said: both(/certificate has expired \(CERT_HAS_EXPIRED\)/),
    reaches: false,
  },
  {
    name: 'has a certificate of another name',
    https: true,
    serve: withCertificate('elsewhere'),
    fate: both('kept'),
    said: both(/elsewhere\.example.*\(ERR_TLS_CERT_ALTNAME_INVALID\)/),
    reaches: false,
  },
  {
    name: 'has a certificate of an authority nobody knows',
    https: true,
    serve: withCertificate('stranger'),
    fate: both('kept'),
    said: both(/\(UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT_LOCALLY)\)/),
    reaches: false,
  },
  {
    name: 'wants a certificate of ours, and there is none',
    https: true,
    serve: withCertificate('good', 'ca'),
    fate: both('kept'),
    // the server's alert comes after the handshake of TLS 1.3, and may be overtaken by the end of the connection
    said: both(/CERTIFICATE_REQUIRED|ECONNRESET|EPIPE|the connection ended/),
    reaches: false,
  },
];

const rows: string[][] = [
  ['the server', 'protocol', 'requests', 'reached it', 'sent', 'kept', 'dropped', 'then', 'said'],
];
after(() => {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    );
});

for (const c of CASES) {
  for (const protocol of ['http/protobuf', 'grpc'] as const) {
    test(`${protocol}: a server that ${c.name}`, async (t) => {
      const server = await c.serve[protocol]();
      t.after(() => server.close());
      const scheme = c.https ? 'https' : 'http';
      const kit = sinkTo(0, {
        protocol,
        endpoints: [`${scheme}://localhost:${server.port}`],
        timeoutMs: 400,
        tls: c.https ? certificates.files('ca') : { caFile: '', certFile: '', keyFile: '' },
      });
      t.after(() => kit.sink.close());
      const begin = performance.now();
      kit.sink.enqueue('traces', text('ten spans'), ITEMS);
      const fate = c.fate[protocol];
      if (fate === 'kept') await until(() => kit.reading('requests') >= 2 && kit.log.lines.length > 0);
      else await until(() => kit.reading('queue_items') === 0);
      if (c.pauseMs !== undefined) assert.ok(performance.now() - begin >= c.pauseMs - 10);

      const kept = kit.reading('queue_items');
      const sent = kit.reading('sent_items');
      const dropped = kit.reading('failed_items') + kit.reading('rejected_items') + kit.reading('dropped_items');
      assert.deepEqual(
        { sent, kept, dropped },
        fate === 'kept'
          ? { sent: 0, kept: ITEMS, dropped: 0 }
          : fate === 'dropped'
            ? { sent: 0, kept: 0, dropped: ITEMS }
            : { sent: fate, kept: 0, dropped: ITEMS - fate },
      );
      const said = kit.log.lines.map((l) => `${l.level}: ${l.fields.reason}`);
      assert.match(said.join('\n'), c.said[protocol]);
      assert.ok(said.length <= 1, 'one line, not one for each attempt');
      const requests = kit.reading('requests');
      if (fate !== 'kept') assert.equal(requests, 1);
      await until(() => server.received() > 0 === (c.reaches ?? true));
      const reached = server.received();

      // and when the server is well again
      let then = '-';
      if (fate === 'kept') {
        await server.close();
        const key = c.https ? certificates.file('good.key') : '';
        const cert = c.https ? certificates.file('good.crt') : '';
        const tls = c.https ? { key: readFileSync(key), cert: readFileSync(cert) } : null;
        const well =
          protocol === 'grpc'
            ? await grpcCollector(server.port, c.https ? { key, cert, clientCa: '' } : null)
            : await fakeCollector(server.port, tls);
        t.after(() => well.close());
        await until(() => kit.reading('sent_items') === ITEMS);
        assert.equal(well.received.at(-1)!.body, 'ten spans');
        assert.equal(kit.log.lines.at(-1)!.level, 'info');
        then = `${kit.reading('sent_items')} sent`;
      }
      rows.push([
        c.name,
        protocol,
        `${requests}`,
        `${reached}`,
        `${sent}`,
        `${kept}`,
        `${dropped}`,
        then,
        said.join('; ') || 'nothing',
      ]);
    });
  }
}
