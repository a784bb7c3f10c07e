import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_KIND, kindsOf, PRODUCER_KIND } from '../../src/exchange/semantics.ts';
import { amqp } from '../../src/protocols/amqp/index.ts';
import { attributes } from '../kit/attributes.ts';
import { answer, ask, type Conversation, mumble, type Part } from '../kit/conversation.ts';
import { CLIENT } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { conversations, opening } from './amqp-conversations.ts';
import * as a from './amqp-frames.ts';

const { semantics } = amqp;
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const found = (turns: Conversation['turns']) =>
  new Rig().feed(frames({ name: '', turns, expected: [] }, link({ serverPort: 5672 }))).end().found;
const published = (...parts: Part[]) => found([mumble(CLIENT, ...parts)])[0]!.record;

test('trace context stands in the headers, behind tables that are passed over', () => {
  const headers = a.table({
    nested: a.table({ traceparent: 'not this one' }),
    tries: 3,
    urgent: true,
    nothing: null,
    traceparent: TRACEPARENT,
    tracestate: 'k=v',
  });
  const x = published(a.publish(1, 'orders', 'paid'), ...a.content(1, 'body', headers));
  assert.deepEqual([semantics.context(x)?.traceparent, semantics.context(x)?.tracestate], [TRACEPARENT, 'k=v']);
  assert.equal(kindsOf(x), PRODUCER_KIND);
  assert.deepEqual(attributes(x), {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders:paid',
    'server.address': x.ends.serverAddress,
    'server.port': 5672,
    'messaging.rabbitmq.destination.routing_key': 'paid',
    'messaging.message.id': 'id-1',
    'messaging.message.conversation_id': 'corr-1',
    'messaging.message.body.size': 4,
  });
});

test('tables that lie about their lengths are left alone', () => {
  const entry = [a.short('traceparent'), Buffer.from('S'), a.long(TRACEPARENT)];
  for (const lie of [
    Buffer.concat([a.u32(0xffffffff), ...entry]),
    a.long(Buffer.concat([a.short('x'), Buffer.from('S'), a.u32(0x7fffffff), ...entry])),
    a.long(Buffer.concat([a.short('x'), Buffer.from('?'), ...entry])),
    a.long(Buffer.of(200, 1)),
  ]) {
    const x = published(a.publish(1, 'e', 'k'), ...a.content(1, 'body', lie));
    assert.ok([null, TRACEPARENT].includes(semantics.context(x)?.traceparent ?? null));
    assert.equal(semantics.spanName(x, 0, ''), 'publish e:k');
  }
});

test('destinations: the parts that there are, each once, without names made for one connection', () => {
  const name = (exchange: string, key: string): [string, unknown] => {
    const x = published(a.publish(1, exchange, key), ...a.content(1, ''));
    return [semantics.spanName(x, 0, ''), attributes(x)['messaging.destination.temporary']];
  };
  assert.deepEqual(name('orders', 'paid'), ['publish orders:paid', undefined]);
  assert.deepEqual(name('', 'tasks'), ['publish tasks', undefined]);
  assert.deepEqual(name('logs', ''), ['publish logs', undefined]);
  assert.deepEqual(name('same', 'same'), ['publish same', undefined]);
  assert.deepEqual(name('', ''), ['publish amq.default', undefined]);
  assert.deepEqual(name('', 'amq.gen-JzTY20BRgKO-HjmUJj0wLg'), ['publish', true]);
  assert.deepEqual(name('', 'amq.rabbitmq.reply-to.g2dkAB.abc'), ['publish', true]);
  assert.deepEqual(name('replies', '6ba7b810-9dad-11d1-80b4-00c04fd430c8'), ['publish replies', true]);
});

test('methods go by their own names, whatever they speak of', () => {
  const c = conversations[0]!;
  const names = found(c.turns).map(({ record: x }) => [semantics.spanName(x, 0, ''), kindsOf(x) & CLIENT_KIND]);
  assert.ok(names.some(([name]) => name === 'queue.declare'));
  for (const [name] of names) assert.match(name as string, /^([a-z]+\.[a-z-]+|receive paid)$/);
});

test('a greeting’s answer holds the password: nothing of it is kept', () => {
  const said = found([...opening]).flatMap(({ record: x }) => [
    x.target,
    x.statement,
    x.operation,
    JSON.stringify(x.detail),
    JSON.stringify(attributes(x)),
  ]);
  assert.match(said.join(), /\/shop/);
  assert.doesNotMatch(said.join(), new RegExp(`${a.PASSWORD}|${a.USER}`));
});

test('no words of messages are kept', () => {
  const x = published(a.publish(1, 'orders', 'paid'), ...a.content(1, 'card number 4711', a.table({ card: '4711' })));
  assert.doesNotMatch(JSON.stringify([x.target, x.detail, attributes(x)]), /4711/);
});

test('series differ where metrics do', () => {
  const key = (...turns: Conversation['turns']): number =>
    semantics.seriesKey(
      found([...opening, ask(1, a.channelOpen(1)), answer(1, a.channelOpenOk(1)), ...turns]).at(-1)!.record,
    );
  const keys = [
    key(ask(2, a.get(1, 'a')), answer(2, a.getEmpty(1))),
    key(ask(2, a.get(1, 'b')), answer(2, a.getEmpty(1))),
    key(ask(2, a.queuePurge(1, 'a')), answer(2, a.method(1, 'Queue.Purge-Ok', a.u32(0)))),
    key(mumble(CLIENT, a.publish(1, 'a', ''), ...a.content(1, ''))),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(
    key(ask(2, a.queuePurge(1, 'a')), answer(2, a.method(1, 'Queue.Purge-Ok', a.u32(0)))),
    key(ask(2, a.queuePurge(1, 'b')), answer(2, a.method(1, 'Queue.Purge-Ok', a.u32(9)))),
  );
});
