/** OTLP as JSON: an endpoint that keeps what it is sent, and the shapes of what is in it. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import { gunzipSync } from 'node:zlib';

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean };
}

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  /** Code 2 is Error. */
  status?: { code?: number };
  attributes: Attribute[];
}

export interface Point {
  startTimeUnixNano?: string;
  timeUnixNano: string;
  attributes: Attribute[];
  asInt?: string | number;
  asDouble?: number;
  count?: string | number;
  sum?: number;
  bucketCounts?: (string | number)[];
  explicitBounds?: number[];
}

export interface Metric {
  name: string;
  sum?: { dataPoints: Point[] };
  gauge?: { dataPoints: Point[] };
  histogram?: { dataPoints: Point[] };
}

export interface OtlpRequest {
  resourceSpans?: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[];
  resourceMetrics?: { resource: { attributes: Attribute[] }; scopeMetrics: { metrics: Metric[] }[] }[];
}

export const SERVER = 2;
export const CLIENT = 3;
export const CONSUMER = 5;

export const spansOf = (requests: readonly OtlpRequest[]): Span[] =>
  requests.flatMap((r) => r.resourceSpans ?? []).flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));

export const metricsOf = (requests: readonly OtlpRequest[]): Metric[] =>
  requests.flatMap((r) => r.resourceMetrics ?? []).flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics));

export const pointsOf = (metric: Metric): Point[] => (metric.sum ?? metric.gauge ?? metric.histogram)?.dataPoints ?? [];

/** An attribute's value; undefined if there is none. */
export function attribute(
  of: { attributes: readonly Attribute[] },
  key: string,
): string | number | boolean | undefined {
  const value = of.attributes.find((a) => a.key === key)?.value;
  return value?.stringValue ?? value?.intValue ?? value?.doubleValue ?? value?.boolValue;
}

/** The requests that `spantap read --format otlp-json` printed. */
export const requestsIn = (text: string): OtlpRequest[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as OtlpRequest);

/** An OTLP/HTTP endpoint on 127.0.0.1; `open` again after `close` listens on the same port. Ends with the test file. */
export class Endpoint {
  readonly requests: OtlpRequest[] = [];
  /** Source ports of the connections that were made to it. */
  readonly peers = new Set<number>();
  #port = 0;
  readonly #server = createServer((req, res) => {
    this.#take(req).then(
      () => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
      () => res.writeHead(400).end(),
    );
  });

  constructor() {
    this.#server.on('connection', (socket) => this.peers.add(socket.remotePort!));
    after(() => this.close());
  }

  get port(): number {
    return this.#port;
  }

  /** What makes `spantap` send here, and soon. */
  get environment(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      SPANTAP_METRICS_INTERVAL: '1s',
      SPANTAP_SELF_INTERVAL: '1s',
    };
  }

  async open(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(this.#port, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  get spans(): Span[] {
    return spansOf(this.requests);
  }

  get metrics(): Metric[] {
    return metricsOf(this.requests);
  }

  async #take(req: IncomingMessage): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const text = (req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
    this.requests.push(JSON.parse(text) as OtlpRequest);
  }
}
