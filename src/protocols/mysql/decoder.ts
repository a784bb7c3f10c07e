import { type Decoder, type Dir, type Exchanges, MORE, STOP, type Step, TO_SERVER, type Window } from '../protocol.ts';
import { Unpacker } from './compressed.ts';
import { clientHelloAt } from './handshake.ts';
import { Requests } from './requests.ts';
import { Responses } from './responses.ts';
import { NO, Session, UNKNOWN, YES } from './session.ts';

/** Both directions of a connection, packed or not. */
export class MysqlDecoder implements Decoder {
  readonly successor = '';
  readonly #session: Session;
  readonly #requests: Requests;
  readonly #responses: Responses;
  #packedRequests: Unpacker | null = null;
  #packedResponses: Unpacker | null = null;

  constructor(out: Exchanges) {
    this.#session = new Session(out);
    this.#requests = new Requests(this.#session);
    this.#responses = new Responses(this.#session);
  }

  decode(dir: Dir, w: Window): Step {
    if (this.#session.secure && dir === TO_SERVER) {
      if (clientHelloAt(w.buf, w.pos, w.end)) return STOP;
      this.#session.secure = false;
    }
    if (this.#session.compressed === UNKNOWN && dir === TO_SERVER && this.#inDoubt(w)) return MORE;
    if (this.#session.compressed !== YES) {
      const step = dir === TO_SERVER ? this.#requests.read(w) : this.#responses.read(w);
      if (step !== -1) return step;
    }
    return this.#unpacker(dir).read(w);
  }

  /** Nobody saw how the login ended: the next request tells whether packets are compressed. True: with more of it. */
  #inDoubt(w: Window): boolean {
    this.#requests.settle(w);
    if (w.pos === w.end) return false;
    const from = w.pos;
    const found = this.#unpacker(TO_SERVER).resync(w);
    const short = !found && w.pos < w.end;
    w.pos = from;
    if (found) this.#session.compressed = YES;
    w.want = w.end - w.pos + 1;
    return short;
  }

  /** Messages begin where segments do: what was held as the beginning of one may be the end of another, and the next segment one. */
  resync(dir: Dir, w: Window): boolean {
    for (let from = w.pos; ; from = w.pos) {
      if (this.#restarts(dir, w)) return true;
      if (w.pos < w.end) return false;
      w.pos = nextSegment(w, from);
      if (w.pos === w.end) return false;
    }
  }

  #restarts(dir: Dir, w: Window): boolean {
    const { compressed, secure } = this.#session;
    if (secure && dir === TO_SERVER && clientHelloAt(w.buf, w.pos, w.end)) return true;
    if (compressed !== UNKNOWN) return this.#reader(dir).resync(w);
    // Nobody saw the login: what is found first tells.
    const from = w.pos;
    if ((dir === TO_SERVER ? this.#requests : this.#responses).resync(w)) {
      this.#session.compressed = NO;
      return true;
    }
    const holds = w.pos < w.end;
    w.pos = from;
    if (this.#unpacker(dir).resync(w)) {
      this.#session.compressed = YES;
      return true;
    }
    if (holds) w.pos = from;
    return false;
  }

  /** Where the end of a packet is known decode() has skipped to it. */
  passes(): boolean {
    return false;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) {
      this.#requests.gap();
      this.#packedRequests?.gap();
    } else {
      this.#responses.gap();
      this.#packedResponses?.gap();
    }
  }

  end(_dir: Dir, _w: Window): void {}

  #reader(dir: Dir): Requests | Responses | Unpacker {
    if (this.#session.compressed === YES) return this.#unpacker(dir);
    return dir === TO_SERVER ? this.#requests : this.#responses;
  }

  #unpacker(dir: Dir): Unpacker {
    const { out } = this.#session;
    if (dir === TO_SERVER) {
      this.#packedRequests ??= new Unpacker(this.#requests, true, out);
      return this.#packedRequests;
    }
    this.#packedResponses ??= new Unpacker(this.#responses, false, out);
    return this.#packedResponses;
  }
}

/** Where the segment behind the one that brought `buf[from]` begins; the window's end when there is none. */
function nextSegment(w: Window, from: number): number {
  const { marks } = w;
  if (marks === null) return w.end;
  const next = marks.find(from) + 1;
  return next < marks.count ? marks.starts[next]! : w.end;
}
