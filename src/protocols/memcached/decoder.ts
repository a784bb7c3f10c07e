import {
  type Decoder,
  type Dir,
  type Exchanges,
  IN_ORDER,
  MORE,
  type Step,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import {
  A_HEADER,
  BinaryReplies,
  BinaryRequests,
  CUT_HEADER,
  headerAt,
  REQUEST_MAGIC,
  RESPONSE_MAGIC,
} from './binary.ts';
import { Matcher } from './match.ts';
import { CUT, DEFINITE, replyLine, requestLine, startsLikeCommand, startsLikeStatus } from './start.ts';
import { MAX_LINE } from './syntax.ts';
import { TextReplies } from './text-reply.ts';
import { TextRequests } from './text-request.ts';

const UNDECIDED = 0;
const TEXT = 1;
const BINARY = 2;

/** Memcached by TCP: the first byte of a connection decides between text and binary. */
export class MemcachedDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #textRequests: TextRequests;
  readonly #textReplies: TextReplies;
  readonly #binaryRequests: BinaryRequests;
  readonly #binaryReplies: BinaryReplies;
  #dialect = UNDECIDED;

  constructor(out: Exchanges) {
    this.#out = out;
    const matcher = new Matcher(out);
    this.#textRequests = new TextRequests(out);
    this.#textReplies = new TextReplies(out, matcher);
    this.#binaryRequests = new BinaryRequests(out);
    this.#binaryReplies = new BinaryReplies(out, matcher);
  }

  decode(dir: Dir, w: Window): Step {
    if (this.#dialect === UNDECIDED && !this.#decide(dir, w)) {
      w.want = 1;
      return MORE;
    }
    if (this.#dialect === BINARY)
      return dir === TO_SERVER ? this.#binaryRequests.decode(w) : this.#binaryReplies.decode(w);
    return dir === TO_SERVER ? this.#textRequests.decode(w) : this.#textReplies.decode(w);
  }

  #decide(dir: Dir, w: Window): boolean {
    if (w.pos === w.end) return false;
    this.#dialect = w.buf[w.pos] === (dir === TO_SERVER ? REQUEST_MAGIC : RESPONSE_MAGIC) ? BINARY : TEXT;
    return true;
  }

  resync(dir: Dir, w: Window): boolean {
    const magic = dir === TO_SERVER ? REQUEST_MAGIC : RESPONSE_MAGIC;
    const binary = this.#dialect === BINARY || (this.#dialect === UNDECIDED && w.pos < w.end && w.buf[w.pos] === magic);
    if (binary) {
      const judged = headerAt(w, magic);
      if (judged === CUT_HEADER) return false;
      if (judged === A_HEADER && (dir === TO_SERVER || this.#isAnswer(w))) return true;
    } else {
      const judged = dir === TO_SERVER ? requestLine(w) : replyLine(w);
      if (judged > 0 && (dir === TO_SERVER || this.#isAnswer(w))) return true;
      if (
        judged === CUT &&
        w.end - w.pos < MAX_LINE &&
        (dir === TO_SERVER ? startsLikeCommand(w) : startsLikeStatus(w))
      )
        return false;
      // Nobody waits for it: that shows a client that does not wait for answers.
      if (judged === DEFINITE && dir !== TO_SERVER) this.#out.answer(IN_ORDER, w, w.pos);
    }
    w.pos = w.end;
    return false;
  }

  /** Values may hold what looks like an answer: only one that acknowledges the oldest request is believed. */
  #isAnswer(w: Window): boolean {
    const x = this.#out.expected(IN_ORDER);
    return x !== null && ((w.ackAt(w.pos) - x.requestHeadEnd) | 0) >= 0;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) {
      this.#textRequests.forget();
      this.#binaryRequests.forget();
      this.#out.requestsLost();
      return;
    }
    this.#textReplies.forget();
    this.#binaryReplies.forget();
    this.#out.responsesLost();
  }

  end(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) return;
    const x = this.#out.expected(IN_ORDER);
    if (x !== null && x.operation === 'shutdown') this.#out.unanswered(x); // done, and nobody is left to say so
  }
}
