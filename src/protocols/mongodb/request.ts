import { type Exchange, IN_FLIGHT, UNKNOWN } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, MORE, SKIP, type Step, type Table, type Window } from '../protocol.ts';
import { BROKEN, ELEMENT, Elements, END, holds, MIN_DOCUMENT_BYTES, NEEDS, skipTo, textEnd } from './bson.ts';
import { CommandFields, isBatch, TO_COUNT, WANTED, WORDS } from './command.ts';
import { MongoDetail } from './exchange-detail.ts';
import { MAX_TARGET_BYTES, unwrapped } from './starts.ts';
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

/** Phases. */
const SECTION = 0;
const BODY = 1;
const FIELDS = 2;
const ITEMS = 3;
const SEQUENCE = 4;
const REST = 5;

const DOT = 0x2e;

/** What the phases answer to one another, besides MORE and SKIP. */
const GO_ON = -2;

/** Reads what a request asks for, piece by piece as it comes, into its exchange. What does not matter passes by unseen. */
export class RequestReader {
  readonly #out: Exchanges;
  readonly #command: CommandFields;
  readonly #elements = new Elements();
  readonly #items = new Elements();
  #phase = REST;
  #x: Exchange | null = null;
  #detail: MongoDetail | null = null;
  /** Stream offsets behind the last section, and behind the message. */
  #end = 0;
  #messageEnd = 0;
  #sequenceEnd = 0;
  /** Nothing answers it. */
  oneWay = false;

  constructor(out: Exchanges, tails: Table<true>) {
    this.#out = out;
    this.#command = new CommandFields(out, tails);
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
    x.operation = UNKNOWN; // until it is read
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
    let split = from;
    while (split < to && buf[split] !== DOT) split++;
    x.namespace = WORDS.text(buf, from, split);
    x.target = split === to ? '' : WORDS.text(buf, split + 1, to);
    w.pos = to + 1;
    this.#phase = REST;
    switch (d.opcode) {
      case OP_QUERY:
        w.pos += 8; // numberToSkip, numberToReturn
        this.#phase = BODY;
        w.pos = unwrapped(w, w.pos);
        d.exhaust = (flags & QUERY_EXHAUST) !== 0;
        d.tails = (flags & QUERY_TAILABLE) !== 0 && (flags & QUERY_AWAIT_DATA) !== 0;
        d.command = x.target === '$cmd';
        if (d.command) x.target = '';
        else x.operation = 'query';
        return;
      case OP_GET_MORE:
        x.operation = 'getMore';
        x.waits = this.#command.isTail(w, w.pos + 4);
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
      if (d.command && x.operation === UNKNOWN) this.#glance(w, length);
      const kept = Math.min(length, this.#out.maxStatementBytes);
      if (!holds(w, kept)) return MORE;
      d.body = w.buf.toString('latin1', w.pos, w.pos + kept);
      x.statementCut = length - kept;
    }
    this.#elements.enter(w, length);
    this.#command.first = true;
    return this.#go(FIELDS);
  }

  /** The command itself, before the rest of the document is waited for: requestStart() has mostly seen to it that it is there. */
  #glance(w: Window, length: number): void {
    const e = this.#elements;
    const { pos } = w;
    e.enter(w, length);
    if (e.next(w) === ELEMENT) this.#command.lookFirst(w, e, this.#x!, this.#detail!);
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
      if (this.#detail!.command) {
        const looked = this.#command.look(w, e, this.#x!, this.#detail!);
        if (looked === WANTED) return MORE;
        if (looked === TO_COUNT) {
          w.pos = e.valueAt;
          this.#items.enter(w, e.valueBytes);
          return this.#go(ITEMS);
        }
      }
      if (!e.pass(w)) return SKIP;
    }
  }

  #behindBody(): number {
    const { opcode } = this.#detail!;
    return opcode === OP_MSG ? SECTION : opcode === OP_COMMAND ? BODY : REST;
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
