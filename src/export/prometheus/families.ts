/** Metrics of many resources in the shape of an exposition: one family for each name, the series of all resources beneath it. */
import { addBuckets, type ExponentialBuckets } from '../../telemetry/exponential.ts';
import { SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE } from '../../telemetry/scope.ts';
import { labelName, type MetricKind, metricName } from './names.ts';

type Value = string | number | boolean | readonly string[];
type Attributes = Readonly<Record<string, Value>>;

interface Metric {
  readonly kind: MetricKind;
  readonly name: string;
  readonly description: string;
  readonly unit: string;
}

/** A resource and its metrics; those of a MetricsSnapshot are such. */
export interface Exposed {
  readonly attributes: Readonly<Record<string, string>>;
  readonly metrics: readonly (HistogramMetric | ExponentialMetric | NumberMetric)[];
}

interface HistogramMetric extends Metric {
  readonly kind: 'histogram';
  readonly bounds: readonly number[];
  readonly points: readonly {
    readonly attributes: Attributes;
    readonly counts: readonly number[];
    readonly sum: number;
  }[];
}

interface ExponentialMetric extends Metric {
  readonly kind: 'exponentialHistogram';
  readonly maxBuckets: number;
  readonly points: readonly (ExponentialSample & { readonly attributes: Attributes })[];
}

export interface NumberMetric extends Metric {
  readonly kind: 'sum' | 'gauge';
  readonly points: readonly { readonly attributes: Attributes; readonly value: number }[];
}

export type Sample = number | Distribution | ExponentialSample;

export interface Distribution {
  readonly bounds: readonly number[];
  /** One more than bounds; not cumulative. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Buckets of base 2. */
export interface ExponentialSample extends Readonly<ExponentialBuckets> {
  readonly sum: number;
}

export interface Family {
  /** Without the `_total` of a counter and the `_info` of an info. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info';
  readonly help: string;
  readonly unit: string;
  /** By labels: `a="b",c="d"`, or ''. */
  readonly series: Map<string, Sample>;
}

const TYPES = {
  sum: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  exponentialHistogram: 'histogram',
} as const;

/**
 * `job` and `instance` are the scrape's to give, so a series says in labels of its own which service it is about: the same
 * that Prometheus makes of these attributes when it is told to promote them.
 */
const IDENTITY = [SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE_ID];

const NONE: ReadonlyMap<string, string> = new Map();

/** Series between two pauses. */
const PAUSE_SERIES = 64;

/**
 * Sorts all that is exposed into families, yielding now and then so that whoever drives it can let others go on. What cannot be
 * exposed, because it contradicts something that stands there already, is counted in `conflicts`.
 */
export function* gather(list: readonly Exposed[], counters: { conflicts: number }): Generator<void, Family[]> {
  const targets = new Map<string, Map<string, string>>();
  const families = new Map<string, Family>();
  const target: Family = { name: 'target', type: 'info', help: 'Target metadata', unit: '', series: new Map() };
  let since = 0;
  for (const { attributes, metrics } of list) {
    const identity = labelsOf(only(attributes, IDENTITY));
    // What the agent counts, and the graph that it draws, may come as two resources that are one: they have one line.
    const about = targets.get(labelText(identity)) ?? new Map<string, string>();
    targets.set(labelText(identity), new Map([...labelsOf(attributes), ...about]));
    for (const metric of metrics) {
      const { family: name, unit } = metricName(metric.name, metric.unit, metric.kind);
      const type = TYPES[metric.kind];
      let family = families.get(name);
      if (family === undefined) {
        family = { name, type, help: metric.description, unit, series: new Map() };
        families.set(name, family);
      }
      if (family.type !== type) {
        counters.conflicts += metric.points.length;
        continue;
      }
      for (const point of metric.points) {
        const labels = labelsOf(point.attributes, identity);
        if (type === 'histogram') labels.delete('le');
        const maxBuckets = metric.kind === 'exponentialHistogram' ? metric.maxBuckets : 0;
        if (!put(family, labelText(labels), sampleOf(metric, point), maxBuckets)) counters.conflicts++;
        if (++since % PAUSE_SERIES === 0) yield;
      }
    }
  }
  for (const labels of targets.values()) target.series.set(labelText(labels), 1);
  return target.series.size === 0 ? [...families.values()] : [target, ...families.values()];
}

function sampleOf(metric: Exposed['metrics'][number], point: (typeof metric)['points'][number]): Sample {
  if ('value' in point) return point.value;
  const { counts, sum } = point;
  return 'scale' in point ? point : { bounds: (metric as HistogramMetric).bounds, counts, sum };
}

/** Under which name the samples stand. */
export function sampleName({ name, type }: Family): string {
  if (type === 'counter') return `${name}_total`;
  return type === 'info' ? `${name}_info` : name;
}

const NO_BOUNDS: readonly number[] = [];

/** What is left of it where there is no place for its buckets: how many values, and their sum. */
export function withoutBuckets({ zeroCount, counts, sum }: ExponentialSample): Distribution {
  return { bounds: NO_BOUNDS, counts: [counts.reduce((a, b) => a + b, zeroCount)], sum };
}

/**
 * Series that have become equal are one, with the sum of both, as far as there is one: gauges have none, and histograms must have
 * the same buckets.
 */
function put({ type, series }: Family, labels: string, sample: Sample, maxBuckets: number): boolean {
  const seen = series.get(labels);
  if (seen === undefined) {
    series.set(labels, sample);
    return true;
  }
  if (typeof seen === 'number' || typeof sample === 'number') {
    if (type !== 'counter' || typeof seen !== typeof sample) return false;
    series.set(labels, (seen as number) + (sample as number));
    return true;
  }
  if ('scale' in seen || 'scale' in sample) {
    if (!('scale' in seen && 'scale' in sample)) return false;
    series.set(labels, { ...addBuckets(seen, sample, maxBuckets), sum: seen.sum + sample.sum });
    return true;
  }
  if (seen.bounds.join() !== sample.bounds.join()) return false;
  series.set(labels, {
    bounds: seen.bounds,
    counts: seen.counts.map((count, i) => count + (sample.counts[i] ?? 0)),
    sum: seen.sum + sample.sum,
  });
  return true;
}

function only(attributes: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.filter((key) => attributes[key] !== undefined).map((key) => [key, attributes[key]!]));
}

/**
 * The labels of some attributes, on top of others, which they replace. A label without a value is none. Keys that become one
 * label are joined in it (the specification's `;`).
 */
function labelsOf(attributes: Attributes, over: ReadonlyMap<string, string> = NONE): Map<string, string> {
  const labels = new Map(over);
  for (const key in attributes) {
    const value = attributes[key]!;
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (text === '') continue;
    const name = labelName(key);
    const before = labels.get(name);
    labels.set(name, before === undefined || before === over.get(name) ? text : `${before};${text}`);
  }
  return labels;
}

const SPECIAL = /[\\"\n]/g;
const SPECIAL_OR_HALF = /[\\"\n\ud800-\udfff]/;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** Quotes, backslashes and line feeds behind a backslash (both formats); halves of surrogate pairs as U+FFFD, as they leave. */
export function escaped(text: string): string {
  if (!SPECIAL_OR_HALF.test(text)) return text;
  return text.toWellFormed().replace(SPECIAL, (c) => ESCAPED[c]!);
}

function labelText(labels: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [name, value] of labels) text += `${text === '' ? '' : ','}${name}="${escaped(value)}"`;
  return text;
}
