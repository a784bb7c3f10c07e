import type { Window } from '../bytes/window.ts';
import { Book, type PairingEnv } from './book.ts';
import {
  COMPLETE,
  type Ends,
  Exchange,
  IN_FLIGHT,
  LOST,
  ONE_WAY,
  OPEN,
  type Spoken,
  TIMEOUT,
  TRUNCATED,
  UNSEEN,
} from './exchange.ts';
import type { Weather } from './weather.ts';

/** Order is known exactly: nothing was missed since the connection began. */
const ALIGNED = 0;
/**
 * Something was missed. A client that never pipelines has nothing outstanding when it asks again, so pairs are made on
 * that assumption, but kept back until it has proved itself; one sign of pipelining throws them away.
 */
const TRIAL = 1;
/** Something was missed on a connection that pipelines: nothing is paired until it has been silent for `quietNs`. */
const BLIND = 2;

/**
 * Round trips without a sign of pipelining that prove a client serial; so many pairs are kept back at most. A client that always has
 * four requests under way and answers lost among them can look serial for a while: in simulations of 120,000 exchanges at 5 %
 * loss (test/kit/losses.ts) a proof of 3 let 36 wrong pairs through, one of 8 let 8, one of 16 none.
 */
const PROOF = 32;

/**
 * Requests and responses of one connection of an in-order protocol: first asked, first answered. It would rather lose an
 * exchange than pair it wrongly: see the states above.
 */
export class Pairing extends Book {
  /** In flight, oldest first, from `#head` on. Given-up ones stay as placeholders for their late response. */
  #queue: Exchange[] = [];
  #head = 0;
  /** The exchange whose response is being read. */
  #answering: Exchange | null = null;
  #order: number;
  /** The order is known from the connection's beginning or from a silence, not only by proof: signs of pipelining do not upset it. */
  #exact: boolean;
  #pipelines = false;
  /** Capture time of the last byte in front of the last loss. */
  #lossNs = Number.NaN;
  /** When pipelining was found out last. */
  #blindNs = Number.NEGATIVE_INFINITY;
  /** The longest that an exchange took. */
  #slowestNs = 0;
  #trips = 0;
  #held: Exchange[] = [];
  /** Since the last begin or answer: bytes were missed; request bytes were, so one response without request proves nothing. */
  #missedSince: boolean;
  #requestMissed: boolean;
  /** Requests were missed behind the ones in the queue. */
  #unknownBehind = false;
  #responseEndSeq = 0;
  #responseEnded = false;

  constructor(env: PairingEnv, protocol: Spoken, ends: Ends, weather: Weather, midway: boolean) {
    super(env, protocol, ends, weather);
    this.#order = midway ? TRIAL : ALIGNED;
    this.#exact = !midway;
    this.#missedSince = midway;
    this.#requestMissed = midway;
  }

  get inFlight(): number {
    return this.#queue.length - this.#head;
  }

  get isIdle(): boolean {
    return this.inFlight === 0 && this.#answering === null && this.#held.length === 0;
  }

  /** An in-order protocol has nothing that would tell the server's questions from its answers. */
  reverse(): this {
    return this;
  }

  begin(key: number, w: Window, from: number, to: number, together = false): Exchange | null {
    const c = this.env.counters;
    const timeNs = w.timeAt(from);
    const outstanding = this.inFlight > 0 || this.#answering !== null;
    // Sent before the end of the last response was received: the client does not wait for responses.
    const early = this.#responseEnded && ((w.ackAt(from) - this.#responseEndSeq) | 0) < 0;
    if (!together && (outstanding || early) && this.#pipelining(timeNs)) {
      c.quarantinedRequests++;
      return null;
    }
    if (this.#unknownBehind) {
      // Requests were missed in front of this one.
      this.#unknownBehind = false;
      if (outstanding) this.#forget();
      this.#distrust();
    }
    if (!this.#exact && this.#silent(timeNs)) {
      this.#exact = true;
      this.#order = ALIGNED;
      this.#releaseHeld();
    } else if (this.#order === BLIND) {
      if (timeNs - this.#sinceNs() < this.env.quietNs) {
        c.quarantinedRequests++;
        return null;
      }
      this.#order = TRIAL;
    }
    this.#missedSince = false;
    this.#requestMissed = false;
    const x = this.open(key, w, from, to, false);
    if (x === null) {
      this.#unknownBehind = true; // it will be answered, and nobody must get that answer
      return null;
    }
    this.#queue.push(x);
    return x;
  }

  /** Nothing was outstanding for so long that it would have been answered, and no bytes were missed since. */
  #silent(nowNs: number): boolean {
    const silenceNs = nowNs - this.#sinceNs();
    return (
      silenceNs >= this.env.quietNs &&
      silenceNs >= 2 * this.#slowestNs &&
      this.weather.lastDataNs !== Number.NEGATIVE_INFINITY &&
      this.#lossNs !== this.weather.lastDataNs
    );
  }

  #sinceNs(): number {
    return Math.max(this.weather.lastDataNs, this.#blindNs);
  }

  expected(_key: number): Exchange | null {
    return this.inFlight > 0 ? this.#queue[this.#head]! : null;
  }

  answer(_key: number, w: Window, at: number): Exchange | null {
    const c = this.env.counters;
    if (this.inFlight === 0) {
      if (this.#order === BLIND || this.#missedSince) c.quarantinedResponses++;
      else c.unasked++;
      if (!this.#exact && !this.#requestMissed) this.#pipelining(w.timeAt(at));
      this.#requestMissed = false;
      return null;
    }
    let x = this.#queue[this.#head]!;
    if (((w.ackAt(at) - x.requestHeadEnd) | 0) < 0) {
      // Sent before the server had that request: an answer to something else.
      c.refusedByAck++;
      if (!this.#exact) this.#pipelining(w.timeAt(at));
      return null;
    }
    this.#shift();
    this.#missedSince = false;
    this.#requestMissed = false;
    if (x.outcome !== IN_FLIGHT) {
      c.late++;
      x = standIn(x);
    } else x.firstByteNs = w.timeAt(at);
    this.#answering = x;
    return x;
  }

  /** Takes the oldest out of the queue. */
  #shift(): void {
    if (this.#queue.length === 1) {
      this.#queue.pop(); // setting the length to 0 would throw the array's memory away
      return;
    }
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** The response ends in front of `w.pos`. */
  finish(x: Exchange, w: Window): void {
    this.#answering = null;
    this.finished++;
    this.#responseEndSeq = w.seqAt(w.pos);
    this.#responseEnded = true;
    if (x.outcome !== IN_FLIGHT) return; // reported as a timeout long ago
    const endNs = w.timeBefore();
    x.endNs = Math.max(endNs, x.firstByteNs);
    this.#slowestNs = Math.max(this.#slowestNs, x.endNs - x.startNs);
    this.#end(x, COMPLETE, true);
  }

  truncate(x: Exchange): void {
    this.#answering = null;
    this.finished++;
    if (x.outcome === IN_FLIGHT) this.#end(x, TRUNCATED, true);
  }

  /** The protocol answers nothing to this request, which is at the queue's end. */
  oneWay(x: Exchange): void {
    this.#queue.pop();
    this.#end(x, ONE_WAY, false);
  }

  /** The oldest in flight gets no response, and the protocol says so. */
  unanswered(x: Exchange): void {
    if (this.inFlight === 0 || this.#queue[this.#head] !== x) return;
    this.#shift();
    if (x.outcome === IN_FLIGHT) this.#end(x, ONE_WAY, true);
  }

  requestsLost(): void {
    this.#requestMissed = true;
    this.#missed();
    this.#responseEnded = false;
    this.#unknownBehind = true;
  }

  responsesLost(): void {
    this.#missed();
    this.#responseEnded = false;
    this.#answering = null;
    this.#forget();
    this.#distrust();
  }

  #missed(): void {
    this.#missedSince = true;
    this.#lossNs = this.weather.lastDataNs;
  }

  /** Gives up what has waited too long, and releases kept-back pairs of a silent connection. Called about once a second. */
  sweep(nowNs: number): void {
    const { timeoutNs, quietNs } = this.env;
    const lastDataNs = this.weather.lastDataNs;
    for (let i = this.#head; i < this.#queue.length; i++) {
      const x = this.#queue[i]!;
      // While its request is still being sent nobody waits for an answer.
      const sinceNs = Number.isNaN(x.requestEndNs) ? lastDataNs : x.startNs;
      if (nowNs - sinceNs >= timeoutNs) this.#giveUp(x, sinceNs + timeoutNs);
    }
    // A long download is no timeout while bytes move.
    const a = this.#answering;
    if (a !== null && !a.streams && nowNs - lastDataNs >= timeoutNs) this.#giveUp(a, lastDataNs + timeoutNs);
    if (this.#held.length > 0 && this.inFlight === 0 && nowNs - lastDataNs >= quietNs) this.#releaseHeld();
  }

  #giveUp(x: Exchange, atNs: number): void {
    if (x.outcome !== IN_FLIGHT) return;
    x.endNs = atNs;
    this.#end(x, TIMEOUT, false);
  }

  /** The connection is over: what is in flight ends as `outcome`. */
  close(outcome: number, nowNs: number): void {
    const a = this.#answering;
    this.#answering = null;
    if (a !== null && a.outcome === IN_FLIGHT) {
      const cut = outcome === OPEN || outcome === LOST;
      if (!cut) a.endNs = nowNs;
      this.#end(a, cut ? TRUNCATED : outcome, true);
    }
    for (let i = this.#head; i < this.#queue.length; i++) {
      const x = this.#queue[i]!;
      if (x.outcome !== IN_FLIGHT) continue;
      x.endNs = nowNs;
      this.#end(x, outcome, false);
    }
    this.#queue.length = 0;
    this.#head = 0;
    this.#releaseHeld();
    this.forgetTables();
  }

  /** It was the wrong protocol: nothing of it was real. */
  discard(): void {
    for (let i = this.#head; i < this.#queue.length; i++) this.drop(this.#queue[i]!);
    if (this.#answering !== null) this.drop(this.#answering);
    for (const x of this.#held) this.drop(x);
    this.#queue.length = 0;
    this.#head = 0;
    this.#held.length = 0;
    this.#answering = null;
    this.forgetTables();
  }

  /** An exchange has come to its end. `paired`: its response is known, and as good as the order is. */
  #end(x: Exchange, outcome: number, paired: boolean): void {
    this.conclude(x, outcome);
    if (!paired || this.#order === ALIGNED) {
      this.tell(x);
      return;
    }
    if (this.#held.length === PROOF) this.tell(this.#held.shift()!);
    this.#held.push(x);
    if (outcome === COMPLETE && ++this.#trips >= PROOF) {
      this.#order = ALIGNED;
      this.#releaseHeld();
    }
  }

  #releaseHeld(): void {
    for (const x of this.#held) this.tell(x);
    this.#held.length = 0;
  }

  /** What is in flight can no longer be told from what was answered unseen. */
  #forget(): void {
    for (let i = this.#head; i < this.#queue.length; i++) {
      const x = this.#queue[i]!;
      if (x.outcome === IN_FLIGHT) this.#end(x, LOST, false);
    }
    this.#queue.length = 0;
    this.#head = 0;
  }

  #distrust(): void {
    this.env.counters.orderLost++;
    this.#trips = 0;
    this.#exact = false;
    if (this.#pipelines) this.#throwAwayHeld();
    this.#order = this.#pipelines ? BLIND : TRIAL;
  }

  /**
   * A sign that the client does not wait for answers. True where it was taken for one that does: no pair made on that can be
   * believed.
   */
  #pipelining(nowNs: number): boolean {
    this.#pipelines = true;
    if (this.#exact || this.#order === BLIND) return false;
    this.#throwAwayHeld();
    const a = this.#answering;
    if (a !== null && a.outcome === IN_FLIGHT) {
      this.#answering = null;
      this.#end(unpaired(a), LOST, false);
    }
    this.#forget();
    this.#trips = 0;
    this.#order = BLIND;
    this.#blindNs = nowNs;
    return true;
  }

  #throwAwayHeld(): void {
    this.env.counters.quarantinedPairs += this.#held.length;
    for (const x of this.#held) {
      unpaired(x).outcome = LOST;
      this.tell(x);
    }
    this.#held.length = 0;
  }
}

/** Takes back what the response said. */
function unpaired(x: Exchange): Exchange {
  x.endNs = UNSEEN;
  x.firstByteNs = UNSEEN;
  x.status = 0;
  x.failed = false;
  x.responseBytes = 0;
  return x;
}

/** What the late response of a request that was given up is read with: the record itself has gone to the listener. */
function standIn(x: Exchange): Exchange {
  const s = new Exchange(x.protocol, x.ends, x.key, x.startNs);
  s.operation = x.operation;
  s.version = x.version;
  s.outcome = x.outcome;
  return s;
}
