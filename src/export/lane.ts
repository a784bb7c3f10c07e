import { LimitedLog, type Log } from '../self/log.ts';
import { Parcel, ParcelQueue } from './queue.ts';
import type { Reach } from './reach.ts';
import type { OtlpTarget } from './targets.ts';
import type { Outcome, Transport } from './transport.ts';

/** How long to wait after failures. */
export interface Backoff {
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Share by which a wait is made longer or shorter by chance, so that many agents do not come back at once. */
  readonly jitter: number;
}

export const BACKOFF: Backoff = { firstMs: 1000, factor: 1.5, maxMs: 30_000, jitter: 0.2 };

/** A server that asks for more patience than this is asked again nevertheless. */
const MAX_RETRY_AFTER_MS = 300_000;
/** Old requests are looked for this often. */
const EXPIRE_MS = 1000;

/** What happened to one signal's items at one endpoint; `export.*{signal, endpoint}`. */
export class LaneCounters {
  sentItems = 0;
  /** Taken by the Collector, which then rejected some (partial success). */
  rejectedItems = 0;
  /** Given up because the Collector refused the request for good. */
  failedItems = 0;
  /** Given up because the queue was full, they were too old, or the agent ended. */
  droppedFull = 0;
  droppedAge = 0;
  droppedClose = 0;
  droppedBytes = 0;
  sentBytes = 0;
  requests = 0;
  retries = 0;
}

/** Sends the requests of one signal to one endpoint: a few at once while all is well, one at a time while the Collector does not answer. */
export class ExportLane {
  readonly counters = new LaneCounters();
  readonly queue: ParcelQueue;
  readonly #target: OtlpTarget;
  readonly #transport: Transport;
  readonly #inOrder: boolean;
  readonly #concurrency: number;
  readonly #maxAgeMs: number;
  readonly #backoff: Backoff;
  readonly #reach: Reach;
  readonly #limited: LimitedLog;
  readonly #nowMs: () => number;
  #sending = 0;
  /** Failures in a row; while above 0 only one request is under way. */
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  readonly #expiry: NodeJS.Timeout;
  #closed = false;
  /** Called when nothing is left. */
  #idle: (() => void)[] = [];

  constructor(o: {
    target: OtlpTarget;
    transport: Transport;
    maxBytes: number;
    maxAgeMs: number;
    concurrency: number;
    backoff: Backoff;
    reach: Reach;
    log: Log;
    nowMs: () => number;
  }) {
    this.#target = o.target;
    this.#transport = o.transport;
    this.#inOrder = o.target.signal === 'metrics';
    this.#concurrency = this.#inOrder ? 1 : o.concurrency;
    this.#maxAgeMs = o.maxAgeMs;
    this.#backoff = o.backoff;
    this.#reach = o.reach;
    this.#limited = new LimitedLog(o.log, 30_000, o.nowMs);
    this.#nowMs = o.nowMs;
    this.queue = new ParcelQueue(o.maxBytes, (parcel, reason) => {
      if (reason === 'full') this.counters.droppedFull += parcel.items;
      else this.counters.droppedAge += parcel.items;
      this.counters.droppedBytes += parcel.bytes.length;
      const why = reason === 'full' ? 'the queue is full' : 'it waited for too long';
      this.#limited.line('warn', reason, { ...this.#where(), items: parcel.items }, `data dropped: ${why}`);
    });
    this.#expiry = setInterval(() => this.#expire(), EXPIRE_MS);
    this.#expiry.unref();
  }

  /** What this lane sends, and where. */
  #where(): { signal: string; collector: string } {
    return { signal: this.#target.signal, collector: this.#target.url.origin };
  }

  /** `packed` is what `bytes` become by compression; null where they are sent as they are. */
  enqueue(bytes: Uint8Array, items: number, packed: Promise<Uint8Array> | null): void {
    if (this.#closed) {
      this.counters.droppedClose += items;
      this.counters.droppedBytes += bytes.length;
      return;
    }
    const parcel = new Parcel(bytes, items, this.#nowMs(), packed === null);
    this.queue.add(parcel);
    if (packed === null) this.#pump();
    else if (parcel.waiting) this.#pack(parcel, packed);
  }

  /** True when all was sent (or refused) in time. The wait is cut short, and further ones begin small again. */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.queue.size === 0) return true;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
    this.#failures = Math.min(this.#failures, 1);
    this.#pump();
    return await new Promise<boolean>((resolve) => {
      const limit = setTimeout(() => resolve(false), timeoutMs);
      this.#idle.push(() => {
        clearTimeout(limit);
        resolve(true);
      });
    });
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#expiry);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const parcel of this.queue.clear()) {
      this.counters.droppedClose += parcel.items;
      this.counters.droppedBytes += parcel.bytes.length;
    }
    this.#checkIdle();
  }

  #pack(parcel: Parcel, packed: Promise<Uint8Array>): void {
    packed.then(
      (bytes) => {
        if (!parcel.waiting) return;
        this.queue.replace(parcel, bytes);
        this.#pump();
      },
      (error: Error) => {
        if (!parcel.waiting) return;
        this.queue.remove(parcel);
        this.counters.failedItems += parcel.items;
        this.#limited.line('error', 'gzip', { reason: error.message }, 'data could not be compressed and was dropped');
        this.#checkIdle();
      },
    );
  }

  #pump(): void {
    while (!this.#closed) {
      const waitMs = this.#notBeforeMs - this.#nowMs();
      if (waitMs > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = null;
          this.#pump();
        }, waitMs).unref();
        return;
      }
      if (this.#sending >= (this.#failures > 0 ? 1 : this.#concurrency)) return;
      const parcel = this.#inOrder ? this.queue.first() : this.queue.next();
      if (parcel === null) return;
      void this.#send(parcel);
    }
  }

  async #send(parcel: Parcel): Promise<void> {
    this.#sending++;
    parcel.sending = true;
    if (parcel.attempts++ > 0) this.counters.retries++;
    this.counters.requests++;
    const outcome = await this.#transport.send(parcel.bytes);
    this.#sending--;
    parcel.sending = false;
    if (parcel.waiting) this.#settle(parcel, outcome);
    this.#pump();
    this.#checkIdle();
  }

  #settle(parcel: Parcel, outcome: Outcome): void {
    const c = this.counters;
    if (outcome.kind === 'again') return;
    if (outcome.kind === 'later') {
      this.#later(outcome.reason, outcome.afterMs);
      return;
    }
    this.#failures = 0;
    this.#reach.succeeded();
    this.queue.remove(parcel);
    if (outcome.kind === 'refused') {
      c.failedItems += parcel.items;
      const fields = { ...this.#where(), items: parcel.items, reason: outcome.reason };
      this.#limited.line('error', outcome.status, fields, 'the Collector refused a request; it was dropped');
      return;
    }
    const rejected = Math.min(outcome.partial?.rejected ?? 0, parcel.items);
    c.sentItems += parcel.items - rejected;
    c.rejectedItems += rejected;
    c.sentBytes += parcel.bytes.length;
    if (outcome.partial !== null) {
      const fields = { ...this.#where(), rejected, reason: outcome.partial.message };
      this.#limited.line('warn', 'partial', fields, 'the Collector took a request only in part');
    }
  }

  #later(reason: string, afterMs: number | null): void {
    const { firstMs, factor, maxMs, jitter } = this.#backoff;
    const waitMs = Math.min(firstMs * factor ** this.#failures, maxMs);
    this.#failures++;
    const asked = Math.min(afterMs ?? 0, MAX_RETRY_AFTER_MS);
    const chosen = Math.max(asked, waitMs * (1 + jitter * (2 * Math.random() - 1)));
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#nowMs() + chosen);
    this.#reach.failed(reason);
    this.#expire();
  }

  #expire(): void {
    this.queue.expire(this.#nowMs(), this.#maxAgeMs);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.queue.size > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const done of waiting) done();
  }
}
