import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { MemcachedDetail, NO_TAG } from './exchange-detail.ts';
import type { Matcher } from './match.ts';
import { END, findStatus, ITEM, OK, STAT, type Status, UNTOLD, VA, VALUE } from './status.ts';
import { hashOf, isText, Line, lineEnd, lineFeed, MAX_LINE, toNumber } from './syntax.ts';

const LINE = new Line();

const START = 0;
/** Between the lines in front of END. */
const LISTING = 1;
/** Behind the data of a VA. */
const DATA = 2;
/** Behind `watch`: log lines without end. */
const FEED = 3;

const CAPITAL_O = 79;
const SMALL_K = 107;

/** Answers of the text protocol. */
export class TextReplies {
  readonly #out: Exchanges;
  readonly #matcher: Matcher;
  #phase = START;
  #exchange: Exchange | null = null;
  #startOffset = 0;

  constructor(out: Exchanges, matcher: Matcher) {
    this.#out = out;
    this.#matcher = matcher;
  }

  /** Bytes were lost. */
  forget(): void {
    if (this.#exchange !== null) this.#out.truncate(this.#exchange);
    this.#exchange = null;
    if (this.#phase !== FEED) this.#phase = START;
  }

  decode(w: Window): Step {
    for (;;) {
      let step = -1;
      if (this.#phase === DATA) this.#finish(w);
      else if (this.#phase === FEED) {
        w.want = Number.POSITIVE_INFINITY;
        return SKIP;
      } else step = this.#line(w);
      if (step >= 0) return step as Step;
    }
  }

  #line(w: Window): number {
    const { buf, pos, end } = w;
    if (pos >= end) return more(w, 1);
    const lf = lineFeed(w, pos);
    if (lf < 0 || lf - pos > MAX_LINE) {
      return lf < 0 && end - pos <= MAX_LINE && isText(buf, pos, end - 1) ? more(w, end - pos + 1) : LOST;
    }
    const to = lineEnd(buf, pos, lf);
    if (!LINE.read(buf, pos, to)) return LOST;
    const status = statusOf(buf);
    if (status === null) return LOST;
    const between = status === VALUE || status === STAT || status === ITEM;
    if (this.#phase === START) this.#answer(w, status, between);
    else if (!between && status !== END && !status.isError) return LOST;
    const x = this.#exchange;
    if (x !== null && !between) settle(x, status);
    w.pos = lf + 1;
    if (status === VALUE) return this.#value(w, x);
    if (status === VA) {
      const length = LINE.seen > 1 ? LINE.number(buf, 1) : -1;
      if (length < 0) return LOST;
      this.#phase = DATA;
      return this.#data(w, x, length);
    }
    if (between) this.#phase = LISTING;
    else this.#finish(w);
    return -1;
  }

  /** An answer begins with the line that LINE holds. */
  #answer(w: Window, status: Status, between: boolean): void {
    this.#startOffset = w.base + w.pos;
    this.#exchange = this.#matcher.text(w, status, tagOf(w.buf));
    if (between && this.#exchange !== null) this.#exchange.status = UNTOLD; // END or an error will tell
  }

  /** `VALUE key flags bytes [unique]` */
  #value(w: Window, x: Exchange | null): number {
    const length = LINE.seen > 3 ? LINE.number(w.buf, 3) : -1;
    if (length < 0) return LOST;
    this.#phase = LISTING;
    return this.#data(w, x, length);
  }

  #data(w: Window, x: Exchange | null, length: number): number {
    if (x !== null && x.outcome === IN_FLIGHT && x.detail instanceof MemcachedDetail) x.detail.values++;
    w.want = length + 2;
    return SKIP;
  }

  /** The answer ends in front of `w.pos`. */
  #finish(w: Window): void {
    const x = this.#exchange;
    this.#exchange = null;
    this.#phase = START;
    if (x === null) return;
    if (x.outcome === IN_FLIGHT) x.responseBytes = w.base + w.pos - this.#startOffset;
    if (x.operation === 'watch' && x.status === OK.number) this.#phase = FEED;
    this.#out.finish(x, w);
  }
}

/** A record that was given up meanwhile is its listener's. */
function settle(x: Exchange, status: Status): void {
  if (x.outcome !== IN_FLIGHT) return;
  x.status = status.number;
  x.failed = status.isError;
}

/** The status of the line that LINE holds; null: none that a server gives. */
export function statusOf(buf: Uint8Array, line: Line = LINE): Status | null {
  const from = line.starts[0]!;
  const known = findStatus(buf, from, line.ends[0]!);
  if (known !== null) return known;
  // The new value of incr and decr, of up to 20 digits.
  if (isCount(buf, from, line.ends[0]!) && line.count === 1) return OK;
  return buf[from] === SMALL_K && buf[from + 3] === EQUALS ? ITEM : null; // lru_crawler metadump: `key=... exp=...`
}
const EQUALS = 61;

/** The digits of a counter. */
export function isCount(buf: Uint8Array, from: number, to: number): boolean {
  if (to - from > 20) return false;
  for (let i = from; i < to; i++) if (toNumber(buf, i, i + 1) < 0) return false;
  return true;
}

/** What a meta command had sent back: its opaque token, or its key. */
function tagOf(buf: Uint8Array): number {
  let tag = NO_TAG;
  if (LINE.length(0) !== 2) return tag;
  for (let i = 1; i < LINE.seen; i++) {
    const from = LINE.starts[i]!;
    if (buf[from] === CAPITAL_O) return hashOf(buf, from, LINE.ends[i]!);
    if (buf[from] === SMALL_K) tag = hashOf(buf, from + 1, LINE.ends[i]!);
  }
  return tag;
}

function more(w: Window, bytes: number): number {
  w.want = bytes;
  return MORE;
}
