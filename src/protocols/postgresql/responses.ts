import { IN_FLIGHT } from '../../exchange/exchange.ts';
import { LOST, MORE, SKIP, STOP, type Step, type Window } from '../protocol.ts';
import type { PostgresDetail } from './exchange-detail.ts';
import {
  AUTHENTICATION,
  BACKEND,
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  COMMAND_COMPLETE,
  COPY_BOTH,
  COPY_DATA,
  COPY_DONE,
  COPY_IN,
  COPY_OUT,
  DATA_ROW,
  EMPTY_QUERY,
  ERROR,
  FUNCTION_RESULT,
  HEAD_BYTES,
  KEY_DATA,
  NEGOTIATE_VERSION,
  NO_DATA,
  NOTICE,
  NOTIFICATION,
  PARAMETER_DESCRIPTION,
  PARAMETER_STATUS,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
  READY,
  ROW_DESCRIPTION,
} from './messages.ts';
import { run } from './run.ts';
import type { Session } from './session.ts';
import { isError, NO_CODE, PENDING, packSqlstate, SUCCESS } from './sqlstate.ts';
import { ENDING, EXECUTING, FUNCTION, PREPARING, SIMPLE, STARTUP, UNKNOWN, type Unit } from './unit.ts';

/** By letter: the kinds of units that such a message may answer. */
const ANSWERS = new Uint8Array(256);
for (const [kinds, types] of [
  [STARTUP, [AUTHENTICATION, KEY_DATA, NEGOTIATE_VERSION]],
  [PREPARING | EXECUTING, [PARSE_COMPLETE, BIND_COMPLETE, PARAMETER_DESCRIPTION, ROW_DESCRIPTION, NO_DATA]],
  [SIMPLE | EXECUTING, [DATA_ROW, COMMAND_COMPLETE, EMPTY_QUERY, COPY_IN, COPY_OUT, COPY_BOTH, COPY_DATA, COPY_DONE]],
  [SIMPLE, [ROW_DESCRIPTION]],
  [EXECUTING, [PORTAL_SUSPENDED]],
  [FUNCTION, [FUNCTION_RESULT]],
  [STARTUP | SIMPLE | PREPARING | EXECUTING | FUNCTION | ENDING, [ERROR, READY]],
] as const) {
  for (const type of types) ANSWERS[type]! |= kinds;
}
for (let type = 0; type < 256; type++) if (BACKEND.min[type]! > 0) ANSWERS[type]! |= UNKNOWN;

/** By letter: 1 for messages that nobody waits for. All but CloseComplete may come at any time. */
const ASIDE = new Uint8Array(256);
for (const type of [NOTICE, NOTIFICATION, PARAMETER_STATUS, CLOSE_COMPLETE]) ASIDE[type] = 1;

/** The code stands among an error's first fields, behind words of a few letters. */
const ERROR_BYTES = 512;
/** The longest message that must be seen whole: a tag, or a setting of interest. */
const WHOLE_BYTES = 1 + 256;

const SETTING = Buffer.from('standard_conforming_strings\0');
const OFF = Buffer.from('off\0');

/** Answers to a request for encryption. */
const WILLING_TLS = 0x53; // S
const WILLING_GSS = 0x47; // G
const UNWILLING = 0x4e; // N

/** The server's direction. */
export class Responses {
  readonly #session: Session;
  /** The response that is being read ends with the present message. */
  #ending = false;

  constructor(session: Session) {
    this.#session = session;
  }

  read(w: Window): Step {
    const session = this.#session;
    if (this.#ending) this.#finish(w);
    const { min, max } = BACKEND;
    for (;;) {
      if (session.letGo) {
        w.want = Number.POSITIVE_INFINITY;
        return SKIP;
      }
      const { buf, pos } = w;
      const n = w.end - pos;
      if (n === 0) {
        w.want = 1;
        return MORE;
      }
      const type = buf[pos]!;
      if (session.negotiating) {
        session.negotiating = false;
        if (type === WILLING_TLS || type === WILLING_GSS || type === UNWILLING) {
          w.pos++;
          if (type !== UNWILLING) return STOP;
          continue;
        }
      }
      if (min[type] === 0) return LOST;
      if (n < HEAD_BYTES) {
        w.want = HEAD_BYTES;
        return MORE;
      }
      const length = w.view.getUint32(pos + 1);
      if (length < min[type]! || length > max[type]!) return LOST;
      const total = 1 + length;
      if (type === DATA_ROW || type === COPY_DATA) {
        const u = this.#answered(w, type);
        const count = run(w, type, total);
        if (type === DATA_ROW) u.rows += count;
        if (w.pos > pos) continue;
      } else if (ASIDE[type] === 1) {
        if (type === PARAMETER_STATUS && total <= WHOLE_BYTES) {
          if (n < total) {
            w.want = total;
            return MORE;
          }
          this.#setting(w, total);
        }
      } else {
        const need = Math.min(total, needs(type));
        if (n < need && !(w.lacking > 0 && type === ERROR && hasCode(w))) {
          w.want = need;
          return MORE;
        }
        if (!this.#message(w, type, total)) return LOST;
      }
      if (n < total) {
        w.want = total;
        return SKIP;
      }
      w.pos += total;
      if (this.#ending) this.#finish(w);
    }
  }

  /** Bytes are missing in front of the next window. */
  lost(): void {
    this.#ending = false;
    this.#session.responsesLost();
  }

  /** The unit that a message of this type at `w.pos` answers. */
  #answered(w: Window, type: number): Unit {
    const session = this.#session;
    const u = session.answering ?? session.answer(w);
    if ((ANSWERS[type]! & u.kind) !== 0) return u;
    session.distrust();
    return session.answering!;
  }

  #message(w: Window, type: number, total: number): boolean {
    const session = this.#session;
    if (type === READY && !isReady(w)) return false;
    const u = this.#answered(w, type);
    switch (type) {
      case READY:
        this.#ready(w, u);
        break;
      case ERROR:
        this.#error(w, u, total);
        break;
      case COMMAND_COMPLETE:
        if (returnsRows(w)) u.returnsRows = true;
        this.#executed(u);
        break;
      case EMPTY_QUERY:
      case PORTAL_SUSPENDED:
        this.#executed(u);
        break;
      case PARSE_COMPLETE:
        if (!this.#isDue(u, u.parsing)) break;
        u.parsing = false;
        this.#confirmed(u);
        break;
      case BIND_COMPLETE:
        if (!this.#isDue(u, u.binding)) break;
        u.binding = false;
        this.#confirmed(u);
        break;
      case ROW_DESCRIPTION:
      case NO_DATA:
        if (u.kind === SIMPLE || !this.#isDue(u, u.describing > 0)) break;
        u.describing--;
        this.#confirmed(u);
        break;
      case COPY_IN:
        if (u.kind === UNKNOWN) break;
        session.copyIn = u;
        if (u.kind === EXECUTING) {
          u.syncs = 0; // a Sync that is there already is ignored
          session.last = u;
        }
        break;
      case COPY_BOTH:
        if (u.kind === UNKNOWN) break;
        session.letGo = true;
        this.#ending = true;
        break;
    }
    return true;
  }

  /** The unit has a message that this confirms; if not, something was asked in front of it that was not seen. */
  #isDue(u: Unit, awaited: boolean): boolean {
    if (!awaited && u.kind !== UNKNOWN) this.#session.distrust();
    return awaited;
  }

  /** One of the unit's Parse, Bind and Describe was. A preparation alone is over with the last. */
  #confirmed(u: Unit): void {
    if (u.kind === PREPARING && !u.open && !u.awaits) this.#over(u);
  }

  /** CommandComplete and its like: all is said to an Execute, but for what its Sync brings: the commit, if nobody began a transaction. */
  #executed(u: Unit): void {
    const session = this.#session;
    session.copyIn = null;
    if (u.kind !== EXECUTING) return;
    if (u.awaits) session.distrust();
    else this.#over(u);
  }

  #over(u: Unit): void {
    if (u.syncs > 0) u.kind = ENDING;
    else if (u.doubtful) this.#session.distrust();
    else this.#ending = true;
  }

  #ready(w: Window, u: Unit): void {
    const session = this.#session;
    switch (u.kind) {
      case UNKNOWN: {
        // It may be meant for what was asked meanwhile, if that had come to the server.
        const next = session.first;
        if (next !== null && ((w.ackAt(w.pos) - next.headEnd) | 0) >= 0) session.distrust();
        break;
      }
      case PREPARING:
      case EXECUTING:
      case ENDING:
        // An Execute that did not fail, and a preparation that is not confirmed, are not answered by that.
        if (u.failed ? !session.passOver(u) : u.kind === EXECUTING || u.awaits || u.syncs === 0) session.distrust();
        break;
    }
    session.ready(w);
    this.#ending = true;
  }

  /**
   * ErrorResponse: fields of a letter and a text with its zero byte; V is the severity, not translated (S in servers before
   * 9.6, and by then in the server's language), C the SQLSTATE. They stand in front of all that is long.
   */
  #error(w: Window, u: Unit, total: number): void {
    const { buf, pos } = w;
    const session = this.#session;
    const to = Math.min(w.end, pos + Math.min(total, ERROR_BYTES));
    let status = NO_CODE;
    let fatal = false;
    for (let at = pos + HEAD_BYTES; at < to && buf[at] !== 0; ) {
      const end = w.find(0, at + 1);
      if (end < 0 || end >= to) break;
      const field = buf[at];
      if (field === C && end - at === 6) status = packSqlstate(buf, at + 1);
      else if ((field === V || field === S) && end - at === 6) fatal ||= isFatal(buf, at + 1);
      at = end + 1;
    }
    session.copyIn = null;
    if (u.doubtful && (u.kind & (PREPARING | EXECUTING | ENDING)) !== 0) {
      session.distrust(); // it may be the error of what was asked in front of the unit
      return;
    }
    session.undo(u);
    const { x } = u;
    if (x !== null && x.outcome === IN_FLIGHT && x.status === PENDING) {
      x.status = status;
      x.failed = isError(status);
    }
    if (u.kind === STARTUP || (fatal && u.kind !== UNKNOWN)) this.#ending = true;
    else if (u.kind !== UNKNOWN) u.failed = true;
  }

  /** ParameterStatus: name and value, each with its zero byte. Only what decides how statements are read is of interest. */
  #setting(w: Window, total: number): void {
    const { buf, pos } = w;
    const from = pos + HEAD_BYTES;
    if (
      total < HEAD_BYTES + SETTING.length ||
      buf.compare(SETTING, 0, SETTING.length, from, from + SETTING.length) !== 0
    )
      return;
    const value = from + SETTING.length;
    const off = buf.compare(OFF, 0, OFF.length, value, Math.min(pos + total, value + OFF.length)) === 0;
    this.#session.dialect = off ? 'postgresql-escape-backslash' : 'postgresql';
  }

  /** The response ends in front of `w.pos`. */
  #finish(w: Window): void {
    this.#ending = false;
    const session = this.#session;
    const u = session.answering!;
    const { x } = u;
    if (x !== null && x.outcome === IN_FLIGHT) {
      if (x.status === PENDING) x.status = SUCCESS;
      const detail = x.detail as PostgresDetail | null;
      if (detail !== null && (u.rows > 0 || u.returnsRows)) detail.rows = u.rows;
    }
    session.finish(u, w);
  }
}

const C = 0x43;
const S = 0x53;
const V = 0x56;

/** How many bytes of a message must be seen at once. */
function needs(type: number): number {
  if (type === ERROR) return ERROR_BYTES;
  return type === READY || type === COMMAND_COMPLETE ? WHOLE_BYTES : HEAD_BYTES;
}

/** The SQLSTATE of the error at `w.pos` is in the window, although the rest of it was not captured. */
function hasCode(w: Window): boolean {
  for (let at = w.pos + HEAD_BYTES; at < w.end; ) {
    const end = w.find(0, at + 1);
    if (end < 0) return false;
    if (w.buf[at] === C) return true;
    at = end + 1;
  }
  return false;
}

/** ReadyForQuery says where the transaction stands: none (I), in one (T), in one that failed (E). */
function isReady(w: Window): boolean {
  const state = w.buf[w.pos + HEAD_BYTES];
  return state === 0x49 || state === 0x54 || state === 0x45;
}

/** The tag at `w.pos` is `SELECT ..` or `FETCH ..`. */
function returnsRows(w: Window): boolean {
  const { buf } = w;
  const at = w.pos + HEAD_BYTES;
  return (
    (buf[at] === 0x53 && buf[at + 1] === 0x45 && buf[at + 2] === 0x4c) ||
    (buf[at] === 0x46 && buf[at + 1] === 0x45 && buf[at + 2] === 0x54)
  );
}

/** FATAL or PANIC: the server hangs up, no ReadyForQuery comes. */
const isFatal = (buf: Buffer, at: number): boolean =>
  (buf[at] === 0x46 && buf[at + 1] === 0x41) || (buf[at] === 0x50 && buf[at + 1] === 0x41);
