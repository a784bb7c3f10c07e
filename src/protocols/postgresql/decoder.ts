import { type Decoder, type Dir, type Exchanges, type Step, TO_SERVER, type Window } from '../protocol.ts';
import { CUT, firstAt, NOT, PROVED, requestsAt, responsesAt, WEAK } from './credible.ts';
import { Requests } from './requests.ts';
import { Responses } from './responses.ts';
import { Session } from './session.ts';

/** What has not proved by then that it is a message is none. */
const UNDECIDED_BYTES = 256;

/**
 * PostgreSQL's frontend/backend protocol, version 3. Both directions go message by message; what is asked is put down in units, and
 * the server's messages answer them one after the other (session.ts).
 */
export class PostgresDecoder implements Decoder {
  readonly successor = '';
  readonly #session: Session;
  readonly #requests: Requests;
  readonly #responses: Responses;

  constructor(out: Exchanges) {
    this.#session = new Session(out);
    this.#requests = new Requests(this.#session);
    this.#responses = new Responses(this.#session);
  }

  decode(dir: Dir, w: Window): Step {
    return dir === TO_SERVER ? this.#requests.read(w) : this.#responses.read(w);
  }

  resync(dir: Dir, w: Window): boolean {
    const proof = dir === TO_SERVER ? this.#requestAt(w) : responsesAt(w);
    if (proof === PROVED || proof === WEAK) return true;
    if (proof !== CUT || w.end - w.pos >= UNDECIDED_BYTES) w.pos = w.end;
    return false;
  }

  /** A first message begins with zero bytes, but so may the rest of another one that had the next message held up. */
  #requestAt(w: Window): number {
    const requests = this.#requests;
    if (requests.atStart) {
      const first = firstAt(w);
      requests.untyped = first !== NOT;
      if (first !== NOT) return first;
      while (w.pos < w.end && w.buf[w.pos] === 0) w.pos++;
    }
    return requestsAt(w);
  }

  /** Where the end of a message is known decode() has skipped to it. */
  passes(): boolean {
    return false;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) this.#requests.lost();
    else this.#responses.lost();
  }

  end(_dir: Dir, _w: Window): void {}
}
