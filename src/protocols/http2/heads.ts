/** What the header fields of requests, responses and trailers say of an exchange. */

import type { Exchange } from '../../exchange/exchange.ts';
import { Messages } from '../../exchange/grpc/messages.ts';
import {
  GRPC,
  GRPC_STATUS_BASE,
  GRPC_WEB_TEXT,
  kindOf,
  lackGrpcStatus,
  NOT_GRPC,
  settleGrpc,
  statusNumber,
  timeoutNs,
} from '../../exchange/grpc/status.ts';
import { textBytes } from '../../exchange/http/detail.ts';
import { firstOf, readForwarded, settleDetail } from '../../exchange/http/fields.ts';
import { isGraphql, readGraphqlTarget } from '../../exchange/http/graphql.ts';
import { pollOf, settlePoll, WAITS } from '../../exchange/http/polls.ts';
import { type Exchanges, FULL, TARGETS } from '../protocol.ts';
import { Http2Detail, MORE_BYTES } from './detail.ts';
import {
  AUTHORITY,
  B3,
  B3_SAMPLED,
  B3_SPAN_ID,
  B3_TRACE_ID,
  CONTENT_TYPE,
  type Fields,
  FORWARDED,
  GRPC_STATUS,
  GRPC_TIMEOUT,
  HOST,
  METHOD,
  PATH,
  SCHEME,
  SW8,
  TRACEPARENT,
  TRACESTATE,
  TWICE,
  UBER_TRACE_ID,
  USER_AGENT,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PROTO,
} from './fields.ts';
import { Stream } from './stream.ts';

/** `Exchange.version`: HTTP/2. */
export const VERSION = 20;
/** Place of gRPC among the dialects. */
const GRPC_DIALECT = 0;

/** Makes a stream of the request with these fields. */
export function newStream(
  x: Exchange,
  f: Fields,
  out: Exchanges,
  requestLosses: number,
  responseLosses: number,
): Stream {
  const { values } = f;
  const type = values[CONTENT_TYPE]!;
  const kind = kindOf(type);
  x.version = VERSION;
  x.operation = f.pseudo(METHOD);
  // rpc.method is a dimension of metrics
  if (out.detail >= TARGETS || kind !== NOT_GRPC) {
    x.target = f.pseudo(PATH) || (x.operation === 'CONNECT' ? f.pseudo(AUTHORITY) : '');
  }
  const d = out.detail === FULL ? detailOf(f) : null;
  x.detail = d;
  const s = new Stream(x.key, x, d, requestLosses, responseLosses);
  s.typeUnknown = type === '' && f.unknown > 0;
  if (kind !== NOT_GRPC) becomeGrpc(s, kind);
  else {
    s.graphql = d !== null && isGraphql(x.target);
    if (s.graphql) readGraphqlTarget(d!, x.target);
    x.waits = pollOf(x.operation, x.target) === WAITS;
  }
  if (values[GRPC_TIMEOUT] !== '') {
    s.timeoutNs = timeoutNs(values[GRPC_TIMEOUT]!);
    if (d !== null && s.timeoutNs !== Number.POSITIVE_INFINITY) d.timeoutNs = s.timeoutNs;
  }
  return s;
}

/** Memory that the texts of the request take. */
export function bytesOf(x: Exchange, d: Http2Detail | null): number {
  return d === null ? 2 * x.target.length : textBytes(d, x.target) + MORE_BYTES;
}

/** Its content-type says so. */
export function becomeGrpc(s: Stream, kind: number): void {
  s.grpc = true;
  s.typeUnknown = false;
  s.exchange.protocol = s.exchange.protocol.dialects?.[GRPC_DIALECT] ?? s.exchange.protocol;
  if (s.detail !== null) s.detail.web = kind !== GRPC;
  s.asked = new Messages(kind !== GRPC, kind === GRPC_WEB_TEXT);
  s.told = new Messages(kind !== GRPC, kind === GRPC_WEB_TEXT);
}

function detailOf(f: Fields): Http2Detail {
  const { values } = f;
  const d = new Http2Detail();
  d.unknownFields = f.unknown;
  d.scheme = values[SCHEME]!;
  d.host = values[AUTHORITY]! || values[HOST]!;
  d.userAgent = values[USER_AGENT]!;
  if (values[X_FORWARDED_FOR] !== '') d.forwardedFor = firstOf(values[X_FORWARDED_FOR]!);
  if (values[X_FORWARDED_HOST] !== '') d.forwardedHost = firstOf(values[X_FORWARDED_HOST]!);
  if (values[X_FORWARDED_PROTO] !== '') d.forwardedProto = firstOf(values[X_FORWARDED_PROTO]!);
  if (values[FORWARDED] !== '') readForwarded(d, values[FORWARDED]!);
  d.traceparent = values[TRACEPARENT] === TWICE ? '' : values[TRACEPARENT]!;
  d.tracestate = values[TRACESTATE]!;
  d.b3 = values[B3]!;
  d.b3TraceId = values[B3_TRACE_ID]!;
  d.b3SpanId = values[B3_SPAN_ID]!;
  d.b3Sampled = values[B3_SAMPLED]!;
  d.uberTraceId = values[UBER_TRACE_ID]!;
  d.sw8 = values[SW8]!;
  settleDetail(d);
  return d;
}

/** The head of the final response. `ends`: there is nothing more of it. */
export function readResponseHead(s: Stream, f: Fields, ends: boolean): void {
  const x = s.exchange;
  x.status = f.status;
  x.failed = x.status >= 400;
  if (s.detail !== null) s.detail.unknownFields += f.unknown;
  if (s.typeUnknown && !s.grpc) {
    const kind = kindOf(f.values[CONTENT_TYPE]!);
    if (kind !== NOT_GRPC) {
      becomeGrpc(s, kind);
      s.asked = null; // its messages so far were not counted
    }
  }
  if (s.grpc) readGrpcStatus(s, f, ends);
  // server-sent events (WHATWG HTML section 9.2) end when nobody listens any more, tunnels (RFC 8441: WebSocket, too) when they like
  else if (x.operation === 'CONNECT' && x.status < 300) x.streams = true;
  else settlePoll(x, f.values[CONTENT_TYPE]!.startsWith('text/event-stream'));
}

/** Fields behind the response. */
export function readTrailers(s: Stream, f: Fields): void {
  if (s.detail !== null) s.detail.unknownFields += f.unknown;
  if (s.grpc) readGrpcStatus(s, f, true);
}

/**
 * `grpc-status` stands in the trailers, or in a head that is all there is of the response ("Trailers-Only"); some servers say it in a head
 * that is followed by more. Where it is missing for certain, the client's library derives it from the HTTP status.
 */
function readGrpcStatus(s: Stream, f: Fields, last: boolean): void {
  const x = s.exchange;
  const text = f.values[GRPC_STATUS]!;
  if (x.status < GRPC_STATUS_BASE && s.detail !== null) s.detail.httpStatus = x.status;
  if (text !== '') settleGrpc(x, statusNumber(text));
  else if (last && f.unknown === 0) lackGrpcStatus(x);
}

/** A record that began as HTTP/1.1 goes on as HTTP/2. */
export function adoptDetail(x: Exchange): Http2Detail | null {
  if (x.detail === null) return null;
  const d = Object.assign(new Http2Detail(), x.detail);
  x.detail = d;
  return d;
}
