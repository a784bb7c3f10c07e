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

/** Heads in a row, each where the frame in front of it ends, that are believed whatever follows. */
const PROOF = 3;
/** What is held at most for the head behind a frame. */
const MAX_HELD = USUAL_FRAME + 2 * FRAME_HEAD;
/** Places that may be starts, of which later bytes decide; the oldest is given up for one more. Random bytes hardly bring two. */
const MAX_PLACES = 8;

/** What a chain of frames is worth. */
const BROKEN = 0;
/** Credible so far; the window ends within a frame. */
const OPEN = 1;
const FOUND = 2;

/** The streams that are under way. */
export interface Known {
  has(id: number): boolean;
}

/** Looks for the start of a frame behind a loss in one direction. Linear: every byte is looked at once, and few places again. */
export class FrameFinder {
  /** The kind of header block that this side sends. */
  readonly #own: number;
  /** Stream offset up to which every byte was looked at: more bytes begin with a new segment there. */
  #scanned = -1;
  /** Stream offsets of places that may be starts, and which of them are starts of segments, as mostly those of frames are. */
  readonly #places: number[] = [];
  readonly #segments: boolean[] = [];

  constructor(dir: Dir) {
    this.#own = dir === TO_SERVER ? A_REQUEST : A_RESPONSE;
  }

  /**
   * True: `w.pos` stands at a frame. False: it stands at the first place that may be one, or at the end. `streams`: those that are under
   * way; `maxFrame`: the longest payload that is believed.
   */
  find(w: Window, maxFrame: number, streams: Known): boolean {
    const at = this.#look(w, maxFrame, streams);
    if (at < 0) {
      const first = this.#places[0];
      w.pos = first === undefined ? w.end : first - w.base;
      return false;
    }
    w.pos = at;
    this.#places.length = 0;
    this.#segments.length = 0;
    this.#scanned = -1;
    return true;
  }

  /** Index of a frame, -1 if there is none yet. */
  #look(w: Window, maxFrame: number, streams: Known): number {
    const places = this.#places;
    const segments = this.#segments;
    let kept = 0;
    for (let k = 0; k < places.length; k++) {
      const at = places[k]! - w.base;
      if (at < w.pos || w.end - at > MAX_HELD) continue;
      const judged = this.#judge(w, at, segments[k]!, maxFrame, streams);
      if (judged === FOUND) return at;
      if (judged === BROKEN) continue;
      places[kept] = places[k]!;
      segments[kept++] = segments[k]!;
    }
    places.length = kept;
    segments.length = kept;
    const from = Math.max(w.pos, this.#scanned - w.base);
    for (let at = from; at < w.end; at++) {
      if (w.buf[at]! > maxFrame >> 16) continue;
      const judged = this.#judge(w, at, at === from, maxFrame, streams);
      if (judged === FOUND) return at;
      if (judged === BROKEN) continue;
      if (places.length === MAX_PLACES) {
        places.shift();
        segments.shift();
      }
      places.push(w.base + at);
      segments.push(at === from);
    }
    this.#scanned = w.base + w.end;
    return -1;
  }

  #judge(w: Window, from: number, segment: boolean, maxFrame: number, streams: Known): number {
    const { buf, end } = w;
    let links = 0;
    for (let at = from; at < end; links++) {
      const n = credibleFrame(buf, at, end, maxFrame);
      if (n === NO_FRAME) return BROKEN;
      if (n === TOO_SHORT) return OPEN;
      if (links === PROOF) return FOUND;
      const type = buf[at + 3]!;
      if (type === CONTINUATION && links === 0) return BROKEN;
      if (type === HEADERS || type === PUSH_PROMISE) {
        const kind = blockKind(buf, at, Math.min(end, at + n));
        if (kind === BROKEN_BLOCK || (kind !== NOTHING && kind !== this.#own)) return BROKEN;
        // a whole header block of this side says it all
        if (kind === this.#own && at + n <= end) return FOUND;
      }
      if (segment && links === 0 && streams.has(frameStream(buf, at))) return FOUND;
      at += n;
      // A lone frame that ends where the window does is believed only where a segment begins.
      if (at === end) return links > 0 || segment ? FOUND : OPEN;
    }
    return OPEN;
  }
}
