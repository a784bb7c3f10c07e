import type { Window } from '../../bytes/window.ts';
import { statusNumber } from '../../exchange/grpc/status.ts';
import type { HttpDetail } from '../../exchange/http/detail.ts';
import { addTraceparent, addTracestate, firstOf, MAX_VALUE, readForwarded } from '../../exchange/http/fields.ts';
import { FIELD_CODING, FIELD_LENGTH, type Message, NO_FIELD } from './message.ts';
import { readLength, sameName } from './syntax.ts';

const SP = 32;
const TAB = 9;
const LF = 10;
const COLON = 58;

/** Reads the header field `buf[from, to)` (line end taken off) for what frames the message: length and coding. */
export function readField(m: Message, buf: Buffer, from: number, to: number): void {
  const first = buf[from]!;
  if (first === SP || first === TAB) {
    // obs-fold: the value goes on
    if (m.field === FIELD_CODING && endsChunked(buf, from, to)) m.chunked = true;
    else if (m.field === FIELD_LENGTH && to - from > 1 && m.contentLength < 0) setLength(m, readLength(buf, from, to));
    return;
  }
  m.field = NO_FIELD;
  const n = to - from;
  const low = first | 32;
  if (low === 99 && n > 14 && buf[from + 14] === COLON && sameName(buf, from, 'content-length')) {
    m.field = FIELD_LENGTH;
    if (!blank(buf, from + 15, to)) setLength(m, readLength(buf, from + 15, to));
  } else if (low === 116 && n > 17 && buf[from + 17] === COLON && sameName(buf, from, 'transfer-encoding')) {
    m.field = FIELD_CODING;
    // `identity` is no coding at all (RFC 2616 section 3.6)
    if (!onlyWord(buf, from + 18, to, 'identity')) m.coded = true;
    if (endsChunked(buf, from + 18, to)) m.chunked = true;
  } else if (low === 117 && n > 10 && buf[from + 7] === COLON && sameName(buf, from, 'upgrade')) {
    if (onlyWord(buf, from + 8, to, 'h2c')) m.upgrade = 'http2';
    else m.upgrade = onlyWord(buf, from + 8, to, 'websocket') ? 'websocket' : '';
  } else if (low === 99 && n > 12 && buf[from + 12] === COLON && sameName(buf, from, 'content-type')) {
    m.events = beginsWith(buf, from + 13, to, 'text/event-stream');
    m.contentType = beginsWith(buf, from + 13, to, 'application/grpc-web') ? text(buf, from + 13, to) : '';
  } else if (low === 103 && n > 12) readCallField(m, buf, from, to); // g
}

function readCallField(m: Message, buf: Buffer, from: number, to: number): void {
  if (buf[from + 11] === COLON && sameName(buf, from, 'grpc-status'))
    m.grpcStatus = statusNumber(text(buf, from + 12, to));
  else if (buf[from + 12] === COLON && sameName(buf, from, 'grpc-timeout')) m.timeout = text(buf, from + 13, to);
}

/** Blanks apart, `buf[from, to)` is that word. */
function onlyWord(buf: Buffer, from: number, to: number, word: string): boolean {
  while (from < to && (buf[from] === SP || buf[from] === TAB)) from++;
  return to - from >= word.length && sameName(buf, from, word) && blank(buf, from + word.length, to);
}

/** Behind blanks, `buf[from, to)` begins with that word. */
function beginsWith(buf: Buffer, from: number, to: number, word: string): boolean {
  while (from < to && (buf[from] === SP || buf[from] === TAB)) from++;
  return to - from >= word.length && sameName(buf, from, word);
}

/**
 * Moves `w.pos` over complete header lines that neither frame the message nor end its head: those that begin with other
 * letters than the names that readField knows.
 */
export function passFields(m: Message, w: Window): void {
  const { buf, end } = w;
  let line = w.pos;
  while (line < end) {
    const first = buf[line]!;
    const low = first | 32;
    if (first <= SP || low === 99 || low === 116 || (low === 117 && (buf[line + 1]! | 32) === 112)) break; // c, t, up
    const eol = w.find(LF, line + 1);
    if (eol < 0) break;
    m.field = NO_FIELD;
    line = eol + 1;
  }
  w.pos = line;
}

function blank(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (buf[i] !== SP && buf[i] !== TAB) return false;
  return true;
}

/** Two different lengths make both worthless (RFC 9112 section 6.3). */
function setLength(m: Message, length: number): void {
  if (length < 0 || (m.contentLength >= 0 && m.contentLength !== length) || m.contentLength === -2)
    m.contentLength = -2;
  else m.contentLength = length;
}

/** `chunked` is the last transfer coding. */
function endsChunked(buf: Buffer, from: number, to: number): boolean {
  let end = to;
  while (end > from && (buf[end - 1] === SP || buf[end - 1] === TAB)) end--;
  return end - from >= 7 && sameName(buf, end - 7, 'chunked');
}

/** Length of the field name in `buf[from, to)`, or 0. */
function nameLength(buf: Buffer, from: number, to: number): number {
  const limit = Math.min(to, from + 20);
  for (let i = from; i < limit; i++) if (buf[i] === COLON) return i - from;
  return 0;
}

/** The value `buf[from, to)` of a field. */
export function text(buf: Buffer, from: number, to: number): string {
  while (from < to && (buf[from] === SP || buf[from] === TAB)) from++;
  while (to > from && (buf[to - 1] === SP || buf[to - 1] === TAB)) to--;
  return buf.toString('utf8', from, Math.min(to, from + MAX_VALUE));
}

/** Reads the request header `buf[from, to)` for what spans carry. */
export function readDetail(d: HttpDetail, buf: Buffer, from: number, to: number): void {
  const n = nameLength(buf, from, to);
  if (n === 0) return;
  const v = from + n + 1;
  switch (buf[from]! | 32) {
    case 104: // h
      if (n === 4 && d.host === '' && sameName(buf, from, 'host')) d.host = text(buf, v, to);
      return;
    case 117: // u
      if (n === 10 && sameName(buf, from, 'user-agent')) d.userAgent = text(buf, v, to);
      else if (n === 13 && sameName(buf, from, 'uber-trace-id')) d.uberTraceId = text(buf, v, to);
      return;
    case 116: // t
      if (n === 11 && sameName(buf, from, 'traceparent')) addTraceparent(d, text(buf, v, to));
      else if (n === 10 && sameName(buf, from, 'tracestate')) addTracestate(d, text(buf, v, to));
      return;
    case 98: // b
      if (n === 2 && sameName(buf, from, 'b3')) d.b3 = text(buf, v, to);
      return;
    case 115: // s
      if (n === 3 && sameName(buf, from, 'sw8')) d.sw8 = text(buf, v, to);
      return;
    case 102: // f
      if (n === 9 && sameName(buf, from, 'forwarded')) readForwarded(d, text(buf, v, to));
      return;
    case 120: // x
      readExtension(d, buf, from, n, v, to);
      return;
  }
}

function readExtension(d: HttpDetail, buf: Buffer, from: number, n: number, v: number, to: number): void {
  if (n === 11 && sameName(buf, from, 'x-b3-spanid')) d.b3SpanId = text(buf, v, to);
  else if (n === 12 && sameName(buf, from, 'x-b3-traceid')) d.b3TraceId = text(buf, v, to);
  else if (n === 12 && sameName(buf, from, 'x-b3-sampled')) d.b3Sampled = text(buf, v, to);
  else if (n === 15 && sameName(buf, from, 'x-forwarded-for')) d.forwardedFor ||= firstOf(text(buf, v, to));
  else if (n === 16 && sameName(buf, from, 'x-forwarded-host')) d.forwardedHost ||= firstOf(text(buf, v, to));
  else if (n === 17 && sameName(buf, from, 'x-forwarded-proto')) d.forwardedProto ||= firstOf(text(buf, v, to));
}
