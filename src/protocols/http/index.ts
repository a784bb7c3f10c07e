import { grpcSemantics } from '../../exchange/grpc/semantics.ts';
import { httpSemantics } from '../../exchange/http/semantics.ts';
import { NO, type Protocol, TO_SERVER, UNSURE, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { HttpDecoder } from './decoder.ts';
import { MAX_LINE } from './lines.ts';
import {
  A_START,
  beginsRequestLine,
  behindEmptyLines,
  knownMethod,
  MAYBE_A_START,
  NOT_A_START,
  requestStart,
  responseStart,
  TOO_SHORT,
} from './syntax.ts';

/** A line without end that is so long is judged by its start. */
const LONG_LINE = 512;

const SPACE = 32;
const SLASH = 47;

/** HTTP/1.x (RFC 9110 and RFC 9112), and gRPC-Web over it. */
export const http: Protocol = {
  name: 'http',
  transport: 'tcp',
  pairing: 'in_order',
  ports: [80, 8080, 8000, 8008, 8081, 8888, 3000, 5000, 9090],
  maxHead: 2 * MAX_LINE,
  probe(dir, w) {
    w.pos = behindEmptyLines(w.buf, w.pos, w.end);
    if (w.pos === w.end) return UNSURE;
    const asked = requestStart(w.buf, w.pos, w.end, MAX_LINE);
    if (asked === A_START) return dir === TO_SERVER ? YES : YES_REVERSED;
    const answered = responseStart(w.buf, w.pos, w.end);
    if (answered === A_START) return dir === TO_SERVER ? YES_REVERSED : YES;
    // A known method and a path are a request of HTTP/0.9; other lines without version wait for the server's word.
    if (asked === MAYBE_A_START && dir === TO_SERVER) return beginsPath(w) ? YES : UNSURE;
    // Detection does not see the end of a longer line.
    if (asked === TOO_SHORT && w.end - w.pos >= LONG_LINE && beginsRequestLine(w.buf, w.pos, w.end))
      return dir === TO_SERVER ? YES : YES_REVERSED;
    return asked === NOT_A_START && answered === NOT_A_START ? NO : UNSURE;
  },
  open: (exchanges) => new HttpDecoder(exchanges),
  semantics: httpSemantics,
  dialects: [{ name: 'grpc', semantics: grpcSemantics }],
};

function beginsPath(w: Window): boolean {
  let i = w.pos;
  while (i < w.end && w.buf[i] !== SPACE) i++;
  return knownMethod(w.buf, w.pos, i) >= 0 && i + 1 < w.end && w.buf[i + 1] === SLASH;
}
