import { Budget } from '../../src/bytes/budget.ts';
import { Timebase } from '../../src/bytes/timebase.ts';
import { COMPLETE, Ends, Exchange, RESET, type Spoken, TIMEOUT } from '../../src/exchange/exchange.ts';
import {
  CLIENT,
  CLIENT_KIND,
  CONSUMER_KIND,
  PRODUCER_KIND,
  REQUEST_BOUNDS,
  SERVER,
  type Semantics,
  type WireContext,
} from '../../src/exchange/semantics.ts';
import { type Namer, Service } from '../../src/naming/service.ts';
import { Counters, type Reading } from '../../src/self/counters.ts';
import { ownResource } from '../../src/self/resource.ts';
import type { TelemetryOptions } from '../../src/telemetry/options.ts';
import { type SpanBatch, Telemetry } from '../../src/telemetry/telemetry.ts';

/** 2023-11-14T22:13:20Z */
export const BASE_SEC = 1_700_000_000;

/** A small protocol of requests, statuses and trace contexts, for tests of what is common to all protocols. */
export const semantics: Semantics = {
  spans: 'pair',
  connectionType: '',
  clientDuration: { name: 'toy.client.duration', description: 'Toy client requests', bounds: REQUEST_BOUNDS },
  serverDuration: { name: 'toy.server.duration', description: 'Toy server requests', bounds: REQUEST_BOUNDS },
  operation: (x) => `${x.operation} ${x.target}`,
  status: (x) => (x.status > 0 ? String(x.status) : null),
  path: (x) => x.target,
  spanName: (x, _side, route) => (route === '' ? x.operation : `${x.operation} ${route}`),
  errorType: (x, side) => {
    if (x.outcome === TIMEOUT) return 'timeout';
    if (x.outcome === RESET) return 'connection_reset';
    return x.status >= 500 || (side === CLIENT && x.status >= 400) ? String(x.status) : '';
  },
  attributes: (x, side, route, put) => {
    put.string('toy.method', x.operation);
    if (x.status > 0) put.int('toy.status', x.status);
    put.string('toy.target', x.target);
    put.strings('toy.list', ['a', x.operation]);
    put.boolean('toy.side', side === SERVER);
    if (route !== '') put.string('toy.route', route);
  },
  seriesKey: (x) => x.status * 16 + x.outcome,
  dimensions: (x, side, route, put) => {
    put.string('toy.method', x.operation);
    if (x.status > 0) put.int('toy.status', x.status);
    if (side === CLIENT) put.int('server.port', x.ends.serverPort);
    if (route !== '') put.string('toy.route', route);
  },
  context: (x) => x.detail as WireContext | null,
};

export const TOY: Spoken = { name: 'toy', semantics };
export const TOY_DATABASE: Spoken = {
  name: 'toydb',
  semantics: { ...semantics, spans: 'client', connectionType: 'database', serverDuration: null },
};

/** Asks for names: no matter who asks whom. */
export const TOY_NAMES: Spoken = {
  name: 'toynames',
  semantics: { ...semantics, spans: 'client', connectionType: null, serverDuration: null },
};

/** Things are sent to a broker, and delivered by it, as the operation says. */
export const TOY_MESSAGING: Spoken = {
  name: 'toymq',
  semantics: {
    ...semantics,
    connectionType: 'messaging_system',
    kinds: (x) => ({ SEND: PRODUCER_KIND, DELIVER: CONSUMER_KIND })[x.operation] ?? CLIENT_KIND,
    messageCount: (x) => ({ SEND: 1, DELIVER: -1, FETCH: -3 })[x.operation] ?? 0,
  },
};

/** A session in which messages pass. */
export const TOY_SESSION: Spoken = {
  name: 'toysession',
  semantics: {
    ...semantics,
    messages: {
      seriesKey: (_x, kind) => kind,
      dimensions: (_x, kind, put) => put.int('toy.kind', kind),
    },
  },
};

/** Names 10.0.0.n `svc-n` in namespace `shop`, everything else by its address. */
export class TestNamer implements Namer {
  readonly #services = new Map<number, Service>();
  lookups = 0;
  service(_version: number, _w0: number, _w1: number, _w2: number, w3: number): Service {
    this.lookups++;
    let service = this.#services.get(w3);
    if (service === undefined) {
      const known = w3 >>> 8 === 0x0a0000;
      service = known ? new Service(`svc-${w3 & 255}`, 'shop', true) : new Service(`ip-${w3 >>> 0}`, '', false);
      this.#services.set(w3, service);
    }
    return service;
  }
}

export function ends(client: number, server: number, port = 80): Ends {
  const e = new Ends();
  e.client3 = 0x0a000000 | client;
  e.clientPort = 40_000 + client;
  e.server3 = 0x0a000000 | server;
  e.serverPort = port;
  return e;
}

let serial = 0;

/** A complete exchange of 10 ms with an identity of its own; `change` overwrites fields. */
export function exchange(e: Ends, change: Partial<Exchange> = {}, protocol = TOY): Exchange {
  const startNs = change.startNs ?? 1e9;
  const x = new Exchange(protocol, e, -1, startNs);
  x.requestEndNs = startNs + 1e6;
  x.firstByteNs = startNs + 4e6;
  x.endNs = startNs + 10e6;
  x.outcome = COMPLETE;
  x.operation = 'GET';
  x.target = '/things/1';
  x.status = 200;
  serial++;
  x.id0 = Math.imul(serial, 0x9e3779b1);
  x.id1 = Math.imul(serial, 0x85ebca6b);
  x.id2 = Math.imul(serial, 0xc2b2ae35);
  x.id3 = serial;
  return Object.assign(x, change);
}

export function wire(headers: Partial<WireContext>): WireContext {
  return { traceparent: '', tracestate: '', b3: '', uberTraceId: '', sw8: '', ...headers };
}

export interface Changes {
  spans?: Partial<TelemetryOptions['spans']>;
  metrics?: Partial<TelemetryOptions['metrics']>;
  routes?: TelemetryOptions['routes'];
  encoding?: TelemetryOptions['encoding'];
  budget?: Budget;
}

/** A Telemetry with everything on, and what comes out of it. */
export function telemetry(change: Changes = {}): {
  telemetry: Telemetry;
  batches: SpanBatch[];
  counters: Counters;
  budget: Budget;
  namer: TestNamer;
  reading: (name: string, labels?: Record<string, string>) => number | undefined;
} {
  const options: TelemetryOptions = {
    spans: { enabled: true, mode: 'pair', unsampled: 'drop', batchSpans: 512, flushDelayMs: 1000, ...change.spans },
    metrics: {
      enabled: true,
      intervalMs: 10_000,
      maxBuckets: 0,
      maxSeries: 1000,
      expiryMs: 300_000,
      tcp: false,
      ...change.metrics,
    },
    routes: change.routes ?? 'off',
    agentId: 'agent-1',
    own: ownResource('agent-1', {}).attributes,
    encoding: change.encoding ?? 'protobuf',
  };
  const timebase = new Timebase();
  timebase.baseSec = BASE_SEC;
  const counters = new Counters();
  const budget = change.budget ?? new Budget(256 << 20);
  const namer = new TestNamer();
  const batches: SpanBatch[] = [];
  const t = new Telemetry({
    options,
    namer,
    budget,
    counters,
    timebase,
    deviceName: (device) => (device === 0 ? '' : `eth${device / 2}`),
    onSpans: (b) => batches.push(b),
  });
  const reading = (name: string, labels: Record<string, string> = {}): number | undefined =>
    counters.snapshot().find((r: Reading) => r.name === name && JSON.stringify(r.labels) === JSON.stringify(labels))
      ?.value;
  return { telemetry: t, batches, counters, budget, namer, reading };
}
