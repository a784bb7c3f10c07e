import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import type { KafkaDetail } from './exchange-detail.ts';
import { DONE, RecordReader } from './records.ts';
import type { TopicNames } from './topics.ts';
import { END, FOUND, NEEDS, PASSES, Walker } from './walker.ts';
import { skipTo } from './wire.ts';

/** Phases that requests and responses have in common; the others are the heirs', from 2 on. */
export const REST = 0;
const BATCHES = 1;

/** Reads a message, piece by piece as it comes, into its exchange. */
export abstract class MessageReader {
  protected readonly out: Exchanges;
  protected readonly names: TopicNames;
  protected readonly walker = new Walker();
  protected phase = REST;
  /** Behind the records the message goes on in this phase. */
  #behind = REST;
  /** Most messages have none. */
  #records: RecordReader | null = null;
  /** The message has not come to records yet. */
  #before = true;
  #x: Exchange | null = null;
  #detail: KafkaDetail | null = null;
  /** Stream offset behind the message. */
  protected end = 0;

  constructor(out: Exchanges, names: TopicNames) {
    this.out = out;
    this.names = names;
  }

  /** Nothing of the message is wanted: it goes by up to the stream offset `end`. */
  pass(end: number): void {
    this.#x = null;
    this.#detail = null;
    this.phase = REST;
    this.end = end;
  }

  /** The rest of what it says cannot be read. */
  giveUp(): void {
    this.phase = REST;
  }

  /** A message of `x` goes up to the stream offset `end`. */
  protected open(x: Exchange, d: KafkaDetail | null, end: number): void {
    this.#x = x;
    this.#detail = d;
    this.end = end;
    this.#before = true;
  }

  /** MORE, SKIP, or DONE. */
  read(w: Window): Step | typeof DONE {
    const x = this.#x;
    if (x !== null && x.outcome !== IN_FLIGHT) this.pass(this.end); // given up meanwhile: its record has gone to the listener
    for (;;) {
      if (this.phase === REST) return skipTo(w, this.end) ? DONE : SKIP;
      if (this.phase === BATCHES) {
        const step = this.#records!.read(w);
        if (step !== DONE) return step;
        this.phase = this.#behind;
      }
      switch (this.walker.next(w)) {
        case NEEDS:
          return MORE;
        case PASSES:
          return SKIP;
        case FOUND:
          this.take(w, this.#x!, this.#detail);
          break;
        case END:
          this.next(this.#x!, this.#detail);
          break;
        default:
          this.phase = REST;
      }
    }
  }

  /** The walker has found a field with a meaning. */
  protected abstract take(w: Window, x: Exchange, d: KafkaDetail | null): void;

  /** What was walked through has come to its end. */
  protected abstract next(x: Exchange, d: KafkaDetail | null): void;

  /** Records begin at `w.pos`. `context`: the headers of the message's first one are looked at. */
  protected enterRecords(w: Window, context: boolean): void {
    this.#records ??= new RecordReader();
    if (this.#before) this.#records.clear(context && this.out.detail === FULL);
    this.#before = false;
    this.#behind = this.phase;
    this.phase = BATCHES;
    if (this.#detail !== null) this.#records.begin(w, this.walker.bytes);
    else this.#records.pass(w, this.walker.bytes);
  }

  /** Tells what was seen of the message's records. */
  protected settleRecords(d: KafkaDetail): void {
    const records = this.#before ? null : this.#records;
    d.messages = records === null ? 0 : records.count;
    if (records === null) return;
    d.compression = records.compression;
    d.context = records.context;
  }
}
