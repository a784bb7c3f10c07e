/** What the server says, message by message; RFC 9112 section 6.3 decides where one ends. */

import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { grpcSemantics } from '../../exchange/grpc/semantics.ts';
import { settlePoll } from '../../exchange/http/polls.ts';
import { type Exchanges, IN_ORDER, MORE, SKIP, STOP, type Step, TO_CLIENT, type Window } from '../protocol.ts';
import { answerCall, noteResponse } from './calls.ts';
import { BLANK_LINE, beginsEmptyLine, GO_ON, lineEnd, readHeadLine, textEnd } from './lines.ts';
import { BODY, CHUNK_SIZE, HEADER_REST, HEADERS, MESSAGES, Message, START, START_REST, TRAILERS } from './message.ts';
import { lost, readCommon } from './phases.ts';
import type { Requests } from './requests.ts';
import { NOT_A_START, readStatusLine, responseStart } from './syntax.ts';

/** `HTTP/1.1 200 `: the reason behind it may be cut. */
const STATUS_BYTES = 13;

export class Responses {
  /** After a 101: the protocol that takes over. */
  successor = '';
  readonly #out: Exchanges;
  readonly #requests: Requests;
  readonly #message = new Message();
  /** The head of a 101 was lost before it could tell what answers, here or in HTTP/2. */
  #undecided = false;

  constructor(out: Exchanges, requests: Requests) {
    this.#out = out;
    this.#requests = requests;
  }

  gap(): void {
    const m = this.#message;
    if (m.exchange !== null) this.#out.truncate(m.exchange);
    const head = m.phase === HEADERS || m.phase === START_REST || m.phase === HEADER_REST;
    this.#undecided = head && m.status === 101 && m.exchange === null && !this.#undecided;
    m.exchange = null;
    m.phase = START;
    m.scanned = 0;
    m.stray = 0;
    if (!this.#undecided) this.#out.responsesLost();
  }

  /** A segment behind a loss is at `w.pos`. Where that cut a 101, a frame of WebSocket says that it was the answer. */
  decide(w: Window): void {
    if (!this.#undecided) return;
    this.#undecided = false;
    if (beginsWebSocket(w)) {
      const x = this.#answerSwitch(w, w.pos);
      if (x !== null) this.#out.truncate(x);
    }
    this.#out.responsesLost();
  }

  /** The connection was closed in order. */
  end(w: Window): void {
    const m = this.#message;
    if (this.#undecided) this.#out.responsesLost();
    this.#undecided = false;
    if (m.untilClose && (m.phase === BODY || m.phase === MESSAGES)) this.#finish(m, w);
  }

  read(w: Window): Step {
    const m = this.#message;
    for (;;) {
      switch (m.phase) {
        case START: {
          if (w.pos === w.end) {
            w.want = 1;
            return MORE;
          }
          if (m.stray > 0 && responseStart(w.buf, w.pos, w.end) === NOT_A_START) {
            w.want = m.stray;
            m.stray = 0;
            return SKIP;
          }
          const eol = lineEnd(w, m);
          if (eol < 0 && m.scanned < STATUS_BYTES) {
            if (responseStart(w.buf, w.pos, w.end) !== NOT_A_START || beginsEmptyLine(w)) return MORE;
          }
          if (eol >= 0 && textEnd(w, eol) === w.pos) {
            w.pos = eol + 1;
            break;
          }
          const status = readStatusLine(w.buf, w.pos, eol < 0 ? w.end : eol);
          if (status < 0) {
            if (this.#versionless(w, m)) return this.#untilClose(w, m) as Step;
            return lost(m);
          }
          m.begin(w.base + w.pos);
          m.status = status;
          m.startNs = w.timeAt(w.pos);
          if (status >= 200 || (status === 101 && this.#requests.stays(this.#out.expected(IN_ORDER)))) {
            m.exchange = this.#out.answer(IN_ORDER, w, w.pos);
            if (m.exchange !== null) {
              m.exchange.status = status;
              m.exchange.failed = status >= 400;
              m.call = m.exchange.protocol.semantics === grpcSemantics;
            }
          }
          if (eol < 0) m.phase = START_REST;
          else {
            w.pos = eol + 1;
            m.phase = HEADERS;
          }
          break;
        }
        case HEADERS:
        case TRAILERS: {
          let step = readHeadLine(w, m);
          if (step === BLANK_LINE) {
            if (m.phase === HEADERS) step = this.#headEnds(w, m);
            else this.#finish(m, w);
          }
          if (step >= 0) return step as Step;
          break;
        }
        case BODY:
          this.#finish(m, w);
          break;
        default: {
          const step = readCommon(TO_CLIENT, w, m, this.#out);
          if (step >= 0) return step as Step;
        }
      }
    }
  }

  /** The blank line behind a response's headers came. */
  #headEnds(w: Window, m: Message): number {
    const { status, exchange: x } = m;
    if (status === 101) return this.#switchOver(w, m);
    if (status < 200) {
      m.phase = START;
      return GO_ON;
    }
    if (x !== null && x.outcome === IN_FLIGHT) settlePoll(x, m.events);
    if (m.call) answerCall(m);
    const connect = x !== null && x.operation === 'CONNECT';
    if (connect && status < 300) {
      this.#finish(m, w);
      return STOP;
    }
    if (connect) this.#requests.refuseTunnel();
    if (status === 204 || status === 304 || (x !== null && x.operation === 'HEAD')) {
      this.#finish(m, w);
      m.stray = m.contentLength;
      return GO_ON;
    }
    if (m.chunked) {
      m.phase = CHUNK_SIZE;
      return GO_ON;
    }
    if (m.contentLength >= 0 && !m.coded) {
      if (m.contentLength === 0) {
        this.#finish(m, w);
        return GO_ON;
      }
      return this.#body(w, m, m.contentLength);
    }
    return this.#untilClose(w, m);
  }

  /** The head of a 101 is complete. Where HTTP/2 may have been asked for, it alone tells what answers. */
  #switchOver(w: Window, m: Message): Step {
    m.exchange ??= this.#answerSwitch(w, w.pos - 1);
    const x = m.exchange;
    if (m.upgrade === 'http2' && x !== null && x.outcome === IN_FLIGHT) {
      this.#out.passOn(x, 1); // the response itself comes as HTTP/2, on stream 1
      this.successor = 'http2';
    } else {
      this.#finish(m, w);
      if (m.upgrade === 'websocket') this.successor = 'websocket';
    }
    return STOP;
  }

  /** The 101 whose head began some time ago is an answer, as `buf[at]` shows. */
  #answerSwitch(w: Window, at: number): Exchange | null {
    const x = this.#out.answer(IN_ORDER, w, at);
    if (x !== null && x.outcome === IN_FLIGHT) {
      x.status = 101;
      x.firstByteNs = this.#message.startNs;
    }
    return x;
  }

  #untilClose(w: Window, m: Message): number {
    m.untilClose = true;
    return this.#body(w, m, Number.POSITIVE_INFINITY);
  }

  #body(w: Window, m: Message, bytes: number): number {
    if (m.messages !== null) {
      m.phase = MESSAGES;
      m.left = bytes;
      return GO_ON;
    }
    m.phase = BODY;
    w.want = bytes;
    return SKIP;
  }

  /** The answer to a request of HTTP/0.9 is nothing but a body that ends with the connection. */
  #versionless(w: Window, m: Message): boolean {
    const x = this.#out.expected(IN_ORDER);
    if (x === null || x.version !== 9 || x.operation !== 'GET') return false;
    const taken = this.#out.answer(IN_ORDER, w, w.pos);
    if (taken === null) return false;
    m.begin(w.base + w.pos);
    m.exchange = taken;
    return true;
  }

  #finish(m: Message, w: Window): void {
    const x = m.exchange;
    m.exchange = null;
    m.untilClose = false;
    m.phase = START;
    if (x === null) return;
    if (m.call) noteResponse(x, m);
    if (x.outcome === IN_FLIGHT) x.responseBytes = w.base + w.pos - m.startOffset;
    this.#out.finish(x, w);
  }
}

/** First bytes of frames that a server begins with (RFC 6455 section 5.2, RFC 7692): data, whole or not, compressed or not, and control. */
const WEBSOCKET_STARTS: readonly number[] = [0x81, 0x82, 0xc1, 0xc2, 0x01, 0x02, 0x41, 0x42, 0x88, 0x89, 0x8a];

/** HTTP/2 has the length of its first frame there, SETTINGS, and what a server sends is not masked. */
const beginsWebSocket = (w: Window): boolean =>
  w.end - w.pos >= 2 && WEBSOCKET_STARTS.includes(w.buf[w.pos]!) && w.buf[w.pos + 1]! < 128;
