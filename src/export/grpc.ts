import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2';
import { gunzipSync } from 'node:zlib';
import type { Connector } from './connections.ts';
import { grpcStatus } from './grpc-status.ts';
import { type PartialSuccess, partialSuccess, retryAfterMs } from './response.ts';
import type { OtlpTarget, Signal } from './targets.ts';
import { MAX_RESPONSE_BYTES, type Outcome, reasonOf, type Transport } from './transport.ts';

const PATHS: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
};

/** Before each message: one byte that tells whether it is compressed, four for its length. */
const PREFIX_BYTES = 5;

/** Statuses of HTTP, from something before the Collector, after which the same request may succeed (gRPC maps them to UNAVAILABLE). */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** A connection and what is known of it. */
interface Line {
  readonly session: ClientHttp2Session;
  /** Calls answered so far: on a connection that has never served, an end is a failure. */
  answered: number;
  under: number;
  retired: boolean;
  error: Error | null;
}

/**
 * OTLP over gRPC: unary calls on one HTTP/2 connection (gRPC over HTTP/2, PROTOCOL-HTTP2.md), over node:http2.
 *
 * Not by @grpc/grpc-js, good as it is: it opens its connections itself, and offers no public way to announce one before
 * the first byte, so the agent would trace its own export; it speaks to proxies on its own (from the process's variables,
 * http:// only, again unannounced); it compresses each message anew at each attempt, where what waits here is compressed
 * already and bounded by that size. What would be left for it to do is the five bytes of a prefix and three trailers.
 */
export class GrpcTransport implements Transport {
  readonly #target: OtlpTarget;
  readonly #connector: Connector;
  readonly #userAgent: string;
  #line: Promise<Line> | null = null;
  readonly #lines = new Set<Line>();
  #closed = false;

  constructor(target: OtlpTarget, connector: Connector, userAgent: string) {
    this.#target = target;
    this.#connector = connector;
    this.#userAgent = userAgent;
    connector.renewed = () => {
      for (const line of this.#lines) this.#retire(line);
    };
  }

  async send(body: Uint8Array): Promise<Outcome> {
    const endMs = performance.now() + this.#target.timeoutMs;
    let line: Line;
    try {
      this.#line ??= this.#open();
      line = await this.#line;
    } catch (error) {
      return { kind: 'later', reason: reasonOf(error as Error), afterMs: null };
    }
    line.under++;
    const outcome = await this.#call(line, body, Math.max(1, Math.ceil(endMs - performance.now())));
    line.under--;
    // a session made on a connection that was just breaking is destroyed without an event
    if (gone(line)) this.#retire(line);
    if (line.retired && line.under === 0) line.session.destroy();
    return outcome;
  }

  close(): void {
    this.#closed = true;
    this.#connector.close();
    for (const line of this.#lines) line.session.destroy();
  }

  async #open(): Promise<Line> {
    try {
      const socket = await this.#connector.open('h2');
      if (this.#closed) {
        socket.destroy();
        throw new Error('closed');
      }
      const session = connect(this.#target.url, { createConnection: () => socket, settings: { enablePush: false } });
      const line: Line = { session, answered: 0, under: 0, retired: false, error: null };
      this.#lines.add(line);
      session.on('error', (error: Error) => {
        line.error ??= error;
        this.#retire(line);
      });
      session.on('goaway', () => this.#retire(line));
      session.on('close', () => {
        this.#retire(line);
        this.#lines.delete(line);
      });
      return line;
    } catch (error) {
      this.#line = null;
      throw error;
    }
  }

  /** Takes no further calls; those under way are let end. */
  #retire(line: Line): void {
    if (line.retired) return;
    line.retired = true;
    this.#line = null;
    if (line.under === 0) line.session.destroy();
  }

  #call(line: Line, body: Uint8Array, leftMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      let head: IncomingHttpHeaders | null = null;
      let trailers: IncomingHttpHeaders | null = null;
      let error: Error | null = null;
      const chunks: Buffer[] = [];
      let size = 0;
      const later = (reason: string, afterMs: number | null = null): Outcome => ({ kind: 'later', reason, afterMs });
      const verdict = (): Outcome => {
        const status = (trailers && grpcStatus(trailers)) ?? (head && grpcStatus(head));
        if (status !== null) {
          line.answered++;
          if (status.name === 'OK') return { kind: 'taken', partial: partialOf(Buffer.concat(chunks), head) };
          if (status.retryable) return later(status.text, status.afterMs);
          return { kind: 'refused', status: status.name, reason: status.text };
        }
        const http = Number(head?.[':status'] ?? 0);
        if (http !== 0 && http !== 200) {
          line.answered++;
          const text = `status ${http} of HTTP and none of gRPC`;
          if (RETRYABLE.has(http)) return later(text, retryAfterMs(head?.['retry-after'], Date.now()));
          return { kind: 'refused', status: text, reason: text };
        }
        const reason = line.error ?? error;
        if (head === null && line.answered > 0 && gone(line)) return { kind: 'again' };
        const ended =
          head === null ? 'the connection ended without an answer' : 'the answer broke off before its status';
        return later(reason === null ? ended : `${ended}: ${reasonOf(reason)}`);
      };

      let limit: NodeJS.Timeout | undefined;
      const finish = (outcome: Outcome): void => {
        clearTimeout(limit);
        resolve(outcome);
      };
      if (gone(line)) return finish(verdict());
      const stream = line.session.request(this.#headers(leftMs));
      limit = setTimeout(() => {
        // whoever does not answer may have gone without a word: the next call tries a new connection
        finish(later(`no answer within ${this.#target.timeoutMs} ms`));
        this.#retire(line);
        stream.close(constants.NGHTTP2_CANCEL);
      }, leftMs);
      stream.on('response', (headers) => {
        head = headers;
      });
      stream.on('trailers', (headers) => {
        trailers = headers;
      });
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_RESPONSE_BYTES) chunks.push(chunk); // nobody needs the rest
      });
      stream.on('error', (e: Error) => {
        error = e;
      });
      stream.on('close', () => finish(verdict()));
      const prefix = Buffer.alloc(PREFIX_BYTES);
      prefix.writeUInt8(this.#target.compression === 'gzip' ? 1 : 0);
      prefix.writeUInt32BE(body.length, 1);
      stream.write(prefix);
      stream.end(body);
    });
  }

  #headers(leftMs: number): OutgoingHttpHeaders {
    const { url, headers, signal, compression } = this.#target;
    const metadata: Record<string, string> = {};
    for (const [key, value] of Object.entries(headers)) {
      metadata[key] = key.endsWith('-bin') ? Buffer.from(value).toString('base64') : value;
    }
    return {
      'user-agent': this.#userAgent,
      ...metadata,
      ':method': 'POST',
      ':path': PATHS[signal],
      ':authority': url.host,
      te: 'trailers',
      'grpc-timeout': `${leftMs}m`, // m: milliseconds
      'content-type': 'application/grpc',
      ...(compression === 'gzip' ? { 'grpc-encoding': 'gzip' } : {}),
      // servers answer in the encoding they were asked in, whatever they are told
      'grpc-accept-encoding': 'identity,gzip',
      // never put into a table that outlives the call
      [sensitiveHeaders]: Object.keys(metadata),
    };
  }
}

/** Whether a call on it was in vain for want of a connection; the events that say so may come later than the call's end. */
function gone(line: Line): boolean {
  return line.retired || line.session.closed || line.session.destroyed;
}

/** What stands in the one message of an answer. */
function partialOf(bytes: Buffer, head: IncomingHttpHeaders | null): PartialSuccess | null {
  if (bytes.length < PREFIX_BYTES) return null;
  const length = bytes.readUInt32BE(1);
  if (length > bytes.length - PREFIX_BYTES) return null;
  const message = bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
  if (bytes[0] === 0) return partialSuccess(message, 'application/protobuf');
  if (head?.['grpc-encoding'] !== 'gzip') return null;
  try {
    return partialSuccess(gunzipSync(message, { maxOutputLength: MAX_RESPONSE_BYTES }), 'application/protobuf');
  } catch {
    return null;
  }
}
