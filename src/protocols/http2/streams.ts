import { IN_FLIGHT } from '../../exchange/exchange.ts';
import { noteAsked, noteTold } from '../../exchange/grpc/detail.ts';
import { GRPC_STATUS_BASE, lackGrpcStatus, settleGrpc } from '../../exchange/grpc/status.ts';
import { type Dir, type Exchanges, TO_SERVER, type Window } from '../protocol.ts';
import { COUNTERS } from './counters.ts';
import type { Fields } from './fields.ts';
import { statusOfReason } from './grpc.ts';
import { adoptDetail, bytesOf, newStream, readResponseHead, readTrailers, VERSION } from './heads.ts';
import { goawayReason, resetReason } from './reasons.ts';
import { type Half, Stream } from './stream.ts';

/** A Stream and its place in the map; its texts belong to the exchange. */
const STREAM_BYTES = 256;
/** When so many streams are known, those are looked for whose exchange was given up, or whose end was lost. */
const MANY_STREAMS = 256;
/** A response that moved on before bytes were lost, and not for so long since then, has ended among them. */
const SILENT_NS = 10e9;
/** Bytes of a request that go into its identity, at most. */
const IDENTITY_BYTES = 64;

/** The streams of one connection that are under way, and the exchanges that they are. */
export class Streams {
  readonly #out: Exchanges;
  readonly #client: Half;
  readonly #server: Half;
  readonly #open = new Map<number, Stream>();
  /** The highest stream that the client began. */
  #lastId = 0;
  /** No stream under way is higher. */
  #highest = 0;
  #purgeAt = MANY_STREAMS;

  constructor(out: Exchanges, client: Half, server: Half) {
    this.#out = out;
    this.#client = client;
    this.#server = server;
    if (out.inherited !== null) this.#inherit(out.inherited);
  }

  get(id: number): Stream | null {
    return this.#open.get(id) ?? null;
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** The request that asked for the upgrade is stream 1, half closed (RFC 7540 section 3.2); the client's settings travelled in its header. */
  #inherit(x: NonNullable<Exchanges['inherited']>): void {
    this.#lastId = 1;
    this.#highest = 1;
    this.#server.creditKnown = false;
    x.version = VERSION;
    if (!this.#out.hold(STREAM_BYTES)) {
      COUNTERS.streamsRefused++;
      this.#out.truncate(x);
      return;
    }
    const s = new Stream(1, x, adoptDetail(x), 0, 0);
    s.requestEnded = true;
    this.#open.set(1, s);
  }

  /** A header block of the client stands at `buf[from, w.pos)`, its first frame up to `firstEnd`. `ends`: it ends the stream. */
  asked(w: Window, id: number, f: Fields, from: number, firstEnd: number, ends: boolean): void {
    let s = this.get(id);
    if (s === null) {
      if (id <= this.#lastId) return; // trailers of one that has ended
      if (!f.asks && (ends || f.unknownPseudo === 0)) {
        if (f.unknownPseudo > 0) COUNTERS.unclearBlocks++;
        return; // trailers of one that was not seen, or nobody can say
      }
      this.#lastId = id;
      if (f.oversized) {
        COUNTERS.oversizedLists++;
        return;
      }
      s = this.#begin(w, id, f, from, Math.min(firstEnd, from + IDENTITY_BYTES));
      if (s === null) return;
      const x = s.exchange;
      x.requestHeadEnd = w.seqAt(w.pos);
      this.#out.asked(x, bytesOf(x, s.detail));
    }
    s.requestBytes += w.pos - from;
    if (ends) this.requestEnds(s, w);
  }

  /** A header block of the client that cannot be read. */
  askedUnread(id: number): void {
    this.#lastId = Math.max(this.#lastId, id);
  }

  #begin(w: Window, id: number, f: Fields, from: number, to: number): Stream | null {
    if (this.#open.size >= this.#purgeAt) this.#purge(w.timeAt(from));
    if (!this.#out.hold(STREAM_BYTES)) {
      COUNTERS.streamsRefused++;
      return null;
    }
    const x = this.#out.begin(id, w, from, to);
    if (x === null) {
      this.#out.release(STREAM_BYTES);
      return null;
    }
    const s = newStream(x, f, this.#out, this.#client.losses, this.#server.losses);
    this.#open.set(id, s);
    this.#highest = id;
    return s;
  }

  /** A header block of the server stands at `buf[from, w.pos)`. */
  answered(w: Window, id: number, f: Fields, from: number, ends: boolean): void {
    const { status } = f;
    const s = this.get(id);
    if (s === null) {
      if ((id & 1) === 1 && status >= 200) COUNTERS.unasked++; // a promised stream has an even number
      return;
    }
    const x = s.exchange;
    s.lastNs = w.timeAt(from);
    if (!s.answered) {
      if (status > 0 && status < 200 && !ends) return; // 1xx: the response is still to come
      if (status === 0 && !ends && !f.concludes) {
        // a 1xx, or the response's own: what follows tells
        s.doubtNs = s.lastNs;
        s.doubtBytes = w.pos - from;
        s.doubtLosses = this.#server.losses;
        if (s.detail !== null) s.detail.unknownFields += f.unknown;
        return;
      }
      if (status === 0 && ends && !Number.isNaN(s.doubtNs)) {
        this.begins(s, w, from);
        if (this.get(id) !== null) this.answered(w, id, f, from, ends); // trailers
        return;
      }
      if (status === 0 && ends && (f.unknownPseudo === 0 || s.responseLosses !== this.#server.losses)) {
        this.responseEnds(s, w); // trailers, or nobody can say: the head was lost
        return;
      }
      if (this.#out.answer(id, w, from) === null) {
        this.#drop(s);
        return;
      }
      s.answered = true;
      readResponseHead(s, f, ends);
    } else if (x.outcome === IN_FLIGHT) readTrailers(s, f);
    s.responseBytes += w.pos - from;
    if (ends) this.responseEnds(s, w);
  }

  /** What is at `buf[at]` follows a head in doubt: that was the one of the response, if none can have been lost in between. */
  begins(s: Stream, w: Window, at: number): void {
    const x = s.exchange;
    const { doubtNs } = s;
    s.doubtNs = Number.NaN;
    if (s.doubtLosses !== this.#server.losses) return;
    if (this.#out.answer(s.id, w, at) === null) {
      this.#drop(s);
      return;
    }
    s.answered = true;
    s.responseBytes += s.doubtBytes;
    if (x.outcome === IN_FLIGHT) x.firstByteNs = doubtNs;
  }

  /** A header block of the server at `w.pos` that cannot be read. */
  answeredUnread(w: Window, id: number, ends: boolean): void {
    const s = this.get(id);
    if (s === null) return;
    if (!s.answered && this.#out.answer(id, w, w.pos) === null) {
      this.#drop(s);
      return;
    }
    s.answered = true;
    if (!ends) return;
    this.#drop(s);
    this.#out.truncate(s.exchange);
  }

  requestEnds(s: Stream, w: Window): void {
    const x = s.exchange;
    if (s.requestEnded || x.outcome !== IN_FLIGHT) return;
    s.requestEnded = true;
    x.requestEndNs = w.timeBefore();
    if (s.requestLosses === this.#client.losses) x.requestBytes = s.requestBytes;
  }

  /** DATA was the last of the response: no trailers follow. What was lost may have been those that gRPC-Web has in its messages. */
  dataEnds(s: Stream, w: Window): void {
    const walked = s.told !== null && !s.told.broken && !s.told.unread && s.responseLosses === this.#server.losses;
    if (s.grpc && s.answered && walked) lackGrpcStatus(s.exchange);
    this.responseEnds(s, w);
  }

  responseEnds(s: Stream, w: Window): void {
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

  /** RST_STREAM with this code stands in front of `w.pos`. */
  reset(dir: Dir, w: Window, id: number, code: number): void {
    const s = this.get(id);
    if (s !== null) this.#abort(s, w, resetReason(dir, code));
  }

  /** The server has not looked at streams above `last`, and will not (RFC 9113 section 6.8). */
  goaway(w: Window, last: number, code: number): void {
    if (last >= this.#highest) return;
    let highest = 0;
    for (const s of this.#open.values()) {
      if (s.id > last) this.#abort(s, w, goawayReason(code));
      else highest = Math.max(highest, s.id);
    }
    this.#highest = highest;
  }

  /** The sender of WINDOW_UPDATE lets the other end send so much more on this stream. */
  credit(dir: Dir, id: number, bytes: number): void {
    const s = this.get(id);
    if (s === null) return;
    if (dir === TO_SERVER) s.responseCredit += bytes;
    else s.requestCredit += bytes;
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
    if (d === null) return;
    if (s.asked !== null && s.requestLosses === this.#client.losses) noteAsked(d, s.asked);
    if (s.told !== null && s.responseLosses === this.#server.losses) noteTold(d, s.told);
  }

  #drop(s: Stream): void {
    if (this.#open.delete(s.id)) this.#out.release(STREAM_BYTES);
    // bytes of it that are being read are nobody's any more
    if (this.#client.stream === s) this.#client.stream = null;
    if (this.#server.stream === s) this.#server.stream = null;
  }

  /** Forgets the streams whose exchange was given up, and those whose end was lost, as it seems. */
  #purge(nowNs: number): void {
    for (const s of this.#open.values()) {
      if (s.exchange.outcome !== IN_FLIGHT) this.#drop(s);
      else if (s.answered && s.responseLosses !== this.#server.losses && nowNs - s.lastNs > SILENT_NS) {
        this.#drop(s);
        this.#out.truncate(s.exchange);
      }
    }
    this.#purgeAt = Math.max(MANY_STREAMS, 2 * this.#open.size);
  }
}
