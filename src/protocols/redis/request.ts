import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { maskingOf } from '../../exchange/masking.ts';
import { BARE, type Exchanges, FULL, IN_ORDER, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import {
  CLIENT_REPLY,
  type Command,
  EXEC,
  findCommand,
  findSubcommand,
  MAX_WORD,
  MULTI,
  PROCEDURE,
  REPLCONF,
  RESET,
  SELECT,
  SUBSCRIPTION,
  SYNC,
  XREAD,
} from './commands.ts';
import { headEnd, MAX_PROCEDURE } from './request-head.ts';
import {
  ANSWERING,
  DOUBTFUL,
  databaseName,
  FEED,
  FEED_ASKED,
  NO_FEED,
  RedisDetail,
  type Session,
  SILENT,
} from './session.ts';
import { countWords, inlineArgumentEnd, inlineWordEnd, isQuote, MAX_NAME, MAX_WORDS, wordStart } from './start.ts';
import { Statement } from './statement.ts';
import { CR, CUT, DOLLAR, isDigit, isLetter, isText, LF, lengthEnd, readLength, STAR } from './syntax.ts';

/** An inline command longer than this is known by its start. Servers refuse lines beyond 64 KiB. */
export const MAX_INLINE = 2048;
/** What is kept of an unknown command's name. */
const MAX_UNKNOWN = 32;
/** Longest bulk string that is believed: far beyond what `proto-max-bulk-len` is ever set to. */
const MAX_BULK = 2 ** 40;
const PROCEDURES = new Words();

const START = 0;
/** Behind the command's name. */
const ARGUMENTS = 1;
/** In an inline command that is longer than its bound. */
const LINE_REST = 2;
/** Behind SYNC or PSYNC: nothing is a request unless it is refused. */
const REPLICA = 3;

/** Requests: arrays of bulk strings, or lines. Arguments pass by unseen but for the few that tell something. */
export class RequestReader {
  readonly #out: Exchanges;
  readonly #session: Session;
  readonly #statement = new Statement();
  #phase = START;
  #exchange: Exchange | null = null;
  #command: Command | null = null;
  /** Words of the command, its name included, and the next one to come. */
  #count = 0;
  #index = 0;
  #startOffset = 0;
  /** The text is wanted, and something of it may be shown. */
  #showing = false;
  /** CLIENT REPLY: what for, in capitals; XREAD: `STREAMS` when the options are through. */
  #option = '';
  /** The last command was an inline one. */
  inline = false;

  constructor(out: Exchanges, session: Session) {
    this.#out = out;
    this.#session = session;
  }

  /** Bytes are missing: the command that was being read is not followed to its end. */
  forget(): void {
    const x = this.#exchange;
    const silent = this.#session.replies === SILENT || this.#session.skipNext;
    if (x !== null && silent && isWaiting(x)) this.#out.oneWay(x);
    this.#phase = this.#session.feed === NO_FEED ? START : REPLICA;
    this.#exchange = null;
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
    this.#begin(w, word, word + seen, word + seen, count);
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
    while (this.#index < this.#count) {
      const at = w.pos;
      if (at >= w.end) return more(w, 1);
      if (buf[at] !== DOLLAR) return LOST;
      const length = readLength(w, at);
      if (length === CUT) return more(w, w.end - at + 1);
      if (length < 0 || length > MAX_BULK) return LOST;
      const from = lengthEnd();
      const have = Math.min(length, this.#looks());
      if (w.end - from < have) return more(w, from - at + have);
      this.#argument(buf, from, have, length);
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
    this.#begin(w, pos, wordEnd, to, countWords(buf, pos, to));
    for (let i = wordEnd; this.#index < this.#count; ) {
      const from = wordStart(buf, i, to);
      i = inlineArgumentEnd(buf, from, to);
      const quotes = i - from >= 2 && isQuote(buf[from]!) && buf[i - 1] === buf[from] ? 1 : 0;
      const length = i - from - 2 * quotes;
      this.#argument(buf, from + quotes, Math.min(length, this.#looks()), length);
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

  #feed(w: Window): number {
    if (this.#session.feed === FEED) {
      w.want = Number.POSITIVE_INFINITY;
      return SKIP;
    }
    w.pos = w.end;
    return more(w, 1);
  }

  /** The name stands at `buf[from, to)`; every observer sees `buf[w.pos, identityTo)` as one. */
  #begin(w: Window, from: number, to: number, identityTo: number, count: number): void {
    const { buf, pos } = w;
    const command = findCommand(buf, from, to);
    this.#command = command;
    this.#count = count;
    this.#index = 1;
    this.#option = '';
    this.#showing = false;
    this.#startOffset = w.base + pos;
    const session = this.#session;
    // Whether a SELECT in flight succeeds is not known yet; what is answered learns then where it was done.
    const certain = this.#out.expected(IN_ORDER) === null;
    const x = session.replies === DOUBTFUL ? null : this.#out.begin(IN_ORDER, w, pos, identityTo);
    this.#exchange = x;
    if (x === null) return;
    const { detail } = this.#out;
    if (command !== null) x.operation = command.word;
    else
      x.operation =
        detail === BARE
          ? '_OTHER'
          : buf.toString('latin1', from, Math.min(to, from + MAX_UNKNOWN)).toUpperCase() || '_OTHER';
    x.target = x.operation;
    if (certain) x.namespace = databaseName(session.database);
    if (command !== null) this.#know(x, command);
    if (detail === FULL) {
      const masking = maskingOf(x);
      this.#showing = command !== null && !(masking.keys && masking.literals);
      this.#statement.begin(x.operation, count, this.#out.maxStatementBytes, masking);
    }
  }

  /** What the command itself says of the exchange. */
  #know(x: Exchange, command: Command): void {
    x.target = command.name;
    x.waits = command.waits;
    if (command.kind === SELECT || command.kind === SUBSCRIPTION) {
      const d = new RedisDetail();
      d.lostSelects = this.#session.lostSelects;
      if (this.#count > 1) d.channels = this.#count - 1;
      x.detail = d;
    }
  }

  /** How many bytes of the next argument have to be seen. */
  #looks(): number {
    const command = this.#command;
    if (command === null) return 0;
    const index = this.#index;
    let n = 0;
    if (index === 1) {
      if (command.subcommands !== null) n = MAX_WORD;
      else if (command.kind === PROCEDURE) n = MAX_PROCEDURE;
      else if (command.kind === SELECT || command.kind === REPLCONF) n = MAX_WORD;
    }
    if (command.kind === XREAD || (command.kind === CLIENT_REPLY && index === 2)) n = MAX_WORD;
    return this.#showing ? Math.max(n, this.#statement.shows(command, index)) : n;
  }

  /** `buf[from, from + have)` is the beginning of the next argument, of `length` bytes. */
  #argument(buf: Buffer, from: number, have: number, length: number): void {
    const index = this.#index++;
    const command = this.#command;
    if (command === null) return;
    const to = from + have;
    if (have === length && have > 0 && have <= MAX_PROCEDURE) this.#word(command, index, buf, from, to);
    if (!this.#showing || this.#command !== command) return; // a subcommand belongs to the name
    const shown = Math.min(have, this.#statement.shows(command, index));
    if (shown > 0 || (length === 0 && this.#statement.shows(command, index) > 0)) {
      this.#statement.show(buf, from, shown, length);
    } else this.#statement.hide(1, length);
  }

  /** A whole short argument: some commands say there what they are. */
  #word(command: Command, index: number, buf: Buffer, from: number, to: number): void {
    const x = this.#exchange;
    if (index === 1 && command.subcommands !== null) {
      const sub = findSubcommand(command, buf, from, to);
      if (sub === null) return;
      this.#command = sub;
      if (x === null) return;
      this.#know(x, sub);
      if (this.#out.detail === FULL) {
        this.#statement.begin(sub.name, this.#count, this.#out.maxStatementBytes, maskingOf(x));
      }
    } else if (command.kind === SELECT && index === 1) {
      const database = toIndex(buf, from, to);
      if (x === null || database < 0) return;
      (x.detail as RedisDetail).database = database;
      x.namespace = databaseName(database);
    } else if (command.kind === PROCEDURE && index === 1) {
      if (x !== null && this.#out.detail !== BARE) x.target = `${command.name} ${PROCEDURES.text(buf, from, to)}`;
    } else if (command.kind === XREAD && this.#option === '') {
      const option = buf.toString('latin1', from, to).toUpperCase();
      if (option === 'STREAMS') this.#option = option;
      else if (option === 'BLOCK' && x !== null) x.waits = true;
    } else if ((command.kind === CLIENT_REPLY && index === 2) || (command.kind === REPLCONF && index === 1)) {
      this.#option = buf.toString('latin1', from, to).toUpperCase();
    }
  }

  /** The command ends in front of `w.pos`. */
  #finish(w: Window): void {
    const x = this.#exchange;
    const session = this.#session;
    const command = this.#command;
    this.#phase = START;
    this.#exchange = null;
    const skipped = session.skipNext;
    session.skipNext = false;
    const silent = skipped || session.replies === SILENT;
    const answered = command === null ? !silent : this.#changes(command, silent, skipped);
    const followed = x !== null && x.outcome === IN_FLIGHT;
    if (command !== null && command.kind === SELECT && !(followed && answered)) session.forgetDatabase();
    if (!followed) return;
    x.requestEndNs = w.timeBefore();
    x.requestBytes = w.base + w.pos - this.#startOffset;
    x.requestHeadEnd = w.seqAt(w.pos);
    if (!answered) x.detail ??= new RedisDetail();
    this.#settle(x);
    if (!answered && isWaiting(x)) this.#silence(x);
  }

  /** Nothing answers the command; it is told behind those that were asked before it. */
  #silence(x: Exchange): void {
    if (this.#out.expected(IN_ORDER) !== x && x.detail instanceof RedisDetail) x.detail.silent = true;
    else this.#out.oneWay(x);
  }

  #settle(x: Exchange): void {
    if (this.#out.detail !== FULL) {
      this.#out.asked(x, 0);
      return;
    }
    const s = this.#statement;
    if (!this.#showing) {
      const named = this.#command !== null && this.#command.name !== this.#command.word ? 2 : 1;
      s.hide(this.#count - named, x.requestBytes);
    }
    x.statement = s.text;
    x.statementCut = s.cut;
    this.#out.asked(x, 2 * s.text.length + (x.detail === null ? 0 : DETAIL_BYTES));
  }

  /** What the command does to the connection; whether it is answered. `skipped`: it follows CLIENT REPLY SKIP. */
  #changes(command: Command, silent: boolean, skipped: boolean): boolean {
    const session = this.#session;
    switch (command.kind) {
      case CLIENT_REPLY:
        return session.turn(this.#count === 3 ? this.#option : '', silent);
      case RESET:
        session.replies = ANSWERING;
        session.transaction = false;
        return !skipped;
      case MULTI:
      case EXEC:
        session.transaction = command.kind === MULTI;
        return !silent;
      case SYNC:
        session.feed = FEED_ASKED;
        this.#phase = REPLICA;
        return true;
      case REPLCONF:
        if (this.#option !== 'ACK' && this.#option !== 'GETACK') return !silent;
        session.feed = FEED; // only ever said between a master and its replica
        this.#phase = REPLICA;
        return false;
      default:
        return !silent;
    }
  }
}

/** Neither given up nor being answered: a server that cannot read a request says so before its end. */
const isWaiting = (x: Exchange): boolean => x.outcome === IN_FLIGHT && Number.isNaN(x.firstByteNs);

/** A RedisDetail without its texts. */
const DETAIL_BYTES = 64;

function more(w: Window, bytes: number): number {
  w.want = bytes;
  return MORE;
}

/** The index of a database; UNKNOWN when it is none. */
function toIndex(buf: Uint8Array, from: number, to: number): number {
  if (to - from > 5) return -1;
  let n = 0;
  for (let i = from; i < to; i++) {
    if (!isDigit(buf[i]!)) return -1;
    n = n * 10 + (buf[i]! - 48);
  }
  return n;
}
