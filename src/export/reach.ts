import type { Log } from '../self/log.ts';

/** While a Collector is away, a line this often. */
const REMIND_MS = 30_000;

/** Tells people whether a Collector can be reached: one line when it is lost, one each half minute, one when it is back. */
export class Reach {
  readonly #origin: string;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #waiting: () => { requests: number; items: number; bytes: number };
  #lostMs = Number.NaN;
  #remindMs = 0;

  constructor(o: {
    origin: string;
    log: Log;
    nowMs: () => number;
    waiting: () => { requests: number; items: number; bytes: number };
  }) {
    this.#origin = o.origin;
    this.#log = o.log;
    this.#nowMs = o.nowMs;
    this.#waiting = o.waiting;
  }

  /** Null while it can be reached, else why not. */
  lost: string | null = null;

  failed(reason: string): void {
    const now = this.#nowMs();
    if (this.lost === null) {
      this.#lostMs = now;
      this.#remindMs = now + REMIND_MS;
      this.#log.warn(
        { collector: this.#origin, reason },
        'the Collector does not take data; keeping it and trying again',
      );
    } else if (now >= this.#remindMs) {
      this.#remindMs = now + REMIND_MS;
      const seconds = Math.round((now - this.#lostMs) / 1000);
      this.#log.warn(
        { collector: this.#origin, reason, seconds, waiting: this.#waiting() },
        'the Collector still does not take data',
      );
    }
    this.lost = reason;
  }

  succeeded(): void {
    if (this.lost === null) return;
    this.lost = null;
    const seconds = Math.round((this.#nowMs() - this.#lostMs) / 1000);
    this.#log.info({ collector: this.#origin, seconds, waiting: this.#waiting() }, 'the Collector takes data again');
  }
}
