import type { Exchange } from '../../exchange/exchange.ts';
import type { Window } from '../protocol.ts';
import { apiNamed, FETCH, PRODUCE, SHARE_FETCH } from './apis.ts';
import { type KafkaDetail, NO_PARTITION, UNTOLD } from './exchange-detail.ts';
import { ERROR, type Step as Field, ID, Layout, NAME, PARTITION, RECORDS, TOPIC, TOPIC_ID } from './layout.ts';
import { MessageReader, REST } from './message-reader.ts';
import { tellPartition, tellTopic, textOf } from './topics.ts';
import { RESPONSE_BYTES } from './wire.ts';

const TAGS = new Layout('').steps(0, true);

/** Phases, behind those of every message. */
const HEAD_TAGS = 2;
const BODY = 3;

/** Reads how a request went, out of its response. Records go by unread but for the heads of their batches. */
export class ResponseReader extends MessageReader {
  #body: readonly Field[] = [];
  /** Of the topic whose id comes next. */
  #name = '';

  /** The response to `x` begins at `w.pos` and goes up to the stream offset `end`. */
  begin(w: Window, x: Exchange, end: number): void {
    const d = x.detail as KafkaDetail | null;
    const api = apiNamed(x.operation);
    const body = api === null ? null : api.response(x.version);
    this.pass(end);
    if (d?.apiKey === PRODUCE) x.waits = false; // it wanted an answer
    x.status = UNTOLD;
    w.pos += RESPONSE_BYTES;
    if (api === null || body === null) return;
    this.open(x, d, end);
    this.#body = body;
    if (d?.incremental) {
      d.topics = 0;
      d.partition = NO_PARTITION;
      x.target = '';
    }
    const tagged = api.hasTaggedResponse(x.version);
    this.phase = tagged ? HEAD_TAGS : BODY;
    this.walker.begin(tagged ? TAGS : body, end);
  }

  protected override next(x: Exchange, d: KafkaDetail | null): void {
    if (this.phase === HEAD_TAGS) {
      this.walker.begin(this.#body, this.end);
      this.phase = BODY;
      return;
    }
    if (x.status === UNTOLD) x.status = 0;
    if (d !== null && (d.apiKey === FETCH || d.apiKey === SHARE_FETCH)) {
      this.settleRecords(d);
    }
    this.phase = REST;
  }

  protected override take(w: Window, x: Exchange, d: KafkaDetail | null): void {
    const { walker } = this;
    const { buf } = w;
    switch (walker.role) {
      case ERROR:
        if (walker.value === 0) break;
        x.status = walker.value;
        x.failed = true;
        x.waits = false; // errors are told at once
        this.phase = REST;
        break;
      case NAME:
        this.#name = textOf(buf, walker.from, walker.to);
        break;
      case ID:
        this.names.learn(buf, walker.from, this.#name);
        this.#name = '';
        break;
      case TOPIC:
        if (d?.incremental) tellTopic(x, d, textOf(buf, walker.from, walker.to));
        break;
      case TOPIC_ID:
        if (d?.incremental) tellTopic(x, d, this.names.of(buf, walker.from));
        break;
      case PARTITION:
        if (d?.incremental) tellPartition(d, walker.value);
        break;
      case RECORDS:
        this.enterRecords(w, false);
        break;
    }
  }
}
