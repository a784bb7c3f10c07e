/** Reads OTLP protobuf requests into plain objects, to compare what different writers wrote. Fields at their default are left out. */

type Scalar = 'string' | 'hex' | 'varint' | 'bool' | 'fixed32' | 'fixed64' | 'double';
interface Field {
  name: string;
  type: Scalar | (() => Schema);
  repeated?: boolean;
}
type Schema = Record<number, Field>;

const one = (name: string, type: Field['type']): Field => ({ name, type });
const many = (name: string, type: Field['type']): Field => ({ name, type, repeated: true });

const ARRAY: Schema = { 1: many('values', () => ANY_VALUE) };
const ANY_VALUE: Schema = {
  1: one('stringValue', 'string'),
  2: one('boolValue', 'bool'),
  3: one('intValue', 'varint'),
  4: one('doubleValue', 'double'),
  5: one('arrayValue', () => ARRAY),
};
const KEY_VALUE: Schema = { 1: one('key', 'string'), 2: one('value', () => ANY_VALUE) };
const attributes = many('attributes', () => KEY_VALUE);
const RESOURCE: Schema = { 1: attributes, 2: one('droppedAttributesCount', 'varint') };
const SCOPE: Schema = { 1: one('name', 'string'), 2: one('version', 'string') };
const STATUS: Schema = { 2: one('message', 'string'), 3: one('code', 'varint') };
const SPAN: Schema = {
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  3: one('traceState', 'string'),
  4: one('parentSpanId', 'hex'),
  5: one('name', 'string'),
  6: one('kind', 'varint'),
  7: one('startTimeUnixNano', 'fixed64'),
  8: one('endTimeUnixNano', 'fixed64'),
  9: attributes,
  10: one('droppedAttributesCount', 'varint'),
  12: one('droppedEventsCount', 'varint'),
  14: one('droppedLinksCount', 'varint'),
  15: one('status', () => STATUS),
  16: one('flags', 'fixed32'),
};
const SCOPE_SPANS: Schema = {
  1: one('scope', () => SCOPE),
  2: many('spans', () => SPAN),
  3: one('schemaUrl', 'string'),
};
const RESOURCE_SPANS: Schema = { 1: one('resource', () => RESOURCE), 2: many('scopeSpans', () => SCOPE_SPANS) };
const TRACES: Schema = { 1: many('resourceSpans', () => RESOURCE_SPANS) };

const NUMBER_POINT: Schema = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('asDouble', 'double'),
  6: one('asInt', 'fixed64'),
  7: attributes,
};
const HISTOGRAM_POINT: Schema = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: many('bucketCounts', 'fixed64'),
  7: many('explicitBounds', 'double'),
  9: attributes,
};
const BUCKETS: Schema = { 1: one('offset', 'varint'), 2: many('bucketCounts', 'varint') };
const EXPONENTIAL_POINT: Schema = {
  1: attributes,
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: one('scale', 'varint'),
  7: one('zeroCount', 'fixed64'),
  8: one('positive', () => BUCKETS),
  9: one('negative', () => BUCKETS),
};
const EXPONENTIAL: Schema = {
  1: many('dataPoints', () => EXPONENTIAL_POINT),
  2: one('aggregationTemporality', 'varint'),
};
const SUM: Schema = {
  1: many('dataPoints', () => NUMBER_POINT),
  2: one('aggregationTemporality', 'varint'),
  3: one('isMonotonic', 'bool'),
};
const GAUGE: Schema = { 1: many('dataPoints', () => NUMBER_POINT) };
const HISTOGRAM: Schema = { 1: many('dataPoints', () => HISTOGRAM_POINT), 2: one('aggregationTemporality', 'varint') };
const METRIC: Schema = {
  1: one('name', 'string'),
  2: one('description', 'string'),
  3: one('unit', 'string'),
  5: one('gauge', () => GAUGE),
  7: one('sum', () => SUM),
  9: one('histogram', () => HISTOGRAM),
  10: one('exponentialHistogram', () => EXPONENTIAL),
};
const SCOPE_METRICS: Schema = {
  1: one('scope', () => SCOPE),
  2: many('metrics', () => METRIC),
  3: one('schemaUrl', 'string'),
};
const RESOURCE_METRICS: Schema = { 1: one('resource', () => RESOURCE), 2: many('scopeMetrics', () => SCOPE_METRICS) };
const METRICS: Schema = { 1: many('resourceMetrics', () => RESOURCE_METRICS) };

export interface Any {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: number;
  doubleValue?: number;
  arrayValue?: { values: Any[] };
}
export interface ReadSpan {
  traceId: string;
  spanId: string;
  traceState?: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: { key: string; value: Any }[];
  droppedAttributesCount?: number;
  status?: { code?: number };
  flags: number;
}
export interface ReadTraces {
  resourceSpans: {
    resource: { attributes: { key: string; value: Any }[] };
    scopeSpans: { scope: { name: string; version: string }; spans: ReadSpan[]; schemaUrl: string }[];
  }[];
}

export const readTraces = (bytes: Uint8Array): ReadTraces => message(bytes, TRACES) as unknown as ReadTraces;
export const readMetrics = (bytes: Uint8Array): Record<string, unknown> => message(bytes, METRICS);

/** All spans of some batches, with the service they were filed under and their attributes as a record. */
export function spansOf(batches: readonly { bytes: Uint8Array }[]): (ReadSpan & {
  service: string;
  is: Record<string, unknown>;
})[] {
  return batches.flatMap((b) =>
    (readTraces(b.bytes).resourceSpans ?? []).flatMap((r) =>
      r.scopeSpans.flatMap((s) =>
        s.spans.map((span) => ({
          ...span,
          service: r.resource.attributes.find((a) => a.key === 'service.name')!.value.stringValue!,
          is: Object.fromEntries((span.attributes ?? []).map((a) => [a.key, Object.values(a.value)[0]])),
        })),
      ),
    ),
  );
}

function message(bytes: Uint8Array, schema: Schema): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let pos = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[pos++];
      if (byte === undefined || shift > 63n) throw new Error('bad varint');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
  };
  const scalar = (type: Scalar, wireType: number): unknown => {
    if (wireType === 0) {
      const value = varint();
      return type === 'bool' ? value !== 0n : Number(BigInt.asIntN(64, value));
    }
    pos += wireType === 1 ? 8 : 4;
    if (type === 'double') return view.getFloat64(pos - 8, true);
    return type === 'fixed64' ? String(view.getBigUint64(pos - 8, true)) : view.getUint32(pos - 4, true);
  };
  while (pos < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    const field = schema[tag >>> 3];
    let values: unknown[];
    if (wireType === 2) {
      const length = Number(varint());
      const part = bytes.subarray(pos, pos + length);
      if (part.length !== length) throw new Error('a nested message goes beyond its end');
      pos += length;
      if (field === undefined) throw new Error(`unknown field ${tag >>> 3}`);
      if (typeof field.type === 'function') values = [message(part, field.type())];
      else if (field.type === 'string') values = [new TextDecoder('utf-8', { fatal: true }).decode(part)];
      else if (field.type === 'hex') values = [Buffer.from(part).toString('hex')];
      else {
        values = []; // packed
        const end = pos;
        for (pos -= length; pos < end; ) values.push(scalar(field.type, field.type === 'varint' ? 0 : 1));
      }
    } else {
      if (field === undefined) throw new Error(`unknown field ${tag >>> 3}`);
      values = [scalar(field.type as Scalar, wireType)];
    }
    if (field.repeated) {
      out[field.name] = [...((out[field.name] as unknown[] | undefined) ?? []), ...values];
    } else if (values[0] !== 0 && values[0] !== '') {
      out[field.name] = values[0];
    } else if (schema === ANY_VALUE) {
      out[field.name] = values[0]; // a value may be 0 or ''
    }
  }
  return out;
}
