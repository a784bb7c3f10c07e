/** The configuration as the rooms take it: each one its own plain slice, in units that their names tell. */
import { hostname } from 'node:os';
import { ownResource } from '../self/resource.ts';
import type { Settings } from './schema.ts';
import { parseBytes, parseMs } from './units.ts';

export type Config = ReturnType<typeof configOf>;

/** `otel`: the OTEL_* variables and those that name proxies, which the exporter reads itself. */
export function configOf(s: Settings, otel: Readonly<Record<string, string>>) {
  const { maxStatementBytes, ...speak } = s.protocols;
  const agentId = s.agent.id === '' ? hostname() : s.agent.id;
  const own = ownResource(agentId, otel);
  return freeze({
    agent: { id: agentId },
    capture: {
      driver: s.capture.driver,
      interfaces: s.capture.interfaces,
      filter: s.capture.filter,
      snaplen: s.capture.snaplen,
      ringBytes: parseBytes(s.capture.ring),
      promiscuous: s.capture.promiscuous,
      batchDelayMs: parseMs(s.capture.batchDelay),
      shards: s.capture.shards,
    },
    limits: { memoryBytes: parseBytes(s.limits.memory) },
    streams: {
      maxFlows: s.limits.flows,
      idleMs: parseMs(s.streams.idle),
      maxReorderBytes: parseBytes(s.limits.reorder),
      lossGraceMs: parseMs(s.streams.lossGrace),
    },
    exchanges: {
      timeoutMs: parseMs(s.exchanges.timeout),
      quietMs: parseMs(s.exchanges.quiet),
      maxInFlight: s.exchanges.maxInFlight,
    },
    protocols: { maxStatementBytes: parseBytes(maxStatementBytes), speak },
    masking: s.masking,
    naming: s.naming,
    telemetry: {
      spans: {
        enabled: s.spans.enabled,
        mode: s.spans.mode,
        unsampled: s.spans.unsampled,
        batchSpans: s.spans.batchSpans,
        flushDelayMs: parseMs(s.spans.flushDelay),
      },
      metrics: {
        enabled: s.metrics.enabled,
        intervalMs: parseMs(s.metrics.interval),
        maxBuckets: s.metrics.histograms === 'exponential' ? s.metrics.maxBuckets : 0,
        maxSeries: s.metrics.maxSeries,
        expiryMs: parseMs(s.metrics.expiry),
        tcp: s.metrics.tcp,
      },
      routes: s.routes,
      agentId,
      // Rules and dashboards tell its graph by that name from one that was made elsewhere, whatever the agent is called.
      own: { ...own.attributes, 'service.name': 'spantap' },
      encoding: encodingOf(s, otel),
    },
    prometheus: s.prometheus,
    /** Whether metrics go by OTLP: unless the scrape endpoint stands for it. */
    otlpMetrics: s.metrics.exporters.length > 0 ? s.metrics.exporters.includes('otlp') : s.prometheus.port === 0,
    export: {
      endpoints: addresses(s.export.endpoint),
      protocol: s.export.protocol,
      headers: s.export.headers,
      timeoutMs: s.export.timeout === '' ? null : parseMs(s.export.timeout),
      compression: s.export.compression,
      tls: s.export.tls,
      queue: {
        maxBytes: parseBytes(s.export.queue.size),
        maxAgeMs: parseMs(s.export.queue.maxAge),
        concurrency: s.export.queue.concurrency,
      },
      flushTimeoutMs: parseMs(s.export.flushTimeout),
    },
    self: {
      metrics: s.self.metrics,
      intervalMs: parseMs(s.self.interval),
      resource: own.attributes,
      malformedResource: own.malformed,
    },
    health: s.health,
    log: s.log,
    otel,
  });
}

/** One text may hold several, separated by commas, for the sake of the variable. */
function addresses(endpoint: string | readonly string[]): string[] {
  const all = typeof endpoint === 'string' ? endpoint.split(',') : endpoint;
  return all.map((one) => one.trim()).filter((one) => one !== '');
}

function encodingOf(s: Settings, otel: Readonly<Record<string, string>>): 'protobuf' | 'json' {
  const spoken = s.export.protocol || otel.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || otel.OTEL_EXPORTER_OTLP_PROTOCOL || '';
  return spoken === 'http/json' ? 'json' : 'protobuf';
}

/** Freezes a tree of fresh objects. */
function freeze<T extends object>(tree: T): T {
  for (const value of Object.values(tree)) {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) freeze(value);
  }
  return Object.freeze(tree);
}
