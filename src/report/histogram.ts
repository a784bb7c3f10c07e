/**
 * Durations counted in log-linear buckets: 32 for each power of two, so a bucket is at most 1/32 wide and its middle at
 * most 1.6 % off. Octaves are made when first hit: 33 octaves of 256 bytes (up to 2 hours) are 8 KiB at the very most,
 * a typical row has six of them.
 */

const STEPS = 32;
/** 52 days in ns; longer ones count as that. */
const MAX = 2 ** 52;

/** What brings a value of an octave between STEPS and 2 x STEPS. */
const SCALES = Float64Array.from({ length: 64 }, (_, octave) => 2 ** (1 - octave));

export class Histogram {
  count = 0;
  readonly #octaves: (Float64Array | undefined)[] = [];

  /** `ns`: a whole number; less than 0 counts as 0. */
  add(ns: number): void {
    const v = Math.min(Math.max(ns, 0), MAX);
    // position of the highest set bit; bitwise operators see 32 bits only
    const top = v < 2 ** 32 ? 31 - Math.clz32(v) : 63 - Math.clz32(v / 2 ** 32);
    const octave = top < 5 ? 0 : top - 4;
    const step = octave === 0 ? v | 0 : Math.floor(v * SCALES[octave]!) - STEPS;
    let counts = this.#octaves[octave];
    if (counts === undefined) {
      counts = new Float64Array(STEPS);
      this.#octaves[octave] = counts;
    }
    counts[step]!++;
    this.count++;
  }

  /** The value below which the share `q` of all values lies, ns; NaN when there is none. */
  quantile(q: number): number {
    if (this.count === 0) return Number.NaN;
    let left = Math.max(1, Math.ceil(q * this.count));
    for (let octave = 0; octave < this.#octaves.length; octave++) {
      const counts = this.#octaves[octave];
      if (counts === undefined) continue;
      for (let step = 0; step < STEPS; step++) {
        left -= counts[step]!;
        if (left > 0) continue;
        if (octave === 0) return step;
        return (STEPS + step + 0.5) * 2 ** (octave - 1);
      }
    }
    return Number.NaN;
  }
}
