import type { Attributes, ObservableCounter, ObservableGauge } from '@opentelemetry/api';
import type { Reading } from './counters.ts';
import { LimitedLog, type Log } from './log.ts';
import { VERSION } from './version.ts';

export interface SelfMetricsOptions {
  readonly readings: () => Promise<readonly Reading[]> | readonly Reading[];
  readonly encoding: 'protobuf' | 'json';
  /** Takes one ExportMetricsServiceRequest with so many data points: the exporter room's way for metrics. */
  readonly send: (bytes: Uint8Array, points: number) => void;
  readonly intervalMs: number;
  readonly agentId: string;
  /** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES apply to the agent itself, and only to it. */
  readonly env: Readonly<Record<string, string | undefined>>;
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
  const [{ MeterProvider, MetricReader }, { JsonMetricsSerializer, ProtobufMetricsSerializer }, resources] =
    await Promise.all([
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/otlp-transformer'),
      import('@opentelemetry/resources'),
    ]);
  const serializer = o.encoding === 'json' ? JsonMetricsSerializer : ProtobufMetricsSerializer;

  /** Collects when asked; the interval is ours, because readings have to be fetched first. */
  class OnDemand extends MetricReader {
    protected override async onForceFlush(): Promise<void> {}
    protected override async onShutdown(): Promise<void> {}
  }

  const resource = resources
    .defaultResource()
    .merge(resources.resourceFromAttributes(ownAttributes(o.agentId, o.env, o.log)));
  const reader = new OnDemand();
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
        const observable: ObservableCounter | ObservableGauge =
          r.kind === 'counter' ? meter.createObservableCounter(name) : meter.createObservableGauge(name);
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
    const bytes = serializer.serializeRequest(resourceMetrics);
    let points = 0;
    for (const scope of resourceMetrics.scopeMetrics) for (const m of scope.metrics) points += m.dataPoints.length;
    if (bytes !== undefined && points > 0) o.send(bytes, points);
  };
  let running: Promise<void> | null = null;
  const run = (): Promise<void> => {
    running ??= once()
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

/** Attributes of the agent's own resource. */
export function ownAttributes(agentId: string, env: SelfMetricsOptions['env'], log: Log): Record<string, string> {
  const given = resourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES ?? '');
  if (given === null) {
    const why = 'it is not of the form key=value,key2=value2 with percent-encoded values';
    log.warn({ variable: 'OTEL_RESOURCE_ATTRIBUTES' }, `a variable was left out: ${why}`);
  }
  return {
    'service.name': 'spantap',
    'service.version': VERSION,
    'service.instance.id': agentId,
    'telemetry.distro.name': 'spantap',
    ...given,
    ...(env.OTEL_SERVICE_NAME ? { 'service.name': env.OTEL_SERVICE_NAME } : {}),
  };
}

/** One bad pair voids the whole variable (resource SDK specification); null then. */
function resourceAttributes(text: string): Record<string, string> | null {
  const out: Record<string, string> = {};
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    if (at < 1) return null;
    try {
      out[decodeURIComponent(pair.slice(0, at).trim())] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      return null;
    }
  }
  return out;
}
