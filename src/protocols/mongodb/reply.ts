import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, MORE, SKIP, type Step, type Table, type Window } from '../protocol.ts';
import {
  ARRAY,
  BOOLEAN,
  BROKEN,
  DOCUMENT,
  DOUBLE,
  ELEMENT,
  Elements,
  END,
  holds,
  INT32,
  INT64,
  MIN_DOCUMENT_BYTES,
  NEEDS,
  STRING,
  skipTo,
} from './bson.ts';
import { cursorKey } from './command.ts';
import { type MongoDetail, NO_CODE, UNTOLD } from './exchange-detail.ts';
import { DONE } from './request.ts';
import {
  CHECKSUM_BYTES,
  CHECKSUM_PRESENT,
  HEADER_BYTES,
  messageLength,
  OP_COMMANDREPLY,
  OP_MSG,
  OP_REPLY,
  opcodeAt,
  REPLY_CURSOR_NOT_FOUND,
  REPLY_QUERY_FAILURE,
  SECTION_BODY,
  SECTION_SEQUENCE,
} from './wire.ts';

/** Phases. */
const SECTION = 0;
const BODY = 1;
const FIELDS = 2;
const REST = 3;

const OK = Buffer.from('ok');
const CODE = Buffer.from('code');
const CODE_NAME = Buffer.from('codeName');
const CURSOR = Buffer.from('cursor');
const ID = Buffer.from('id');
const FIRST_BATCH = Buffer.from('firstBatch');
const NEXT_BATCH = Buffer.from('nextBatch');
const WRITE_ERRORS = Buffer.from('writeErrors');
const WRITE_CONCERN_ERROR = Buffer.from('writeConcernError');
const ERRORS = Buffer.from('nErrors');

/** The server's `CursorNotFound`. */
const CURSOR_NOT_FOUND = 43;
/** Names of error codes have below 60 bytes. */
const MAX_CODE_NAME_BYTES = 100;
/** The code is the first or second field of an error, behind its index; what follows may be long. */
const ERROR_BYTES = 64;

const WORDS = new Words();
const INNER = new Elements();

/** Reads how a request went, out of its reply, piece by piece as it comes. What was found passes by unseen, but for its count. */
export class ReplyReader {
  readonly #out: Exchanges;
  readonly #tails: Table<true>;
  readonly #elements = new Elements();
  #phase = REST;
  #x: Exchange | null = null;
  #detail: MongoDetail | null = null;
  #opcode = 0;
  /** Stream offsets behind the last section, and behind the message. */
  #end = 0;
  #messageEnd = 0;

  constructor(out: Exchanges, tails: Table<true>) {
    this.#out = out;
    this.#tails = tails;
  }

  /** Nothing of the message is wanted: it goes by up to the stream offset `end`. */
  pass(end: number): void {
    this.#x = null;
    this.#detail = null;
    this.#phase = REST;
    this.#messageEnd = end;
  }

  /** A reply to `x` begins at `w.pos`, as responseStart() has found. */
  begin(w: Window, x: Exchange): void {
    const { pos, view } = w;
    const opcode = opcodeAt(w, pos);
    const d = x.detail as MongoDetail | null;
    this.#x = x;
    this.#detail = d;
    this.#opcode = opcode;
    this.#messageEnd = w.base + pos + messageLength(w, pos);
    this.#end = this.#messageEnd;
    if (opcode === OP_MSG) {
      if ((view.getInt32(pos + HEADER_BYTES, true) & CHECKSUM_PRESENT) !== 0) this.#end -= CHECKSUM_BYTES;
      w.pos = pos + HEADER_BYTES + 4;
      this.#phase = SECTION;
    } else if (opcode === OP_REPLY) this.#beginLegacy(w, x, d);
    else {
      w.pos = pos + HEADER_BYTES;
      this.#phase = opcode === OP_COMMANDREPLY ? BODY : REST;
    }
  }

  /** int32 flags, int64 cursor id, int32 starting from, int32 number returned, documents. */
  #beginLegacy(w: Window, x: Exchange, d: MongoDetail | null): void {
    const { pos, view } = w;
    const flags = view.getInt32(pos + 16, true);
    w.pos = pos + 36;
    this.#phase = REST;
    if ((flags & REPLY_CURSOR_NOT_FOUND) !== 0) {
      x.status = CURSOR_NOT_FOUND;
      x.failed = true;
    } else if ((flags & REPLY_QUERY_FAILURE) !== 0) {
      x.status = NO_CODE;
      x.failed = true;
      this.#phase = BODY;
    } else if (d?.command) this.#phase = BODY;
    else if (d !== null) {
      // the documents are the application's
      x.status = 0;
      d.rows = view.getInt32(pos + 32, true);
      if (d.tails && (view.getInt32(pos + 20, true) | view.getInt32(pos + 24, true)) !== 0) {
        this.#tails.set(cursorKey(w, pos + 20), true, 0);
      }
    }
  }

  /** MORE, SKIP, or DONE. */
  read(w: Window): Step | typeof DONE {
    const x = this.#x;
    if (x !== null && x.outcome !== IN_FLIGHT) this.pass(this.#messageEnd); // given up meanwhile: its record has gone to the listener
    for (;;) {
      switch (this.#phase) {
        case SECTION: {
          const left = this.#end - w.base - w.pos;
          if (left < 1 + MIN_DOCUMENT_BYTES) {
            this.#phase = REST;
            break;
          }
          if (!holds(w, 5)) return MORE;
          const kind = w.buf[w.pos]!;
          const size = w.view.getInt32(w.pos + 1, true);
          if (kind === SECTION_BODY) {
            w.pos++;
            this.#phase = BODY;
          } else if (kind !== SECTION_SEQUENCE || size <= MIN_DOCUMENT_BYTES || size >= left) this.#phase = REST;
          else if (!skipTo(w, w.base + w.pos + 1 + size)) return SKIP;
          break;
        }
        case BODY: {
          const left = this.#end - w.base - w.pos;
          if (left < MIN_DOCUMENT_BYTES) {
            this.#phase = REST;
            break;
          }
          if (!holds(w, 4)) return MORE;
          const length = w.view.getInt32(w.pos, true);
          this.#phase = REST;
          if (length < MIN_DOCUMENT_BYTES || length > left) break;
          this.#elements.enter(w, length);
          this.#phase = FIELDS;
          break;
        }
        case FIELDS: {
          const step = this.#fields(w);
          if (step >= 0) return step as Step;
          break;
        }
        default:
          return skipTo(w, this.#messageEnd) ? DONE : SKIP;
      }
    }
  }

  /** MORE, SKIP, or -1: the phase has changed. */
  #fields(w: Window): number {
    const e = this.#elements;
    for (;;) {
      switch (e.next(w)) {
        case NEEDS:
          return MORE;
        case BROKEN:
          this.#phase = REST;
          return -1;
        case END:
          this.#phase = this.#opcode === OP_COMMANDREPLY && this.#x!.status === UNTOLD ? BODY : REST;
          return -1;
      }
      if (!this.#look(w, e, this.#x!)) return MORE;
      if (this.#phase !== FIELDS) return -1;
      if (!e.pass(w)) return SKIP;
    }
  }

  /** Takes what a field says; false: `w.want` bytes of it are needed. */
  #look(w: Window, e: Elements, x: Exchange): boolean {
    switch (e.type) {
      case DOUBLE:
      case INT32:
      case INT64:
      case BOOLEAN:
        if (e.named(w, OK)) {
          if (!e.holds(w, e.valueBytes)) return false;
          this.#settle(number(w, e) !== 0, x);
        } else if (e.named(w, CODE)) {
          if (!e.holds(w, e.valueBytes)) return false;
          x.status = errorCode(number(w, e));
        } else if (e.named(w, ERRORS)) {
          if (!e.holds(w, e.valueBytes)) return false;
          if (number(w, e) > 0) x.status = NO_CODE;
        }
        return true;
      case STRING: {
        const d = this.#detail;
        if (this.#out.detail < FULL || d === null || !e.named(w, CODE_NAME)) return true;
        if (e.valueBytes > MAX_CODE_NAME_BYTES) return true;
        if (!e.holds(w, e.valueBytes)) return false;
        d.codeName = WORDS.text(w.buf, e.valueAt + 4, e.valueAt + e.valueBytes - 1);
        return true;
      }
      case ARRAY:
        if (!e.named(w, WRITE_ERRORS) || e.valueBytes === MIN_DOCUMENT_BYTES) return true;
        if (!e.holds(w, Math.min(e.valueBytes, ERROR_BYTES))) return false;
        // int32 length, element `0`: a document
        x.status = codeIn(w, e.valueAt + 7, e.valueAt + e.valueBytes);
        return true;
      case DOCUMENT:
        if (e.named(w, WRITE_CONCERN_ERROR) && x.status === UNTOLD) {
          if (!e.holds(w, Math.min(e.valueBytes, ERROR_BYTES))) return false;
          x.status = codeIn(w, e.valueAt, e.valueAt + e.valueBytes);
        } else if (e.named(w, CURSOR) && this.#detail !== null) this.#cursor(w, e, this.#detail);
        return true;
      default:
        return true;
    }
  }

  /** `ok` was there. Errors of single writes, and those of getLastError, stand in front of it; of a failed command behind it. */
  #settle(ok: boolean, x: Exchange): void {
    if (!ok) {
      x.failed = true;
      if (x.status === UNTOLD) x.status = NO_CODE;
      return;
    }
    if (x.status === UNTOLD) x.status = 0;
    this.#phase = REST;
  }

  /** The cursor that came with a batch, where all of it is in the window: it is not waited for. */
  #cursor(w: Window, e: Elements, d: MongoDetail): void {
    const full = this.#out.detail === FULL;
    if ((!full && !d.tails) || e.valueAt + e.valueBytes > w.end) return;
    const { pos } = w;
    w.pos = e.valueAt;
    INNER.enter(w, e.valueBytes);
    while (INNER.next(w) === ELEMENT) {
      if (INNER.type === INT64 && d.tails && INNER.named(w, ID)) {
        if (number(w, INNER) !== 0) this.#tails.set(cursorKey(w, INNER.valueAt), true, 0);
      } else if (INNER.type === ARRAY && full && (INNER.named(w, FIRST_BATCH) || INNER.named(w, NEXT_BATCH))) {
        d.rows = count(w, INNER);
      }
      INNER.pass(w);
    }
    w.pos = pos;
  }
}

/** Documents in an array that is whole in the window; -1: it holds something else. Each is its type, its index as text, and its length. */
function count(w: Window, e: Elements): number {
  const { buf, view } = w;
  const end = e.valueAt + e.valueBytes - 1;
  let at = e.valueAt + 4;
  let n = 0;
  while (at < end && buf[at] === DOCUMENT) {
    do at++;
    while (at < end && buf[at] !== 0);
    at++;
    if (at + MIN_DOCUMENT_BYTES > end) return -1;
    const length = view.getInt32(at, true);
    if (length < MIN_DOCUMENT_BYTES || length > end - at) return -1;
    at += length;
    n++;
  }
  return at === end ? n : -1;
}

/** The error code in the document at `buf[at]`, as far as it is in the window; NO_CODE when it is not there. */
function codeIn(w: Window, at: number, end: number): number {
  if (at + MIN_DOCUMENT_BYTES > Math.min(w.end, end)) return NO_CODE;
  const length = w.view.getInt32(at, true);
  if (length < MIN_DOCUMENT_BYTES || at + length > end) return NO_CODE;
  const { pos } = w;
  let code = NO_CODE;
  w.pos = at;
  INNER.enter(w, length);
  while (INNER.next(w) === ELEMENT) {
    if (INNER.named(w, CODE)) {
      if (INNER.holds(w, INNER.valueBytes)) code = errorCode(number(w, INNER));
      break;
    }
    if (!INNER.pass(w)) break;
  }
  w.pos = pos;
  return code;
}

/** A number of any of BSON's types but decimals; 0 for everything else. */
function number(w: Window, e: Elements): number {
  const { view } = w;
  const at = e.valueAt;
  switch (e.type) {
    case DOUBLE:
      return view.getFloat64(at, true);
    case INT32:
      return view.getInt32(at, true);
    case INT64:
      return view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    case BOOLEAN:
      return w.buf[at]!;
    default:
      return 0;
  }
}

/** Codes are small positive integers. */
const errorCode = (n: number): number => (n >= 1 && n < 2 ** 31 ? Math.trunc(n) : NO_CODE);
