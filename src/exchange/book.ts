import type { Budget, Owner } from '../bytes/budget.ts';
import type { Window } from '../bytes/window.ts';
import type { ExchangeCounters } from './counters.ts';
import { type Ends, Exchange, type ExchangeListener, IN_FLIGHT, LOST, PASSED_ON, type Spoken } from './exchange.ts';
import { identify } from './identity.ts';
import type { NameSink } from './names.ts';
import { type CommonTables, Table, type TableEnv } from './table.ts';
import type { Weather } from './weather.ts';

/** What all pairings of a pipeline share. */
export interface PairingEnv extends TableEnv {
  readonly listener: ExchangeListener;
  readonly counters: ExchangeCounters;
  readonly budget: Budget;
  readonly owner: Owner;
  readonly timeoutNs: number;
  readonly quietNs: number;
  readonly maxInFlight: number;
  /** Longest part of a statement that is kept. */
  readonly maxStatementBytes: number;
  /** How much of each record is wanted; 2 (everything) includes the identity. */
  readonly detail: 0 | 1 | 2;
  /** Who wants names that the wire tells; null: nobody. */
  readonly names: NameSink | null;
  readonly common: CommonTables;
}

/** An exchange in flight or kept back: the record and its place in the queue, without its texts. */
const EXCHANGE_COST = 600;

/** Nobody gives up on a datagram sooner (the most eager resolvers wait for some 50 ms); a copy comes within one, by another interface. */
const COPY_NS = 10e6;

/** The records of one connection from their beginning until they are the listener's, and what they cost. How they are paired is the heirs' matter. */
export abstract class Book {
  readonly detail: 0 | 1 | 2;
  readonly maxStatementBytes: number;
  protected readonly env: PairingEnv;
  protected readonly weather: Weather;
  protected ends: Ends;
  protected readonly protocol: Spoken;
  readonly #tables: Table<unknown>[] = [];
  #heldBytes = 0;
  /** What the protocol before passed on to this one, and what this one passes on to the next. */
  inherited: Exchange | null = null;
  passedOn: Exchange | null = null;
  /** Exchanges that came to a response. */
  finished = 0;

  constructor(env: PairingEnv, protocol: Spoken, ends: Ends, weather: Weather) {
    this.env = env;
    this.detail = env.detail;
    this.maxStatementBytes = env.maxStatementBytes;
    this.weather = weather;
    this.protocol = protocol;
    this.ends = ends;
  }

  abstract get inFlight(): number;

  /** A table that lives as long as the connection; to be asked for once, not for each message. */
  table<V>(): Table<V> {
    const table = new Table<V>(this.env);
    this.#tables.push(table);
    return table;
  }

  /** The table that all connections of the protocol share. */
  common<V>(): Table<V> {
    return this.env.common.of(this.protocol.name) as Table<V>;
  }

  hold(bytes: number): boolean {
    if (!this.env.budget.take(this.env.tableOwner, bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.env.budget.give(this.env.tableOwner, bytes);
  }

  passOn(x: Exchange, key: number): void {
    x.outcome = PASSED_ON;
    x.key = key;
    x.firstByteNs = Number.NaN;
    x.status = 0;
    x.failed = false;
    this.passedOn = x;
  }

  /** Takes over what the protocol before passed on; without a protocol that takes over it is lost. */
  adopt(x: Exchange, takesOver: boolean): void {
    x.outcome = IN_FLIGHT;
    if (!takesOver) {
      this.conclude(x, LOST);
      this.tell(x);
      return;
    }
    x.protocol = this.protocol;
    this.inherited = x;
  }

  /** In order there are no sessions. */
  over(_x: Exchange, _w: Window): void {}

  /** In order nothing can be broken off alone: whatever it is, the end of the connection will tell. */
  abort(_x: Exchange, _w: Window): void {}

  learn(
    version: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    name: string,
    ttlSec: number,
    w: Window,
  ): void {
    this.env.names?.learn(version, w0, w1, w2, w3, name, ttlSec, w.timeAt(w.pos));
  }

  asked(x: Exchange, textBytes: number): void {
    if (x.outcome !== IN_FLIGHT) return; // given up while its head was still coming in
    if (this.env.budget.take(this.env.owner, textBytes)) x.heldBytes += textBytes;
    else {
      x.detail = null;
      x.target = '';
      x.statement = '';
      this.env.counters.refusedDetail++;
    }
    this.env.listener.begun?.(x);
  }

  message(x: Exchange, toServer: boolean, kind: number, bytes: number, w: Window): void {
    if (x.outcome === IN_FLIGHT) this.env.listener.passed?.(x, toServer, kind, bytes, w.timeAt(w.pos));
  }

  repeated(x: Exchange, sinceNs: number): void {
    if (Math.abs(sinceNs) < COPY_NS) this.env.counters.requestsCopied++;
    else {
      this.env.counters.requestsRepeated++;
      x.retransmissions++;
    }
  }

  /** A new record in flight, or null (and counted) when there is no room for it. `identified`: its identity is wanted whatever the detail. */
  protected open(key: number, w: Window, from: number, to: number, identified: boolean): Exchange | null {
    const { counters, budget, owner, maxInFlight } = this.env;
    if (this.inFlight >= maxInFlight || !budget.take(owner, EXCHANGE_COST)) {
      counters.refusedInFlight++;
      return null;
    }
    const x = new Exchange(this.protocol, this.ends, key, w.timeAt(from));
    x.heldBytes = EXCHANGE_COST;
    counters.begun++;
    x.retransmissions = 0 - this.weather.retransmissions; // `-0` would make a double of the field
    x.outOfOrder = 0 - this.weather.outOfOrder;
    x.zeroWindows = 0 - this.weather.zeroWindows;
    const seq = w.seqAt(from);
    if (identified || this.detail === 2) identify(x, seq, w.ackAt(from), w.buf, from, to);
    else {
      x.id0 = seq; // enough to know a packet that was captured twice
      x.id1 = w.ackAt(from);
    }
    x.requestHeadEnd = w.seqAt(to);
    return x;
  }

  /** The record has come to its end as `outcome`; it may still be kept back. */
  protected conclude(x: Exchange, outcome: number): void {
    x.outcome = outcome;
    x.retransmissions += this.weather.retransmissions;
    x.outOfOrder += this.weather.outOfOrder;
    x.zeroWindows += this.weather.zeroWindows;
  }

  /** The record is the listener's from now on. */
  protected tell(x: Exchange): void {
    this.drop(x);
    this.env.listener.finished(x);
  }

  /** Gives back what the record took. */
  protected drop(x: Exchange): void {
    this.env.budget.give(this.env.owner, x.heldBytes);
    x.heldBytes = 0;
  }

  /** Serves another conversation of the same protocol. The one before was closed; whoever asks may know nothing of it. */
  reopen(ends: Ends): void {
    this.ends = ends;
    this.inherited = null;
    this.passedOn = null;
    this.finished = 0;
  }

  /** The connection is over. */
  protected forgetTables(): void {
    for (const t of this.#tables) t.clear();
    this.release(this.#heldBytes);
  }
}
