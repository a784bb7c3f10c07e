import { IN_FLIGHT } from '../../exchange/exchange.ts';
import { BARE, FULL, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { PostgresDetail } from './exchange-detail.ts';
import { readFirst, TYPED } from './first.ts';
import {
  BIND,
  CLOSE,
  COPY_DATA,
  COPY_DONE,
  COPY_FAIL,
  DESCRIBE,
  EXECUTE,
  FLUSH,
  FRONTEND,
  FUNCTION_CALL,
  HEAD_BYTES,
  PARSE,
  QUERY,
  SYNC,
} from './messages.ts';
import { run } from './run.ts';
import { IDENTITY_BYTES, type Session } from './session.ts';
import { LONG_NAME, readStatement, type Statement } from './statements.ts';
import { EXECUTING, FUNCTION, PREPARING, SIMPLE, type Unit } from './unit.ts';

/** Longest name of a prepared statement or portal that is kept. Servers cut identifiers at 63 bytes, these names they do not cut. */
const MAX_NAME = 255;

/** The client's direction. */
export class Requests {
  readonly #session: Session;
  /** The connection's first messages have no letter. */
  untyped = true;
  /** No message with a letter was seen yet. */
  atStart = true;
  /** Longest beginning of a statement that is looked at. */
  readonly #textBytes: number;
  /** The unit whose messages are coming in. */
  #open: Unit | null = null;
  /** The unit whose request goes on to the end of the present message. */
  #growing: Unit | null = null;
  /** The rest of the present message passes by. */
  #passing = false;

  constructor(session: Session) {
    this.#session = session;
    this.#textBytes = session.out.detail === BARE ? IDENTITY_BYTES : session.out.maxStatementBytes;
  }

  read(w: Window): Step {
    if (this.#passing) {
      this.#passing = false;
      this.#grow(w);
    }
    const session = this.#session;
    if (session.letGo) {
      w.want = Number.POSITIVE_INFINITY;
      return SKIP;
    }
    const { min, max } = FRONTEND;
    for (;;) {
      const n = w.end - w.pos;
      if (n === 0) {
        w.want = 1;
        return MORE;
      }
      if (this.untyped) {
        const step = readFirst(session, w);
        if (step >= 0) return step as Step;
        this.untyped = step !== TYPED;
        continue;
      }
      this.atStart = false;
      const type = w.buf[w.pos]!;
      if (min[type] === 0) return LOST;
      if (n < HEAD_BYTES) {
        w.want = HEAD_BYTES;
        return MORE;
      }
      const length = w.view.getUint32(w.pos + 1);
      if (length < min[type]! || length > max[type]!) return LOST;
      const total = 1 + length;
      if (type === COPY_DATA) {
        const { pos } = w;
        run(w, type, total);
        if (w.pos > pos) continue;
      }
      const need = Math.min(total, this.#needs(type));
      if (n < need && !(w.lacking > 0 && type === QUERY)) {
        w.want = need;
        return MORE;
      }
      this.#growing = null;
      if (!this.#message(w, type, total)) return LOST;
      if (n < total) {
        this.#passing = true;
        w.want = total;
        return SKIP;
      }
      w.pos += total;
      this.#grow(w);
    }
  }

  /** Bytes are missing in front of the next window. */
  lost(): void {
    this.#passing = false;
    this.#growing = null;
    if (this.#open !== null) {
      this.#open.open = false;
      this.#session.last = this.#open;
      this.#open = null;
    }
    this.#session.requestsLost();
  }

  /** How many bytes of a message must be seen at once. */
  #needs(type: number): number {
    switch (type) {
      case QUERY:
        return HEAD_BYTES + this.#textBytes + 1;
      case PARSE:
        return HEAD_BYTES + MAX_NAME + 1 + this.#textBytes + 1;
      case BIND:
        return HEAD_BYTES + 2 * (MAX_NAME + 1);
      case DESCRIBE:
      case EXECUTE:
      case CLOSE:
        return Number.POSITIVE_INFINITY; // they hold a name and are never long
      case FUNCTION_CALL:
        return IDENTITY_BYTES;
      default:
        return HEAD_BYTES;
    }
  }

  /** The unit's request goes on to `w.pos`. */
  #grow(w: Window): void {
    const u = this.#growing;
    if (u === null || u.x === null || u.x.outcome !== IN_FLIGHT) return;
    u.x.requestEndNs = w.timeBefore();
    u.x.requestBytes = w.base + w.pos - u.requestFrom;
  }

  /** A message of `total` bytes with all that is needed of it. False: it is none. */
  #message(w: Window, type: number, total: number): boolean {
    const session = this.#session;
    switch (type) {
      case QUERY:
        return this.#query(w, total);
      case PARSE:
        return this.#parse(w, total);
      case BIND:
        return this.#bind(w, total);
      case DESCRIBE:
        return this.#describe(w, total);
      case EXECUTE:
        return this.#execute(w, total);
      case CLOSE:
        return this.#forget(w, total);
      case FLUSH:
        this.#close();
        this.#growing = session.last;
        return true;
      case SYNC:
        this.#sync(w);
        return true;
      case FUNCTION_CALL:
        this.#function(w, total);
        return true;
      case COPY_DONE:
      case COPY_FAIL:
        this.#growing = session.copyIn;
        session.copyIn = null;
        return true;
      default:
        return true; // COPY data, passwords, the goodbye
    }
  }

  /** Query: the text, and a zero byte. */
  #query(w: Window, total: number): boolean {
    const { buf, pos, end } = w;
    const session = this.#session;
    if (end - pos >= total && buf[pos + total - 1] !== 0) return false;
    this.#close();
    session.last = null;
    session.certain = true;
    const s = this.#text(buf, pos + HEAD_BYTES, pos + total - 1, end);
    session.statements.simple(s);
    const u = session.begin(SIMPLE, 'QUERY', w, total);
    this.#growing = u;
    if (u.x === null) return true;
    this.#about(u, s, true);
    session.asked(u, s === null ? 0 : s.text.length);
    return true;
  }

  /** The statement `buf[from, to)`, as much of it as is kept; `to` may lie behind the window's end, `seen`. Null when texts are not wanted. */
  #text(buf: Buffer, from: number, to: number, seen: number): Statement | null {
    const { out, dialect } = this.#session;
    if (out.detail === BARE) return null;
    let kept = Math.min(to, Math.max(from, seen));
    if (kept - from > out.maxStatementBytes) {
      kept = from + out.maxStatementBytes;
      while (kept > from && (buf[kept]! & 0xc0) === 0x80) kept--; // not inside a character of UTF-8
    }
    return readStatement(buf, from, kept, to - kept, dialect);
  }

  /** Parse: name and text, each with its zero byte, number of parameter types (2 bytes), types (4 bytes each). */
  #parse(w: Window, total: number): boolean {
    const { buf, pos } = w;
    const session = this.#session;
    const seen = Math.min(w.end, pos + total);
    const nameEnd = zero(buf, pos + HEAD_BYTES, Math.min(seen, pos + HEAD_BYTES + MAX_NAME + 1));
    let name = LONG_NAME;
    let s: Statement | null = null;
    if (nameEnd >= 0) {
      name = text(buf, pos + HEAD_BYTES, nameEnd);
      const textEnd = w.find(0, nameEnd + 1);
      const isSeen = textEnd >= 0 && textEnd < seen;
      if (!isSeen && seen === pos + total) return false;
      // Of a text whose end is not seen, the number of types behind it is not known either: they count as cut.
      s = this.#text(buf, nameEnd + 1, isSeen ? textEnd : pos + total - 3, w.end);
    } else if (total <= HEAD_BYTES + MAX_NAME) return false;
    this.#close();
    const u = this.#opens(w, total, 'PARSE');
    u.name = name;
    u.parsing = true;
    if (u.x === null || s === null) session.statements.undefine(name);
    else session.statements.define(name, s);
    this.#about(u, s, true);
    return true;
  }

  /** Bind: portal and statement, each with its zero byte; the values behind them are not looked at. */
  #bind(w: Window, total: number): boolean {
    const { buf, pos } = w;
    const seen = Math.min(w.end, pos + total);
    const portalEnd = zero(buf, pos + HEAD_BYTES, Math.min(seen, pos + HEAD_BYTES + MAX_NAME + 1));
    const nameEnd = portalEnd < 0 ? -1 : zero(buf, portalEnd + 1, Math.min(seen, portalEnd + MAX_NAME + 2));
    if (nameEnd < 0 && total <= HEAD_BYTES + MAX_NAME) return false;
    const portal = portalEnd < 0 ? LONG_NAME : text(buf, pos + HEAD_BYTES, portalEnd);
    const name = nameEnd < 0 ? LONG_NAME : text(buf, portalEnd + 1, nameEnd);
    const { statements } = this.#session;
    let u = this.#open;
    if (u === null || u.bound || u.name !== name) {
      this.#close();
      u = this.#opens(w, total, 'PARSE');
      u.name = name;
      this.#about(u, statements.get(name), false);
    }
    u.bound = true;
    u.portal = portal;
    u.binding = true;
    statements.bind(portal, u.statement);
    this.#growing = u;
    return true;
  }

  /** Describe: `S` or `P`, and the name of a statement or portal with its zero byte. */
  #describe(w: Window, total: number): boolean {
    const { buf, pos } = w;
    const kind = buf[pos + HEAD_BYTES]!;
    const name = lastName(buf, pos + HEAD_BYTES + 1, pos + total);
    if (name === null || (kind !== S && kind !== P)) return false;
    let u = this.#open;
    if (u === null || (kind === S ? u.name !== name : !u.bound || u.portal !== name)) {
      this.#close();
      u = this.#opens(w, total, 'PARSE');
      if (kind === S) u.name = name;
      else u.portal = name;
      const { statements } = this.#session;
      this.#about(u, kind === S ? statements.get(name) : statements.portal(name), false);
    }
    u.describing++;
    this.#growing = u;
    return true;
  }

  /** Execute: the portal's name with its zero byte, and the most rows that are wanted (4 bytes). */
  #execute(w: Window, total: number): boolean {
    const { buf, pos } = w;
    const portal = lastName(buf, pos + HEAD_BYTES, pos + total - 4);
    if (portal === null) return false;
    let u = this.#open;
    if (u === null || !u.bound || u.portal !== portal) {
      this.#close();
      u = this.#opens(w, total, 'EXECUTE');
      u.portal = portal;
      this.#about(u, this.#session.statements.portal(portal), false);
    }
    u.kind = EXECUTING;
    if (u.x !== null && u.x.outcome === IN_FLIGHT) u.x.operation = 'EXECUTE';
    this.#session.statements.executed(u.statement);
    this.#close();
    this.#growing = u;
    return true;
  }

  /** Close: `S` or `P`, and a name with its zero byte. It is answered, but nobody waits for that. */
  #forget(w: Window, total: number): boolean {
    const { buf, pos } = w;
    const kind = buf[pos + HEAD_BYTES]!;
    const name = lastName(buf, pos + HEAD_BYTES + 1, pos + total);
    if (name === null || (kind !== S && kind !== P)) return false;
    if (kind === S) this.#session.statements.undefine(name);
    else this.#session.statements.unbind(name);
    return true;
  }

  /** Sync: an error is passed over up to here, and a transaction that nobody began ends here. */
  #sync(w: Window): void {
    this.#close();
    const session = this.#session;
    session.certain = true;
    if (session.copyIn !== null) return; // servers ignore it while they wait for data
    const u = session.last;
    session.last = null;
    if (u === null || (u.x !== null && u.done)) session.syncAlone(w);
    else if (u.x !== null) {
      u.syncs = 1;
      this.#growing = u;
    }
  }

  /** FunctionCall: the function's object id (4 bytes), and values that are not looked at. */
  #function(w: Window, total: number): void {
    this.#close();
    const session = this.#session;
    session.last = null;
    const u = session.begin(FUNCTION, 'FUNCTION', w, total);
    this.#growing = u;
    if (u.x === null) return;
    if (session.out.detail === FULL) {
      const detail = new PostgresDetail(session.dialect);
      detail.functionId = w.view.getUint32(w.pos + HEAD_BYTES);
      u.x.detail = detail;
    }
    session.asked(u, 0);
  }

  /** A unit of the extended protocol begins here. */
  #opens(w: Window, total: number, operation: string): Unit {
    const u = this.#session.begin(PREPARING, operation, w, total);
    u.open = true;
    this.#open = u;
    this.#growing = u;
    return u;
  }

  /** Nothing more is asked with the unit that is open. */
  #close(): void {
    const u = this.#open;
    if (u === null) return;
    u.open = false;
    this.#open = null;
    this.#session.last = u;
    if (u.x !== null) this.#session.asked(u, u.parsing && u.statement !== null ? u.statement.text.length : 0);
  }

  /** What the unit's statement is. `own`: its text stands in the request. */
  #about(u: Unit, s: Statement | null, own: boolean): void {
    u.statement = s;
    const { x } = u;
    const { out, dialect } = this.#session;
    if (x === null || out.detail === BARE) return;
    if (s !== null) x.target = s.summary;
    if (out.detail !== FULL) return;
    const detail = new PostgresDetail(dialect);
    x.detail = detail;
    if (s !== null) {
      x.statement = s.text;
      x.statementCut = s.cut;
      detail.hasOwnText = own;
    } else if (u.name !== LONG_NAME) detail.statementName = u.name;
  }
}

const S = 0x53;
const P = 0x50;

/** Index of the first zero byte in `buf[from, to)`, -1 if there is none. Names are short. */
function zero(buf: Buffer, from: number, to: number): number {
  for (let i = from; i < to; i++) if (buf[i] === 0) return i;
  return -1;
}

const text = (buf: Buffer, from: number, to: number): string => (from === to ? '' : buf.toString('latin1', from, to));

/** The name that ends with the zero byte at `buf[to - 1]`, and there only. Null: there is none. */
function lastName(buf: Buffer, from: number, to: number): string | null {
  const at = zero(buf, from, to);
  if (at !== to - 1) return null;
  return at - from > MAX_NAME ? LONG_NAME : text(buf, from, at);
}
