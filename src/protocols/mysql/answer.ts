import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { LOST, MORE, type Window } from '../protocol.ts';
import { CURSOR_EXISTS, MORE_RESULTS_EXIST } from './capabilities.ts';
import {
  type Answer,
  AUTHENTICATION,
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
import { EOF_LENGTH, ERROR_HEAD, MAX_OK, Outcome, PROGRESS, readOk, sqlState } from './outcome.ts';
import { HEADER, u16, u32 } from './packet.ts';
import { NO, type Session, UNKNOWN, YES } from './session.ts';
import { columnsOf, METADATA } from './starts.ts';

/** What the next packet is. From RESULT on its sequence number follows from the one before. */
/** Anything that a plugin of authentication says, until OK or ERR. */
const PLUGIN = 1;
/** The word on a file that the client has sent. */
const FILE = 2;
/** None: the answer has ended in front of it. */
const ENDED = 3;
/** The first of a result. */
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

/** Instead of a step: the packet is to be passed by; it is to be looked at again. */
export const PASS = -1;
export const AGAIN = -2;

const OUTCOME = new Outcome();

/** Reads the packets of one answer, from its first to its last. */
export class AnswerReader {
  /** Whose answer it is; null between answers. */
  exchange: Exchange | null = null;
  readonly #s: Session;
  #phase = ENDED;
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

  constructor(session: Session) {
    this.#s = session;
  }

  /** The next packet's number follows from that of the one before. */
  get numbered(): boolean {
    return this.#phase >= RESULT;
  }

  get inRows(): boolean {
    return this.#phase === ROW;
  }

  /** Everything in front of `w.pos` has been read: the answer is complete. */
  ends(w: Window): boolean {
    if (this.#phase === BEHIND_PREPARED && this.#preparedEnds(w)) this.#phase = ENDED;
    return this.#phase === ENDED;
  }

  /** `x` is answered by what begins at `w.pos`, with a packet of `length` bytes. */
  begin(x: Exchange, answer: Answer, w: Window, length: number): number {
    this.exchange = x;
    this.#answer = answer;
    this.#failed = false;
    this.#startOffset = w.base + w.pos;
    this.#rows = -1;
    this.#results = 0;
    this.#phase = RESULT;
    if (x.outcome === IN_FLIGHT) {
      x.status = UNTOLD;
      // What was asked before has been answered by now.
      if (answer !== AUTHENTICATION) x.namespace = this.#s.namespace;
    }
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

  /** The next packet, of `length` bytes, begins at `w.pos`, the first of them is here. */
  packet(w: Window, length: number): number {
    const first = w.buf[w.pos + HEADER]!;
    switch (this.#phase) {
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

  /** Passes by the rows that are here whole: 0xfe and 0xff begin what ends them. From and to the number of the next packet. */
  wholeRows(w: Window, next: number): number {
    const { buf, view, end } = w;
    const numbered = this.#s.compressed !== YES;
    let pos = w.pos;
    let number = next;
    let rows = 0;
    while (end - pos > HEADER) {
      const word = view.getUint32(pos, true);
      const length = word & MAX_PACKET;
      const behind = pos + HEADER + length;
      if (behind > end || buf[pos + HEADER]! >= 0xfe || length === MAX_PACKET) break;
      if (numbered && word >>> 24 !== number) break;
      number = ((word >>> 24) + 1) & 255;
      pos = behind;
      rows++;
    }
    this.#rows += rows;
    w.pos = pos;
    return number;
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
    const x = this.exchange!;
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
    let to = at + Math.min(length, failed ? ERROR_HEAD : MAX_OK);
    if (w.end < to) {
      w.want = to - w.pos;
      if (w.lacking === 0) return MORE;
      to = w.end; // what else it says was not captured
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
    if (code === PROGRESS) return PASS;
    this.#failed = true;
    this.#phase = ENDED;
    const x = this.exchange!;
    if (x.outcome !== IN_FLIGHT) return PASS;
    x.status = code;
    x.failed = true;
    const d = x.detail as MysqlDetail | null;
    if (d !== null) d.sqlState = sqlState(buf, at, to);
    return PASS;
  }

  /** The answer ended in front of `w.pos`. True: what follows is read in another way. */
  finish(w: Window): boolean {
    const s = this.#s;
    const x = this.exchange!;
    this.exchange = null;
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
