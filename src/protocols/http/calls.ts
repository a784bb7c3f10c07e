/** Calls of gRPC-Web over HTTP/1.1 (gRPC-Web protocol): what heads and bodies say of them. Bodies are walked over, never kept. */

import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { GrpcDetail, noteAsked, noteTold } from '../../exchange/grpc/detail.ts';
import { MESSAGE, Messages } from '../../exchange/grpc/messages.ts';
import { GRPC_WEB_TEXT, kindOf, lackGrpcStatus, NOT_GRPC, settleGrpc, timeoutNs } from '../../exchange/grpc/status.ts';
import { type Dir, type Exchanges, MORE, SKIP, TO_SERVER, type Window } from '../protocol.ts';
import { GO_ON } from './lines.ts';
import { BODY, CHUNK_DATA, type Message } from './message.ts';

/** Place of gRPC among the dialects. */
const GRPC_DIALECT = 0;

/** The head of a request with such a content-type is complete. */
export function beginCall(m: Message): void {
  const x = m.exchange;
  m.messages = messagesOf(m);
  if (m.messages === null || x === null || x.outcome !== IN_FLIGHT) return;
  x.protocol = x.protocol.dialects?.[GRPC_DIALECT] ?? x.protocol;
  if (m.detail === null) return;
  const d = Object.assign(new GrpcDetail(), m.detail);
  d.web = true;
  if (m.timeout !== '') {
    const ns = timeoutNs(m.timeout);
    if (ns !== Number.POSITIVE_INFINITY) d.timeoutNs = ns;
  }
  m.detail = d;
  x.detail = d;
}

/** The head of the response to a call is complete. */
export function answerCall(m: Message): void {
  const x = m.exchange!;
  if (x.outcome !== IN_FLIGHT) return;
  const d = x.detail as GrpcDetail | null;
  if (d !== null) d.httpStatus = x.status;
  m.messages = messagesOf(m);
  // the status stands in the trailers, in a head that is all there is of the response, or nowhere
  if (m.grpcStatus >= 0) settleGrpc(x, m.grpcStatus);
  else if (m.messages === null) lackGrpcStatus(x);
}

function messagesOf(m: Message): Messages | null {
  const kind = kindOf(m.contentType);
  return kind === NOT_GRPC ? null : new Messages(true, kind === GRPC_WEB_TEXT);
}

/** Walks over what is left of the body, or of its chunk. GO_ON: it is over, and `m.phase` says what follows. */
export function walkBody(dir: Dir, w: Window, m: Message, out: Exchanges): number {
  const { messages, exchange: x } = m;
  while (m.left > 0) {
    if (messages === null || messages.broken || x === null) {
      w.want = m.left;
      m.left = 0;
      return SKIP;
    }
    if (messages.left > 0 && !messages.trailers && !messages.text) {
      const n = Math.min(messages.left, m.left);
      messages.left -= n;
      m.left -= n;
      w.want = n;
      return SKIP;
    }
    w.want = messages.need(m.left);
    if (w.end - w.pos < w.want) return MORE;
    const from = w.pos;
    w.pos = messages.take(w.buf, from, Math.min(w.end, from + m.left));
    m.left -= w.pos - from;
    if (messages.announced >= 0) out.message(x, dir === TO_SERVER, MESSAGE, messages.announced, w);
    if (messages.status >= 0 && dir !== TO_SERVER && x.outcome === IN_FLIGHT) settleGrpc(x, messages.status);
  }
  m.phase = m.chunked ? CHUNK_DATA : BODY;
  return GO_ON;
}

/** The request of a call has ended. */
export function noteRequest(m: Message): void {
  if (m.messages !== null && m.detail !== null) noteAsked(m.detail as GrpcDetail, m.messages);
}

/** The response has ended. */
export function noteResponse(x: Exchange, m: Message): void {
  if (x.outcome !== IN_FLIGHT) return;
  if (m.grpcStatus >= 0) settleGrpc(x, m.grpcStatus);
  else if (m.messages === null || !(m.messages.broken || m.messages.unread)) lackGrpcStatus(x);
  if (m.messages !== null && x.detail !== null) noteTold(x.detail as GrpcDetail, m.messages);
}
