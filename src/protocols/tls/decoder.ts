import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import {
  BARE,
  type Decoder,
  type Dir,
  type Exchanges,
  IN_ORDER,
  LOST,
  MORE,
  SKIP,
  type Step,
  TO_CLIENT,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { AGREED, BROKEN_OFF, HIDDEN_ALERT, REFUSED, TlsDetail } from './exchange-detail.ts';
import {
  CERTIFICATE,
  CLIENT_HELLO,
  certificateExpiry,
  isTls13,
  readClientHello,
  readServerHello,
  SERVER_HELLO,
} from './hello.ts';
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  GATHERED,
  Gatherer,
  HANDSHAKE,
  MALFORMED,
  MESSAGE,
  RECORD_HEADER,
  recordLength,
  TOO_FEW,
} from './records.ts';

/** Alerts that end nothing: close_notify, user_canceled, no_renegotiation (RFC 5246 section 7.2). */
const HARMLESS = new Set([0, 90, 100]);
const FATAL = 2;
/**
 * A record of TLS 1.3 that can only be an alert: level, description, content type, and the tag of 16 bytes. A Finished takes 53 bytes and
 * more, an EndOfEarlyData 21.
 */
const ALERT_RECORD = 19;

/** One direction of the connection. */
class Half {
  readonly messages = new Gatherer();
  /** Its records are encrypted from here on. */
  encrypted = false;
  /** Its messages are not read any more, since one was too long; its records are. */
  unread = false;
  /** Its Finished has been sent. */
  finished = false;
  /** The record that passes by unseen is its Finished. */
  finishing = false;
  /** Where its first record of the handshake began, and where the last one ended, in its direction. */
  startOffset = 0;
  endOffset = 0;
}

/**
 * TLS 1.0 to 1.3 as far as it can be read without keys: a handshake is an exchange, from the ClientHello to the moment both ends have
 * finished. What is encrypted passes by unseen.
 */
export class TlsDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #client = new Half();
  readonly #server = new Half();
  #exchange: Exchange | null = null;
  #begun = false;
  #answered = false;
  #detail = new TlsDetail();
  #certified = false;
  #over = false;
  /** Bytes of the handshake were lost. */
  #cut = false;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  decode(dir: Dir, w: Window): Step {
    const h = dir === TO_SERVER ? this.#client : this.#server;
    for (;;) {
      if (h.finishing) {
        h.finishing = false;
        h.endOffset = w.base + w.pos;
        this.#finished(h, dir, w);
      }
      if (this.#over) {
        w.want = Number.POSITIVE_INFINITY;
        return SKIP;
      }
      if (h.messages.left > 0) {
        const step = this.#message(dir, h, w);
        if (step >= 0) return step as Step;
        continue;
      }
      h.endOffset = w.base + w.pos;
      if (w.pos + RECORD_HEADER > w.end) {
        w.want = RECORD_HEADER;
        return MORE;
      }
      const length = recordLength(w, w.pos);
      if (length < 0) return LOST;
      const type = w.buf[w.pos]!;
      if (type === HANDSHAKE && !h.encrypted && !h.unread) {
        const step = this.#message(dir, h, w);
        if (step >= 0) return step as Step;
        continue;
      }
      if (type === ALERT && length === 2 && !h.encrypted) {
        if (w.pos + RECORD_HEADER + 2 > w.end) {
          w.want = RECORD_HEADER + 2;
          return MORE;
        }
        this.#alert(dir, w);
        continue;
      }
      // The rest is a record that passes by whole.
      // In TLS 1.3 it is there for the sake of middleboxes only, and a client may send it before it knows the version.
      if (type === CHANGE_CIPHER_SPEC && this.#answered && !isTls13(this.#detail.hello)) h.encrypted = true;
      else if (type === HANDSHAKE && h.encrypted && !isTls13(this.#detail.hello)) h.finishing = !h.finished;
      else if (type === APPLICATION_DATA) {
        h.encrypted = true;
        // TLS 1.3: everything behind the hellos looks like data; the client's first record behind the server's is its Finished.
        if (isTls13(this.#detail.hello)) {
          h.finishing = dir === TO_CLIENT || this.#server.finished;
          if (length === ALERT_RECORD && dir === TO_SERVER && h.finishing)
            this.#refuse(BROKEN_OFF + HIDDEN_ALERT, false);
        }
      }
      w.pos += RECORD_HEADER;
      w.want = length;
      return SKIP;
    }
  }

  resync(dir: Dir, w: Window): boolean {
    // A handshake begins, or is answered: nothing else is worth reading.
    const awaited = dir === TO_SERVER ? !this.#begun : this.#exchange !== null && !this.#answered;
    if (!this.#over && awaited) {
      if (w.end - w.pos <= RECORD_HEADER) {
        const type = w.pos < w.end ? w.buf[w.pos] : HANDSHAKE;
        if (type === HANDSHAKE || (type === ALERT && dir === TO_CLIENT)) return false;
        w.pos = w.end;
        return false;
      }
      const length = recordLength(w, w.pos);
      const type = w.buf[w.pos];
      if (
        type === HANDSHAKE &&
        length > 0 &&
        w.buf[w.pos + RECORD_HEADER] === (dir === TO_SERVER ? CLIENT_HELLO : SERVER_HELLO)
      )
        return true;
      if (type === ALERT && length === 2 && dir === TO_CLIENT) return true;
    }
    w.pos = w.end;
    return false;
  }

  gap(dir: Dir): void {
    (dir === TO_SERVER ? this.#client : this.#server).messages.left = 0;
    // Where the handshake ends will not be seen any more.
    this.#cut = true;
    const x = this.#exchange;
    if (x !== null && this.#answered) {
      this.#out.truncate(x);
      this.#exchange = null;
      this.#over = true;
    }
    if (dir === TO_SERVER) this.#out.requestsLost();
    else {
      this.#out.responsesLost();
      this.#exchange = null;
    }
  }

  end(): void {}

  /** A handshake message begins at `w.pos`. -1: go on. */
  #message(dir: Dir, h: Half, w: Window): number {
    const from = w.pos;
    const got = h.messages.next(w);
    if (got === TOO_FEW) return MORE;
    if (got === MALFORMED) return LOST;
    if (got !== GATHERED) {
      // Too long to be of use: what follows in this direction is passed over record by record.
      h.unread = true;
      if (h.messages.left === 0) return -1;
      w.want = h.messages.left;
      h.messages.left = 0;
      return SKIP;
    }
    const { length } = h.messages;
    const type = MESSAGE[0]!;
    if (dir === TO_SERVER) {
      if (type === CLIENT_HELLO && !this.#begun) return this.#clientHello(w, from, length) ? -1 : LOST;
      return -1;
    }
    if (type === SERVER_HELLO) return this.#serverHello(w, from, length) ? -1 : LOST;
    if (type === CERTIFICATE && !this.#certified) {
      this.#certified = true;
      this.#detail.notAfter = certificateExpiry(length);
    }
    return -1;
  }

  #clientHello(w: Window, from: number, length: number): boolean {
    this.#begun = true;
    const detail = new TlsDetail();
    if (!readClientHello(length, detail.hello)) return false;
    this.#detail = detail;
    const x = this.#out.begin(IN_ORDER, w, from, w.pos);
    this.#exchange = x;
    if (x === null) return true;
    this.#client.startOffset = w.base + from;
    x.operation = 'ClientHello';
    x.target = detail.hello.serverName;
    x.requestHeadEnd = w.seqAt(w.pos);
    x.requestEndNs = w.timeBefore();
    x.requestBytes = w.pos - from;
    if (this.#out.detail > BARE) x.detail = detail;
    this.#out.asked(x, TlsDetail.BYTES + 2 * detail.hello.serverName.length);
    return true;
  }

  #serverHello(w: Window, from: number, length: number): boolean {
    const { hello } = this.#detail;
    if (!readServerHello(length, hello)) return false;
    if (!this.#answered) this.#answer(w, from);
    const x = this.#exchange;
    if (x !== null && x.outcome === IN_FLIGHT) {
      x.version = hello.version;
      x.status = AGREED;
    }
    if (this.#cut && x !== null) {
      this.#out.truncate(x);
      this.#exchange = null;
      this.#over = true;
    }
    return true;
  }

  #answer(w: Window, from: number): void {
    this.#answered = true;
    this.#server.startOffset = w.base + from;
    if (this.#exchange !== null) this.#exchange = this.#out.answer(IN_ORDER, w, from);
  }

  /** Level (1), description (1). */
  #alert(dir: Dir, w: Window): void {
    const from = w.pos;
    const level = w.buf[from + RECORD_HEADER]!;
    const description = w.buf[from + RECORD_HEADER + 1]!;
    w.pos += RECORD_HEADER + 2;
    (dir === TO_SERVER ? this.#client : this.#server).endOffset = w.base + w.pos;
    if (HARMLESS.has(description) || (level !== FATAL && !isTls13(this.#detail.hello))) return;
    if (dir === TO_CLIENT && !this.#answered) {
      this.#answer(w, from);
      this.#refuse(REFUSED + description, true);
    } else if (this.#answered) this.#refuse(BROKEN_OFF + description, false);
    // else the client thought better of it; the end of the connection will tell
    this.#finish(w);
  }

  #refuse(status: number, failed: boolean): void {
    const x = this.#exchange;
    if (x === null || x.outcome !== IN_FLIGHT) return;
    x.status = status;
    x.failed = failed;
  }

  /** A Finished has passed, in front of `w.pos`. */
  #finished(h: Half, dir: Dir, w: Window): void {
    h.finished = true;
    const other = dir === TO_SERVER ? this.#server : this.#client;
    if (!isTls13(this.#detail.hello)) {
      // An abbreviated handshake (RFC 5246 section 7.3): the server finishes first, and shows no certificate.
      if (dir === TO_CLIENT && !other.finished && !this.#certified) this.#detail.hello.resumed = true;
    }
    if (other.finished) this.#finish(w);
  }

  #finish(w: Window): void {
    this.#over = true;
    const x = this.#exchange;
    if (x === null || !this.#answered) return;
    this.#exchange = null;
    if (x.outcome === IN_FLIGHT) x.responseBytes = this.#server.endOffset - this.#server.startOffset;
    this.#out.finish(x, w);
  }
}
