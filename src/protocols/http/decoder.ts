import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { grpcSemantics } from '../../exchange/grpc/semantics.ts';
import { HttpDetail, textBytes } from '../../exchange/http/detail.ts';
import { settleDetail } from '../../exchange/http/fields.ts';
import { GRAPHQL_BYTES, isGraphql, readGraphql, readGraphqlTarget } from '../../exchange/http/graphql.ts';
import { METHODS } from '../../exchange/http/methods.ts';
import { pollOf, settlePoll, WAITS } from '../../exchange/http/polls.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  FULL,
  IN_ORDER,
  LOST,
  MORE,
  SKIP,
  STOP,
  type Step,
  TARGETS,
  TO_CLIENT,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { answerCall, beginCall, noteRequest, noteResponse, walkBody } from './calls.ts';
import { readChunk } from './chunks.ts';
import {
  BLANK_LINE,
  beginsEmptyLine,
  GO_ON,
  headerFollows,
  lineEnd,
  MAX_LINE,
  passRest,
  readHeadLine,
  textEnd,
} from './lines.ts';
import {
  BODY,
  CHUNK_DATA,
  CHUNK_SIZE,
  GRAPHQL,
  HEADER_REST,
  HEADERS,
  MESSAGES,
  Message,
  START,
  START_REST,
  TRAILERS,
  TUNNEL,
  VERSIONLESS,
} from './message.ts';
import {
  A_START,
  behindEmptyLines,
  NOT_A_START,
  RequestLine,
  readRequestLine,
  readStatusLine,
  requestRestart,
  requestStart,
  responseStart,
  TOO_SHORT,
} from './syntax.ts';

/** Longest target that is kept; well below MAX_LINE, so that it is the same however the line was cut into segments. */
const MAX_TARGET = 2048;

const LINE = new RequestLine();
const TARGET_WORDS = new Words();

/**
 * HTTP/1.x (RFC 9112), line by line. Bodies pass by unseen; section 6 decides where a message ends.
 */
export class HttpDecoder implements Decoder {
  /** After a 101 to HTTP/2 that answers a request for it. */
  successor = '';
  readonly #out: Exchanges;
  readonly #request = new Message();
  readonly #response = new Message();
  /** Exchanges whose request's end has not been seen: the last one begun. */
  #asking: Exchange | null = null;
  /** The last one that asked to go on with HTTP/2. */
  #upgrading: Exchange | null = null;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  decode(dir: Dir, w: Window): Step {
    return dir === TO_SERVER ? this.#readRequest(w) : this.#readResponse(w);
  }

  resync(dir: Dir, w: Window): boolean {
    w.pos = behindEmptyLines(w.buf, w.pos, w.end);
    const judged =
      dir === TO_SERVER ? requestRestart(w.buf, w.pos, w.end, MAX_LINE) : responseStart(w.buf, w.pos, w.end);
    if (judged === A_START) return true;
    if (judged !== TOO_SHORT || w.end - w.pos >= MAX_LINE) w.pos = w.end;
    return false;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) {
      this.#request.phase = START;
      this.#request.scanned = 0;
      this.#asking = null;
      this.#out.requestsLost();
      return;
    }
    const m = this.#response;
    if (m.exchange !== null) this.#out.truncate(m.exchange);
    m.exchange = null;
    m.phase = START;
    m.scanned = 0;
    this.#out.responsesLost();
  }

  end(dir: Dir, w: Window): void {
    if (dir === TO_SERVER) return;
    const m = this.#response;
    if (m.untilClose && (m.phase === BODY || m.phase === MESSAGES)) this.#finishResponse(m, w);
  }

  #readRequest(w: Window): Step {
    const m = this.#request;
    for (;;) {
      switch (m.phase) {
        case START: {
          if (w.pos === w.end) {
            w.want = 1;
            return MORE;
          }
          const before = m.scanned;
          const eol = lineEnd(w, m);
          if (eol < 0) {
            if (m.scanned < MAX_LINE) {
              if (before > 32 || requestStart(w.buf, w.pos, w.end, MAX_LINE) !== NOT_A_START || beginsEmptyLine(w))
                return MORE;
              return this.#lost(m);
            }
            if (!this.#beginRequest(w, m, w.pos + MAX_LINE)) return this.#lost(m);
            if (m.exchange !== null) m.exchange.version = 11; // what is so long is not of HTTP/0.9
            m.phase = START_REST;
            break;
          }
          const to = textEnd(w, eol);
          if (to === w.pos) {
            w.pos = eol + 1; // empty lines in front of a request line are ignored (RFC 9112 section 2.2)
            break;
          }
          if (!this.#beginRequest(w, m, to)) return this.#lost(m);
          w.pos = eol + 1;
          m.phase = LINE.version === 9 ? VERSIONLESS : HEADERS;
          break;
        }
        case VERSIONLESS:
          if (headerFollows(w)) m.phase = HEADERS;
          else this.#requestHeadEnds(w, m, false);
          break;
        case HEADERS:
        case TRAILERS: {
          const step = readHeadLine(w, m);
          if (step >= 0) return step as Step;
          if (step === GO_ON) break;
          if (m.phase === TRAILERS) this.#finishRequest(m, w);
          else this.#requestHeadEnds(w, m, true);
          if ((m.phase as number) === BODY) {
            w.want = m.contentLength;
            return SKIP;
          }
          break;
        }
        case BODY:
          this.#finishRequest(m, w);
          break;
        case GRAPHQL:
          w.want = Math.min(m.contentLength, GRAPHQL_BYTES);
          if (w.end - w.pos < w.want) return MORE;
          if (m.detail !== null && m.exchange?.outcome === IN_FLIGHT)
            readGraphql(m.detail, w.buf, w.pos, w.pos + w.want);
          m.graphql = false;
          m.phase = m.chunked ? CHUNK_DATA : BODY;
          w.want = m.contentLength;
          return SKIP;
        case TUNNEL:
          w.want = w.end - w.pos + 1;
          if (w.want <= MAX_LINE) return MORE;
          w.pos = w.end;
          w.want = 1;
          return MORE;
        default: {
          const step = this.#common(TO_SERVER, w, m);
          if (step >= 0) return step as Step;
        }
      }
    }
  }

  #readResponse(w: Window): Step {
    const m = this.#response;
    for (;;) {
      switch (m.phase) {
        case START: {
          if (w.pos === w.end) {
            w.want = 1;
            return MORE;
          }
          const eol = lineEnd(w, m);
          if (eol < 0 && m.scanned < MAX_LINE) {
            if (responseStart(w.buf, w.pos, w.end) !== NOT_A_START || beginsEmptyLine(w)) return MORE;
          }
          if (eol >= 0 && textEnd(w, eol) === w.pos) {
            w.pos = eol + 1;
            break;
          }
          const status = readStatusLine(w.buf, w.pos, eol < 0 ? w.end : eol);
          if (status < 0) {
            if (this.#versionless(w, m)) return this.#untilClose(w, m) as Step;
            return this.#lost(m);
          }
          m.begin(w.base + w.pos);
          m.status = status;
          if (status >= 200 || status === 101) {
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
            if (m.phase === HEADERS) step = this.#responseHeadEnds(w, m);
            else this.#finishResponse(m, w);
          }
          if (step >= 0) return step as Step;
          break;
        }
        case BODY:
          this.#finishResponse(m, w);
          break;
        default: {
          const step = this.#common(TO_CLIENT, w, m);
          if (step >= 0) return step as Step;
        }
      }
    }
  }

  /** Phases that requests and responses read alike. GO_ON: with the new phase. */
  #common(dir: Dir, w: Window, m: Message): number {
    if (m.phase === MESSAGES) return walkBody(dir, w, m, this.#out);
    const step = m.phase === START_REST || m.phase === HEADER_REST ? passRest(w, m) : readChunk(w, m);
    return step === LOST ? this.#lost(m) : step;
  }

  #lost(m: Message): Step {
    m.scanned = 0;
    return LOST;
  }

  /** A request line stands at `buf[w.pos, to)`; false: it does not. */
  #beginRequest(w: Window, m: Message, to: number): boolean {
    const { buf, pos } = w;
    if (!readRequestLine(buf, pos, to, LINE)) return false;
    m.begin(w.base + pos);
    m.connect = LINE.method === 5;
    const x = this.#out.begin(IN_ORDER, w, pos, to);
    m.exchange = x;
    this.#asking = x;
    if (x === null) return true;
    x.operation = LINE.method >= 0 ? METHODS[LINE.method]! : buf.toString('latin1', pos, LINE.methodEnd);
    x.version = LINE.version;
    // of calls the target is a dimension of metrics, and only headers tell what is one; all of them are POST
    if (this.#out.detail >= TARGETS || LINE.method === 2) {
      x.target = TARGET_WORDS.text(buf, LINE.targetStart, Math.min(LINE.targetEnd, LINE.targetStart + MAX_TARGET));
      x.waits = pollOf(x.operation, x.target) === WAITS;
    }
    if (this.#out.detail === FULL) {
      m.detail = new HttpDetail();
      x.detail = m.detail;
    }
    return true;
  }

  /** The blank line came (or, `headers` false, a versionless request has no headers). Sets the phase that follows. */
  #requestHeadEnds(w: Window, m: Message, headers: boolean): void {
    if (m.detail !== null) {
      settleDetail(m.detail);
      m.graphql = isGraphql(m.exchange!.target);
      if (m.graphql) readGraphqlTarget(m.detail, m.exchange!.target);
    }
    if (m.contentType !== '') beginCall(m);
    if (m.exchange !== null) {
      m.exchange.requestHeadEnd = w.seqAt(w.pos);
      const x = m.exchange;
      this.#upgrading = m.upgrade === 'http2' ? x : null;
      this.#out.asked(x, m.detail === null ? 2 * x.target.length : textBytes(m.detail, x.target));
    }
    if (headers && m.chunked) m.phase = CHUNK_SIZE;
    else if (headers && m.contentLength > 0 && !m.coded) {
      m.left = m.contentLength;
      m.phase = m.graphql ? GRAPHQL : m.messages !== null ? MESSAGES : BODY;
    } else this.#finishRequest(m, w);
  }

  #finishRequest(m: Message, w: Window): void {
    const x = m.exchange;
    if (x !== null && x === this.#asking && x.outcome === IN_FLIGHT) {
      x.requestEndNs = w.timeBefore();
      x.requestBytes = w.base + w.pos - m.startOffset;
      noteRequest(m);
    }
    this.#asking = null;
    m.exchange = null;
    m.detail = null;
    m.phase = m.connect ? TUNNEL : START;
  }

  /** The blank line behind a response's headers came. */
  #responseHeadEnds(w: Window, m: Message): number {
    const { status, exchange: x } = m;
    if (status === 101) {
      if (m.upgrade === 'http2' && x !== null && x === this.#upgrading && x.outcome === IN_FLIGHT) {
        // The response itself comes as HTTP/2, on stream 1.
        this.#out.passOn(x, 1);
        this.successor = 'http2';
      } else {
        this.#finishResponse(m, w);
        if (m.upgrade === 'websocket') this.successor = 'websocket';
      }
      return STOP;
    }
    if (status < 200) {
      m.phase = START;
      return GO_ON;
    }
    if (x !== null && x.outcome === IN_FLIGHT) settlePoll(x, m.events);
    if (m.call) answerCall(m);
    const connect = x !== null && x.operation === 'CONNECT';
    if (connect && status < 300) {
      this.#finishResponse(m, w);
      return STOP;
    }
    if (connect) this.#request.phase = START; // refused: the connection speaks HTTP on
    if (status === 204 || status === 304 || (x !== null && x.operation === 'HEAD')) {
      this.#finishResponse(m, w);
      return GO_ON;
    }
    if (m.chunked) {
      m.phase = CHUNK_SIZE;
      return GO_ON;
    }
    if (m.contentLength >= 0 && !m.coded) {
      if (m.contentLength === 0) {
        this.#finishResponse(m, w);
        return GO_ON;
      }
      return this.#body(w, m, m.contentLength);
    }
    return this.#untilClose(w, m);
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

  #finishResponse(m: Message, w: Window): void {
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
