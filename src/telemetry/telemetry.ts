import type { Budget, Owner } from '../bytes/budget.ts';
import type { Timebase } from '../bytes/timebase.ts';
import { type Exchange, type ExchangeListener, LOST, OPEN, OUTCOMES, type Spoken } from '../exchange/exchange.ts';
import type { Namer } from '../naming/service.ts';
import type { Counters } from '../self/counters.ts';
import { TelemetryCounters } from './counters.ts';
import { Duplicates } from './duplicates.ts';
import { Epoch } from './epoch.ts';
import { Histograms } from './histograms.ts';
import type { TelemetryOptions } from './options.ts';
import { Pairs } from './pairs.ts';
import { RouteTable } from './routes.ts';
import { SeriesTable } from './series-table.ts';
import type { MetricsSnapshot } from './snapshot.ts';
import { snapshotOf } from './snapshot-of.ts';
import type { SpanBatch } from './spans.ts';
import { JsonSpans } from './spans-json.ts';
import { ProtobufSpans } from './spans-protobuf.ts';
import { TcpTable } from './tcp-table.ts';
import { durationNs, lastSeenNs } from './times.ts';
import { Tracing } from './tracing.ts';

export type { MetricsSnapshot } from './snapshot.ts';
export type { SpanBatch } from './spans.ts';

/** Series are looked through for expired ones this often, and names asked for again: ns of packet time. */
const SWEEP_NS = 10e9;
const RENAME_NS = 60e9;

export interface TelemetryParts {
  readonly options: TelemetryOptions;
  readonly namer: Namer;
  readonly budget: Budget;
  readonly counters: Counters;
  readonly timebase: Timebase;
  /** The name behind a `Packet.device`, '' if there is none. */
  readonly deviceName?: (device: number) => string;
  /** Takes each batch of encoded spans; the bytes are its to keep. */
  readonly onSpans: (batch: SpanBatch) => void;
}

/**
 * Finished exchanges in; batches of encoded spans and snapshots of metrics out. Knows nothing of threads and of no time
 * but that of the packets.
 */
export class Telemetry implements ExchangeListener {
  /** Wants to hear of every TCP connection; null when it is switched off. */
  readonly tcp: TcpTable | null;
  readonly #options: TelemetryOptions;
  readonly #counters = new TelemetryCounters();
  readonly #epoch: Epoch;
  readonly #owner: Owner;
  readonly #pairs: Pairs;
  readonly #series: SeriesTable;
  readonly #histograms: Histograms;
  readonly #duplicates = new Duplicates();
  readonly #routes = new RouteTable();
  readonly #templates: boolean;
  readonly #metrics: boolean;
  readonly #tracing: Tracing | null;
  /** How many exchanges ended how, by protocol. */
  readonly #outcomes = new Map<Spoken, Float64Array>();
  #lastProtocol: Spoken | null = null;
  #lastOutcomes: Float64Array = new Float64Array(OUTCOMES.length);
  #sweptNs = 0;
  #renamedNs = 0;

  constructor(o: TelemetryParts) {
    const { options, budget } = o;
    this.#options = options;
    this.#epoch = new Epoch(o.timebase);
    this.#owner = budget.owner('series');
    this.#pairs = new Pairs({
      namer: o.namer,
      budget,
      owner: this.#owner,
      agentId: options.agentId,
      maxPairs: options.metrics.maxSeries,
    });
    this.#histograms = new Histograms(options.metrics.maxBuckets);
    this.#series = new SeriesTable({
      budget,
      owner: this.#owner,
      counters: this.#counters,
      histograms: this.#histograms,
      maxSeries: options.metrics.maxSeries,
    });
    this.tcp =
      options.metrics.enabled && options.metrics.tcp
        ? new TcpTable({
            namer: o.namer,
            deviceName: o.deviceName ?? (() => ''),
            budget,
            owner: this.#owner,
            counters: this.#counters,
            histograms: this.#histograms,
            ...options.metrics,
          })
        : null;
    this.#templates = options.routes === 'template';
    this.#metrics = options.metrics.enabled;
    this.#tracing = options.spans.enabled
      ? new Tracing({
          options: options.spans,
          pairs: this.#pairs,
          budget,
          counters: this.#counters,
          encoder:
            options.encoding === 'json' ? new JsonSpans(this.#epoch, budget) : new ProtobufSpans(this.#epoch, budget),
          onSpans: o.onSpans,
        })
      : null;
    o.counters.add('telemetry', this.#counters);
    o.counters.reader((put) => {
      put('telemetry.series', this.#series.size, 'gauge');
      put('telemetry.pairs', this.#pairs.size, 'gauge');
      if (this.tcp !== null) put('telemetry.tcp_pairs', this.tcp.records.size, 'gauge');
      for (const [protocol, counts] of this.#outcomes) {
        OUTCOMES.forEach((outcome, i) => {
          if (counts[i]! > 0) put('exchanges', counts[i]!, 'counter', { protocol: protocol.name, outcome });
        });
      }
    });
  }

  /** Lets calls that a service makes while it serves this request find the context they belong to. */
  begun(x: Exchange): void {
    this.#tracing?.begun(x);
  }

  finished(x: Exchange): void {
    if (this.#duplicates.seen(x)) {
      this.#counters.duplicates++;
      return;
    }
    this.#count(x);
    if (x.outcome === OPEN || x.outcome === LOST) return;
    const pair = this.#pairs.of(x);
    const nowNs = lastSeenNs(x);
    pair.lastNs = nowNs;
    const route = this.#templates ? this.#routes.of(pair.server, x.protocol.semantics.path(x)) : '';
    if (this.#metrics) this.#series.record(pair, x, route, durationNs(x), nowNs);
    if (this.#tracing !== null) this.#tracing.write(x, pair, route, nowNs);
  }

  /** Counts a message at once: what it belongs to may go on for days. A connection captured in two translations counts twice here. */
  passed(x: Exchange, toServer: boolean, kind: number, bytes: number, timeNs: number): void {
    if (!this.#metrics) return;
    const pair = this.#pairs.of(x);
    pair.lastNs = timeNs;
    this.#series.message(pair, x, toServer, kind, bytes, timeNs);
  }

  /** To be called about once a second of packet time. */
  tick(nowNs: number): void {
    this.#tracing?.tick(nowNs);
    this.tcp?.tick(nowNs);
    if (nowNs - this.#renamedNs >= RENAME_NS) {
      this.#renamedNs = nowNs;
      this.#pairs.outdate();
      this.tcp?.outdate();
    }
    if (nowNs - this.#sweptNs >= SWEEP_NS) {
      this.#sweptNs = nowNs;
      this.#sweep(nowNs);
    }
  }

  /** The timebase's base second has moved on by `shiftNs`. */
  rebased(shiftNs: number): void {
    this.#tracing?.flush();
    this.#series.rebase(shiftNs, this.#pairs.values());
    this.tcp?.rebased(shiftNs);
    this.#sweptNs -= shiftNs;
    this.#renamedNs -= shiftNs;
  }

  /** Hands over the spans gathered so far. */
  flush(): void {
    this.#tracing?.flush();
  }

  /** All metrics as they stand at this time. */
  snapshot(nowNs: number): MetricsSnapshot {
    if (!this.#metrics || !this.#epoch.known) return { resources: [] };
    return snapshotOf(this.#series, this.tcp, this.#histograms, this.#epoch, this.#options.own, nowNs);
  }

  #sweep(nowNs: number): void {
    const beforeNs = nowNs - this.#options.metrics.expiryMs * 1e6;
    for (const pair of this.#pairs.values()) {
      const empty = this.#series.expire(pair, beforeNs);
      if (empty && pair.lastNs < beforeNs) {
        this.#series.release(pair);
        this.#pairs.remove(pair);
      }
    }
    this.#series.swept(nowNs, beforeNs);
    this.tcp?.sweep(nowNs, beforeNs);
  }

  #count(x: Exchange): void {
    if (x.protocol !== this.#lastProtocol) {
      let counts = this.#outcomes.get(x.protocol);
      if (counts === undefined) {
        counts = new Float64Array(OUTCOMES.length);
        this.#outcomes.set(x.protocol, counts);
      }
      this.#lastProtocol = x.protocol;
      this.#lastOutcomes = counts;
    }
    this.#lastOutcomes[x.outcome]!++;
  }
}
