import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as others } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import { endpointText } from '../../bytes/address.ts';
import { addressesOf } from '../../self/addresses.ts';
import { listening } from '../../self/listening.ts';
import type { OwnConnection } from '../connections.ts';
import { exposition } from './exposition.ts';
import { protobufExposition } from './exposition-protobuf.ts';
import { type Exposed, type Family, gather } from './families.ts';
import { agree } from './negotiation.ts';

export interface EndpointOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** All that is exposed, as it stands now. */
  readonly collect: () => Promise<readonly Exposed[]>;
  /** Hears of each of the agent's own ends, so that scrapes are not traced; resolves when nobody does any more. */
  readonly ignore: (own: Pick<OwnConnection, 'localAddress' | 'localPort'>) => Promise<void>;
  readonly counters: ScrapeCounters;
  /** How long a scrape may last, ms. */
  readonly maxScrapeMs?: number;
}

export class ScrapeCounters {
  /** Answered in full. */
  scrapes = 0;
  /** Turned away because too many were under way. */
  refused = 0;
  /** Broken off: the scraper went away, or did not read for too long. */
  brokenOff = 0;
  /** Answered with an error, because the figures could not be collected. */
  failed = 0;
  /** Points left out because their metric contradicts another one of the same name. */
  conflicts = 0;
}

export interface Endpoint {
  readonly port: number;
  close(): Promise<void>;
}

/** Scrapes under way; each may hold a snapshot while its scraper reads (10,000 series are about 10 MB). */
const MAX_SCRAPES = 4;
/** Connections; beside those that are scraping, browsers and idle ones. */
const MAX_CONNECTIONS = 64;
/** A scrape lasts no longer: thrice the scrape timeout that Prometheus sets by default. */
const MAX_SCRAPE_MS = 30_000;
/** Figures of up to this age serve the next scrape, too: taking them stops packets for some milliseconds. */
const FRESH_MS = 1000;
/** After this much rendering in one go, the rest of the agent has its turn. */
const TURN_MS = 10;

/** To be awaited between steps of a long work: gives the others their turn when it is due. */
function turns(): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < TURN_MS) return;
    await others();
    sinceMs = performance.now();
  };
}

/** What to scrape. */
export function scrapeUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${endpointText(isIPv6(host) ? 6 : 4, host, port)}/metrics`;
}

/**
 * Serves /metrics. Rendered while it is sent, piece by piece as the scraper reads, so that neither a large exposition nor a slow
 * reader takes memory.
 */
export async function startEndpoint(o: EndpointOptions): Promise<Endpoint> {
  const { counters } = o;
  let underWay = 0;

  const collect = async (): Promise<readonly Family[]> => {
    const gathering = gather(await o.collect(), counters);
    const rest = turns();
    let step = gathering.next();
    for (; !step.done; step = gathering.next()) await rest();
    return step.value;
  };
  let figures: Promise<readonly Family[]> | null = null;
  const fresh = (): Promise<readonly Family[]> => {
    if (figures !== null) return figures;
    const forget = (): void => {
      figures = null;
    };
    figures = collect();
    figures.then(() => setTimeout(forget, FRESH_MS).unref(), forget);
    return figures;
  };

  const ignored = new Map<string, Promise<void>>();
  const ignore = (localAddress: string, localPort: number): Promise<void> => {
    let done = ignored.get(localAddress);
    if (done === undefined) {
      done = o.ignore({ localAddress, localPort });
      ignored.set(localAddress, done);
    }
    return done;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { localAddress, localPort } = request.socket;
    // An address that the machine did not have when the endpoint was opened.
    if (localAddress !== undefined && localPort !== undefined) await ignore(localAddress, localPort);
    const families = await fresh();
    const { format, contentType, gzip } = agree(request.headers);
    response.setHeader('content-type', contentType);
    response.setHeader('vary', 'accept, accept-encoding');
    if (gzip) response.setHeader('content-encoding', 'gzip');
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    async function* pieces(): AsyncGenerator<Buffer> {
      const rest = turns();
      for (const piece of format === 'protobuf' ? protobufExposition(families) : exposition(families, format)) {
        if (piece !== null) yield Buffer.from(piece as string);
        await rest();
      }
    }
    const signal = AbortSignal.timeout(o.maxScrapeMs ?? MAX_SCRAPE_MS);
    const from = Readable.from(pieces(), { objectMode: false, highWaterMark: 1 });
    // The fastest level: 5 to 20 times smaller as it is, and a scraper is mostly near.
    if (gzip) await pipeline(from, createGzip({ level: constants.Z_BEST_SPEED }), response, { signal });
    else await pipeline(from, response, { signal });
    counters.scrapes++;
  };

  // Whoever connects and does not ask soon makes room for others.
  const limits = { requestTimeout: 5000, headersTimeout: 5000, connectionsCheckingInterval: 1000 };
  const server = createServer(limits, (request, response) => {
    response.setHeader('cache-control', 'no-store');
    const refuse = (status: number, text: string): void => {
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      response.writeHead(status).end(`${text}\n`);
    };
    if ((request.url ?? '').replace(/\?.*$/s, '') !== '/metrics') return refuse(404, 'not found: ask for /metrics');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return refuse(405, 'GET or HEAD only');
    }
    if (underWay >= MAX_SCRAPES) {
      counters.refused++;
      response.setHeader('retry-after', '1');
      return refuse(503, `${MAX_SCRAPES} scrapes are under way already`);
    }
    underWay++;
    answer(request, response)
      .catch((error: Error) => {
        if (response.headersSent || response.destroyed) counters.brokenOff++;
        else counters.failed++;
        if (response.headersSent) response.destroy();
        else if (!response.destroyed) refuse(500, `the figures could not be collected: ${error.message}`);
      })
      .finally(() => {
        underWay--;
      });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listening(server, o, 'prometheus');
  server.on('connection', ({ localAddress, localPort }: Socket) => {
    if (localAddress !== undefined && localPort !== undefined) void ignore(localAddress, localPort).catch(() => {});
  });
  await Promise.all(addressesOf(server).map((address) => ignore(address, port)));
  server.unref();
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
