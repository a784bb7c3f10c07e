import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import type { Exchanges } from '../protocol.ts';

/** Nobody has that many under way. */
const MAX_PINGS = 64;
/** What was asked among lost bytes has been answered by then, ns. */
const QUIET_NS = 1e9;

/** The PINGs of one end that wait for their PONG: those come in the same order and carry no number. */
export class Pings {
  readonly #out: Exchanges;
  /** Null: one that is not followed. */
  readonly #list: (Exchange | null)[] = [];
  #count = 0;
  #lossNs = Number.NEGATIVE_INFINITY;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  /** Of the next one, on top of what tells the ends apart. */
  get key(): number {
    return this.#count++;
  }

  asked(x: Exchange | null, nowNs: number): void {
    if (nowNs - this.#lossNs < QUIET_NS) {
      // the next PONG may be an older one's
      if (x !== null) this.#out.truncate(x);
      return;
    }
    if (this.#list.length >= MAX_PINGS) this.lost(nowNs);
    this.#list.push(x);
  }

  /** The one that a PONG answers. */
  answered(): Exchange | null {
    return this.#list.shift() ?? null;
  }

  /** Some may have been asked or answered meanwhile. */
  lost(nowNs: number): void {
    this.#lossNs = nowNs;
    for (const x of this.#list.splice(0)) if (x !== null && x.outcome === IN_FLIGHT) this.#out.truncate(x);
  }
}
