import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { traceparentOf, tracestateOf } from '../../exchange/sql/sql.ts';
import { FULL, IN_ORDER, LOST, MORE, SKIP, STOP, type Step, type Window } from '../protocol.ts';
import {
  answerTo,
  COM_CHANGE_USER,
  COM_CREATE_DB,
  COM_DROP_DB,
  COM_INIT_DB,
  COM_QUERY,
  COM_RESET_CONNECTION,
  COM_STMT_BULK_EXECUTE,
  COM_STMT_CLOSE,
  COM_STMT_EXECUTE,
  COM_STMT_FETCH,
  COM_STMT_PREPARE,
  COM_STMT_RESET,
  COM_STMT_SEND_LONG_DATA,
  type Command,
  commandOf,
  LOGIN,
  MAX_PACKET,
  NOTHING,
} from './commands.ts';
import { COUNTERS } from './counters.ts';
import { DETAIL_BYTES, MysqlDetail } from './exchange-detail.ts';
import { isCutLogin, LOGIN_HEAD, LOGIN_ZEROS, Login, loginStart, readChangeUser, readLogin } from './handshake.ts';
import { characterEnd, HEADER, u24, u32 } from './packet.ts';
import { LAST_PREPARED, NO, type Prepared, type Session, UNKNOWN, YES } from './session.ts';
import { commandStart, NONE, WEAK } from './starts.ts';
import { readStatement } from './statement.ts';
import { beginsWithAttributes, behindAttributes, bulkRows, MAX_ATTRIBUTE_BYTES } from './text.ts';

/** Bytes of commands without a statement that are looked at: names in COM_INIT_DB, the user and database of COM_CHANGE_USER. */
const SMALL_HEAD = 1024;
/** Bulk executions up to this length are counted row by row. */
const BULK_HEAD = 8192;
/** Bytes of a request that its identity is made of. */
const IDENTITY_BYTES = 64;

const WORDS = new Words();
const LOGIN_PARTS = new Login();

/** The client's direction: commands, each a packet with sequence number 0, and what plugins of authentication and LOCAL INFILE send. */
export class Requests {
  readonly #s: Session;
  /** The exchange whose request is passing by. */
  #open: Exchange | null = null;
  #passing = false;
  #startOffset = 0;
  /** The packet before had the greatest length: this one continues it. */
  #continued = false;
  /** Sequence number of the packet before. */
  #sequence = 0;

  constructor(session: Session) {
    this.#s = session;
  }

  read(w: Window): Step {
    for (;;) {
      this.settle(w);
      if (this.#s.streaming) {
        w.want = Number.POSITIVE_INFINITY;
        return SKIP;
      }
      if (w.end - w.pos < HEADER) {
        w.want = HEADER;
        return MORE;
      }
      const word = w.view.getUint32(w.pos, true);
      const length = word & MAX_PACKET;
      const sequence = word >>> 24;
      let step = -1;
      if (this.#continued) this.#continued = length === MAX_PACKET;
      else {
        step = this.#packet(w, length, sequence);
        if (step >= 0) return step as Step;
        this.#continued = length === MAX_PACKET;
      }
      this.#sequence = length === 0 ? 0 : sequence; // nothing goes on behind an empty packet
      const bytes = HEADER + length;
      if (w.end - w.pos < bytes) {
        w.want = bytes;
        return SKIP;
      }
      w.pos += bytes;
    }
  }

  /** What goes by has gone by if it is not continued: the request's end is in front of `w.pos`. */
  settle(w: Window): void {
    if (this.#passing && !this.#continued) this.#finish(w);
  }

  resync(w: Window): boolean {
    const { buf, pos, end } = w;
    if (end - pos >= HEADER && buf[pos + 3] === 1) {
      if (!loginStart(buf, pos + HEADER, end, u24(buf, pos))) w.pos = end;
      return w.pos < end && end - pos >= HEADER + LOGIN_ZEROS;
    }
    const start = commandStart(buf, pos, end);
    // While a command is being sent the server says nothing: all of it acknowledges the same.
    const last = Math.min(end, pos + HEADER + (end - pos < HEADER ? 0 : u24(buf, pos))) - 1;
    if (start === NONE || w.ackAt(pos) !== w.ackAt(last)) w.pos = end;
    else if (start >= WEAK) return true;
    else if (end - pos >= SMALL_HEAD) w.pos = end;
    return false;
  }

  gap(): void {
    const x = this.#open;
    // nobody answers it, and what answers a request that was missed must not be taken for that
    if (x !== null && x.outcome === IN_FLIGHT && answerTo(x.operation) === NOTHING) this.#s.out.oneWay(x);
    this.#open = null;
    this.#passing = false;
    this.#continued = false;
    this.#sequence = 0;
    this.#s.requestsLost();
    this.#s.out.requestsLost();
  }

  /** A packet that continues no other begins at `w.pos`. -1: it is to be passed by. */
  #packet(w: Window, length: number, sequence: number): number {
    const s = this.#s;
    if (s.sendsFile) {
      if (length === 0) s.sendsFile = false; // an empty packet ends the file
      return -1;
    }
    if (sequence === 0 && this.#sequence !== 255) return this.#command(w, length);
    if (sequence === 1 && !s.authenticating && (s.greeted || loginStart(w.buf, w.pos + HEADER, w.end, length)))
      return this.#login(w, length);
    return s.authenticating ? -1 : LOST;
  }

  #command(w: Window, length: number): number {
    const { buf } = w;
    if (w.end - w.pos <= HEADER) {
      w.want = HEADER + 1;
      return length === 0 ? LOST : MORE;
    }
    const at = w.pos + HEADER;
    const command = commandOf(buf[at]!);
    if (command === null || length < command.least || length > command.most) return LOST;
    let to = at + Math.min(length, this.#headBytes(command, length));
    if (to > w.end) {
      w.want = to - w.pos;
      if (!isReadableCut(command, w)) return MORE;
      to = w.end;
    }
    if (this.#s.compressed === UNKNOWN) this.#s.compressed = NO;
    this.#s.authenticating = command.code === COM_CHANGE_USER;
    const x = this.#begin(w, at, to, length, command.name);
    switch (command.code) {
      case COM_QUERY:
      case COM_STMT_PREPARE:
        this.#statement(x, w, command, to, length);
        break;
      case COM_STMT_EXECUTE:
      case COM_STMT_BULK_EXECUTE:
      case COM_STMT_SEND_LONG_DATA:
      case COM_STMT_CLOSE:
      case COM_STMT_RESET:
      case COM_STMT_FETCH:
        this.#ofStatement(x, w, command, to, length);
        break;
      case COM_INIT_DB:
      case COM_CREATE_DB:
      case COM_DROP_DB:
        this.#database(x, w, command, to);
        break;
      case COM_CHANGE_USER:
        if (!readChangeUser(buf, at, to, LOGIN_PARTS)) LOGIN_PARTS.database = '';
        this.#user(x);
        break;
      default:
        if (command.code === COM_RESET_CONNECTION) this.#s.forgetStatements();
        if (x !== null) this.#s.out.asked(x, detailBytes(x));
    }
    return -1;
  }

  #headBytes(command: Command, length: number): number {
    switch (command.code) {
      case COM_QUERY:
        return 1 + this.#s.out.maxStatementBytes + (this.#s.queryAttributes === NO ? 0 : MAX_ATTRIBUTE_BYTES);
      case COM_STMT_PREPARE:
        return 1 + this.#s.out.maxStatementBytes;
      case COM_STMT_BULK_EXECUTE:
        return length <= BULK_HEAD ? length : SMALL_HEAD;
      case COM_STMT_EXECUTE:
      case COM_STMT_SEND_LONG_DATA:
        return IDENTITY_BYTES;
      default:
        return SMALL_HEAD;
    }
  }

  /** A request begins at `w.pos`; its payload is `length` bytes from `at` on, of which those before `to` are looked at. */
  #begin(w: Window, at: number, to: number, length: number, operation: string): Exchange | null {
    const s = this.#s;
    this.#startOffset = w.base + w.pos;
    this.#passing = true;
    const x = s.out.begin(IN_ORDER, w, w.pos, Math.min(to, w.pos + IDENTITY_BYTES));
    this.#open = x;
    if (x === null) return null;
    x.operation = operation;
    x.version = s.system;
    x.namespace = s.namespace;
    // Inside compressed packets only those that are here have a number of their own.
    x.requestHeadEnd = w.seqAt(s.compressed === YES ? Math.min(at + length, w.end) : at + length);
    if (s.out.detail === FULL) x.detail = new MysqlDetail();
    return x;
  }

  #login(w: Window, length: number): number {
    const { buf } = w;
    const s = this.#s;
    const at = w.pos + HEADER;
    let to = at + Math.min(length, LOGIN_HEAD);
    if (length < 5) return LOST;
    const isCut = to > w.end;
    if (isCut) {
      w.want = to - w.pos;
      if (!isCutLogin(w.lacking, length, w.end - at)) return MORE;
      to = w.end;
    }
    const l = LOGIN_PARTS;
    if (!readLogin(buf, at, to, length, isCut, l)) return LOST;
    if (l.tls) {
      w.pos = at + length;
      return STOP;
    }
    s.login(l.flags);
    const x = this.#begin(w, at, to, length, LOGIN);
    this.#user(x);
    if (x === null) s.loginMissed();
    return -1;
  }

  /** LOGIN_PARTS says who logs in (anew). */
  #user(x: Exchange | null): void {
    const s = this.#s;
    const { user, database } = LOGIN_PARTS;
    s.switches(x, database);
    s.forgetStatements();
    if (x === null) return;
    x.namespace = database;
    const d = x.detail as MysqlDetail | null;
    if (d !== null) d.user = user;
    s.out.asked(x, detailBytes(x) + 2 * user.length);
  }

  #database(x: Exchange | null, w: Window, command: Command, to: number): void {
    const name = WORDS.text(w.buf, w.pos + HEADER + 1, to);
    if (command.code === COM_INIT_DB) this.#s.switches(x, name);
    else if (command.code === COM_DROP_DB && name === this.#s.namespace) this.#s.switches(x, '');
    if (x === null) return;
    x.target = name;
    this.#s.out.asked(x, detailBytes(x));
  }

  /** The text of a query or of a statement to prepare; the head ends at `to`, the packet has `length` bytes. */
  #statement(x: Exchange | null, w: Window, command: Command, to: number, length: number): void {
    const s = this.#s;
    const { buf } = w;
    const from = this.#textStart(w, command, to);
    const behind = w.pos + HEADER + length;
    let end = Math.min(to, from + s.out.maxStatementBytes);
    if (end < behind && from >= 0) end = characterEnd(buf, from, end);
    const cut = from < 0 ? length - 1 : behind - end;
    const text = from < 0 ? '' : WORDS.text(buf, from, end);
    const { summary, database, drops } = readStatement(text, cut > 0);
    if (command.code === COM_STMT_PREPARE) {
      const kept: Prepared = { text, cut, summary, parameters: 0 };
      s.statements.set(LAST_PREPARED, kept, 2 * (text.length + summary.length));
    } else if (database !== '') s.switches(x, database);
    else if (drops && s.namespace !== '' && summary.includes(s.namespace)) s.switches(x, '');
    if (x !== null) this.#describe(x, text, cut, summary);
  }

  #textStart(w: Window, command: Command, to: number): number {
    const from = w.pos + HEADER + 1;
    if (command.code !== COM_QUERY || this.#s.queryAttributes === NO) return from;
    if (this.#s.queryAttributes === YES || beginsWithAttributes(w.buf, from, to))
      return behindAttributes(w.buf, from, to);
    return from;
  }

  /** A command that names a statement by its id. */
  #ofStatement(x: Exchange | null, w: Window, command: Command, to: number, length: number): void {
    const s = this.#s;
    const at = w.pos + HEADER;
    const id = u32(w.buf, at + 1);
    const known = s.statements.get(id);
    if (command.code === COM_STMT_CLOSE) s.statements.delete(id);
    if (x === null) return;
    const d = x.detail as MysqlDetail | null;
    if (d !== null && command.code === COM_STMT_BULK_EXECUTE && to - at === length && known !== undefined)
      d.batchSize = bulkRows(w.buf, at, to, known.parameters);
    if (known === undefined) {
      COUNTERS.unknownStatements++;
      s.out.asked(x, detailBytes(x));
    } else this.#describe(x, known.text, known.cut, known.summary);
  }

  #describe(x: Exchange, text: string, cut: number, summary: string): void {
    const { out } = this.#s;
    x.target = summary;
    const d = x.detail as MysqlDetail | null;
    if (d !== null) {
      x.statement = text;
      x.statementCut = cut;
      if (text.includes('traceparent')) {
        d.traceparent = traceparentOf(text);
        if (d.traceparent !== '') d.tracestate = tracestateOf(text);
      }
    }
    out.asked(x, detailBytes(x) + 2 * x.statement.length);
  }

  /** The request has passed by. */
  #finish(w: Window): void {
    const x = this.#open;
    this.#passing = false;
    this.#open = null;
    if (x === null || x.outcome !== IN_FLIGHT) return;
    x.requestEndNs = w.timeBefore();
    x.requestBytes = w.base + w.pos - this.#startOffset;
    if (answerTo(x.operation) === NOTHING) this.#s.out.oneWay(x);
  }
}

const detailBytes = (x: Exchange): number => (x.detail === null ? 0 : DETAIL_BYTES) + 2 * x.target.length;

/** The rest of what is wanted of the command at `w.pos` was not captured, and what was says enough: (some of) a statement, or which one. */
function isReadableCut(command: Command, w: Window): boolean {
  if (w.lacking === 0) return false;
  const here = w.end - w.pos - HEADER;
  switch (command.code) {
    case COM_QUERY:
    case COM_STMT_PREPARE:
      return true;
    case COM_STMT_EXECUTE:
    case COM_STMT_BULK_EXECUTE:
    case COM_STMT_SEND_LONG_DATA:
      return here >= command.least;
    default:
      return false;
  }
}
