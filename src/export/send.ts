import { type Agent, type IncomingMessage, request } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { excerpt, type PartialSuccess, partialSuccess, retryAfterMs } from './response.ts';
import type { OtlpTarget } from './targets.ts';

/** Bytes of a response that are read; a Collector answers with a few dozen. */
const MAX_RESPONSE_BYTES = 64 * 1024;

/** Statuses after which the same request may succeed (OTLP specification, failures). */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** How a request ended. */
export type Outcome =
  | { readonly kind: 'taken'; readonly partial: PartialSuccess | null }
  /** A kept-alive connection turned out to be closed: nothing is wrong, and a new one will tell. */
  | { readonly kind: 'again' }
  /** `status` is 0 when the Collector could not be reached or did not answer. */
  | { readonly kind: 'later'; readonly status: number; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

/** Sends one encoded request and reads the answer, all within the target's timeout. Never rejects. */
export function send(target: OtlpTarget, agent: Agent, userAgent: string, body: Uint8Array): Promise<Outcome> {
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
      else finish({ kind: 'later', status: 0, reason, afterMs: null });
    };
    const start = target.url.protocol === 'https:' ? httpsRequest : request;
    const outgoing = start(target.url, {
      method: 'POST',
      agent,
      headers: {
        'user-agent': userAgent,
        ...target.headers,
        'content-type': target.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
        ...(target.compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
        'content-length': body.length,
      },
    });
    // not `timeout` of the request, which an answer in drops would renew for ever
    limit = setTimeout(() => {
      failed(`no answer within ${target.timeoutMs} ms`);
      outgoing.destroy();
    }, target.timeoutMs);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const closed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (closed && outgoing.reusedSocket && answered === null) finish({ kind: 'again' });
      // a certificate that cannot be read is told with its name
      else failed(error.path ? error.message : (error.code ?? error.message));
    });
    outgoing.on('response', (incoming) => {
      answered = read(incoming, finish);
    });
    outgoing.end(body);
  });
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
      finish({ kind: 'later', status, reason: `status ${status}`, afterMs });
    } else {
      finish({ kind: 'refused', status, reason: `status ${status}: ${excerpt(body)}` });
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
