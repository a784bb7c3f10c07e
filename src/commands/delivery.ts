/** `spantap read --export`: sends what a file says to the configured OTLP endpoint, and makes sure that it arrived. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtlpSink } from '../export/sink.ts';
import { addressesOf, encodingOf, otlpTargets } from '../export/targets.ts';
import { Counters, type Reading } from '../self/counters.ts';
import { SpantapError } from '../self/errors.ts';
import type { Log } from '../self/log.ts';
import { openOtlp, type Report, type Sources } from './reports.ts';

export interface Delivery {
  readonly report: Report;
  /** Holds the reading of the file back while much waits to be sent. Throws when the endpoint takes nothing. */
  room(): Promise<void> | undefined;
  /** Sends the rest; false, and told, if anything did not arrive. */
  finish(): Promise<boolean>;
}

/** Share of a queue that may be full before reading waits. */
const FULL = 0.5;
/** An endpoint that takes nothing for this long is given up. */
const PATIENCE_MS = 15_000;
const POLL_MS = 20;

export async function openDelivery(sources: Sources): Promise<Delivery> {
  const { config } = sources;
  const targets = otlpTargets(config.export, config.otel);
  const counters = new Counters();
  const sum = (...names: string[]): number => total(counters.snapshot(), names);
  const sink = new OtlpSink({
    targets,
    queue: config.export.queue,
    log: plainLog,
    counters,
    // nothing is captured while a file is read
    watch: { onConnection: async () => {} },
  });
  const encodings = { traces: encodingOf(targets.traces), metrics: encodingOf(targets.metrics) };
  // counters of its own: the report has the pipeline's, and telemetry may run twice
  const own = { ...sources, counters: new Counters() };
  const report = await openOtlp(own, encodings, (signal, bytes, items) => {
    // a backend for traces alone would refuse them, and who scrapes the agent has no use for them
    if (signal === 'traces' || config.otlpMetrics) void sink.enqueue(signal, bytes, items);
  });

  const waiting = (): number => sum('export.queue_bytes');

  /** Until `enough`; false when nothing has left the queue for too long. */
  const drained = async (enough: () => boolean): Promise<boolean> => {
    let before = waiting();
    let sinceMs = performance.now();
    while (!enough()) {
      await sleep(POLL_MS);
      const now = waiting();
      if (now < before) sinceMs = performance.now();
      else if (performance.now() - sinceMs > PATIENCE_MS) return false;
      before = now;
    }
    return true;
  };

  return {
    report,
    room() {
      if (sink.fullness < FULL) return undefined;
      return drained(() => sink.fullness < FULL).then((done) => {
        if (done) return;
        sink.close();
        throw new SpantapError(
          'export-undelivered',
          `${addressesOf(targets.traces)} takes nothing: ${sink.trouble ?? 'no answer'}`,
        );
      });
    },
    async finish() {
      const flushed = await sink.flush(Math.max(PATIENCE_MS, config.export.flushTimeoutMs));
      const trouble = sink.trouble;
      sink.close();
      const lost = sum('export.failed_items', 'export.dropped_items', 'export.rejected_items');
      if (flushed && lost === 0) return true;
      const sent = sum('export.sent_items');
      const reason = trouble === null ? '' : `: ${trouble}`;
      process.stderr.write(
        `spantap: ${lost} of ${lost + sent} spans and metric points did not arrive at ${addressesOf(targets.traces)}${reason}\n`,
      );
      return false;
    },
  };
}

function total(readings: readonly Reading[], names: readonly string[]): number {
  let sum = 0;
  for (const r of readings) if (names.includes(r.name)) sum += r.value;
  return sum;
}

/** One line on standard error, as the other messages of a command. */
const line = (_fields: object, message: string): void => {
  process.stderr.write(`spantap: ${message}\n`);
};
const plainLog: Log = { debug() {}, info() {}, warn: line, error: line };
