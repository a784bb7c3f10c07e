/** Methods that end an exchange: answers, acknowledgements, and what breaks channels and connections off. */

import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { TO_CLIENT, type Window } from '../protocol.ts';
import { ACKS, type Channel, CONFIRMING, MAY_ACK, tagOf } from './channel.ts';
import { COUNTERS } from './counters.ts';
import * as m from './methods.ts';
import { shortEnd } from './properties.ts';
import { addConsumer, readTag } from './requests.ts';
import { detailOf, expectContent, type Session, type Side } from './session.ts';

/** Key of what nobody asked. */
const NOBODY = -1;
const SUCCESS = 200;

/** A method that answers another one. `at`: its arguments. False: they are not what they must be. */
export function answer(s: Session, side: Side, c: Channel, w: Window, id: number, at: number, to: number): boolean {
  const { buf } = w;
  const x = take(s, side, c, w, m.METHODS.get(id)!.request);
  if (x !== null) x.status = id;
  switch (id) {
    case m.CHANNEL_OPEN_OK:
      if (x === null) s.renew(c);
      return true;
    case m.CHANNEL_CLOSE_OK:
    case m.CONNECTION_CLOSE_OK:
      side.ending = c;
      side.final = true;
      return true;
    case m.CONSUME_OK: {
      const end = shortEnd(buf, at, to);
      if (end > to) return false;
      if (x === null || x.detail === null) return true;
      addConsumer(s, c, buf.toString('utf8', at + 1, end), x.target, detailOf(x).noAck);
      return true;
    }
    case m.QUEUE_DECLARE_OK: {
      const end = shortEnd(buf, at, to);
      if (end > to) return false;
      if (x !== null && x.target === '' && x.detail !== null) x.target = buf.toString('utf8', at + 1, end);
      return true;
    }
    case m.GET_OK: {
      // delivery tag (8), redelivered (1), exchange, routing key, message count (4)
      const exchangeEnd = shortEnd(buf, at + 9, to);
      const keyEnd = shortEnd(buf, exchangeEnd, to);
      if (keyEnd > to) return false;
      if (x !== null) {
        const d = detailOf(x);
        d.exchange = buf.toString('utf8', at + 10, exchangeEnd);
        d.routingKey = buf.toString('utf8', exchangeEnd + 1, keyEnd);
        d.deliveryTag = readTag(buf, at);
        side.answering.pop(); // it ends with the message
      }
      expectContent(c, side, x, true, false);
      return true;
    }
  }
  return true;
}

/** The oldest request of that name that waits on the channel has its answer now. Null: there is none. */
function take(s: Session, side: Side, c: Channel, w: Window, request: string): Exchange | null {
  const asker = side.dir === TO_CLIENT ? 0 : 1;
  const pending = c.pending[asker];
  if (c.doubtful[asker] && s.knowsMore(side, w)) {
    for (const x of pending) if (x.outcome === IN_FLIGHT) side.answers.truncate(x);
    pending.length = 0;
  }
  const i = pending.findIndex((x) => x.operation === request && x.outcome === IN_FLIGHT);
  const x = side.answers.answer(i < 0 ? NOBODY : pending[i]!.key, w, w.pos);
  if (x === null) return null;
  pending.splice(i, 1);
  c.doubtful[asker] = false;
  side.answering.push(x);
  return x;
}

/**
 * Basic.Ack: delivery tag (8), multiple (1). Basic.Nack: delivery tag, bits (multiple 1, requeue 2). Basic.Reject: delivery tag, requeue.
 * From the client they settle what was delivered, from the server what was published. Multiple: all up to that tag; 0: all.
 */
export function settle(s: Session, side: Side, c: Channel, w: Window, id: number, at: number, to: number): boolean {
  if (at + 9 > to) return false;
  const tag = readTag(w.buf, at);
  const multiple = id !== m.REJECT && (w.buf[at + 8]! & 1) !== 0;
  const asker = side.dir === TO_CLIENT ? 0 : 1;
  if (asker === 0) confirm(side, c, w, tag);
  else if (c.consumer !== null && c.consumer.mode === MAY_ACK && c.consumer.fromTag <= tag && tag <= c.consumer.toTag)
    c.consumer.mode = ACKS;
  const list = c.unsettled[asker];
  if (!multiple) {
    const i = list.findIndex((x) => tagOf(x) === tag);
    if (i >= 0 && settled(s, side, c, w, list[i]!, id)) list.splice(i, 1);
    return true;
  }
  let kept = 0;
  for (const x of list) {
    const theirs = tag === 0 || tagOf(x) <= tag;
    if (theirs && x.key <= c.doubtfulKey[asker] && tagOf(x) !== tag) side.answers.truncate(x);
    else if (!theirs || !settled(s, side, c, w, x, id)) list[kept++] = x;
  }
  list.length = kept;
  return true;
}

/** Keeps the numbering of publishes right. A number that was not given yet: more was published than was seen. */
function confirm(side: Side, c: Channel, w: Window, tag: number): void {
  const f = c.confirms;
  if (f.mode !== CONFIRMING) {
    f.mode = CONFIRMING;
    f.exact = false;
    f.published = 0;
    f.confirmed = 0;
  }
  if (tag > f.published) {
    if (f.exact) astray(side, c);
    f.published = tag;
  }
  f.confirmed = Math.max(f.confirmed, tag);
  f.lastNs = w.timeAt(w.pos);
}

function astray(side: Side, c: Channel): void {
  COUNTERS.confirmsAstray++;
  c.confirms.exact = false;
  for (const x of c.unsettled[0]) if (x.outcome === IN_FLIGHT) side.answers.truncate(x);
  c.unsettled[0].length = 0;
}

/** False: it is under way still. */
function settled(s: Session, side: Side, c: Channel, w: Window, x: Exchange, id: number): boolean {
  if (x.outcome !== IN_FLIGHT) return true;
  const asker = side.dir === TO_CLIENT ? 0 : 1;
  if (x.key <= c.doubtfulKey[asker] && s.knowsMore(side, w)) {
    side.answers.truncate(x);
    return true;
  }
  if (side.answers.answer(x.key, w, w.pos) !== x) return false;
  const d = detailOf(x);
  x.status = d.code === 0 ? id : d.code;
  x.failed = id !== m.ACK || d.code !== 0;
  side.answering.push(x);
  return true;
}

/**
 * Channel.Close, Connection.Close: reply code (2), reply text, class (2), method (2). With the code of an error it answers the method
 * that it names, and nothing else that is under way gets an answer. Its arguments are known to be there.
 */
export function close(s: Session, side: Side, c: Channel, w: Window, at: number, to: number): void {
  const { buf } = w;
  const textEnd = shortEnd(buf, at + 2, to);
  const code = buf.readUInt16BE(at);
  if (code === SUCCESS) return;
  side.ending = c;
  side.final = false;
  const id = buf.readUInt32BE(textEnd);
  const x = failed(s, side, c, id);
  if (x !== null && side.answers.answer(x.key, w, w.pos) === x) {
    x.status = code;
    x.failed = true;
    side.answering.push(x);
    if (side.asking !== null) detailOf(side.asking).told = true;
  }
  c.closeCode = code;
}

/** The one request in flight that the method `id` can stand for; null if there is none or more than one. */
function failed(s: Session, side: Side, c: Channel, id: number): Exchange | null {
  const asker = side.dir === TO_CLIENT ? 0 : 1;
  const method = m.METHODS.get(id);
  if (method === undefined) return null;
  let found: Exchange | null = null;
  for (const channel of c.id === 0 ? s.channels.values() : [c]) {
    for (const x of id === m.PUBLISH ? channel.unsettled[asker] : channel.pending[asker]) {
      if (x.operation !== method.name || x.outcome !== IN_FLIGHT) continue;
      if (found !== null) return null;
      found = x;
    }
  }
  return found;
}
