import { IN_FLIGHT } from '../../exchange/exchange.ts';
import { MESSAGE, type Messages } from '../../exchange/grpc/messages.ts';
import { settleGrpc } from '../../exchange/grpc/status.ts';
import { GRAPHQL_BYTES, readGraphql } from '../../exchange/http/graphql.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  FULL,
  LOST,
  MORE,
  SKIP,
  type Step,
  TO_CLIENT,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { COUNTERS } from './counters.ts';
import { Fields, FOR_METRICS, FOR_SPANS } from './fields.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEAD,
  frameLength,
  frameStream,
  GOAWAY,
  HEADERS,
  isLawful,
  PADDED,
  PREFACE,
  PUSH_PROMISE,
  prefaceAt,
  RST_STREAM,
  SETTINGS,
  USUAL_FRAME,
  WINDOW_UPDATE,
} from './frames.ts';
import { BlockReader } from './header-block.ts';
import { Block, BROKEN, findBlock, INCOMPLETE, MAX_BLOCK, WHOLE } from './header-frames.ts';
import { FrameFinder } from './resync.ts';
import { FRAME, Half, PAYLOAD, type Stream } from './stream.ts';
import { Streams } from './streams.ts';

/** Settings (RFC 9113 section 6.5.2): `id(16) value(32)` each. */
const SETTING_BYTES = 6;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;
/** RFC 9113 section 6.9.1. */
const MAX_WINDOW = 0x7fffffff;
/** Of GOAWAY: the last stream and the error code. */
const GOAWAY_BYTES = 8;

const BLOCK = new Block();
const FIELDS = new Fields();
const BLOCKS = new BlockReader(COUNTERS);

/** HTTP/2 (RFC 9113) without TLS: by prior knowledge, behind an upgrade from HTTP/1.1, or joined midway. */
export class Http2Decoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #client: Half;
  readonly #server: Half;
  readonly #streams: Streams;
  readonly #wanted: number;

  constructor(out: Exchanges) {
    this.#out = out;
    this.#client = new Half(out, USUAL_FRAME);
    this.#server = new Half(out, USUAL_FRAME);
    this.#streams = new Streams(out, this.#client, this.#server);
    this.#wanted = out.detail === FULL ? FOR_SPANS : FOR_METRICS;
  }

  decode(dir: Dir, w: Window): Step {
    const h = dir === TO_SERVER ? this.#client : this.#server;
    for (;;) {
      if (h.phase === PAYLOAD) {
        const step = this.#payload(dir, h, w);
        if (step >= 0) return step as Step;
      }
      const { buf, pos } = w;
      const have = w.end - pos;
      if (have < FRAME_HEAD) {
        w.want = FRAME_HEAD;
        return MORE;
      }
      if (dir === TO_SERVER && buf[pos] === PREFACE.charCodeAt(0)) {
        const n = prefaceAt(buf, pos, w.end);
        if (n < 0) return LOST;
        w.want = PREFACE.length;
        if (n < PREFACE.length) return MORE;
        w.pos += PREFACE.length;
        h.table.reset();
        continue;
      }
      const length = frameLength(buf, pos);
      const type = buf[pos + 3]!;
      const flags = buf[pos + 4]!;
      const id = frameStream(buf, pos);
      if (!isLawful(type, length, flags, id)) return LOST;
      if (h.passing) {
        if (type !== CONTINUATION) return LOST;
        h.passing = (flags & END_HEADERS) === 0;
      } else if (type === DATA) {
        const step = this.#data(dir, h, w, length, flags, id);
        if (step < 0) continue;
        return step as Step;
      } else if (type === HEADERS || type === PUSH_PROMISE) {
        if (dir === TO_SERVER && (type === PUSH_PROMISE || (id & 1) === 0)) return LOST;
        const found = findBlock(h, w);
        if (found === INCOMPLETE) return MORE;
        if (found === BROKEN) return LOST;
        if (found === WHOLE) {
          if (!this.#headers(dir, h, w, type, length, flags, id)) return LOST;
          continue;
        }
        this.#passBlock(dir, h, w, type, flags, id);
      } else if (type === CONTINUATION) {
        return LOST;
      } else if (type === RST_STREAM || type === SETTINGS || type === GOAWAY || type === WINDOW_UPDATE) {
        const needed = FRAME_HEAD + (type === GOAWAY ? GOAWAY_BYTES : length);
        if (needed <= MAX_BLOCK) {
          w.want = needed;
          if (have < needed) return MORE;
          this.#control(dir, w, type, length, flags, id);
        }
      }
      const all = FRAME_HEAD + length;
      if (have < all) {
        w.want = all;
        return SKIP;
      }
      w.pos += all;
    }
  }

  resync(dir: Dir, w: Window): boolean {
    const h = dir === TO_SERVER ? this.#client : this.#server;
    const n = dir === TO_SERVER ? prefaceAt(w.buf, w.pos, w.end) : -1;
    if (n >= 0 && n < PREFACE.length) return false;
    const from = w.pos;
    h.finder ??= new FrameFinder(dir);
    const found = n > 0 || h.finder.find(w, h.maxFrame, this.#streams);
    if (w.pos > from) h.losses++;
    if (found) h.restart();
    return found;
  }

  gap(dir: Dir, _w: Window): void {
    const h = dir === TO_SERVER ? this.#client : this.#server;
    h.restart();
    h.losses++;
    if (dir === TO_SERVER) this.#out.requestsLost();
    else this.#out.responsesLost(true);
  }

  end(_dir: Dir, _w: Window): void {}

  /** The block at `w.pos` is whole. False: it is broken. */
  #headers(dir: Dir, h: Half, w: Window, type: number, length: number, flags: number, id: number): boolean {
    const { buf, pos } = w;
    const end = pos + h.blockBytes;
    h.blockBytes = 0;
    if (!BLOCK.take(buf, pos, end)) return false;
    if (!BLOCKS.read(h.table, BLOCK.buf, BLOCK.from, BLOCK.to, this.#wanted, FIELDS)) {
      COUNTERS.brokenBlocks++;
      return false;
    }
    w.pos = end;
    const ends = (flags & END_STREAM) !== 0;
    if (type === PUSH_PROMISE) COUNTERS.pushes++;
    else if (dir === TO_SERVER) this.#streams.asked(w, id, FIELDS, pos, pos + FRAME_HEAD + length, ends);
    else this.#streams.answered(w, id, FIELDS, pos, ends);
    return true;
  }

  /** A block that is too large goes by, frame by frame: the table is lost with it. */
  #passBlock(dir: Dir, h: Half, w: Window, type: number, flags: number, id: number): void {
    COUNTERS.oversizedBlocks++;
    h.table.lose();
    h.blockBytes = 0;
    h.passing = (flags & END_HEADERS) === 0;
    if (dir === TO_SERVER) this.#streams.askedUnread(id);
    else if (type === HEADERS) this.#streams.answeredUnread(w, id, (flags & END_STREAM) !== 0);
  }

  /** Takes the head of a DATA frame. -1: go on. */
  #data(dir: Dir, h: Half, w: Window, length: number, flags: number, id: number): number {
    let head = FRAME_HEAD;
    h.padding = 0;
    if ((flags & PADDED) !== 0) {
      if (length < 1) return LOST;
      w.want = FRAME_HEAD + 1;
      if (w.end - w.pos < w.want) return MORE;
      h.padding = w.buf[w.pos + FRAME_HEAD]!;
      if (h.padding >= length) return LOST;
      head = w.want;
    }
    h.left = FRAME_HEAD + length - head - h.padding;
    h.endsStream = (flags & END_STREAM) !== 0;
    h.credit -= length;
    h.phase = PAYLOAD;
    w.pos += head;
    const s = this.#streams.get(id);
    h.stream = s;
    if (s === null) return -1;
    if (dir === TO_CLIENT && !s.answered && !Number.isNaN(s.doubtNs)) this.#streams.begins(s, w, w.pos - 1);
    if (dir === TO_SERVER) {
      s.requestBytes += FRAME_HEAD + length;
      s.requestCredit -= length;
      if (h.creditKnown && !h.endsStream && length > 0) noteStall(s, h.credit, h.initialWindow + s.requestCredit);
    } else {
      s.responseBytes += FRAME_HEAD + length;
      s.responseCredit -= length;
      s.lastNs = w.timeAt(w.pos - 1);
      if (h.creditKnown && !h.endsStream && length > 0) noteStall(s, h.credit, h.initialWindow + s.responseCredit);
    }
    return -1;
  }

  /** Passes over the payload of a DATA frame, from prefix to prefix where there are messages. -1: it is over. */
  #payload(dir: Dir, h: Half, w: Window): number {
    const s = h.stream;
    let m: Messages | null = null;
    if (s !== null) m = dir === TO_SERVER ? s.asked : s.told;
    while (m !== null && !m.broken && h.left > 0) {
      if (m.left > 0 && !m.trailers && !m.text) {
        const n = Math.min(m.left, h.left);
        m.left -= n;
        h.left -= n;
        if (w.end - w.pos < n) {
          w.want = n;
          return SKIP;
        }
        w.pos += n;
        continue;
      }
      w.want = m.need(h.left);
      if (w.end - w.pos < w.want) return MORE;
      const from = w.pos;
      w.pos = m.take(w.buf, from, Math.min(w.end, from + h.left));
      h.left -= w.pos - from;
      if (m.announced >= 0) this.#out.message(s!.exchange, dir === TO_SERVER, MESSAGE, m.announced, w);
      if (m.status >= 0 && dir === TO_CLIENT) settleGrpc(s!.exchange, m.status);
    }
    if (s?.graphql && dir === TO_SERVER && h.left > 0) {
      // the first frame of the body is looked at, as far as the bound: clients that have more to say hardly begin with less
      const n = Math.min(h.left, GRAPHQL_BYTES);
      w.want = n;
      if (w.end - w.pos < n) return MORE;
      if (s.detail !== null && s.exchange.outcome === IN_FLIGHT) readGraphql(s.detail, w.buf, w.pos, w.pos + n);
      s.graphql = false;
    }
    const rest = h.left + h.padding;
    if (rest > 0) {
      h.left = 0;
      h.padding = 0;
      if (w.end - w.pos < rest) {
        w.want = rest;
        return SKIP;
      }
      w.pos += rest;
    }
    h.phase = FRAME;
    h.stream = null;
    if (s === null || !h.endsStream) return -1;
    if (dir === TO_SERVER) this.#streams.requestEnds(s, w);
    else this.#streams.dataEnds(s, w);
    return -1;
  }

  /** The frame at `w.pos` is whole (of GOAWAY: what is read of it). */
  #control(dir: Dir, w: Window, type: number, length: number, flags: number, id: number): void {
    const { view, pos } = w;
    const at = pos + FRAME_HEAD;
    switch (type) {
      case RST_STREAM:
        w.pos = at + length;
        this.#streams.reset(dir, w, id, view.getUint32(at));
        break;
      case WINDOW_UPDATE: {
        const bytes = view.getUint32(at) & MAX_WINDOW;
        const other = dir === TO_SERVER ? this.#server : this.#client;
        if (id === 0) other.credit = Math.min(other.credit + bytes, MAX_WINDOW);
        else this.#streams.credit(dir, id, bytes);
        break;
      }
      case SETTINGS:
        if ((flags & ACK) === 0) this.#settings(dir, w, at, at + length);
        break;
      default:
        w.pos = at + GOAWAY_BYTES;
        if (dir === TO_CLIENT) this.#streams.goaway(w, view.getUint32(at) & MAX_WINDOW, view.getUint32(at + 4));
    }
    w.pos = pos;
  }

  /**
   * Settings bind the other end. SETTINGS_HEADER_TABLE_SIZE needs no look: an encoder that makes use of it, or has to, says so in its
   * next header block (RFC 7541 section 4.2).
   */
  #settings(dir: Dir, w: Window, from: number, to: number): void {
    const other = dir === TO_SERVER ? this.#server : this.#client;
    for (let at = from; at + SETTING_BYTES <= to; at += SETTING_BYTES) {
      const value = w.view.getUint32(at + 2);
      const which = w.view.getUint16(at);
      if (which === INITIAL_WINDOW_SIZE && value <= MAX_WINDOW) other.initialWindow = value;
      else if (which === MAX_FRAME_SIZE && value >= USUAL_FRAME && value < 2 ** 24) other.maxFrame = value;
    }
  }
}

/** Its sender has used up what it may send, on the connection or on the stream, and has more to say. */
function noteStall(s: Stream, connection: number, stream: number): void {
  if ((connection <= 0 || stream <= 0) && s.detail !== null) s.detail.stalls++;
}
