/** Frames of AMQP 0-9-1, built by the layouts of its specification. */

import { END, HEAD } from '../../src/protocols/amqp/frame.ts';
import { METHODS } from '../../src/protocols/amqp/methods.ts';
import { type Free, free, type Part } from '../kit/conversation.ts';

export const u8 = (n: number): Buffer => Buffer.of(n);
export const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255);
export function u32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
}
export const u64 = (n: number): Buffer => Buffer.concat([u32(Math.floor(n / 2 ** 32)), u32(n % 2 ** 32)]);
export const short = (s: string): Buffer => Buffer.concat([u8(Buffer.byteLength(s)), Buffer.from(s)]);
export const long = (s: string | Buffer): Buffer =>
  Buffer.concat([u32(Buffer.byteLength(s)), Buffer.from(s as string)]);

/** A field table: texts, numbers, and tables within. */
export function table(fields: Readonly<Record<string, string | number | boolean | null | Buffer>>): Buffer {
  const parts = Object.entries(fields).flatMap(([name, v]) => {
    if (typeof v === 'string') return [short(name), Buffer.from('S'), long(v)];
    if (typeof v === 'number') return [short(name), Buffer.from('l'), u64(v)];
    if (typeof v === 'boolean') return [short(name), Buffer.from('t'), u8(v ? 1 : 0)];
    if (v === null) return [short(name), Buffer.from('V')];
    return [short(name), Buffer.from('F'), v];
  });
  return long(Buffer.concat(parts));
}

export function frame(type: number, channel: number, ...payload: Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  return Buffer.concat([u8(type), u16(channel), u32(body.length), body, u8(END)]);
}

/** The number of a method as an exchange has it for its status. */
export function idOf(name: string): number {
  for (const [id, m] of METHODS) if (m.name === name) return id;
  throw new Error(`no method ${name}`);
}

export const method = (channel: number, name: string, ...args: Buffer[]): Buffer =>
  frame(1, channel, u32(idOf(name)), ...args);

export const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
export const HEARTBEAT = frame(8, 0);
export const USER = 'alice';
export const PASSWORD = 'correct-horse';

export const start = method(
  0,
  'Connection.Start',
  u8(0),
  u8(9),
  table({ product: 'RabbitMQ', capabilities: table({ 'publisher-confirms': true }) }),
  long('AMQPLAIN PLAIN'),
  long('en_US'),
);
export const startOk = method(
  0,
  'Connection.Start-Ok',
  table({ product: 'test' }),
  short('PLAIN'),
  long(`\0${USER}\0${PASSWORD}`),
  short('en_US'),
);
const limits = [u16(2047), u32(131_072), u16(60)];
export const tune = method(0, 'Connection.Tune', ...limits);
export const tuneOk = method(0, 'Connection.Tune-Ok', ...limits);
export const connectionOpen = (vhost: string): Buffer => method(0, 'Connection.Open', short(vhost), short(''), u8(0));
export const connectionOpenOk = method(0, 'Connection.Open-Ok', short(''));
export const channelOpen = (channel: number): Buffer => method(channel, 'Channel.Open', short(''));
export const channelOpenOk = (channel: number): Buffer => method(channel, 'Channel.Open-Ok', u32(0));
export const close = (name: string, channel: number, code: number, reason = '', failing = 0): Buffer =>
  method(channel, `${name}.Close`, u16(code), short(reason), u32(failing));
export const closeOk = (name: string, channel: number): Buffer => method(channel, `${name}.Close-Ok`);

const NO_TABLE = u32(0);
/** Passive, durable, exclusive, auto-delete, no-wait. */
export const queueDeclare = (channel: number, queue: string, noWait = false): Buffer =>
  method(channel, 'Queue.Declare', u16(0), short(queue), u8(2 | (noWait ? 16 : 0)), NO_TABLE);
export const queueDeclareOk = (channel: number, queue: string): Buffer =>
  method(channel, 'Queue.Declare-Ok', short(queue), u32(0), u32(0));
export const exchangeDeclare = (channel: number, exchange: string, type = 'direct'): Buffer =>
  method(channel, 'Exchange.Declare', u16(0), short(exchange), short(type), u8(2), NO_TABLE);
export const queueBind = (channel: number, queue: string, exchange: string, key: string): Buffer =>
  method(channel, 'Queue.Bind', u16(0), short(queue), short(exchange), short(key), u8(0), NO_TABLE);
export const queueUnbind = (channel: number, queue: string, exchange: string, key: string): Buffer =>
  method(channel, 'Queue.Unbind', u16(0), short(queue), short(exchange), short(key), NO_TABLE);
export const queuePurge = (channel: number, queue: string): Buffer =>
  method(channel, 'Queue.Purge', u16(0), short(queue), u8(0));
export const queueDelete = (channel: number, queue: string): Buffer =>
  method(channel, 'Queue.Delete', u16(0), short(queue), u8(0));
export const get = (channel: number, queue: string): Buffer =>
  method(channel, 'Basic.Get', u16(0), short(queue), u8(1));
export const getEmpty = (channel: number): Buffer => method(channel, 'Basic.Get-Empty', short(''));
export const confirmSelect = (channel: number): Buffer => method(channel, 'Confirm.Select', u8(0));

/** Basic.Consume: bits are no-local, no-ack, exclusive, no-wait. */
export const consume = (channel: number, queue: string, tag: string, noAck: boolean): Buffer =>
  method(channel, 'Basic.Consume', u16(0), short(queue), short(tag), u8(noAck ? 2 : 0), NO_TABLE);
export const consumeOk = (channel: number, tag: string): Buffer => method(channel, 'Basic.Consume-Ok', short(tag));

/** Content header and body frames of at most `most` bytes; the bodies' insides are free. */
export function content(channel: number, body: string | Buffer, headers?: Buffer, most = 4096): Part[] {
  const bytes = Buffer.from(body as string);
  const properties = headers === undefined ? [u16(0)] : [u16(0x2480), headers, short('corr-1'), short('id-1')];
  const parts: Part[] = [frame(2, channel, u16(60), u16(0), u64(bytes.length), ...properties)];
  for (let from = 0; from < bytes.length; from += most) {
    const whole = frame(3, channel, bytes.subarray(from, from + most));
    parts.push(whole.subarray(0, HEAD), free(whole.subarray(HEAD)));
  }
  return parts;
}

export const bytesOf = (parts: readonly Part[]): Buffer =>
  Buffer.concat(
    parts.map((p) => (typeof p === 'object' && 'bytes' in p ? (p as Free).bytes : Buffer.from(p as Buffer))),
  );

export const publish = (channel: number, exchange: string, key: string, mandatory = false): Buffer =>
  method(channel, 'Basic.Publish', u16(0), short(exchange), short(key), u8(mandatory ? 1 : 0));
export const deliver = (channel: number, consumer: string, tag: number, exchange: string, key: string): Buffer =>
  method(channel, 'Basic.Deliver', short(consumer), u64(tag), u8(0), short(exchange), short(key));
export const getOk = (channel: number, tag: number, exchange: string, key: string): Buffer =>
  method(channel, 'Basic.Get-Ok', u64(tag), u8(0), short(exchange), short(key), u32(0));
export const returned = (channel: number, exchange: string, key: string): Buffer =>
  method(channel, 'Basic.Return', u16(312), short('NO_ROUTE'), short(exchange), short(key));
export const ack = (channel: number, tag: number, multiple = false): Buffer =>
  method(channel, 'Basic.Ack', u64(tag), u8(multiple ? 1 : 0));
export const nack = (channel: number, tag: number, multiple = false): Buffer =>
  method(channel, 'Basic.Nack', u64(tag), u8(multiple ? 1 : 0));
export const reject = (channel: number, tag: number): Buffer => method(channel, 'Basic.Reject', u64(tag), u8(1));
