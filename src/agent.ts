import { setTimeout as delay } from 'node:timers/promises';
import { endpointText } from './bytes/address.ts';
import { needsMainThread } from './capture/live.ts';
import type { Config } from './config/config.ts';
import type { OwnConnection } from './export/connections.ts';
import { type Endpoint, ScrapeCounters, startEndpoint } from './export/prometheus/endpoint.ts';
import { exposedReadings } from './export/prometheus/own.ts';
import { OtlpSink } from './export/sink.ts';
import { addressesOf, encodingOf, otlpTargets } from './export/targets.ts';
import { Counters, mergeReadings, type Reading } from './self/counters.ts';
import { type Health, startHealth } from './self/health.ts';
import type { Log } from './self/log.ts';
import { startSelfMetrics } from './self/metrics.ts';
import type { ShardEvents, ShardOptions } from './shard.ts';
import { type ShardHandle, startInlineShard, startWorkerShard } from './shard-host.ts';
import { metricsRequests } from './telemetry/metrics-encoding.ts';
import { type MetricsSnapshot, mergeSnapshots } from './telemetry/snapshot.ts';

/** A shard needs this much to be of use: about 10,000 connections and their series. */
const MIN_SHARD_BYTES = 32 << 20;

/** A running agent. */
export interface Agent {
  readonly driver: string;
  readonly clock: 'kernel' | 'agent';
  /** Where spans go. */
  readonly destination: string;
  readings(): Promise<Reading[]>;
  /** Rejects when a capture thread dies or every interface has failed: nothing more will be captured. */
  readonly failed: Promise<never>;
  /** Ends the capture and delivers what there is, within `export.flushTimeout`. False: not everything got through. */
  stop(): Promise<boolean>;
}

/**
 * The whole agent: shards capture and decode, this thread merges, exports and answers health checks.
 * Throws the SpantapErrors of capture and export settings.
 */
export async function startAgent(config: Config, log: Log): Promise<Agent> {
  const targets = otlpTargets(config.export, config.otel);
  const counters = new Counters();
  const shards: ShardHandle[] = [];

  // Own connections: every shard knows of one before anything is sent on it.
  const watch = {
    onConnection: async (c: OwnConnection): Promise<void> => {
      await Promise.all(shards.map((s) => s.ignore(ownEnd(c))));
    },
    onAttempt: (c: OwnConnection): void => {
      for (const s of shards) s.ignore(ownEnd(c)).catch(() => {}); // a shard that dies is heard of elsewhere
    },
    onClosed: (c: OwnConnection): void => {
      for (const s of shards) s.unignore(ownEnd(c));
    },
  };
  const sink = new OtlpSink({ targets, queue: config.export.queue, log, counters, watch });

  const inline = needsMainThread(config.capture);
  let interfacesLeft = config.capture.interfaces.length * (inline ? 1 : config.capture.shards);
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // heard by whoever runs the agent
  const events: ShardEvents = {
    spans: ({ bytes, spans }) => void sink.enqueue('traces', bytes, spans),
    captureFailed: (error) => {
      log.error({ code: error.code }, error.message);
      if (--interfacesLeft === 0) fail(error);
    },
  };
  const readings = async (): Promise<Reading[]> => {
    const lists = await Promise.all(shards.map((s) => s.readings()));
    return mergeReadings([...lists, counters.snapshot()]);
  };
  const metrics = async (): Promise<MetricsSnapshot> =>
    mergeSnapshots(await Promise.all(shards.map((s) => s.metrics())));
  let stopping = false;
  /** Its part of every sum is gone: what the others have must not be sent in their place. */
  let shardDied = false;
  let scrape: Endpoint | null = null;
  let health: Health | null = null;
  try {
    for (const options of shardOptions(config, inline)) {
      const start = inline ? startInlineShard : startWorkerShard;
      const shard = await start(options, events);
      shard.died.catch((error: Error) => {
        shardDied = true;
        fail(error);
      });
      shards.push(shard);
    }
    if (config.prometheus.port !== 0) {
      scrape = await startEndpoint({
        ...config.prometheus,
        collect: async () => {
          const [{ resources }, figures] = await Promise.all([metrics(), config.self.metrics ? readings() : []]);
          return [...resources, exposedReadings(figures, config.self.resource)];
        },
        ignore: async (own) => void (await Promise.all(shards.map((s) => s.ignore(ownEnd(own))))),
        counters: counters.add('prometheus', new ScrapeCounters()),
      });
    }
    if (config.health.port !== 0) {
      const ready = (): string | null => (stopping ? 'stopping' : null);
      health = await startHealth({ ...config.health, live: () => null, ready });
      // Probes are nobody's requests.
      for (const address of health.addresses) {
        const endpoint = ownEnd({ localAddress: address, localPort: health.port });
        await Promise.all(shards.map((s) => s.ignore(endpoint)));
      }
    }
  } catch (error) {
    await scrape?.close();
    await Promise.all(shards.map((s) => s.close()));
    sink.close();
    throw error;
  }

  const encoding = encodingOf(targets.metrics);
  // What is collected later has the later time, and has to be sent later: one after the other, and no two in one millisecond.
  let turn: Promise<unknown> = Promise.resolve();
  let collectedMs = 0;
  const inTurn = (collect: () => Promise<void>): Promise<void> => {
    const mine = turn.then(async () => {
      while (Date.now() === collectedMs) await delay(1);
      await collect();
      collectedMs = Date.now();
    });
    turn = mine.catch(() => {});
    return mine;
  };
  const exportMetrics = async (): Promise<void> => {
    for (const { bytes, points } of metricsRequests(await metrics(), encoding)) {
      await sink.enqueue('metrics', bytes, points);
    }
  };
  const sendsMetrics = config.telemetry.metrics.enabled && config.otlpMetrics;
  let exporting = false;
  const exportNow = (): void => {
    if (exporting) return; // the next one says all
    exporting = true;
    const done = inTurn(exportMetrics).finally(() => {
      exporting = false;
    });
    done.catch(fail);
  };
  const timer = sendsMetrics ? setInterval(exportNow, config.telemetry.metrics.intervalMs) : undefined;
  const selfMetrics =
    config.self.metrics && config.otlpMetrics
      ? await startSelfMetrics({
          readings,
          intervalMs: config.self.intervalMs,
          encoding,
          send: (bytes, points) => void sink.enqueue('metrics', bytes, points),
          inTurn,
          resource: config.self.resource,
          log,
        })
      : null;
  const { driver, clock, warnings } = shards[0]!.state;
  for (const warning of warnings) log.warn({}, warning);
  if (config.self.malformedResource) {
    const why = 'it is not of the form key=value,key2=value2 with percent-encoded values';
    log.warn({ variable: 'OTEL_RESOURCE_ATTRIBUTES' }, `a variable was left out: ${why}`);
  }

  return {
    driver,
    clock,
    destination: addressesOf(targets.traces),
    readings,
    failed,
    async stop() {
      stopping = true;
      clearInterval(timer);
      // What the kernel has captured up to now is delivered within the batch delay.
      await delay(2 * config.capture.batchDelayMs);
      const endMs = performance.now() + config.export.flushTimeoutMs;
      const left = (): number => Math.max(0, endMs - performance.now());
      // The last figures of the shards have the time of their end: nothing is collected between that and their sending.
      const last = inTurn(async () => {
        await Promise.all(shards.map((s) => s.close()));
        if (sendsMetrics && !shardDied) await exportMetrics();
      });
      await within(left(), last);
      let flushed = await sink.flush(left());
      if (selfMetrics !== null && !shardDied) {
        // the last readings tell how the rest went
        await within(left(), selfMetrics.collect());
        flushed = (await sink.flush(left())) && flushed;
      }
      await selfMetrics?.stop();
      sink.close();
      await Promise.all([scrape?.close(), health?.close()]);
      return flushed;
    },
  };
}

/** `limits.memory` less the export queue, divided among the shards. */
function shardOptions(config: Config, inline: boolean): ShardOptions[] {
  const shards = inline ? 1 : config.capture.shards;
  const forShards = config.limits.memoryBytes - config.export.queue.maxBytes;
  const memoryBytes = Math.max(MIN_SHARD_BYTES, Math.floor(forShards / shards));
  // One group for each agent process of a host; interfaces take the numbers that follow.
  const group = (process.pid * 16) & 0xffff;
  const fanoutGroup = shards > 1 ? group : null;
  return Array.from({ length: shards }, () => ({
    config,
    memoryBytes,
    clock: inline ? 'agent' : 'kernel',
    fanoutGroup,
  }));
}

/** As a capture has it: IPv4 as such, no zone. */
function ownEnd(c: Pick<OwnConnection, 'localAddress' | 'localPort'>): string {
  const address = c.localAddress.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/, '');
  return endpointText(address.includes(':') ? 6 : 4, address, c.localPort);
}

/** Waits for `work`, but not longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => {}), over]);
  clearTimeout(timer);
}
