import { type Exchange, IN_FLIGHT, UNKNOWN } from '../../exchange/exchange.ts';
import { type Decoder, type Dir, type Exchanges, LOST, MORE, type Step, TO_SERVER, type Window } from '../protocol.ts';
import { detailBytes, MongoDetail, UNTOLD } from './exchange-detail.ts';
import { MAX_PACKED_BYTES, unpack } from './packed.ts';
import { ReplyReader } from './reply.ts';
import { DONE, RequestReader } from './request.ts';
import { isFollowed, NOT_A_START, requestStart, responseStart } from './starts.ts';
import {
  CLIENT_SENDS,
  HEADER_BYTES,
  leastBytes,
  MORE_TO_COME,
  messageLength,
  OP_COMPRESSED,
  OP_MSG,
  OP_REPLY,
  opcodeAt,
  requestId,
  responseTo,
  SERVER_SENDS,
} from './wire.ts';

/** What a MORE may ask for: a compressed message, or the longest statement (16 KiB). */
export const MAX_HEAD_BYTES = MAX_PACKED_BYTES;

/** What is counted of all connections (`protocol.mongodb.*`). */
export const COUNTERS = {
  /** Replies that came of themselves, each an answer to the one before: they belong to no request. */
  pushed: 0,
  /** Compressed messages that could not be read: too long, an unknown compressor, or broken. */
  unread: 0,
};

/** What is needed to refuse a start is mostly below the 36 bytes of an OP_REPLY without documents. */
const RESYNC_BYTES = 64;

/** Phases of a direction. */
const START = 0;
const CONTENT = 1;

/** The message that one side is sending. */
class Message {
  phase = START;
  /** Stream offsets of its first byte, and behind its last. */
  start = 0;
  end = 0;
  exchange: Exchange | null = null;
  /** Nothing answers it. */
  oneWay = false;

  /** The message begins at `w.pos`. */
  begin(w: Window): void {
    this.phase = CONTENT;
    this.oneWay = false;
    this.start = w.base + w.pos;
    this.end = this.start + messageLength(w, w.pos);
  }
}

/** MongoDB's wire protocol: messages with a length, an id, and the id that they answer. */
export class MongoDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #request = new Message();
  readonly #response = new Message();
  readonly #asked: RequestReader;
  readonly #told: ReplyReader;
  /** The last reply announced another one, which answers it instead of a request. */
  #pushing = false;
  #pushedFrom = 0;
  /** The last request that allowed such replies; after a loss nobody knows whether the first of them has come. */
  #exhaustKey = 0;
  #exhaustAsked = false;
  #exhaustLost = false;

  constructor(out: Exchanges) {
    this.#out = out;
    const tails = out.table<true>();
    this.#asked = new RequestReader(out, tails);
    this.#told = new ReplyReader(out, tails);
  }

  decode(dir: Dir, w: Window): Step {
    return dir === TO_SERVER ? this.#readRequests(w) : this.#readReplies(w);
  }

  /**
   * Bytes that were too few to say may have been held here, in front of the segment that begins a message: it begins not far behind
   * them.
   */
  resync(dir: Dir, w: Window): boolean {
    const last = Math.min(w.end, w.pos + RESYNC_BYTES) - 1;
    for (; w.pos <= last; w.pos++) {
      const needed = dir === TO_SERVER ? requestStart(w) : responseStart(w);
      if (needed === NOT_A_START) continue;
      if (needed > w.end - w.pos) return false;
      if (isFollowed(w, dir === TO_SERVER ? CLIENT_SENDS : SERVER_SENDS)) return true;
    }
    w.pos = w.end;
    return false;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) {
      const m = this.#request;
      const x = m.exchange;
      if (x !== null && x.outcome === IN_FLIGHT) {
        this.#out.asked(x, textBytes(x, x.detail as MongoDetail)); // what is known of it is all that will be
        if (m.oneWay) this.#out.oneWay(x);
      }
      m.phase = START;
      m.exchange = null;
      this.#out.requestsLost();
      return;
    }
    this.#response.phase = START;
    this.#response.exchange = null;
    this.#pushing = false;
    this.#exhaustLost = this.#exhaustAsked;
    this.#out.responsesLost();
  }

  end(_dir: Dir, _w: Window): void {}

  #readRequests(w: Window): Step {
    const m = this.#request;
    for (;;) {
      switch (m.phase) {
        case START: {
          const needed = whole(w, requestStart(w));
          if (needed === NOT_A_START) return LOST;
          if (needed > w.end - w.pos) {
            w.want = needed;
            return MORE;
          }
          this.#beginRequest(w, m);
          break;
        }
        default: {
          const step = this.#asked.read(w);
          if (step !== DONE) return step;
          this.#finishRequest(w, m);
        }
      }
    }
  }

  #beginRequest(w: Window, m: Message): void {
    const { pos } = w;
    const opcode = opcodeAt(w, pos);
    m.begin(w);
    const x = this.#out.begin(requestId(w, pos), w, pos, pos + leastBytes(opcode));
    m.exchange = x;
    if (x === null) {
      this.#asked.pass(m.end);
      return;
    }
    // Servers read a message whole before they answer it.
    x.requestHeadEnd = w.seqAt(pos + m.end - m.start);
    if (opcode === OP_COMPRESSED) this.#readPackedRequest(w, x, m);
    else {
      this.#asked.begin(w, x);
      m.oneWay = this.#asked.oneWay;
    }
    const d = x.detail as MongoDetail;
    this.#exhaustAsked = d.exhaust;
    this.#exhaustKey = x.key;
    this.#exhaustLost = false;
  }

  /** It is paired even if it cannot be read. */
  #readPackedRequest(w: Window, x: Exchange, m: Message): void {
    const inner = unpack(w);
    if (inner === null || requestStart(inner) === NOT_A_START) {
      COUNTERS.unread++;
      x.detail = new MongoDetail(OP_COMPRESSED);
      x.operation = UNKNOWN;
    } else {
      this.#asked.begin(inner, x);
      m.oneWay = this.#asked.oneWay;
      this.#asked.read(inner);
    }
    this.#asked.pass(m.end);
  }

  #finishRequest(w: Window, m: Message): void {
    const x = m.exchange;
    m.phase = START;
    m.exchange = null;
    if (x === null || x.outcome !== IN_FLIGHT) return;
    x.requestEndNs = w.timeBefore();
    x.requestBytes = m.end - m.start;
    this.#out.asked(x, textBytes(x, x.detail as MongoDetail));
    if (m.oneWay) this.#out.oneWay(x);
  }

  #readReplies(w: Window): Step {
    const m = this.#response;
    for (;;) {
      switch (m.phase) {
        case START: {
          const needed = whole(w, responseStart(w));
          if (needed === NOT_A_START) return LOST;
          if (needed > w.end - w.pos) {
            w.want = needed;
            return MORE;
          }
          this.#beginReply(w, m);
          break;
        }
        default: {
          const step = this.#told.read(w);
          if (step !== DONE) return step;
          const x = m.exchange;
          m.phase = START;
          m.exchange = null;
          if (x === null) break;
          if (x.outcome === IN_FLIGHT) x.responseBytes = m.end - m.start;
          this.#out.finish(x, w);
        }
      }
    }
  }

  #beginReply(w: Window, m: Message): void {
    const { pos } = w;
    const opcode = opcodeAt(w, pos);
    m.begin(w);
    const x = this.#answered(responseTo(w, pos), w);
    m.exchange = x;
    this.#follow(w, x);
    if (x === null) {
      this.#told.pass(m.end);
      return;
    }
    x.status = UNTOLD;
    if (opcode !== OP_COMPRESSED) {
      this.#told.begin(w, x);
      return;
    }
    const inner = unpack(w);
    if (inner === null || responseStart(inner) === NOT_A_START) COUNTERS.unread++;
    else {
      this.#follow(inner, x);
      this.#told.begin(inner, x);
      this.#told.read(inner);
    }
    this.#told.pass(m.end);
  }

  /** The request that the reply at `w.pos` answers, if it answers one that is known. */
  #answered(key: number, w: Window): Exchange | null {
    if (this.#pushing && key === this.#pushedFrom) {
      COUNTERS.pushed++;
      return null;
    }
    if (this.#exhaustLost && key === this.#exhaustKey) return null;
    return this.#out.answer(key, w, w.pos);
  }

  /** Whether the reply at `w.pos` announces another one. Of a compressed one that answers another reply it is taken for granted. */
  #follow(w: Window, x: Exchange | null): void {
    const { pos } = w;
    const opcode = opcodeAt(w, pos);
    if (opcode === OP_MSG) this.#pushing = (w.view.getInt32(pos + HEADER_BYTES, true) & MORE_TO_COME) !== 0;
    else if (opcode === OP_REPLY) {
      // legacy: as long as the cursor lives
      const d = x === null ? null : (x.detail as MongoDetail | null);
      const lives = (w.view.getInt32(pos + 20, true) | w.view.getInt32(pos + 24, true)) !== 0;
      this.#pushing = lives && (d === null ? this.#pushing : d.exhaust);
    }
    this.#pushedFrom = requestId(w, pos);
  }
}

/** A compressed message is looked at when all of it is there, unless it is too long for that. */
function whole(w: Window, needed: number): number {
  if (needed < HEADER_BYTES || needed > w.end - w.pos || opcodeAt(w, w.pos) !== OP_COMPRESSED) return needed;
  const length = messageLength(w, w.pos);
  return length <= MAX_PACKED_BYTES ? length : needed;
}

/** Memory for what is kept of a request, at up to two bytes a character; operation and database are interned. */
const textBytes = (x: Exchange, d: MongoDetail): number => 2 * x.target.length + detailBytes(d);
