import { HttpDetail } from '../http/detail.ts';
import type { Messages } from './messages.ts';

/** What a call of gRPC adds to an exchange of HTTP. Numbers are -1 where they were not counted. */
export class GrpcDetail extends HttpDetail {
  /** HTTP status of the response. */
  httpStatus = 0;
  /** The client's deadline (`grpc-timeout`). */
  timeoutNs = -1;
  /** gRPC-Web: the trailers are a message. */
  web = false;
  requestMessages = -1;
  requestMessageBytes = -1;
  requestCompressed = -1;
  responseMessages = -1;
  responseMessageBytes = -1;
  responseCompressed = -1;
}

/** What was asked is known, unless messages could not be read to their end. */
export function noteAsked(d: GrpcDetail, m: Messages): void {
  if (m.broken) return;
  d.requestMessages = m.count;
  d.requestMessageBytes = m.bytes;
  d.requestCompressed = m.compressed;
}

/** What was answered. */
export function noteTold(d: GrpcDetail, m: Messages): void {
  if (m.broken) return;
  d.responseMessages = m.count;
  d.responseMessageBytes = m.bytes;
  d.responseCompressed = m.compressed;
}
