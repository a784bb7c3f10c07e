import {
  type Dir,
  NO,
  type Protocol,
  TO_SERVER,
  UNSURE,
  type Verdict,
  type Window,
  YES,
  YES_REVERSED,
} from '../protocol.ts';
import { COUNTERS } from './counters.ts';
import { Http2Decoder } from './decoder.ts';
import {
  CONTINUATION,
  credibleFrame,
  END_HEADERS,
  FRAME_HEAD,
  HEADERS,
  NO_FRAME,
  PUSH_PROMISE,
  prefaceAt,
  TOO_SHORT,
  USUAL_FRAME,
} from './frames.ts';
import { MAX_BLOCK } from './header-frames.ts';
import { grpcOverHttp2, http2Semantics } from './semantics.ts';
import { A_REQUEST, BROKEN_BLOCK, blockKind, NOTHING } from './structure.ts';

/** The first line of the preface: nothing else begins like this. */
const ENOUGH = 16;
/** A header block that is longer is judged by its start. */
const LONG_BLOCK = 512;

/** HTTP/2 without TLS (RFC 9113), and gRPC over it. */
export const http2: Protocol = {
  name: 'http2',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [50051, 80, 8080, 9090],
  maxHead: MAX_BLOCK,
  probe(dir, w) {
    const n = prefaceAt(w.buf, w.pos, w.end);
    if (n >= ENOUGH) return from(A_REQUEST, dir);
    return n >= 0 ? UNSURE : probeFrames(dir, w);
  },
  open: (exchanges) => new Http2Decoder(exchanges),
  semantics: http2Semantics,
  dialects: [{ name: 'grpc', semantics: grpcOverHttp2 }],
  counters: COUNTERS,
};

/** Frames one behind the other, until a header block says which side speaks: SETTINGS and the like look the same from both. */
function probeFrames(dir: Dir, w: Window): Verdict {
  const { buf, end } = w;
  for (let at = w.pos; at < end; ) {
    const n = credibleFrame(buf, at, end, USUAL_FRAME);
    if (n === NO_FRAME) return NO;
    if (n === TOO_SHORT) return UNSURE;
    const type = buf[at + 3]!;
    if (type === CONTINUATION) return NO;
    if (type === HEADERS || type === PUSH_PROMISE) {
      // Clients begin the streams, with odd numbers; a block that is not at its end goes on in the next frame and nowhere else.
      if ((buf[at + 8]! & 1) === 0) return NO;
      const next = at + n + FRAME_HEAD;
      if ((buf[at + 4]! & END_HEADERS) === 0 && next <= end && buf[at + n + 3] !== CONTINUATION) return NO;
      const kind = blockKind(buf, at, Math.min(end, at + n));
      if (kind === BROKEN_BLOCK) return NO;
      if (kind !== NOTHING && (at + n <= end || end - at >= LONG_BLOCK)) return from(kind, dir);
    }
    at += n;
  }
  return UNSURE;
}

const from = (kind: number, dir: Dir): Verdict => ((kind === A_REQUEST) === (dir === TO_SERVER) ? YES : YES_REVERSED);
