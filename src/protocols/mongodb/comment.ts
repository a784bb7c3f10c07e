/** The trace context that an application or its instrumentation puts into a command's `comment`. */

import type { WireContext } from '../../exchange/semantics.ts';
import type { Window } from '../protocol.ts';
import { DOCUMENT, ELEMENT, Elements, STRING } from './bson.ts';

/** A traceparent has 55 characters, a tracestate at most 512; there may be other things beside them. */
export const MAX_COMMENT_BYTES = 1024;

const TRACEPARENT = Buffer.from('traceparent');
const TRACESTATE = Buffer.from('tracestate');

/** By itself, or in words like `traceparent='00-...'` and `{"traceparent":"00-..."}`. */
const IN_TEXT =
  /(?:^|traceparent['"]?\s{0,4}[=:]\s{0,4}['"]?)([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})(?![0-9a-f])/;

const INNER = new Elements();

/** `e` is a string or a document, whole in the window. A document has the headers as its fields. */
export function contextIn(w: Window, e: Elements): WireContext | null {
  if (e.type === STRING) {
    const found = IN_TEXT.exec(w.buf.toString('latin1', e.valueAt + 4, e.valueAt + e.valueBytes - 1));
    return found === null ? null : context(found[1]!, '');
  }
  if (e.type !== DOCUMENT) return null;
  let traceparent = '';
  let tracestate = '';
  const { pos } = w;
  w.pos = e.valueAt;
  INNER.enter(w, e.valueBytes);
  while (INNER.next(w) === ELEMENT) {
    if (INNER.type === STRING) {
      const from = INNER.valueAt + 4;
      const to = INNER.valueAt + INNER.valueBytes - 1;
      if (INNER.named(w, TRACEPARENT)) traceparent = w.buf.toString('latin1', from, to);
      else if (INNER.named(w, TRACESTATE)) tracestate = w.buf.toString('latin1', from, to);
    }
    INNER.pass(w);
  }
  w.pos = pos;
  return traceparent === '' ? null : context(traceparent, tracestate);
}

const context = (traceparent: string, tracestate: string): WireContext => ({
  traceparent,
  tracestate,
  b3: '',
  uberTraceId: '',
  sw8: '',
});
