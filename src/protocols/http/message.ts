import type { Exchange } from '../../exchange/exchange.ts';
import type { Messages } from '../../exchange/grpc/messages.ts';
import type { HttpDetail } from '../../exchange/http/detail.ts';

/** Where the reader of one direction stands. */
export const START = 0;
/** The rest of a start line that is longer than the bound. */
export const START_REST = 1;
export const HEADERS = 2;
export const HEADER_REST = 3;
/** A request line without version: headers may follow or not. */
export const VERSIONLESS = 4;
export const BODY = 5;
export const CHUNK_SIZE = 6;
export const CHUNK_DATA = 7;
export const CHUNK_END = 8;
export const TRAILERS = 9;
/** Behind CONNECT: the bytes are HTTP again only if the tunnel is refused. */
export const TUNNEL = 10;
/** The beginning of a body that names a GraphQL operation, as long as its length says, or of its first chunk. */
export const GRAPHQL = 11;
/** A body of messages, as long as its length says, or its chunk. */
export const MESSAGES = 12;

/** The header field that a folded line would continue (RFC 9112 section 5.2). */
export const NO_FIELD = 0;
export const FIELD_LENGTH = 1;
export const FIELD_CODING = 2;

/** What is known of the message that is being read in one direction. */
export class Message {
  phase = START;
  /** The phase behind a line that is read in pieces. */
  behindRest = HEADERS;
  /** Bytes behind `pos` that were searched for a line end already. */
  scanned = 0;
  /** Stream offset of the first byte. */
  startOffset = 0;
  /** -1: no Content-Length; -2: one that cannot be believed. */
  contentLength = -1;
  chunked = false;
  /** A Transfer-Encoding stood there, whatever it said. */
  coded = false;
  /** `Upgrade`: the protocol that shall take over, by its name here: `http2` (h2c, RFC 7540 section 3.2) or `websocket` (RFC 6455). */
  upgrade: '' | 'http2' | 'websocket' = '';
  /** Response only: server-sent events (WHATWG HTML section 9.2), which end when nobody listens any more. */
  events = false;
  field = NO_FIELD;
  /** Response only, and when its first byte came. */
  status = 0;
  startNs = 0;
  untilClose = false;
  exchange: Exchange | null = null;
  detail: HttpDetail | null = null;
  /** Request only. */
  connect = false;
  /** Response only: so many bytes of a body that it announced and must not have; some servers send them all the same. */
  stray = 0;
  /** A call of gRPC-Web: of a request once its head is complete, of a response from its beginning. */
  call = false;
  /** What begins with `application/grpc-web`; '' otherwise. */
  contentType = '';
  /** -1: the head of the response has none. */
  grpcStatus = -1;
  /** `grpc-timeout` of the request. */
  timeout = '';
  /** The body is walked over, so many bytes of it or of its chunk are left. */
  messages: Messages | null = null;
  left = 0;
  /** Request only: the body has not been looked at for a GraphQL operation yet. */
  graphql = false;

  begin(offset: number): void {
    this.startOffset = offset;
    this.behindRest = HEADERS;
    this.contentLength = -1;
    this.chunked = false;
    this.coded = false;
    this.upgrade = '';
    this.events = false;
    this.field = NO_FIELD;
    this.status = 0;
    this.untilClose = false;
    this.exchange = null;
    this.detail = null;
    this.connect = false;
    this.graphql = false;
    this.stray = 0;
    this.call = false;
    this.contentType = '';
    this.grpcStatus = -1;
    this.timeout = '';
    this.messages = null;
    this.left = 0;
  }
}
