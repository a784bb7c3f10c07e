import { type Budget, type Owner, SHED_SERIES } from '../bytes/budget.ts';
import type { Exchange } from '../exchange/exchange.ts';
import {
  CLIENT,
  CLIENT_KINDS,
  type DurationInstrument,
  kindsOf,
  MESSAGE_SIZE,
  SERVER,
  SERVER_KINDS,
  type Side,
} from '../exchange/semantics.ts';
import { type Attributes, CollectedAttributes } from './attributes.ts';
import type { TelemetryCounters } from './counters.ts';
import type { Histograms } from './histograms.ts';
import { GRAPH_DURATION, Instrument } from './instruments.ts';
import type { Pair } from './pairs.ts';
import type { ServiceResource } from './resource.ts';
import {
  ERROR_TYPE,
  METRIC_OVERFLOW,
  NETWORK_IO_DIRECTION,
  NETWORK_PROTOCOL_NAME,
  SERVICE_PEER_NAME,
  SERVICE_PEER_NAMESPACE,
} from './scope.ts';
import { carry, Edge, Point, Series } from './series.ts';

/** A point: about ten attributes (600 bytes), their key once more as text (300), 16 counters and two of messages (144). */
const POINT_BYTES = 1024;
const EDGE_BYTES = 1024;
const SERIES_BYTES = 192;

const SIZES = new Instrument(MESSAGE_SIZE.name, MESSAGE_SIZE.description, 'By', MESSAGE_SIZE.bounds);

const OVERFLOW: Attributes = { [METRIC_OVERFLOW]: true };

/** Rate, errors and durations of every pair of services, and the edges of the service graph. */
export class SeriesTable {
  readonly points = new Map<string, Point>();
  readonly edges = new Map<string, Edge>();
  /** Edge of everything for which there was no room. */
  overflowEdge: Edge | null = null;
  #series = 0;
  /** No series may start before the last sweep: a forgotten one of the same name ended there. */
  #sweptNs = Number.NEGATIVE_INFINITY;
  readonly #instruments = new Map<DurationInstrument, Instrument>();
  readonly #collected = new CollectedAttributes();
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #counters: TelemetryCounters;
  readonly #histograms: Histograms;
  readonly #maxSeries: number;
  readonly #pointBytes: number;
  readonly #edgeBytes: number;

  constructor(o: {
    budget: Budget;
    owner: Owner;
    counters: TelemetryCounters;
    histograms: Histograms;
    maxSeries: number;
  }) {
    this.#budget = o.budget;
    this.#owner = o.owner;
    this.#counters = o.counters;
    this.#histograms = o.histograms;
    this.#maxSeries = o.maxSeries;
    this.#pointBytes = POINT_BYTES + o.histograms.bytes;
    this.#edgeBytes = EDGE_BYTES + o.histograms.bytes;
  }

  /** Time series held: those of services and four for each edge count as one. */
  get size(): number {
    return this.points.size + this.edges.size;
  }

  /** The base second has moved on: every time kept counts from the new one. */
  rebase(shiftNs: number, pairs: Iterable<Pair>): void {
    this.#sweptNs -= shiftNs;
    for (const p of this.points.values()) {
      p.startNs -= shiftNs;
      p.lastNs -= shiftNs;
    }
    for (const e of this.edges.values()) e.startNs -= shiftNs;
    if (this.overflowEdge !== null) this.overflowEdge.startNs -= shiftNs;
    for (const pair of pairs) {
      pair.lastNs -= shiftNs;
      for (const s of pair.series.values()) s.lastNs -= shiftNs;
      for (const s of pair.messages?.values() ?? []) s.lastNs -= shiftNs;
      for (const routed of pair.routed.values()) for (const s of routed.values()) s.lastNs -= shiftNs;
    }
  }

  /** Counts an exchange; `durationNs` below 0 when it is not known. */
  record(pair: Pair, x: Exchange, route: string, durationNs: number, nowNs: number): void {
    const { semantics } = x.protocol;
    const key = semantics.seriesKey(x);
    let s = pair.lastSeries;
    if (s === null || pair.lastKey !== key || pair.lastRoute !== route) {
      s = (route === '' ? pair.series : pair.routed.get(route))?.get(key) ?? this.#create(pair, x, key, route, nowNs);
      if (s === null) {
        this.#recordOverflow(pair, x, durationNs, nowNs);
        return;
      }
      pair.lastSeries = s;
      pair.lastKey = key;
      pair.lastRoute = route;
    }
    s.lastNs = nowNs;
    const edge = s.edge;
    if (edge !== null) {
      edge.total++;
      if (s.failed) edge.failed++;
    }
    if (semantics.messageCount !== undefined) carry(s.client ?? s.server, semantics.messageCount(x));
    if (durationNs < 0) return;
    edge?.durations.add(durationNs);
    s.client?.values.add(durationNs);
    s.server?.values.add(durationNs);
  }

  /** Counts a message in an exchange that goes on, at both ends. */
  message(pair: Pair, x: Exchange, toServer: boolean, kind: number, bytes: number, nowNs: number): void {
    const { messages } = x.protocol.semantics;
    if (messages === undefined) return;
    const key = 2 * messages.seriesKey(x, kind) + (toServer ? 1 : 0);
    const s = pair.messages?.get(key) ?? this.#createMessages(pair, x, toServer, kind, key, nowNs);
    if (s === null) {
      this.#counters.seriesOverflow++;
      this.#observeOverflow(pair.client, SIZES, nowNs, bytes, nowNs);
      this.#observeOverflow(pair.server, SIZES, nowNs, bytes, nowNs);
      return;
    }
    s.lastNs = nowNs;
    s.client!.values.add(bytes);
    s.server!.values.add(bytes);
  }

  /** Forgets the series of a pair that had nothing to count since `beforeNs`; true when the pair has none left. */
  expire(pair: Pair, beforeNs: number): boolean {
    this.#expireMap(pair, pair.series, beforeNs);
    for (const [route, map] of pair.routed) {
      this.#expireMap(pair, map, beforeNs);
      if (map.size === 0) pair.routed.delete(route);
    }
    if (pair.messages !== null) {
      this.#expireMap(pair, pair.messages, beforeNs);
      if (pair.messages.size === 0) pair.messages = null;
    }
    return pair.series.size === 0 && pair.routed.size === 0 && pair.messages === null;
  }

  /** Lets go of a removed pair's edge. */
  release(pair: Pair): void {
    const edge = pair.edge;
    pair.edge = null;
    if (edge === null || --edge.uses > 0) return;
    this.edges.delete(edge.key);
    this.#budget.give(this.#owner, this.#edgeBytes);
    this.#counters.seriesExpired++;
  }

  /** Ends a sweep: forgets overflow series that are no longer fed. */
  swept(nowNs: number, beforeNs: number): void {
    this.#sweptNs = nowNs;
    for (const point of this.points.values()) {
      if (point.uses === 0 && point.lastNs < beforeNs) this.#forget(point);
    }
  }

  #expireMap(pair: Pair, map: Map<number, Series>, beforeNs: number): void {
    for (const [key, s] of map) {
      if (s.lastNs >= beforeNs) continue;
      map.delete(key);
      if (pair.lastSeries === s) pair.lastSeries = null;
      this.#series--;
      this.#budget.give(this.#owner, SERIES_BYTES);
      for (const point of [s.client, s.server]) {
        if (point !== null && --point.uses === 0) this.#forget(point);
      }
    }
  }

  #forget(point: Point): void {
    this.points.delete(point.key);
    point.resource.points--;
    if (point.attributes === OVERFLOW) point.resource.overflow?.delete(point.instrument.name);
    this.#budget.give(this.#owner, this.#pointBytes);
    this.#counters.seriesExpired++;
  }

  /** There is room for one more series: for all that it can need, so that nothing has to be undone half-way. */
  #hasRoom(pair: Pair): boolean {
    if (!pair.registered || this.#budget.pressure >= SHED_SERIES) return false;
    if (this.#series >= this.#maxSeries || this.size + 3 > this.#maxSeries) return false;
    const bytes = SERIES_BYTES + 2 * this.#pointBytes + this.#edgeBytes;
    if (!this.#budget.take(this.#owner, bytes)) return false;
    this.#budget.give(this.#owner, bytes);
    return true;
  }

  #createMessages(pair: Pair, x: Exchange, toServer: boolean, kind: number, key: number, nowNs: number): Series | null {
    if (!this.#hasRoom(pair)) return null;
    const client = this.#messagePoint(pair, x, CLIENT, toServer, kind, nowNs);
    const server = this.#messagePoint(pair, x, SERVER, toServer, kind, nowNs);
    const s = new Series(client, server, null, false, nowNs);
    this.#budget.take(this.#owner, SERIES_BYTES);
    this.#series++;
    pair.messages ??= new Map();
    pair.messages.set(key, s);
    return s;
  }

  #messagePoint(pair: Pair, x: Exchange, side: Side, toServer: boolean, kind: number, nowNs: number): Point {
    const put = this.#collected;
    x.protocol.semantics.messages?.dimensions(x, kind, put);
    put.string(NETWORK_PROTOCOL_NAME, x.protocol.name);
    put.string(NETWORK_IO_DIRECTION, (side === CLIENT) === toServer ? 'transmit' : 'receive');
    return this.#pointOf(pair, side, SIZES, Math.max(nowNs, this.#sweptNs), nowNs);
  }

  #create(pair: Pair, x: Exchange, key: number, route: string, nowNs: number): Series | null {
    if (!this.#hasRoom(pair)) return null;
    const startNs = Math.max(x.startNs, this.#sweptNs);
    const semantics = x.protocol.semantics;
    const type = semantics.connectionType;
    const edge = type === null || kindsOf(x) === 0 ? null : this.#edge(pair, type, startNs);
    const clientError = semantics.errorType(x, CLIENT);
    const serverError = semantics.errorType(x, SERVER);
    const client = this.#point(pair, x, CLIENT, route, clientError, startNs, nowNs);
    const server = this.#point(pair, x, SERVER, route, serverError, startNs, nowNs);
    const s = new Series(client, server, edge, clientError !== '' || serverError !== '', nowNs);
    this.#budget.take(this.#owner, SERIES_BYTES);
    this.#series++;
    let map = pair.series;
    if (route !== '') {
      map = pair.routed.get(route) ?? new Map<number, Series>();
      pair.routed.set(route, map);
    }
    map.set(key, s);
    return s;
  }

  #point(
    pair: Pair,
    x: Exchange,
    side: Side,
    route: string,
    error: string,
    startNs: number,
    nowNs: number,
  ): Point | null {
    const semantics = x.protocol.semantics;
    if ((kindsOf(x) & (side === CLIENT ? CLIENT_KINDS : SERVER_KINDS)) === 0) return null;
    const instrument = this.#instrument(side === CLIENT ? semantics.clientDuration : semantics.serverDuration);
    if (instrument === null) return null;
    semantics.dimensions(x, side, route, this.#collected);
    if (error !== '') this.#collected.string(ERROR_TYPE, error);
    return this.#pointOf(pair, side, instrument, startNs, nowNs);
  }

  /** The point of the attributes collected so far and of the peer. */
  #pointOf(pair: Pair, side: Side, instrument: Instrument, startNs: number, nowNs: number): Point {
    const own = side === CLIENT ? pair.client : pair.server;
    const peer = (side === CLIENT ? pair.server : pair.client).service;
    const put = this.#collected;
    put.string(SERVICE_PEER_NAME, peer.name);
    if (peer.namespace !== '') put.string(SERVICE_PEER_NAMESPACE, peer.namespace);
    const attributes = put.take();
    const point = this.#intern(own, instrument, attributes, startNs, nowNs);
    point.uses++;
    return point;
  }

  /** Different pairs (ports, say) may lead to the same attributes; then they share one point. */
  #intern(
    resource: ServiceResource,
    instrument: Instrument,
    attributes: Attributes,
    startNs: number,
    nowNs: number,
  ): Point {
    const { name, namespace } = resource.service;
    const key = JSON.stringify([name, namespace, instrument.name, attributes]);
    const found = this.points.get(key);
    if (found !== undefined) return found;
    const point = new Point(
      instrument,
      this.#histograms.distribution(instrument),
      resource,
      attributes,
      key,
      startNs,
      nowNs,
    );
    this.points.set(key, point);
    resource.points++;
    this.#budget.take(this.#owner, this.#pointBytes);
    return point;
  }

  #newEdge(attributes: Attributes, key: string, startNs: number): Edge {
    return new Edge(this.#histograms.distribution(GRAPH_DURATION), attributes, key, startNs);
  }

  #edge(pair: Pair, connectionType: string, startNs: number): Edge {
    if (pair.edge !== null) return pair.edge;
    const client = pair.client.service;
    const server = pair.server.service;
    const attributes: Record<string, string> = {
      client: client.name,
      server: server.name,
      connection_type: connectionType,
    };
    if (client.namespace !== '') attributes.client_service_namespace = client.namespace;
    if (server.namespace !== '') attributes.server_service_namespace = server.namespace;
    const key = JSON.stringify(attributes);
    let edge = this.edges.get(key);
    if (edge === undefined) {
      edge = this.#newEdge(attributes, key, startNs);
      this.edges.set(key, edge);
      this.#budget.take(this.#owner, this.#edgeBytes);
    }
    edge.uses++;
    pair.edge = edge;
    return edge;
  }

  /** No room for a series: the edge counts on, and each service that has series at all gets one for the rest. */
  #recordOverflow(pair: Pair, x: Exchange, durationNs: number, nowNs: number): void {
    this.#counters.seriesOverflow++;
    const semantics = x.protocol.semantics;
    if (semantics.connectionType !== null && kindsOf(x) !== 0) {
      let edge = pair.edge;
      if (edge === null) {
        this.overflowEdge ??= this.#newEdge(OVERFLOW, '', Math.max(x.startNs, this.#sweptNs));
        edge = this.overflowEdge;
      }
      edge.total++;
      if (semantics.errorType(x, CLIENT) !== '' || semantics.errorType(x, SERVER) !== '') edge.failed++;
      if (durationNs >= 0) edge.durations.add(durationNs);
    }
    const kinds = kindsOf(x);
    const messages = semantics.messageCount?.(x) ?? 0;
    if (messages !== 0 && kinds !== 0) {
      const resource = (kinds & CLIENT_KINDS) !== 0 ? pair.client : pair.server;
      carry(this.#overflowPoint(resource, this.#instrument(semantics.clientDuration), x.startNs, nowNs), messages);
    }
    if (durationNs < 0) return;
    if ((kinds & CLIENT_KINDS) !== 0)
      this.#observeOverflow(pair.client, this.#instrument(semantics.clientDuration), x.startNs, durationNs, nowNs);
    if ((kinds & SERVER_KINDS) !== 0)
      this.#observeOverflow(pair.server, this.#instrument(semantics.serverDuration), x.startNs, durationNs, nowNs);
  }

  #observeOverflow(
    resource: ServiceResource,
    instrument: Instrument | null,
    startNs: number,
    value: number,
    nowNs: number,
  ): void {
    this.#overflowPoint(resource, instrument, startNs, nowNs)?.values.add(value);
  }

  #overflowPoint(
    resource: ServiceResource,
    instrument: Instrument | null,
    startNs: number,
    nowNs: number,
  ): Point | null {
    if (instrument === null) return null;
    let point = resource.overflow?.get(instrument.name);
    if (point === undefined) {
      // only where there are series already: services made up by a stranger must not grow the table
      if (resource.points === 0) {
        this.#counters.seriesRefused++;
        return null;
      }
      point = this.#intern(resource, instrument, OVERFLOW, Math.max(startNs, this.#sweptNs), nowNs);
      resource.overflow ??= new Map();
      resource.overflow.set(instrument.name, point);
    }
    point.lastNs = nowNs;
    return point;
  }

  #instrument(duration: DurationInstrument | null): Instrument | null {
    if (duration === null) return null;
    let instrument = this.#instruments.get(duration);
    if (instrument === undefined) {
      instrument = new Instrument(duration.name, duration.description, 's', duration.bounds);
      this.#instruments.set(duration, instrument);
    }
    return instrument;
  }
}
