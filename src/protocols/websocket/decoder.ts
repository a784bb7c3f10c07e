import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import {
  type Decoder,
  type Dir,
  type Exchanges,
  LOST,
  MORE,
  SKIP,
  type Step,
  TO_SERVER,
  type Window,
} from '../protocol.ts';
import { WebSocketDetail } from './exchange-detail.ts';
import { CLOSE, CONTINUATION, CUT, Frame, MAX_FRAME_HEADER, NONE, PING, readFrame } from './frame.ts';

/** Values of Exchange.status: 1, or 10,000 and the close code. */
export const OPENED = 1;
export const CLOSED_WITH = 10_000;

/** A close frame is looked at whole: header, code (2), reason (at most 123). */
const CODE_BYTES = 2;

/** Normal closure, going away, no code said. What applications mean by codes of their own (3000 to 4999), they know. */
const ORDERLY = new Set([1000, 1001, 1005]);
const FIRST_OF_APPLICATIONS = 3000;
/** There is one session on a connection. */
const SESSION = 0;

const FRAME = new Frame();

/** WebSocket (RFC 6455) behind its 101: the session is one exchange, from the first frame to the close. Payloads pass by unseen. */
export class WebSocketDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  #exchange: Exchange | null = null;
  #begun = false;
  #detail = new WebSocketDetail();
  /** The message that each end is in the middle of: TEXT or BINARY, CONTINUATION when there is none or its beginning was lost; its bytes so far. */
  readonly #kinds: [number, number] = [CONTINUATION, CONTINUATION];
  readonly #sizes: [number, number] = [0, 0];
  /** Which ends have sent their close. */
  #closed = 0;
  #closing = 0;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  decode(dir: Dir, w: Window): Step {
    const f = FRAME;
    for (;;) {
      if ((this.#closing & (1 << dir)) !== 0) this.#closedBy(dir, w);
      const got = readFrame(w.buf, w.pos, w.end, f);
      if (got === NONE || (got !== CUT && f.masked !== (dir === TO_SERVER))) return LOST;
      if (got === CUT) {
        w.want = Math.min(MAX_FRAME_HEADER, w.end - w.pos + 1);
        return MORE;
      }
      const code = f.opcode === CLOSE ? Math.min(CODE_BYTES, f.payloadBytes) : 0;
      if (f.headerBytes + code > w.end - w.pos) {
        w.want = f.headerBytes + code;
        return MORE;
      }
      this.#frame(dir, w, f);
      const whole = f.headerBytes + f.payloadBytes;
      if (whole > w.end - w.pos) {
        w.want = whole;
        return SKIP;
      }
      w.pos += whole;
    }
  }

  resync(dir: Dir, w: Window): boolean {
    const got = readFrame(w.buf, w.pos, w.end, FRAME);
    if (got === CUT) return false;
    // A frame that ends where the segment does, or has another one behind it.
    const next = w.pos + FRAME.headerBytes + FRAME.payloadBytes;
    if (
      got !== NONE &&
      FRAME.masked === (dir === TO_SERVER) &&
      (next === w.end || (next < w.end && follows(w, next, dir)))
    )
      return true;
    w.pos = w.end;
    return false;
  }

  gap(dir: Dir): void {
    // The session goes on; what was said meanwhile is not counted.
    this.#detail.incomplete = true;
    this.#closing &= ~(1 << dir);
    this.#kinds[dir] = CONTINUATION;
  }

  end(): void {}

  #frame(dir: Dir, w: Window, f: Frame): void {
    if (!this.#begun) this.#begin(w, f);
    const x = this.#exchange;
    if (x !== null) {
      if (x.outcome !== IN_FLIGHT) return; // it was told already
      const whole = f.headerBytes + f.payloadBytes;
      if (dir === TO_SERVER) x.requestBytes += whole;
      else x.responseBytes += whole;
    }
    if (f.opcode === CLOSE) {
      this.#closing |= 1 << dir;
      const d = this.#detail;
      if (d.closeCode === 0 && this.#closed === 0) d.closeCode = this.#code(w, f);
    } else if (f.opcode < PING) this.#piece(dir, w, f, x);
  }

  /** A frame of a message, which has as many as its sender likes; control frames may stand between them (section 5.4). */
  #piece(dir: Dir, w: Window, f: Frame, x: Exchange | null): void {
    const d = this.#detail;
    if (dir === TO_SERVER) d.sentBytes += f.payloadBytes;
    else d.receivedBytes += f.payloadBytes;
    if (f.opcode !== CONTINUATION) {
      this.#kinds[dir] = f.opcode;
      this.#sizes[dir] = 0;
    }
    this.#sizes[dir] += f.payloadBytes;
    const kind = this.#kinds[dir];
    if (!f.final || kind === CONTINUATION) return;
    this.#kinds[dir] = CONTINUATION;
    if (dir === TO_SERVER) d.sent++;
    else d.received++;
    if (x !== null) this.#out.message(x, dir === TO_SERVER, kind, this.#sizes[dir], w);
  }

  /** 1005 stands for a close without a code (section 7.4.1). */
  #code(w: Window, f: Frame): number {
    if (f.payloadBytes < CODE_BYTES) return 1005;
    const at = w.pos + f.headerBytes;
    const code = w.buf.readUInt16BE(at);
    return f.masked ? code ^ w.buf.readUInt16BE(f.keyAt) : code;
  }

  #begin(w: Window, f: Frame): void {
    this.#begun = true;
    const x = this.#out.begin(SESSION, w, w.pos, w.pos + f.headerBytes);
    this.#exchange = x;
    if (x === null) return;
    x.operation = 'session';
    x.requestEndNs = w.timeAt(w.pos);
    x.requestHeadEnd = w.seqAt(w.pos + f.headerBytes);
    x.detail = this.#detail;
    x.firstByteNs = x.startNs;
    x.status = OPENED;
    x.waits = true; // it lasts as long as both ends like
    x.streams = true;
    this.#out.asked(x, WebSocketDetail.BYTES);
  }

  /** The close frame of that end has passed, in front of `w.pos`. The session is over when both have said it. */
  #closedBy(dir: Dir, w: Window): void {
    this.#closing &= ~(1 << dir);
    this.#closed |= 1 << dir;
    const x = this.#exchange;
    if (this.#closed !== 3 || x === null) return;
    this.#exchange = null;
    if (x.outcome !== IN_FLIGHT) return;
    const { closeCode } = this.#detail;
    x.status = CLOSED_WITH + closeCode;
    x.failed = closeCode < FIRST_OF_APPLICATIONS && !ORDERLY.has(closeCode);
    this.#out.over(x, w);
  }
}

function follows(w: Window, at: number, dir: Dir): boolean {
  const got = readFrame(w.buf, at, w.end, FRAME);
  return got === CUT || (got !== NONE && FRAME.masked === (dir === TO_SERVER));
}
