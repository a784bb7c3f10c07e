/** Kafka's messages as clients and brokers write them, by the protocol's definition; knows nothing of the decoder. */

export const i8 = (n: number): Buffer => Buffer.of(n & 255);
export function i16(n: number): Buffer {
  const b = Buffer.alloc(2);
  b.writeInt16BE(n);
  return b;
}
export function i32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeInt32BE(n);
  return b;
}
export function i64(n: number): Buffer {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(BigInt(n));
  return b;
}
export const uuid = (n: number): Buffer =>
  Buffer.concat([Buffer.from('0f0e0d0c0b0a4908a706050403', 'hex'), i8(1), i16(n)]);

export function unsigned(n: number): Buffer {
  const bytes: number[] = [];
  let left = n;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.of(...bytes, left);
}
export const signed = (n: number): Buffer => unsigned(n < 0 ? -2 * n - 1 : 2 * n);

export const cat = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

/** How texts, bytes and lists are written before KIP-482, and since. */
export interface Form {
  readonly flexible: boolean;
  str(text: string | null): Buffer;
  bytes(b: Buffer | null): Buffer;
  list(items: readonly Buffer[] | null): Buffer;
  /** The end of a structure. */
  readonly end: Buffer;
}

export const old: Form = {
  flexible: false,
  str: (t) => (t === null ? i16(-1) : cat(i16(Buffer.byteLength(t)), Buffer.from(t))),
  bytes: (b) => (b === null ? i32(-1) : cat(i32(b.length), b)),
  list: (items) => (items === null ? i32(-1) : cat(i32(items.length), ...items)),
  end: Buffer.alloc(0),
};

export const flexible: Form = {
  flexible: true,
  str: (t) => (t === null ? unsigned(0) : cat(unsigned(Buffer.byteLength(t) + 1), Buffer.from(t))),
  bytes: (b) => (b === null ? unsigned(0) : cat(unsigned(b.length + 1), b)),
  list: (items) => (items === null ? unsigned(0) : cat(unsigned(items.length + 1), ...items)),
  end: unsigned(0),
};

/** Two tagged fields, as later releases may add them. */
export const tagged = cat(unsigned(2), unsigned(0), unsigned(3), Buffer.from('abc'), unsigned(300), unsigned(0));

const framed = (b: Buffer): Buffer => cat(i32(b.length), b);

export const request = (id: number, api: number, version: number, f: Form, ...body: readonly Buffer[]): Buffer =>
  framed(cat(i16(api), i16(version), i32(id), old.str('app-1'), f.end, ...body));

export const response = (id: number, f: Form, ...body: readonly Buffer[]): Buffer =>
  framed(cat(i32(id), f.end, ...body));

export interface RecordOf {
  readonly key?: string;
  readonly value: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Attributes, timestamp and offset deltas, key, value, headers; its length in front of it. */
function record(r: RecordOf, index: number): Buffer {
  const key = r.key === undefined ? signed(-1) : cat(signed(r.key.length), Buffer.from(r.key));
  const value = Buffer.from(r.value as string);
  const headers = Object.entries(r.headers ?? {});
  const body = cat(
    i8(0),
    signed(300 * index),
    signed(index),
    key,
    signed(value.length),
    value,
    signed(headers.length),
    ...headers.flatMap(([k, v]) => [signed(k.length), Buffer.from(k), signed(v.length), Buffer.from(v)]),
  );
  return cat(signed(body.length), body);
}

/** A record batch (magic 2). `packed`: what stands in it instead of records, and how it is compressed. */
export function batch(records: readonly RecordOf[], packed?: { how: number; bytes: Buffer; count: number }): Buffer {
  const count = packed?.count ?? records.length;
  const rest = cat(
    i32(0), // leader epoch
    i8(2),
    i32(0x12345678), // CRC
    i16(packed?.how ?? 0),
    i32(count - 1),
    i64(1_700_000_000_000),
    i64(1_700_000_000_300),
    i64(-1),
    i16(-1),
    i32(-1),
    i32(count),
    packed?.bytes ?? cat(...records.map(record)),
  );
  return cat(i64(0), i32(rest.length), rest);
}

/** A message of magic 1. */
export function message(value: string, compression = 0): Buffer {
  const rest = cat(
    i32(0x12345678),
    i8(1),
    i8(compression),
    i64(1_700_000_000_000),
    old.bytes(null),
    old.bytes(Buffer.from(value)),
  );
  return cat(i64(0), i32(rest.length), rest);
}

const formOf = (version: number, flexibleFrom: number): Form => (version >= flexibleFrom ? flexible : old);
const since = (version: number, from: number, b: Buffer): Buffer => (version >= from ? b : Buffer.alloc(0));
const until = (version: number, to: number, b: Buffer): Buffer => (version <= to ? b : Buffer.alloc(0));

/** A topic by its name, or by its id. */
export type Topic = string | number;
const topicOf = (f: Form, t: Topic): Buffer => (typeof t === 'string' ? f.str(t) : uuid(t));

export function produce(id: number, version: number, topic: Topic, records: Buffer, acks = -1, partition = 0): Buffer {
  const f = formOf(version, 9);
  const partitions = f.list([cat(i32(partition), f.bytes(records), f.end)]);
  return request(
    id,
    0,
    version,
    f,
    since(version, 3, f.str(null)),
    i16(acks),
    i32(30_000),
    f.list([cat(topicOf(f, topic), partitions, f.end)]),
    f.end,
  );
}

export function produced(id: number, version: number, topic: Topic, error = 0, partition = 0): Buffer {
  const f = formOf(version, 9);
  const p = cat(
    i32(partition),
    i16(error),
    i64(17),
    since(version, 2, i64(-1)),
    since(version, 5, i64(0)),
    since(version, 8, cat(f.list([]), f.str(error === 0 ? null : 'it went wrong'))),
    version >= 10 ? tagged : f.end,
  );
  return response(id, f, f.list([cat(topicOf(f, topic), f.list([p]), f.end)]), since(version, 1, i32(0)), f.end);
}

export interface FetchOf {
  readonly maxWait?: number;
  readonly minBytes?: number;
  readonly epoch?: number;
}

export function fetch(id: number, version: number, topics: readonly Topic[], o: FetchOf = {}): Buffer {
  const f = formOf(version, 12);
  const partition = cat(
    i32(3),
    since(version, 9, i32(-1)),
    i64(42),
    since(version, 12, i32(-1)),
    since(version, 5, i64(-1)),
    i32(1 << 20),
    f.end,
  );
  return request(
    id,
    1,
    version,
    f,
    until(version, 14, i32(-1)),
    i32(o.maxWait ?? 500),
    i32(o.minBytes ?? 1),
    since(version, 3, i32(50 << 20)),
    since(version, 4, i8(0)),
    since(version, 7, cat(i32(o.epoch ? 4711 : 0), i32(o.epoch ?? 0))),
    f.list(topics.map((t) => cat(topicOf(f, t), f.list([partition]), f.end))),
    since(version, 7, f.list([])),
    since(version, 11, f.str('')),
    f.end,
  );
}

export interface Fetched {
  readonly topic: Topic;
  readonly records?: Buffer;
  readonly error?: number;
}

export function fetched(id: number, version: number, topics: readonly Fetched[], error = 0): Buffer {
  const f = formOf(version, 12);
  return response(
    id,
    f,
    since(version, 1, i32(0)),
    since(version, 7, cat(i16(error), i32(4711))),
    f.list(
      topics.map((t) =>
        cat(
          topicOf(f, t.topic),
          f.list([
            cat(
              i32(3),
              i16(t.error ?? 0),
              i64(50),
              since(version, 4, i64(50)),
              since(version, 5, i64(0)),
              since(version, 4, f.list(version % 2 === 0 ? null : [cat(i64(1), i64(2), f.end)])),
              since(version, 11, i32(-1)),
              f.bytes(t.records ?? Buffer.alloc(0)),
              f.end,
            ),
          ]),
          f.end,
        ),
      ),
    ),
    f.end,
  );
}

export const metadata = (id: number, version: number, topics: readonly string[]): Buffer => {
  const f = formOf(version, 9);
  const names = topics.map((t) => cat(since(version, 10, Buffer.alloc(16)), f.str(t), f.end));
  const flags = cat(
    since(version, 4, i8(1)),
    version >= 8 && version <= 10 ? i8(0) : old.end,
    since(version, 8, i8(0)),
  );
  return request(id, 3, version, f, f.list(names), flags, f.end);
};

/** `ids`: of the topics, in version 10 and later. */
export function described(
  id: number,
  version: number,
  topics: readonly string[],
  ids: readonly number[],
  error = 0,
): Buffer {
  const f = formOf(version, 9);
  const broker = cat(i32(1), f.str('broker-1.example'), i32(9092), since(version, 1, f.str(null)), f.end);
  const replicas = f.list([i32(1), i32(2)]);
  const partition = cat(
    i16(0),
    i32(0),
    i32(1),
    since(version, 7, i32(5)),
    replicas,
    replicas,
    since(version, 5, f.list([])),
    f.end,
  );
  const list = topics.map((t, i) =>
    cat(
      i16(error),
      f.str(t),
      since(version, 10, uuid(ids[i] ?? 0)),
      since(version, 1, i8(0)),
      f.list([partition, partition]),
      since(version, 8, i32(-1)),
      f.end,
    ),
  );
  return response(
    id,
    f,
    since(version, 3, i32(0)),
    f.list([broker]),
    since(version, 2, f.str('cluster')),
    since(version, 1, i32(1)),
    f.list(list),
    version >= 8 && version <= 10 ? i32(-1) : old.end,
    since(version, 13, i16(0)),
    f.end,
  );
}

export function commit(id: number, version: number, group: string, topics: readonly Topic[]): Buffer {
  const f = formOf(version, 8);
  const partition = cat(i32(0), i64(99), since(version, 6, i32(-1)), f.str('note'), f.end);
  return request(
    id,
    8,
    version,
    f,
    f.str(group),
    i32(7),
    f.str('member-1'),
    since(version, 7, f.str(null)),
    version <= 4 ? i64(-1) : old.end,
    f.list(topics.map((t) => cat(topicOf(f, t), f.list([partition]), f.end))),
    f.end,
  );
}

export function committed(id: number, version: number, topics: readonly Topic[], error = 0): Buffer {
  const f = formOf(version, 8);
  const partition = cat(i32(0), i16(error), f.end);
  return response(
    id,
    f,
    since(version, 3, i32(0)),
    f.list(topics.map((t) => cat(topicOf(f, t), f.list([partition]), f.end))),
    f.end,
  );
}

export function apiVersions(id: number, version: number): Buffer {
  const f = formOf(version, 3);
  return request(id, 18, version, f, since(version, 3, cat(f.str('apache-kafka-java'), f.str('4.3.0'))), f.end);
}

/** Its header has no tagged fields in any version; what is refused is answered in version 0. */
export function supported(id: number, version: number, error = 0): Buffer {
  const f = formOf(version, 3);
  const keys = Array.from({ length: 20 }, (_, i) => cat(i16(i), i16(0), i16(4), f.end));
  return response(id, old, i16(error), f.list(keys), since(version, 1, i32(0)), f.end);
}
