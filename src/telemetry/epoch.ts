import type { Timebase } from '../bytes/timebase.ts';

/** Seconds since the epoch and nanoseconds, as the OpenTelemetry data types have it. */
export type HrTime = [seconds: number, nanos: number];

/** Turns pipeline times (ns since the base second) into epoch times, exactly and without BigInt per time. */
export class Epoch {
  /** Result of `split`: the low and high word of the unsigned 64-bit count of ns since the epoch. */
  low = 0;
  high = 0;
  readonly #timebase: Timebase;
  #baseSec = Number.NaN;
  #baseLow = 0;
  #baseHigh = 0;

  constructor(timebase: Timebase) {
    this.#timebase = timebase;
  }

  /** False until the first packet has set the base. */
  get known(): boolean {
    return !Number.isNaN(this.#timebase.baseSec);
  }

  split(ns: number): void {
    if (this.#timebase.baseSec !== this.#baseSec) this.#rebase();
    // ToUint32 is taken modulo 2^32 and floor goes down, so this also holds for times before the base
    const low = this.#baseLow + (ns >>> 0);
    this.low = low >>> 0;
    this.high = (this.#baseHigh + Math.floor(ns / 4294967296) + (low > 0xffffffff ? 1 : 0)) >>> 0;
  }

  hrTime(ns: number): HrTime {
    const seconds = Math.floor(ns / 1e9);
    return [this.#timebase.baseSec + seconds, ns - seconds * 1e9];
  }

  /** Decimal ns since the epoch, as OTLP JSON has it. */
  text(ns: number): string {
    const [seconds, nanos] = this.hrTime(ns);
    return nanosText(seconds, nanos);
  }

  #rebase(): void {
    this.#baseSec = this.#timebase.baseSec;
    const base = BigInt.asUintN(64, BigInt(this.#baseSec) * 1_000_000_000n);
    this.#baseLow = Number(base & 0xffffffffn);
    this.#baseHigh = Number(base >> 32n);
  }
}

export function nanosText(seconds: number, nanos: number): string {
  return seconds > 0 ? `${seconds}${String(nanos).padStart(9, '0')}` : String(Math.max(0, nanos));
}
