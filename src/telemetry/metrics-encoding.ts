import { type AttributeValue, JsonAttributes, ProtobufAttributes } from './attributes.ts';
import { type HrTime, nanosText } from './epoch.ts';
import { ProtobufWriter, zigzag } from './protobuf.ts';
import { encodeResource, resourceJson } from './resource.ts';
import { SCHEMA_URL } from './scope.ts';
import {
  type ExponentialHistogramPoint,
  type GaugePoint,
  type HistogramPoint,
  inPieces,
  type Metric,
  type MetricsSnapshot,
  type ResourceMetrics,
  type SumPoint,
} from './snapshot.ts';
import { SCOPE_JSON } from './spans-json.ts';
import { SCHEMA, SCOPE } from './spans-protobuf.ts';

/** AggregationTemporality of metrics.proto. */
const CUMULATIVE = 2;
/** Fields of Metric: gauge = 5, sum = 7, histogram = 9, exponential_histogram = 10. */
const DATA_TAGS = { gauge: 0x2a, sum: 0x3a, histogram: 0x4a, exponentialHistogram: 0x52 } as const;

/**
 * Points in one request. Receivers of gRPC take 4 MiB of a message unless told otherwise: a point of a histogram has about
 * 600 bytes, and 1,000 of them stay below it even if each had attributes of 3 KiB. With more than USUAL_BUCKETS of base 2 to a
 * point there are fewer of them.
 */
export const MAX_POINTS = 1000;
const USUAL_BUCKETS = 160;

/** What to send of a snapshot, request by request. */
export function* metricsRequests(
  snapshot: MetricsSnapshot,
  encoding: 'protobuf' | 'json',
): Generator<{ bytes: Uint8Array; points: number }> {
  let buckets = USUAL_BUCKETS;
  for (const { metrics } of snapshot.resources)
    for (const metric of metrics)
      if (metric.kind === 'exponentialHistogram') buckets = Math.max(buckets, metric.maxBuckets);
  for (const piece of inPieces(snapshot, Math.floor((MAX_POINTS * USUAL_BUCKETS) / buckets))) {
    yield { bytes: encodeMetrics(piece, encoding), points: countPoints(piece) };
  }
}

/**
 * One ExportMetricsServiceRequest for all resources of a snapshot. The stock serializers take one resource at a time and
 * bring the metrics, traces and logs SDKs with them (about 180 ms at start); this writes the same bytes' worth.
 */
export function encodeMetrics(snapshot: MetricsSnapshot, encoding: 'protobuf' | 'json'): Uint8Array {
  return encoding === 'json' ? new TextEncoder().encode(json(snapshot)) : protobuf(snapshot);
}

/** Number of points in a snapshot: what a backend counts as data points. */
export function countPoints(snapshot: MetricsSnapshot): number {
  let points = 0;
  for (const resource of snapshot.resources) for (const metric of resource.metrics) points += metric.points.length;
  return points;
}

function protobuf(snapshot: MetricsSnapshot): Uint8Array {
  const w = new ProtobufWriter(1 << 16);
  for (const resource of snapshot.resources) {
    const encoded = encodeResource(resource.attributes);
    w.room(encoded.length + SCOPE.length + 16);
    const outer = w.openLarge(0x0a); // ExportMetricsServiceRequest.resource_metrics = 1
    w.bytes(encoded);
    const scope = w.openLarge(0x12); // ResourceMetrics.scope_metrics = 2
    w.bytes(SCOPE);
    for (const metric of resource.metrics) writeMetric(w, metric);
    w.room(SCHEMA.length);
    w.bytes(SCHEMA);
    w.closeLarge(scope);
    w.closeLarge(outer);
  }
  return w.take();
}

function writeMetric(w: ProtobufWriter, metric: Metric): void {
  w.room(3 * (metric.name.length + metric.description.length + metric.unit.length) + 64);
  const message = w.openLarge(0x12); // ScopeMetrics.metrics = 2
  w.string(0x0a, metric.name);
  if (metric.description !== '') w.string(0x12, metric.description);
  if (metric.unit !== '') w.string(0x1a, metric.unit);
  const data = w.openLarge(DATA_TAGS[metric.kind]);
  if (metric.kind === 'gauge') for (const point of metric.points) writeGaugePoint(w, point);
  else if (metric.kind === 'sum')
    for (const point of metric.points) writeSumPoint(w, point, metric.fractional === true);
  else if (metric.kind === 'histogram') for (const point of metric.points) writeHistogramPoint(w, metric.bounds, point);
  else for (const point of metric.points) writeExponentialPoint(w, point);
  w.room(16);
  if (metric.kind !== 'gauge') {
    w.byte(0x10); // aggregation_temporality = 2
    w.byte(CUMULATIVE);
  }
  if (metric.kind === 'sum') {
    w.byte(0x18); // is_monotonic = 3
    w.byte(1);
  }
  w.closeLarge(data);
  w.closeLarge(message);
}

function writeSumPoint(w: ProtobufWriter, p: SumPoint, fractional: boolean): void {
  w.room(64);
  const at = w.open(0x0a); // data_points = 1
  writeTimes(w, p.start, p.time);
  if (fractional) {
    w.byte(0x21); // as_double = 4
    w.double(p.value);
  } else {
    w.byte(0x31); // as_int = 6, sfixed64
    w.fixed64(p.value >>> 0, Math.floor(p.value / 4294967296) >>> 0);
  }
  writeAttributes(w, 0x3a, p.attributes); // attributes = 7
  w.close(at);
}

function writeGaugePoint(w: ProtobufWriter, p: GaugePoint): void {
  w.room(64);
  const at = w.open(0x0a); // data_points = 1
  writeTimes(w, p.start, p.time);
  w.byte(0x21); // as_double = 4
  w.double(p.value);
  writeAttributes(w, 0x3a, p.attributes); // attributes = 7
  w.close(at);
}

function writeHistogramPoint(w: ProtobufWriter, bounds: readonly number[], p: HistogramPoint): void {
  w.room(128 + 8 * (p.counts.length + bounds.length));
  const at = w.open(0x0a);
  writeTimes(w, p.start, p.time);
  const count = countOf(p);
  w.byte(0x21); // count = 4, fixed64
  w.fixed64(count >>> 0, Math.floor(count / 4294967296) >>> 0);
  w.byte(0x29); // sum = 5
  w.double(p.sum);
  w.byte(0x32); // bucket_counts = 6, packed fixed64
  w.varint(8 * p.counts.length);
  for (const c of p.counts) w.fixed64(c >>> 0, Math.floor(c / 4294967296) >>> 0);
  w.byte(0x3a); // explicit_bounds = 7, packed double
  w.varint(8 * bounds.length);
  for (const bound of bounds) w.double(bound);
  writeAttributes(w, 0x4a, p.attributes); // attributes = 9
  w.close(at);
}

function writeExponentialPoint(w: ProtobufWriter, p: ExponentialHistogramPoint): void {
  w.room(128 + 8 * p.counts.length);
  const at = w.open(0x0a);
  writeAttributes(w, 0x0a, p.attributes); // attributes = 1
  w.room(128 + 8 * p.counts.length);
  writeTimes(w, p.start, p.time);
  const count = countOf(p);
  w.byte(0x21); // count = 4, fixed64
  w.fixed64(count >>> 0, Math.floor(count / 4294967296) >>> 0);
  w.byte(0x29); // sum = 5
  w.double(p.sum);
  w.byte(0x30); // scale = 6, sint32
  w.varint(zigzag(p.scale));
  w.byte(0x39); // zero_count = 7, fixed64
  w.fixed64(p.zeroCount >>> 0, Math.floor(p.zeroCount / 4294967296) >>> 0);
  const positive = w.open(0x42); // positive = 8
  w.byte(0x08); // offset = 1, sint32
  w.varint(zigzag(p.offset));
  if (p.counts.length > 0) {
    const counts = w.open(0x12); // bucket_counts = 2, packed varints
    for (const c of p.counts) w.varint(c);
    w.close(counts);
  }
  w.close(positive);
  w.close(at);
}

function countOf(p: { readonly counts: readonly number[]; readonly zeroCount?: number }): number {
  let count = p.zeroCount ?? 0;
  for (const c of p.counts) count += c;
  return count;
}

/** start_time_unix_nano = 2, time_unix_nano = 3. */
function writeTimes(w: ProtobufWriter, start: HrTime, time: HrTime): void {
  w.byte(0x11);
  writeNanos(w, start);
  w.byte(0x19);
  writeNanos(w, time);
}

function writeNanos(w: ProtobufWriter, [seconds, nanos]: HrTime): void {
  const all = BigInt.asUintN(64, BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
  w.fixed64(Number(all & 0xffffffffn), Number(all >> 32n));
}

function writeAttributes(w: ProtobufWriter, tag: number, attributes: Readonly<Record<string, AttributeValue>>): void {
  const out = new ProtobufAttributes(w, tag);
  for (const key in attributes) {
    const value = attributes[key]!;
    let chars = 64;
    if (typeof value === 'string') chars += value.length;
    else if (typeof value === 'object') for (const item of value) chars += item.length + 8;
    w.room(3 * (key.length + chars));
    out.put(key, value);
  }
}

function json(snapshot: MetricsSnapshot): string {
  return `{"resourceMetrics":[${snapshot.resources.map(resourceMetricsJson).join(',')}]}`;
}

function resourceMetricsJson(resource: ResourceMetrics): string {
  const metrics = resource.metrics.map(metricJson).join(',');
  const scope = `{"scope":${SCOPE_JSON},"metrics":[${metrics}],"schemaUrl":"${SCHEMA_URL}"}`;
  return `{"resource":${resourceJson(resource.attributes)},"scopeMetrics":[${scope}]}`;
}

function metricJson(metric: Metric): string {
  const { name, description, unit } = metric;
  const head = JSON.stringify({ name, description, unit }).slice(0, -1);
  if (metric.kind === 'gauge') {
    const points = metric.points.map((p) => `{${pointHeadJson(p)},"asDouble":${p.value}}`);
    return `${head},"gauge":{"dataPoints":[${points.join(',')}]}}`;
  }
  if (metric.kind === 'sum') {
    const field = metric.fractional ? 'asDouble' : 'asInt';
    const points = metric.points.map((p) => `{${pointHeadJson(p)},"${field}":${p.value}}`);
    return `${head},"sum":{"aggregationTemporality":${CUMULATIVE},"isMonotonic":true,"dataPoints":[${points.join(',')}]}}`;
  }
  if (metric.kind === 'exponentialHistogram') {
    const points = metric.points.map((p) => {
      const positive = `{"offset":${p.offset},"bucketCounts":[${p.counts.join(',')}]}`;
      return `{${pointHeadJson(p)},"count":${countOf(p)},"sum":${p.sum},"scale":${p.scale},"zeroCount":${p.zeroCount},"positive":${positive}}`;
    });
    return `${head},"exponentialHistogram":{"aggregationTemporality":${CUMULATIVE},"dataPoints":[${points.join(',')}]}}`;
  }
  const bounds = JSON.stringify(metric.bounds);
  const points = metric.points.map((p) => {
    return `{${pointHeadJson(p)},"bucketCounts":[${p.counts.join(',')}],"explicitBounds":${bounds},"count":${countOf(p)},"sum":${p.sum}}`;
  });
  return `${head},"histogram":{"aggregationTemporality":${CUMULATIVE},"dataPoints":[${points.join(',')}]}}`;
}

function pointHeadJson(p: {
  attributes: Readonly<Record<string, AttributeValue>>;
  start: HrTime;
  time: HrTime;
}): string {
  const out = new JsonAttributes();
  for (const [key, value] of Object.entries(p.attributes)) out.put(key, value);
  return (
    `"attributes":[${out.take()}],"startTimeUnixNano":"${nanosText(p.start[0], p.start[1])}"` +
    `,"timeUnixNano":"${nanosText(p.time[0], p.time[1])}"`
  );
}
