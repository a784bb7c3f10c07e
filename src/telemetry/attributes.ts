import type { AttributeSink } from '../exchange/semantics.ts';
import type { ProtobufWriter } from './protobuf.ts';

export type AttributeValue = string | number | boolean | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Characters of an attribute value that are kept: the longest statement that may be configured. */
export const MAX_VALUE_CHARS = 16_384;
const MAX_ARRAY_VALUES = 64;
/** Values of up to this many characters are tried in the short form. */
const MAX_SHORT = 100;
/** A key and a number take less than 128 bytes together. */
const MAX_KEY_BYTES = 100;
/** 512 encoded keys of about 100 bytes are 50 KB. */
const MAX_PREFIXES = 512;

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
  /** By key, what stands in front of a short value: tag, place for a length, the key, and the tag of the AnyValue. */
  readonly #prefixes = new Map<string, Uint8Array>();

  constructor(writer: ProtobufWriter, tag: number) {
    this.#w = writer;
    this.#tag = tag;
  }

  string(key: string, value: string): void {
    if (value.length <= MAX_SHORT && this.#shortString(key, value)) return;
    const kept = bounded(value);
    if (kept.length !== value.length) this.cut++;
    if (!this.#fits(key.length, kept.length)) return;
    const w = this.#w;
    const at = this.#key(key);
    const any = w.open(0x12);
    w.string(0x0a, kept);
    w.close(any);
    w.close(at);
  }

  int(key: string, value: number): void {
    if (!this.#fits(key.length, 8)) return;
    const w = this.#w;
    const from = w.pos;
    w.bytes(this.#prefix(key));
    const length = w.pos++;
    w.byte(0x18); // int_value = 3
    w.varint(value);
    w.buf[length] = w.pos - length - 1;
    w.buf[from + 1] = w.pos - from - 2;
  }

  double(key: string, value: number): void {
    if (!this.#fits(key.length, 8)) return;
    const w = this.#w;
    const from = w.pos;
    w.bytes(this.#prefix(key));
    w.byte(9);
    w.byte(0x21); // double_value = 4
    w.double(value);
    w.buf[from + 1] = w.pos - from - 2;
  }

  boolean(key: string, value: boolean): void {
    if (!this.#fits(key.length, 8)) return;
    const w = this.#w;
    const from = w.pos;
    w.bytes(this.#prefix(key));
    w.byte(2);
    w.byte(0x10); // bool_value = 2
    w.byte(value ? 1 : 0);
    w.buf[from + 1] = w.pos - from - 2;
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

  /** A KeyValue of less than 128 bytes: all its lengths take one byte. False when it does not come out so short. */
  #shortString(key: string, value: string): boolean {
    const w = this.#w;
    const from = w.pos;
    const prefix = this.#prefix(key);
    // what it can take, plus what `write` may need before it is known to be too long
    if (from + prefix.length + 3 * MAX_SHORT + 3 > this.limit) return false;
    const buf = w.buf;
    buf.set(prefix, from);
    const at = from + prefix.length;
    const bytes = buf.write(value, at + 3);
    const length = prefix.length + 1 + bytes; // all behind tag and length: prefix - 2, and 3 in front of the value
    if (length > 127) return false;
    buf[from + 1] = length;
    buf[at] = bytes + 2;
    buf[at + 1] = 0x0a; // string_value = 1
    buf[at + 2] = bytes;
    w.pos = at + 3 + bytes;
    return true;
  }

  /** Keys are constants of the code, at most about 40 characters long; the cut is for those that are not. */
  #prefix(key: string): Uint8Array {
    const known = this.#prefixes.get(key);
    if (known !== undefined) return known;
    const name = Buffer.from(key).subarray(0, MAX_KEY_BYTES);
    const prefix = Uint8Array.from([this.#tag, 0, 0x0a, name.length, ...name, 0x12]);
    if (this.#prefixes.size < MAX_PREFIXES) this.#prefixes.set(key, prefix);
    return prefix;
  }

  #key(key: string): number {
    const w = this.#w;
    const at = w.open(this.#tag);
    const prefix = this.#prefix(key);
    w.bytes(prefix.subarray(2, prefix.length - 1));
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
  /** Values that were shortened, and attributes that would have gone beyond `maxChars`. */
  cut = 0;
  dropped = 0;
  maxChars = Number.POSITIVE_INFINITY;

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

  /** Attributes that are text already. */
  append(attributes: string): void {
    if (this.text.length + attributes.length >= this.maxChars) this.dropped++;
    else this.text += this.text === '' ? attributes : `,${attributes}`;
  }

  #add(key: string, value: string): void {
    this.append(`{"key":${JSON.stringify(key)},"value":${value}}`);
  }
}
