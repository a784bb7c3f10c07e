import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Decoder, type Dir, type Exchanges, FULL, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { answer, close, settle } from './answers.ts';
import { BODY_DUE, type Channel, type Content, HEADER_DUE, NO_CONTENT, WHOLE } from './channel.ts';
import { AmqpDetail } from './exchange-detail.ts';
import {
  A,
  A_START,
  BASIC,
  BODY,
  behindEnd,
  EITHER_WAY,
  END,
  frameBytes,
  HEAD,
  HEADER,
  HEADER_BYTES,
  isFrame,
  isProtocolHeader,
  METHOD,
  OVERHEAD,
  PROTOCOL_HEADER_BYTES,
  startAt,
  TOO_SHORT,
} from './frame.ts';
import * as m from './methods.ts';
import { readProperties } from './properties.ts';
import { ask, deliver, notice, publish, returned } from './requests.ts';
import { detailOf, Session, type Side } from './session.ts';

/** Properties of a message that are looked at; headers have no limit of their own but the frame's (RabbitMQ: 128 KiB), and few have 1 KiB. */
export const MAX_HEAD = 16_384;
/** Of a method: four names of 256 bytes at most stand in front of everything that is of interest. */
const MAX_METHOD = 1100;
/** Trace context that travels with a message, about. */
const CONTEXT_BYTES = 300;
/** A method that is waited for where a loss may have hidden its beginning. */
const MAX_CREDIBLE_METHOD = 4096;

/**
 * AMQP 0-9-1. Both ends ask (the server greets, delivers and may close), each on many channels; methods are answered by channel, messages
 * acknowledged by channel and tag. Bodies pass by unseen.
 */
export class AmqpDecoder implements Decoder {
  readonly successor = '';
  readonly #session: Session;
  readonly #headerBytes: number;

  constructor(out: Exchanges) {
    this.#session = new Session(out);
    this.#headerBytes = out.detail === FULL ? MAX_HEAD : HEAD + HEADER_BYTES;
  }

  decode(dir: Dir, w: Window): Step {
    const side = this.#session.sides[dir];
    for (;;) {
      if (side.passing) this.#passed(side, w);
      const { buf, view, pos } = w;
      const have = w.end - pos;
      if (have > 0 && buf[pos] === A) {
        if (!isProtocolHeader(buf, pos, w.end)) return LOST;
        if (have < PROTOCOL_HEADER_BYTES) return more(w, PROTOCOL_HEADER_BYTES);
        w.pos += PROTOCOL_HEADER_BYTES;
        continue;
      }
      if (have < HEAD) return more(w, HEAD);
      const type = buf[pos]!;
      const channel = view.getUint16(pos + 1);
      const size = view.getUint32(pos + 3);
      if (!isFrame(type, channel, size)) return LOST;
      const whole = size + OVERHEAD;
      let need = HEAD;
      if (type === METHOD) need = Math.min(whole, MAX_METHOD);
      else if (type === HEADER) need = Math.min(whole, this.#headerBytes);
      if (need > have) return more(w, need);
      if (whole <= have && buf[pos + whole - 1] !== END) return LOST;
      side.frameBytes = whole;
      side.seenSeq = w.seqAt(pos + whole);
      const to = pos + Math.min(need, whole - 1);
      if (!this.#frame(side, w, type, channel, size, to)) return LOST;
      side.passing = true;
      if (whole > have) {
        w.want = whole;
        return SKIP;
      }
      w.pos += whole;
    }
  }

  resync(dir: Dir, w: Window): boolean {
    const start = w.pos;
    if (w.buf[start] === A && w.end - start >= PROTOCOL_HEADER_BYTES && isProtocolHeader(w.buf, start, w.end))
      return true;
    if (this.#begins(dir, w, start)) return true;
    if (w.pos < w.end) return false;
    // segments need not begin where frames do: a method behind the end of another frame is a start as well
    for (let at = behindEnd(w, start); at < w.end; at = behindEnd(w, at)) {
      if (w.buf[at] !== METHOD) continue;
      w.pos = at;
      if (this.#begins(dir, w, at)) return true;
      if (w.pos < w.end) return false;
    }
    w.pos = w.end;
    return false;
  }

  /** Is there a frame at `at`? If not, `w.pos` stands there when more bytes would tell, else at the window's end. */
  #begins(dir: Dir, w: Window, at: number): boolean {
    const found = startAt(w, at, dir);
    if (found === A_START || found === EITHER_WAY) return true;
    const known = w.end - at;
    const wait =
      found === TOO_SHORT && (known < HEAD || (w.buf[at] !== BODY && frameBytes(w, at) <= MAX_CREDIBLE_METHOD));
    if (!wait) w.pos = w.end;
    return false;
  }

  gap(dir: Dir): void {
    this.#session.gap(dir);
  }

  end(): void {}

  /** The frame at `w.pos`, of which the head is in the window and the payload up to `to`. False: it is none. */
  #frame(side: Side, w: Window, type: number, id: number, size: number, to: number): boolean {
    if (type !== METHOD && type !== HEADER && type !== BODY) return true; // heartbeat
    const c = this.#session.channels.get(id);
    if (type === METHOD) return this.#method(side, w, c, to);
    const content = c === null ? null : c.content[side.dir];
    if (type === HEADER) return header(side, w, content, to);
    return body(side, content, size);
  }

  #method(side: Side, w: Window, c: Channel | null, to: number): boolean {
    const id = w.view.getUint32(w.pos + HEAD);
    const method = m.METHODS.get(id);
    if (method === undefined) return true; // somebody's extension
    if (!m.travels(method, side.dir)) return false;
    if (c === null) return true;
    const at = w.pos + HEAD + 4;
    if (method.kind === m.ANSWERS) return answer(this.#session, side, c, w, id, at, to);
    if (method.kind === m.ASKS) {
      if (!ask(this.#session, side, c, w, id, at, to)) return false;
      if (id === m.CHANNEL_CLOSE || id === m.CONNECTION_CLOSE) close(this.#session, side, c, w, at, to);
      return true;
    }
    switch (id) {
      case m.PUBLISH:
        return publish(side, c, w, at, to);
      case m.DELIVER:
        return deliver(this.#session, side, c, w, at, to);
      case m.RETURN:
        return returned(side, c, w, at, to);
      case m.ACK:
      case m.NACK:
      case m.REJECT:
        return settle(this.#session, side, c, w, id, at, to);
      default:
        notice(side, c, w, id, to);
        return true;
    }
  }

  /** The frame ends in front of `w.pos`. */
  #passed(side: Side, w: Window): void {
    side.passing = false;
    const { asking, answering, content, frameBytes: bytes } = side;
    if (asking !== null) {
      side.asking = null;
      if (asking.outcome === IN_FLIGHT) {
        asking.requestEndNs = w.timeBefore();
        asking.requestBytes = bytes;
        if (side.oneWay) side.asks.oneWay(asking);
      }
    }
    for (const x of answering) finish(x, side, w, bytes);
    answering.length = 0;
    if (content !== null) {
      side.content = null;
      content.bytes += bytes;
      if (content.phase === WHOLE) messageEnds(content, side, w);
    }
    if (side.ending !== null) {
      const c = side.ending;
      side.ending = null;
      this.#session.end(c, side.final, asking, w);
    }
  }
}

function more(w: Window, want: number): Step {
  w.want = want;
  return MORE;
}

/** Content header: class (2), weight (2, 0), body size (8), property flags (2), properties. */
function header(side: Side, w: Window, content: Content | null, to: number): boolean {
  const { buf } = w;
  const at = w.pos + HEAD;
  if (buf.readUInt16BE(at) !== BASIC || buf.readUInt16BE(at + 2) !== 0) return false;
  if (content === null || content.phase !== HEADER_DUE) return true; // of a message whose method was missed
  content.left = buf.readUInt32BE(at + 4) * 2 ** 32 + buf.readUInt32BE(at + 8);
  content.phase = content.left === 0 ? WHOLE : BODY_DUE;
  side.content = content;
  const { x } = content;
  if (x === null || x.outcome !== IN_FLIGHT) return true;
  const d = detailOf(x);
  d.bodyBytes = content.left;
  if (side.asks.detail === FULL) readProperties(buf, at + 12, to, d);
  if (!content.answers) {
    const context = d.context === null ? 0 : CONTEXT_BYTES;
    const texts =
      x.target.length + d.messageId.length + d.correlationId.length + d.exchange.length + d.routingKey.length;
    side.asks.asked(x, AmqpDetail.BYTES + context + 2 * texts);
  }
  return true;
}

/** A part of a message's body. */
function body(side: Side, content: Content | null, size: number): boolean {
  if (content === null || content.phase !== BODY_DUE) return true;
  if (size > content.left) return false;
  content.left -= size;
  if (content.left === 0) content.phase = WHOLE;
  side.content = content;
  return true;
}

function messageEnds(content: Content, side: Side, w: Window): void {
  const { x } = content;
  content.phase = NO_CONTENT;
  content.x = null;
  if (x === null) return;
  if (content.answers) {
    finish(x, side, w, content.bytes);
    return;
  }
  if (x.outcome !== IN_FLIGHT) return;
  x.requestEndNs = w.timeBefore();
  x.requestHeadEnd = w.seqAt(w.pos); // nobody acknowledges half a message
  x.requestBytes = content.bytes;
  if (content.oneWay) side.asks.oneWay(x);
}

function finish(x: Exchange, side: Side, w: Window, bytes: number): void {
  if (x.outcome === IN_FLIGHT) x.responseBytes = bytes;
  side.answers.finish(x, w);
}
