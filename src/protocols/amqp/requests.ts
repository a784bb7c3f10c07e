/** Methods that begin an exchange. Arguments by amqp0-9-1.xml; the two bytes in front of many are a ticket that nobody uses any more. */

import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { TO_CLIENT, type Window } from '../protocol.ts';
import {
  ACKS,
  Channel,
  CONFIRMING,
  Consumer,
  type Destination,
  keyOfMethod,
  keyOfNotice,
  keyOfTag,
  keyOneWay,
  MAX_TAG,
  MAY_ACK,
  NEVER_ACKS,
  NORMAL,
} from './channel.ts';
import { COUNTERS } from './counters.ts';
import { AmqpDetail } from './exchange-detail.ts';
import * as m from './methods.ts';
import { shortEnd } from './properties.ts';
import { expectContent, type Session, type Side } from './session.ts';

/** Without publishes and confirms for so long, nothing is under way: what `exchanges.quiet` is for protocols that go by order. */
const QUIET_NS = 5e9;
/** The bytes that identify an exchange are the first of its method. */
const IDENTIFYING_BYTES = 64;

const NAMES = new Words();

const text = (buf: Buffer, at: number, to: number): string => NAMES.text(buf, at + 1, to);

/** A method that waits for an answer, if its no-wait bit is not set. `at`: its arguments. False: they are not what they must be. */
export function ask(s: Session, side: Side, c: Channel, w: Window, id: number, at: number, to: number): boolean {
  const { buf } = w;
  let named = '';
  let noWait = false;
  let noAck = false;
  let code = 0;
  let consumerTag = '';
  switch (id) {
    case m.CONNECTION_OPEN: {
      const end = shortEnd(buf, at, to);
      if (end > to) return false;
      named = text(buf, at, end);
      break;
    }
    case m.CHANNEL_OPEN:
      s.renew(c);
      c.confirms.mode = NORMAL;
      break;
    case m.CONNECTION_CLOSE:
    case m.CHANNEL_CLOSE: // reply code (2), reply text, class (2), method (2)
      if (shortEnd(buf, at + 2, to) + 4 > to) return false;
      code = buf.readUInt16BE(at);
      break;
    case m.RECOVER:
      giveBack(side, c);
      break;
    case m.QUEUE_DECLARE:
    case m.QUEUE_PURGE:
    case m.QUEUE_DELETE:
    case m.QUEUE_BIND:
    case m.QUEUE_UNBIND:
    case m.EXCHANGE_DECLARE:
    case m.EXCHANGE_DELETE:
    case m.EXCHANGE_BIND:
    case m.EXCHANGE_UNBIND:
    case m.GET:
    case m.CONSUME: {
      const end = shortEnd(buf, at + 2, to);
      if (end > to) return false;
      named = text(buf, at + 2, end);
      const more = NAMES_BEHIND.get(id) ?? 0;
      let bits = end;
      for (let i = 0; i < more; i++) bits = shortEnd(buf, bits, to);
      if (bits > to) return false;
      const flags = bits < to ? buf[bits]! : 0;
      noWait = (flags & (NO_WAIT.get(id) ?? 0)) !== 0;
      if (id === m.GET) noAck = (flags & 1) !== 0;
      if (id === m.CONSUME) {
        noAck = (flags & 2) !== 0;
        consumerTag = text(buf, end, bits);
      }
      break;
    }
    case m.CANCEL: {
      const end = shortEnd(buf, at, to);
      if (end >= to) return false;
      noWait = (buf[end]! & 1) !== 0;
      s.consumers.delete(consumerKey(c, text(buf, at, end)));
      c.consumer = null;
      break;
    }
    case m.CONFIRM_SELECT:
      noWait = at < to && (buf[at]! & 1) !== 0;
      if (c.confirms.mode !== CONFIRMING) {
        const exact = c.confirms.mode === NORMAL; // unknown: it may have been selected before
        c.confirms.reset();
        c.confirms.mode = CONFIRMING;
        c.confirms.exact = exact;
        c.confirms.lastNs = w.timeAt(w.pos);
      }
      break;
  }
  const d = new AmqpDetail();
  d.noAck = noAck;
  d.code = code;
  if (id === m.CONSUME && noWait) addConsumer(s, c, consumerTag, named, noAck);
  const x = begin(side, w, to, noWait ? keyOfNotice(c, side.dir) : keyOfMethod(c), m.METHODS.get(id)!, named, d);
  side.asking = x;
  side.oneWay = noWait;
  if (x === null) return true;
  side.asks.asked(x, AmqpDetail.BYTES + 2 * named.length);
  if (!noWait) wait(c, side, w, x);
  return true;
}

/** Basic.Recover: what was delivered and not acknowledged will be delivered anew, under other tags. */
function giveBack(side: Side, c: Channel): void {
  const list = c.unsettled[TO_CLIENT];
  for (const x of list) if (x.outcome === IN_FLIGHT) side.answers.unanswered(x);
  list.length = 0;
}

/** Names behind the first one, in front of the bits. */
const NAMES_BEHIND = new Map([
  [m.QUEUE_BIND, 2],
  [m.QUEUE_UNBIND, 2],
  [m.EXCHANGE_DECLARE, 1],
  [m.EXCHANGE_BIND, 2],
  [m.EXCHANGE_UNBIND, 2],
  [m.CONSUME, 1],
]);

/** Which of the bits behind the names says that no answer is wanted. */
const NO_WAIT = new Map([
  [m.EXCHANGE_DECLARE, 16],
  [m.EXCHANGE_DELETE, 2],
  [m.EXCHANGE_BIND, 1],
  [m.EXCHANGE_UNBIND, 1],
  [m.QUEUE_DECLARE, 16],
  [m.QUEUE_BIND, 1],
  [m.QUEUE_PURGE, 1],
  [m.QUEUE_DELETE, 4],
  [m.CONSUME, 8],
]);

/** Queues what waits for an answer. An end that waits, as most do, has had its answer when it asks again. */
function wait(c: Channel, side: Side, w: Window, x: Exchange): void {
  const { dir } = side;
  const pending = c.pending[dir];
  Channel.prune(pending);
  const ack = w.ackAt(w.pos);
  if (pending.length > 0) {
    if (((ack - c.askedAck[dir]) | 0) <= 0) c.pipelines[dir] = true;
    else if (c.doubtful[dir]) {
      for (const y of pending) if (y.outcome === IN_FLIGHT) side.asks.truncate(y);
      pending.length = 0;
    }
  }
  c.doubtful[dir] = false;
  c.askedAck[dir] = ack;
  pending.push(x);
}

/** Basic.Publish: ticket (2), exchange, routing key, bits (mandatory 1, immediate 2). */
export function publish(side: Side, c: Channel, w: Window, at: number, to: number): boolean {
  const { buf } = w;
  const exchangeEnd = shortEnd(buf, at + 2, to);
  const keyEnd = shortEnd(buf, exchangeEnd, to);
  if (keyEnd >= to) return false;
  const d = new AmqpDetail();
  d.exchange = text(buf, at + 2, exchangeEnd);
  d.routingKey = text(buf, exchangeEnd, keyEnd);
  d.mandatory = (buf[keyEnd]! & 1) !== 0;
  const confirms = c.confirms;
  if (confirms.mode === CONFIRMING) {
    const nowNs = w.timeAt(w.pos);
    // all that was published is confirmed, and has been for so long that nothing else can be under way
    if (!confirms.exact && confirms.confirmed === confirms.published && nowNs - confirms.lastNs >= QUIET_NS)
      confirms.exact = true;
    confirms.published++;
    confirms.lastNs = nowNs;
    if (confirms.exact && confirms.published <= MAX_TAG) d.deliveryTag = confirms.published;
    else COUNTERS.publishesUnnumbered++;
  }
  message(side, c, w, m.METHODS.get(m.PUBLISH)!, to, d);
  return true;
}

/** Basic.Deliver: consumer tag, delivery tag (8), redelivered (1), exchange, routing key. */
export function deliver(s: Session, side: Side, c: Channel, w: Window, at: number, to: number): boolean {
  const { buf } = w;
  const consumerEnd = shortEnd(buf, at, to);
  const exchangeEnd = shortEnd(buf, consumerEnd + 9, to);
  const keyEnd = shortEnd(buf, exchangeEnd, to);
  if (keyEnd > to) return false;
  const tag = readTag(buf, consumerEnd);
  const consumer = consumerOf(s, c, text(buf, at, consumerEnd));
  consumer.fromTag = tag === consumer.toTag + 1 ? consumer.fromTag : tag;
  consumer.toTag = tag;
  const d = new AmqpDetail();
  d.exchange = text(buf, consumerEnd + 9, exchangeEnd);
  d.routingKey = text(buf, exchangeEnd, keyEnd);
  d.queue = consumer.queue;
  d.noAck = consumer.mode !== ACKS;
  d.deliveryTag = tag;
  message(side, c, w, m.METHODS.get(m.DELIVER)!, to, d);
  return true;
}

/** Basic.Return: reply code (2), reply text, exchange, routing key. The publish that comes back, if it waits for its confirm, failed with that code. */
export function returned(side: Side, c: Channel, w: Window, at: number, to: number): boolean {
  const { buf } = w;
  const exchangeAt = shortEnd(buf, at + 2, to);
  const exchangeEnd = shortEnd(buf, exchangeAt, to);
  const keyEnd = shortEnd(buf, exchangeEnd, to);
  if (keyEnd > to) return false;
  const d = new AmqpDetail();
  d.code = buf.readUInt16BE(at);
  d.exchange = text(buf, exchangeAt, exchangeEnd);
  d.routingKey = text(buf, exchangeEnd, keyEnd);
  for (const x of c.unsettled[1 - side.dir]!) {
    const p = x.detail as AmqpDetail | null;
    if (x.outcome !== IN_FLIGHT || p === null || !p.mandatory || p.code !== 0) continue;
    if (p.exchange !== d.exchange || p.routingKey !== d.routingKey) continue;
    p.code = d.code;
    d.told = true;
    break;
  }
  message(side, c, w, m.METHODS.get(m.RETURN)!, to, d);
  return true;
}

/** A message begins: of a tag if it will be acknowledged, else one-way. */
function message(side: Side, c: Channel, w: Window, method: m.Method, to: number, d: AmqpDetail): void {
  const acknowledged = d.deliveryTag > 0 && d.deliveryTag <= MAX_TAG && !d.noAck;
  const target = destinationOf(c.destinations[side.dir], d);
  const key = acknowledged ? keyOfTag(c, d.deliveryTag) : keyOneWay(c, side.dir);
  const x = begin(side, w, to, key, method, target, d);
  if (x !== null && acknowledged) {
    // what a consumer has to do with it may take longer than any answer; its acknowledgement comes in one piece
    x.streams = side.dir === TO_CLIENT;
    const list = c.unsettled[side.dir];
    Channel.prune(list);
    list.push(x);
  }
  expectContent(c, side, x, false, !acknowledged);
}

/** Connection.Blocked, Basic.Recover-Async and others that nothing answers. */
export function notice(side: Side, c: Channel, w: Window, id: number, to: number): void {
  if (id === m.RECOVER_ASYNC) giveBack(side, c);
  const x = begin(side, w, to, keyOfNotice(c, side.dir), m.METHODS.get(id)!, '', new AmqpDetail());
  side.asking = x;
  side.oneWay = true;
  if (x !== null) side.asks.asked(x, AmqpDetail.BYTES);
}

function begin(
  side: Side,
  w: Window,
  to: number,
  key: number,
  method: m.Method,
  target: string,
  d: AmqpDetail,
): Exchange | null {
  const x = side.asks.begin(key, w, w.pos, Math.min(to, w.pos + IDENTIFYING_BYTES));
  if (x === null) return null;
  x.operation = method.name;
  x.target = target;
  x.detail = d;
  x.requestHeadEnd = w.seqAt(to);
  return x;
}

/** Temporary: queues that the server names, direct replies, and what has a UUID for a name or in it. */
const TEMPORARY = /^amq\.(gen-|rabbitmq\.reply-to)|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

export const isTemporary = (name: string): boolean => TEMPORARY.test(name);

/** `{exchange}:{routing key}:{queue}` of what is there, each word once, without what is temporary. `known` has the last answer. */
export function destinationOf(known: Destination, d: AmqpDetail): string {
  if (
    known.exchange !== d.exchange ||
    known.routingKey !== d.routingKey ||
    known.queue !== d.queue ||
    known.name === ''
  ) {
    known.exchange = d.exchange;
    known.routingKey = d.routingKey;
    known.queue = d.queue;
    const parts = new Set([d.exchange, d.routingKey, d.queue]);
    parts.delete('');
    const lasting = [...parts].filter((p) => !isTemporary(p));
    known.temporary = lasting.length < parts.size;
    known.name = parts.size === 0 ? 'amq.default' : lasting.join(':');
  }
  d.temporary = known.temporary;
  return known.name;
}

const consumerKey = (c: Channel, tag: string): string => `${c.id} ${tag}`;

export function addConsumer(s: Session, c: Channel, tag: string, queue: string, noAck: boolean): void {
  const consumer = new Consumer(tag, queue, noAck ? NEVER_ACKS : ACKS);
  s.consumers.set(consumerKey(c, tag), consumer, 2 * (tag.length + queue.length));
  c.consumer = null;
}

/** What is known of the consumer; of one that was there before, as much as its messages tell. */
function consumerOf(s: Session, c: Channel, tag: string): Consumer {
  if (c.consumer !== null && c.consumer.tag === tag) return c.consumer;
  const key = consumerKey(c, tag);
  let consumer = s.consumers.get(key);
  if (consumer === undefined) {
    consumer = new Consumer(tag, '', MAY_ACK);
    s.consumers.set(key, consumer, 2 * tag.length);
  }
  c.consumer = consumer;
  return consumer;
}

/** Eight bytes, of which large numbers come out inexact, and larger than MAX_TAG. */
export const readTag = (buf: Buffer, at: number): number => buf.readUInt32BE(at) * 2 ** 32 + buf.readUInt32BE(at + 4);
