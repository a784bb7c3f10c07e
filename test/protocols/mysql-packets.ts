/** Packets of the MySQL protocol, as clients and servers write them. */

import { deflateSync, zstdCompressSync } from 'node:zlib';

export const PROTOCOL_41 = 1 << 9;
export const WITH_DB = 1 << 3;
export const COMPRESS = 1 << 5;
export const SSL = 1 << 11;
export const SECURE = 1 << 15;
export const LENENC_AUTH = 1 << 21;
export const DEPRECATE_EOF = 1 << 24;
export const ZSTD = 1 << 26;
export const ATTRIBUTES = 1 << 27;

export const MORE_RESULTS = 8;
export const CURSOR = 0x40;
export const STATE_CHANGED = 0x4000;

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

export type Piece = string | number | Buffer;

/** Numbers are single bytes, texts are UTF-8. */
export const bytes = (...pieces: Piece[]): Buffer =>
  Buffer.concat(pieces.map((p) => (typeof p === 'number' ? Buffer.of(p) : Buffer.from(p as string))));

export function u16(n: number): Buffer {
  const b = Buffer.alloc(2);
  b.writeUInt16LE(n);
  return b;
}

export function u24(n: number): Buffer {
  const b = Buffer.alloc(3);
  b.writeUIntLE(n, 0, 3);
  return b;
}

export function u32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(n >>> 0);
  return b;
}

/** A length-encoded integer. */
export function integer(n: number): Buffer {
  if (n < 0xfb) return Buffer.of(n);
  if (n < 0x10000) return bytes(0xfc, u16(n));
  return n < 0x1000000 ? bytes(0xfd, u24(n)) : bytes(0xfe, u32(n), u32(0));
}

export const text = (t: string | Buffer): Buffer => bytes(integer(Buffer.byteLength(t)), t);

const MAX = 0xffffff;

/** A packet, in pieces of 16 MiB where it is longer. */
export function packet(sequence: number, ...pieces: Piece[]): Buffer {
  const payload = bytes(...pieces);
  if (payload.length < MAX) return bytes(u24(payload.length), sequence & 255, payload);
  return Buffer.concat([
    u24(MAX),
    Buffer.of(sequence & 255),
    payload.subarray(0, MAX),
    packet(sequence + 1, payload.subarray(MAX)),
  ]);
}

export const command = (code: number, ...pieces: Piece[]): Buffer => packet(0, code, ...pieces);
export const query = (sql: string): Buffer => command(0x03, sql);

const SCRAMBLE = bytes('abcdefgh');

export function greeting(version: string, flags: number): Buffer {
  return packet(
    0,
    10,
    version,
    0,
    u32(7),
    SCRAMBLE,
    0,
    u16(flags & 0xffff),
    0x21,
    u16(2),
    u16(flags >>> 16),
    21,
    Buffer.alloc(10),
    'ijklmnopqrst',
    0,
    'mysql_native_password',
    0,
  );
}

export function login(user: string, database: string, flags: number, secret: string | Buffer = 'x'.repeat(20)): Buffer {
  const all = flags | PROTOCOL_41 | SECURE | (database === '' ? 0 : WITH_DB);
  const named = database === '' ? '' : `${database}\0`;
  return packet(1, u32(all), u32(1 << 24), 0x21, Buffer.alloc(23), user, 0, text(secret), named, 'plugin', 0);
}

export const sslRequest = (flags: number): Buffer =>
  packet(1, u32(flags | PROTOCOL_41 | SSL), u32(1 << 24), 0x21, Buffer.alloc(23));

export const ok = (sequence: number, status = 2, header = 0, ...more: Piece[]): Buffer =>
  packet(sequence, header, 0, 0, u16(status), u16(0), ...more);
export const eof = (sequence: number, status = 2): Buffer => packet(sequence, 0xfe, u16(0), u16(status));
export const error = (sequence: number, code: number, message = 'no'): Buffer =>
  packet(sequence, 0xff, u16(code), '#42000', message);

/** An OK packet that says which database is chosen now. */
export const chosen = (sequence: number, database: string): Buffer => {
  const change = bytes(1, text(text(database)));
  return ok(sequence, 2 | STATE_CHANGED, 0, text(''), text(change));
};

export const column = (sequence: number, name: string): Buffer =>
  packet(
    sequence,
    text('def'),
    text('shop'),
    text('t'),
    text('t'),
    text(name),
    text(name),
    12,
    hex('3f00 0b000000 03 0350 00 0000'),
  );

export const row = (sequence: number, ...values: string[]): Buffer => packet(sequence, ...values.map(text));
/** A row of the binary protocol. */
export const binaryRow = (sequence: number, ...values: string[]): Buffer =>
  packet(sequence, 0, Buffer.alloc((values.length + 9) >> 3), ...values.map(text));

export interface ResultOptions {
  /** Sequence number of the first packet. */
  readonly from?: number;
  /** Both ends do without EOF. */
  readonly bare?: boolean;
  readonly status?: number;
  readonly binary?: boolean;
}

/** A result set of columns a, b, .. */
export function result(rows: readonly (readonly string[])[], o: ResultOptions = {}): Buffer {
  const columns = rows[0]?.length ?? 1;
  let sequence = o.from ?? 1;
  const out = [packet(sequence++, integer(columns))];
  for (let i = 0; i < columns; i++) out.push(column(sequence++, 'abcdefgh'[i]!));
  if (!o.bare) out.push(eof(sequence++, o.status));
  for (const r of rows) {
    const written = o.binary ? binaryRow(sequence, ...r) : row(sequence, ...r);
    out.push(written);
    sequence += Math.ceil((written.length + 1) / MAX); // one or more packets
  }
  out.push(o.bare ? ok(sequence, o.status, 0xfe) : eof(sequence, o.status));
  return Buffer.concat(out);
}

/** The answer to a prepare. */
export function prepared(id: number, columns: number, parameters: number, bare = false): Buffer {
  let sequence = 1;
  const out = [packet(sequence++, 0, u32(id), u16(columns), u16(parameters), 0, u16(0))];
  for (const n of [parameters, columns]) {
    if (n === 0) continue;
    for (let i = 0; i < n; i++) out.push(column(sequence++, '?'));
    if (!bare) out.push(eof(sequence++));
  }
  return Buffer.concat(out);
}

export const execute = (id: number, ...more: Piece[]): Buffer => command(0x17, u32(id), 0, u32(1), ...more);

/** An outer packet of the compressed protocol. */
export function packed(sequence: number, content: Buffer, how: 'zlib' | 'zstd' | 'stored' = 'zlib'): Buffer {
  if (how === 'stored') return bytes(u24(content.length), sequence & 255, u24(0), content);
  const data = how === 'zlib' ? deflateSync(content) : zstdCompressSync(content);
  return bytes(u24(data.length), sequence & 255, u24(content.length), data);
}
