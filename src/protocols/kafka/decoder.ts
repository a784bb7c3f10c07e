import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  LOST,
  MORE,
  SKIP,
  type Step,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { APIS, SASL_HANDSHAKE } from './apis.ts';
import { detailBytes, KafkaDetail } from './exchange-detail.ts';
import { DONE } from './records.ts';
import { RequestReader } from './request.ts';
import { ResponseReader } from './response.ts';
import {
  type Asked,
  isRequestFollowed,
  isResponseFollowed,
  NOT_A_START,
  requestStart,
  responseStart,
} from './starts.ts';
import { TopicNames } from './topics.ts';
import {
  answeredIdAt,
  apiKeyAt,
  apiVersionAt,
  askedIdAt,
  holds,
  MAX_MESSAGE_BYTES,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  SIZE_BYTES,
  sizeAt,
  skipTo,
} from './wire.ts';

/** What a MORE may ask for: the longest is a header of a record, with a value of 1 KiB. */
export const MAX_HEAD_BYTES = 4096;

/** What is counted of all connections (`protocol.kafka.*`). */
export const COUNTERS = {
  /** Requests of APIs, or in versions, that are not known: paired, but what they and their responses say is not. */
  unknown: 0,
  /** Tokens of an authentication without messages around them. */
  tokens: 0,
};

/** Versions of APIs that are not known are believed up to here; none has had 20 so far. */
const MAX_VERSION = 127;

/** Phases of a direction. */
const START = 0;
const CONTENT = 1;
/** Bytes that are no message of Kafka's, and responses to what nobody saw asked. */
const PASSING = 2;

/** The message that one side is sending. */
class Message {
  phase = START;
  /** Stream offsets of its first byte, and behind its last. */
  start = 0;
  end = 0;
  /** Sequence number behind its last byte. */
  endSeq = 0;
  exchange: Exchange | null = null;

  /** The message begins at `w.pos`. */
  begin(w: Window, phase: number): void {
    this.phase = phase;
    this.start = w.base + w.pos;
    const bytes = SIZE_BYTES + sizeAt(w, w.pos);
    this.end = this.start + bytes;
    this.endSeq = w.seqAt(w.pos + bytes);
    this.exchange = null;
  }
}

/** Kafka's protocol: messages with a size and a correlation id; what they say depends on API and version of the request. */
export class KafkaDecoder implements Decoder, Asked {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #request = new Message();
  readonly #response = new Message();
  readonly #asked: RequestReader;
  readonly #told: ResponseReader;
  /** Version 0 of SaslHandshake was asked for: tokens follow, each behind its size, until messages do again. */
  #tokens = false;
  /** Stream offset behind the request that was answered last. */
  #answeredTo = Number.NEGATIVE_INFINITY;

  constructor(out: Exchanges) {
    this.#out = out;
    const names = new TopicNames(out.common<string>());
    this.#asked = new RequestReader(out, names);
    this.#told = new ResponseReader(out, names);
  }

  decode(dir: Dir, w: Window): Step {
    return dir === TO_SERVER ? this.#readRequests(w) : this.#readResponses(w);
  }

  /**
   * A message begins where a segment does: sizes and correlation ids are small numbers, which stand everywhere. What cannot be
   * told yet is held, unless behind it there is something that can.
   */
  resync(dir: Dir, w: Window): boolean {
    const { pos, marks } = w;
    let held = w.end;
    for (let segment = 0; w.pos < w.end; ) {
      const needed = dir === TO_SERVER ? requestStart(w) : responseStart(w, this);
      if (needed > w.end - w.pos) held = Math.min(held, w.pos);
      else if (needed !== NOT_A_START && (dir === TO_SERVER ? isRequestFollowed(w) : isResponseFollowed(w)))
        return true;
      while (marks !== null && segment < marks.count && marks.starts[segment]! <= w.pos) segment++;
      w.pos = marks === null || segment >= marks.count ? w.end : marks.starts[segment]!;
    }
    w.pos = Math.max(pos, held);
    return false;
  }

  /** Of a message whose size was seen what it says is missed, not where it ends. */
  passes(dir: Dir, end: number): boolean {
    const m = dir === TO_SERVER ? this.#request : this.#response;
    if (m.phase === START || end > m.end) return false;
    if (m.phase === PASSING) return true;
    if (dir === TO_SERVER) {
      this.#doubt(m.exchange);
      this.#asked.giveUp();
    } else {
      // how it went may have been among what is missing
      this.#out.truncate(m.exchange!);
      m.phase = PASSING;
      m.exchange = null;
    }
    return true;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) {
      const m = this.#request;
      const x = m.phase === CONTENT ? m.exchange : null;
      if (x !== null && this.#asked.oneWay && x.outcome === IN_FLIGHT) this.#out.oneWay(x);
      this.#doubt(x);
      m.phase = START;
      m.exchange = null;
      this.#tokens = false;
      this.#out.requestsLost();
      return;
    }
    this.#response.phase = START;
    this.#response.exchange = null;
    this.#out.responsesLost();
  }

  end(_dir: Dir, _w: Window): void {}

  /** Of a request that was cut it may not be known whether it is answered at all. */
  #doubt(x: Exchange | null): void {
    if (x !== null && this.#asked.doubtful && x.outcome === IN_FLIGHT) x.waits = true;
  }

  #readRequests(w: Window): Step {
    const m = this.#request;
    for (;;) {
      if (m.phase === CONTENT) {
        const step = this.#asked.read(w);
        if (step !== DONE) return step;
        this.#finishRequest(w, m);
      } else if (m.phase === PASSING) {
        if (!skipTo(w, m.end)) return SKIP;
        m.phase = START;
      }
      if (this.#tokens) {
        const needed = requestStart(w);
        if (needed > w.end - w.pos && !isWhole(w)) {
          w.want = needed;
          return MORE;
        }
        if (needed === NOT_A_START || needed > w.end - w.pos) {
          if (!isToken(w)) return LOST;
          COUNTERS.tokens++;
          m.begin(w, PASSING);
          continue;
        }
        this.#tokens = false;
      }
      if (!holds(w, REQUEST_BYTES)) return MORE;
      if (!mayBeRequest(w)) return LOST;
      this.#beginRequest(w, m);
    }
  }

  #beginRequest(w: Window, m: Message): void {
    const { pos } = w;
    const key = apiKeyAt(w, pos);
    const version = apiVersionAt(w, pos);
    m.begin(w, CONTENT);
    this.#tokens = key === SASL_HANDSHAKE && version === 0;
    const x = this.#out.begin(askedIdAt(w, pos), w, pos, pos + REQUEST_BYTES);
    m.exchange = x;
    if (x === null) {
      this.#asked.pass(m.end);
      return;
    }
    // brokers read a request whole before they answer it
    x.requestHeadEnd = m.endSeq;
    const api = APIS[key] ?? null;
    if (api === null || version > api.newest) COUNTERS.unknown++;
    const d = new KafkaDetail(key, version);
    x.detail = d;
    x.version = version;
    x.operation = api === null ? `api_${key}` : api.name;
    x.waits = api?.waits ?? false;
    this.#asked.begin(w, x, d, api, m.end);
  }

  #finishRequest(w: Window, m: Message): void {
    const x = m.exchange;
    m.phase = START;
    m.exchange = null;
    if (x === null || x.outcome !== IN_FLIGHT) return;
    x.requestEndNs = w.timeBefore();
    x.requestBytes = m.end - m.start;
    this.#out.asked(x, 2 * x.target.length + detailBytes(x.detail as KafkaDetail));
    if (this.#asked.oneWay) this.#out.oneWay(x);
  }

  #readResponses(w: Window): Step {
    const m = this.#response;
    for (;;) {
      if (m.phase === CONTENT) {
        const step = this.#told.read(w);
        if (step !== DONE) return step;
        const x = m.exchange!;
        m.phase = START;
        m.exchange = null;
        if (x.outcome === IN_FLIGHT) x.responseBytes = m.end - m.start;
        this.#out.finish(x, w);
      } else if (m.phase === PASSING) {
        if (!skipTo(w, m.end)) return SKIP;
        m.phase = START;
      }
      if (!holds(w, SIZE_BYTES)) return MORE;
      const size = sizeAt(w, w.pos);
      if (this.#tokens && size >= 0 && size < RESPONSE_BYTES - SIZE_BYTES) {
        m.begin(w, PASSING); // a token, or none
        continue;
      }
      if (size < RESPONSE_BYTES - SIZE_BYTES || size > MAX_MESSAGE_BYTES) return LOST;
      if (!holds(w, RESPONSE_BYTES)) return MORE;
      m.begin(w, PASSING);
      const x = this.#answered(answeredIdAt(w, w.pos), w);
      if (x === null) continue;
      m.phase = CONTENT;
      m.exchange = x;
      this.#told.begin(w, x, m.end);
    }
  }

  /** Brokers answer in the order in which they are asked (protocol guide, "Network"): what was asked before the last answered is over. */
  expected(id: number): Exchange | null {
    const x = this.#out.expected(id);
    return x === null || this.#offsetBehind(x) <= this.#answeredTo ? null : x;
  }

  /** The request that the response at `w.pos` answers, if it answers one that is known. */
  #answered(id: number, w: Window): Exchange | null {
    if (this.expected(id) === null) return null;
    const x = this.#out.answer(id, w, w.pos);
    if (x !== null) this.#answeredTo = this.#offsetBehind(x);
    return x;
  }

  /** Stream offset behind a request under way: no 2 GiB in front of the latest. */
  #offsetBehind(x: Exchange): number {
    return this.#request.end - ((this.#request.endSeq - x.requestHeadEnd) | 0);
  }
}

/** What begins at `w.pos` has the numbers of a request; APIs that are not known have them, too. */
function mayBeRequest(w: Window): boolean {
  const size = sizeAt(w, w.pos);
  const version = apiVersionAt(w, w.pos);
  return (
    size >= REQUEST_BYTES - SIZE_BYTES &&
    size <= MAX_MESSAGE_BYTES &&
    apiKeyAt(w, w.pos) >= 0 &&
    version >= 0 &&
    version <= MAX_VERSION
  );
}

/** Tokens of Kerberos have up to 64 KiB. */
const MAX_TOKEN_BYTES = 65_536;

const isToken = (w: Window): boolean => sizeAt(w, w.pos) >= 0 && sizeAt(w, w.pos) <= MAX_TOKEN_BYTES;

/** A size, and as many bytes. */
const isWhole = (w: Window): boolean =>
  w.pos + SIZE_BYTES <= w.end && w.pos + SIZE_BYTES + Math.max(0, sizeAt(w, w.pos)) <= w.end;
