import { IN_FLIGHT } from '../../exchange/exchange.ts';
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
  HAS_PRIORITY,
  HEADERS,
  isLawful,
  PADDED,
  PREFACE,
  PRIORITY_BYTES,
  PUSH_PROMISE,
  prefaceAt,
  RST_STREAM,
  SETTINGS,
  USUAL_FRAME,
  WINDOW_UPDATE,
} from './frames.ts';
import { GRPC_STATUS_BASE, statusOfReason, webStatus } from './grpc.ts';
import { BlockReader } from './header-block.ts';
import {
  adoptDetail,
  bytesOf,
  lackGrpcStatus,
  newStream,
  readResponseHead,
  readTrailers,
  settleGrpc,
  VERSION,
} from './heads.ts';
import type { Messages } from './messages.ts';
import { goawayReason, resetReason } from './reasons.ts';
import { FrameFinder } from './resync.ts';
import { FRAME, Half, PAYLOAD, Stream } from './stream.ts';

/** A header block with its frames' heads is read when it is whole. Servers accept 8 to 64 KiB of them; larger ones go by unread. */
export const MAX_BLOCK = 65536;
/** A Stream and its place in the map; its texts belong to the exchange. */
const STREAM_BYTES = 256;
/** When so many streams are known, those are looked for whose exchange was given up, or whose end was lost. */
const MANY_STREAMS = 256;
/** A response that moved on before bytes were lost, and not for so long since then, has ended among them. */
const SILENT_NS = 10e9;
const SETTING_BYTES = 6;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;
/** RFC 9113 section 6.9.1. */
const MAX_WINDOW = 0x7fffffff;
/** Bytes of a request that go into its identity, at most. */
const IDENTITY_BYTES = 64;

const SCRATCH = Buffer.alloc(MAX_BLOCK);
const FIELDS = new Fields();
const BLOCKS = new BlockReader(COUNTERS);

/** What #block() found. */
const WHOLE = 0;
const INCOMPLETE = 1;
const TOO_LARGE = 2;
const BROKEN = 3;

/** HTTP/2 (RFC 9113) without TLS: by prior knowledge, behind an upgrade from HTTP/1.1, or joined midway. */
export class Http2Decoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #client: Half;
  readonly #server: Half;
  readonly #streams = new Map<number, Stream>();
  readonly #wanted: number;
  /** The highest stream that the client began. */
  #lastId = 0;
  /** No stream that is known is higher. */
  #highest = 0;
  #purgeAt = MANY_STREAMS;

  constructor(out: Exchanges) {
    this.#out = out;
    this.#client = new Half(out, USUAL_FRAME);
    this.#server = new Half(out, USUAL_FRAME);
    this.#wanted = out.detail === FULL ? FOR_SPANS : FOR_METRICS;
    if (out.inherited !== null) this.#inherit(out.inherited);
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
      const length = frameLength(buf, pos);
      const type = buf[pos + 3]!;
      const flags = buf[pos + 4]!;
      const id = frameStream(buf, pos);
      if (dir === TO_SERVER && buf[pos] === PREFACE.charCodeAt(0)) {
        const n = prefaceAt(buf, pos, w.end);
        if (n < 0) return LOST;
        w.want = PREFACE.length;
        if (n < PREFACE.length) return MORE;
        w.pos += PREFACE.length;
        h.table.reset();
        continue;
      }
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
        const found = this.#block(h, w, length, flags, id);
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
        const needed = FRAME_HEAD + (type === GOAWAY ? 8 : length);
        if (have < needed && needed <= MAX_BLOCK) {
          w.want = needed;
          return MORE;
        }
        if (needed <= MAX_BLOCK) this.#control(dir, w, type, length, flags, id);
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

  /** The request that asked for the upgrade is stream 1, half closed (RFC 7540 section 3.2); the client's settings travelled in its header. */
  #inherit(x: NonNullable<Exchanges['inherited']>): void {
    x.version = VERSION;
    const s = new Stream(1, x, adoptDetail(x), 0, 0);
    s.requestEnded = true;
    s.requestBytes = x.requestBytes;
    this.#streams.set(1, s);
    this.#out.hold(STREAM_BYTES);
    this.#lastId = 1;
    this.#highest = 1;
    this.#server.creditKnown = false;
  }

  // --- header blocks ---------------------------------------------------------------------------------------------------

  /** Looks for the end of the header block whose first frame is at `w.pos`; sets `h.blockBytes` to the bytes of all its frames. */
  #block(h: Half, w: Window, length: number, flags: number, id: number): number {
    const { buf, pos } = w;
    const have = w.end - pos;
    if (h.blockBytes === 0) {
      h.blockBytes = FRAME_HEAD + length;
      h.blockOpen = (flags & END_HEADERS) === 0;
    }
    while (h.blockOpen) {
      if (h.blockBytes + FRAME_HEAD > MAX_BLOCK) return TOO_LARGE;
      w.want = h.blockBytes + FRAME_HEAD;
      if (have < w.want) return INCOMPLETE;
      const at = pos + h.blockBytes;
      if (buf[at + 3] !== CONTINUATION || frameStream(buf, at) !== id) return BROKEN;
      h.blockBytes += FRAME_HEAD + frameLength(buf, at);
      h.blockOpen = (buf[at + 4]! & END_HEADERS) === 0;
    }
    if (h.blockBytes > MAX_BLOCK) return TOO_LARGE;
    w.want = h.blockBytes;
    return have < h.blockBytes ? INCOMPLETE : WHOLE;
  }

  /** The block at `w.pos` is whole. False: it is broken. */
  #headers(dir: Dir, h: Half, w: Window, type: number, length: number, flags: number, id: number): boolean {
    const { buf, pos } = w;
    const end = pos + h.blockBytes;
    h.blockBytes = 0;
    // [pad length] [priority | promised stream] fragment [padding]
    let from = pos + FRAME_HEAD;
    let to = from + length;
    if ((flags & PADDED) !== 0) to -= buf[from++]!;
    if (type === PUSH_PROMISE) from += 4;
    else if ((flags & HAS_PRIORITY) !== 0) from += PRIORITY_BYTES;
    if (from > to) return false;
    let block = buf;
    if (pos + FRAME_HEAD + length < end) {
      let n = buf.copy(SCRATCH, 0, from, to);
      for (let at = pos + FRAME_HEAD + length; at < end; ) {
        const next = at + FRAME_HEAD + frameLength(buf, at);
        n += buf.copy(SCRATCH, n, at + FRAME_HEAD, next);
        at = next;
      }
      block = SCRATCH;
      from = 0;
      to = n;
    }
    if (!BLOCKS.read(h.table, block, from, to, this.#wanted, FIELDS)) {
      COUNTERS.brokenBlocks++;
      return false;
    }
    const ends = (flags & END_STREAM) !== 0;
    if (type === PUSH_PROMISE) {
      COUNTERS.pushes++;
      w.pos = end;
    } else if (dir === TO_SERVER) this.#requestHead(h, w, id, end, pos + FRAME_HEAD + length, ends);
    else this.#responseHead(w, id, end, ends);
    return true;
  }

  /** A block that does not fit into the window goes by, frame by frame: the table is lost with it. */
  #passBlock(dir: Dir, h: Half, w: Window, type: number, flags: number, id: number): void {
    COUNTERS.oversizedBlocks++;
    h.table.lose();
    h.blockBytes = 0;
    h.passing = (flags & END_HEADERS) === 0;
    if (dir === TO_SERVER) {
      this.#lastId = Math.max(this.#lastId, id);
      return;
    }
    const s = this.#streams.get(id);
    if (type !== HEADERS || s === undefined) return;
    if (!s.answered && this.#out.answer(id, w, w.pos) === null) {
      this.#drop(s);
      return;
    }
    s.answered = true;
    if ((flags & END_STREAM) === 0) return;
    this.#drop(s);
    this.#out.truncate(s.exchange);
  }

  #requestHead(h: Half, w: Window, id: number, end: number, firstEnd: number, ends: boolean): void {
    const { pos } = w;
    w.pos = end;
    let s = this.#streams.get(id);
    if (s === undefined) {
      if (id <= this.#lastId) return; // trailers of one that has ended
      if (!FIELDS.asks && (ends || FIELDS.unknownPseudo === 0)) {
        if (FIELDS.unknownPseudo > 0) COUNTERS.unclearBlocks++;
        return; // trailers of one that was not seen, or nobody can say
      }
      this.#lastId = id;
      if (FIELDS.oversized) {
        COUNTERS.oversizedLists++;
        return;
      }
      const begun = this.#begin(w, id, pos, Math.min(firstEnd, pos + IDENTITY_BYTES));
      if (begun === null) return;
      s = begun;
      const x = s.exchange;
      x.requestHeadEnd = w.seqAt(end);
      this.#out.asked(x, bytesOf(x, s.detail));
    }
    s.requestBytes += end - pos;
    if (ends) this.#requestEnds(s, w, h);
  }

  #begin(w: Window, id: number, from: number, to: number): Stream | null {
    if (this.#streams.size >= this.#purgeAt) this.#purge(w.timeAt(from));
    if (!this.#out.hold(STREAM_BYTES)) {
      COUNTERS.streamsRefused++;
      return null;
    }
    const x = this.#out.begin(id, w, from, to);
    if (x === null) {
      this.#out.release(STREAM_BYTES);
      return null;
    }
    const s = newStream(x, FIELDS, this.#out, this.#client.losses, this.#server.losses);
    this.#streams.set(id, s);
    this.#highest = id;
    return s;
  }

  #responseHead(w: Window, id: number, end: number, ends: boolean): void {
    const { pos } = w;
    w.pos = end;
    const { status } = FIELDS;
    const s = this.#streams.get(id);
    if (s === undefined) {
      if ((id & 1) === 1 && status >= 200) COUNTERS.unasked++; // a promised stream has an even number
      return;
    }
    const x = s.exchange;
    s.lastNs = w.timeAt(pos);
    if (!s.answered) {
      if (status > 0 && status < 200 && !ends) return; // 1xx: the response is still to come
      if (status === 0 && ends && (FIELDS.unknownPseudo === 0 || s.responseLosses !== this.#server.losses)) {
        this.#responseEnds(s, w); // trailers, or nobody can say: the head was lost
        return;
      }
      if (this.#out.answer(id, w, pos) === null) {
        this.#drop(s);
        return;
      }
      s.answered = true;
      readResponseHead(s, FIELDS, ends);
    } else if (status > 0 && x.status === 0 && x.outcome === IN_FLIGHT) {
      // the head before this one, whose status was not known, was a 1xx
      x.firstByteNs = w.timeAt(pos);
      s.responseBytes = 0;
      readResponseHead(s, FIELDS, ends);
    } else if (x.outcome === IN_FLIGHT) readTrailers(s, FIELDS);
    s.responseBytes += end - pos;
    if (ends) this.#responseEnds(s, w);
  }

  // --- DATA ------------------------------------------------------------------------------------------------------------

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
    const s = this.#streams.get(id) ?? null;
    h.stream = s;
    if (s === null) return -1;
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
      if (m.trailers > 0) {
        if (m.trailers <= h.left) {
          w.want = m.trailers;
          if (w.end - w.pos < w.want) return MORE;
          settleGrpc(s!.exchange, webStatus(w.buf.toString('latin1', w.pos, w.pos + m.trailers)));
        }
        m.trailers = 0;
      }
      if (m.left > 0) {
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
      const n = Math.min(m.missing, h.left);
      if (w.end - w.pos < n) {
        w.want = n;
        return MORE;
      }
      m.read(w.buf, w.pos, n);
      w.pos += n;
      h.left -= n;
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
    if (dir === TO_SERVER) this.#requestEnds(s, w, h);
    else {
      // Nothing comes behind this; what was lost may have been the trailers that gRPC-Web has in its messages.
      if (s.grpc && s.answered && s.responseLosses === h.losses && m !== null && !m.broken) lackGrpcStatus(s);
      this.#responseEnds(s, w);
    }
    return -1;
  }

  // --- ends ------------------------------------------------------------------------------------------------------------

  #requestEnds(s: Stream, w: Window, h: Half): void {
    const x = s.exchange;
    if (s.requestEnded || x.outcome !== IN_FLIGHT) return;
    s.requestEnded = true;
    x.requestEndNs = w.timeBefore();
    if (s.requestLosses === h.losses) x.requestBytes = s.requestBytes;
  }

  #responseEnds(s: Stream, w: Window): void {
    const x = s.exchange;
    this.#drop(s);
    if (!s.answered) {
      this.#out.truncate(x); // its head was lost
      return;
    }
    if (x.outcome === IN_FLIGHT) {
      if (s.responseLosses === this.#server.losses) x.responseBytes = s.responseBytes;
      this.#noteMessages(s);
    }
    this.#out.finish(x, w);
  }

  #abort(s: Stream, w: Window, reason: number): void {
    const x = s.exchange;
    COUNTERS.resets++;
    this.#drop(s);
    if (x.outcome === IN_FLIGHT) {
      x.reason = reason;
      this.#noteMessages(s);
      if (s.grpc && x.status < GRPC_STATUS_BASE) {
        settleGrpc(x, statusOfReason(reason, w.timeBefore() - x.startNs, s.timeoutNs));
      }
    }
    this.#out.abort(x, w);
  }

  /** Messages are told only where none can have been missed. */
  #noteMessages(s: Stream): void {
    const d = s.detail;
    if (d === null || s.asked === null || s.told === null) return;
    if (s.requestLosses === this.#client.losses && !s.asked.broken) {
      d.requestMessages = s.asked.count;
      d.requestMessageBytes = s.asked.bytes;
      d.requestCompressed = s.asked.compressed;
    }
    if (s.responseLosses === this.#server.losses && !s.told.broken) {
      d.responseMessages = s.told.count;
      d.responseMessageBytes = s.told.bytes;
      d.responseCompressed = s.told.compressed;
    }
  }

  #drop(s: Stream): void {
    if (this.#streams.delete(s.id)) this.#out.release(STREAM_BYTES);
    // bytes of it that are being read are nobody's any more
    if (this.#client.stream === s) this.#client.stream = null;
    if (this.#server.stream === s) this.#server.stream = null;
  }

  /** Forgets the streams whose exchange was given up, and those whose end was lost, as it seems. */
  #purge(nowNs: number): void {
    for (const s of this.#streams.values()) {
      if (s.exchange.outcome !== IN_FLIGHT) this.#drop(s);
      else if (s.answered && s.responseLosses !== this.#server.losses && nowNs - s.lastNs > SILENT_NS) {
        this.#drop(s);
        this.#out.truncate(s.exchange);
      }
    }
    this.#purgeAt = Math.max(MANY_STREAMS, 2 * this.#streams.size);
  }

  // --- control frames --------------------------------------------------------------------------------------------------

  /** The frame at `w.pos` is whole (of GOAWAY: what is read of it). */
  #control(dir: Dir, w: Window, type: number, length: number, flags: number, id: number): void {
    const { view, pos } = w;
    const at = pos + FRAME_HEAD;
    if (type === RST_STREAM) {
      const s = this.#streams.get(id);
      if (s === undefined) return;
      w.pos = at + length;
      this.#abort(s, w, resetReason(dir, view.getUint32(at)));
      w.pos = pos;
    } else if (type === WINDOW_UPDATE) this.#credit(dir, view.getUint32(at) & MAX_WINDOW, id);
    else if (type === SETTINGS) {
      if ((flags & ACK) === 0) this.#settings(dir, w, at, at + length);
    } else if (dir === TO_CLIENT) {
      w.pos = at + 8;
      this.#goaway(w, view.getUint32(at) & MAX_WINDOW, view.getUint32(at + 4));
      w.pos = pos;
    }
  }

  /** The sender of this lets the other end send more. */
  #credit(dir: Dir, bytes: number, id: number): void {
    const other = dir === TO_SERVER ? this.#server : this.#client;
    if (id === 0) {
      other.credit = Math.min(other.credit + bytes, MAX_WINDOW);
      return;
    }
    const s = this.#streams.get(id);
    if (s === undefined) return;
    if (dir === TO_SERVER) s.responseCredit += bytes;
    else s.requestCredit += bytes;
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

  /** The server has not looked at streams above `last`, and will not (section 6.8). */
  #goaway(w: Window, last: number, code: number): void {
    if (last >= this.#highest) return;
    let highest = 0;
    for (const s of this.#streams.values()) {
      if (s.id > last) this.#abort(s, w, goawayReason(code));
      else highest = Math.max(highest, s.id);
    }
    this.#highest = highest;
  }
}

/** Its sender has used up what it may send, on the connection or on the stream, and has more to say. */
function noteStall(s: Stream, connection: number, stream: number): void {
  if ((connection <= 0 || stream <= 0) && s.detail !== null) s.detail.stalls++;
}
