/**
 * Histograms whose buckets are powers of 2^(2^-scale), so that they fit any values (OpenTelemetry specification, metrics data
 * model, ExponentialHistogram). Bucket i holds what is above base^i, up to base^(i+1) and that, too.
 */

/** The finest buckets: the SDK's default (base2_exponential_bucket_histogram, MaxScale). */
const MAX_SCALE = 20;

/** Buckets without gaps, the first of which is bucket `offset`, and how many values were 0. Without any, scale and offset are 0. */
export interface ExponentialBuckets {
  scale: number;
  zeroCount: number;
  offset: number;
  counts: number[];
}

/** Starts with the finest buckets and makes them coarser whenever more of them would be needed than there may be. */
export class ExponentialDistribution {
  count = 0;
  sum = 0;
  #zeroCount = 0;
  #scale = MAX_SCALE;
  /** 2^scale: buckets to a doubling. */
  #fineness = 2 ** MAX_SCALE;
  /** The first and the last bucket that ever had a value; none if the first is above the last. */
  #low = 1;
  #high = 0;
  /** Bucket i stands at i modulo its length. Whatever does not lie between the two is 0. */
  readonly #counts: Float64Array;
  readonly #unit: number;

  /** `unit`: what is counted for one of the unit that leaves. */
  constructor(unit: number, maxBuckets: number) {
    this.#unit = unit;
    this.#counts = new Float64Array(maxBuckets);
  }

  add(value: number): void {
    this.count++;
    if (value <= 0) {
      this.#zeroCount++;
      return;
    }
    this.sum += value;
    // the logarithm of a power of 2 is exact, so that it stays in the bucket of which it is the upper bound
    let i = Math.ceil(Math.log2(value / this.#unit) * this.#fineness) - 1;
    if (i < this.#low || i > this.#high) i = this.#reach(i);
    this.#counts[this.#slot(i)]!++;
  }

  buckets(): ExponentialBuckets {
    const counts: number[] = [];
    if (this.#low > this.#high) return { scale: 0, zeroCount: this.#zeroCount, offset: 0, counts };
    for (let i = this.#low; i <= this.#high; i++) counts.push(this.#counts[this.#slot(i)]!);
    return { scale: this.#scale, zeroCount: this.#zeroCount, offset: this.#low, counts };
  }

  /** Takes a bucket in that lies outside; gives what it is called after that. */
  #reach(i: number): number {
    if (this.#low > this.#high) {
      this.#low = i;
      this.#high = i;
      return i;
    }
    const low = Math.min(i, this.#low);
    const high = Math.max(i, this.#high);
    const coarser = coarserBy(low, high, this.#counts.length);
    if (coarser > 0) this.#coarsen(coarser);
    this.#low = low >> coarser;
    this.#high = high >> coarser;
    return i >> coarser;
  }

  #coarsen(by: number): void {
    const fine = this.#counts.slice();
    this.#counts.fill(0);
    for (let i = this.#low; i <= this.#high; i++) this.#counts[this.#slot(i >> by)]! += fine[this.#slot(i)]!;
    this.#scale -= by;
    this.#fineness = 2 ** this.#scale;
  }

  #slot(i: number): number {
    const length = this.#counts.length;
    const rest = i % length;
    return rest < 0 ? rest + length : rest;
  }
}

/** The same counts in buckets that are `by` scales coarser. */
export function coarsen<B extends Readonly<ExponentialBuckets>>(b: B, by: number): B {
  if (by === 0 || b.counts.length === 0) return b;
  const offset = b.offset >> by;
  const counts = new Array<number>(((b.offset + b.counts.length - 1) >> by) - offset + 1).fill(0);
  b.counts.forEach((count, i) => {
    counts[((b.offset + i) >> by) - offset]! += count;
  });
  return { ...b, scale: b.scale - by, offset, counts };
}

/** The sum of two; it has at most `maxBuckets`. */
export function addBuckets(a: ExponentialBuckets, b: ExponentialBuckets, maxBuckets: number): ExponentialBuckets {
  const zeroCount = a.zeroCount + b.zeroCount;
  if (a.counts.length === 0) return { ...b, zeroCount };
  if (b.counts.length === 0) return { ...a, zeroCount };
  const least = Math.min(a.scale, b.scale);
  const low = Math.min(a.offset >> (a.scale - least), b.offset >> (b.scale - least));
  const high = Math.max(lastOf(a) >> (a.scale - least), lastOf(b) >> (b.scale - least));
  const scale = least - coarserBy(low, high, maxBuckets);
  const both = [a, b].map((one) => coarsen(one, one.scale - scale));
  const offset = Math.min(...both.map((one) => one.offset));
  const counts = new Array<number>(Math.max(...both.map(lastOf)) - offset + 1).fill(0);
  for (const one of both) {
    one.counts.forEach((count, i) => {
      counts[one.offset + i - offset]! += count;
    });
  }
  return { scale, zeroCount, offset, counts };
}

const lastOf = ({ offset, counts }: ExponentialBuckets): number => offset + counts.length - 1;

/** By how much the scale must go down for the buckets from `low` to `high` to be few enough. */
function coarserBy(low: number, high: number, maxBuckets: number): number {
  let by = 0;
  while ((high >> by) - (low >> by) >= maxBuckets) by++;
  return by;
}
