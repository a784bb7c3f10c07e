import { Agent, type IncomingMessage, request } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Connector } from './connections.ts';
import { basicAuthorization, hostOf, portOf } from './proxy.ts';
import { excerpt, partialSuccess, retryAfterMs } from './response.ts';
import type { OtlpTarget } from './targets.ts';
import { MAX_RESPONSE_BYTES, type Outcome, reasonOf, type Transport } from './transport.ts';

/**
 * Statuses after which the same request may succeed (OTLP specification, failures), and 407: that is a proxy's word, which
 * says nothing about the request.
 */
const RETRYABLE = new Set([407, 429, 502, 503, 504]);

/** OTLP over HTTP/1.1. */
export class HttpTransport implements Transport {
  readonly #target: OtlpTarget;
  readonly #connector: Connector;
  readonly #maxSockets: number;
  readonly #userAgent: string;
  #agent: Agent;
  /** The one before the last change of certificates; its last requests may still be under way. */
  #before: Agent | null = null;

  constructor(target: OtlpTarget, connector: Connector, maxSockets: number, userAgent: string) {
    this.#target = target;
    this.#connector = connector;
    this.#maxSockets = maxSockets;
    this.#userAgent = userAgent;
    this.#agent = this.#newAgent();
    connector.renewed = () => this.#replaceAgent();
  }

  send(body: Uint8Array): Promise<Outcome> {
    const { timeoutMs } = this.#target;
    return new Promise((resolve) => {
      let limit: NodeJS.Timeout | undefined;
      const finish = (outcome: Outcome): void => {
        clearTimeout(limit);
        resolve(outcome);
      };
      let answered: (() => void) | null = null;
      const failed = (reason: string): void => {
        // once the status is known it counts, whatever becomes of the body
        if (answered !== null) answered();
        else finish({ kind: 'later', reason, afterMs: null });
      };
      const outgoing = this.#start(body.length);
      // not `timeout` of the request, which an answer in drops would renew for ever
      limit = setTimeout(() => {
        failed(`no answer within ${timeoutMs} ms`);
        outgoing.destroy();
      }, timeoutMs);
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const closed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
        if (closed && outgoing.reusedSocket && answered === null) finish({ kind: 'again' });
        else failed(reasonOf(error));
      });
      outgoing.on('response', (incoming) => {
        answered = read(incoming, finish);
      });
      outgoing.end(body);
    });
  }

  close(): void {
    this.#connector.close();
    this.#agent.destroy();
    this.#before?.destroy();
  }

  #start(length: number): ReturnType<typeof request> {
    const { url, headers, protocol, compression, proxy } = this.#target;
    const options = {
      method: 'POST',
      agent: this.#agent,
      headers: {
        'user-agent': this.#userAgent,
        ...headers,
        'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
        ...(compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
        'content-length': length,
      },
    };
    if (url.protocol === 'https:') return httpsRequest(url, options);
    if (proxy === null) return request(url, options);
    // a proxy is asked for the whole address (RFC 9112 section 3.2.2)
    const authorization = basicAuthorization(proxy);
    return request({
      ...options,
      host: hostOf(proxy),
      port: portOf(proxy),
      path: url.href,
      headers: {
        ...options.headers,
        host: url.host,
        ...(authorization === null ? {} : { 'proxy-authorization': authorization }),
      },
    });
  }

  #newAgent(): Agent {
    const max = this.#maxSockets;
    const options = { keepAlive: true, maxSockets: max, maxFreeSockets: max, scheduling: 'lifo' } as const;
    const agent = this.#target.url.protocol === 'https:' ? new HttpsAgent(options) : new Agent(options);
    agent.createConnection = (_request, done) => {
      this.#connector.open('http/1.1').then(
        (socket) => done?.(null, socket),
        (error: Error) => done?.(error, undefined as unknown as Duplex),
      );
      return undefined;
    };
    return agent;
  }

  /** New requests get new connections; the old ones end when their requests are answered. */
  #replaceAgent(): void {
    this.#before?.destroy();
    const old = this.#agent;
    this.#before = old;
    this.#agent = this.#newAgent();
    old.keepSocketAlive = () => false;
    for (const sockets of Object.values(old.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

/** Reads the body, bounded; returns what ends the reading early. */
function read(incoming: IncomingMessage, finish: (o: Outcome) => void): () => void {
  const status = incoming.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let size = 0;
  const done = (): void => {
    const body = Buffer.concat(chunks);
    if (status >= 200 && status < 300) {
      finish({ kind: 'taken', partial: partialSuccess(body, incoming.headers['content-type'] ?? '') });
    } else if (RETRYABLE.has(status)) {
      const afterMs = retryAfterMs(incoming.headers['retry-after'], Date.now());
      finish({ kind: 'later', reason: `status ${status}`, afterMs });
    } else {
      finish({ kind: 'refused', status: `status ${status}`, reason: `status ${status}: ${excerpt(body)}` });
    }
  };
  incoming.on('data', (chunk: Buffer) => {
    if (size + chunk.length <= MAX_RESPONSE_BYTES) {
      chunks.push(chunk);
      size += chunk.length;
      return;
    }
    done(); // nobody needs the rest
    incoming.destroy();
  });
  incoming.on('end', done);
  incoming.on('error', done);
  return done;
}
