/** What `spantap read` makes of the exchanges, by format. */
import type { Budget } from '../bytes/budget.ts';
import type { Timebase } from '../bytes/timebase.ts';
import type { Config } from '../config/config.ts';
import type { ExchangeListener } from '../exchange/exchange.ts';
import type { TcpListener } from '../exchange/tcp-news.ts';
import type { Namer } from '../naming/service.ts';
import type { Devices } from '../packet/devices.ts';
import { type Detail, FULL, TARGETS } from '../protocols/protocol.ts';
import type { Coverage } from '../report/coverage.ts';
import type { Output } from '../report/output.ts';
import type { Counters } from '../self/counters.ts';

export interface Report {
  readonly listener: ExchangeListener;
  readonly tcp: TcpListener | null;
  /** How much of each exchange it wants. */
  readonly detail: Detail;
  tick(nowNs: number): void;
  rebased(shiftNs: number): void;
  /** The capture is over. */
  end(coverage: Coverage): void;
}

/** What every report is made from. */
export interface Sources {
  readonly config: Config;
  readonly namer: Namer;
  readonly budget: Budget;
  readonly counters: Counters;
  readonly timebase: Timebase;
  readonly devices: Devices;
}

export async function openTable(s: Sources, out: Output): Promise<Report> {
  const { Tallies } = await import('../report/tally.ts');
  const { reportText } = await import('../report/table.ts');
  const { coloured, plain } = await import('../report/columns.ts');
  const { RouteTable } = await import('../telemetry/routes.ts');
  const { TcpTable } = await import('../telemetry/tcp-table.ts');
  const { TelemetryCounters } = await import('../telemetry/counters.ts');
  const { Histograms } = await import('../telemetry/histograms.ts');
  const routes = new RouteTable();
  const tallies = new Tallies(s.namer, (service, path) => routes.of(service, path));
  const { tcp: watched, maxSeries } = s.config.telemetry.metrics;
  const tcp = watched
    ? new TcpTable({
        namer: s.namer,
        deviceName: (device) => s.devices.nameOf(device),
        budget: s.budget,
        owner: s.budget.owner('tcp'),
        counters: s.counters.add('report', new TelemetryCounters()),
        histograms: new Histograms(0),
        maxSeries,
        intervalMs: Number.POSITIVE_INFINITY,
      })
    : null;
  return {
    listener: tallies,
    tcp,
    detail: TARGETS,
    tick() {},
    rebased() {},
    end(coverage) {
      const paint = process.stdout.isTTY && process.stdout.hasColors() ? coloured : plain;
      out.write(reportText(tallies, tcp, coverage, paint));
    },
  };
}

export async function openJson(s: Sources, out: Output, raw: boolean): Promise<Report> {
  const { JsonLines } = await import('../report/json.ts');
  const listener = new JsonLines(out, s.timebase, s.namer, raw);
  return { listener, tcp: null, detail: FULL, tick() {}, rebased() {}, end() {} };
}

export type Encodings = Readonly<Record<'traces' | 'metrics', 'protobuf' | 'json'>>;

/** Takes encoded requests: `items` are spans, or points of metrics. */
export type Send = (signal: 'traces' | 'metrics', bytes: Uint8Array, items: number) => void;

/** Spans as they fill their batches, metrics once at the end: what the agent would have sent. */
export async function openOtlp(s: Sources, encodings: Encodings, send: Send): Promise<Report> {
  const { Telemetry } = await import('../telemetry/telemetry.ts');
  const { metricsRequests } = await import('../telemetry/metrics-encoding.ts');
  const config = s.config.telemetry;
  const telemetry = new Telemetry({
    // one snapshot at the end tells of the whole capture, so nothing expires before, and coverage is that of all of it
    options: {
      ...config,
      encoding: encodings.traces,
      metrics: { ...config.metrics, expiryMs: Number.POSITIVE_INFINITY, intervalMs: Number.POSITIVE_INFINITY },
    },
    namer: s.namer,
    budget: s.budget,
    counters: s.counters,
    timebase: s.timebase,
    deviceName: (device) => s.devices.nameOf(device),
    onSpans: (batch) => send('traces', batch.bytes, batch.spans),
  });
  let lastNs = 0;
  return {
    listener: telemetry,
    tcp: telemetry.tcp,
    detail: s.config.telemetry.spans.enabled ? FULL : TARGETS,
    tick(nowNs) {
      lastNs = nowNs;
      telemetry.tick(nowNs);
    },
    rebased(shiftNs) {
      lastNs -= shiftNs;
      telemetry.rebased(shiftNs);
    },
    end() {
      telemetry.flush();
      for (const { bytes, points } of metricsRequests(telemetry.snapshot(lastNs), encodings.metrics))
        send('metrics', bytes, points);
    },
  };
}
