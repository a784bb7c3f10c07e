import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import type { Backoff } from '../../src/export/lane.ts';
import type { ExportOptions } from '../../src/export/options.ts';
import { OtlpSink } from '../../src/export/sink.ts';
import { type Environment, otlpTargets } from '../../src/export/targets.ts';
import { Counters, type Reading } from '../../src/self/counters.ts';
import type { Log } from '../../src/self/log.ts';

/** A request as a Collector got it, decompressed. */
export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  remotePort: number;
  /** CN of its certificate, '' without one. */
  client: string;
}

export interface FakeCollector {
  readonly port: number;
  readonly received: Received[];
  /** What it answers; by default 200 with an empty body. */
  answer: (request: Received, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** A server on 127.0.0.1 that takes OTLP requests; on a given port if one is given. */
export async function fakeCollector(port = 0, tls: ServerOptions | null = null): Promise<FakeCollector> {
  const received: Received[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      const { url = '', headers, socket } = request;
      const client = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject?.CN ?? '') : '';
      const r = { path: url, headers, body: body.toString('latin1'), remotePort: socket.remotePort ?? 0, client };
      received.push(r);
      self.answer(r, response);
    });
  };
  const server = tls === null ? createServer(handle) : createSecureServer(tls, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const self: FakeCollector = {
    port: (server.address() as AddressInfo).port,
    received,
    answer: (_request, response) => response.writeHead(200).end(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}

export class KeptLog implements Log {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  debug = this.#keep('debug');
  info = this.#keep('info');
  warn = this.#keep('warn');
  error = this.#keep('error');
  #keep(level: string): Log['info'] {
    return (fields, message) => this.lines.push({ level, fields: fields as Record<string, unknown>, message });
  }
}

/** Waits in small steps until it is so; fails after a minute. */
export async function until(what: () => boolean, limitMs = 60_000): Promise<void> {
  for (let waited = 0; !what(); waited += 5) {
    if (waited > limitMs) throw new Error(`it did not come to pass within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function exportOptions(change: Partial<ExportOptions> = {}): ExportOptions {
  return {
    endpoints: [],
    protocol: '',
    headers: {},
    timeoutMs: null,
    compression: '',
    tls: { caFile: '', certFile: '', keyFile: '' },
    flushTimeoutMs: 5000,
    ...change,
    queue: { maxBytes: 1 << 20, maxAgeMs: 60_000, concurrency: 2, ...change.queue },
  };
}

export interface Kit {
  sink: OtlpSink;
  log: KeptLog;
  /** The sum of the readings that have these labels. */
  reading: (name: string, labels?: Record<string, string>) => number;
  /** Ports that were announced before anything was sent. */
  announced: number[];
}

export function sinkTo(
  port: number,
  change: Partial<ExportOptions> = {},
  more: {
    backoff?: Partial<Backoff>;
    env?: Environment;
    nowMs?: () => number;
    announce?: () => Promise<void>;
    certificatesMs?: number;
  } = {},
): Kit {
  const options = exportOptions({ endpoints: [`http://127.0.0.1:${port}`], ...change });
  const counters = new Counters();
  const log = new KeptLog();
  const announced: number[] = [];
  const sink = new OtlpSink({
    targets: otlpTargets(options, more.env ?? {}),
    queue: options.queue,
    log,
    counters,
    watch: {
      onConnection: async (c) => {
        await more.announce?.();
        announced.push(c.localPort);
      },
    },
    backoff: { firstMs: 20, factor: 1.5, maxMs: 60, jitter: 0, ...more.backoff },
    ...(more.nowMs === undefined ? {} : { nowMs: more.nowMs }),
    ...(more.certificatesMs === undefined ? {} : { certificatesMs: more.certificatesMs }),
  });
  const reading = (name: string, labels: Record<string, string> = { signal: 'traces' }): number => {
    const wanted = Object.entries(labels);
    const found = counters
      .snapshot()
      .filter((r: Reading) => r.name === `export.${name}` && wanted.every(([key, value]) => r.labels[key] === value));
    if (found.length === 0) throw new Error(`no reading ${name}`);
    return found.reduce((sum, r) => sum + r.value, 0);
  };
  return { sink, log, reading, announced };
}

export const text = (s: string): Uint8Array => new TextEncoder().encode(s);
