import type { Exchange } from '../exchange/exchange.ts';
import { Recent } from './recent.ts';

/**
 * 16 Ki exchanges x 5 words of 4 bytes are 328 KB: at 1,600 exchanges/s they reach back the whole window, at 100,000/s
 * 160 ms. Copies of a packet follow it within milliseconds; four times the slots cost 40 ns more each, in cache misses.
 */
const SLOTS = 16_384;
/** Two sightings of one request lie closer together than this. */
const WINDOW_MS = 10_000;

/** Knows the exchanges of the last seconds by identity: a packet captured at two interfaces gives the same exchange twice. */
export class Duplicates {
  readonly #seen = new Recent(SLOTS, 4, 0);

  /** Remembers the exchange; true if it was there already. */
  seen(x: Exchange): boolean {
    const key = this.#seen.key;
    key[0] = x.id0;
    key[1] = x.id1;
    key[2] = x.id2;
    key[3] = x.id3;
    if ((x.id0 | x.id1 | x.id2 | x.id3) === 0) return false; // without an identity nothing can be said
    const nowMs = (x.startNs / 1e6) | 0;
    const at = this.#seen.find(nowMs);
    if (at < 0) {
      this.#seen.insert(nowMs);
      return false;
    }
    const duplicate = Math.abs(this.#seen.ageMs(at, nowMs)) <= WINDOW_MS;
    this.#seen.refresh(at, nowMs);
    return duplicate;
  }
}
