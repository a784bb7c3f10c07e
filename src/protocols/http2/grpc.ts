/** gRPC over HTTP/2: what its header fields say. */

import { codeOf, isShutdown } from './reasons.ts';

const CANCELLED = 1;
const UNKNOWN_STATUS = 2;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** `Exchange.status` of a call is this and its gRPC status; below it stands the HTTP status, as long as nothing more is known. */
export const GRPC_STATUS_BASE = 1000;
/** Larger numbers are no status. */
const MAX_STATUS = 999;

/** What a content type says of gRPC. */
export const NOT_GRPC = 0;
export const GRPC = 1;
export const GRPC_WEB = 2;
/** Base64: messages cannot be walked over. */
export const GRPC_WEB_TEXT = 3;

let lastType = '';
let lastKind = NOT_GRPC;

/** `application/grpc`, with `+proto` and the like, or one of gRPC-Web. Mostly it is the same as the last time. */
export function kindOf(contentType: string): number {
  if (contentType === lastType) return lastKind;
  const m = /^application\/grpc(-web(-text)?)?(?:$|[+;])/i.exec(contentType);
  lastType = contentType;
  lastKind = m === null ? NOT_GRPC : m[2] !== undefined ? GRPC_WEB_TEXT : m[1] !== undefined ? GRPC_WEB : GRPC;
  return lastKind;
}

/** The number in `grpc-status`, -1 if it is none. */
export function statusNumber(text: string): number {
  if (!/^\d{1,3}$/.test(text)) return -1;
  const n = Number(text);
  return n <= MAX_STATUS ? n : -1;
}

/** The status in the trailers of gRPC-Web, which are header lines of HTTP/1.1; -1 if there is none. */
export function webStatus(trailers: string): number {
  const m = /(?:^|\n)grpc-status:[ \t]*(\d{1,3})[ \t]*(?:\r?\n|$)/i.exec(trailers);
  return m === null ? -1 : statusNumber(m[1]!);
}

/** What a client makes of an HTTP status when there is no gRPC status (gRPC, "HTTP to gRPC status code mapping"). */
export function statusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return INTERNAL;
    case 401:
      return UNAUTHENTICATED;
    case 403:
      return PERMISSION_DENIED;
    case 404:
      return UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return UNAVAILABLE;
    default:
      return UNKNOWN_STATUS;
  }
}

/** By error code of RST_STREAM (gRPC over HTTP/2, "Errors"). */
const OF_CODES = [
  INTERNAL, // NO_ERROR
  INTERNAL, // PROTOCOL_ERROR
  INTERNAL, // INTERNAL_ERROR
  INTERNAL, // FLOW_CONTROL_ERROR
  INTERNAL, // SETTINGS_TIMEOUT
  UNKNOWN_STATUS, // STREAM_CLOSED: no mapping
  INTERNAL, // FRAME_SIZE_ERROR
  UNAVAILABLE, // REFUSED_STREAM
  CANCELLED, // CANCEL
  INTERNAL, // COMPRESSION_ERROR
  INTERNAL, // CONNECT_ERROR
  RESOURCE_EXHAUSTED, // ENHANCE_YOUR_CALM
  PERMISSION_DENIED, // INADEQUATE_SECURITY
  UNKNOWN_STATUS, // HTTP_1_1_REQUIRED: no mapping
];

/**
 * Timers fire when they are due or later, but a deadline is put into the header as what was left of it when the header was written:
 * a cancellation this close to it was the deadline's.
 */
const DEADLINE_SHARE = 0.9;

/** The status that the client's library makes of a stream that was broken off after so long. */
export function statusOfReason(reason: number, afterNs: number, timeoutNs: number): number {
  if (isShutdown(reason)) return UNAVAILABLE;
  const status = OF_CODES[codeOf(reason)] ?? UNKNOWN_STATUS;
  return status === CANCELLED && afterNs >= DEADLINE_SHARE * timeoutNs ? DEADLINE_EXCEEDED : status;
}

const UNIT_NS: Readonly<Record<string, number>> = { H: 3600e9, M: 60e9, S: 1e9, m: 1e6, u: 1e3, n: 1 };

/** `grpc-timeout`: up to eight digits and a unit; Infinity if it is not that. */
export function timeoutNs(text: string): number {
  const m = /^(\d{1,8})([HMSmun])$/.exec(text);
  return m === null ? Number.POSITIVE_INFINITY : Number(m[1]) * UNIT_NS[m[2]!]!;
}
