import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { maskingOf } from '../../exchange/masking.ts';
import { BARE, type Exchanges, FULL, IN_ORDER, type Window } from '../protocol.ts';
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
  SYNCSLOTS,
  XREAD,
} from './commands.ts';
import { MAX_PROCEDURE } from './request-head.ts';
import { ANSWERING, DOUBTFUL, databaseName, FEED, FEED_ASKED, RedisDetail, type Session, SILENT } from './session.ts';
import { Statement } from './statement.ts';
import { isDigit } from './syntax.ts';

/** What is kept of an unknown command's name. */
const MAX_UNKNOWN = 32;
const PROCEDURES = new Words();

/** The command that is being read: what its words say of the exchange, and what it does to the connection. */
export class Asking {
  readonly #out: Exchanges;
  readonly #session: Session;
  readonly #statement = new Statement();
  #exchange: Exchange | null = null;
  #command: Command | null = null;
  /** Words of the command, its name included, and the next one to come. */
  #count = 0;
  #index = 0;
  #startOffset = 0;
  /** The text is wanted, and something of it may be shown. */
  #showing = false;
  /** CLIENT REPLY, CLUSTER SYNCSLOTS: what for, in capitals; XREAD: `STREAMS` when the options are through. */
  #option = '';

  constructor(out: Exchanges, session: Session) {
    this.#out = out;
    this.#session = session;
  }

  /** More arguments are to come. */
  get goesOn(): boolean {
    return this.#index < this.#count;
  }

  /** Bytes are missing: the command is not followed to its end. */
  forget(): void {
    const x = this.#exchange;
    const silent = this.#session.replies === SILENT || this.#session.skipNext;
    if (x !== null && silent && isWaiting(x)) this.#out.oneWay(x);
    this.#exchange = null;
  }

  /** The name stands at `buf[from, to)`; every observer sees `buf[w.pos, identityTo)` as one. */
  begin(w: Window, from: number, to: number, identityTo: number, count: number): void {
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
  looks(): number {
    const command = this.#command;
    if (command === null) return 0;
    const index = this.#index;
    let n = 0;
    if (index === 1) {
      if (command.subcommands !== null) n = MAX_WORD;
      else if (command.kind === PROCEDURE) n = MAX_PROCEDURE;
      else if (command.kind === SELECT || command.kind === REPLCONF) n = MAX_WORD;
    }
    if (command.kind === XREAD || (saysWhatFor(command) && index === 2)) n = MAX_WORD;
    return this.#showing ? Math.max(n, this.#statement.shows(command, index)) : n;
  }

  /** `buf[from, from + have)` is the beginning of the next argument, of `length` bytes. */
  argument(buf: Buffer, from: number, have: number, length: number): void {
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
    } else if ((saysWhatFor(command) && index === 2) || (command.kind === REPLCONF && index === 1)) {
      this.#option = buf.toString('latin1', from, to).toUpperCase();
    }
  }

  /** The command ends in front of `w.pos`. */
  finish(w: Window): void {
    const x = this.#exchange;
    const session = this.#session;
    const command = this.#command;
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
        return true;
      case SYNCSLOTS:
        session.feed = this.#option === 'ESTABLISH' ? FEED_ASKED : FEED;
        return session.feed === FEED_ASKED;
      case REPLCONF:
        if (this.#option !== 'ACK' && this.#option !== 'GETACK') return !silent;
        session.feed = FEED; // only ever said between a master and its replica
        return false;
      default:
        return !silent;
    }
  }
}

/** Its third word does. */
const saysWhatFor = (c: Command): boolean => c.kind === CLIENT_REPLY || c.kind === SYNCSLOTS;

/** Neither given up nor being answered: a server that cannot read a request says so before its end. */
const isWaiting = (x: Exchange): boolean => x.outcome === IN_FLIGHT && Number.isNaN(x.firstByteNs);

/** A RedisDetail without its texts. */
const DETAIL_BYTES = 64;

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
