/** gRPC: what its header fields say. */

import type { Exchange } from '../exchange.ts';

export const CANCELLED = 1;
export const UNKNOWN_STATUS = 2;
export const DEADLINE_EXCEEDED = 4;
export const PERMISSION_DENIED = 7;
export const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** `Exchange.status` of a call is this and its gRPC status; below it stands the HTTP status, as long as nothing more is known. */
export const GRPC_STATUS_BASE = 1000;
/** Larger numbers are no status. */
const MAX_STATUS = 999;

/** What a content type says of gRPC. */
export const NOT_GRPC = 0;
export const GRPC = 1;
export const GRPC_WEB = 2;
/** In base64. */
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

const UNIT_NS: Readonly<Record<string, number>> = { H: 3600e9, M: 60e9, S: 1e9, m: 1e6, u: 1e3, n: 1 };

/** `grpc-timeout`: up to eight digits and a unit; Infinity if it is not that. */
export function timeoutNs(text: string): number {
  const m = /^(\d{1,8})([HMSmun])$/.exec(text);
  return m === null ? Number.POSITIVE_INFINITY : Number(m[1]) * UNIT_NS[m[2]!]!;
}

/** `status` below 0: it is there, and not known. */
export function settleGrpc(x: Exchange, status: number): void {
  if (status < 0) return;
  x.status = GRPC_STATUS_BASE + status;
  x.failed = status !== 0;
}

/** The response has ended without a gRPC status. */
export function lackGrpcStatus(x: Exchange): void {
  if (x.status > 0 && x.status < GRPC_STATUS_BASE) settleGrpc(x, statusOfHttp(x.status));
}
