import type { Budget, Owner } from '../bytes/budget.ts';
import type { Exchange, Spoken } from '../exchange/exchange.ts';
import type { Namer, Service } from '../naming/service.ts';
import { ServiceResource } from './resource.ts';
import type { Edge, Series } from './series.ts';
import type { Encoded } from './spans.ts';

/** A pair with its maps, and its share of the maps that lead to it. */
const PAIR_BYTES = 512;

/** Who asks whom, at which address and port, in which protocol. Holds the series of that traffic. */
export class Pair {
  readonly client: ServiceResource;
  readonly server: ServiceResource;
  readonly protocol: Spoken;
  readonly key: string;
  /** False when the limit of pairs was reached: it lives with its connection and has no series of its own. */
  readonly registered: boolean;
  lastNs: number;
  /** Series by `Semantics.seriesKey`, without a route and by route. */
  readonly series = new Map<number, Series>();
  readonly routed = new Map<string, Map<number, Series>>();
  /** Series of messages by `MessageSemantics.seriesKey` and direction; null: there are none. */
  messages: Map<number, Series> | null = null;
  /** The series used last: most traffic repeats itself. */
  lastKey = 0;
  lastRoute = '';
  lastSeries: Series | null = null;
  edge: Edge | null = null;
  /** What the spans of each side say of the other one, encoded when first needed. */
  readonly peers: [client: Encoded | null, server: Encoded | null] = [null, null];

  constructor(
    client: ServiceResource,
    server: ServiceResource,
    protocol: Spoken,
    key: string,
    registered: boolean,
    nowNs: number,
  ) {
    this.client = client;
    this.server = server;
    this.protocol = protocol;
    this.key = key;
    this.registered = registered;
    this.lastNs = nowNs;
  }
}

/** What is kept in `Ends.memo`: the pair of a connection, and when it was looked up. */
class Link {
  readonly table: Pairs;
  readonly generation: number;
  readonly pair: Pair;

  constructor(table: Pairs, generation: number, pair: Pair) {
    this.table = table;
    this.generation = generation;
    this.pair = pair;
  }
}

/** Resolves the ends of exchanges to pairs of services. */
export class Pairs {
  readonly #all = new Map<string, Pair>();
  readonly #namer: Namer;
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #agentId: string;
  readonly #maxPairs: number;
  #services = 0;
  #generation = 0;

  constructor(o: { namer: Namer; budget: Budget; owner: Owner; agentId: string; maxPairs: number }) {
    this.#namer = o.namer;
    this.#budget = o.budget;
    this.#owner = o.owner;
    this.#agentId = o.agentId;
    this.#maxPairs = o.maxPairs;
  }

  /** Finds the pair through the connection's memo, or by names when it has none or an outdated one. */
  of(x: Exchange): Pair {
    const memo = x.ends.memo as Link | null;
    if (
      memo !== null &&
      memo.table === this &&
      memo.generation === this.#generation &&
      memo.pair.protocol === x.protocol
    ) {
      return memo.pair;
    }
    const link = new Link(this, this.#generation, this.#resolve(x));
    x.ends.memo = link;
    return link.pair;
  }

  get size(): number {
    return this.#all.size;
  }

  values(): Iterable<Pair> {
    return this.#all.values();
  }

  /** Lets every connection ask for its names again: some of them may be known better by now. */
  outdate(): void {
    this.#generation++;
  }

  remove(pair: Pair): void {
    this.#all.delete(pair.key);
    this.#budget.give(this.#owner, PAIR_BYTES);
    this.outdate(); // connections that hold it must let go
  }

  #resolve(x: Exchange): Pair {
    const e = x.ends;
    const n = this.#namer;
    const client = this.#resource(n.service(e.ipVersion, e.client0, e.client1, e.client2, e.client3, 0));
    const server = this.#resource(n.service(e.ipVersion, e.server0, e.server1, e.server2, e.server3, e.serverPort));
    const key = `${client.number} ${server.number} ${x.protocol.name} ${e.serverAddress}:${e.serverPort}`;
    const found = this.#all.get(key);
    if (found !== undefined) return found;
    const registered = this.#all.size < this.#maxPairs && this.#budget.take(this.#owner, PAIR_BYTES);
    const pair = new Pair(client, server, x.protocol, key, registered, x.startNs);
    if (registered) this.#all.set(key, pair);
    return pair;
  }

  #resource(service: Service): ServiceResource {
    const memo = service.memo;
    if (memo instanceof ServiceResource && memo.owner === this) return memo;
    const resource = new ServiceResource(this, service, ++this.#services, this.#agentId);
    service.memo = resource;
    return resource;
  }
}
