import type { Agent } from 'node:http';
import type { Attributes, ObservableCounter, ObservableGauge } from '@opentelemetry/api';
import type { Reading } from './counters.ts';
import { LimitedLog, type Log } from './log.ts';
import { VERSION } from './version.ts';

export interface SelfMetricsOptions {
  readonly readings: () => Promise<readonly Reading[]> | readonly Reading[];
  /** Where metrics go: the exporter room's target for them. */
  readonly target: {
    readonly url: URL;
    readonly headers: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
    readonly compression: 'gzip' | 'none';
  };
  /** Makes the connections, so that they are the agent's own and not traced. */
  readonly agentFactory: (protocol: string) => Agent;
  readonly intervalMs: number;
  readonly agentId: string;
  /** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES apply to the agent itself, and only to it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

export interface SelfMetrics {
  /** Sends the readings once more; false if that did not succeed in time. */
  flush(timeoutMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

/**
 * Sends the agent's counters by the OpenTelemetry SDK as `spantap.<room>.<name>`. The SDK is loaded only here: it takes
 * about 200 ms. Cumulative values lose nothing while the Collector is away.
 */
export async function startSelfMetrics(o: SelfMetricsOptions): Promise<SelfMetrics> {
  const [{ MeterProvider, MetricReader }, { OTLPMetricExporter }, { defaultResource, resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/exporter-metrics-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const { CompressionAlgorithm } = await import('@opentelemetry/otlp-exporter-base');

  /** Collects when asked; the interval is ours, because readings have to be fetched first. */
  class OnDemand extends MetricReader {
    protected override async onForceFlush(): Promise<void> {}
    protected override async onShutdown(): Promise<void> {}
  }

  const exporter = new OTLPMetricExporter({
    url: o.target.url.href,
    headers: { ...o.target.headers },
    timeoutMillis: o.target.timeoutMs,
    compression: o.target.compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    httpAgentOptions: o.agentFactory,
    userAgent: `spantap/${VERSION}`,
  });
  const resource = defaultResource().merge(resourceFromAttributes(ownAttributes(o.agentId, o.env, o.log)));
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

  const once = async (): Promise<boolean> => {
    take(await o.readings());
    const { resourceMetrics } = await reader.collect();
    return await new Promise<boolean>((resolve) => {
      exporter.export(resourceMetrics, (result) => {
        const reason = result.error?.message ?? 'unknown';
        if (result.code !== 0) limited.line('warn', 'self', { reason }, "the agent's own metrics could not be sent");
        resolve(result.code === 0);
      });
    });
  };
  let running: Promise<boolean> | null = null;
  const run = (): Promise<boolean> => {
    running ??= once()
      .catch((error: Error) => {
        limited.line('warn', 'self', { reason: error.message }, "the agent's own metrics could not be collected");
        return false;
      })
      .finally(() => {
        running = null;
      });
    return running;
  };
  const timer = setInterval(() => void run(), o.intervalMs);
  timer.unref();

  return {
    async flush(timeoutMs) {
      let limit: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => {
        limit = setTimeout(() => resolve(false), timeoutMs);
      });
      await Promise.race([running, late]);
      const done = await Promise.race([run(), late]);
      clearTimeout(limit);
      return done;
    },
    async stop() {
      clearInterval(timer);
      await exporter.shutdown();
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
