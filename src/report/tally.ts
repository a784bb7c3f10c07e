/** Gathers exchanges by pair of services and by route, in bounded memory. */
import { COMPLETE, type Ends, type Exchange, type ExchangeListener, OUTCOMES } from '../exchange/exchange.ts';
import { CLIENT } from '../exchange/semantics.ts';
import type { Namer, Service } from '../naming/service.ts';
import { Histogram } from './histogram.ts';

/** Pairs, and routes, with rows of their own; the rest shares one. A row is about 2 KiB with its histogram: 2 * 4096 * 2 KiB = 16 MiB. */
const MAX_ROWS = 4096;
/** Paths whose route is remembered. At 200 bytes each 8192 of them are 1.6 MiB. */
const MAX_PATHS = 8192;

const OTHER = '(other)';

/** What is counted for a pair or a route. */
export class Tally {
  requests = 0;
  /** What the client's span would call an error: failed responses, and requests that got none although they should have. */
  errors = 0;
  bytes = 0;
  readonly durations = new Histogram();

  add(x: Exchange): void {
    this.requests++;
    this.bytes += x.requestBytes + x.responseBytes;
    const endNs = x.streams ? x.firstByteNs : x.endNs;
    if (!x.waits && (x.streams || x.outcome === COMPLETE) && !Number.isNaN(endNs))
      this.durations.add(endNs - x.startNs);
    if (x.protocol.semantics.errorType(x, CLIENT) !== '') this.errors++;
  }
}

export class PairTally extends Tally {
  readonly client: string;
  readonly server: Service | null;
  readonly port: number;
  readonly protocol: string;
  /** Operation -> path as on the wire -> route: found without building a key. */
  readonly routes = new Map<string, Map<string, RouteTally>>();

  constructor(client: string, server: Service | null, port: number, protocol: string) {
    super();
    this.client = client;
    this.server = server;
    this.port = port;
    this.protocol = protocol;
  }
}

export class RouteTally extends Tally {
  readonly server: string;
  readonly operation: string;
  readonly route: string;

  constructor(server: string, operation: string, route: string) {
    super();
    this.server = server;
    this.operation = operation;
    this.route = route;
  }
}

/** The route that a path of this service belongs to. */
export type Template = (service: Service, path: string) => string;

export function fullName(service: Service | null): string {
  if (service === null) return OTHER;
  return service.namespace === '' ? service.name : `${service.namespace}/${service.name}`;
}

export class Tallies implements ExchangeListener {
  readonly pairs = new Map<string, PairTally>();
  readonly routes = new Map<string, RouteTally>();
  /** How many exchanges ended how, by outcome. */
  readonly outcomes: number[] = OUTCOMES.map(() => 0);
  readonly #namer: Namer;
  readonly #template: Template;
  readonly #pairOfEnds = new WeakMap<Ends, PairTally>();
  #lastEnds: Ends | null = null;
  #lastPair: PairTally | null = null;
  #paths = 0;

  constructor(namer: Namer, template: Template) {
    this.#namer = namer;
    this.#template = template;
  }

  finished(x: Exchange): void {
    this.outcomes[x.outcome]!++;
    const pair = x.ends.origin === this.#lastEnds ? this.#lastPair! : this.#pairOf(x);
    pair.add(x);
    const path = x.protocol.semantics.path(x);
    if (path !== '') (pair.routes.get(x.operation)?.get(path) ?? this.#routeOf(x, pair, path)).add(x);
  }

  #pairOf(x: Exchange): PairTally {
    const { origin } = x.ends;
    let pair = this.#pairOfEnds.get(origin);
    if (pair === undefined) {
      pair = this.#findPair(x);
      this.#pairOfEnds.set(origin, pair);
    }
    this.#lastEnds = origin;
    this.#lastPair = pair;
    return pair;
  }

  #findPair(x: Exchange): PairTally {
    const e = x.ends;
    const client = this.#namer.service(e.ipVersion, e.client0, e.client1, e.client2, e.client3, 0);
    const server = this.#namer.service(e.ipVersion, e.server0, e.server1, e.server2, e.server3, e.serverPort);
    return row(
      this.pairs,
      [fullName(client), fullName(server), e.serverPort, x.protocol.name].join('\n'),
      () => new PairTally(fullName(client), server, e.serverPort, x.protocol.name),
      () => new PairTally(OTHER, null, 0, OTHER),
    );
  }

  #routeOf(x: Exchange, pair: PairTally, path: string): RouteTally {
    const server = fullName(pair.server);
    // what is no path is of low cardinality as it is: a query summary, a topic
    const template = pair.server === null ? OTHER : path.startsWith('/') ? this.#template(pair.server, path) : path;
    const found = row(
      this.routes,
      [server, x.operation, template].join('\n'),
      () => new RouteTally(server, x.operation, template),
      () => new RouteTally(OTHER, OTHER, OTHER),
    );
    if (this.#paths >= MAX_PATHS) {
      for (const p of this.pairs.values()) p.routes.clear();
      this.#paths = 0;
    }
    let byPath = pair.routes.get(x.operation);
    if (byPath === undefined) {
      byPath = new Map();
      pair.routes.set(x.operation, byPath);
    }
    byPath.set(path, found);
    this.#paths++;
    return found;
  }
}

/** The row of that key; when there are MAX_ROWS of them, new keys share one. */
function row<T>(rows: Map<string, T>, key: string, make: () => T, makeOther: () => T): T {
  let found = rows.get(key);
  if (found !== undefined) return found;
  const full = rows.size >= MAX_ROWS;
  if (full) {
    found = rows.get(OTHER);
    if (found !== undefined) return found;
  }
  found = full ? makeOther() : make();
  rows.set(full ? OTHER : key, found);
  return found;
}
