/** HTTP/2 and HPACK from the sender's side, written for the tests: frames, header blocks and messages of gRPC. */

export type FieldList = readonly (readonly [name: string, value: string])[];

const STATIC: FieldList = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
];
/** Indices of names in the static table that the tests use beyond the first 14. */
const STATIC_NAMES: Readonly<Record<string, number>> = {
  ':authority': 1,
  ':method': 2,
  ':path': 4,
  ':scheme': 6,
  ':status': 8,
  'content-type': 31,
  cookie: 32,
  'user-agent': 58,
};

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const HAS_PRIORITY = 32;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function u32(...values: readonly number[]): Buffer {
  const b = Buffer.alloc(4 * values.length);
  values.forEach((v, i) => {
    b.writeUInt32BE(v >>> 0, 4 * i);
  });
  return b;
}

/** The head of a frame alone, for payloads that are told apart. */
export function frameHead(type: number, flags: number, stream: number, length: number): Buffer {
  const b = Buffer.alloc(9);
  b.writeUIntBE(length, 0, 3);
  b[3] = type;
  b[4] = flags;
  b.writeUInt32BE(stream, 5);
  return b;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([frameHead(type, flags, stream, bytes.length), bytes]);
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value >>> 0, 6 * i + 2);
  });
  return frame(SETTINGS, 0, 0, payload);
}

/** An integer with a prefix of so many bits; `first` holds the bits in front of it (RFC 7541 section 5.1). */
export function integer(value: number, bits: number, first = 0): Buffer {
  const max = 2 ** bits - 1;
  if (value < max) return Buffer.of(first | value);
  const out = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
  return Buffer.from(out);
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** The encoder of one direction. `indexing`: it adds what is not in the tables yet, and refers to it from then on. */
export class Encoder {
  readonly #indexing: boolean;
  /** Newest first. */
  readonly #table: [string, string][] = [];
  #bytes = 0;
  #maxBytes = 4096;

  constructor(indexing = false) {
    this.#indexing = indexing;
  }

  /** Says from the next block on that the table is so large. */
  resize(bytes: number): Buffer {
    this.#maxBytes = bytes;
    this.#evict();
    return integer(bytes, 5, 0x20);
  }

  block(fields: FieldList): Buffer {
    return Buffer.concat(fields.map(([name, value]) => this.field(name, value)));
  }

  field(name: string, value: string): Buffer {
    if (name === 'accept-encoding' && value === 'gzip, deflate') return integer(16, 7, 0x80);
    const fixed = STATIC.findIndex(([n, v]) => n === name && v === value && v !== '');
    if (fixed >= 0) return integer(fixed + 1, 7, 0x80);
    const known = this.#table.findIndex(([n, v]) => n === name && v === value);
    if (known >= 0) return integer(62 + known, 7, 0x80);
    const named = this.#table.findIndex(([n]) => n === name);
    const index = STATIC_NAMES[name] ?? (named < 0 ? 0 : 62 + named);
    const literal = Buffer.concat([index === 0 ? text(name) : Buffer.alloc(0), text(value)]);
    if (!this.#indexing) return Buffer.concat([integer(index, 4), literal]);
    this.#add(name, value);
    return Buffer.concat([integer(index, 6, 0x40), literal]);
  }

  #add(name: string, value: string): void {
    const size = name.length + value.length + 32;
    this.#table.unshift([name, value]);
    this.#bytes += size;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#maxBytes) {
      const [name, value] = this.#table.pop()!;
      this.#bytes -= name.length + value.length + 32;
    }
  }
}

/** One message of gRPC. */
export function message(payload: string | Buffer, flags = 0): Buffer {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([Buffer.of(flags), u32(bytes.length), bytes]);
}
