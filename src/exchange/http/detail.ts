import type { WireContext } from '../semantics.ts';

/** A request target taken apart. */
export class Target {
  scheme = 'http';
  authority = '';
  path = '';
  query = '';
}

/** What HTTP adds to an exchange; strings are '' when absent. Filled only when details are wanted. */
export class HttpDetail implements WireContext {
  /** Of a target that does not name one; '' in HTTP/1.x. */
  scheme = '';
  host = '';
  userAgent = '';
  /** `Forwarded` for=/host=/proto= or the X-Forwarded-* headers. */
  forwardedFor = '';
  forwardedHost = '';
  forwardedProto = '';
  traceparent = '';
  tracestate = '';
  b3 = '';
  uberTraceId = '';
  sw8 = '';
  /** Two traceparent headers make both worthless (W3C Trace Context 3.2). */
  traceparents = 0;
  /** Parts of the b3 multi-header form. */
  b3TraceId = '';
  b3SpanId = '';
  b3Sampled = '';
  /** Of a GraphQL request: type and name of its operation. */
  graphqlType = '';
  graphqlName = '';
  /** Made when somebody first asks. */
  target: Target | null = null;
}

/** Memory that the texts take, at up to two bytes a character; `target` stands in the record and once more taken apart. */
export function textBytes(d: HttpDetail, target: string): number {
  const headers =
    d.host.length +
    d.userAgent.length +
    d.forwardedFor.length +
    d.forwardedHost.length +
    d.forwardedProto.length +
    d.traceparent.length +
    d.tracestate.length +
    d.b3.length +
    d.uberTraceId.length +
    d.sw8.length;
  return 2 * (headers + 2 * target.length) + DETAIL_BYTES;
}

/** An HttpDetail without its texts. */
const DETAIL_BYTES = 160;
