import { type Decoder, type Dir, type Exchanges, LOST, MORE, type Step, TO_CLIENT, type Window } from '../protocol.ts';
import { Message } from './message.ts';
import { STATEFUL } from './registry.ts';
import { Talk } from './talk.ts';

const MESSAGE = new Message();

/** DNS over UDP (RFC 1035 section 4.2.1): a message in each datagram. */
export class DatagramDecoder implements Decoder {
  readonly successor = '';
  readonly #out: Exchanges;
  readonly #talk: Talk;
  /** Two servers may ask each other, both from their own port. */
  #reverse: Talk | null = null;

  constructor(out: Exchanges) {
    this.#out = out;
    this.#talk = new Talk(out, false);
  }

  decode(dir: Dir, w: Window): Step {
    const at = w.pos;
    const m = MESSAGE;
    if (!m.read(w.buf, at, w.end) || m.opcode === STATEFUL) return LOST;
    const talk = m.response === (dir === TO_CLIENT) ? this.#talk : this.#reversed();
    const x = m.response ? talk.answer(m, w, at) : talk.ask(m, w, at, w.end);
    w.pos = w.end;
    if (x !== null) {
      if (m.response) talk.finish(x, w, w.end - at);
      else talk.asked(x, w, w.end - at);
    }
    w.want = 1;
    return MORE;
  }

  #reversed(): Talk {
    this.#reverse ??= new Talk(this.#out.reverse(), false);
    return this.#reverse;
  }

  /** Never called: a datagram begins where it begins. */
  resync(): boolean {
    return true;
  }

  gap(): void {}

  end(): void {}
}
