/** The properties of a message in its content header (AMQP 0-9-1 section 4.2.6.1), of which trace context and identifiers are taken. */

import { MessageContext } from '../../exchange/messaging.ts';
import type { AmqpDetail } from './exchange-detail.ts';

/** Property flags, from the highest bit on in the order in which the properties stand. */
const CONTENT_TYPE = 1 << 15;
const CONTENT_ENCODING = 1 << 14;
const HEADERS = 1 << 13;
const DELIVERY_MODE = 1 << 12;
const PRIORITY = 1 << 11;
const CORRELATION_ID = 1 << 10;
const REPLY_TO = 1 << 9;
const EXPIRATION = 1 << 8;
const MESSAGE_ID = 1 << 7;
/** Another two bytes of flags follow: nobody uses them. */
const MORE_FLAGS = 1;

/** Bytes of a field's value by its type, as RabbitMQ reads them; -4: four bytes of length stand in front. */
const VALUE_BYTES = new Map<number, number>([
  ...[...'tbB'].map((c): [number, number] => [c.charCodeAt(0), 1]),
  ...[...'sUu'].map((c): [number, number] => [c.charCodeAt(0), 2]),
  ...[...'Iif'].map((c): [number, number] => [c.charCodeAt(0), 4]),
  ...[...'LldT'].map((c): [number, number] => [c.charCodeAt(0), 8]),
  ...[...'SxAF'].map((c): [number, number] => [c.charCodeAt(0), -4]),
  ['D'.charCodeAt(0), 5],
  ['V'.charCodeAt(0), 0],
]);
const LONG_STRING = 'S'.charCodeAt(0);
const BYTE_ARRAY = 'x'.charCodeAt(0);

/** Lengths of the names of headers with trace context, as bits: b3, sw8, tracestate, traceparent, uber-trace-id. */
const NAME_LENGTHS = (1 << 2) | (1 << 3) | (1 << 10) | (1 << 11) | (1 << 13);
const MAX_NAME = 13;
const MAX_VALUE = 512;

/** Reads the flags at `from` and the properties behind them, as far as they are in front of `to`. */
export function readProperties(buf: Buffer, from: number, to: number, d: AmqpDetail): void {
  if (from + 2 > to) return;
  const flags = buf.readUInt16BE(from);
  if ((flags & MORE_FLAGS) !== 0) return;
  let at = from + 2;
  if ((flags & CONTENT_TYPE) !== 0) at = shortEnd(buf, at, to);
  if ((flags & CONTENT_ENCODING) !== 0) at = shortEnd(buf, at, to);
  if ((flags & HEADERS) !== 0) {
    if (at + 4 > to) return;
    const end = at + 4 + buf.readUInt32BE(at);
    d.context = contextIn(buf, at + 4, Math.min(end, to));
    at = end;
  }
  if ((flags & DELIVERY_MODE) !== 0) at++;
  if ((flags & PRIORITY) !== 0) at++;
  if ((flags & CORRELATION_ID) !== 0) {
    const end = shortEnd(buf, at, to);
    if (end > to) return;
    d.correlationId = buf.toString('utf8', at + 1, end);
    at = end;
  }
  if ((flags & REPLY_TO) !== 0) at = shortEnd(buf, at, to);
  if ((flags & EXPIRATION) !== 0) at = shortEnd(buf, at, to);
  if ((flags & MESSAGE_ID) !== 0) {
    const end = shortEnd(buf, at, to);
    if (end <= to) d.messageId = buf.toString('utf8', at + 1, end);
  }
}

/** Index behind the short string (length (1), text) at `at`; more than `to` when it is not all there. */
export const shortEnd = (buf: Buffer, at: number, to: number): number => (at < to ? at + 1 + buf[at]! : to + 1);

/**
 * Trace context in the field table `buf[from, to)`: name (short string), type (1), value. Tables and arrays within it are passed over
 * by their length.
 */
function contextIn(buf: Buffer, from: number, to: number): MessageContext | null {
  let found: MessageContext | null = null;
  for (let at = from; at < to; ) {
    const nameEnd = shortEnd(buf, at, to);
    if (nameEnd >= to) break;
    const type = buf[nameEnd]!;
    let bytes = VALUE_BYTES.get(type);
    let value = nameEnd + 1;
    if (bytes === undefined) break;
    if (bytes === -4) {
      if (value + 4 > to) break;
      bytes = buf.readUInt32BE(value);
      value += 4;
    }
    const end = value + bytes;
    if (end > to) break;
    const n = nameEnd - at - 1;
    const wanted = n <= MAX_NAME && ((NAME_LENGTHS >> n) & 1) === 1 && bytes <= MAX_VALUE;
    if (wanted && (type === LONG_STRING || type === BYTE_ARRAY)) {
      found ??= new MessageContext();
      found.take(buf.toString('latin1', at + 1, nameEnd), buf.toString('latin1', value, end));
    }
    at = end;
  }
  return found === null || found.isEmpty ? null : found;
}
