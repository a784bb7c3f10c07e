/** Records as they are stored and sent: batches (magic 2, KIP-98), and the message sets of older versions (magic 0 and 1). */

import { MessageContext } from '../../exchange/messaging.ts';
import { MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { holds, MAX_VARINT_BYTES, MAX_VARLONG_BYTES, signedAt, skipTo, varintBytes } from './wire.ts';

/** What read() answers when `w.pos` stands behind the records. */
export const DONE = -1;

/**
 * int64 base offset, int32 length of what follows, int32 leader epoch, int8 magic, uint32 CRC, int16 attributes, int32 last offset
 * delta, int64 base and maximum timestamp, int64 producer id, int16 producer epoch, int32 base sequence, int32 number of records.
 */
const BATCH_BYTES = 61;
/** int64 offset, int32 length of what follows, uint32 CRC, int8 magic, int8 attributes, ... */
const MESSAGE_BYTES = 18;
/** In front of a length's end. */
const LENGTH_END = 12;
const MAGIC_AT = 16;
const COMPRESSION = 7;
/** A batch of the broker's own: the end of a transaction. */
const CONTROL = 32;

/** int8 attributes between the length and the rest, all of variable length: timestamp and offset deltas, length of the key. */
const RECORD_BYTES = MAX_VARINT_BYTES + 1 + MAX_VARLONG_BYTES + 2 * MAX_VARINT_BYTES;

/** Headers that are looked at, and the longest names and values that are read: `sw8` has below 600 bytes, `tracestate` 512. */
const MAX_HEADERS = 32;
const MAX_NAME_BYTES = 64;
const MAX_VALUE_BYTES = 1024;

/** Phases. */
const BATCH = 0;
const BEHIND = 1;
const RECORD = 2;
const VALUE = 3;
const HEADERS = 4;
const HEADER = 5;
const REST = 6;
const GO_ON = -2;

/** Counts records by the heads of their batches, and takes the trace context out of the very first record where it is not compressed. */
export class RecordReader {
  /** Records of all batches since clear(); -1: some were compressed in a way that hides their number. */
  count = 0;
  /** Of the last batch. */
  compression = 0;
  context: MessageContext | null = null;
  #phase = REST;
  /** Stream offsets behind the records, behind the batch, behind the first record, and of what is read next in that one. */
  #end = 0;
  #batchEnd = 0;
  #recordEnd = 0;
  #next = 0;
  #headers = 0;
  #wantsContext = false;

  /** A message begins. `context`: its first record's headers are looked at. */
  clear(context: boolean): void {
    this.count = 0;
    this.compression = 0;
    this.context = null;
    this.#wantsContext = context;
  }

  /** So many bytes of records begin at `w.pos`. */
  begin(w: Window, bytes: number): void {
    this.#end = w.base + w.pos + bytes;
    this.#phase = BATCH;
  }

  /** So many bytes of records go by unseen. */
  pass(w: Window, bytes: number): void {
    this.#end = w.base + w.pos + bytes;
    this.#phase = REST;
  }

  /** MORE, SKIP, or DONE. */
  read(w: Window): Step | typeof DONE {
    for (;;) {
      let step: number;
      switch (this.#phase) {
        case BATCH:
          step = this.#batch(w);
          break;
        case RECORD:
          step = this.#record(w);
          break;
        case VALUE:
          step = this.#value(w);
          break;
        case HEADERS:
          step = this.#countHeaders(w);
          break;
        case HEADER:
          step = this.#header(w);
          break;
        case BEHIND:
          if (!skipTo(w, this.#batchEnd)) return SKIP;
          step = this.#go(BATCH);
          break;
        default:
          return skipTo(w, this.#end) ? DONE : SKIP;
      }
      if (step !== GO_ON) return step as Step;
    }
  }

  #go(phase: number): number {
    this.#phase = phase;
    return GO_ON;
  }

  #batch(w: Window): number {
    const { pos, view } = w;
    const at = w.base + pos;
    const left = this.#end - at;
    if (left < MESSAGE_BYTES) return this.#go(REST);
    if (!holds(w, Math.min(left, BATCH_BYTES))) return MORE;
    const bytes = LENGTH_END + view.getInt32(pos + 8);
    const magic = view.getUint8(pos + MAGIC_AT);
    // brokers may cut the last batch of what they send
    if (bytes < (magic < 2 ? MESSAGE_BYTES : BATCH_BYTES) || bytes > left || magic > 2) return this.#go(REST);
    this.#batchEnd = at + bytes;
    if (magic < 2) {
      this.compression = view.getUint8(pos + MAGIC_AT + 1) & COMPRESSION;
      this.#add(this.compression === 0 ? 1 : -1); // a compressed message holds others
      return this.#go(BEHIND);
    }
    const attributes = view.getInt16(pos + 21);
    if ((attributes & CONTROL) !== 0) return this.#go(BEHIND);
    this.compression = attributes & COMPRESSION;
    this.#add(view.getInt32(pos + 57));
    const readable = this.#wantsContext && this.compression === 0;
    this.#wantsContext = false;
    if (!readable) return this.#go(BEHIND);
    w.pos = pos + BATCH_BYTES;
    return this.#go(RECORD);
  }

  #add(count: number): void {
    this.count = count < 0 || this.count < 0 ? -1 : this.count + count;
  }

  /** varint length, int8 attributes, varlong timestamp delta, varint offset delta, varint length of the key (-1: none), key */
  #record(w: Window): number {
    if (!this.#holds(w, RECORD_BYTES, this.#batchEnd)) return MORE;
    const first = varintBytes(w, w.pos, MAX_VARINT_BYTES);
    if (first <= 0) return this.#go(BEHIND);
    this.#recordEnd = w.base + w.pos + first + signedAt(w, w.pos, first);
    if (this.#recordEnd > this.#batchEnd) return this.#go(BEHIND);
    w.pos += first + 1;
    const delta = varintBytes(w, w.pos, MAX_VARLONG_BYTES);
    const offset = delta <= 0 ? 0 : varintBytes(w, w.pos + delta, MAX_VARINT_BYTES);
    if (offset <= 0) return this.#go(BEHIND);
    w.pos += delta + offset;
    return this.#length(w, VALUE);
  }

  /** varint length of the value (-1: none), value */
  #value(w: Window): number {
    if (!skipTo(w, this.#next)) return SKIP;
    if (!this.#holds(w, MAX_VARINT_BYTES, this.#recordEnd)) return MORE;
    return this.#length(w, HEADERS);
  }

  /** A length and so many bytes: goes behind them, and on with `phase`. */
  #length(w: Window, phase: number): number {
    const n = varintBytes(w, w.pos, MAX_VARINT_BYTES);
    if (n <= 0) return this.#go(BEHIND);
    this.#next = w.base + w.pos + n + Math.max(0, signedAt(w, w.pos, n));
    return this.#go(this.#next < this.#recordEnd ? phase : BEHIND);
  }

  /** varint number of headers */
  #countHeaders(w: Window): number {
    if (!skipTo(w, this.#next)) return SKIP;
    if (!this.#holds(w, MAX_VARINT_BYTES, this.#recordEnd)) return MORE;
    const n = varintBytes(w, w.pos, MAX_VARINT_BYTES);
    if (n <= 0) return this.#go(BEHIND);
    this.#headers = Math.min(MAX_HEADERS, signedAt(w, w.pos, n));
    this.#next = w.base + w.pos + n;
    return this.#go(HEADER);
  }

  /** varint length, name, varint length (-1: none), value */
  #header(w: Window): number {
    if (!skipTo(w, this.#next)) return SKIP;
    if (this.#headers-- <= 0) return this.#go(BEHIND);
    const step = this.#nameAndValue(w);
    if (step === MORE) this.#headers++;
    return step;
  }

  #nameAndValue(w: Window): number {
    const { pos } = w;
    if (!this.#holds(w, MAX_VARINT_BYTES, this.#recordEnd)) return MORE;
    const n = varintBytes(w, pos, MAX_VARINT_BYTES);
    const nameBytes = n <= 0 ? -1 : signedAt(w, pos, n);
    if (nameBytes < 0 || nameBytes > MAX_NAME_BYTES) return this.#go(BEHIND);
    const nameTo = pos + n + nameBytes;
    if (!this.#holds(w, n + nameBytes + MAX_VARINT_BYTES, this.#recordEnd)) return MORE;
    const m = varintBytes(w, nameTo, MAX_VARINT_BYTES);
    if (m <= 0) return this.#go(BEHIND);
    const bytes = Math.max(0, signedAt(w, nameTo, m));
    const from = nameTo + m;
    const next = w.base + from + bytes;
    if (next > this.#recordEnd) return this.#go(BEHIND);
    if (isTraceName(nameBytes) && bytes > 0 && bytes <= MAX_VALUE_BYTES) {
      if (!holds(w, from + bytes - pos)) return MORE;
      this.#take(w.buf.toString('latin1', pos + n, nameTo), w.buf.toString('latin1', from, from + bytes));
    }
    this.#next = next;
    return GO_ON;
  }

  #take(name: string, value: string): void {
    const context = this.context ?? new MessageContext();
    context.take(name, value);
    if (!context.isEmpty || context.tracestate !== '') this.context = context;
  }

  /** So many bytes are there, or all up to `end`. */
  #holds(w: Window, bytes: number, end: number): boolean {
    return holds(w, Math.min(bytes, end - w.base - w.pos));
  }
}

/** By their lengths: b3, sw8, tracestate, traceparent, uber-trace-id. */
const isTraceName = (bytes: number): boolean => bytes === 2 || bytes === 3 || (bytes >= 10 && bytes <= 13);
