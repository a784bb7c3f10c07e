import type { Agent } from 'node:http';
import type { Counters } from '../self/counters.ts';
import type { Log } from '../self/log.ts';
import { VERSION } from '../self/version.ts';
import { agentFactory, type ConnectionWatch } from './connections.ts';
import { BACKOFF, type Backoff, ExportLane } from './lane.ts';
import type { ExportOptions } from './options.ts';
import { Reach } from './reach.ts';
import { type OtlpTargets, SIGNALS, type Signal } from './targets.ts';

export interface SinkParts {
  readonly targets: OtlpTargets;
  readonly queue: ExportOptions['queue'];
  readonly log: Log;
  readonly counters: Counters;
  readonly watch: ConnectionWatch;
  readonly backoff?: Backoff;
  /** A clock that only goes forward, ms. */
  readonly nowMs?: () => number;
}

export const USER_AGENT = `spantap/${VERSION}`;

/**
 * Takes encoded OTLP requests and gets them to the Collector: each signal has a queue bounded in bytes (the larger part of
 * `queue.maxBytes` is for traces), whose oldest requests are dropped and counted when it overflows.
 */
export class OtlpSink {
  readonly #lanes: Readonly<Record<Signal, ExportLane>>;
  readonly #agents: Agent[] = [];
  readonly #reaches: Reach[];

  constructor(o: SinkParts) {
    const nowMs = o.nowMs ?? ((): number => performance.now());
    // signals that go to one place share what is said about it
    const reaches = new Map<string, Reach>();
    const make = (signal: Signal): ExportLane => {
      const target = o.targets[signal];
      const agent = agentFactory(target, o.queue.concurrency, o.watch)(target.url.protocol);
      this.#agents.push(agent);
      const { origin } = target.url;
      const reach = reaches.get(origin) ?? new Reach({ origin, log: o.log, nowMs, waiting: () => this.#waiting() });
      reaches.set(origin, reach);
      return new ExportLane({
        target,
        agent,
        userAgent: USER_AGENT,
        maxBytes: o.queue.maxBytes * SHARE[signal],
        maxAgeMs: o.queue.maxAgeMs,
        concurrency: o.queue.concurrency,
        backoff: o.backoff ?? BACKOFF,
        reach,
        log: o.log,
        nowMs,
      });
    };
    this.#lanes = { traces: make('traces'), metrics: make('metrics') };
    this.#reaches = [...reaches.values()];
    this.#register(o.counters);
  }

  /** Why data cannot be delivered at the moment, null when it can. */
  get trouble(): string | null {
    for (const reach of this.#reaches) if (reach.lost !== null) return reach.lost;
    return null;
  }

  /** `bytes` is one Export...ServiceRequest in the target's encoding, with so many spans or data points in it. */
  enqueue(signal: Signal, bytes: Uint8Array, items: number): void {
    this.#lanes[signal].enqueue(bytes, items);
  }

  /** Sends what waits; false if something was left when the time was over. */
  async flush(timeoutMs: number): Promise<boolean> {
    const done = await Promise.all(SIGNALS.map((signal) => this.#lanes[signal].flush(timeoutMs)));
    return done.every(Boolean);
  }

  /** Ends connections and timers; what still waits is dropped and counted. */
  close(): void {
    for (const signal of SIGNALS) this.#lanes[signal].close();
    for (const agent of this.#agents) agent.destroy();
  }

  #waiting(): { requests: number; items: number; bytes: number } {
    const out = { requests: 0, items: 0, bytes: 0 };
    for (const signal of SIGNALS) {
      const { queue } = this.#lanes[signal];
      out.requests += queue.size;
      out.items += queue.items;
      out.bytes += queue.bytes;
    }
    return out;
  }

  #register(counters: Counters): void {
    counters.reader((put) => {
      for (const signal of SIGNALS) {
        const { counters: c, queue } = this.#lanes[signal];
        put('export.sent_items', c.sentItems, 'counter', { signal });
        put('export.rejected_items', c.rejectedItems, 'counter', { signal });
        put('export.failed_items', c.failedItems, 'counter', { signal });
        put('export.dropped_items', c.droppedFull, 'counter', { signal, reason: 'full' });
        put('export.dropped_items', c.droppedAge, 'counter', { signal, reason: 'age' });
        put('export.dropped_items', c.droppedClose, 'counter', { signal, reason: 'close' });
        put('export.dropped_bytes', c.droppedBytes, 'counter', { signal });
        put('export.sent_bytes', c.sentBytes, 'counter', { signal });
        put('export.requests', c.requests, 'counter', { signal });
        put('export.retries', c.retries, 'counter', { signal });
        put('export.queue_bytes', queue.bytes, 'gauge', { signal });
        put('export.queue_items', queue.items, 'gauge', { signal });
        put('export.queue_requests', queue.size, 'gauge', { signal });
      }
    });
  }
}

/** Cumulative metrics supersede each other, so little of them need be kept; spans are gone when they are dropped. */
const SHARE: Readonly<Record<Signal, number>> = { traces: 0.85, metrics: 0.15 };
