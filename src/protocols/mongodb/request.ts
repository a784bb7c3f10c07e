import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, MORE, SKIP, type Step, type Table, type Window } from '../protocol.ts';
import {
  ARRAY,
  BOOLEAN,
  BROKEN,
  DOCUMENT,
  ELEMENT,
  Elements,
  END,
  holds,
  INT64,
  MIN_DOCUMENT_BYTES,
  NEEDS,
  STRING,
  skipTo,
  textEnd,
} from './bson.ts';
import { contextIn, MAX_COMMENT_BYTES } from './comment.ts';
import { MongoDetail } from './exchange-detail.ts';
import { MAX_COMMAND_BYTES, MAX_TARGET_BYTES } from './starts.ts';
import {
  CHECKSUM_BYTES,
  CHECKSUM_PRESENT,
  EXHAUST_ALLOWED,
  HEADER_BYTES,
  MORE_TO_COME,
  messageLength,
  OP_COMMAND,
  OP_DELETE,
  OP_GET_MORE,
  OP_INSERT,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_QUERY,
  OP_UPDATE,
  opcodeAt,
  QUERY_AWAIT_DATA,
  QUERY_EXHAUST,
  QUERY_TAILABLE,
  SECTION_BODY,
  SECTION_SEQUENCE,
} from './wire.ts';

/** What read() answers when `w.pos` stands behind the message. */
export const DONE = -1;

/** Names of databases have at most 63 bytes. */
const MAX_DATABASE_BYTES = 128;

/** Phases. */
const SECTION = 0;
const BODY = 1;
const FIELDS = 2;
const ITEMS = 3;
const SEQUENCE = 4;
const REST = 5;

/** What the phases answer to one another, besides MORE and SKIP. */
const GO_ON = -2;

const DB = Buffer.from('$db');
const COLLECTION = Buffer.from('collection');
const MAX_AWAIT_TIME = Buffer.from('maxAwaitTimeMS');
const MAX_TIME = Buffer.from('maxTimeMS');
const AWAIT_DATA = Buffer.from('awaitData');
const PIPELINE = Buffer.from('pipeline');
const COMMENT = Buffer.from('comment');
const QUERY_COMMENT = Buffer.from('$comment');
/** What OP_QUERY begins with when options stand beside the query: a document `$query`, or `query` in old clients. */
const WRAPPED = [Buffer.from('\x03$query\0'), Buffer.from('\x03query\0')];
/** Fields, and identifiers of sections, whose documents are what a command does many times. */
const BATCHES = ['documents', 'updates', 'deletes', 'ops'].map((word) => Buffer.from(word));
/** A pipeline that begins with this stage: the array's length, a document `0` and its length, the type of the stage's value. */
const CHANGE_STREAM = Buffer.from('$changeStream\0');
const STAGE_AT = 4 + 3 + 4 + 1;

const WORDS = new Words();

/** Reads what a request asks for, piece by piece as it comes, into its exchange. What does not matter passes by unseen. */
export class RequestReader {
  readonly #out: Exchanges;
  /** Cursors that wait for documents, by their id. */
  readonly #tails: Table<true>;
  readonly #elements = new Elements();
  readonly #items = new Elements();
  #phase = REST;
  #x: Exchange | null = null;
  #detail: MongoDetail | null = null;
  /** Stream offsets behind the last section, and behind the message. */
  #end = 0;
  #messageEnd = 0;
  #sequenceEnd = 0;
  /** The next element is the document's first. */
  #first = false;
  /** Nothing answers it. */
  oneWay = false;

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
    this.oneWay = false;
  }

  /** A request begins at `w.pos`, as requestStart() has found; `x` is its record. */
  begin(w: Window, x: Exchange): void {
    const { pos, view } = w;
    const opcode = opcodeAt(w, pos);
    const d = new MongoDetail(opcode);
    x.detail = d;
    this.#x = x;
    this.#detail = d;
    this.#messageEnd = w.base + pos + messageLength(w, pos);
    this.#end = this.#messageEnd;
    this.oneWay = false;
    if (opcode === OP_MSG) {
      const flags = view.getInt32(pos + HEADER_BYTES, true);
      d.command = true;
      d.exhaust = (flags & EXHAUST_ALLOWED) !== 0;
      this.oneWay = (flags & MORE_TO_COME) !== 0;
      if ((flags & CHECKSUM_PRESENT) !== 0) this.#end -= CHECKSUM_BYTES;
      w.pos = pos + HEADER_BYTES + 4;
      this.#phase = SECTION;
    } else if (opcode === OP_COMMAND) this.#beginCommand(w, x, d);
    else if (opcode === OP_KILL_CURSORS) {
      x.operation = 'killCursors';
      this.oneWay = true;
      this.#phase = REST;
    } else this.#beginLegacy(w, x, d);
  }

  /** cstring database, cstring command, documents (metadata and arguments, in an order that changed between releases). */
  #beginCommand(w: Window, x: Exchange, d: MongoDetail): void {
    const { buf } = w;
    const from = w.pos + HEADER_BYTES;
    const to = textEnd(buf, from, w.end);
    const commandTo = textEnd(buf, to + 1, w.end);
    x.namespace = WORDS.text(buf, from, to);
    x.operation = WORDS.text(buf, to + 1, commandTo);
    d.command = true;
    w.pos = commandTo + 1;
    this.#phase = BODY;
  }

  /** int32 flags or zero, cstring `database.collection`, then what the opcode says. */
  #beginLegacy(w: Window, x: Exchange, d: MongoDetail): void {
    const { buf, view } = w;
    const flags = view.getInt32(w.pos + HEADER_BYTES, true);
    const from = w.pos + HEADER_BYTES + 4;
    const to = textEnd(buf, from, w.end);
    const dot = buf.indexOf(0x2e, from);
    const split = dot < 0 || dot >= to ? to : dot;
    x.namespace = WORDS.text(buf, from, split);
    x.target = split === to ? '' : WORDS.text(buf, split + 1, to);
    w.pos = to + 1;
    this.#phase = REST;
    switch (d.opcode) {
      case OP_QUERY:
        w.pos += 8; // numberToSkip, numberToReturn
        this.#phase = BODY;
        w.pos = unwrapped(w);
        d.exhaust = (flags & QUERY_EXHAUST) !== 0;
        d.tails = (flags & QUERY_TAILABLE) !== 0 && (flags & QUERY_AWAIT_DATA) !== 0;
        d.command = x.target === '$cmd';
        if (d.command) x.target = '';
        else x.operation = 'query';
        return;
      case OP_GET_MORE:
        x.operation = 'getMore';
        x.waits = this.#isTail(w, w.pos + 4);
        return;
      case OP_INSERT:
        x.operation = 'insert';
        this.oneWay = true;
        this.#sequenceEnd = this.#end;
        if (this.#out.detail === FULL) this.#phase = SEQUENCE;
        return;
      case OP_UPDATE:
      case OP_DELETE:
        x.operation = d.opcode === OP_UPDATE ? 'update' : 'delete';
        this.oneWay = true;
        w.pos += 4; // flags
        this.#phase = BODY;
        return;
    }
  }

  /** The cursor id at `buf[at]` is one that waits; requestStart() has seen to it that it is in the window. */
  #isTail(w: Window, at: number): boolean {
    return this.#tails.size > 0 && at + 8 <= w.end && this.#tails.get(cursorKey(w, at)) !== undefined;
  }

  /** MORE, SKIP, or DONE. */
  read(w: Window): Step | typeof DONE {
    const x = this.#x;
    if (x !== null && x.outcome !== IN_FLIGHT) this.pass(this.#messageEnd); // given up meanwhile: its record has gone to the listener
    for (;;) {
      let step: number;
      switch (this.#phase) {
        case SECTION:
          step = this.#section(w);
          break;
        case BODY:
          step = this.#body(w);
          break;
        case FIELDS:
          step = this.#fields(w);
          break;
        case ITEMS:
          step = this.#countItems(w);
          break;
        case SEQUENCE:
          step = this.#countSequence(w);
          break;
        default:
          return skipTo(w, this.#messageEnd) ? DONE : SKIP;
      }
      if (step !== GO_ON) return step as Step;
    }
  }

  #section(w: Window): number {
    const at = w.base + w.pos;
    if (at >= this.#end) return this.#go(REST);
    const left = this.#end - at;
    if (left < 1 + MIN_DOCUMENT_BYTES) return this.#go(REST);
    if (!holds(w, 5)) return MORE;
    const kind = w.buf[w.pos]!;
    if (kind === SECTION_BODY) {
      w.pos++;
      return this.#go(BODY);
    }
    const size = w.view.getInt32(w.pos + 1, true);
    if (kind !== SECTION_SEQUENCE || size <= MIN_DOCUMENT_BYTES || size >= left) return this.#go(REST);
    this.#sequenceEnd = at + 1 + size;
    if (this.#out.detail < FULL) return skipTo(w, this.#sequenceEnd) ? GO_ON : SKIP;
    // the identifier: `documents`, `updates`, `deletes`, `ops`, `nsInfo`
    const from = w.pos + 5;
    const to = textEnd(w.buf, from, Math.min(w.end, from + MAX_TARGET_BYTES));
    if (to < 0) {
      if (w.end - from >= MAX_TARGET_BYTES) return this.#go(REST);
      w.want = w.end - w.pos + 1;
      return MORE;
    }
    if (!isBatch(w.buf, from, to)) return skipTo(w, this.#sequenceEnd) ? GO_ON : SKIP;
    w.pos = to + 1;
    return this.#go(SEQUENCE);
  }

  /** Documents, one behind the other. */
  #countSequence(w: Window): number {
    const d = this.#detail!;
    for (;;) {
      const left = this.#sequenceEnd - w.base - w.pos;
      if (left <= 0) return this.#go(d.opcode === OP_MSG ? SECTION : REST);
      if (left < MIN_DOCUMENT_BYTES) return this.#go(REST);
      if (!holds(w, 4)) return MORE;
      const length = w.view.getInt32(w.pos, true);
      if (length < MIN_DOCUMENT_BYTES || length > left) return this.#go(REST);
      d.batch++;
      if (!skipTo(w, w.base + w.pos + length)) return SKIP;
    }
  }

  /** A document begins at `w.pos`. */
  #body(w: Window): number {
    const x = this.#x!;
    const d = this.#detail!;
    const left = this.#end - w.base - w.pos;
    if (left < MIN_DOCUMENT_BYTES) return this.#go(REST);
    if (!holds(w, 4)) return MORE;
    const length = w.view.getInt32(w.pos, true);
    if (length < MIN_DOCUMENT_BYTES || length > left) return this.#go(REST);
    if (this.#out.detail === FULL && d.body === '') {
      if (d.command && x.operation === '') this.#glance(w, length);
      const kept = Math.min(length, this.#out.maxStatementBytes);
      if (!holds(w, kept)) return MORE;
      d.body = w.buf.toString('latin1', w.pos, w.pos + kept);
      x.statementCut = length - kept;
    }
    this.#elements.enter(w, length);
    this.#first = true;
    return this.#go(FIELDS);
  }

  /** The command itself, before the rest of the document is waited for: requestStart() has mostly seen to it that it is there. */
  #glance(w: Window, length: number): void {
    const e = this.#elements;
    const { pos } = w;
    e.enter(w, length);
    if (e.next(w) === ELEMENT) this.#lookFirst(w, e, this.#x!, this.#detail!);
    w.pos = pos;
  }

  #fields(w: Window): number {
    const e = this.#elements;
    for (;;) {
      switch (e.next(w)) {
        case NEEDS:
          return MORE;
        case BROKEN:
          return this.#go(REST);
        case END:
          return this.#go(this.#behindBody());
      }
      if (this.#detail!.command && !this.#look(w, e)) return MORE;
      if (this.#phase !== FIELDS) return GO_ON;
      if (!e.pass(w)) return SKIP;
    }
  }

  #behindBody(): number {
    const { opcode } = this.#detail!;
    return opcode === OP_MSG ? SECTION : opcode === OP_COMMAND ? BODY : REST;
  }

  /** Takes what a field of the command says; false: `w.want` bytes of it are needed. */
  #look(w: Window, e: Elements): boolean {
    const x = this.#x!;
    const d = this.#detail!;
    if (this.#first) return this.#lookFirst(w, e, x, d);
    switch (e.type) {
      case STRING:
        if (e.named(w, DB)) {
          if (!holdsText(w, e, MAX_DATABASE_BYTES)) return false;
          x.namespace = textOf(w, e, MAX_DATABASE_BYTES);
        } else if (e.named(w, COLLECTION) && x.operation === 'getMore') {
          if (!holdsText(w, e, MAX_TARGET_BYTES)) return false;
          x.target = textOf(w, e, MAX_TARGET_BYTES);
        } else return this.#comment(w, e, d);
        return true;
      case DOCUMENT:
        return this.#comment(w, e, d);
      case BOOLEAN:
        if (!e.named(w, AWAIT_DATA)) return true;
        if (!e.holds(w, 1)) return false;
        d.tails = w.buf[e.valueAt] === 1;
        return true;
      case ARRAY:
        return this.#lookArray(w, e, x, d);
      default:
        // a hello that waits for news of the topology, a getMore on a cursor that waits for documents
        if (e.named(w, MAX_AWAIT_TIME) || (e.named(w, MAX_TIME) && x.operation === 'getMore')) x.waits = true;
        return true;
    }
  }

  /** The name of a command's first field is the command, its text the collection or whatever it is about. */
  #lookFirst(w: Window, e: Elements, x: Exchange, d: MongoDetail): boolean {
    const name = e.nameTo - e.nameFrom <= MAX_COMMAND_BYTES ? WORDS.text(w.buf, e.nameFrom, e.nameTo) : '';
    if (d.opcode === OP_COMMAND && name !== x.operation) {
      this.#first = false; // metadata
      return true;
    }
    if (e.type === STRING) {
      if (!holdsText(w, e, MAX_TARGET_BYTES)) return false;
      x.target = textOf(w, e, MAX_TARGET_BYTES);
    } else if (e.type === INT64 && this.#tails.size > 0) {
      if (!e.holds(w, 8)) return false;
      x.waits = this.#isTail(w, e.valueAt);
    }
    x.operation = name;
    this.#first = false;
    return true;
  }

  #lookArray(w: Window, e: Elements, x: Exchange, d: MongoDetail): boolean {
    if (x.operation === 'aggregate' && e.named(w, PIPELINE)) {
      const needed = STAGE_AT + CHANGE_STREAM.length;
      if (e.valueBytes < needed) return true;
      if (!e.holds(w, needed)) return false;
      const at = e.valueAt + STAGE_AT;
      d.tails = w.buf.compare(CHANGE_STREAM, 0, CHANGE_STREAM.length, at, at + CHANGE_STREAM.length) === 0;
    } else if (this.#out.detail === FULL && isBatch(w.buf, e.nameFrom, e.nameTo)) {
      w.pos = e.valueAt;
      this.#items.enter(w, e.valueBytes);
      this.#phase = ITEMS;
    }
    return true;
  }

  /** A trace context may travel in the comment, or in a document in its place. */
  #comment(w: Window, e: Elements, d: MongoDetail): boolean {
    if (this.#out.detail < FULL || e.valueBytes > MAX_COMMENT_BYTES) return true;
    if (!e.named(w, COMMENT) && !e.named(w, QUERY_COMMENT)) return true;
    if (!e.holds(w, e.valueBytes)) return false;
    d.context = contextIn(w, e);
    return true;
  }

  /** The elements of an array within the command. */
  #countItems(w: Window): number {
    const e = this.#items;
    for (;;) {
      switch (e.next(w)) {
        case NEEDS:
          return MORE;
        case BROKEN:
          return this.#go(REST);
        case END:
          return this.#go(FIELDS);
      }
      this.#detail!.batch++;
      if (!e.pass(w)) return SKIP;
    }
  }

  #go(phase: number): number {
    this.#phase = phase;
    return GO_ON;
  }
}

function isBatch(buf: Buffer, from: number, to: number): boolean {
  for (const word of BATCHES) {
    if (word.length === to - from && buf.compare(word, 0, word.length, from, to) === 0) return true;
  }
  return false;
}

/** Where the query of an OP_QUERY begins whose document begins at `w.pos`; the first name in it is in the window. */
function unwrapped(w: Window): number {
  const from = w.pos + 4;
  for (const word of WRAPPED) {
    const to = from + word.length;
    if (to <= w.end && w.buf.compare(word, 0, word.length, from, to) === 0) return to;
  }
  return w.pos;
}

/** The int64 at `buf[at]` as a key of the table of cursors. */
export const cursorKey = (w: Window, at: number): string => w.buf.toString('latin1', at, at + 8);

/** The text of a string is in the window, or too long to be taken. */
const holdsText = (w: Window, e: Elements, maxBytes: number): boolean =>
  e.valueBytes > 4 + maxBytes || e.holds(w, e.valueBytes);

/** '' when it is longer than it can be. Behind the int32 and in front of the zero byte. */
const textOf = (w: Window, e: Elements, maxBytes: number): string =>
  e.valueBytes > 4 + maxBytes ? '' : WORDS.text(w.buf, e.valueAt + 4, e.valueAt + e.valueBytes - 1);
