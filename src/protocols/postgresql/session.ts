import { type Exchange, IN_FLIGHT, UNSEEN } from '../../exchange/exchange.ts';
import type { SqlDialect } from '../../exchange/sql/sql.ts';
import { type Exchanges, IN_ORDER, type Window } from '../protocol.ts';
import { DETAIL_BYTES } from './exchange-detail.ts';
import { PARSE } from './messages.ts';
import { PENDING } from './sqlstate.ts';
import { type Statement, Statements } from './statements.ts';
import { ENDING, EXECUTING, PREPARING, UNKNOWN, Unit } from './unit.ts';

/** Bytes of a request that its identity is made of, at most. */
export const IDENTITY_BYTES = 64;

/** What both directions of a connection share: who was asked what, and who is being answered. */
export class Session {
  readonly out: Exchanges;
  readonly statements: Statements;
  /** Of the startup message; '' when that was not seen. */
  namespace = '';
  dialect: SqlDialect = 'postgresql';
  /** A request for encryption waits for its answer of one byte. */
  negotiating = false;
  /** Replication: both sides stream, nothing is asked any more. */
  letGo = false;
  /** Being answered. */
  answering: Unit | null = null;
  /** Waits for the client's COPY data. */
  copyIn: Unit | null = null;
  /** The last unit of the extended protocol: a Sync that comes now is its own. */
  last: Unit | null = null;
  /** Nothing was asked since the last Sync that was not seen. */
  certain = false;
  /** A ReadyForQuery came since the client's bytes were missed, and its end: who has received it begins anew. */
  #isReady = false;
  #readyEnd = 0;
  /** No ReadyForQuery came since the server's bytes were missed: what answers nobody may be the rest of a response. */
  #inRest = true;
  /** What answers nobody. */
  readonly #nobody = new Unit(null, UNKNOWN, 0, 0);
  /** Asked and not answered yet, oldest first, from `#head` on. Those followed are as many as the pairing allows; Syncs alone are put together. */
  readonly #queue: Unit[] = [];
  #head = 0;

  constructor(out: Exchanges) {
    this.out = out;
    this.statements = new Statements(out.table<Statement>(), out.table<Statement | null>());
  }

  get first(): Unit | null {
    return this.#head < this.#queue.length ? this.#queue[this.#head]! : null;
  }

  shift(): void {
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** A unit begins with the message of `total` bytes at `w.pos`. */
  begin(kind: number, operation: string, w: Window, total: number): Unit {
    const { pos } = w;
    const headEnd = w.seqAt(pos + total);
    this.certain ||= this.#isReady && ((w.ackAt(pos) - this.#readyEnd) | 0) >= 0;
    // What comes behind lost bytes may go on with what was asked: surely if something waits for its answer, and Parse alone always begins.
    const waits = this.answering !== null || this.first !== null;
    const isRest = !this.certain && kind === PREPARING && (waits || w.buf[pos] !== PARSE);
    const to = Math.min(w.end, pos + Math.min(total, IDENTITY_BYTES));
    const x = isRest ? null : this.out.begin(IN_ORDER, w, pos, to, this.#isMidGroup());
    const u = new Unit(x, kind, w.base + pos, headEnd);
    u.doubtful = !this.certain;
    if (x === null) return u;
    x.operation = operation;
    x.namespace = this.namespace;
    x.requestHeadEnd = headEnd;
    this.#queue.push(u);
    return u;
  }

  /** No Sync has come behind the last unit of the extended protocol: the client goes on before it waits. */
  #isMidGroup(): boolean {
    const last = this.#head < this.#queue.length ? this.#queue[this.#queue.length - 1]! : null;
    return last !== null && last.syncs === 0 && (last.kind === PREPARING || last.kind === EXECUTING);
  }

  /** All of the unit's request is known that will be, in texts of so many characters besides its target. */
  asked(u: Unit, characters: number): void {
    const x = u.x!;
    this.out.asked(x, 2 * (characters + x.target.length) + (x.detail === null ? 0 : DETAIL_BYTES));
  }

  /** A Sync that belongs to no unit: a ReadyForQuery will answer it. */
  syncAlone(w: Window): void {
    const last = this.#queue.at(-1);
    if (this.#head < this.#queue.length && last!.kind === ENDING && last!.x === null) {
      last!.syncs++;
      return;
    }
    const u = new Unit(null, ENDING, w.base + w.pos, w.seqAt(w.pos + 5));
    u.syncs = 1;
    this.#queue.push(u);
  }

  /** A response begins at `w.pos`: whose is it? */
  answer(w: Window): Unit {
    const u = this.#whose(w);
    u.responseFrom = w.base + w.pos;
    this.answering = u;
    return u;
  }

  #whose(w: Window): Unit {
    const { out } = this;
    for (let u = this.first; u !== null; u = this.first) {
      if (u.x === null) {
        if (u.syncs > 1) {
          u.syncs--;
          const one = new Unit(null, ENDING, u.requestFrom, u.headEnd);
          one.syncs = 1;
          return one;
        }
        this.shift();
        return u;
      }
      if (u.x !== out.expected(IN_ORDER)) {
        this.shift(); // pairing has given it up
        this.#drop(u);
        continue;
      }
      if (u.broken) {
        this.responsesLost();
        return this.#nobody;
      }
      const x = out.answer(IN_ORDER, w, w.pos);
      if (x === null) return this.#nobody;
      this.shift();
      u.x = x;
      if (x.outcome === IN_FLIGHT) x.status = PENDING;
      return u;
    }
    if (!this.#inRest) out.answer(IN_ORDER, w, w.pos); // it is for pairing to say what a response without a request means
    return this.#nobody;
  }

  /** The ReadyForQuery of 6 bytes stands at `w.pos`: what comes next is a response's beginning. */
  ready(w: Window): void {
    this.#inRest = false;
    this.#isReady = true;
    this.#readyEnd = w.seqAt(w.pos + 6);
  }

  /** The response that is being read ends in front of `w.pos`. */
  finish(u: Unit, w: Window): void {
    this.answering = null;
    u.done = true;
    const { x } = u;
    if (x === null) return;
    if (x.outcome === IN_FLIGHT) x.responseBytes = w.base + w.pos - u.responseFrom;
    this.out.finish(x, w);
  }

  /**
   * An error ended the unit: the server passed over everything up to the next Sync, which the ReadyForQuery in front of `w.pos`
   * answers. False: that Sync was not seen.
   */
  passOver(failed: Unit): boolean {
    if (failed.syncs > 0) return true;
    for (let u = this.first; u !== null && !u.open; u = this.first) {
      if (u.x === null && u.syncs > 1) {
        u.syncs--;
        return true;
      }
      this.shift();
      const { x } = u;
      const synced = u.syncs > 0;
      this.#undo(u);
      u.done = true;
      if (x !== null && x === this.out.expected(IN_ORDER)) {
        if (x.outcome === IN_FLIGHT) x.failed = true;
        this.out.unanswered(x);
      }
      if (synced) return true;
    }
    return false;
  }

  /** What is answered cannot be what was thought to be asked: nothing of what is under way can be believed. */
  distrust(): void {
    const { answering } = this;
    const x = answering === null ? null : answering.x;
    if (x !== null) retract(x);
    this.responsesLost();
    this.answering = this.#nobody;
  }

  /** Bytes of the server are missing, or were not understood. */
  responsesLost(): void {
    const { answering, out } = this;
    if (answering !== null && answering.x !== null) {
      out.truncate(answering.x);
      this.#drop(answering);
    }
    this.answering = null;
    this.copyIn = null;
    this.negotiating = false;
    this.#inRest = true;
    for (let u = this.first; u !== null; u = this.first) {
      this.shift();
      this.#drop(u);
    }
    out.responsesLost();
  }

  /** Bytes of the client are missing: what it prepared or took back meanwhile is unknown. */
  requestsLost(): void {
    const { last, answering } = this;
    if (last !== null) last.broken = !last.done; // whether a Sync came behind it is unknown
    if (answering?.broken) {
      if (answering.kind === PREPARING && answering.x !== null) retract(answering.x);
      this.responsesLost();
      this.answering = this.#nobody;
    }
    this.last = null;
    this.certain = false;
    this.#isReady = false;
    this.copyIn = null;
    this.statements.forget();
    this.out.requestsLost();
  }

  #drop(u: Unit): void {
    this.#undo(u);
    u.x = null;
  }

  /** What was not confirmed may have failed. */
  #undo(u: Unit): void {
    if (u.parsing) this.statements.undefine(u.name);
    if (u.binding) this.statements.unbind(u.portal);
  }

  /** The unit failed in front of its confirmations. */
  undo(u: Unit): void {
    this.#undo(u);
    u.parsing = false;
    u.binding = false;
  }
}

/** Takes back what the response said. */
function retract(x: Exchange): void {
  if (x.outcome !== IN_FLIGHT) return;
  x.firstByteNs = UNSEEN;
  x.status = 0;
  x.failed = false;
}
