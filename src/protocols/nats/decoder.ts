import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { MessageContext } from '../../exchange/messaging.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  FULL,
  LOST,
  MORE,
  SKIP,
  type Step,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { NatsDetail } from './exchange-detail.ts';
import { ERR, HMSG, HPUB, Line, MSG, operationAt, PING, PONG, PUB, travels } from './line.ts';

/** INFO of a large cluster lists every server; other lines have 4 KiB at most (the server's max_control_line). */
export const MAX_LINE = 65_536;
/** Bytes of headers that are looked at. */
const MAX_HEADERS = 4096;
/** Bytes of a subject that are kept; servers take no longer ones in a control line. */
const MAX_SUBJECT = 1024;

/** Keys: a request's is the hash of its reply subject, an unsigned 32-bit integer, apart for what the server asks. */
const ONE_WAY = -1;
const FROM_SERVER = 2 ** 32;
const CLIENT_PING = 2 ** 33;
const SERVER_PING = 2 ** 34;

const LINE = new Line();
const SUBJECTS = new Words();
const LF = 10;
const CR = 13;

/** What is being said in one direction. */
class Side {
  /** Bytes of the line at hand that hold no line feed. */
  scanned = 0;
  /** The message whose payload is passing by begins an exchange; and it may end one. */
  asking: Exchange | null = null;
  answering: Exchange | null = null;
  oneWay = false;
  passing = false;
  startOffset = 0;
}

/** The NATS client protocol. Every message published or delivered is an exchange; one with a reply subject waits for what is sent to it. */
export class NatsDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #sides = [new Side(), new Side()] as const;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  decode(dir: Dir, w: Window): Step {
    const side = this.#sides[dir];
    for (;;) {
      if (side.passing) this.#passed(side, w);
      const eol = w.find(LF, w.pos + side.scanned);
      if (eol < 0) {
        side.scanned = w.end - w.pos;
        w.want = side.scanned + 1;
        // a line that is none is not waited for
        return side.scanned > 8 && operationAt(w.buf, w.pos, w.end) === 0 ? this.#lost(side) : MORE;
      }
      const to = eol > w.pos && w.buf[eol - 1] === CR ? eol - 1 : eol;
      if (!LINE.read(w.buf, w.pos, to) || !travels(LINE.operation, dir === TO_SERVER)) return this.#lost(side);
      const head = eol + 1 - w.pos + Math.min(LINE.headerBytes, MAX_HEADERS);
      if (LINE.headerBytes > 0 && head > w.end - w.pos) {
        side.scanned = eol - w.pos;
        w.want = head;
        return MORE;
      }
      side.scanned = 0;
      this.#line(side, dir, w, to, eol + 1);
      side.passing = true;
      const o = LINE.operation;
      const payload = o === PUB || o === HPUB || o === MSG || o === HMSG ? LINE.totalBytes + 2 : 0;
      const whole = eol + 1 - w.pos + payload;
      if (whole > w.end - w.pos) {
        w.want = whole;
        return SKIP;
      }
      w.pos += whole;
    }
  }

  resync(dir: Dir, w: Window): boolean {
    const eol = w.find(LF, w.pos);
    if (eol < 0) {
      if (operationAt(w.buf, w.pos, w.end) === 0 || w.end - w.pos > MAX_HEADERS) w.pos = w.end;
      return false;
    }
    const to = eol > w.pos && w.buf[eol - 1] === CR ? eol - 1 : eol;
    if (LINE.read(w.buf, w.pos, to) && travels(LINE.operation, dir === TO_SERVER)) return true;
    w.pos = w.end;
    return false;
  }

  gap(dir: Dir): void {
    const side = this.#sides[dir];
    side.scanned = 0;
    side.passing = false;
    if (side.answering !== null) this.#out.truncate(side.answering);
    side.asking = null;
    side.answering = null;
    // either end asks and answers
    this.#out.requestsLost();
    this.#out.responsesLost();
  }

  end(): void {}

  #lost(side: Side): Step {
    side.scanned = 0;
    return LOST;
  }

  /** The line at `w.pos` was read; headers, if there are any, begin at `headers`. */
  #line(side: Side, dir: Dir, w: Window, to: number, headers: number): void {
    const l = LINE;
    side.startOffset = w.base + w.pos;
    side.oneWay = false;
    switch (l.operation) {
      case PUB:
      case HPUB:
      case MSG:
      case HMSG:
        this.#message(side, dir, w, headers);
        break;
      case PING:
        this.#begin(side, w, headers, dir === TO_SERVER ? CLIENT_PING : SERVER_PING, 'PING', '');
        break;
      case PONG: {
        const x = this.#out.answer(dir === TO_SERVER ? SERVER_PING : CLIENT_PING, w, w.pos);
        side.answering = x;
        break;
      }
      case ERR: {
        side.oneWay = true;
        const x = this.#begin(side, w, headers, ONE_WAY, '-ERR', '');
        if (x === null) break;
        x.failed = true;
        detailOf(x).error = w.buf.toString('latin1', l.argumentsFrom, Math.min(to, l.argumentsFrom + 200)).trim();
      }
    }
  }

  #message(side: Side, dir: Dir, w: Window, headers: number): void {
    const l = LINE;
    const { buf } = w;
    const subject = SUBJECTS.text(buf, l.subjectFrom, Math.min(l.subjectTo, l.subjectFrom + MAX_SUBJECT));
    // the other end asked for an answer to this very subject
    const own = dir === TO_SERVER ? 0 : FROM_SERVER;
    const theirs = FROM_SERVER - own + hashOf(buf, l.subjectFrom, l.subjectTo);
    const asked = this.#out.expected(theirs);
    if (asked !== null && (asked.detail as NatsDetail | null)?.reply === subject) {
      side.answering = this.#out.answer(theirs, w, w.pos);
      if (side.answering !== null && side.answering.outcome === IN_FLIGHT) this.#verdict(side.answering, w, headers);
    }
    const hasReply = l.replyTo > l.replyFrom;
    const key = hasReply ? own + hashOf(buf, l.replyFrom, l.replyTo) : ONE_WAY;
    side.oneWay = !hasReply;
    const x = this.#begin(side, w, headers, key, dir === TO_SERVER ? 'publish' : 'deliver', subject);
    if (x === null) return;
    const d = detailOf(x);
    d.answers = side.answering !== null;
    d.payloadBytes = l.totalBytes - l.headerBytes;
    if (hasReply) d.reply = buf.toString('utf8', l.replyFrom, Math.min(l.replyTo, l.replyFrom + MAX_SUBJECT));
    if (l.headerBytes > 0 && this.#out.detail === FULL) d.context = contextIn(buf, headers, headersEnd(w, headers));
  }

  /** The first line of an answer's headers may hold a status: `NATS/1.0 503` says that nobody listens. */
  #verdict(x: Exchange, w: Window, headers: number): void {
    if (LINE.headerBytes === 0) return;
    const m = /^NATS\/1\.0 (\d{3})/.exec(
      w.buf.toString('latin1', headers, Math.min(headersEnd(w, headers), headers + 16)),
    );
    if (m === null) return;
    x.status = Number(m[1]);
    x.failed = x.status >= 400;
  }

  #begin(side: Side, w: Window, to: number, key: number, operation: string, subject: string): Exchange | null {
    const x = this.#out.begin(key, w, w.pos, to);
    side.asking = x;
    if (x === null) return null;
    x.operation = operation;
    x.target = subject;
    x.requestHeadEnd = w.seqAt(to);
    x.detail = new NatsDetail();
    this.#out.asked(x, NatsDetail.BYTES + 2 * (subject.length + LINE.replyTo - LINE.replyFrom));
    return x;
  }

  /** The line and its payload end in front of `w.pos`. */
  #passed(side: Side, w: Window): void {
    side.passing = false;
    const { asking, answering } = side;
    side.asking = null;
    side.answering = null;
    const bytes = w.base + w.pos - side.startOffset;
    if (answering !== null) {
      if (answering.outcome === IN_FLIGHT) answering.responseBytes = bytes;
      this.#out.finish(answering, w);
    }
    if (asking === null || asking.outcome !== IN_FLIGHT) return;
    asking.requestEndNs = w.timeBefore();
    asking.requestBytes = bytes;
    if (side.oneWay) this.#out.oneWay(asking);
  }
}

/** Memory may have been too short for the detail: then what is written goes nowhere. */
const detailOf = (x: Exchange): NatsDetail => (x.detail as NatsDetail | null) ?? new NatsDetail();

const headersEnd = (w: Window, headers: number): number =>
  Math.min(w.end, headers + Math.min(LINE.headerBytes, MAX_HEADERS));

/** FNV-1a, unsigned. */
function hashOf(buf: Buffer, from: number, to: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h ^ buf[i]!, 0x01000193);
  return h >>> 0;
}

/** Trace context in the headers `buf[from, to)`, `Name: value` a line behind the version line; null when there is none. */
function contextIn(buf: Buffer, from: number, to: number): MessageContext | null {
  const lines = buf.toString('latin1', from, to).split('\r\n');
  let found: MessageContext | null = null;
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    found ??= new MessageContext();
    found.take(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return found === null || found.isEmpty ? null : found;
}
