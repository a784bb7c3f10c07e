/** What the kit's conversations cannot say: deliveries and other things that the server asks, acknowledgements of many messages at once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, IN_FLIGHT, LOST, ONE_WAY, RESET } from '../../src/exchange/exchange.ts';
import { CONSUMER_KIND, kindsOf, SERVER_KIND } from '../../src/exchange/semantics.ts';
import { Channel, MAX_CHANNELS } from '../../src/protocols/amqp/channel.ts';
import { COUNTERS } from '../../src/protocols/amqp/counters.ts';
import { amqp } from '../../src/protocols/amqp/index.ts';
import { type Conversation, mumble, type Part, pause, type Turn } from '../kit/conversation.ts';
import { CLIENT, type Frame, isData, SERVER } from '../kit/frame.ts';
import { type Found, Rig } from '../kit/run.ts';
import { type Delivery, frames, link, pieces, whole } from '../kit/wire.ts';
import { opening } from './amqp-conversations.ts';
import * as a from './amqp-frames.ts';

const { semantics } = amqp;

const client = (...parts: Part[]): Turn => mumble(CLIENT, ...parts);
const server = (...parts: Part[]): Turn => mumble(SERVER, ...parts);
const message = (channel: number, exchange: string, key: string, body = 'body', mandatory = false): Part[] => [
  a.publish(channel, exchange, key, mandatory),
  ...a.content(channel, body),
];
const delivery = (channel: number, consumer: string, tag: number, body = 'body'): Part[] => [
  a.deliver(channel, consumer, tag, 'orders', 'paid'),
  ...a.content(channel, body),
];
const opened = (channel: number): Turn[] => [client(a.channelOpen(channel)), server(a.channelOpenOk(channel))];
const confirming = (channel: number): Turn[] => [
  ...opened(channel),
  client(a.confirmSelect(channel)),
  server(a.method(channel, 'Confirm.Select-Ok')),
];
const consuming = (channel: number, tag: string, noAck: boolean): Turn[] => [
  client(a.consume(channel, 'paid-queue', '', noAck)),
  server(a.consumeOk(channel, tag)),
];

/** Messages only, by the time of their beginning. `keep`: which frames were captured. */
function found(
  turns: readonly Turn[],
  how: { delivery?: Delivery; keep?: (data: Frame, n: number) => boolean } = {},
): Found[] {
  const c: Conversation = { name: '', turns: [...opening, ...turns], expected: [] };
  let n = -1;
  const all = frames(c, link({ serverPort: 5672 }), how.delivery ?? whole).filter((f) => {
    if (!isData(f)) return true;
    n++;
    return how.keep?.(f, n - opening.length) ?? true;
  });
  const rig = new Rig().feed(all).wait(1).end();
  return rig.found
    .filter((f) => /^Basic\.(Publish|Deliver|Return)$/.test(f.operation))
    .sort((x, y) => x.startNs - y.startNs);
}
const told = (list: readonly Found[]) => list.map((f) => [f.target, semantics.status(f.record), f.outcome]);

test('a delivery lasts until it is acknowledged, whatever the order', () => {
  const list = found([
    ...opened(1),
    ...consuming(1, 'c1', false),
    server(...delivery(1, 'c1', 1)),
    server(...delivery(1, 'c1', 2)),
    server(...delivery(1, 'c1', 3)),
    client(a.ack(1, 2)),
    client(a.nack(1, 1)),
    client(a.reject(1, 3)),
  ]);
  const target = 'orders:paid:paid-queue';
  assert.deepEqual(told(list), [
    [target, 'Nack', COMPLETE],
    [target, 'Ack', COMPLETE],
    [target, 'Reject', COMPLETE],
  ]);
  assert.deepEqual(
    list.map(({ record: x }) => [x.ends.fromServer, kindsOf(x), semantics.errorType(x, 1), x.endNs > x.requestEndNs]),
    ['nack', '', 'reject'].map((error) => [true, CONSUMER_KIND, error, true]),
  );
});

test('work on a message may take longer than any answer', () => {
  const list = found([
    ...opened(1),
    ...consuming(1, 'c1', false),
    server(...delivery(1, 'c1', 1)),
    pause(200_000),
    client(a.HEARTBEAT),
    pause(50_000),
    client(a.ack(1, 1)),
  ]);
  assert.deepEqual(told(list), [['orders:paid:paid-queue', 'Ack', COMPLETE]]);
});

test('what is over is forgotten, also behind something that never ends', () => {
  const [waits, over] = found([client(...message(1, 'q', '1')), client(...message(1, 'q', '2'))]).map((f) => f.record);
  waits!.outcome = IN_FLIGHT;
  const list = [waits!];
  for (let n = 0; n < 100_000; n++) {
    Channel.prune(list);
    list.push(over!);
  }
  assert.ok(list.length <= 2048 && list[0] === waits, `${list.length} kept`);
});

test('what is recovered is delivered anew', () => {
  const list = found([
    ...opened(1),
    ...consuming(1, 'c1', false),
    server(...delivery(1, 'c1', 1)),
    client(a.method(1, 'Basic.Recover', a.u8(1))),
    server(a.method(1, 'Basic.Recover-Ok')),
    server(...delivery(1, 'c1', 2)),
    client(a.ack(1, 2, true)),
  ]);
  assert.deepEqual(
    told(list).map(([, , outcome]) => outcome),
    [ONE_WAY, COMPLETE],
  );
});

test('one acknowledgement for many messages', () => {
  for (const d of [whole, pieces(5)]) {
    const list = found(
      [
        ...opened(1),
        ...consuming(1, 'c1', false),
        ...[1, 2, 3, 4, 5].map((tag) => server(...delivery(1, 'c1', tag))),
        client(a.ack(1, 3, true)),
        client(a.nack(1, 0, true)),
      ],
      { delivery: d },
    );
    assert.deepEqual(
      told(list).map(([, status]) => status),
      ['Ack', 'Ack', 'Ack', 'Nack', 'Nack'],
    );
    assert.equal(new Set(list.map((f) => f.endNs)).size, 2);
    assert.ok(list.every((f) => f.responseBytes === a.ack(1, 1).length));
  }
});

test('one confirm for many publishes, by channel', () => {
  const list = found([
    ...confirming(1),
    ...confirming(2),
    ...[1, 2, 3].map((i) => client(...message(1, 'one', `${i}`))),
    client(...message(2, 'two', '1')),
    server(a.ack(1, 2, true)),
    server(a.nack(2, 1, true)),
    server(a.ack(1, 3)),
  ]);
  assert.deepEqual(told(list), [
    ['one:1', 'Ack', COMPLETE],
    ['one:2', 'Ack', COMPLETE],
    ['one:3', 'Ack', COMPLETE],
    ['two:1', 'Nack', COMPLETE],
  ]);
});

test('a consumer that acknowledges nothing: its deliveries are one-way', () => {
  const list = found([...opened(1), ...consuming(1, 'c1', true), server(...delivery(1, 'c1', 1))]);
  assert.deepEqual(told(list), [['orders:paid:paid-queue', null, ONE_WAY]]);
});

test('a consumer that was there before shows by its first acknowledgement what it is', () => {
  const list = found([
    server(...delivery(3, 'old', 70)),
    server(...delivery(3, 'old', 71)),
    client(a.ack(3, 71)),
    server(...delivery(3, 'old', 72)),
    client(a.ack(3, 72)),
    server(...delivery(3, 'other', 73)),
  ]);
  assert.deepEqual(told(list), [
    ['orders:paid', null, ONE_WAY],
    ['orders:paid', null, ONE_WAY],
    ['orders:paid', 'Ack', COMPLETE],
    ['orders:paid', null, ONE_WAY],
  ]);
});

test('without confirms a publish is one-way; a message that comes back has its own record, with the code', () => {
  const list = found([
    ...opened(1),
    client(...message(1, 'orders', 'nowhere', 'm', true)),
    server(a.returned(1, 'orders', 'nowhere'), ...a.content(1, 'm')),
  ]);
  assert.deepEqual(told(list), [
    ['orders:nowhere', null, ONE_WAY],
    ['orders:nowhere', null, ONE_WAY],
  ]);
  const x = list[1]!.record;
  assert.deepEqual([x.operation, semantics.errorType(x, 1), kindsOf(x)], ['Basic.Return', '312', SERVER_KIND]);
});

test('with confirms the publish itself tells that it came back', () => {
  const list = found([
    ...confirming(1),
    client(...message(1, 'orders', 'paid', 'm', true)),
    client(...message(1, 'orders', 'nowhere', 'm', true)),
    server(a.returned(1, 'orders', 'nowhere'), ...a.content(1, 'm'), a.ack(1, 2)),
    server(a.ack(1, 1)),
  ]);
  assert.deepEqual(told(list), [
    ['orders:paid', 'Ack', COMPLETE],
    ['orders:nowhere', '312', COMPLETE],
    ['orders:nowhere', null, ONE_WAY],
  ]);
  assert.deepEqual(
    list.map((f) => semantics.errorType(f.record, 0)),
    ['', '312', '312'],
  );
  assert.equal(kindsOf(list[2]!.record), 0);
});

test('an error that closes the channel is told of everything under way', () => {
  const list = found([
    ...confirming(1),
    client(...message(1, 'one', 'a')),
    client(...message(1, 'missing', 'b')),
    server(a.close('Channel', 1, 404, 'NOT_FOUND', a.idOf('Basic.Publish'))),
    client(a.closeOk('Channel', 1)),
  ]);
  // which of the two it was nobody says
  assert.deepEqual(told(list), [
    ['one:a', null, RESET],
    ['missing:b', null, RESET],
  ]);
  assert.deepEqual(
    list.map((f) => semantics.errorType(f.record, 0)),
    ['404', '404'],
  );
});

test('a channel that is closed in order leaves no errors behind', () => {
  const list = found([
    ...confirming(1),
    ...consuming(1, 'c1', false),
    client(...message(1, 'one', 'a')),
    server(...delivery(1, 'c1', 1)),
    client(a.close('Channel', 1, 200)),
    server(a.closeOk('Channel', 1)),
    ...opened(1),
    ...consuming(1, 'c1', false),
    server(...delivery(1, 'c1', 1)),
    client(a.ack(1, 1)),
  ]);
  assert.deepEqual(
    told(list).map(([, , outcome]) => outcome),
    [ONE_WAY, ONE_WAY, COMPLETE],
  );
  assert.ok(list.every((f) => semantics.errorType(f.record, 0) === ''));
});

test('when a publish was missed its number is not guessed, until a silence makes it certain', () => {
  const turns = [
    ...confirming(1),
    ...[1, 2, 3].flatMap((i) => [client(...message(1, 'q', `${i}`)), server(a.ack(1, i))]),
    pause(6000),
    ...[4, 5].flatMap((i) => [client(...message(1, 'q', `${i}`)), server(a.ack(1, i))]),
  ];
  const missed = confirming(1).length;
  assert.deepEqual(told(found(turns, { keep: (_f, n) => n !== missed })), [
    ['q:2', null, ONE_WAY],
    ['q:3', null, ONE_WAY],
    ['q:4', 'Ack', COMPLETE],
    ['q:5', 'Ack', COMPLETE],
  ]);
});

test('a confirm with a number that was not given: what is under way is given up', () => {
  const list = found([
    ...confirming(1),
    client(...message(1, 'q', '1')),
    server(a.ack(1, 2)),
    client(...message(1, 'q', '2')),
    server(a.ack(1, 3)),
  ]);
  assert.deepEqual(
    told(list).map(([, , outcome]) => outcome),
    [LOST, ONE_WAY],
  );
});

test('acknowledgements that were missed are not replaced by later ones', () => {
  const turns = [
    ...opened(1),
    ...consuming(1, 'c1', false),
    server(...delivery(1, 'c1', 1)),
    server(...delivery(1, 'c1', 2)),
    client(a.ack(1, 1)),
    client(a.ack(1, 2, true)),
  ];
  const missed = turns.length - 2;
  assert.deepEqual(told(found(turns, { keep: (_f, n) => n !== missed })), [
    ['orders:paid:paid-queue', null, LOST],
    ['orders:paid:paid-queue', 'Ack', COMPLETE],
  ]);
});

test('more channels than there is room for: the others go on', () => {
  const many = Array.from({ length: MAX_CHANNELS + 5 }, (_, i) => a.ack(1 + i, 1));
  const before = COUNTERS.channelsRefused;
  const list = found([
    ...confirming(9),
    client(Buffer.concat(many)),
    client(...message(9, 'q', 'k')),
    server(a.ack(9, 1)),
  ]);
  assert.deepEqual(told(list), [['q:k', 'Ack', COMPLETE]]);
  assert.equal(COUNTERS.channelsRefused - before, 6); // channel 0 is one of them
});

test('joined in the middle of a stream whose segments do not begin where frames do', () => {
  const turns = Array.from({ length: 40 }, (_, i) => client(...message(4, 'metrics', `m${i}`, 'x'.repeat(50))));
  const c: Conversation = { name: '', turns, expected: [] };
  const rig = new Rig().feed(frames(c, link({ serverPort: 40123 }), { merge: true, ...pieces(100) }).slice(5)).end();
  assert.ok(rig.found.length >= 30, `${rig.found.length} found`);
  assert.ok(rig.found.every((f) => /^metrics:m\d+$/.test(f.target) && f.outcome === ONE_WAY));
});

test('the greeting is asked by the server and makes no span', () => {
  const c: Conversation = { name: '', turns: [...opening], expected: [] };
  const rig = new Rig().feed(frames(c, link({ serverPort: 5672 }))).end();
  assert.deepEqual(
    rig.found.map(({ record: x }) => [x.operation, semantics.status(x), x.ends.clientPort === 5672, kindsOf(x)]),
    [
      ['Connection.Start', 'Start-Ok', true, 0],
      ['Connection.Tune', 'Tune-Ok', true, 0],
      ['Connection.Open', 'Open-Ok', false, 1],
    ],
  );
});
