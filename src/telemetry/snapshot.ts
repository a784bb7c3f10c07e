import type { Attributes } from './attributes.ts';
import type { HrTime } from './epoch.ts';
import { addBuckets, type ExponentialBuckets } from './exponential.ts';

/** Cumulative metrics as they stand, as plain data that can be sent between threads. */
export interface MetricsSnapshot {
  resources: ResourceMetrics[];
}

export interface ResourceMetrics {
  attributes: Readonly<Record<string, string>>;
  metrics: Metric[];
}

export type Metric = HistogramMetric | ExponentialHistogramMetric | SumMetric | GaugeMetric;

interface MetricHead {
  name: string;
  description: string;
  unit: string;
}

export interface HistogramMetric extends MetricHead {
  kind: 'histogram';
  /** Upper bounds, ascending, in `unit`. */
  bounds: readonly number[];
  points: HistogramPoint[];
}

/** Buckets of base 2, at most `maxBuckets` in a point. */
export interface ExponentialHistogramMetric extends MetricHead {
  kind: 'exponentialHistogram';
  maxBuckets: number;
  points: ExponentialHistogramPoint[];
}

/** A monotonic sum, of whole numbers unless it is `fractional`. */
export interface SumMetric extends MetricHead {
  kind: 'sum';
  fractional?: true;
  points: SumPoint[];
}

/** A share of something. */
export interface GaugeMetric extends MetricHead {
  kind: 'gauge';
  points: GaugePoint[];
}

export interface PointHead {
  attributes: Attributes;
  start: HrTime;
  time: HrTime;
}

export interface HistogramPoint extends PointHead {
  /** One more than bounds. */
  counts: number[];
  sum: number;
}

export interface ExponentialHistogramPoint extends PointHead, ExponentialBuckets {
  sum: number;
}

export interface SumPoint extends PointHead {
  value: number;
}

/** `value` is `part / whole`; both are there so that those of several shards can be put together. */
export interface GaugePoint extends PointHead {
  value: number;
  part: number;
  /** Above 0. */
  whole: number;
}

type Point = HistogramPoint | ExponentialHistogramPoint | SumPoint | GaugePoint;

/**
 * Adds up the snapshots of several shards: equal resource, metric and attributes become one point, from the earliest
 * start to the latest time. The snapshots given must not be used afterwards.
 */
export function mergeSnapshots(list: readonly MetricsSnapshot[]): MetricsSnapshot {
  if (list.length === 1) return list[0]!;
  const resources = new Map<string, ResourceMetrics>();
  const metrics = new Map<string, Metric>();
  const points = new Map<string, Point>();
  for (const snapshot of list) {
    for (const resource of snapshot.resources) {
      const resourceKey = JSON.stringify(resource.attributes);
      const target = entry(resources, resourceKey, () => ({ attributes: resource.attributes, metrics: [] }));
      for (const metric of resource.metrics) {
        const metricKey = `${resourceKey}|${metric.name}`;
        const into = entry(metrics, metricKey, () => {
          const empty = { ...metric, points: [] };
          target.metrics.push(empty);
          return empty;
        });
        for (const point of metric.points) {
          const pointKey = `${metricKey}|${JSON.stringify(point.attributes)}`;
          const seen = points.get(pointKey);
          if (seen !== undefined) {
            add(seen, point, metric.kind === 'exponentialHistogram' ? metric.maxBuckets : 0);
          } else {
            points.set(pointKey, point);
            (into.points as Point[]).push(point);
          }
        }
      }
    }
  }
  return { resources: [...resources.values()] };
}

/** The same points in snapshots of at most `maxPoints` each, in their order; a metric may lie in several of them. */
export function* inPieces(snapshot: MetricsSnapshot, maxPoints: number): Generator<MetricsSnapshot> {
  let resources: ResourceMetrics[] = [];
  let room = maxPoints;
  for (const resource of snapshot.resources) {
    let metrics: Metric[] = [];
    for (const metric of resource.metrics) {
      for (let at = 0; at < metric.points.length; ) {
        const points = metric.points.slice(at, at + room);
        metrics.push({ ...metric, points } as Metric);
        at += points.length;
        room -= points.length;
        if (room > 0) continue;
        yield { resources: [...resources, { ...resource, metrics }] };
        resources = [];
        metrics = [];
        room = maxPoints;
      }
    }
    if (metrics.length > 0) resources.push({ ...resource, metrics });
  }
  if (resources.length > 0) yield { resources };
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function add(into: Point, from: Point, maxBuckets: number): void {
  if (before(from.start, into.start)) into.start = from.start;
  if (before(into.time, from.time)) into.time = from.time;
  if ('whole' in into) {
    if (!('whole' in from)) return;
    into.part += from.part;
    into.whole += from.whole;
    into.value = into.part / into.whole;
  } else if ('value' in into) {
    if ('value' in from) into.value += from.value;
  } else if ('scale' in into) {
    if (!('scale' in from)) return;
    into.sum += from.sum;
    Object.assign(into, addBuckets(into, from, maxBuckets));
  } else if ('counts' in from) {
    into.sum += from.sum;
    for (let i = 0; i < into.counts.length; i++) into.counts[i]! += from.counts[i] ?? 0;
  }
}

function before(a: HrTime, b: HrTime): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
