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
import { AmqpDecoder, MAX_HEAD } from './decoder.ts';
import {
  A,
  A_START,
  behindEnd,
  EITHER_WAY,
  frameBytes,
  isProtocolHeader,
  METHOD,
  NOT_A_START,
  PROTOCOL_HEADER_BYTES,
  startAt,
} from './frame.ts';
import { amqpSemantics } from './semantics.ts';

/** AMQP 0-9-1 over TCP, with RabbitMQ's extensions. AMQP 1.0 is another protocol of that name. */
export const amqp: Protocol = {
  name: 'amqp',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [5672],
  maxHead: MAX_HEAD,
  probe(dir, w) {
    if (w.end > w.pos && w.buf[w.pos] === A) {
      if (!isProtocolHeader(w.buf, w.pos, w.end)) return NO;
      if (w.end - w.pos < PROTOCOL_HEADER_BYTES) return UNSURE;
      return dir === TO_SERVER ? YES : YES_REVERSED;
    }
    const forward = tells(w, dir);
    if (forward === YES) return YES;
    const reversed = tells(w, dir === 0 ? 1 : 0);
    if (reversed === YES) return YES_REVERSED;
    if (forward === UNSURE || reversed === UNSURE) return UNSURE;
    if (within(w, dir)) return YES;
    return within(w, dir === 0 ? 1 : 0) ? YES_REVERSED : NO;
  },
  open: (exchanges) => new AmqpDecoder(exchanges),
  semantics: amqpSemantics,
  counters: COUNTERS,
};

/** Frames follow each other up to one that only this direction has. Acknowledgements, messages' bodies and heartbeats tell no direction. */
function tells(w: Window, dir: Dir): Verdict {
  for (let at = w.pos; ; at += frameBytes(w, at)) {
    const found = startAt(w, at, dir);
    if (found === A_START) return YES;
    if (found === NOT_A_START) return NO;
    if (found !== EITHER_WAY) return UNSURE;
  }
}

/** A whole method that only this direction has, between other frames: a segment need not begin where a frame does. */
function within(w: Window, dir: Dir): boolean {
  for (let at = behindEnd(w, w.pos); at < w.end; at = behindEnd(w, at)) {
    if (w.buf[at] !== METHOD || startAt(w, at, dir) !== A_START) continue;
    const next = at + frameBytes(w, at);
    if (next <= w.end && startAt(w, next, dir) !== NOT_A_START) return true;
  }
  return false;
}
