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
  STOP,
  type Step,
  TO_CLIENT,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { NatsDetail } from './exchange-detail.ts';
import { IN_PROGRESS, isAck, isPull, MAX_LOOK, PULL_BYTES, Pulls, replyOf, Unsettled, verdictOf } from './jetstream.ts';
import { ERR, HMSG, HPUB, Line, MSG, operationAt, PING, PONG, PUB, SUB, travels, UNSUB } from './line.ts';
import { Pings } from './pings.ts';

/** INFO of a large cluster lists every server; other lines have 4 KiB at most (the server's max_control_line). */
export const MAX_LINE = 65_536;
/** Bytes of headers that are looked at. */
const MAX_HEADERS = 4096;
/** Bytes of a subject that are kept; servers take no longer ones in a control line. */
const MAX_SUBJECT = 1024;
/** Clients number their subscriptions. */
const MAX_SID = 32;

/** First byte of a TLS record with a handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** Keys: a request's is the hash of its reply subject, an unsigned 32-bit integer, apart for what the server asks. */
const ONE_WAY = -1;
const FROM_SERVER = 2 ** 32;
const CLIENT_PING = 2 ** 33;
const SERVER_PING = 2 ** 38;
/** And of pulls, several of which may share a reply subject. */
const PULL = 2 ** 40;

/** The subjects of which payloads are looked at begin so. */
const JETSTREAM = Buffer.from('$JS.');
const INBOX = Buffer.from('_INBOX.');
const BRACE = 0x7b;

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
  readonly #pulls = new Pulls();
  /** By who asks. */
  readonly #pings: readonly [Pings, Pings];
  #pullCount = 0;
  readonly #unsettled: Unsettled;

  constructor(out: Exchanges) {
    this.#out = out;
    this.#unsettled = new Unsettled(out);
    this.#pings = [new Pings(out), new Pings(out)];
  }

  decode(dir: Dir, w: Window): Step {
    const side = this.#sides[dir];
    for (;;) {
      if (side.passing) this.#passed(side, w);
      if (w.pos < w.end && w.buf[w.pos] === TLS_HANDSHAKE) return STOP; // as INFO asked for; lines begin with letters
      const eol = w.find(LF, w.pos + side.scanned);
      if (eol < 0) {
        side.scanned = w.end - w.pos;
        w.want = side.scanned + 1;
        // a line that is none is not waited for
        return side.scanned > 8 && operationAt(w.buf, w.pos, w.end) === 0 ? this.#lost(side) : MORE;
      }
      const to = eol > w.pos && w.buf[eol - 1] === CR ? eol - 1 : eol;
      if (!LINE.read(w.buf, w.pos, to) || !travels(LINE.operation, dir === TO_SERVER)) return this.#lost(side);
      const head = eol + 1 - w.pos + lookedAt(w, eol + 1);
      if (head > w.end - w.pos) {
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
    for (const pings of this.#pings) pings.lost(w.timeAt(w.pos));
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

  gap(dir: Dir, w: Window): void {
    const side = this.#sides[dir];
    side.scanned = 0;
    side.passing = false;
    if (side.answering !== null) this.#out.truncate(side.answering);
    this.#forgetPulls();
    for (const pings of this.#pings) pings.lost(w.beforeNs);
    side.asking = null;
    side.answering = null;
    // either end asks and answers
    this.#out.requestsLost();
    this.#out.responsesLost();
  }

  end(dir: Dir): void {
    if (dir === TO_SERVER) this.#unsettled.end();
  }

  /** What was delivered meanwhile is not known: which pull a message answers can no longer be said. */
  #forgetPulls(): void {
    for (const x of this.#keepPulls(() => this.#pulls.clear())) this.#out.truncate(x);
  }

  #lost(side: Side): Step {
    side.scanned = 0;
    return LOST;
  }

  /** The line at `w.pos` was read; headers, if there are any, begin at `headers`. */
  #line(side: Side, dir: Dir, w: Window, to: number, headers: number): void {
    const l = LINE;
    side.startOffset = w.base + w.pos;
    side.oneWay = false;
    if (!this.#unsettled.isEmpty) this.#unsettled.sweep(w.timeAt(w.pos));
    switch (l.operation) {
      case PUB:
      case HPUB:
      case MSG:
      case HMSG:
        this.#message(side, dir, w, headers);
        break;
      case SUB:
      case UNSUB:
        this.#subscribe(w);
        break;
      case PING: {
        const pings = this.#pings[dir];
        const key = (dir === TO_SERVER ? CLIENT_PING : SERVER_PING) + pings.key;
        pings.asked(this.#begin(side, w, headers, key, 'PING', ''), w.timeAt(w.pos));
        break;
      }
      case PONG: {
        const x = this.#pings[dir === TO_SERVER ? TO_CLIENT : TO_SERVER].answered();
        side.answering = x === null ? null : this.#out.answer(x.key, w, w.pos);
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
    const hasReply = l.replyTo > l.replyFrom;
    const reply = hasReply ? buf.toString('utf8', l.replyFrom, Math.min(l.replyTo, l.replyFrom + MAX_SUBJECT)) : '';
    const status = statusIn(w, headers);
    const settles = dir === TO_SERVER && isAck(subject) ? verdictOf(payloadOf(w, headers)) : '';
    const answers = settles !== IN_PROGRESS && this.#answer(side, dir, w, subject, headers, status);
    if (dir !== TO_SERVER) this.#served(side, w, subject, reply, status);
    const pulls = dir === TO_SERVER && hasReply && isPull(subject);
    let key = ONE_WAY;
    if (pulls) key = PULL + this.#pullCount++;
    else if (hasReply) key = (dir === TO_SERVER ? 0 : FROM_SERVER) + hashOf(buf, l.replyFrom, l.replyTo);
    side.oneWay = !hasReply;
    const x = this.#begin(side, w, headers, key, dir === TO_SERVER ? 'publish' : 'deliver', subject);
    if (x === null) return;
    // until it is answered: what is sent to its reply subject may go by elsewhere, or never
    x.waits = hasReply;
    const d = detailOf(x);
    d.answers = answers || status > 0;
    d.payloadBytes = l.totalBytes - l.headerBytes;
    d.settles = settles;
    d.reply = reply;
    if (l.headerBytes > 0 && this.#out.detail === FULL) d.context = contextIn(buf, headers, headersEnd(w, headers));
    if (pulls) this.#pull(x, reply, payloadOf(w, headers));
    else if (dir !== TO_SERVER && isAck(reply)) this.#unsettled.add(x);
  }

  /** The other end may have asked for an answer to this very subject; true: it has, and this is it. */
  #answer(side: Side, dir: Dir, w: Window, subject: string, headers: number, status: number): boolean {
    const theirs = (dir === TO_SERVER ? FROM_SERVER : 0) + hashOf(w.buf, LINE.subjectFrom, LINE.subjectTo);
    const asked = this.#out.expected(theirs);
    if (asked === null || (asked.detail as NatsDetail | null)?.reply !== subject) return false;
    const x = this.#out.answer(theirs, w, w.pos);
    side.answering = x;
    if (x === null) return false;
    x.waits = false;
    if (x.outcome !== IN_FLIGHT) return true;
    if (status > 0) fail(x, status, status >= 400);
    else if (dir === TO_SERVER) x.failed = isAck(subject) && payloadOf(w, headers).startsWith('-NAK');
    else if (w.buf[headers + LINE.headerBytes] === BRACE) {
      const r = replyOf(payloadOf(w, headers));
      if (r === null) return true;
      detailOf(x).stored = r.stored;
      detailOf(x).errorCode = r.errorCode;
      if (r.code > 0) fail(x, r.code, true);
    }
    return true;
  }

  /** Inboxes are kept in mind: what a pull brings is told by the subscription that it comes to. */
  #subscribe(w: Window): void {
    const l = LINE;
    const sid = w.buf.toString('latin1', l.sidFrom, Math.min(l.sidTo, l.sidFrom + MAX_SID));
    if (l.operation === UNSUB) this.#keepPulls(() => this.#pulls.unsubscribed(sid));
    else if (begins(w.buf, INBOX) && this.#out.hold(PULL_BYTES)) {
      const subject = w.buf.toString('utf8', l.subjectFrom, Math.min(l.subjectTo, l.subjectFrom + MAX_SUBJECT));
      this.#keepPulls(() => this.#pulls.subscribed(subject, sid), 1);
    }
  }

  /** `more` is what memory is held for already, for what `change` may add; what it does not take is given back. */
  #keepPulls<T>(change: () => T, more = 0): T {
    const before = this.#pulls.size + more;
    const result = change();
    this.#out.release(PULL_BYTES * (before - this.#pulls.size));
    return result;
  }

  #pull(x: Exchange, reply: string, payload: string): void {
    x.waits = !payload.includes('"no_wait":true');
    // where nobody could say what it brings, or there is no room, its answer is not looked for
    if (!this.#out.hold(PULL_BYTES) || !this.#keepPulls(() => this.#pulls.add(x, reply, payload), 1))
      this.#out.truncate(x);
  }

  /** A message of a consumer, or the status that ends a pull. Messages come under the subject that they were published to. */
  #served(side: Side, w: Window, subject: string, reply: string, status: number): void {
    if (this.#pulls.size === 0) return;
    let x: Exchange | null = null;
    if (isAck(reply)) {
      const sid = w.buf.toString('latin1', LINE.sidFrom, Math.min(LINE.sidTo, LINE.sidFrom + MAX_SID));
      x = this.#keepPulls(() => this.#pulls.delivered(sid));
    } else if (status >= 400) x = this.#keepPulls(() => this.#pulls.ended(subject));
    if (x === null) return;
    side.answering = this.#out.answer(x.key, w, w.pos);
    // there was nothing, or not before it was given up
    if (status > 0 && side.answering === x) fail(x, status, status !== 404 && status !== 408);
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

function fail(x: Exchange, status: number, failed: boolean): void {
  x.status = status;
  x.failed = failed;
}

/** The subject of the line at hand begins with that. */
function begins(buf: Buffer, word: Buffer): boolean {
  const n = LINE.subjectFrom + word.length;
  return n <= LINE.subjectTo && buf.compare(word, 0, word.length, LINE.subjectFrom, n) === 0;
}

/** Bytes behind the line, which ends in front of `at`, that have to be there: headers, and where JetStream speaks the beginning of the payload. */
function lookedAt(w: Window, at: number): number {
  const l = LINE;
  const o = l.operation;
  if (o !== PUB && o !== HPUB && o !== MSG && o !== HMSG) return 0;
  const { buf } = w;
  if (l.headerBytes > MAX_HEADERS) return MAX_HEADERS;
  const word = o === PUB || o === HPUB ? JETSTREAM : INBOX;
  const payload = Math.min(MAX_LOOK, l.totalBytes - l.headerBytes);
  if (payload === 0 || !begins(buf, word)) return l.headerBytes;
  // answers of JetStream are JSON
  const from = at + l.headerBytes;
  if (word === INBOX && from < w.end && buf[from] !== BRACE) return l.headerBytes;
  return l.headerBytes + payload;
}

/** The beginning of the payload, as far as it was asked for; the headers begin at `headers`. */
function payloadOf(w: Window, headers: number): string {
  const l = LINE;
  if (l.headerBytes > MAX_HEADERS) return '';
  const from = headers + l.headerBytes;
  return w.buf.toString('latin1', from, Math.min(w.end, from + Math.min(MAX_LOOK, l.totalBytes - l.headerBytes)));
}

/** The first line of headers may hold a status: `NATS/1.0 503` says that nobody listens, and JetStream has its own. 0: it holds none. */
function statusIn(w: Window, headers: number): number {
  if (LINE.headerBytes === 0) return 0;
  const line = w.buf.toString('latin1', headers, Math.min(headersEnd(w, headers), headers + 16));
  return Number(/^NATS\/1\.0 (\d{3})/.exec(line)?.[1] ?? 0);
}

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
