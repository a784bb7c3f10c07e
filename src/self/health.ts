import { createServer } from 'node:http';
import { addressesOf } from './addresses.ts';
import { listening } from './listening.ts';

export interface HealthOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Null when all is well, else the reason why not. */
  readonly live: () => string | null;
  readonly ready: () => string | null;
}

export interface Health {
  readonly port: number;
  /** Where it is asked: addresses of this host that it listens at. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** Answers /healthz (is it alive) and /readyz (does it do its work) with 200 `ok`, or 503 and the reason. */
export async function startHealth(o: HealthOptions): Promise<Health> {
  const probes = new Map([
    ['/healthz', o.live],
    ['/readyz', o.ready],
  ]);
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    const probe = probes.get((request.url ?? '').replace(/\?.*$/s, ''));
    const method = request.method ?? '';
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.setHeader('cache-control', 'no-store');
    if (probe === undefined) {
      response.writeHead(404).end('not found: ask for /healthz or /readyz\n');
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end('GET or HEAD only\n');
    } else {
      const reason = probe();
      response.writeHead(reason === null ? 200 : 503).end(`${reason ?? 'ok'}\n`);
    }
  });
  server.maxConnections = 64;
  const port = await listening(server, o, 'health');
  server.unref();
  return {
    port,
    addresses: addressesOf(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
