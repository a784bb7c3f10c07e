/** Messages of the MongoDB wire protocol as drivers and servers word them. */

import { deflateSync, zstdCompressSync } from 'node:zlib';
import { BSON } from 'mongodb';

export type Doc = Record<string, unknown>;

export const bson = (doc: Doc): Buffer => Buffer.from(BSON.serialize(doc));
export const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);
export const long = (n: number | string): BSON.Long => BSON.Long.fromString(String(n));

export function int32(...numbers: number[]): Buffer {
  const b = Buffer.alloc(4 * numbers.length);
  numbers.forEach((n, i) => {
    b.writeInt32LE(n | 0, 4 * i);
  });
  return b;
}

/** messageLength, requestID, responseTo, opCode. */
export function message(id: number, responseTo: number, opcode: number, ...body: Buffer[]): Buffer {
  const length = body.reduce((n, b) => n + b.length, 16);
  return Buffer.concat([int32(length, id, responseTo, opcode), ...body]);
}

export const CHECKSUM = 1;
export const MORE_TO_COME = 2;
export const EXHAUST_ALLOWED = 1 << 16;

/** Section of kind 1. */
export function sequence(name: string, docs: readonly Doc[]): Buffer {
  const body = Buffer.concat([cstring(name), ...docs.map(bson)]);
  return Buffer.concat([Buffer.of(1), int32(4 + body.length), body]);
}

export const body = (doc: Doc): Buffer => Buffer.concat([Buffer.of(0), bson(doc)]);

/** OP_MSG of sections; a checksum (of any value: nobody reads it) where the flags say so. */
export function sections(id: number, responseTo: number, flags: number, ...parts: Buffer[]): Buffer {
  const checksum = (flags & CHECKSUM) === 0 ? Buffer.alloc(0) : int32(0x1badb002);
  return message(id, responseTo, 2013, int32(flags), ...parts, checksum);
}

/** A command to the database `shop`, as drivers send it. */
export const command = (id: number, doc: Doc, flags = 0, ...more: Buffer[]): Buffer =>
  sections(id, 0, flags, body({ ...doc, lsid: { id: new BSON.UUID('5'.repeat(32)) }, $db: 'shop' }), ...more);

let replies = 900;

/** The answer to request `to`; its own id comes from the server's count unless it is given. */
export const reply = (to: number, doc: Doc, flags = 0, id = ++replies): Buffer => sections(id, to, flags, body(doc));

export const ok = (to: number, doc: Doc = {}): Buffer => reply(to, { ...doc, ok: 1 });
export const failed = (to: number, code: number, codeName: string): Buffer =>
  reply(to, { ok: 0, errmsg: `it is not so: ${'long '.repeat(9)}`, code, codeName });

export const cursor = (batch: readonly Doc[], id: number | string = 0, name = 'firstBatch'): Doc => ({
  cursor: { [name]: batch, id: long(id), ns: 'shop.orders' },
});

/** Legacy operations. */
export const query = (id: number, collection: string, doc: Doc, flags = 0): Buffer =>
  message(id, 0, 2004, int32(flags), cstring(collection), int32(0, -1), bson(doc));
export const insert = (id: number, collection: string, ...docs: Doc[]): Buffer =>
  message(id, 0, 2002, int32(0), cstring(collection), ...docs.map(bson));
export const update = (id: number, collection: string, selector: Doc, change: Doc): Buffer =>
  message(id, 0, 2001, int32(0), cstring(collection), int32(0), bson(selector), bson(change));
export const remove = (id: number, collection: string, selector: Doc): Buffer =>
  message(id, 0, 2006, int32(0), cstring(collection), int32(0), bson(selector));
export const getMore = (id: number, collection: string, cursorId: number): Buffer =>
  message(id, 0, 2005, int32(0), cstring(collection), int32(100, cursorId, 0));
export const killCursors = (id: number, ...cursors: number[]): Buffer =>
  message(id, 0, 2007, int32(0, cursors.length), ...cursors.map((c) => int32(c, 0)));

export const legacyReply = (
  to: number,
  docs: readonly Doc[],
  o: { flags?: number; cursor?: number; id?: number } = {},
) => message(o.id ?? ++replies, to, 1, int32(o.flags ?? 8, o.cursor ?? 0, 0, 0, docs.length), ...docs.map(bson));

/** OP_COMMAND and its reply, between servers and shells of releases 3.2 to 4.0. */
export const internalCommand = (id: number, database: string, name: string, args: Doc, metadata: Doc): Buffer =>
  message(id, 0, 2010, cstring(database), cstring(name), bson(metadata), bson(args));
export const internalReply = (to: number, metadata: Doc, doc: Doc): Buffer =>
  message(++replies, to, 2011, bson(metadata), bson(doc));

/** Snappy's format without any copies: a varint with the length, then one literal. */
export function snappyLiteral(raw: Buffer): Buffer {
  const length: number[] = [];
  for (let n = raw.length; ; n >>>= 7) {
    length.push(n < 128 ? n : (n & 127) | 128);
    if (n < 128) break;
  }
  const more = raw.length - 1;
  const tag = more < 60 ? [more << 2] : [61 << 2, more & 255, more >>> 8];
  return Buffer.concat([Buffer.from(length), Buffer.from(tag), raw]);
}

export const COMPRESSORS: Record<string, readonly [number, (raw: Buffer) => Buffer]> = {
  noop: [0, (raw) => raw],
  snappy: [1, snappyLiteral],
  zlib: [2, (raw) => deflateSync(raw)],
  zstd: [3, (raw) => zstdCompressSync(raw)],
  unknown: [7, (raw) => deflateSync(raw)],
};

/** OP_COMPRESSED around a message. */
export function compressed(plain: Buffer, compressor: keyof typeof COMPRESSORS): Buffer {
  const [id, pack] = COMPRESSORS[compressor]!;
  const raw = plain.subarray(16);
  const head = Buffer.concat([int32(plain.readInt32LE(12), raw.length), Buffer.of(id)]);
  return message(plain.readInt32LE(4), plain.readInt32LE(8), 2012, head, pack(raw));
}
