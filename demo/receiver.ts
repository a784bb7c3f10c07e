/** A small OTLP/HTTP receiver (JSON): keeps what the table shows, and passes everything on where that is wanted. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number | string };
}
interface Point {
  attributes: Attribute[];
  timeUnixNano: string;
  asInt?: number | string;
  bucketCounts?: (number | string)[];
  explicitBounds?: number[];
}
interface Metric {
  name: string;
  sum?: { dataPoints: Point[] };
  histogram?: { dataPoints: Point[] };
}
interface SpanData {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status?: { code?: number };
}
interface Resource {
  attributes: Attribute[];
}

/** What is known of one pair of services. */
export class PairFigures {
  readonly client: string;
  readonly server: string;
  requests = 0;
  failed = 0;
  perSecond = 0;
  bounds: number[] = [];
  counts: number[] = [];
  spans = 0;
  /** Epoch ns of the last report. */
  #reportedNs = 0;

  constructor(client: string, server: string) {
    this.client = client;
    this.server = server;
  }

  report(requests: number, timeNs: number): void {
    if (this.#reportedNs > 0 && timeNs > this.#reportedNs) {
      this.perSecond = ((requests - this.requests) * 1e9) / (timeNs - this.#reportedNs);
    }
    this.requests = requests;
    this.#reportedNs = timeNs;
  }

  /** Interpolated between bucket bounds, as a dashboard would; ns. */
  quantileNs(q: number): number {
    const all = this.counts.reduce((sum, n) => sum + n, 0);
    let left = q * all;
    for (let i = 0; i < this.counts.length; i++) {
      const n = this.counts[i]!;
      if (n > 0 && left <= n) {
        const from = i === 0 ? 0 : this.bounds[i - 1]!;
        const to = this.bounds[i] ?? from;
        return (from + (to - from) * (left / n)) * 1e9;
      }
      left -= n;
    }
    return Number.NaN;
  }
}

/** A span, in words. */
export interface SpanLine {
  traceId: string;
  client: string;
  server: string;
  name: string;
  status: string;
  durationNs: number;
}

/** A span as a part of its trace. */
export interface TracePart {
  readonly id: string;
  /** '' for none. */
  readonly parent: string;
  readonly service: string;
  readonly server: boolean;
  readonly name: string;
  readonly failed: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** Where requests are passed on to: whole addresses, '' for nowhere. */
export interface Forward {
  readonly traces: string;
  readonly metrics: string;
}

const SERVER = 2;
const KEPT_SPANS = 6;
const KEPT_TRACES = 500;
const STATUS = ['http.response.status_code', 'rpc.status_code', 'db.response.status_code'];

export class Receiver {
  readonly pairs = new Map<string, PairFigures>();
  readonly recent: SpanLine[] = [];
  spans = 0;
  /** Requests that could not be passed on. */
  notForwarded = 0;
  readonly #traces = new Map<string, TracePart[]>();
  readonly #forward: Forward;
  readonly #server: Server;

  constructor(forward: Forward) {
    this.#forward = forward;
    this.#server = createServer((req, res) => {
      this.#take(req).then(
        () => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
        () => res.writeHead(400).end(),
      );
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #take(req: IncomingMessage): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const onTo = req.url === '/v1/traces' ? this.#forward.traces : this.#forward.metrics;
    if (onTo !== '') this.#passOn(onTo, req, body);
    const json = JSON.parse((req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString());
    for (const r of json.resourceSpans ?? []) {
      for (const s of r.scopeSpans) for (const span of s.spans) this.#span(r.resource, span);
    }
    for (const r of json.resourceMetrics ?? []) {
      for (const s of r.scopeMetrics) for (const metric of s.metrics) this.#metric(metric);
    }
  }

  /** Of the traces that came last the one with the most spans. */
  fullest(): TracePart[] {
    let most: TracePart[] = [];
    for (const parts of this.#traces.values()) if (parts.length >= most.length) most = parts;
    return most;
  }

  #span(resource: Resource, span: SpanData): void {
    this.spans++;
    const service = attribute(resource.attributes, 'service.name');
    const peer = attribute(span.attributes, 'service.peer.name');
    this.#keep(span, service);
    // a database has no span of its own
    const database = attribute(span.attributes, 'db.system.name') !== '';
    if (span.kind !== SERVER && !database) return;
    const [client, server] = database ? [service, peer] : [peer, service];
    this.#pair(client, server).spans++;
    // the last of each pair
    const before = this.recent.findIndex((r) => r.client === client && r.server === server);
    if (before >= 0) this.recent.splice(before, 1);
    this.recent.push({
      traceId: span.traceId,
      client,
      server,
      name: span.name,
      status: STATUS.map((key) => attribute(span.attributes, key)).find((status) => status !== '') ?? '',
      durationNs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)),
    });
    if (this.recent.length > KEPT_SPANS) this.recent.shift();
  }

  #keep(span: SpanData, service: string): void {
    const part: TracePart = {
      id: span.spanId,
      parent: span.parentSpanId ?? '',
      service,
      server: span.kind === SERVER,
      name: span.name,
      failed: span.status?.code === 2,
      startNs: BigInt(span.startTimeUnixNano),
      endNs: BigInt(span.endTimeUnixNano),
    };
    const parts = this.#traces.get(span.traceId);
    if (parts !== undefined) parts.push(part);
    else this.#traces.set(span.traceId, [part]);
    if (this.#traces.size > KEPT_TRACES) this.#traces.delete(this.#traces.keys().next().value!);
  }

  #metric(metric: Metric): void {
    for (const p of metric.sum?.dataPoints ?? metric.histogram?.dataPoints ?? []) {
      const pair = (): PairFigures => this.#pair(attribute(p.attributes, 'client'), attribute(p.attributes, 'server'));
      if (metric.name === 'traces_service_graph_request_total') pair().report(Number(p.asInt), Number(p.timeUnixNano));
      else if (metric.name === 'traces_service_graph_request_failed_total') pair().failed = Number(p.asInt);
      else if (metric.name === 'traces_service_graph_request_server') {
        const figures = pair();
        figures.bounds = p.explicitBounds ?? [];
        figures.counts = (p.bucketCounts ?? []).map(Number);
      }
    }
  }

  #pair(client: string, server: string): PairFigures {
    const key = `${client} ${server}`;
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      pair = new PairFigures(client, server);
      this.pairs.set(key, pair);
    }
    return pair;
  }

  #passOn(url: string, req: IncomingMessage, body: Buffer): void {
    const headers: Record<string, string> = {};
    for (const name of ['content-type', 'content-encoding']) {
      const value = req.headers[name];
      if (typeof value === 'string') headers[name] = value;
    }
    fetch(url, { method: 'POST', headers, body: new Uint8Array(body) }).then(
      (res) => {
        if (!res.ok) this.notForwarded++;
      },
      () => this.notForwarded++,
    );
  }
}

function attribute(list: readonly Attribute[], key: string): string {
  const value = list.find((a) => a.key === key)?.value;
  return String(value?.stringValue ?? value?.intValue ?? '');
}
