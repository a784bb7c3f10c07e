import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { IN_ORDER, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { CURSOR_EXISTS, MORE_RESULTS_EXIST } from './capabilities.ts';
import {
  type Answer,
  AUTHENTICATION,
  answerTo,
  FIELDS,
  LOGIN,
  MAX_PACKET,
  NOTHING,
  PREPARED,
  RESULTS,
  ROWS_ONLY,
  STREAM,
  TEXT,
} from './commands.ts';
import { type MysqlDetail, UNTOLD } from './exchange-detail.ts';
import { GREETING_HEAD, Greeting, MAX_GREETING, PROTOCOL_VERSION, readGreeting } from './handshake.ts';
import { EOF_LENGTH, ERROR_HEAD, MAX_OK, Outcome, PROGRESS, readOk, sqlState } from './outcome.ts';
import { HEADER, u16, u32 } from './packet.ts';
import { NO, type Session, UNKNOWN, YES } from './session.ts';
import { answerStart, columnsOf, greetingVerdict, METADATA, NONE, SHORT, type Start, WEAK } from './starts.ts';

/** What the packet at `w.pos` is. From RESULT on its sequence number follows from the one before (inside compressed packets it need not). */
/** The first of an answer. */
const START = 0;
/** Anything that a plugin of authentication says, until OK or ERR. */
const PLUGIN = 1;
/** The word on a file that the client has sent. */
const FILE = 2;
/** None: the answer has ended in front of it. */
const ENDED = 3;
/** The first of a further result. */
const RESULT = 4;
const COLUMN = 5;
/** An EOF behind the definitions of columns; both ends may have agreed to do without, then a row or the end. */
const BEHIND_COLUMNS = 6;
const ROW = 7;
/** A definition, or the end of them: COM_FIELD_LIST. */
const FIELD = 8;
/** The definition of a prepared statement's parameter, of its column, and EOF, if there are any. */
const PARAMETER = 9;
const BEHIND_PARAMETERS = 10;
const PREPARED_COLUMN = 11;
const BEHIND_PREPARED = 12;

/** Instead of a step: the packet is to be passed by; look again with the new phase. */
const PASS = -1;
const AGAIN = -2;

const OUTCOME = new Outcome();
const GREETING = new Greeting();

/** The server's direction: the greeting, and the answers to commands. */
export class Responses {
  readonly #s: Session;
  #phase = START;
  /** The exchange whose answer is being read. */
  #x: Exchange | null = null;
  #answer: Answer = NOTHING;
  #failed = false;
  #startOffset = 0;
  /** Definitions that are still to come. */
  #left = 0;
  #preparedColumns = 0;
  /** Rows so far; -1: no result set. */
  #rows = -1;
  /** Results that ended well. */
  #results = 0;
  /** Sequence number behind the last packet's; -1: not known. */
  #next = -1;
  /** The packet before had the greatest length: this one continues it. */
  #continued = false;
  /** Since the last answer's end packets came that belong to nothing known, or bytes were lost. */
  #astray = false;

  constructor(session: Session) {
    this.#s = session;
  }

  /** -1: behind `w.pos` packets travel inside compressed ones. */
  read(w: Window): Step | -1 {
    for (;;) {
      if (this.#phase === BEHIND_PREPARED && !this.#continued && this.#preparedEnds(w)) this.#phase = ENDED;
      if (this.#phase === ENDED && !this.#continued && this.#finish(w)) return -1;
      if (this.#s.streaming) {
        w.want = Number.POSITIVE_INFINITY;
        return SKIP;
      }
      if (this.#phase === ROW && !this.#continued) this.#wholeRows(w);
      if (w.end - w.pos < HEADER) {
        w.want = HEADER;
        return MORE;
      }
      const word = w.view.getUint32(w.pos, true);
      const length = word & MAX_PACKET;
      const sequence = word >>> 24;
      if (this.#continued) this.#continued = length === MAX_PACKET;
      else {
        if (w.end - w.pos === HEADER && length > 0) {
          w.want = HEADER + 1;
          return MORE;
        }
        if (this.#phase >= RESULT && sequence !== this.#next && this.#s.compressed !== YES) return LOST;
        const step = length === 0 ? PASS : this.#packet(w, length, sequence);
        if (step === AGAIN) continue;
        if (step !== PASS) return step as Step;
        this.#continued = length === MAX_PACKET;
      }
      this.#next = (sequence + 1) & 255;
      if (w.end - w.pos < HEADER + length) {
        w.want = HEADER + length;
        return SKIP;
      }
      w.pos += HEADER + length;
    }
  }

  resync(w: Window): boolean {
    const { buf, pos, end } = w;
    const start = end - pos >= HEADER && buf[pos + 3] === 0 ? greetingVerdict(buf, pos, end) : this.#credible(w);
    if (start >= WEAK) return true;
    if (start === NONE || end - pos >= MAX_OK) w.pos = end;
    return false;
  }

  /** The answer that is expected next begins at `w.pos`. */
  #credible(w: Window): Start {
    const x = this.#s.out.expected(IN_ORDER);
    if (w.end - w.pos <= HEADER) return SHORT;
    if (x === null || (w.buf[w.pos + 3] !== firstNumber(x) && this.#s.compressed !== YES)) return NONE;
    return answerStart(answerTo(x.operation), w.buf, w.pos, w.end);
  }

  gap(): void {
    const { out } = this.#s;
    if (this.#x !== null) out.truncate(this.#x);
    this.#x = null;
    this.#phase = START;
    this.#continued = false;
    this.#next = -1;
    this.#astray = true;
    this.#s.answersLost();
    out.responsesLost();
  }

  /** Passes by the rows that are here whole: 0xfe and 0xff begin what ends them. */
  #wholeRows(w: Window): void {
    const { buf, view, end } = w;
    const numbered = this.#s.compressed !== YES;
    let pos = w.pos;
    let next = this.#next;
    let rows = 0;
    while (end - pos > HEADER) {
      const word = view.getUint32(pos, true);
      const length = word & MAX_PACKET;
      const behind = pos + HEADER + length;
      if (behind > end || buf[pos + HEADER]! >= 0xfe || length === MAX_PACKET) break;
      if (numbered && word >>> 24 !== next) break;
      next = ((word >>> 24) + 1) & 255;
      pos = behind;
      rows++;
    }
    this.#rows += rows;
    this.#next = next;
    w.pos = pos;
  }

  /** A packet of `length` bytes begins at `w.pos`, the first of them is here. */
  #packet(w: Window, length: number, sequence: number): number {
    const first = w.buf[w.pos + HEADER]!;
    switch (this.#phase) {
      case START:
        return this.#start(w, length, sequence);
      case PLUGIN:
        return first === 0 || first === 0xff ? this.#end(w, length) : PASS;
      case COLUMN:
        if (--this.#left === 0) this.#phase = BEHIND_COLUMNS;
        return PASS;
      case BEHIND_COLUMNS:
        return this.#behindColumns(w, length, first);
      case ROW:
        if (first >= 0xfe && length < MAX_PACKET) return this.#end(w, length);
        this.#rows++;
        return PASS;
      case FIELD:
        return first >= 0xfe ? this.#end(w, length) : PASS;
      case PARAMETER:
        if (--this.#left === 0) this.#phase = this.#preparedColumns > 0 ? BEHIND_PARAMETERS : BEHIND_PREPARED;
        return PASS;
      case BEHIND_PARAMETERS:
        return this.#behindParameters(length, first);
      case PREPARED_COLUMN:
        if (--this.#left === 0) this.#phase = BEHIND_PREPARED;
        return PASS;
      case BEHIND_PREPARED:
        this.#phase = ENDED;
        this.#s.withoutEof = first === 0xfe ? NO : YES;
        return first === 0xfe ? PASS : AGAIN;
      default:
        return this.#result(w, length);
    }
  }

  #start(w: Window, length: number, sequence: number): number {
    const s = this.#s;
    const first = w.buf[w.pos + HEADER]!;
    if (sequence === 0 && first === PROTOCOL_VERSION && length <= MAX_GREETING) return this.#greeting(w, length);
    if (sequence === 0) return this.#pass();
    const x = s.out.expected(IN_ORDER);
    if (this.#continues(sequence, x)) {
      if (first === 0xfe && length === EOF_LENGTH && sequence === this.#next) s.withoutEof = NO;
      return this.#pass();
    }
    const answer = x === null ? NOTHING : answerTo(x.operation);
    if (answer === NOTHING) {
      s.out.answer(IN_ORDER, w, w.pos); // which tells that something was asked unseen
      return this.#pass();
    }
    const head = HEADER + Math.min(length, MAX_OK);
    if (w.end - w.pos < head) {
      w.want = head;
      return MORE;
    }
    if (answerStart(answer, w.buf, w.pos, w.end) < WEAK) return LOST;
    const taken = s.out.answer(IN_ORDER, w, w.pos);
    if (taken === null) return this.#pass();
    this.#astray = false;
    this.#x = taken;
    this.#answer = answer;
    this.#failed = false;
    this.#startOffset = w.base + w.pos;
    this.#rows = -1;
    this.#results = 0;
    // What was asked before has been answered by now.
    if (taken.outcome === IN_FLIGHT) {
      taken.status = UNTOLD;
      if (answer !== AUTHENTICATION) taken.namespace = s.namespace;
    }
    return this.#first(w, length);
  }

  /** The packet goes on with what is not read. Behind a loss only the right number can be the first of an answer. */
  #continues(sequence: number, x: Exchange | null): boolean {
    const first = x === null ? 1 : firstNumber(x);
    return sequence === first && !this.#astray
      ? false
      : sequence === this.#next || (this.#astray && sequence !== first);
  }

  #pass(): number {
    this.#astray = true;
    return PASS;
  }

  /** The first packet of an answer. */
  #first(w: Window, length: number): number {
    const first = w.buf[w.pos + HEADER]!;
    if (first === 0xff) return this.#end(w, length);
    switch (this.#answer) {
      case RESULTS:
        return this.#result(w, length);
      case PREPARED:
        return this.#prepared(w, length);
      case ROWS_ONLY:
        this.#rows = 0;
        this.#phase = ROW;
        this.#next = w.buf[w.pos + HEADER - 1]!;
        return AGAIN;
      case FIELDS:
        this.#phase = FIELD;
        return first === 0xfe ? this.#end(w, length) : PASS;
      case AUTHENTICATION:
        this.#phase = PLUGIN;
        return first === 0 ? this.#end(w, length) : PASS;
      case STREAM:
        this.#s.streaming = true;
        this.#phase = ENDED;
        return PASS;
      case TEXT:
        this.#phase = ENDED;
        return PASS;
      default:
        return this.#end(w, length);
    }
  }

  #greeting(w: Window, length: number): number {
    const bytes = Math.min(length, GREETING_HEAD);
    if (w.end - w.pos < HEADER + bytes) {
      w.want = HEADER + bytes;
      return MORE;
    }
    const at = w.pos + HEADER;
    if (readGreeting(w.buf, at, at + bytes, GREETING)) this.#s.greet(GREETING.system, GREETING.flags);
    return PASS;
  }

  /** A result begins: OK, ERR, LOCAL INFILE, or the number of columns. */
  #result(w: Window, length: number): number {
    const at = w.pos + HEADER;
    const first = w.buf[at]!;
    if (first === 0xff || (first === 0 && length >= EOF_LENGTH)) return this.#end(w, length);
    if (first === 0xfb) {
      this.#s.sendsFile = true;
      this.#phase = FILE;
      return PASS;
    }
    if (length > EOF_LENGTH) return LOST;
    if (w.end - at < length) {
      w.want = HEADER + length;
      return MORE;
    }
    this.#left = columnsOf(w.buf, at, w.end, length);
    if (this.#left <= 0) return LOST;
    this.#rows = Math.max(this.#rows, 0);
    this.#phase = METADATA.follows ? COLUMN : BEHIND_COLUMNS;
    return PASS;
  }

  #behindColumns(w: Window, length: number, first: number): number {
    this.#phase = ROW;
    if (first !== 0xfe || length > EOF_LENGTH) {
      if (first !== 0xff) this.#s.withoutEof = YES;
      return AGAIN;
    }
    this.#s.withoutEof = NO;
    if (w.end - w.pos < HEADER + length) {
      this.#phase = BEHIND_COLUMNS;
      w.want = HEADER + length;
      return MORE;
    }
    // With a cursor the rows come when they are fetched.
    const cursor = length === EOF_LENGTH && (u16(w.buf, w.pos + HEADER + 3) & CURSOR_EXISTS) !== 0;
    return cursor ? this.#end(w, length) : PASS;
  }

  /** 0x00, int<4> id, int<2> columns, int<2> parameters, a zero, int<2> warnings; with optional metadata whether it follows. */
  #prepared(w: Window, length: number): number {
    const { buf } = w;
    const s = this.#s;
    const x = this.#x!;
    const at = w.pos + HEADER;
    const id = u32(buf, at + 1);
    const parameters = u16(buf, at + 7);
    if (x.target === '' && x.statement === '') s.statements.delete(id);
    else {
      const kept = { text: x.statement, cut: x.statementCut, summary: x.target, parameters };
      s.statements.set(id, kept, 2 * (x.statement.length + x.target.length));
    }
    const described = length < 13 || buf[at + 12] !== 0;
    this.#preparedColumns = described ? u16(buf, at + 5) : 0;
    this.#left = described ? parameters : 0;
    if (this.#left > 0) this.#phase = PARAMETER;
    else this.#columnsOfPrepared();
    return PASS;
  }

  #columnsOfPrepared(): void {
    this.#left = this.#preparedColumns;
    this.#phase = this.#left > 0 ? PREPARED_COLUMN : ENDED;
  }

  #behindParameters(length: number, first: number): number {
    const eof = first === 0xfe && length === EOF_LENGTH;
    this.#s.withoutEof = eof ? NO : YES;
    this.#columnsOfPrepared();
    return eof ? PASS : AGAIN;
  }

  /** All definitions have passed; true: no EOF follows, as far as can be known. */
  #preparedEnds(w: Window): boolean {
    const known = this.#s.withoutEof;
    if (known !== UNKNOWN) return known === YES;
    // One that comes later than what is here is passed over when it comes.
    if (w.end - w.pos <= HEADER) return w.pos === w.end;
    return w.buf[w.pos + HEADER] !== 0xfe;
  }

  /** OK, EOF or ERR: the answer ends with the packet at `w.pos`, or another result follows. */
  #end(w: Window, length: number): number {
    const { buf } = w;
    const at = w.pos + HEADER;
    const failed = buf[at] === 0xff;
    const to = at + Math.min(length, failed ? ERROR_HEAD : MAX_OK);
    if (w.end < to) {
      w.want = to - w.pos;
      return MORE;
    }
    if (failed) return this.#error(buf, at, to);
    if (!readOk(buf, at, to, length, OUTCOME)) return LOST;
    if (OUTCOME.schema !== null) this.#s.chosen(OUTCOME.schema);
    this.#results++;
    this.#phase = this.#answer === RESULTS && (OUTCOME.flags & MORE_RESULTS_EXIST) !== 0 ? RESULT : ENDED;
    return PASS;
  }

  #error(buf: Buffer, at: number, to: number): number {
    const code = to - at < 3 ? 0 : u16(buf, at + 1);
    if (code === 0) return LOST;
    if (code === PROGRESS) {
      if (this.#phase === START) this.#phase = RESULT;
      return PASS;
    }
    this.#failed = true;
    this.#phase = ENDED;
    const x = this.#x!;
    if (x.outcome !== IN_FLIGHT) return PASS;
    x.status = code;
    x.failed = true;
    const d = x.detail as MysqlDetail | null;
    if (d !== null) d.sqlState = sqlState(buf, at, to);
    return PASS;
  }

  /** The answer ended in front of `w.pos`. True: what follows is read in another way. */
  #finish(w: Window): boolean {
    const s = this.#s;
    const x = this.#x!;
    this.#x = null;
    this.#phase = START;
    s.answered(x, !this.#failed, this.#results > 0);
    if (this.#answer === AUTHENTICATION) s.authenticating = false;
    const wasCompressed = s.compressed;
    if (x.operation === LOGIN && !this.#failed) s.loggedIn();
    if (x.outcome === IN_FLIGHT) {
      x.responseBytes = w.base + w.pos - this.#startOffset;
      if (!this.#failed) x.status = 0;
      const d = x.detail as MysqlDetail | null;
      if (d !== null) d.returnedRows = this.#rows;
    }
    s.out.finish(x, w);
    return s.compressed !== wasCompressed;
  }
}

/** Sequence number of the first packet that answers. */
const firstNumber = (x: Exchange): number => (x.operation === LOGIN ? 2 : 1);
