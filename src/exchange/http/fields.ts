/** Header fields whose values need a closer look, whatever the version of HTTP that brought them. */

import type { HttpDetail } from './detail.ts';

/** Longest header value that is kept. */
export const MAX_VALUE = 512;

export function addTraceparent(d: HttpDetail, value: string): void {
  d.traceparent = ++d.traceparents > 1 ? '' : value;
}

/** Several lines are one list (W3C Trace Context 3.3.1). */
export function addTracestate(d: HttpDetail, more: string): void {
  d.tracestate = d.tracestate === '' ? more : `${d.tracestate},${more}`.slice(0, MAX_VALUE);
}

export const firstOf = (list: string): string => list.split(',', 1)[0]!.trim();

/** First element of `Forwarded` (RFC 7239 section 4); it goes before the X-Forwarded-* headers. */
export function readForwarded(d: HttpDetail, text: string): void {
  for (const pair of firstOf(text).split(';')) {
    const eq = pair.indexOf('=');
    if (eq < 0) continue;
    const name = pair.slice(0, eq).trim().toLowerCase();
    const word = pair
      .slice(eq + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    if (name === 'for') d.forwardedFor = word;
    else if (name === 'host') d.forwardedHost = word;
    else if (name === 'proto') d.forwardedProto = word;
  }
}

/** All headers are read: joins the b3 multi-header form into the single one. */
export function settleDetail(d: HttpDetail): void {
  if (d.b3 === '' && d.b3TraceId !== '' && d.b3SpanId !== '') {
    d.b3 = `${d.b3TraceId}-${d.b3SpanId}${d.b3Sampled === '' ? '' : `-${d.b3Sampled}`}`;
  }
}
