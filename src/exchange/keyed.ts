import type { Window } from '../bytes/window.ts';
import { Book, type PairingEnv } from './book.ts';
import {
  COMPLETE,
  type Ends,
  type Exchange,
  IN_FLIGHT,
  LOST,
  ONE_WAY,
  OPEN,
  RESET,
  type Spoken,
  TIMEOUT,
  TRUNCATED,
} from './exchange.ts';
import type { Weather } from './weather.ts';

/**
 * Requests and responses of one connection of a protocol whose messages carry a correlation id: a response belongs to the request with
 * its key, whatever was lost around them. Few requests are under way at once, and mostly the oldest is answered first: a list
 * that is searched from its front serves better than a map.
 */
export class KeyedPairing extends Book {
  readonly #datagrams: boolean;
  /** What the server asks of the client. */
  #reverse: KeyedPairing | null = null;
  /** In flight, oldest first. */
  readonly #waiting: Exchange[] = [];
  /** Their response is being read. */
  readonly #answering: Exchange[] = [];
  /** Capture time of the last byte in front of the last loss of response bytes. */
  #lossNs = Number.NEGATIVE_INFINITY;
  /** The highest key so far: most protocols count upwards, and what is higher cannot be under way. */
  #highest = Number.NEGATIVE_INFINITY;

  /** `datagrams`: there are no acknowledgements, and the identity must tell datagrams of one second apart. */
  constructor(env: PairingEnv, protocol: Spoken, ends: Ends, weather: Weather, datagrams: boolean) {
    super(env, protocol, ends, weather);
    this.#datagrams = datagrams;
  }

  get inFlight(): number {
    return this.#waiting.length + (this.#reverse?.inFlight ?? 0);
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#answering.length === 0 && this.#reverse?.isIdle !== false;
  }

  reverse(): KeyedPairing {
    this.#reverse ??= new KeyedPairing(this.env, this.protocol, this.ends.reversed(), this.weather, this.#datagrams);
    return this.#reverse;
  }

  begin(key: number, w: Window, from: number, to: number): Exchange | null {
    const before = key > this.#highest ? -1 : this.#find(key);
    if (before >= 0) {
      // The client uses the id anew: it does not wait for that answer any more, and ours to it can no longer be told from the new one's.
      this.env.counters.keyReused++;
      this.#end(this.#take(before), LOST);
    }
    // Where there is no room, what was probably answered among lost bytes makes some.
    const oldest = this.#waiting[0];
    if (this.inFlight >= this.env.maxInFlight && oldest !== undefined && oldest.startNs <= this.#lossNs) {
      this.#end(this.#take(0), LOST);
    }
    const x = this.open(key, w, from, to, this.#datagrams);
    if (x !== null) {
      this.#waiting.push(x);
      if (key > this.#highest) this.#highest = key;
    }
    return x;
  }

  override adopt(x: Exchange, takesOver: boolean): void {
    super.adopt(x, takesOver);
    if (!takesOver) return;
    this.#waiting.push(x);
    this.#highest = Math.max(this.#highest, x.key);
  }

  expected(key: number): Exchange | null {
    const i = this.#find(key);
    return i < 0 ? null : this.#waiting[i]!;
  }

  answer(key: number, w: Window, at: number): Exchange | null {
    const c = this.env.counters;
    const i = this.#find(key);
    if (i < 0) {
      c.unasked++;
      return null;
    }
    const x = this.#waiting[i]!;
    if (!this.#datagrams && ((w.ackAt(at) - x.requestHeadEnd) | 0) < 0) {
      c.refusedByAck++; // sent before the server had that request
      return null;
    }
    this.#take(i);
    x.firstByteNs = w.timeAt(at);
    this.#answering.push(x);
    return x;
  }

  /** The response ends in front of `w.pos`. */
  finish(x: Exchange, w: Window): void {
    if (!this.#settled(x)) return;
    x.endNs = Math.max(w.timeBefore(), x.firstByteNs);
    this.#end(x, COMPLETE);
  }

  /** One whose response has not begun: it went by among bytes that were lost. */
  truncate(x: Exchange): void {
    const i = this.#waiting.indexOf(x);
    if (i >= 0) this.#end(this.#take(i), LOST);
    else if (this.#settled(x)) this.#end(x, TRUNCATED);
  }

  /** Nothing answers this request. */
  oneWay(x: Exchange): void {
    const i = this.#waiting.indexOf(x);
    if (i >= 0) this.#end(this.#take(i), ONE_WAY);
  }

  unanswered(x: Exchange): void {
    this.oneWay(x);
  }

  override over(x: Exchange, w: Window): void {
    const i = this.#waiting.indexOf(x);
    if (i < 0) return;
    this.#take(i);
    this.finished++;
    x.endNs = Math.max(w.timeBefore(), x.startNs);
    this.#end(x, COMPLETE);
  }

  override abort(x: Exchange, w: Window): void {
    const i = this.#waiting.indexOf(x);
    if (i >= 0) this.#take(i);
    else if (!this.#settled(x)) return;
    if (x.outcome !== IN_FLIGHT) return;
    x.endNs = Math.max(w.timeBefore(), Number.isNaN(x.firstByteNs) ? x.startNs : x.firstByteNs);
    this.#end(x, RESET);
  }

  requestsLost(): void {}

  responsesLost(streams = false): void {
    this.#lossNs = this.weather.lastDataNs;
    if (streams) return;
    for (const x of this.#answering) if (x.outcome === IN_FLIGHT) this.#end(x, TRUNCATED);
    this.#answering.length = 0;
  }

  /** Gives up what has waited too long. Called about once a second. */
  sweep(nowNs: number): void {
    this.#reverse?.sweep(nowNs);
    const { timeoutNs } = this.env;
    const waiting = this.#waiting;
    for (let i = 0; i < waiting.length; ) {
      const x = waiting[i]!;
      if (x.streams) {
        i++;
        continue;
      }
      const sinceNs = Number.isNaN(x.requestEndNs) ? Math.max(x.startNs, this.weather.lastDataNs) : x.startNs;
      if (nowNs - sinceNs < timeoutNs) {
        i++;
        continue;
      }
      this.#take(i);
      x.endNs = sinceNs + timeoutNs;
      this.#end(x, this.#unanswered(x, TIMEOUT));
    }
    for (const x of this.#answering) {
      // A long download is no timeout while bytes move.
      const lastNs = Math.max(x.firstByteNs, this.weather.lastDataNs);
      if (x.outcome !== IN_FLIGHT || x.streams || nowNs - lastNs < timeoutNs) continue;
      this.#endAnswering(x, TIMEOUT, lastNs + timeoutNs);
    }
  }

  /** The connection is over: what is in flight ends as `outcome`. */
  close(outcome: number, nowNs: number): void {
    this.#reverse?.close(outcome, nowNs);
    for (const x of this.#answering) if (x.outcome === IN_FLIGHT) this.#endAnswering(x, outcome, nowNs);
    for (const x of this.#waiting) {
      x.endNs = nowNs;
      this.#end(x, this.#unanswered(x, outcome));
    }
    this.#clear();
  }

  /** It was the wrong protocol: nothing of it was real. */
  discard(): void {
    this.#reverse?.discard();
    for (const x of this.#waiting) this.drop(x);
    for (const x of this.#answering) this.drop(x);
    this.#clear();
  }

  override reopen(ends: Ends): void {
    super.reopen(ends);
    this.#reverse?.reopen(ends.reversed());
    this.#lossNs = Number.NEGATIVE_INFINITY;
    this.#highest = Number.NEGATIVE_INFINITY;
  }

  #clear(): void {
    // an array whose length is set lets go of its memory, and flows of datagrams are closed all the time
    if (this.#waiting.length > 0) this.#waiting.length = 0;
    if (this.#answering.length > 0) this.#answering.length = 0;
    this.forgetTables();
  }

  /** A response may have been among the bytes that were lost. */
  #unanswered(x: Exchange, outcome: number): number {
    return x.startNs <= this.#lossNs ? LOST : outcome;
  }

  /** The rest of its response did not come: because of `outcome`, or because it was not captured. */
  #endAnswering(x: Exchange, outcome: number, endNs: number): void {
    const cut = outcome === OPEN || outcome === LOST || x.firstByteNs <= this.#lossNs;
    if (!cut) x.endNs = endNs;
    this.#end(x, cut ? TRUNCATED : outcome);
  }

  #find(key: number): number {
    const waiting = this.#waiting;
    for (let i = 0; i < waiting.length; i++) if (waiting[i]!.key === key) return i;
    return -1;
  }

  #take(i: number): Exchange {
    const x = this.#waiting[i]!;
    remove(this.#waiting, i);
    return x;
  }

  /** Its response has come to an end. False: it was given up, and reported, before. */
  #settled(x: Exchange): boolean {
    this.finished++;
    const i = this.#answering.indexOf(x);
    if (i >= 0) remove(this.#answering, i);
    return x.outcome === IN_FLIGHT;
  }

  #end(x: Exchange, outcome: number): void {
    this.conclude(x, outcome);
    this.tell(x);
  }
}

/** Mostly it is the only one; splice() would make an array of it. */
function remove(list: Exchange[], i: number): void {
  if (list.length === 1) list.pop();
  else list.splice(i, 1);
}
