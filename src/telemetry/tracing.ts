import { type Budget, SHED_DETAIL, SHED_SPANS } from '../bytes/budget.ts';
import { COMPLETE, type Exchange, OUTCOMES } from '../exchange/exchange.ts';
import {
  type AttributeSink,
  CLIENT,
  CLIENT_KINDS,
  CONSUMER_KIND,
  kindsOf,
  PRODUCER_KIND,
  RECEIVER_KIND,
  SERVER,
  SERVER_KINDS,
  type Side,
} from '../exchange/semantics.ts';
import type { Service } from '../naming/service.ts';
import { SAMPLED, TraceContext } from './context.ts';
import type { TelemetryCounters } from './counters.ts';
import { Identity } from './identity.ts';
import { Inbound } from './inbound.ts';
import type { TelemetryOptions } from './options.ts';
import type { Pair, Pairs } from './pairs.ts';
import type { ServiceResource } from './resource.ts';
import * as names from './scope.ts';
import {
  HAS_IS_REMOTE,
  IS_REMOTE,
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_PRODUCER,
  KIND_SERVER,
  MAX_BATCH_BYTES,
  type SpanBatch,
  type SpanEncoder,
  SpanHead,
} from './spans.ts';
import { lastSeenNs } from './times.ts';

/** Turns exchanges into a CLIENT span at the caller and a SERVER span at the callee. */
export class Tracing {
  readonly #options: TelemetryOptions['spans'];
  readonly #pairs: Pairs;
  readonly #budget: Budget;
  readonly #counters: TelemetryCounters;
  readonly #encoder: SpanEncoder;
  readonly #onSpans: (batch: SpanBatch) => void;
  readonly #inbound = new Inbound();
  readonly #context = new TraceContext();
  readonly #ids = new Identity();
  readonly #head = new SpanHead();
  /** When the oldest span of the open batch was added. */
  #batchNs = 0;

  constructor(o: {
    options: TelemetryOptions['spans'];
    pairs: Pairs;
    budget: Budget;
    counters: TelemetryCounters;
    encoder: SpanEncoder;
    onSpans: (batch: SpanBatch) => void;
  }) {
    this.#options = o.options;
    this.#pairs = o.pairs;
    this.#budget = o.budget;
    this.#counters = o.counters;
    this.#encoder = o.encoder;
    this.#onSpans = o.onSpans;
  }

  /** Remembers the context that a request brings to its server, for the calls that the server makes meanwhile. */
  begun(x: Exchange): void {
    const wire = x.protocol.semantics.context(x);
    if (wire === null || !this.#context.parse(wire) || !this.#context.hasIds) return;
    this.#ids.derive(x);
    this.#inbound.remember(this.#pairs.of(x).server, this.#context, this.#ids, milliseconds(x.startNs));
  }

  /** Writes the spans of a finished exchange. */
  write(x: Exchange, pair: Pair, route: string, nowNs: number): void {
    const o = this.#options;
    const ids = this.#ids;
    const head = this.#head;
    const context = this.#context;
    const semantics = x.protocol.semantics;
    const kinds = kindsOf(x);
    let client = o.mode !== 'server' && (kinds & CLIENT_KINDS) !== 0;
    const server = o.mode !== 'client' && (kinds & SERVER_KINDS) !== 0;
    const receives = (kinds & (CONSUMER_KIND | RECEIVER_KIND)) !== 0;
    ids.derive(x);
    head.tracestate = '';
    let flags = SAMPLED;
    // the CLIENT span's parent, and what the SERVER span has for a parent instead of the CLIENT span
    let inside = false;
    let foreign = false;

    const wire = semantics.context(x);
    if (wire !== null && context.parse(wire)) {
      if (!context.sampled && o.unsampled === 'drop') {
        this.#counters.unsampled++;
        return;
      }
      if (context.hasIds) {
        flags = context.flags;
        head.tracestate = context.tracestate;
        // a message's context is that of whoever published it, although the broker saw it go by
        inside = !receives && this.#inbound.find(pair.client, context, milliseconds(x.startNs)) && !this.#isOwn(ids);
        foreign = !inside;
        if (inside) this.#counters.passedThrough++;
        else if (client && !receives) {
          client = false;
          this.#counters.clientSuppressed++;
        }
        this.#inbound.remember(pair.server, context, ids, milliseconds(x.startNs));
      }
    }
    const traced = inside || foreign;
    head.trace0 = traced ? context.trace0 : ids.trace0;
    head.trace1 = traced ? context.trace1 : ids.trace1;
    head.trace2 = traced ? context.trace2 : ids.trace2;
    head.trace3 = traced ? context.trace3 : ids.trace3;
    head.startNs = x.startNs;
    head.endNs = Math.max(x.startNs, lastSeenNs(x));

    if (this.#budget.pressure >= SHED_SPANS) {
      this.#counters.spansShed += (client ? 1 : 0) + (server ? 1 : 0);
      return;
    }
    if (client) {
      head.kind = clientKind(kinds);
      head.span0 = ids.client0;
      head.span1 = ids.client1;
      head.hasParent = inside || foreign;
      head.parent0 = foreign ? context.parent0 : this.#inbound.span0;
      head.parent1 = foreign ? context.parent1 : this.#inbound.span1;
      head.flags = (flags & 0xff) | HAS_IS_REMOTE | (foreign ? IS_REMOTE : 0);
      this.#span(x, pair, CLIENT, route, nowNs);
    }
    if (server) {
      head.kind = (kinds & CONSUMER_KIND) !== 0 ? KIND_CONSUMER : KIND_SERVER;
      head.span0 = ids.server0;
      head.span1 = ids.server1;
      // what a broker delivers has no span at the broker's end
      head.hasParent = foreign || (kinds & CLIENT_KINDS) !== 0;
      head.parent0 = foreign ? context.parent0 : ids.client0;
      head.parent1 = foreign ? context.parent1 : ids.client1;
      head.flags = (flags & 0xff) | HAS_IS_REMOTE | IS_REMOTE;
      this.#span(x, pair, SERVER, route, nowNs);
    }
  }

  /** Hands over the open batch when its oldest span has waited long enough. */
  tick(nowNs: number): void {
    if (this.#encoder.spans > 0 && nowNs - this.#batchNs >= this.#options.flushDelayMs * 1e6) this.flush();
  }

  flush(): void {
    const encoder = this.#encoder;
    if (encoder.spans === 0) return;
    const spans = encoder.spans;
    const bytes = encoder.take();
    this.#counters.attributesCut = encoder.cut;
    this.#counters.spans += spans;
    this.#counters.batches++;
    this.#onSpans({ bytes, spans });
  }

  #span(x: Exchange, pair: Pair, side: Side, route: string, nowNs: number): void {
    const head = this.#head;
    const semantics = x.protocol.semantics;
    const resource = side === CLIENT ? pair.client : pair.server;
    const peer = side === CLIENT ? pair.server : pair.client;
    const error = semantics.errorType(x, side);
    head.error = error !== '';
    head.name = semantics.spanName(x, side, route);
    if (!this.#begin(resource, nowNs)) return;
    const encoder = this.#encoder;
    const put = encoder.attributes;
    semantics.attributes(x, side, route, put);
    if (error !== '') put.string(names.ERROR_TYPE, error);
    let peers = pair.peers[side];
    if (peers === null) {
      peers = encoder.encode((into) => putPeer(peer.service, into));
      pair.peers[side] = peers;
    }
    encoder.add(peers);
    if (x.outcome !== COMPLETE) put.string(names.SPANTAP_OUTCOME, OUTCOMES[x.outcome]!);
    if (this.#options.clock === 'agent') put.string(names.SPANTAP_CLOCK, 'agent');
    if (this.#budget.pressure >= SHED_DETAIL) this.#counters.detailShed++;
    else putDetail(x, side, put);
    encoder.end();
    if (encoder.spans >= this.#options.batchSpans || encoder.bytes >= MAX_BATCH_BYTES) this.flush();
  }

  #begin(resource: ServiceResource, nowNs: number): boolean {
    const encoder = this.#encoder;
    if (encoder.spans === 0) this.#batchNs = nowNs;
    if (encoder.begin(resource, this.#head)) return true;
    this.flush();
    this.#batchNs = nowNs;
    if (encoder.begin(resource, this.#head)) return true;
    this.#counters.spansShed++;
    return false;
  }

  /** The context found is the one that this very request brings in: a service that calls itself. */
  #isOwn(ids: Identity): boolean {
    return this.#inbound.span0 === ids.server0 && this.#inbound.span1 === ids.server1;
  }
}

function clientKind(kinds: number): number {
  if ((kinds & PRODUCER_KIND) !== 0) return KIND_PRODUCER;
  return (kinds & RECEIVER_KIND) !== 0 ? KIND_CONSUMER : KIND_CLIENT;
}

/** Modulo 2^32, as the tables of recent things have it. */
function milliseconds(ns: number): number {
  return (ns / 1e6) | 0;
}

/** Who is at the other end. */
export function putPeer(service: Service, put: AttributeSink): void {
  put.string(names.SERVICE_PEER_NAME, service.name);
  put.string(names.PEER_SERVICE, service.name);
  if (service.namespace !== '') put.string(names.SERVICE_PEER_NAMESPACE, service.namespace);
}

/** What is left out first when memory is short. */
export function putDetail(x: Exchange, side: Side, put: AttributeSink): void {
  const e = x.ends;
  put.string(names.NETWORK_PEER_ADDRESS, side === CLIENT ? e.serverAddress : e.clientAddress);
  put.int(names.NETWORK_PEER_PORT, side === CLIENT ? e.serverPort : e.clientPort);
  putSeconds(names.SPANTAP_REQUEST_TRANSFER, x.requestEndNs - x.startNs, put);
  putSeconds(names.SPANTAP_TIME_TO_FIRST_BYTE, x.firstByteNs - x.startNs, put);
  putSeconds(names.SPANTAP_RESPONSE_TRANSFER, x.endNs - x.firstByteNs, put);
  if (x.retransmissions > 0) put.int(names.SPANTAP_RETRANSMISSIONS, x.retransmissions);
  if (x.outOfOrder > 0) put.int(names.SPANTAP_OUT_OF_ORDER, x.outOfOrder);
  if (x.zeroWindows > 0) put.int(names.SPANTAP_ZERO_WINDOWS, x.zeroWindows);
  if (x.waits) put.boolean(names.SPANTAP_WAITS, true);
}

/** Nothing when one of the two times was not seen: their difference is NaN then. */
function putSeconds(key: string, ns: number, put: AttributeSink): void {
  if (!Number.isNaN(ns)) put.double(key, Math.max(0, ns) / 1e9);
}
