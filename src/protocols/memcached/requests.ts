import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import type { Exchanges, Window } from '../protocol.ts';
import { DETAIL_BYTES } from './exchange-detail.ts';

/** What requests have in common, as text or binary: the one that is being read, and the quiet ones that nothing answers. */
export abstract class Requests {
  protected readonly out: Exchanges;
  protected exchange: Exchange | null = null;
  protected startOffset = 0;
  /** No answer to this one is to be expected, or none that can be told from others. */
  protected silent = false;

  constructor(out: Exchanges) {
    this.out = out;
  }

  /** Bytes are missing: the request is not followed to its end. */
  forget(): void {
    const x = this.exchange;
    if (x !== null && this.silent && isWaiting(x)) this.out.oneWay(x);
    this.exchange = null;
  }

  /** The request ends in front of `w.pos`. */
  protected finish(w: Window): void {
    const x = this.exchange;
    this.exchange = null;
    if (x === null || x.outcome !== IN_FLIGHT) return;
    x.requestEndNs = w.timeBefore();
    x.requestBytes = w.base + w.pos - this.startOffset;
    if (Number.isNaN(x.firstByteNs)) x.requestHeadEnd = w.seqAt(w.pos);
    this.out.asked(x, 2 * x.statement.length + DETAIL_BYTES);
    if (this.silent && isWaiting(x)) this.out.oneWay(x);
  }
}

/** Neither given up nor being answered: a server that cannot store something says so before its end. */
export const isWaiting = (x: Exchange): boolean => x.outcome === IN_FLIGHT && Number.isNaN(x.firstByteNs);
