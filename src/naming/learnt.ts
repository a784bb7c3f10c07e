/** Names by the answers of DNS that were seen: who asks for `cart.shop.svc` and talks to the address then means that service. */

import type { Budget, Owner } from '../bytes/budget.ts';
import type { Counters } from '../self/counters.ts';
import { type Namer, Service } from './service.ts';
import { keyOf } from './static.ts';

/** Addresses with a name. A large cluster has some ten thousand; at about 400 bytes each these are 6.5 MB. */
const MAX_NAMES = 16_384;
/** An entry with its share of two maps, and its Service. The name comes on top. */
const ENTRY_BYTES = 320;

/** No answer is believed for longer than a day (RFC 8767 section 4 says a week; addresses are reused sooner). */
const MAX_TTL_SEC = 86_400;
/**
 * An address is talked to long after the answer that told it: connections stay, and applications remember on their own. Nobody
 * else's name is put in its place meanwhile, unless an answer says so.
 */
const KEEP_NS = 600e9;
const SWEEP_NS = 60e9;

class Learnt {
  readonly service: Service;
  readonly bytes: number;
  /** Until then other names for the address do not count; then they do; from `endNs` on it has none. */
  freshNs: number;
  endNs: number;

  constructor(service: Service, bytes: number, freshNs: number, endNs: number) {
    this.service = service;
    this.bytes = bytes;
    this.freshNs = freshNs;
    this.endNs = endNs;
  }
}

/** Asks another namer first, and what answers told for addresses that it does not know. Time is that of the packets. */
export class LearntNames implements Namer {
  readonly #namer: Namer;
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #maxNames: number;
  readonly #entries = new Map<number | string, Learnt>();
  /** One object for each name, and how many addresses have it. */
  readonly #services = new Map<string, { service: Service; uses: number }>();
  readonly #counters = { learnt: 0, expired: 0, evicted: 0, refused: 0, contested: 0 };
  #nowNs = Number.NEGATIVE_INFINITY;
  #sweptNs = Number.NEGATIVE_INFINITY;

  /** `maxNames` is for tests. */
  constructor(o: { namer: Namer; budget: Budget; counters: Counters; maxNames?: number }) {
    this.#namer = o.namer;
    this.#budget = o.budget;
    this.#owner = o.budget.owner('names');
    this.#maxNames = o.maxNames ?? MAX_NAMES;
    o.counters.add('naming.dns', this.#counters);
    o.counters.reader((put) => put('naming.dns.names', this.#entries.size, 'gauge'));
  }

  service(ipVersion: number, w0: number, w1: number, w2: number, w3: number, port: number): Service {
    const known = this.#namer.service(ipVersion, w0, w1, w2, w3, port);
    if (known.known) return known;
    const e = this.#entries.get(keyOf(ipVersion, w0, w1, w2, w3, 0));
    return e === undefined || e.endNs <= this.#nowNs ? known : e.service;
  }

  /** An answer names the address (NameSink of the exchange room). */
  learn(
    ipVersion: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    name: string,
    ttlSec: number,
    nowNs: number,
  ): void {
    this.#nowNs = nowNs;
    const freshNs = nowNs + Math.min(ttlSec, MAX_TTL_SEC) * 1e9;
    const endNs = Math.max(freshNs, nowNs + KEEP_NS);
    const key = keyOf(ipVersion, w0, w1, w2, w3, 0);
    const e = this.#entries.get(key);
    if (e !== undefined) {
      if (e.service.name === name) {
        e.freshNs = Math.max(e.freshNs, freshNs);
        e.endNs = Math.max(e.endNs, endNs);
        return;
      }
      if (nowNs < e.freshNs) {
        // several names for one address (a proxy, a host of many sites): the first stays, so that its metrics do
        this.#counters.contested++;
        return;
      }
      this.#forget(key, e);
    }
    this.#add(key, name, freshNs, endNs);
  }

  /** To be called about once a second of packet time. */
  tick(nowNs: number): void {
    this.#nowNs = nowNs;
    if (Math.abs(nowNs - this.#sweptNs) < SWEEP_NS) return;
    this.#sweptNs = nowNs;
    for (const [key, e] of this.#entries) {
      if (e.endNs > nowNs) continue;
      this.#forget(key, e);
      this.#counters.expired++;
    }
  }

  /** The timebase's base second has moved on by `shiftNs`. */
  rebased(shiftNs: number): void {
    this.#nowNs -= shiftNs;
    this.#sweptNs -= shiftNs;
    for (const e of this.#entries.values()) {
      e.freshNs -= shiftNs;
      e.endNs -= shiftNs;
    }
  }

  #add(key: number | string, name: string, freshNs: number, endNs: number): void {
    if (this.#entries.size >= this.#maxNames) {
      for (const [oldest, e] of this.#entries) {
        this.#forget(oldest, e); // a Map keeps insertion order
        this.#counters.evicted++;
        break;
      }
    }
    const bytes = ENTRY_BYTES + name.length;
    if (!this.#budget.take(this.#owner, bytes)) {
      this.#counters.refused++;
      return;
    }
    let interned = this.#services.get(name);
    if (interned === undefined) {
      interned = { service: new Service(name, '', true), uses: 0 };
      this.#services.set(name, interned);
    }
    interned.uses++;
    this.#entries.set(key, new Learnt(interned.service, bytes, freshNs, endNs));
    this.#counters.learnt++;
  }

  #forget(key: number | string, e: Learnt): void {
    this.#entries.delete(key);
    this.#budget.give(this.#owner, e.bytes);
    const interned = this.#services.get(e.service.name)!;
    if (--interned.uses === 0) this.#services.delete(e.service.name);
  }
}
