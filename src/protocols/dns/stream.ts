import type { Exchange } from '../../exchange/exchange.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  LOST,
  MORE,
  SKIP,
  type Step,
  TO_CLIENT,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { HEADER_BYTES, Message, word } from './message.ts';
import { ANSWERS, ASKS, judgeStream, TOO_SHORT } from './probe.ts';
import { knownOpcode, SOA, STATEFUL } from './registry.ts';
import { Talk } from './talk.ts';

/** In front of each message: its length (RFC 1035 section 4.2.2). */
const PREFIX_BYTES = 2;
/** Longer messages are read up to here; answers to questions end well before, transfers of zones do not. */
const MAX_READ = 4096;
/** The longest message, with its prefix: those of a transfer are read whole. */
export const MAX_WHOLE = PREFIX_BYTES + 65_535;
/** Bytes behind a loss that are looked at for the start of a message. */
const MAX_REMNANT = 16;
/** Transfers followed at once on a connection. */
const MAX_TRANSFERS = 8;

const MESSAGE = new Message();

/** A zone that is being transferred, in as many messages as it takes (RFC 5936 section 2.2, RFC 1995). */
class Transfer {
  readonly x: Exchange;
  messages = 0;
  bytes = 0;

  constructor(x: Exchange) {
    this.x = x;
  }
}

/** DNS over TCP: messages one behind the other, answered in any order (RFC 7766 section 6.2.1.1). */
export class StreamDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #talk: Talk;
  /** By direction: the rest of a long message goes by, and what is to be settled behind it. */
  readonly #passing: [boolean, boolean] = [false, false];
  #asking: Exchange | null = null;
  #answering: Exchange | null = null;
  #longBytes = 0;
  #transfers: Transfer[] = [];
  /** A transfer was asked for on this connection. */
  #transferring = false;
  /** Transfers of which no message has come; those among them whose first message may have been lost are not in here. */
  #awaited: Exchange[] = [];

  constructor(out: Exchanges) {
    this.#out = out;
    this.#talk = new Talk(out, true);
  }

  decode(dir: Dir, w: Window): Step {
    if (this.#passing[dir]) this.#passed(dir, w);
    for (;;) {
      const have = w.end - w.pos;
      if (have < PREFIX_BYTES + HEADER_BYTES) {
        if (have >= PREFIX_BYTES && word(w.buf, w.pos) < HEADER_BYTES) return LOST;
        w.want = PREFIX_BYTES + HEADER_BYTES;
        return MORE;
      }
      const length = word(w.buf, w.pos);
      const flags = w.buf[w.pos + PREFIX_BYTES + 2]!;
      if (length < HEADER_BYTES || !knownOpcode((flags >>> 3) & 15)) return LOST;
      const whole = PREFIX_BYTES + length;
      const wanted = length <= MAX_READ || this.#transferring ? whole : PREFIX_BYTES + MAX_READ;
      if (have < wanted) {
        w.want = wanted;
        return MORE;
      }
      if (!MESSAGE.read(w.buf, w.pos + PREFIX_BYTES, w.pos + wanted)) return LOST;
      if (MESSAGE.opcode === STATEFUL) w.pos += wanted;
      else if (MESSAGE.response !== (dir === TO_CLIENT)) return LOST;
      else if (dir === TO_SERVER) this.#readRequest(w, wanted, whole);
      else this.#readResponse(w, wanted, whole);
      if (wanted === whole) this.#settle(dir, w);
      else {
        this.#passing[dir] = true;
        w.want = whole - wanted;
        return SKIP;
      }
    }
  }

  /** In front of the message may lie the last bytes of one that was lost. */
  resync(dir: Dir, w: Window): boolean {
    const last = Math.min(w.end, w.pos + MAX_REMNANT);
    for (; w.pos < last; w.pos++) {
      const judged = judgeStream(w.buf, w.pos, w.end);
      if (judged === (dir === TO_SERVER ? ASKS : ANSWERS)) return true;
      if (judged === TOO_SHORT) return false;
    }
    w.pos = w.end;
    return false;
  }

  gap(dir: Dir, _w: Window): void {
    this.#passing[dir] = false;
    if (dir === TO_SERVER) {
      this.#asking = null;
      this.#talk.forgetLast();
      this.#out.requestsLost();
      return;
    }
    this.#answering = null;
    this.#transfers.length = 0;
    this.#awaited.length = 0;
    this.#out.responsesLost(); // ends what was being answered as truncated
  }

  end(): void {}

  /** The first `wanted` bytes of a request of `whole` bytes stand at `w.pos`. */
  #readRequest(w: Window, wanted: number, whole: number): void {
    const m = MESSAGE;
    const at = w.pos;
    if (this.#transfers.length > 0) this.#drop(m.id);
    const x = this.#talk.ask(m, w, at, at + wanted);
    w.pos += wanted;
    this.#asking = x;
    this.#longBytes = whole;
    if (x === null || !isTransfer(x)) return;
    this.#transferring = true;
    if (this.#awaited.length >= MAX_TRANSFERS) this.#awaited.shift();
    this.#awaited.push(x);
  }

  #readResponse(w: Window, wanted: number, whole: number): void {
    const m = MESSAGE;
    const at = w.pos;
    const going = this.#transfers.length > 0 ? this.#goingOn(m) : undefined;
    if (going !== undefined) {
      this.#talk.records.read(m, w.buf, false);
      w.pos += wanted;
      this.#goOn(going, whole, w);
      return;
    }
    const x = this.#transferring && !this.#mayBegin(m) ? null : this.#talk.answer(m, w, at);
    w.pos += wanted;
    if (x === null) return;
    if (this.#begins(x)) {
      const t = new Transfer(x);
      this.#transfers.push(t);
      this.#goOn(t, whole, w);
    } else {
      x.responseBytes = whole;
      this.#answering = x;
    }
  }

  /** The rest of a long message has gone by. */
  #passed(dir: Dir, w: Window): void {
    this.#passing[dir] = false;
    this.#settle(dir, w);
  }

  /** A message ended in front of `w.pos`. */
  #settle(dir: Dir, w: Window): void {
    if (dir === TO_SERVER) {
      const x = this.#asking;
      this.#asking = null;
      if (x !== null) this.#talk.asked(x, w, this.#longBytes);
    } else {
      const x = this.#answering;
      this.#answering = null;
      if (x !== null) this.#out.finish(x, w);
    }
  }

  /** The transfer that the message goes on with; later ones may leave out the question (RFC 5936 section 2.2.1). */
  #goingOn(m: Message): Transfer | undefined {
    return this.#transfers.find((t) => t.x.key % 65_536 === m.id && (m.questions === 0 || t.x.key === m.key));
  }

  /** A transfer's message may be any of them unless all that came before it were seen. */
  #mayBegin(m: Message): boolean {
    const x = this.#talk.expected(m);
    if (x === null || !isTransfer(x)) return true;
    const i = this.#awaited.indexOf(x);
    if (i < 0) return false;
    this.#awaited.splice(i, 1);
    return true;
  }

  /** The response just read is the first message of a transfer: its first record is the zone's SOA. */
  #begins(x: Exchange): boolean {
    if (!isTransfer(x) || x.status !== 0 || this.#transfers.length >= MAX_TRANSFERS) return false;
    return this.#talk.records.firstType === SOA;
  }

  /**
   * A message of a transfer ends in front of `w.pos`. The zone's SOA record opens the transfer and closes it; alone in the first message
   * it says, to IXFR, that nothing has changed.
   */
  #goOn(t: Transfer, bytes: number, w: Window): void {
    const { lastType, reached } = this.#talk.records;
    t.messages++;
    t.bytes += bytes;
    const alone = t.messages === 1 && MESSAGE.answers === 1;
    const closes = reached === MESSAGE.answers && lastType === SOA && (!alone || t.x.operation === 'IXFR');
    if (!closes && MESSAGE.rcode === 0 && MESSAGE.answers > 0) return;
    this.#transfers = this.#transfers.filter((o) => o !== t);
    t.x.responseBytes = t.bytes;
    this.#out.finish(t.x, w);
  }

  /** The id is used anew before its transfer came to its end. */
  #drop(id: number): void {
    const t = this.#transfers.find((o) => o.x.key % 65_536 === id);
    if (t === undefined) return;
    this.#transfers = this.#transfers.filter((o) => o !== t);
    this.#out.truncate(t.x);
  }
}

const isTransfer = (x: Exchange): boolean => x.operation === 'AXFR' || x.operation === 'IXFR';
