import { excerpt, type PartialSuccess } from './response.ts';

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
export function reasonOf(error: NodeJS.ErrnoException & { reason?: string }): string {
  const { code } = error;
  // a certificate that cannot be read is told with its name
  if (code === undefined || error.path) return error.message;
  if (/^E[A-Z]+$/.test(code)) return code;
  // OpenSSL's own words are in `reason`; what follows a semicolon is advice to users of node
  const text = excerpt(Buffer.from(error.reason ?? error.message.split(';')[0]!));
  const otherPort = /^(HPE_|ERR_HTTP2_|ERR_SSL_WRONG_VERSION|ERR_SSL_PACKET_LENGTH)/.test(code);
  return `${text} (${code})${otherPort ? '; is it the port of another protocol?' : ''}`;
}
