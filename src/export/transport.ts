import type { PartialSuccess } from './response.ts';

/** How a request ended. */
export type Outcome =
  | { readonly kind: 'taken'; readonly partial: PartialSuccess | null }
  /** A kept-alive connection turned out to be closed: nothing is wrong, and a new one will tell. */
  | { readonly kind: 'again' }
  /** The same request may succeed later; not before `afterMs` if the Collector says so. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs: number | null }
  /** `reason` begins with `status`. */
  | { readonly kind: 'refused'; readonly status: string; readonly reason: string };

/** Gets encoded (and, if the target says so, compressed) requests to one target. */
export interface Transport {
  /** Sends one request and reads the answer, all within the target's timeout. Never rejects. */
  send(body: Uint8Array): Promise<Outcome>;
  /** Ends all connections. */
  close(): void;
}

/** Bytes of an answer that are read; a Collector answers with a few dozen. */
export const MAX_RESPONSE_BYTES = 64 * 1024;

/** Why a connection failed, for people: the code alone where it is known to them, else what the system says with it. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const { code } = error;
  // a certificate that cannot be read is told with its name
  if (code === undefined || error.path) return error.message;
  if (/^HPE_/.test(code)) return `what answers there does not speak HTTP/1.1; is it the port of gRPC? (${code})`;
  if (/^ERR_HTTP2|^ERR_SSL_WRONG_VERSION/.test(code))
    return `${error.message} (${code}); is it the port of another protocol?`;
  return /^E[A-Z]+$/.test(code) ? code : `${error.message} (${code})`;
}
