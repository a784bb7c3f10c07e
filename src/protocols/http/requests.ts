/** What the client says, message by message. */

import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { HttpDetail, textBytes } from '../../exchange/http/detail.ts';
import { settleDetail } from '../../exchange/http/fields.ts';
import { GRAPHQL_BYTES, isGraphql, readGraphql, readGraphqlTarget } from '../../exchange/http/graphql.ts';
import { METHODS } from '../../exchange/http/methods.ts';
import { pollOf, WAITS } from '../../exchange/http/polls.ts';
import { type Exchanges, FULL, IN_ORDER, MORE, SKIP, type Step, TARGETS, TO_SERVER, type Window } from '../protocol.ts';
import { beginCall, noteRequest } from './calls.ts';
import { beginsEmptyLine, GO_ON, headerFollows, lineEnd, MAX_LINE, readHeadLine, textEnd } from './lines.ts';
import {
  BODY,
  CHUNK_DATA,
  CHUNK_SIZE,
  GRAPHQL,
  HEADERS,
  MESSAGES,
  Message,
  START,
  START_REST,
  TRAILERS,
  TUNNEL,
  VERSIONLESS,
} from './message.ts';
import { lost, readCommon } from './phases.ts';
import { NOT_A_START, RequestLine, readRequestLine, requestStart } from './syntax.ts';

/** Longest target that is kept; well below MAX_LINE, so that it is the same however the line was cut into segments. */
const MAX_TARGET = 2048;

const LINE = new RequestLine();
const TARGET_WORDS = new Words();

export class Requests {
  readonly #out: Exchanges;
  readonly #message = new Message();
  /** The last exchange begun, as long as its request's end has not been seen. */
  #asking: Exchange | null = null;
  /** The last one whose head was seen to its end, and did not ask to go on with HTTP/2. */
  #staying: Exchange | null = null;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  gap(): void {
    this.#message.phase = START;
    this.#message.scanned = 0;
    this.#asking = null;
    this.#out.requestsLost();
  }

  /** The tunnel that was asked for is refused: the connection speaks HTTP on. */
  refuseTunnel(): void {
    this.#message.phase = START;
  }

  /** It is known that `x` does not ask for HTTP/2. */
  stays(x: Exchange | null): boolean {
    return x !== null && x === this.#staying;
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
          const before = m.scanned;
          const eol = lineEnd(w, m);
          if (eol < 0) {
            if (m.scanned < MAX_LINE) {
              if (before > 32 || requestStart(w.buf, w.pos, w.end, MAX_LINE) !== NOT_A_START || beginsEmptyLine(w))
                return MORE;
              return lost(m);
            }
            if (!this.#begin(w, m, w.pos + MAX_LINE)) return lost(m);
            if (m.exchange !== null) m.exchange.version = 11; // what is so long is not of HTTP/0.9
            m.phase = START_REST;
            break;
          }
          const to = textEnd(w, eol);
          if (to === w.pos) {
            w.pos = eol + 1; // empty lines in front of a request line are ignored (RFC 9112 section 2.2)
            break;
          }
          if (!this.#begin(w, m, to)) return lost(m);
          w.pos = eol + 1;
          m.phase = LINE.version === 9 ? VERSIONLESS : HEADERS;
          break;
        }
        case VERSIONLESS:
          if (headerFollows(w)) m.phase = HEADERS;
          else this.#headEnds(w, m, false);
          break;
        case HEADERS:
        case TRAILERS: {
          const step = readHeadLine(w, m);
          if (step >= 0) return step as Step;
          if (step === GO_ON) break;
          if (m.phase === TRAILERS) this.#finish(m, w);
          else this.#headEnds(w, m, true);
          if ((m.phase as number) === BODY) {
            w.want = m.contentLength;
            return SKIP;
          }
          break;
        }
        case BODY:
          this.#finish(m, w);
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
          const step = readCommon(TO_SERVER, w, m, this.#out);
          if (step >= 0) return step as Step;
        }
      }
    }
  }

  /** A request line stands at `buf[w.pos, to)`; false: it does not. */
  #begin(w: Window, m: Message, to: number): boolean {
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
  #headEnds(w: Window, m: Message, headers: boolean): void {
    if (m.detail !== null) {
      settleDetail(m.detail);
      m.graphql = isGraphql(m.exchange!.target);
      if (m.graphql) readGraphqlTarget(m.detail, m.exchange!.target);
    }
    if (m.contentType !== '') beginCall(m);
    if (m.exchange !== null) {
      m.exchange.requestHeadEnd = w.seqAt(w.pos);
      const x = m.exchange;
      this.#staying = m.upgrade === 'http2' ? null : x;
      this.#out.asked(x, m.detail === null ? 2 * x.target.length : textBytes(m.detail, x.target));
    }
    if (headers && m.chunked) m.phase = CHUNK_SIZE;
    else if (headers && m.contentLength > 0 && !m.coded) {
      m.left = m.contentLength;
      m.phase = m.graphql ? GRAPHQL : m.messages !== null ? MESSAGES : BODY;
    } else this.#finish(m, w);
  }

  #finish(m: Message, w: Window): void {
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
}
