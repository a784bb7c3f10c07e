import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  FULL,
  LOST,
  MORE,
  SKIP,
  type Step,
  type Table,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { MqttDetail } from './exchange-detail.ts';
import {
  A_START,
  AUTH,
  CONNACK,
  CONNECT,
  DISCONNECT,
  Fixed,
  filtersFill,
  isTopic,
  MAX_FIXED,
  NAMES,
  PINGREQ,
  PINGRESP,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  qosOf,
  readFixed,
  SUBACK,
  SUBSCRIBE,
  startAt,
  TOO_SHORT,
  travels,
  UNSUBACK,
  UNSUBSCRIBE,
  variableInt,
  variableValue,
  WEAK_START,
} from './packet.ts';
import { PROPERTIES } from './properties.ts';

/** A topic has up to 65,535 bytes; with the fixed header, both lengths and the packet identifier. */
export const MAX_HEAD = 65_536 + 64;
/** Bytes of a topic or client identifier that are kept. */
const MAX_TEXT = 1024;
/** Bytes of properties that are looked through. */
const MAX_PROPERTIES = 4096;
/** Of a message's properties so many are waited for; and so much of packets that are read whole. */
const MAX_AHEAD = 256;
const MAX_BODY = 4096;
/** Key of what nothing answers: there is only one at a time. */
const ONE_WAY = -1;
/** Reason codes from here on are failures (5.0 section 2.4); CONNACK's of 3.1.1 from 1 on. */
const FAILURE = 0x80;

const FIXED = new Fixed();
const TOPICS = new Words();

/** What is being said in one direction. */
class Side {
  /** Takes what this side asks, and what it answers. */
  readonly asks: Exchanges;
  readonly answers: Exchanges;
  /** The packet whose rest is passing by: it begins an exchange, ends one, or neither. */
  asking: Exchange | null = null;
  answering: Exchange | null = null;
  /** Topics by the numbers that this end gave them (5.0 section 3.3.2.3.4). */
  readonly aliases: Table<string>;
  oneWay = false;
  passing = false;
  /** Stream offset of its first byte. */
  startOffset = 0;

  constructor(asks: Exchanges, answers: Exchanges) {
    this.asks = asks;
    this.answers = answers;
    this.aliases = asks.table<string>();
  }
}

/**
 * MQTT 3.1, 3.1.1 and 5.0. Both ends publish, and packet identifiers are each end's own: an exchange's client is whoever asked.
 * Payloads pass by unseen.
 */
export class MqttDecoder implements Decoder {
  readonly successor = '';
  readonly #sides: readonly [Side, Side];
  /** Protocol level of the CONNECT, 0 when it was not seen. */
  #level = 0;

  constructor(out: Exchanges) {
    const back = out.reverse();
    this.#sides = [new Side(out, back), new Side(back, out)];
  }

  decode(dir: Dir, w: Window): Step {
    const side = this.#sides[dir];
    for (;;) {
      if (side.passing) passed(side, w);
      const f = FIXED;
      const got = readFixed(w.buf, w.pos, w.end, f);
      if (got < 0) return LOST;
      if (got === 0) {
        w.want = Math.min(MAX_FIXED, w.end - w.pos + 1);
        return MORE;
      }
      if (!travels(f.type, dir === TO_SERVER)) return LOST;
      const need = f.bytes + headBytes(w, f, this.#level);
      if (need > w.end - w.pos) {
        w.want = need;
        return MORE;
      }
      if (need > MAX_HEAD || !this.#packet(side, w, f)) return LOST;
      side.passing = true;
      const whole = f.bytes + f.rest;
      if (whole > w.end - w.pos) {
        w.want = whole;
        return SKIP;
      }
      w.pos += whole;
    }
  }

  resync(dir: Dir, w: Window): boolean {
    const start = startAt(w, w.pos, dir === TO_SERVER);
    if (start === A_START || start === WEAK_START) return true;
    if (start !== TOO_SHORT || w.end - w.pos > MAX_FIXED + 1024) w.pos = w.end;
    return false;
  }

  gap(dir: Dir): void {
    const side = this.#sides[dir];
    if (side.answering !== null) side.answers.truncate(side.answering);
    side.asking = null;
    side.answering = null;
    side.passing = false;
    side.aliases.clear(); // a number may stand for another topic now
    side.asks.requestsLost();
    side.answers.responsesLost();
  }

  end(): void {}

  /** The packet at `w.pos`, of which the head is in the window. False: it is none. */
  #packet(side: Side, w: Window, f: Fixed): boolean {
    const { buf } = w;
    const body = w.pos + f.bytes;
    const end = Math.min(w.end, body + f.rest);
    side.startOffset = w.base + w.pos;
    side.oneWay = false;
    switch (f.type) {
      case CONNECT:
        return this.#connect(side, w, f, body, end);
      case PUBLISH:
        return this.#publish(side, w, f, body, end);
      case PUBREL:
        begin(side, w, f, key(PUBREL, buf.readUInt16BE(body)), '');
        return true;
      case SUBSCRIBE:
      case UNSUBSCRIBE:
        begin(side, w, f, key(f.type, buf.readUInt16BE(body)), this.#firstFilter(buf, f, body + 2, end));
        return true;
      case PINGREQ:
        begin(side, w, f, key(PINGREQ, 0), '');
        return true;
      case DISCONNECT:
        disconnect(side, begin(side, w, f, ONE_WAY, ''), f.rest > 0 ? buf[body]! : 0);
        return true;
      case AUTH:
        return true; // part of the CONNECT that it belongs to; nothing of it is kept
      case CONNACK:
        answer(side, w, key(CONNECT, 0), buf[body + 1]!, buf[body + 1] !== 0);
        return true;
      case PUBACK:
      case PUBREC:
        acknowledge(side, w, f, key(PUBLISH, buf.readUInt16BE(body)), body);
        return true;
      case PUBCOMP:
        acknowledge(side, w, f, key(PUBREL, buf.readUInt16BE(body)), body);
        return true;
      case SUBACK:
      case UNSUBACK:
        this.#granted(side, w, f, body, end);
        return true;
      case PINGRESP:
        answer(side, w, key(PINGREQ, 0), 0, false);
        return true;
      default:
        return false;
    }
  }

  /** Protocol name (2 + n), level (1), flags (1), keep alive (2), properties (5.0), client identifier (2 + n), will, user name, password. */
  #connect(side: Side, w: Window, f: Fixed, body: number, end: number): boolean {
    if (startAt(w, w.pos, true) !== A_START) return false;
    const { buf } = w;
    let at = body + 2 + buf.readUInt16BE(body);
    this.#level = buf[at]! & 0x7f;
    const x = begin(side, w, f, key(CONNECT, 0), '');
    if (x === null || side.asks.detail !== FULL) return true;
    at += 4;
    if (this.#level === 5) {
      const n = variableInt(buf, at, end);
      if (n <= 0) return true;
      at += n + variableValue(buf, at, n);
    }
    const d = x.detail as MqttDetail | null;
    if (d !== null && at + 2 <= end) d.clientId = text(buf, at + 2, Math.min(end, at + 2 + buf.readUInt16BE(at)));
    return true;
  }

  /** Topic (2 + n), packet identifier (2, with QoS 1 and 2), properties (5.0), payload. */
  #publish(side: Side, w: Window, f: Fixed, body: number, end: number): boolean {
    const { buf } = w;
    const length = buf.readUInt16BE(body);
    const qos = qosOf(f.flags);
    let at = body + 2 + length;
    if (at + (qos > 0 ? 2 : 0) > body + f.rest || !isTopic(buf, body + 2, at)) return false;
    let topic = text(buf, body + 2, at);
    let id = 0;
    if (qos > 0) {
      id = buf.readUInt16BE(at);
      if (id === 0) return false;
      at += 2;
    }
    const p = PROPERTIES;
    p.reset();
    if (this.#level === 5) {
      const n = variableInt(buf, at, end);
      if (n > 0) {
        const bytes = variableValue(buf, at, n);
        p.read(buf, at + n, Math.min(end, at + n + Math.min(bytes, MAX_PROPERTIES)));
        at += n + bytes;
      }
    }
    const aliased = p.alias > 0 && topic === '';
    if (aliased) topic = side.aliases.get(p.alias) ?? '';
    else if (p.alias > 0) side.aliases.set(p.alias, topic, 2 * topic.length);
    const x = begin(side, w, f, qos > 0 ? key(PUBLISH, id) : ONE_WAY, topic);
    side.oneWay = qos === 0;
    const d = x === null ? null : (x.detail as MqttDetail | null);
    if (d === null) return true;
    d.qos = qos;
    d.packetId = id;
    d.aliased = aliased;
    d.payloadBytes = Math.max(0, body + f.rest - at);
    d.context = p.context;
    return true;
  }

  /** The first topic filter behind the packet identifier. Properties stand in front of it in 5.0; midway the bytes decide. */
  #firstFilter(buf: Buffer, f: Fixed, at: number, end: number): string {
    let from = at;
    if (this.#level === 5 || (this.#level === 0 && !filtersFill(buf, at, end, f.type === SUBSCRIBE ? 1 : 0))) {
      const n = variableInt(buf, at, end);
      if (n <= 0) return '';
      from = at + n + variableValue(buf, at, n);
    }
    if (from + 2 > end) return '';
    return text(buf, from + 2, Math.min(end, from + 2 + buf.readUInt16BE(from)));
  }

  /** One code for each topic filter at the packet's end; the first failure counts, else the first one. UNSUBACK has none before 5.0. */
  #granted(side: Side, w: Window, f: Fixed, body: number, end: number): void {
    const { buf } = w;
    let at = body + 2;
    if (this.#level === 5) {
      const n = variableInt(buf, at, end);
      at += n > 0 ? n + variableValue(buf, at, n) : end;
    } else if (this.#level === 0 && f.rest > 3 && buf[at] === 0) at++; // empty properties, most likely
    let code = f.type === SUBACK || this.#level === 5 ? (at < end ? buf[at]! : 0) : 0;
    for (let i = at; i < end; i++) {
      if (buf[i]! >= FAILURE) {
        code = buf[i]!;
        break;
      }
    }
    answer(side, w, key(f.type === SUBACK ? SUBSCRIBE : UNSUBSCRIBE, buf.readUInt16BE(body)), code, code >= FAILURE);
  }
}

const key = (type: number, id: number): number => type * 0x10000 + id;

/** Reason (5.0; absent: all is well). */
function disconnect(side: Side, x: Exchange | null, reason: number): void {
  side.oneWay = true;
  if (x === null || reason < FAILURE) return;
  x.reason = reason;
  x.failed = true;
}

/**
 * How many bytes behind the fixed header have to be seen, as far as those that are there tell: of what may be long what is read, for the rest may
 * not have been captured. Properties are there in 5.0 only.
 */
function headBytes(w: Window, f: Fixed, level: number): number {
  if (f.type !== PUBLISH && f.type !== CONNECT) return Math.min(f.rest, MAX_BODY);
  const body = w.pos + f.bytes;
  let bytes = ownBytes(w, f);
  if (body + bytes > w.end) return bytes;
  if ((f.type === CONNECT ? levelOf(w, body) : level) === 5) {
    const n = variableInt(w.buf, body + bytes, w.end);
    const properties = n > 0 ? variableValue(w.buf, body + bytes, n) : 0;
    bytes += Math.abs(n) + (f.type === CONNECT ? properties : Math.min(properties, MAX_AHEAD));
    if (n === 0) bytes++;
  }
  if (f.type === CONNECT) {
    if (body + bytes + 2 > w.end) return Math.min(f.rest, bytes + 2);
    bytes += 2 + w.buf.readUInt16BE(body + bytes); // the client's identifier
  }
  return Math.min(f.rest, bytes, MAX_BODY);
}

/** The same of what every observer has to have seen: a topic with the identifier behind it; of a CONNECT all in front of properties and texts. */
function ownBytes(w: Window, f: Fixed): number {
  const body = w.pos + f.bytes;
  if (f.type !== PUBLISH && f.type !== CONNECT) return Math.min(f.rest, MAX_BODY);
  if (body + 2 > w.end) return 2;
  const text = 2 + w.buf.readUInt16BE(body);
  if (f.type === CONNECT) return Math.min(f.rest, text + 4);
  return Math.min(f.rest, text + (qosOf(f.flags) > 0 ? 2 : 0));
}

/** Behind the protocol's name. */
const levelOf = (w: Window, body: number): number => w.buf[body + 2 + w.buf.readUInt16BE(body)]! & 0x7f;

function begin(side: Side, w: Window, f: Fixed, k: number, target: string): Exchange | null {
  const to = Math.min(w.end, w.pos + f.bytes + ownBytes(w, f));
  const x = side.asks.begin(k, w, w.pos, to);
  side.asking = x;
  if (x === null) return null;
  x.operation = NAMES[f.type]!;
  x.target = target;
  x.requestHeadEnd = w.seqAt(to);
  if (side.asks.detail === FULL) x.detail = new MqttDetail();
  side.asks.asked(x, MqttDetail.BYTES + 2 * target.length);
  return x;
}

function answer(side: Side, w: Window, k: number, code: number, failed: boolean): void {
  const x = side.answers.answer(k, w, w.pos);
  side.answering = x;
  if (x === null || x.outcome !== IN_FLIGHT) return;
  x.status = code;
  x.failed = failed;
}

/** Packet identifier (2), reason (5.0; absent: success). */
function acknowledge(side: Side, w: Window, f: Fixed, k: number, body: number): void {
  const code = f.rest > 2 ? w.buf[body + 2]! : 0;
  answer(side, w, k, code, code >= FAILURE);
}

/** The packet ends in front of `w.pos`. */
function passed(side: Side, w: Window): void {
  side.passing = false;
  const { asking, answering } = side;
  side.asking = null;
  side.answering = null;
  const bytes = w.base + w.pos - side.startOffset;
  if (asking !== null && asking.outcome === IN_FLIGHT) {
    asking.requestEndNs = w.timeBefore();
    asking.requestBytes = bytes;
    if (side.oneWay) side.asks.oneWay(asking);
  }
  if (answering !== null) {
    if (answering.outcome === IN_FLIGHT) answering.responseBytes = bytes;
    side.answers.finish(answering, w);
  }
}

const text = (buf: Buffer, from: number, to: number): string => TOPICS.text(buf, from, Math.min(to, from + MAX_TEXT));
