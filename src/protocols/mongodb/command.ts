import { Words } from '../../bytes/words.ts';
import { type Exchange, UNKNOWN } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, type Table, type Window } from '../protocol.ts';
import { ARRAY, BOOLEAN, DOCUMENT, type Elements, INT64, STRING } from './bson.ts';
import { contextIn, MAX_COMMENT_BYTES } from './comment.ts';
import type { MongoDetail } from './exchange-detail.ts';
import { MAX_COMMAND_BYTES, MAX_TARGET_BYTES } from './starts.ts';
import { OP_COMMAND } from './wire.ts';

/** Names of databases have at most 63 bytes. */
const MAX_DATABASE_BYTES = 128;

const DB = Buffer.from('$db');
const COLLECTION = Buffer.from('collection');
const MAX_AWAIT_TIME = Buffer.from('maxAwaitTimeMS');
const MAX_TIME = Buffer.from('maxTimeMS');
const AWAIT_DATA = Buffer.from('awaitData');
const PIPELINE = Buffer.from('pipeline');
const COMMENT = Buffer.from('comment');
const QUERY_COMMENT = Buffer.from('$comment');
/** Fields, and identifiers of sections, whose documents are what a command does many times. */
const BATCHES = ['documents', 'updates', 'deletes', 'ops'].map((word) => Buffer.from(word));
/** A pipeline that begins with this stage: the array's length, a document `0` and its length, the type of the stage's value. */
const CHANGE_STREAM = Buffer.from('$changeStream\0');
const STAGE_AT = 4 + 3 + 4 + 1;

/** Commands, collections and databases come again and again. */
export const WORDS = new Words();

/** What look() answers. */
export const TAKEN = 0;
/** `w.want` bytes of the field are needed. */
export const WANTED = 1;
/** The field is an array of what the command does: its elements are to be counted. */
export const TO_COUNT = 2;

/** Takes what the fields of a command say, one by one, into its exchange. */
export class CommandFields {
  readonly #out: Exchanges;
  /** Cursors that wait for documents, by their id. */
  readonly #tails: Table<true>;
  /** The next field is the document's first. */
  first = false;

  constructor(out: Exchanges, tails: Table<true>) {
    this.#out = out;
    this.#tails = tails;
  }

  /** The cursor whose id stands at `buf[at]` is one that waits. */
  isTail(w: Window, at: number): boolean {
    return this.#tails.size > 0 && this.#tails.get(cursorKey(w, at)) !== undefined;
  }

  look(w: Window, e: Elements, x: Exchange, d: MongoDetail): number {
    if (this.first) return this.lookFirst(w, e, x, d);
    switch (e.type) {
      case STRING:
        if (e.named(w, DB)) {
          if (!holdsText(w, e, MAX_DATABASE_BYTES)) return WANTED;
          x.namespace = textOf(w, e, MAX_DATABASE_BYTES);
        } else if (e.named(w, COLLECTION) && x.operation === 'getMore') {
          if (!holdsText(w, e, MAX_TARGET_BYTES)) return WANTED;
          x.target = textOf(w, e, MAX_TARGET_BYTES);
        } else return this.#comment(w, e, d);
        return TAKEN;
      case DOCUMENT:
        return this.#comment(w, e, d);
      case BOOLEAN:
        if (!e.named(w, AWAIT_DATA)) return TAKEN;
        if (!e.holds(w, 1)) return WANTED;
        d.tails = w.buf[e.valueAt] === 1;
        return TAKEN;
      case ARRAY:
        return this.#array(w, e, x, d);
      default:
        // a hello that waits for news of the topology, a getMore on a cursor that waits for documents
        if (e.named(w, MAX_AWAIT_TIME) || (e.named(w, MAX_TIME) && x.operation === 'getMore')) x.waits = true;
        return TAKEN;
    }
  }

  /** The name of a command's first field is the command, its text the collection or whatever it is about. */
  lookFirst(w: Window, e: Elements, x: Exchange, d: MongoDetail): number {
    const name = e.nameTo - e.nameFrom <= MAX_COMMAND_BYTES ? WORDS.text(w.buf, e.nameFrom, e.nameTo) : UNKNOWN;
    if (d.opcode === OP_COMMAND && name !== x.operation) {
      this.first = false; // metadata
      return TAKEN;
    }
    if (e.type === STRING) {
      if (!holdsText(w, e, MAX_TARGET_BYTES)) return WANTED;
      x.target = textOf(w, e, MAX_TARGET_BYTES);
    } else if (e.type === INT64 && this.#tails.size > 0) {
      if (!e.holds(w, 8)) return WANTED;
      x.waits = this.isTail(w, e.valueAt);
    }
    x.operation = name;
    this.first = false;
    return TAKEN;
  }

  #array(w: Window, e: Elements, x: Exchange, d: MongoDetail): number {
    if (x.operation !== 'aggregate' || !e.named(w, PIPELINE)) {
      return this.#out.detail === FULL && isBatch(w.buf, e.nameFrom, e.nameTo) ? TO_COUNT : TAKEN;
    }
    const needed = STAGE_AT + CHANGE_STREAM.length;
    if (e.valueBytes < needed) return TAKEN;
    if (!e.holds(w, needed)) return WANTED;
    const at = e.valueAt + STAGE_AT;
    d.tails = w.buf.compare(CHANGE_STREAM, 0, CHANGE_STREAM.length, at, at + CHANGE_STREAM.length) === 0;
    return TAKEN;
  }

  /** A trace context may travel in the comment, or in a document in its place. */
  #comment(w: Window, e: Elements, d: MongoDetail): number {
    if (this.#out.detail < FULL || e.valueBytes > MAX_COMMENT_BYTES) return TAKEN;
    if (!e.named(w, COMMENT) && !e.named(w, QUERY_COMMENT)) return TAKEN;
    if (!e.holds(w, e.valueBytes)) return WANTED;
    d.context = contextIn(w, e);
    return TAKEN;
  }
}

/** The field, or the section's identifier, in `buf[from, to)` holds what a command does many times. */
export function isBatch(buf: Buffer, from: number, to: number): boolean {
  for (const word of BATCHES) {
    if (word.length === to - from && buf.compare(word, 0, word.length, from, to) === 0) return true;
  }
  return false;
}

/** The int64 at `buf[at]` as a key of the table of cursors. */
export const cursorKey = (w: Window, at: number): string => w.buf.toString('latin1', at, at + 8);

/** The text of a string is in the window, or too long to be taken. */
const holdsText = (w: Window, e: Elements, maxBytes: number): boolean =>
  e.valueBytes > 4 + maxBytes || e.holds(w, e.valueBytes);

/** '' when it is longer than it can be. Behind the int32 and in front of the zero byte. */
const textOf = (w: Window, e: Elements, maxBytes: number): string =>
  e.valueBytes > 4 + maxBytes ? '' : WORDS.text(w.buf, e.valueAt + 4, e.valueAt + e.valueBytes - 1);
