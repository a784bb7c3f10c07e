import { Worker } from 'node:worker_threads';
import type { Reading } from './self/counters.ts';
import { SpantapError } from './self/errors.ts';
import { Shard, type ShardEvents, type ShardOptions, type ShardState } from './shard.ts';
import type { MetricsSnapshot } from './telemetry/telemetry.ts';

/** What the main thread asks of a shard, and what the shard answers with the same id. */
export type Question = 'readings' | 'metrics' | 'ignore' | 'unignore' | 'close';
export interface ToShard {
  readonly id: number;
  readonly question: Question;
  readonly endpoint: string;
}
export type FromShard =
  | { readonly type: 'open'; readonly state: ShardState }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'captureFailed'; readonly code: string; readonly message: string }
  | { readonly type: 'spans'; readonly bytes: Uint8Array; readonly spans: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown };

/** What a shard leaves behind. */
export interface Remains {
  readonly readings: Reading[];
  readonly metrics: MetricsSnapshot;
}

/** What one leaves that died. */
const NOTHING: Remains = { readings: [], metrics: { resources: [] } };

/** A shard wherever it runs. After `close` it still answers, with what stood at its end; after its death with nothing. */
export interface ShardHandle {
  readonly state: ShardState;
  readings(): Promise<Reading[]>;
  metrics(): Promise<MetricsSnapshot>;
  ignore(endpoint: string): Promise<void>;
  unignore(endpoint: string): void;
  close(): Promise<void>;
  /** Rejects when the shard dies. */
  readonly died: Promise<never>;
}

/** Records live for microseconds, so a small young generation does, as in bin/spantap: three times 4 MiB. */
const YOUNG_GENERATION_MB = 12;

/** Opens a shard in a worker thread. Throws what opening the capture there threw. */
export function startWorkerShard(o: ShardOptions, events: ShardEvents): Promise<ShardHandle> {
  const here = import.meta.url;
  const worker = new Worker(new URL(`./shard-worker.${here.endsWith('.ts') ? 'ts' : 'js'}`, here), {
    workerData: o,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const waiting = new Map<number, (value: unknown) => void>();
  let lastId = 0;
  let closing = false;
  let remains: Remains | null = null;
  /** Null from one that died. */
  const ask = (question: Question, endpoint = ''): Promise<unknown> => {
    const id = ++lastId;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      worker.postMessage({ id, question, endpoint } satisfies ToShard);
    });
  };
  return new Promise<ShardHandle>((resolve, reject) => {
    const died = new Promise<never>((_, rejectDied) => {
      const dead = (reason: string): void => {
        if (closing) return;
        const error = new SpantapError('shard-died', `The capture thread ended: ${reason}`);
        reject(error);
        rejectDied(error);
      };
      worker.on('error', (error: Error) => dead(error.stack ?? error.message));
      worker.on('exit', (code) => {
        remains ??= NOTHING;
        for (const answer of waiting.values()) answer(null);
        waiting.clear();
        dead(`exit code ${code}`);
      });
    });
    died.catch(() => {}); // whoever holds the handle hears of it
    worker.on('message', (m: FromShard) => {
      switch (m.type) {
        case 'spans':
          events.spans(m);
          return;
        case 'answer':
          waiting.get(m.id)?.(m.value);
          waiting.delete(m.id);
          return;
        case 'captureFailed':
          events.captureFailed(new SpantapError(m.code, m.message));
          return;
        case 'refused':
          closing = true;
          reject(new SpantapError(m.code, m.message));
          void worker.terminate();
          return;
        case 'open':
          resolve({
            state: m.state,
            died,
            readings: async () =>
              remains?.readings ?? ((await ask('readings')) as Reading[] | null) ?? NOTHING.readings,
            metrics: async () =>
              remains?.metrics ?? ((await ask('metrics')) as MetricsSnapshot | null) ?? NOTHING.metrics,
            ignore: async (endpoint) => {
              if (remains === null) await ask('ignore', endpoint);
            },
            unignore: (endpoint) => {
              if (remains === null) void ask('unignore', endpoint);
            },
            close: async () => {
              closing = true;
              remains ??= ((await ask('close')) as Remains | null) ?? NOTHING;
              await worker.terminate();
            },
          });
      }
    });
  });
}

/** Opens a shard in this thread: for the `cap` driver, which cannot run in a worker. */
export async function startInlineShard(o: ShardOptions, events: ShardEvents): Promise<ShardHandle> {
  const shard = new Shard(o, events);
  return {
    state: shard.state,
    died: new Promise<never>(() => {}),
    readings: async () => shard.readings(),
    metrics: async () => shard.metrics(),
    ignore: async (endpoint) => shard.ignore(endpoint),
    unignore: (endpoint) => shard.unignore(endpoint),
    close: async () => void shard.close(),
  };
}
