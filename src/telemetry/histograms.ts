/** How the values of an instrument are counted: in the buckets that the conventions name, or in those of base 2. */
import { ExponentialDistribution } from './exponential.ts';
import type { Instrument } from './instruments.ts';
import type {
  ExponentialHistogramMetric,
  ExponentialHistogramPoint,
  HistogramMetric,
  HistogramPoint,
  PointHead,
} from './snapshot.ts';

/** Counts of a cumulative histogram, in what its instrument counts: ns or bytes. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  add(value: number): void;
}

/** Which of the two it is, for all instruments of the process alike. */
export class Histograms {
  /** Buckets that a distribution of base 2 may have; 0: instruments have buckets of their own. */
  readonly maxBuckets: number;

  constructor(maxBuckets: number) {
    this.maxBuckets = maxBuckets;
  }

  /** What a distribution holds beyond the few counters of an instrument's own buckets. */
  get bytes(): number {
    return 8 * this.maxBuckets;
  }

  distribution(instrument: Instrument): Distribution {
    return this.maxBuckets === 0
      ? new ExplicitDistribution(instrument.limits)
      : new ExponentialDistribution(instrument.scale, this.maxBuckets);
  }

  /** The metric of an instrument, without points as yet, under the instrument's name or under another one. */
  metric(
    instrument: Instrument,
    { name, description }: { readonly name: string; readonly description: string } = instrument,
  ): HistogramMetric | ExponentialHistogramMetric {
    const { unit, bounds } = instrument;
    const { maxBuckets } = this;
    return maxBuckets === 0
      ? { kind: 'histogram', name, description, unit, bounds, points: [] }
      : { kind: 'exponentialHistogram', name, description, unit, maxBuckets, points: [] };
  }
}

class ExplicitDistribution implements Distribution {
  count = 0;
  sum = 0;
  readonly counts: Float64Array;
  readonly #limits: Float64Array;

  constructor(limits: Float64Array) {
    this.#limits = limits;
    this.counts = new Float64Array(limits.length + 1);
  }

  /** A value equal to a bound belongs below it (metrics data model, histogram). */
  add(value: number): void {
    const limits = this.#limits;
    const length = limits.length;
    let i = 0;
    while (i < length && value > limits[i]!) i++;
    this.counts[i]!++;
    this.count++;
    this.sum += value;
  }
}

/** What was counted, as a point of the metric of its instrument. */
export function addPoint(
  metric: HistogramMetric | ExponentialHistogramMetric,
  head: PointHead,
  distribution: Distribution,
  scale: number,
): void {
  const sum = distribution.sum / scale;
  if (distribution instanceof ExponentialDistribution) {
    const point: ExponentialHistogramPoint = { ...head, sum, ...distribution.buckets() };
    (metric as ExponentialHistogramMetric).points.push(point);
  } else {
    const point: HistogramPoint = { ...head, sum, counts: Array.from((distribution as ExplicitDistribution).counts) };
    (metric as HistogramMetric).points.push(point);
  }
}
