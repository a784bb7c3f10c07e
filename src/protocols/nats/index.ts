import { NO, type Protocol, TO_SERVER, UNSURE, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { MAX_LINE, NatsDecoder } from './decoder.ts';
import { CONNECT, ERR, INFO, Line, OK, operationAt, PING, PONG, SUB, travels, UNSUB } from './line.ts';
import { natsSemantics } from './semantics.ts';

const LF = 10;
const CR = 13;
const LINE = new Line();
/** A line longer than this is judged by its beginning: only INFO and CONNECT are. */
const LONG = 512;

/** Operations that other protocols have, too: `+OK` of Redis and POP3, `PING` of Redis. */
const SHARED = (1 << PING) | (1 << PONG) | (1 << OK) | (1 << ERR) | (1 << SUB) | (1 << UNSUB);

/** The operation of the line at `w.pos` if it is a whole and right one; 0: it is none; -1: too few bytes to say. */
function lineAt(w: Window): number {
  const { buf, pos, end } = w;
  const eol = w.find(LF, pos);
  if (eol < 0) {
    const o = operationAt(buf, pos, end);
    if (o === -1 || (o > 0 && end - pos < LONG)) return -1;
    return o === INFO || o === CONNECT ? (LINE.read(buf, pos, end) ? o : 0) : 0;
  }
  const to = eol > pos && buf[eol - 1] === CR ? eol - 1 : eol;
  return LINE.read(buf, pos, to) ? LINE.operation : 0;
}

/** The client protocol of NATS 2.x. */
export const nats: Protocol = {
  name: 'nats',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [4222],
  maxHead: MAX_LINE,
  probe(dir, w) {
    const o = lineAt(w);
    if (o === -1) return UNSURE;
    if (o === 0) return NO;
    if ((SHARED & (1 << o)) !== 0) return UNSURE;
    return travels(o, dir === TO_SERVER) === travels(o, dir !== TO_SERVER)
      ? UNSURE
      : travels(o, dir === TO_SERVER)
        ? YES
        : YES_REVERSED;
  },
  open: (exchanges) => new NatsDecoder(exchanges),
  semantics: natsSemantics,
};
