import type { Exchange } from '../../exchange/exchange.ts';
import { type Exchanges, IN_ORDER, type Window } from '../protocol.ts';
import { MemcachedDetail, NO_TAG, TEXT } from './exchange-detail.ts';
import type { Status } from './status.ts';

/**
 * Finds the request that an answer belongs to. Answers come in the order of the requests, but quiet commands need not
 * be answered: those in front of the one that is were silent. An answer that fits no request, or more than one, is
 * nobody's, and order is lost.
 */
export class Matcher {
  readonly #out: Exchanges;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  /** The text answer at `w.pos`; `tag`: what a meta command had sent back to it. */
  text(w: Window, status: Status, tag: number): Exchange | null {
    const ambiguous = tag === NO_TAG ? 1 << status.number : 0;
    for (let x = this.#next(w); x !== null; x = this.#next(w)) {
      const d = detailOf(x);
      if (d === null || d.opcode !== TEXT || (status.number < 32 && (d.fog & ambiguous) !== 0)) return this.#lost();
      if (d.quiet) {
        if (status.isError) return this.#lost();
        if (d.tag !== tag || (d.kind & status.answers) === 0) {
          this.#out.unanswered(x);
          continue;
        }
      }
      if ((d.kind & status.answers) === 0) return this.#lost();
      return this.#out.answer(IN_ORDER, w, w.pos);
    }
    return this.#out.answer(IN_ORDER, w, w.pos);
  }

  /** The binary answer at `w.pos`. */
  binary(w: Window, opcode: number, tag: number): Exchange | null {
    for (let x = this.#next(w); x !== null; x = this.#next(w)) {
      const d = detailOf(x);
      if (d === null) return this.#lost();
      if (d.opcode === opcode && d.tag === tag) return this.#out.answer(IN_ORDER, w, w.pos);
      if (!d.quiet) return this.#lost();
      this.#out.unanswered(x);
    }
    return this.#out.answer(IN_ORDER, w, w.pos);
  }

  /** The oldest request, if the answer at `w.pos` can be one to it. */
  #next(w: Window): Exchange | null {
    const x = this.#out.expected(IN_ORDER);
    return x === null || ((w.ackAt(w.pos) - x.requestHeadEnd) | 0) < 0 ? null : x;
  }

  #lost(): null {
    this.#out.responsesLost();
    return null;
  }
}

const detailOf = (x: Exchange): MemcachedDetail | null => (x.detail instanceof MemcachedDetail ? x.detail : null);
