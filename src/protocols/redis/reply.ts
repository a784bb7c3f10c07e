import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, IN_ORDER, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { mayBeSaidSubscribed, REPLCONF, SUBSCRIPTIONS } from './commands.ts';
import {
  ANSWERING,
  DOUBTFUL,
  databaseName,
  FEED,
  FEED_ASKED,
  NO_FEED,
  RedisDetail,
  type Session,
  UNKNOWN,
} from './session.ts';
import { A_START, NOT_A_START, RequestStart, replyStart, TOO_SHORT } from './start.ts';
import { errorStatus, isError, isRedirect } from './status.ts';
import {
  BANG,
  BAR,
  CUT,
  DOLLAR,
  GREATER,
  isDigit,
  isLetter,
  LF,
  lengthEnd,
  MAX_LINE,
  MINUS,
  PLUS,
  readLength,
  STAR,
} from './syntax.ts';
import { DONE, Walk } from './walk.ts';

const START = 0;
/** In a reply, or in something that the server said unasked. */
const VALUE = 1;
/** In the acknowledgement of a subscription. */
const ACKNOWLEDGEMENT = 2;

/** What the first word of an array or push says that it is. */
const NOTHING_SPECIAL = -1;
const UNDECIDED = -2;
const MESSAGE = -3;
/** From 0 on: an acknowledgement, as index in SUBSCRIPTIONS. */
const ACKNOWLEDGEMENTS = SUBSCRIPTIONS.map((c) => c.name.toLowerCase());
const MESSAGES = ['message', 'pmessage', 'smessage'];
/** `$12\r\npunsubscribe\r\n`. */
const LONGEST_WORD = 12;

const REQUEST = new RequestStart();

/** What a server says: replies, acknowledgements of subscriptions, messages and other things that nobody asked for. */
export class ReplyReader {
  readonly #out: Exchanges;
  readonly #session: Session;
  readonly #walk = new Walk();
  #phase = START;
  /** Whose reply is being read; null: nobody's. */
  #exchange: Exchange | null = null;
  #startOffset = 0;
  /** A subscription of which some acknowledgements are still to come, and how many bytes those that came had. */
  #subscription: Exchange | null = null;
  #subscriptionBytes = 0;
  /** Acknowledgements that are still to come; UNKNOWN: as many as there are subscriptions. */
  #awaited = UNKNOWN;
  #kind = 0;

  constructor(out: Exchanges, session: Session) {
    this.#out = out;
    this.#session = session;
  }

  /** Bytes were lost. */
  forget(): void {
    if (this.#exchange !== null) this.#out.truncate(this.#exchange);
    else if (this.#subscription !== null) this.#out.truncate(this.#subscription);
    this.#exchange = null;
    this.#subscription = null;
    this.#phase = START;
  }

  /** The server closed the connection. */
  end(): void {
    const x = this.#phase === START ? this.#out.expected(IN_ORDER) : null;
    if (x !== null && x.operation === SHUTDOWN_WORD) this.#out.unanswered(x); // done, and nobody is left to say so
  }

  /**
   * Elements of an array look like replies: only what answers the oldest request is believed to be one. What nobody
   * waits for is told to the pairing if it can hardly be an element: it shows a client that does not wait for answers.
   */
  resync(w: Window): boolean {
    const judged = replyStart(w, w.pos);
    if (judged === TOO_SHORT && w.end - w.pos < MAX_LINE) return false;
    if (judged === A_START) {
      const x = this.#out.expected(IN_ORDER);
      if (x !== null && ((w.ackAt(w.pos) - x.requestHeadEnd) | 0) >= 0) return true;
      if (this.#isReply(w)) this.#out.answer(IN_ORDER, w, w.pos);
    }
    w.pos = w.end;
    return false;
  }

  /**
   * Whether the credible start at `w.pos` is a status or error: no line of MONITOR, and hardly an element of an array
   * that was cut.
   */
  #isReply(w: Window): boolean {
    const { buf, pos } = w;
    if (buf[pos] === PLUS) return !isFeedLine(buf, pos + 1, w.end);
    return buf[pos] === MINUS && isLetter(buf[pos + 1]!); // `-1` is the end of a number
  }

  decode(w: Window): Step {
    for (;;) {
      if (this.#phase === START) {
        const step = this.#start(w);
        if (step >= 0) return step as Step;
        continue;
      }
      const step = this.#walk.step(w);
      if (step !== DONE) return step as Step;
      if (this.#phase === ACKNOWLEDGEMENT) this.#acknowledged(w);
      else this.#finish(w);
    }
  }

  /** Begins the value at `w.pos`. -1: go on with the new phase. */
  #start(w: Window): number {
    const { buf, end } = w;
    if (this.#session.feed === FEED) {
      if (this.#out.expected(IN_ORDER) !== null) {
        this.forget();
        this.#out.responsesLost();
      }
      w.want = Number.POSITIVE_INFINITY;
      return SKIP;
    }
    const at = w.pos;
    if (at >= end) return more(w, 1);
    const type = buf[at]!;
    if (type === LF) {
      w.pos++; // a master that is busy says nothing but that, to show that it lives
      return -1;
    }
    const judged = replyStart(w, at);
    if (judged === NOT_A_START) return LOST;
    if (judged === TOO_SHORT) return more(w, end - at + 1);
    if (type === BANG && end - at < MAX_ERROR_HEAD && end < readLength(w, at) + lengthEnd())
      return more(w, end - at + 1);
    if (type !== STAR) this.#session.proven = true;
    switch (type) {
      case PLUS:
        if (isFeedLine(buf, at + 1, end)) return this.#value(null);
        break;
      case STAR:
      case GREATER: {
        const special = this.#special(w, type);
        if (special === UNDECIDED) return MORE;
        if (special !== NOTHING_SPECIAL) return this.#unasked(w, special);
        if (type === GREATER) {
          this.#session.resp3 = true;
          return this.#value(null);
        }
        if (!this.#session.proven) {
          const step = this.#doubt(w);
          if (step >= 0) return step;
          if (this.#session.feed === FEED) return -1;
        }
        break;
      }
      case BAR: {
        const pairs = readLength(w, at); // an attribute says something of the reply behind it, and is none itself
        if (pairs < 0) return LOST;
        w.pos = lengthEnd();
        return this.#values(null, 2 * pairs);
      }
    }
    this.#take(w);
    const x = this.#exchange;
    if (x !== null) this.#judge(x, w, type);
    return this.#value(x);
  }

  /** The reply of the oldest request begins at `w.pos`. */
  #take(w: Window): void {
    this.#breakOff();
    this.#startOffset = w.base + w.pos;
    this.#exchange = this.#out.answer(IN_ORDER, w, w.pos);
    if (this.#session.replies === DOUBTFUL) this.#session.replies = ANSWERING;
  }

  #value(x: Exchange | null): number {
    return this.#values(x, 1);
  }

  #values(x: Exchange | null, count: number): number {
    this.#exchange = x;
    this.#walk.begin(count);
    this.#phase = VALUE;
    return -1;
  }

  /** Reads the status of the reply at `w.pos`, and what it changes. */
  #judge(x: Exchange, w: Window, type: number): void {
    const { buf, pos } = w;
    const session = this.#session;
    x.status = type;
    if (type === MINUS || type === BANG) {
      x.status = errorStatus(buf, errorText(w), w.end);
      x.failed = !isRedirect(x.status);
    }
    x.namespace = databaseName(session.database);
    if (x.operation === 'SELECT') this.#selected(x, buf[pos] === PLUS && buf[pos + 1] === CAPITAL_O);
    else if (x.operation === 'RESET' && type === PLUS) session.reset();
    else if (x.operation === 'HELLO' && !isError(x.status)) session.resp3 = type !== STAR;
    if (session.feed === FEED_ASKED && beginsFeed(x)) session.feed = type === MINUS ? NO_FEED : FEED_ASKED;
  }

  #selected(x: Exchange, done: boolean): void {
    const session = this.#session;
    const d = x.detail instanceof RedisDetail ? x.detail : null;
    if (d !== null) x.namespace = databaseName(d.database);
    if (isError(x.status)) return;
    if (done && d !== null && d.database !== UNKNOWN && d.lostSelects === session.lostSelects)
      session.database = d.database;
    else session.forgetDatabase();
  }

  /** The value ends in front of `w.pos`. */
  #finish(w: Window): void {
    const x = this.#exchange;
    this.#exchange = null;
    this.#phase = START;
    if (x === null) return;
    if (x.outcome === IN_FLIGHT) x.responseBytes = w.base + w.pos - this.#startOffset;
    this.#out.finish(x, w);
    this.#passSilent();
    if (this.#session.feed === FEED_ASKED && beginsFeed(x)) this.#session.feed = FEED;
  }

  /** Fewer acknowledgements than channels: the subscription was not understood. */
  #breakOff(): void {
    if (this.#subscription === null) return;
    this.#out.truncate(this.#subscription);
    this.#subscription = null;
    this.#passSilent();
  }

  /** The oldest commands now may be such as nothing answers. */
  #passSilent(): void {
    for (let x = this.#out.expected(IN_ORDER); x !== null; x = this.#out.expected(IN_ORDER)) {
      if (!(x.detail instanceof RedisDetail) || !x.detail.silent) return;
      this.#out.unanswered(x);
    }
  }

  /** What the array or push at `w.pos` is, told by its first word. */
  #special(w: Window, type: number): number {
    const { buf, pos, end } = w;
    if (type === STAR && this.#session.resp3) return NOTHING_SPECIAL;
    const count = readLength(w, pos);
    if (type === STAR && (count < 3 || count > 4)) return NOTHING_SPECIAL;
    const bulk = lengthEnd();
    if (bulk >= end) return undecided(w);
    if (buf[bulk] !== DOLLAR) return NOTHING_SPECIAL;
    const length = readLength(w, bulk);
    if (length === CUT) return undecided(w);
    if (length < MESSAGES[0]!.length || length > LONGEST_WORD) return NOTHING_SPECIAL;
    const from = lengthEnd();
    if (from + length > end) return undecided(w);
    const kind = specialWord(buf, from, length);
    if (type === GREATER || kind === NOTHING_SPECIAL) return kind;
    if (kind === MESSAGE ? count === 3 + Number(length === 8 && buf[from] === 112) : count === 3) {
      // In RESP2 only what a client may say that listens tells a message from an array.
      const x = this.#out.expected(IN_ORDER);
      if (x === null || this.#session.subscribed || mayBeSaidSubscribed(x.operation)) return kind;
    }
    return NOTHING_SPECIAL;
  }

  #unasked(w: Window, special: number): number {
    if (w.buf[w.pos] === GREATER) this.#session.resp3 = true;
    if (special === MESSAGE) return this.#value(null);
    this.#kind = special;
    this.#startOffset = w.base + w.pos;
    const waiting = this.#subscription;
    if (waiting === null || waiting.operation !== SUBSCRIPTIONS[special]!.name) {
      const x = this.#out.expected(IN_ORDER);
      if (x === null || x.operation !== SUBSCRIPTIONS[special]!.name) return this.#value(null);
      this.#breakOff();
      this.#subscription = this.#out.answer(IN_ORDER, w, w.pos);
      this.#subscriptionBytes = 0;
      this.#awaited = x.detail instanceof RedisDetail ? x.detail.channels : UNKNOWN;
      if (this.#subscription !== null) {
        this.#subscription.status = w.buf[w.pos]!;
        this.#subscription.namespace = databaseName(this.#session.database);
      }
    }
    this.#walk.begin(1);
    this.#phase = ACKNOWLEDGEMENT;
    return -1;
  }

  /** An acknowledgement ends in front of `w.pos`; its last element was the number of subscriptions that are left. */
  #acknowledged(w: Window): void {
    this.#phase = START;
    const last = this.#session.acknowledged(this.#kind, this.#walk.integer);
    const x = this.#subscription;
    if (x === null) return;
    this.#subscriptionBytes += w.base + w.pos - this.#startOffset;
    const counted = this.#awaited !== UNKNOWN;
    if (counted ? --this.#awaited > 0 : last === false) return;
    this.#subscription = null;
    if (x.outcome === IN_FLIGHT) x.responseBytes = this.#subscriptionBytes;
    if (counted || last === true) {
      this.#out.finish(x, w);
      this.#passSilent();
      return;
    }
    // How many more are to come cannot be said.
    this.#out.truncate(x);
    this.#out.responsesLost();
  }

  /** Joined midway, an array of words that make a command: the sender may be the client after all. */
  #doubt(w: Window): number {
    if (this.#out.expected(IN_ORDER) === null) return -1;
    const judged = REQUEST.read(w);
    if (judged === TOO_SHORT) return more(w, w.end - w.pos + 1);
    const c = REQUEST.command;
    if (judged === NOT_A_START || c === null || !c.takes(REQUEST.count)) return -1;
    this.#breakOff();
    if (c.kind === REPLCONF) this.#session.feed = FEED; // a replica that reports to its master
    this.#out.responsesLost();
    return -1;
  }
}

/** A bulk error's header and first word. */
const MAX_ERROR_HEAD = 64;
const SHUTDOWN_WORD = 'SHUTDOWN';
const CAPITAL_O = 79;

/** Index of the first byte of the error at `w.pos`. */
function errorText(w: Window): number {
  if (w.buf[w.pos] === MINUS) return w.pos + 1;
  readLength(w, w.pos);
  return lengthEnd();
}

function more(w: Window, bytes: number): number {
  w.want = bytes;
  return MORE;
}

function undecided(w: Window): number {
  w.want = w.end - w.pos + 1;
  return UNDECIDED;
}

function specialWord(buf: Buffer, from: number, length: number): number {
  const word = buf.toString('latin1', from, from + length);
  const nth = ACKNOWLEDGEMENTS.indexOf(word);
  if (nth >= 0) return nth;
  return MESSAGES.includes(word) ? MESSAGE : NOTHING_SPECIAL;
}

/** MONITOR: `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`. No other status begins with a time. */
function isFeedLine(buf: Uint8Array, from: number, end: number): boolean {
  let i = from;
  while (i < end && isDigit(buf[i]!)) i++;
  if (i - from < 9 || buf[i] !== 46) return false;
  i++;
  while (i < end && isDigit(buf[i]!)) i++;
  return i + 1 < end && buf[i] === 32 && buf[i + 1] === 91;
}

const beginsFeed = (x: Exchange): boolean =>
  x.operation === 'PSYNC' || x.operation === 'SYNC' || x.target === 'CLUSTER SYNCSLOTS';
