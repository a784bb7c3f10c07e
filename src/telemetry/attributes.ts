import type { AttributeSink } from '../exchange/semantics.ts';
import type { ProtobufWriter } from './protobuf.ts';

export type AttributeValue = string | number | boolean | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Characters of an attribute value that are kept. A request target may be as long as the longest head a decoder takes. */
export const MAX_VALUE_CHARS = 4096;
const MAX_ARRAY_VALUES = 64;

/** The beginning of a value that is too long, without half of a surrogate pair at its end. */
export function bounded(value: string): string {
  if (value.length <= MAX_VALUE_CHARS) return value;
  const last = value.charCodeAt(MAX_VALUE_CHARS - 1);
  return value.slice(0, last >= 0xd800 && last < 0xdc00 ? MAX_VALUE_CHARS - 1 : MAX_VALUE_CHARS);
}

/**
 * Encodes attributes as `KeyValue { key = 1; AnyValue value = 2 }` (opentelemetry/proto/common/v1/common.proto), each
 * under the tag of the message around them.
 */
export class ProtobufAttributes implements AttributeSink {
  /** Attributes that did not fit before `limit`, and values that were shortened. */
  dropped = 0;
  cut = 0;
  /** No attribute is written beyond this position. */
  limit = Number.POSITIVE_INFINITY;
  readonly #w: ProtobufWriter;
  readonly #tag: number;

  constructor(writer: ProtobufWriter, tag: number) {
    this.#w = writer;
    this.#tag = tag;
  }

  string(key: string, value: string): void {
    const w = this.#w;
    const k = key.length;
    const v = value.length;
    if (k + v <= 121) {
      // KeyValue of k + v + 6 bytes: 0x0a k key 0x12 (v + 2) [ AnyValue: 0x0a v value ], all lengths in one byte
      const from = w.pos;
      if (from + 128 > this.limit) {
        this.dropped++;
        return;
      }
      const buf = w.buf;
      buf[from] = this.#tag;
      buf[from + 1] = k + v + 6;
      buf[from + 2] = 0x0a;
      buf[from + 3] = k;
      w.pos = from + 4;
      if (w.ascii(key)) {
        buf[w.pos] = 0x12;
        buf[w.pos + 1] = v + 2;
        buf[w.pos + 2] = 0x0a;
        buf[w.pos + 3] = v;
        w.pos += 4;
        if (w.ascii(value)) return;
      }
      w.pos = from;
    }
    const kept = bounded(value);
    if (kept.length !== v) this.cut++;
    if (!this.#fits(k, kept.length)) return;
    const at = this.#key(key);
    const any = w.open(0x12);
    w.string(0x0a, kept);
    w.close(any);
    w.close(at);
  }

  int(key: string, value: number): void {
    if (!this.#fits(key.length, 8)) return;
    const w = this.#w;
    const at = this.#key(key);
    w.byte(0x12);
    const length = w.pos++;
    w.byte(0x18); // int_value = 3
    w.varint(value);
    w.buf[length] = w.pos - length - 1;
    w.close(at);
  }

  double(key: string, value: number): void {
    if (!this.#fits(key.length, 8)) return;
    const w = this.#w;
    const at = this.#key(key);
    w.byte(0x12);
    w.byte(9);
    w.byte(0x21); // double_value = 4
    w.double(value);
    w.close(at);
  }

  boolean(key: string, value: boolean): void {
    if (!this.#fits(key.length, 8)) return;
    const w = this.#w;
    const at = this.#key(key);
    w.byte(0x12);
    w.byte(2);
    w.byte(0x10); // bool_value = 2
    w.byte(value ? 1 : 0);
    w.close(at);
  }

  strings(key: string, values: readonly string[]): void {
    const count = Math.min(values.length, MAX_ARRAY_VALUES);
    let chars = 0;
    for (let i = 0; i < count; i++) chars += Math.min(values[i]!.length, MAX_VALUE_CHARS) + 4;
    if (count < values.length) this.cut++;
    if (!this.#fits(key.length, chars)) return;
    const w = this.#w;
    const at = this.#key(key);
    const any = w.open(0x12);
    const array = w.open(0x2a); // array_value = 5, ArrayValue { values = 1 }
    for (let i = 0; i < count; i++) {
      const kept = bounded(values[i]!);
      if (kept.length !== values[i]!.length) this.cut++;
      const item = w.open(0x0a);
      w.string(0x0a, kept);
      w.close(item);
    }
    w.close(array);
    w.close(any);
    w.close(at);
  }

  /** Any of the above, for values of a record. An integer goes as int. */
  put(key: string, value: AttributeValue): void {
    if (typeof value === 'string') this.string(key, value);
    else if (typeof value === 'boolean') this.boolean(key, value);
    else if (typeof value !== 'number') this.strings(key, value);
    else if (Number.isSafeInteger(value)) this.int(key, value);
    else this.double(key, value);
  }

  /** Three bytes of UTF-8 for a character at most, and 32 for tags and padded lengths. */
  #fits(keyChars: number, valueChars: number): boolean {
    if (this.#w.pos + 3 * (keyChars + valueChars) + 32 <= this.limit) return true;
    this.dropped++;
    return false;
  }

  #key(key: string): number {
    const at = this.#w.open(this.#tag);
    this.#w.string(0x0a, key);
    return at;
  }
}

/** Collects attributes into a plain record, for metric series. */
export class CollectedAttributes implements AttributeSink {
  record: Record<string, AttributeValue> = {};

  string(key: string, value: string): void {
    this.record[key] = bounded(value);
  }
  int(key: string, value: number): void {
    this.record[key] = value;
  }
  double(key: string, value: number): void {
    this.record[key] = value;
  }
  boolean(key: string, value: boolean): void {
    this.record[key] = value;
  }
  strings(key: string, values: readonly string[]): void {
    this.record[key] = values.slice(0, MAX_ARRAY_VALUES).map(bounded);
  }

  /** The record with its keys in order; equal attributes give equal JSON. Starts anew. */
  take(): Record<string, AttributeValue> {
    const sorted: Record<string, AttributeValue> = {};
    for (const key of Object.keys(this.record).sort()) sorted[key] = this.record[key]!;
    this.record = {};
    return sorted;
  }
}

/** Attributes as OTLP JSON has them: `[{"key":...,"value":{"stringValue":...}}]` without the brackets. */
export class JsonAttributes implements AttributeSink {
  text = '';
  cut = 0;

  string(key: string, value: string): void {
    const kept = bounded(value);
    if (kept.length !== value.length) this.cut++;
    this.#add(key, `{"stringValue":${JSON.stringify(kept)}}`);
  }
  int(key: string, value: number): void {
    this.#add(key, `{"intValue":${value}}`);
  }
  double(key: string, value: number): void {
    this.#add(key, `{"doubleValue":${value}}`);
  }
  boolean(key: string, value: boolean): void {
    this.#add(key, `{"boolValue":${value}}`);
  }
  strings(key: string, values: readonly string[]): void {
    const items = values.slice(0, MAX_ARRAY_VALUES).map((v) => `{"stringValue":${JSON.stringify(bounded(v))}}`);
    if (items.length < values.length) this.cut++;
    this.#add(key, `{"arrayValue":{"values":[${items.join(',')}]}}`);
  }
  put(key: string, value: AttributeValue): void {
    if (typeof value === 'string') this.string(key, value);
    else if (typeof value === 'boolean') this.boolean(key, value);
    else if (typeof value !== 'number') this.strings(key, value);
    else if (Number.isSafeInteger(value)) this.int(key, value);
    else this.double(key, value);
  }

  take(): string {
    const text = this.text;
    this.text = '';
    return text;
  }

  #add(key: string, value: string): void {
    this.text += `${this.text === '' ? '' : ','}{"key":${JSON.stringify(key)},"value":${value}}`;
  }
}
