import type { Attributes, ObservableCounter, ObservableGauge } from '@opentelemetry/api';
import type { Reading } from './counters.ts';
import { LimitedLog, type Log } from './log.ts';
import { meaningOf, unitOf } from './meanings.ts';
import { VERSION } from './version.ts';

export interface SelfMetricsOptions {
  readonly readings: () => Promise<readonly Reading[]> | readonly Reading[];
  readonly encoding: 'protobuf' | 'json';
  /** Takes one ExportMetricsServiceRequest with so many data points: the exporter room's way for metrics. */
  readonly send: (bytes: Uint8Array, points: number) => void;
  /** Lets one collection of metrics end before the next begins. */
  readonly inTurn?: (collect: () => Promise<void>) => Promise<void>;
  readonly intervalMs: number;
  /** The agent's own. */
  readonly resource: Readonly<Record<string, string>>;
  readonly log: Log;
}

export interface SelfMetrics {
  /** Hands the readings over once more. Never rejects. */
  collect(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Sends the agent's counters as `spantap.<room>.<name>`: collected and encoded by the OpenTelemetry SDK, and sent the way of
 * all other metrics, so that every setting of it holds for these. The SDK is loaded only here: it takes about 200 ms.
 */
export async function startSelfMetrics(o: SelfMetricsOptions): Promise<SelfMetrics> {
  const [
    { MeterProvider, MetricReader },
    { OTLPMetricExporterBase },
    { JsonMetricsSerializer, ProtobufMetricsSerializer },
    { resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/otlp-transformer'),
    import('@opentelemetry/resources'),
  ]);
  const serializer = o.encoding === 'json' ? JsonMetricsSerializer : ProtobufMetricsSerializer;

  /** Collects when asked; the interval is ours, because readings have to be fetched first. */
  class OnDemand extends MetricReader {
    protected override async onForceFlush(): Promise<void> {}
    protected override async onShutdown(): Promise<void> {}
  }

  // The SDK's exporter with our sink in place of its transport, which has neither a queue nor gRPC. It knows the temporality that is
  // wanted (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE).
  const exporter = new OTLPMetricExporterBase({
    export: (resourceMetrics, done) => {
      const bytes = serializer.serializeRequest(resourceMetrics);
      let points = 0;
      for (const scope of resourceMetrics.scopeMetrics) for (const m of scope.metrics) points += m.dataPoints.length;
      if (bytes !== undefined && points > 0) o.send(bytes, points);
      done({ code: 0 });
    },
    forceFlush: async () => {},
    shutdown: async () => {},
    setMetrics: () => {},
  });
  const resource = resourceFromAttributes({ ...o.resource });
  const reader = new OnDemand({
    aggregationTemporalitySelector: (type) => exporter.selectAggregationTemporality(type),
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter('spantap', VERSION);
  const limited = new LimitedLog(o.log);

  /** By name, the values of the last fetch; an instrument appears with its first reading. */
  const instruments = new Map<string, { kind: Reading['kind']; values: { value: number; attributes: Attributes }[] }>();
  const take = (readings: readonly Reading[]): void => {
    for (const instrument of instruments.values()) instrument.values = [];
    for (const r of readings) {
      let instrument = instruments.get(r.name);
      if (instrument === undefined) {
        const made = { kind: r.kind, values: [] as { value: number; attributes: Attributes }[] };
        const name = `spantap.${r.name}`;
        const about = { description: meaningOf(r.name), unit: unitOf(r.name) };
        const observable: ObservableCounter | ObservableGauge =
          r.kind === 'counter' ? meter.createObservableCounter(name, about) : meter.createObservableGauge(name, about);
        observable.addCallback((result) => {
          for (const v of made.values) result.observe(v.value, v.attributes);
        });
        instruments.set(r.name, made);
        instrument = made;
      }
      instrument.values.push({ value: r.value, attributes: r.labels });
    }
  };

  const once = async (): Promise<void> => {
    take(await o.readings());
    const { resourceMetrics } = await reader.collect();
    await new Promise<void>((resolve) => exporter.export(resourceMetrics, () => resolve()));
  };
  const inTurn = o.inTurn ?? ((collect) => collect());
  let running: Promise<void> | null = null;
  const run = (): Promise<void> => {
    running ??= inTurn(once)
      .catch((error: Error) => {
        limited.line('warn', 'self', { reason: error.message }, "the agent's own metrics could not be collected");
      })
      .finally(() => {
        running = null;
      });
    return running;
  };
  const timer = setInterval(() => void run(), o.intervalMs);
  timer.unref();

  return {
    async collect() {
      await running; // one that has begun may have read before now
      await run();
    },
    async stop() {
      clearInterval(timer);
      await provider.shutdown();
    },
  };
}
