import { type Decoder, type Dir, type Exchanges, type Step, TO_SERVER, type Window } from '../protocol.ts';
import { Unpacker } from './compressed.ts';
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
    if (this.#session.compressed !== YES) {
      const step = dir === TO_SERVER ? this.#requests.read(w) : this.#responses.read(w);
      if (step !== -1) return step;
    }
    return this.#unpacker(dir).read(w);
  }

  resync(dir: Dir, w: Window): boolean {
    const { compressed } = this.#session;
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
