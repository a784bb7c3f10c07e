/**
 * Families as protobuf: io.prometheus.client.MetricFamily (prometheus/client_model, metrics.proto), each behind its length. Of the
 * formats that Prometheus reads the only one that can hold histograms with buckets of base 2, which it calls native.
 */
import { coarsen } from '../../telemetry/exponential.ts';
import { ProtobufWriter, varintBytes, zigzag } from '../../telemetry/protobuf.ts';
import { type Distribution, type ExponentialSample, type Family, type Sample, sampleName } from './families.ts';

/** The finest buckets of Prometheus, which calls their scale a schema. */
const MAX_SCHEMA = 8;

/** Values of MetricType. */
const TYPES = { counter: 0, gauge: 1, info: 1, histogram: 4 } as const;
/** Fields of Metric by type: gauge = 2, counter = 3, histogram = 7. */
const TAGS = { counter: 0x1a, gauge: 0x12, info: 0x12, histogram: 0x3a } as const;

/** Series between two pauses. */
const PAUSE_SERIES = 64;

/** One piece for each family, and null wherever others may have their turn. */
export function* protobufExposition(families: readonly Family[]): Generator<Buffer | null> {
  const w = new ProtobufWriter(1 << 16);
  for (const family of families) {
    const { type, unit } = family;
    const name = sampleName(family);
    w.room(3 * (name.length + family.help.length + unit.length) + 64);
    w.string(0x0a, name);
    if (family.help !== '') w.string(0x12, family.help);
    w.byte(0x18); // type = 3
    w.byte(TYPES[type]);
    let since = 0;
    for (const [labels, sample] of family.series) {
      const metric = w.open(0x22); // metric = 4
      writeLabels(w, labels);
      const value = w.open(TAGS[type]);
      writeSample(w, sample);
      w.close(value);
      w.close(metric);
      if (++since % PAUSE_SERIES === 0) yield null;
    }
    w.room(3 * unit.length + 8);
    if (unit !== '') w.string(0x2a, unit); // unit = 5
    const message = w.take();
    const length = new ProtobufWriter(varintBytes(message.length));
    length.varint(message.length);
    yield Buffer.concat([length.take(), message]);
  }
}

const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Labels as `families` holds them: `a="b",c="d"`. */
function writeLabels(w: ProtobufWriter, labels: string): void {
  w.room(3 * labels.length + 64);
  for (const [, name, value] of labels.matchAll(LABEL)) {
    const text = value!.replaceAll(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    w.room(3 * (name!.length + text.length) + 64);
    const label = w.open(0x0a); // label = 1
    w.string(0x0a, name!);
    w.string(0x12, text);
    w.close(label);
  }
}

function writeSample(w: ProtobufWriter, sample: Sample): void {
  w.room(64);
  if (typeof sample !== 'number') {
    if ('scale' in sample) writeNative(w, sample);
    else writeClassic(w, sample);
    return;
  }
  w.byte(0x09); // value = 1
  w.double(sample);
}

function writeClassic(w: ProtobufWriter, { bounds, counts, sum }: Distribution): void {
  w.room(32 + 32 * counts.length);
  let count = 0;
  for (let i = 0; i < counts.length; i++) {
    count += counts[i]!;
    const bucket = w.open(0x1a); // bucket = 3
    w.byte(0x08); // cumulative_count = 1
    w.varint(count);
    w.byte(0x11); // upper_bound = 2
    w.double(bounds[i] ?? Number.POSITIVE_INFINITY);
    w.close(bucket);
  }
  writeTotals(w, count, sum);
}

/** Bucket i of OpenTelemetry ends where bucket i + 1 of Prometheus does; counts are told as differences from bucket to bucket. */
function writeNative(w: ProtobufWriter, sample: ExponentialSample): void {
  const { scale, zeroCount, offset, counts } = coarsen(sample, Math.max(0, sample.scale - MAX_SCHEMA));
  w.room(128 + 10 * counts.length);
  writeTotals(
    w,
    counts.reduce((a, b) => a + b, zeroCount),
    sample.sum,
  );
  w.byte(0x28); // schema = 5, sint32
  w.varint(zigzag(scale));
  w.byte(0x31); // zero_threshold = 6
  w.double(0);
  w.byte(0x38); // zero_count = 7
  w.varint(zeroCount);
  const span = w.open(0x62); // positive_span = 12: without one it would be taken for a classic histogram
  w.byte(0x08); // offset = 1, sint32
  w.varint(zigzag(counts.length === 0 ? 0 : offset + 1));
  w.byte(0x10); // length = 2
  w.varint(counts.length);
  w.close(span);
  const deltas = w.open(0x6a); // positive_delta = 13, packed sint64
  let before = 0;
  for (const count of counts) {
    const delta = count - before;
    w.varint(delta < 0 ? -2 * delta - 1 : 2 * delta);
    before = count;
  }
  w.close(deltas);
}

function writeTotals(w: ProtobufWriter, count: number, sum: number): void {
  w.byte(0x08); // sample_count = 1
  w.varint(count);
  w.byte(0x11); // sample_sum = 2
  w.double(sum);
}
