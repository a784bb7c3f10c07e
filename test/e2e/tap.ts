/** The agent on the loopback interface, beside real servers, and what it sends. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, Endpoint, type Point, pointsOf, type Span } from './otlp.ts';
import { environment, type Started, spantap, start } from './program.ts';

/** Clients have an address for each connection, from this network of the loopback interface: a span names it as its service. */
let addresses = 0;
export function ownAddress(): string {
  addresses++;
  return `127.9.${addresses >> 8}.${addresses & 255}`;
}

export class Tap {
  readonly #endpoint = new Endpoint();
  readonly #rank: (s: Span) => number;
  #agent: Started | null = null;

  /** `rank` puts those in order that began at the same time. */
  constructor(rank: (s: Span) => number = () => 0) {
    this.#rank = rank;
  }

  /** Captures what the filter lets through until `close`. `variables`: settings of the agent. */
  async open(filter: string, variables: Record<string, string> = {}): Promise<void> {
    await this.#endpoint.open();
    const env = environment({ ...this.#endpoint.environment, SPANTAP_CAPTURE_RING: '64MiB', ...variables });
    this.#agent = start(spantap('run', '-i', 'lo', filter), { env });
    await this.#agent.until(/capturing/);
  }

  async close(): Promise<void> {
    await sleep(500); // what the kernel has gathered is taken over every 20 ms
    const agent = this.#agent!;
    assert.equal(await agent.stop(), 0, agent.err);
    await this.#endpoint.close();
    assert.equal(this.total('spantap.capture.dropped'), 0, 'the kernel dropped nothing');
  }

  /** All that was sent, as text. */
  get sent(): string {
    return JSON.stringify(this.#endpoint.requests);
  }

  /** Spans by the address of their client, in the order in which they began. */
  get conversations(): Map<string, Span[]> {
    const found = new Map<string, Span[]>();
    for (const request of this.#endpoint.requests) {
      for (const { resource, scopeSpans } of request.resourceSpans ?? []) {
        const service = String(attribute(resource, 'service.name'));
        const list = found.get(service) ?? [];
        found.set(service, list);
        for (const { spans } of scopeSpans) list.push(...spans);
      }
    }
    for (const list of found.values())
      list.sort((a, b) => Number(startNs(a) - startNs(b)) || this.#rank(a) - this.#rank(b));
    return found;
  }

  /** The last points that were sent of a metric, from every service or from one: cumulative. Many are divided among requests. */
  points(name: string, service?: string): Point[] {
    const last = new Map<string, Point>();
    for (const request of this.#endpoint.requests) {
      for (const { resource, scopeMetrics } of request.resourceMetrics ?? []) {
        const from = attribute(resource, 'service.name');
        if (service !== undefined && from !== service) continue;
        for (const metric of scopeMetrics.flatMap((s) => s.metrics)) {
          if (metric.name !== name) continue;
          for (const p of pointsOf(metric)) last.set(`${from} ${JSON.stringify(p.attributes)}`, p);
        }
      }
    }
    return [...last.values()];
  }

  /** Sums of a counter or counts of a histogram by the value of an attribute; '' where it has none. `type`: of these operations only. */
  countsBy(name: string, key: string, { type }: { type?: string } = {}): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const point of this.points(name)) {
      if (type !== undefined && attribute(point, 'messaging.operation.type') !== type) continue;
      const value = String(attribute(point, key) ?? '');
      counts[value] = (counts[value] ?? 0) + Number(point.count ?? point.asInt ?? point.asDouble);
    }
    return counts;
  }

  total(name: string): number {
    return Object.values(this.countsBy(name, '')).reduce((sum, n) => sum + n, 0);
  }
}

export const startNs = (s: Span): bigint => BigInt(s.startTimeUnixNano);
export const durationMs = (s: Span): number => Number(BigInt(s.endTimeUnixNano) - startNs(s)) / 1e6;
