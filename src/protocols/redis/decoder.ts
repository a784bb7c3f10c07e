import { type Decoder, type Dir, type Exchanges, type Step, TO_SERVER, type Window } from '../protocol.ts';
import { ReplyReader } from './reply.ts';
import { MAX_INLINE, RequestReader } from './request.ts';
import { Session } from './session.ts';
import { A_START, inlineStart, NOT_A_START, RequestStart, TOO_SHORT } from './start.ts';

const REQUEST = new RequestStart();

/** RESP 2 and 3 and inline commands, as Redis, Valkey and their relatives speak them. */
export class RedisDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #session = new Session();
  readonly #requests: RequestReader;
  readonly #replies: ReplyReader;
  /** Anything was read. */
  #begun = false;

  constructor(out: Exchanges) {
    this.#out = out;
    this.#requests = new RequestReader(out, this.#session);
    this.#replies = new ReplyReader(out, this.#session);
  }

  decode(dir: Dir, w: Window): Step {
    this.#begun = true;
    return dir === TO_SERVER ? this.#requests.decode(w) : this.#replies.decode(w);
  }

  resync(dir: Dir, w: Window): boolean {
    if (!this.#begun) {
      this.#session.forget();
      this.#session.proven = false;
    }
    if (dir !== TO_SERVER) return this.#replies.resync(w);
    // Inside an array words stand on lines of their own: only a client that is known for inline commands is believed to
    // send one.
    let judged = REQUEST.read(w);
    if (judged === NOT_A_START && this.#requests.inline) judged = inlineStart(w);
    if (judged === NOT_A_START || (judged === TOO_SHORT && w.end - w.pos >= MAX_INLINE)) w.pos = w.end;
    return judged === A_START;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) {
      this.#requests.forget();
      this.#session.forget();
      this.#out.requestsLost();
      return;
    }
    this.#session.forgetReplies();
    this.#replies.forget();
    this.#out.responsesLost();
  }

  end(dir: Dir, _w: Window): void {
    if (dir !== TO_SERVER) this.#replies.end();
  }
}
