import { type Exchanges, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { Asking } from './asking.ts';
import { headEnd } from './request-head.ts';
import { FEED, NO_FEED, type Session } from './session.ts';
import { countWords, inlineArgumentEnd, inlineWordEnd, isQuote, MAX_NAME, MAX_WORDS, wordStart } from './start.ts';
import { CR, CUT, DOLLAR, isLetter, isText, LF, lengthEnd, readLength, STAR } from './syntax.ts';

/** An inline command longer than this is known by its start. Servers refuse lines beyond 64 KiB. */
export const MAX_INLINE = 2048;
/** Longest bulk string that is believed: far beyond what `proto-max-bulk-len` is ever set to. */
const MAX_BULK = 2 ** 40;

const START = 0;
/** Behind the command's name. */
const ARGUMENTS = 1;
/** In an inline command that is longer than its bound. */
const LINE_REST = 2;
/** Behind SYNC or PSYNC: nothing is a request unless it is refused. */
const REPLICA = 3;

/** Requests: arrays of bulk strings, or lines. Arguments pass by unseen but for the few that tell something. */
export class RequestReader {
  readonly #session: Session;
  readonly #asking: Asking;
  #phase = START;
  /** The last command was an inline one. */
  inline = false;

  constructor(out: Exchanges, session: Session) {
    this.#session = session;
    this.#asking = new Asking(out, session);
  }

  /** Bytes are missing: the command that was being read is not followed to its end. */
  forget(): void {
    this.#asking.forget();
    this.#phase = this.#next;
  }

  get #next(): number {
    return this.#session.feed === NO_FEED ? START : REPLICA;
  }

  decode(w: Window): Step {
    for (;;) {
      let step = -1;
      if (this.#phase === START) step = this.#session.feed === FEED ? this.#feed(w) : this.#start(w);
      else if (this.#phase === ARGUMENTS) step = this.#arguments(w);
      else if (this.#phase === LINE_REST) step = this.#lineRest(w);
      else if (this.#session.feed === NO_FEED) this.#phase = START;
      else step = this.#feed(w);
      if (step >= 0) return step as Step;
    }
  }

  #start(w: Window): number {
    const { buf, end } = w;
    while (w.pos < end && (buf[w.pos] === CR || buf[w.pos] === LF)) w.pos++; // an empty line is no command
    const at = w.pos;
    if (at >= end) return more(w, 1);
    if (buf[at] !== STAR) return this.#inline(w);
    const count = readLength(w, at);
    if (count === CUT) return more(w, end - at + 1);
    if (count > MAX_WORDS || count < -1) return LOST;
    if (count <= 0) {
      w.pos = lengthEnd(); // an empty command is passed over without an answer
      return -1;
    }
    const bulk = lengthEnd();
    if (bulk >= end) return more(w, end - at + 1);
    if (buf[bulk] !== DOLLAR) return LOST;
    const length = readLength(w, bulk);
    if (length === CUT) return more(w, end - at + 1);
    if (length < 0 || length > MAX_BULK) return LOST;
    const word = lengthEnd();
    const seen = Math.min(length, MAX_NAME);
    const need = headEnd(w, word, word + length, count);
    if (need > end) return more(w, need - at);
    this.inline = false;
    this.#asking.begin(w, word, word + seen, word + seen, count);
    this.#phase = ARGUMENTS;
    return this.#pass(w, word, length);
  }

  /** Behind a bulk string of `length` bytes at `from`: -1, SKIP over what is not there yet, or LOST. */
  #pass(w: Window, from: number, length: number): number {
    const to = from + length + 2;
    if (to > w.end) {
      w.pos = from;
      w.want = length + 2;
      return SKIP;
    }
    if (w.buf[to - 2] !== CR || w.buf[to - 1] !== LF) return LOST;
    w.pos = to;
    return -1;
  }

  #arguments(w: Window): number {
    const { buf } = w;
    while (this.#asking.goesOn) {
      const at = w.pos;
      if (at >= w.end) return more(w, 1);
      if (buf[at] !== DOLLAR) return LOST;
      const length = readLength(w, at);
      if (length === CUT) return more(w, w.end - at + 1);
      if (length < 0 || length > MAX_BULK) return LOST;
      const from = lengthEnd();
      const have = Math.min(length, this.#asking.looks());
      if (w.end - from < have) return more(w, from - at + have);
      this.#asking.argument(buf, from, have, length);
      const step = this.#pass(w, from, length);
      if (step >= 0) return step;
    }
    this.#finish(w);
    return -1;
  }

  #inline(w: Window): number {
    const { buf, pos } = w;
    const lf = w.find(LF, pos);
    const whole = lf >= 0 && lf - pos <= MAX_INLINE;
    if (!whole && w.end - pos < MAX_INLINE) {
      return isLetter(buf[pos]!) && isText(buf, pos, w.end - 1) ? more(w, w.end - pos + 1) : LOST;
    }
    let to = whole ? lf : pos + MAX_INLINE;
    if (whole && buf[to - 1] === CR) to--;
    const wordEnd = inlineWordEnd(buf, pos, to);
    if (wordEnd < 0 || !isText(buf, wordEnd, to)) return LOST;
    this.inline = true;
    this.#asking.begin(w, pos, wordEnd, to, countWords(buf, pos, to));
    for (let i = wordEnd; this.#asking.goesOn; ) {
      const from = wordStart(buf, i, to);
      i = inlineArgumentEnd(buf, from, to);
      const quotes = i - from >= 2 && isQuote(buf[from]!) && buf[i - 1] === buf[from] ? 1 : 0;
      const length = i - from - 2 * quotes;
      this.#asking.argument(buf, from + quotes, Math.min(length, this.#asking.looks()), length);
    }
    if (whole) {
      w.pos = lf + 1;
      this.#finish(w);
    } else {
      w.pos = to;
      this.#phase = LINE_REST;
    }
    return -1;
  }

  #lineRest(w: Window): number {
    const lf = w.find(LF, w.pos);
    if (lf < 0) {
      w.pos = w.end;
      return more(w, 1);
    }
    w.pos = lf + 1;
    this.#finish(w);
    return -1;
  }

  /** The command ends in front of `w.pos`. */
  #finish(w: Window): void {
    this.#asking.finish(w);
    this.#phase = this.#next;
  }

  #feed(w: Window): number {
    if (this.#session.feed === FEED) {
      w.want = Number.POSITIVE_INFINITY;
      return SKIP;
    }
    w.pos = w.end;
    return more(w, 1);
  }
}

function more(w: Window, bytes: number): number {
  w.want = bytes;
  return MORE;
}
