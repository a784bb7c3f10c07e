import type { Exchange } from '../../exchange/exchange.ts';
import { FULL, type Window } from '../protocol.ts';
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
import { MessageReader, REST } from './message-reader.ts';
import { tellPartition, tellTopic, textOf } from './topics.ts';
import { REQUEST_BYTES } from './wire.ts';

/** Behind the correlation id; the client id has never become compact (KIP-482). */
const HEAD = new Layout('client:str').steps(0, false);
const TAGS = new Layout('').steps(0, true);

/** Phases, behind those of every message. */
const CLIENT_ID = 2;
const HEAD_TAGS = 3;
const BODY = 4;

/** Reads what a request asks for. */
export class RequestReader extends MessageReader {
  #api: Api | null = null;
  #maxWaitMs = 0;
  /** Nothing answers it. */
  oneWay = false;
  /** Nobody saw whether anything answers it: the acknowledgements that a Produce wants. */
  doubtful = false;

  override pass(end: number): void {
    super.pass(end);
    this.oneWay = false;
    this.doubtful = false;
  }

  /** A request begins at `w.pos` and goes up to the stream offset `end`. `api`: null when it is not known. */
  begin(w: Window, x: Exchange, d: KafkaDetail, api: Api | null, end: number): void {
    this.open(x, d, end);
    this.#api = api;
    this.oneWay = false;
    this.doubtful = d.apiKey === PRODUCE;
    w.pos += REQUEST_BYTES;
    // the very first version of ControlledShutdown has no client id
    const headless = d.apiKey === CONTROLLED_SHUTDOWN && d.apiVersion === 0;
    if (api === null || headless) this.phase = REST;
    else {
      this.walker.begin(HEAD, end);
      this.phase = CLIENT_ID;
    }
  }

  protected override next(_x: Exchange, detail: KafkaDetail | null): void {
    const api = this.#api!;
    const d = detail!;
    if (this.phase === CLIENT_ID && api.isFlexible(d.apiVersion)) {
      this.walker.begin(TAGS, this.end);
      this.phase = HEAD_TAGS;
      return;
    }
    const body = this.phase === BODY ? null : api.request(d.apiVersion);
    if (body !== null) {
      this.walker.begin(body, this.end);
      this.phase = BODY;
      return;
    }
    if (this.phase === BODY && d.apiKey === PRODUCE) this.settleRecords(d);
    this.phase = REST;
  }

  protected override take(w: Window, x: Exchange, detail: KafkaDetail | null): void {
    const { walker } = this;
    const d = detail!;
    const { buf } = w;
    switch (walker.role) {
      case CLIENT:
        if (this.out.detail === FULL) d.clientId = textOf(buf, walker.from, walker.to);
        break;
      case TOPIC:
        tellTopic(x, d, textOf(buf, walker.from, walker.to));
        break;
      case TOPIC_ID:
        if (!isNone(buf, walker.from)) tellTopic(x, d, this.names.of(buf, walker.from));
        break;
      case PARTITION:
        tellPartition(d, walker.value);
        break;
      case GROUP:
        d.groups++;
        d.group = d.groups === 1 ? textOf(buf, walker.from, walker.to) : '';
        break;
      case TRANSACTION:
        if (this.out.detail === FULL) d.transactionalId = textOf(buf, walker.from, walker.to);
        break;
      case ACKS:
        this.oneWay = walker.value === 0;
        this.doubtful = false;
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
        this.enterRecords(w, true);
        break;
    }
  }
}

/** Sixteen zeros: the topic has no id, or is asked for by its name. */
function isNone(buf: Buffer, from: number): boolean {
  for (let i = from; i < from + 16; i++) if (buf[i] !== 0) return false;
  return true;
}
