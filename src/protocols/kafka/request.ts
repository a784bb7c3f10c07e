import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { type Api, CONTROLLED_SHUTDOWN, PRODUCE } from './apis.ts';
import type { KafkaDetail } from './exchange-detail.ts';
import {
  ACKS,
  CLIENT,
  GROUP,
  Layout,
  MAX_WAIT,
  MIN_BYTES,
  PARTITION,
  RECORDS,
  SESSION_EPOCH,
  TOPIC,
  TOPIC_ID,
  TRANSACTION,
} from './layout.ts';
import { DONE, RecordReader } from './records.ts';
import { type TopicNames, tellPartition, tellTopic, textOf } from './topics.ts';
import { END, FOUND, NEEDS, PASSES, Walker } from './walker.ts';
import { REQUEST_BYTES, skipTo } from './wire.ts';

/** Behind the correlation id; the client id has never become compact (KIP-482). */
const HEAD = new Layout('client:str').steps(0, false);
const TAGS = new Layout('').steps(0, true);

/** Phases. */
const CLIENT_ID = 0;
const HEAD_TAGS = 1;
const BODY = 2;
const BATCHES = 3;
const REST = 4;

/** Reads what a request asks for, piece by piece as it comes, into its exchange. */
export class RequestReader {
  readonly #out: Exchanges;
  readonly #names: TopicNames;
  readonly #walker = new Walker();
  readonly #records = new RecordReader();
  #phase = REST;
  #x: Exchange | null = null;
  #detail: KafkaDetail | null = null;
  #api: Api | null = null;
  /** Stream offset behind the message. */
  #end = 0;
  #maxWaitMs = 0;
  /** Nothing answers it. */
  oneWay = false;

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
    this.oneWay = false;
  }

  /** A request begins at `w.pos` and goes up to the stream offset `end`. `api`: null when it is not known. */
  begin(w: Window, x: Exchange, d: KafkaDetail, api: Api | null, end: number): void {
    this.#x = x;
    this.#detail = d;
    this.#api = api;
    this.#end = end;
    this.oneWay = false;
    this.#records.clear(this.#out.detail === FULL);
    w.pos += REQUEST_BYTES;
    // the very first version of ControlledShutdown has no client id
    const headless = d.apiKey === CONTROLLED_SHUTDOWN && d.apiVersion === 0;
    if (api === null || headless) this.#phase = REST;
    else {
      this.#walker.begin(HEAD, end);
      this.#phase = CLIENT_ID;
    }
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
          this.#take(w, this.#x!, this.#detail!);
          break;
        case END:
          this.#next();
          break;
        default:
          this.#phase = REST;
      }
    }
  }

  #next(): void {
    const api = this.#api!;
    const d = this.#detail!;
    const flexible = api.isFlexible(d.apiVersion);
    if (this.#phase === CLIENT_ID && flexible) {
      this.#walker.begin(TAGS, this.#end);
      this.#phase = HEAD_TAGS;
      return;
    }
    const body = this.#phase === BODY ? null : api.request(d.apiVersion);
    if (body !== null) {
      this.#walker.begin(body, this.#end);
      this.#phase = BODY;
      return;
    }
    if (this.#phase === BODY && d.apiKey === PRODUCE && this.#out.detail === FULL) this.#settleRecords(d);
    this.#phase = REST;
  }

  #settleRecords(d: KafkaDetail): void {
    d.messages = this.#records.count;
    d.compression = this.#records.compression;
    d.context = this.#records.context;
  }

  #take(w: Window, x: Exchange, d: KafkaDetail): void {
    const walker = this.#walker;
    const { buf } = w;
    switch (walker.role) {
      case CLIENT:
        if (this.#out.detail === FULL) d.clientId = textOf(buf, walker.from, walker.to);
        break;
      case TOPIC:
        tellTopic(x, d, textOf(buf, walker.from, walker.to));
        break;
      case TOPIC_ID:
        if (!isNone(buf, walker.from)) tellTopic(x, d, this.#names.of(buf, walker.from));
        break;
      case PARTITION:
        tellPartition(d, walker.value);
        break;
      case GROUP:
        d.groups++;
        d.group = d.groups === 1 ? textOf(buf, walker.from, walker.to) : '';
        break;
      case TRANSACTION:
        if (this.#out.detail === FULL) d.transactionalId = textOf(buf, walker.from, walker.to);
        break;
      case ACKS:
        this.oneWay = walker.value === 0;
        break;
      case MAX_WAIT:
        this.#maxWaitMs = walker.value;
        break;
      case MIN_BYTES:
        x.waits = this.#maxWaitMs > 0 && walker.value > 0;
        break;
      case SESSION_EPOCH:
        d.incremental = walker.value > 0;
        break;
      case RECORDS:
        this.#phase = BATCHES;
        if (this.#out.detail === FULL) this.#records.begin(w, walker.bytes);
        else this.#records.pass(w, walker.bytes);
        break;
    }
  }
}

/** Sixteen zeros: the topic has no id, or is asked for by its name. */
function isNone(buf: Buffer, from: number): boolean {
  for (let i = from; i < from + 16; i++) if (buf[i] !== 0) return false;
  return true;
}
