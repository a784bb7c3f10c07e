import { Budget } from './bytes/budget.ts';
import { Timebase } from './bytes/timebase.ts';
import { interfaceName } from './capture/interfaces.ts';
import { openLive } from './capture/live.ts';
import type { LiveCapture } from './capture/source.ts';
import type { Config } from './config/config.ts';
import { LearntNames } from './naming/learnt.ts';
import { createNamer } from './naming/static.ts';
import { Devices } from './packet/devices.ts';
import { Pipeline } from './pipeline.ts';
import { BARE, FULL, TARGETS } from './protocols/protocol.ts';
import { ownAddresses } from './self/addresses.ts';
import { Counters, type Reading } from './self/counters.ts';
import type { SpantapError } from './self/errors.ts';
import type { MetricsSnapshot, SpanBatch } from './telemetry/telemetry.ts';
import { Telemetry } from './telemetry/telemetry.ts';

export interface ShardOptions {
  readonly config: Config;
  /** This shard's part of `limits.memory`. */
  readonly memoryBytes: number;
  /** Whose clock will stamp the packets. */
  readonly clock: 'kernel' | 'agent';
  /** PACKET_FANOUT group that the shards share; null when there is only one. */
  readonly fanoutGroup: number | null;
}

export interface ShardEvents {
  spans(batch: SpanBatch): void;
  /** An interface failed while capturing; the others go on. */
  captureFailed(error: SpantapError): void;
}

/** What a person should know about an open shard. */
export interface ShardState {
  readonly driver: string;
  readonly clock: 'kernel' | 'agent';
  readonly warnings: readonly string[];
}

/** How often time is told to the pipeline while no packets come. */
const TICK_MS = 500;
/** Packets may wait in the kernel's ring for about the batch delay; time must not overtake them. */
const TICK_LAG_MS = 500;

/**
 * One capture with its own pipeline and telemetry: packets in, encoded spans and metric snapshots out. Lives in one
 * thread, whichever that is.
 */
export class Shard {
  readonly #counters = new Counters();
  readonly #timebase = new Timebase();
  readonly #pipeline: Pipeline;
  readonly #telemetry: Telemetry;
  readonly #capture: LiveCapture;
  readonly #timer: NodeJS.Timeout;

  /** Opens the capture. Throws the SpantapErrors of `openLive`. */
  constructor(o: ShardOptions, events: ShardEvents) {
    const { config } = o;
    const { spans, metrics } = config.telemetry;
    const budget = new Budget(o.memoryBytes);
    const namer = createNamer(config.naming, this.#counters, ownAddresses());
    const devices = new Devices(interfaceName);
    const learnt = config.naming.dns ? new LearntNames({ namer, budget, counters: this.#counters }) : null;
    this.#telemetry = new Telemetry({
      options: { ...config.telemetry, spans: { ...spans, clock: o.clock } },
      namer: learnt ?? namer,
      budget,
      counters: this.#counters,
      timebase: this.#timebase,
      deviceName: (device) => devices.nameOf(device),
      onSpans: events.spans,
    });
    const routes = metrics.enabled && config.telemetry.routes === 'template';
    this.#pipeline = new Pipeline({
      config,
      listeners: [this.#telemetry],
      tcp: this.#telemetry.tcp,
      devices,
      counters: this.#counters,
      budget,
      timebase: this.#timebase,
      detail: spans.enabled ? FULL : routes ? TARGETS : BARE,
      names: learnt,
      onTick: (nowNs) => {
        learnt?.tick(nowNs);
        this.#telemetry.tick(nowNs);
      },
      onRebase: (shiftNs) => {
        learnt?.rebased(shiftNs);
        this.#telemetry.rebased(shiftNs);
      },
    });
    const live = o.fanoutGroup === null ? config.capture : { ...config.capture, fanoutGroup: o.fanoutGroup };
    this.#capture = openLive(live, this.#pipeline, () => {});
    this.#capture.onError = events.captureFailed;
    this.#counters.reader((put) => {
      const s = this.#capture.stats();
      put('capture.received', s.received);
      put('capture.dropped', s.dropped);
      put('capture.interface_dropped', s.interfaceDropped);
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get state(): ShardState {
    const { driver, clock, warnings } = this.#capture;
    return { driver, clock, warnings };
  }

  readings(): Reading[] {
    return this.#counters.snapshot();
  }

  metrics(): MetricsSnapshot {
    // as they stand now: under the agent's own resource there are figures with the clock's time, too, and Prometheus wants one order
    const ms = Date.now();
    const nowNs = Number.isNaN(this.#timebase.baseSec)
      ? 0
      : this.#timebase.at(Math.floor(ms / 1000), (ms % 1000) * 1e6);
    return this.#telemetry.snapshot(Math.max(nowNs, this.#pipeline.nowNs));
  }

  /** `ip:port` of the agent's own end of a connection: never to be traced. */
  ignore(endpoint: string): void {
    this.#pipeline.ignore(endpoint);
  }

  unignore(endpoint: string): void {
    this.#pipeline.unignore(endpoint);
  }

  /** Ends the capture; what is finished leaves as spans, what is in flight is counted as open. */
  close(): { readings: Reading[]; metrics: MetricsSnapshot } {
    clearInterval(this.#timer);
    this.#capture.close();
    this.#tick();
    this.#pipeline.end();
    this.#telemetry.flush();
    this.#telemetry.tcp?.mark();
    return { readings: this.readings(), metrics: this.metrics() };
  }

  #tick(): void {
    if (Number.isNaN(this.#timebase.baseSec)) return;
    const ms = Date.now() - TICK_LAG_MS;
    this.#pipeline.tick(this.#timebase.at(Math.floor(ms / 1000), (ms % 1000) * 1e6));
  }
}
