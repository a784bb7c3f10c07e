import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { apiNamed, FETCH, SHARE_FETCH } from './apis.ts';
import { type KafkaDetail, NO_PARTITION, UNTOLD } from './exchange-detail.ts';
import { ERROR, type Step as Field, ID, Layout, NAME, PARTITION, RECORDS, TOPIC, TOPIC_ID } from './layout.ts';
import { DONE, RecordReader } from './records.ts';
import { type TopicNames, tellPartition, tellTopic, textOf } from './topics.ts';
import { END, FOUND, NEEDS, PASSES, Walker } from './walker.ts';
import { RESPONSE_BYTES, skipTo } from './wire.ts';

const TAGS = new Layout('').steps(0, true);

/** Phases. */
const HEAD_TAGS = 0;
const BODY = 1;
const BATCHES = 2;
const REST = 3;

/** Reads how a request went, out of its response, piece by piece as it comes. Records go by unread but for the heads of their batches. */
export class ResponseReader {
  readonly #out: Exchanges;
  readonly #names: TopicNames;
  readonly #walker = new Walker();
  readonly #records = new RecordReader();
  #phase = REST;
  #x: Exchange | null = null;
  #detail: KafkaDetail | null = null;
  #body: readonly Field[] = [];
  /** Stream offset behind the message. */
  #end = 0;
  /** Of the topic whose id comes next. */
  #name = '';

  constructor(out: Exchanges, names: TopicNames) {
    this.#out = out;
    this.#names = names;
  }

  /** Nothing of the message is wanted: it goes by up to the stream offset `end`. */
  pass(end: number): void {
    this.#x = null;
    this.#detail = null;
    this.#phase = REST;
    this.#end = end;
  }

  /** The response to `x` begins at `w.pos` and goes up to the stream offset `end`. */
  begin(w: Window, x: Exchange, end: number): void {
    const d = x.detail as KafkaDetail | null;
    const api = apiNamed(x.operation);
    const body = api === null ? null : api.response(x.version);
    this.pass(end);
    x.status = UNTOLD;
    w.pos += RESPONSE_BYTES;
    if (api === null || body === null) return;
    this.#x = x;
    this.#detail = d;
    this.#body = body;
    this.#records.clear(false);
    if (d?.incremental) {
      d.topics = 0;
      d.partition = NO_PARTITION;
      x.target = '';
    }
    const tagged = api.hasTaggedResponse(x.version);
    this.#phase = tagged ? HEAD_TAGS : BODY;
    this.#walker.begin(tagged ? TAGS : body, end);
  }

  /** MORE, SKIP, or DONE. */
  read(w: Window): Step | typeof DONE {
    const x = this.#x;
    if (x !== null && x.outcome !== IN_FLIGHT) this.pass(this.#end); // given up meanwhile: its record has gone to the listener
    for (;;) {
      if (this.#phase === REST) return skipTo(w, this.#end) ? DONE : SKIP;
      if (this.#phase === BATCHES) {
        const step = this.#records.read(w);
        if (step !== DONE) return step;
        this.#phase = BODY;
      }
      switch (this.#walker.next(w)) {
        case NEEDS:
          return MORE;
        case PASSES:
          return SKIP;
        case FOUND:
          this.#take(w, this.#x!, this.#detail);
          break;
        case END:
          this.#next(this.#x!, this.#detail);
          break;
        default:
          this.#phase = REST;
      }
    }
  }

  #next(x: Exchange, d: KafkaDetail | null): void {
    if (this.#phase === HEAD_TAGS) {
      this.#walker.begin(this.#body, this.#end);
      this.#phase = BODY;
      return;
    }
    if (x.status === UNTOLD) x.status = 0;
    if (d !== null && this.#out.detail === FULL && (d.apiKey === FETCH || d.apiKey === SHARE_FETCH)) {
      d.messages = this.#records.count;
      d.compression = this.#records.compression;
    }
    this.#phase = REST;
  }

  #take(w: Window, x: Exchange, d: KafkaDetail | null): void {
    const walker = this.#walker;
    const { buf } = w;
    switch (walker.role) {
      case ERROR:
        if (walker.value === 0) break;
        x.status = walker.value;
        x.failed = true;
        x.waits = false; // errors are told at once
        this.#phase = REST;
        break;
      case NAME:
        this.#name = textOf(buf, walker.from, walker.to);
        break;
      case ID:
        this.#names.learn(buf, walker.from, this.#name);
        this.#name = '';
        break;
      case TOPIC:
        if (d?.incremental) tellTopic(x, d, textOf(buf, walker.from, walker.to));
        break;
      case TOPIC_ID:
        if (d?.incremental) tellTopic(x, d, this.#names.of(buf, walker.from));
        break;
      case PARTITION:
        if (d?.incremental) tellPartition(d, walker.value);
        break;
      case RECORDS:
        this.#phase = BATCHES;
        if (d !== null && this.#out.detail === FULL) this.#records.begin(w, walker.bytes);
        else this.#records.pass(w, walker.bytes);
        break;
    }
  }
}
