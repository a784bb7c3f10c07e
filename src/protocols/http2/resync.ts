/** Frame boundaries in the middle of a stream: heads of frames that chain. */

import { type Dir, TO_SERVER, type Window } from '../protocol.ts';
import {
  CONTINUATION,
  credibleFrame,
  FRAME_HEAD,
  frameStream,
  HEADERS,
  NO_FRAME,
  PUSH_PROMISE,
  TOO_SHORT,
  USUAL_FRAME,
} from './frames.ts';
import { A_REQUEST, A_RESPONSE, BROKEN_BLOCK, blockKind, NOTHING } from './structure.ts';

/** Heads in a row, each where the frame in front of it ends, that are believed without the end of the window. */
const PROOF = 3;
/** What is held at most until the head behind a frame is there. */
const MAX_HELD = USUAL_FRAME + 2 * FRAME_HEAD;

/** What a chain of frames is worth. */
const BROKEN = 0;
/** Credible so far; the window ends within a frame. */
const OPEN = 1;
/** Ends where the window ends. */
const FITS = 2;
const PROVEN = 3;

/** Of the chain that was looked at last: frames whose heads stand in it, and whether it begins with a whole header block of this side. */
let links = 0;
let saysWho = false;

/**
 * Looks for the start of a frame. A segment mostly begins with one: its first byte is judged before all others, and is held while
 * more bytes may decide. True: `w.pos` stands at one. False: see Decoder.resync. `streams`: those that are under way.
 */
export function findFrame(dir: Dir, w: Window, maxFrame: number, streams: ReadonlyMap<number, unknown>): boolean {
  const own = dir === TO_SERVER ? A_REQUEST : A_RESPONSE;
  const { buf, pos, end } = w;
  if (pos === end) return false;
  const first = chain(buf, pos, end, maxFrame, own);
  if (first >= FITS) return true;
  if (first === OPEN) {
    if (links > 0 && (saysWho || streams.has(frameStream(buf, pos)))) return true;
    if (end - pos < MAX_HELD) return false;
  }
  // A lone frame inside a segment is not enough.
  for (let at = pos + 1; at + FRAME_HEAD <= end; at++) {
    if (buf[at] !== 0) continue;
    const found = chain(buf, at, end, maxFrame, own);
    if (found === PROVEN || (found === FITS && links > 1)) {
      w.pos = at;
      return true;
    }
  }
  w.pos = end;
  return false;
}

/** `own`: the kind of header block that this side sends. */
function chain(buf: Buffer, from: number, end: number, maxFrame: number, own: number): number {
  links = 0;
  saysWho = false;
  let at = from;
  while (at < end) {
    const n = credibleFrame(buf, at, end, maxFrame);
    if (n === NO_FRAME) return BROKEN;
    if (n === TOO_SHORT) return OPEN;
    const type = buf[at + 3]!;
    if (links === 0 && type === CONTINUATION) return BROKEN;
    if (type === HEADERS || type === PUSH_PROMISE) {
      const kind = blockKind(buf, at, Math.min(end, at + n));
      if (kind === BROKEN_BLOCK || (kind !== NOTHING && kind !== own)) return BROKEN;
      if (links === 0) saysWho = kind === own && at + n <= end;
    }
    links++;
    if (links === PROOF) return PROVEN;
    at += n;
  }
  return at === end ? FITS : OPEN;
}
