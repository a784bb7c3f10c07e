/** AMQP 0-9-1 as the kit's conversations. What the server asks (greetings, deliveries) has tests of its own. */

import { ONE_WAY, RESET } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, fin, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import * as a from './amqp-frames.ts';

/** Until the connection is open: that is exchange 0. */
export const opening: readonly Turn[] = [
  mumble(CLIENT, a.PROTOCOL_HEADER),
  mumble(SERVER, a.start),
  mumble(CLIENT, a.startOk),
  mumble(SERVER, a.tune),
  mumble(CLIENT, a.tuneOk),
  ask(0, a.connectionOpen('/shop')),
  answer(0, a.connectionOpenOk),
];
const opened = { operation: 'Connection.Open', target: '/shop', status: a.idOf('Connection.Open-Ok') };
const channelOpened = { operation: 'Channel.Open', target: '', status: a.idOf('Channel.Open-Ok') };
const oneWay = { operation: 'Basic.Publish', status: 0, outcome: ONE_WAY, end: 'unseen' } as const;
const confirmed = (target: string) => ({ operation: 'Basic.Publish', target, status: a.idOf('Basic.Ack') });

/** Requests of one channel, one after the other: what is sent, what comes back, and what it must be found as. */
const ADMINISTRATION: readonly (readonly [Buffer, Buffer | readonly Turn[], string, string, string])[] = [
  [
    a.exchangeDeclare(1, 'orders', 'topic'),
    a.method(1, 'Exchange.Declare-Ok'),
    'Exchange.Declare',
    'orders',
    'Exchange.Declare-Ok',
  ],
  [a.queueDeclare(1, 'paid'), a.queueDeclareOk(1, 'paid'), 'Queue.Declare', 'paid', 'Queue.Declare-Ok'],
  [a.queueBind(1, 'paid', 'orders', 'paid.#'), a.method(1, 'Queue.Bind-Ok'), 'Queue.Bind', 'paid', 'Queue.Bind-Ok'],
  [
    a.method(1, 'Basic.Qos', a.u32(0), a.u16(10), a.u8(0)),
    a.method(1, 'Basic.Qos-Ok'),
    'Basic.Qos',
    '',
    'Basic.Qos-Ok',
  ],
  [a.get(1, 'paid'), a.getEmpty(1), 'Basic.Get', 'paid', 'Basic.Get-Empty'],
  [a.queuePurge(1, 'paid'), a.method(1, 'Queue.Purge-Ok', a.u32(3)), 'Queue.Purge', 'paid', 'Queue.Purge-Ok'],
  [
    a.queueUnbind(1, 'paid', 'orders', 'paid.#'),
    a.method(1, 'Queue.Unbind-Ok'),
    'Queue.Unbind',
    'paid',
    'Queue.Unbind-Ok',
  ],
  [a.queueDelete(1, 'paid'), a.method(1, 'Queue.Delete-Ok', a.u32(0)), 'Queue.Delete', 'paid', 'Queue.Delete-Ok'],
  [a.method(1, 'Tx.Select'), a.method(1, 'Tx.Select-Ok'), 'Tx.Select', '', 'Tx.Select-Ok'],
  [a.method(1, 'Tx.Commit'), a.method(1, 'Tx.Commit-Ok'), 'Tx.Commit', '', 'Tx.Commit-Ok'],
  [a.close('Channel', 1, 200, 'bye'), a.closeOk('Channel', 1), 'Channel.Close', '', 'Channel.Close-Ok'],
  [a.close('Connection', 0, 200, 'bye'), a.closeOk('Connection', 0), 'Connection.Close', '', 'Connection.Close-Ok'],
];

export const conversations: readonly Conversation[] = [
  {
    name: 'a channel is opened, everything declared, and taken away again',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ...ADMINISTRATION.flatMap(([asked, answered], i) => [ask(2 + i, asked), answer(2 + i, answered as Buffer)]),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      ...ADMINISTRATION.map(([, , operation, target, status]) => ({ operation, target, status: a.idOf(status) })),
    ],
  },
  {
    name: 'messages without confirms, heartbeats between them, messages fetched',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ask(2, a.publish(1, 'orders', 'paid.eu'), ...a.content(1, 'x'.repeat(700))),
      mumble(CLIENT, a.HEARTBEAT),
      mumble(SERVER, a.HEARTBEAT),
      ask(3, a.publish(1, '', 'paid'), ...a.content(1, '')),
      ask(4, a.get(1, 'paid')),
      answer(4, a.getOk(1, 1, 'orders', 'paid.eu'), ...a.content(1, 'y'.repeat(300), a.table({ tries: 1 }), 100)),
      ask(5, a.get(1, 'paid')),
      answer(5, a.getEmpty(1)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      { ...oneWay, target: 'orders:paid.eu' },
      { ...oneWay, target: 'paid' },
      { operation: 'Basic.Get', target: 'paid', status: a.idOf('Basic.Get-Ok') },
      { operation: 'Basic.Get', target: 'paid', status: a.idOf('Basic.Get-Empty') },
    ],
  },
  {
    name: 'publishes with confirms, many under way, confirmed out of order, one refused, one that comes back',
    turns: [
      ...opening,
      ask(1, a.channelOpen(7)),
      answer(1, a.channelOpenOk(7)),
      ask(2, a.confirmSelect(7)),
      answer(2, a.method(7, 'Confirm.Select-Ok')),
      ...Array.from({ length: 6 }, (_, i) =>
        ask(3 + i, a.publish(7, 'line', `${i}`), ...a.content(7, 'm'.repeat(20 * i))),
      ),
      ...[2, 0, 1].map((i) => answer(3 + i, a.ack(7, i + 1))),
      answer(6, a.nack(7, 4)),
      ...[5, 4].map((i) => answer(3 + i, a.ack(7, i + 1))),
      ask(9, a.publish(7, 'line', 'nowhere', true), ...a.content(7, 'lost')),
      mumble(SERVER, a.returned(7, 'line', 'nowhere'), ...a.content(7, 'lost')),
      answer(9, a.ack(7, 7)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      { operation: 'Confirm.Select', target: '', status: a.idOf('Confirm.Select-Ok') },
      ...[0, 1, 2].map((i) => confirmed(`line:${i}`)),
      { ...confirmed('line:3'), status: a.idOf('Basic.Nack') },
      ...[4, 5].map((i) => confirmed(`line:${i}`)),
      { ...confirmed('line:nowhere'), status: 312, partly: [a.idOf('Basic.Ack')] },
    ],
    fragile: true, // which number a publish has is not known any more when one in front of it was missed
  },
  {
    name: 'messages of two channels in pieces, mixed',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ask(2, a.channelOpen(2)),
      answer(2, a.channelOpenOk(2)),
      ask(3, a.publish(1, 'left', 'l')),
      ask(4, a.publish(2, 'right', 'r')),
      ask(3, ...a.content(1, 'l'.repeat(90), undefined, 30).slice(0, 3)),
      ask(4, ...a.content(2, 'r'.repeat(90), undefined, 30).slice(0, 3)),
      ask(3, ...a.content(1, 'l'.repeat(90), undefined, 30).slice(3)),
      ask(4, ...a.content(2, 'r'.repeat(90), undefined, 30).slice(3)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [opened, channelOpened, channelOpened, { ...oneWay, target: 'left:l' }, { ...oneWay, target: 'right:r' }],
  },
  {
    name: 'the virtual host does not exist',
    turns: [
      ...opening.slice(0, -1),
      answer(0, a.close('Connection', 0, 530, 'NOT_ALLOWED - vhost not found', a.idOf('Connection.Open'))),
      mumble(CLIENT, a.closeOk('Connection', 0)),
      fin(SERVER),
      fin(CLIENT),
    ],
    expected: [{ ...opened, status: 530 }],
  },
  {
    name: 'errors close channels: of a declaration, of a publish whose confirm is awaited',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ask(2, a.exchangeDeclare(1, 'orders', 'fanout')),
      answer(2, a.close('Channel', 1, 406, 'PRECONDITION_FAILED', a.idOf('Exchange.Declare'))),
      mumble(CLIENT, a.closeOk('Channel', 1)),
      ask(3, a.channelOpen(1)),
      answer(3, a.channelOpenOk(1)),
      ask(4, a.confirmSelect(1)),
      answer(4, a.method(1, 'Confirm.Select-Ok')),
      ask(5, a.publish(1, 'missing', 'k'), ...a.content(1, 'm')),
      answer(5, a.close('Channel', 1, 404, 'NOT_FOUND', a.idOf('Basic.Publish'))),
      mumble(CLIENT, a.closeOk('Channel', 1)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      { operation: 'Exchange.Declare', target: 'orders', status: 406 },
      channelOpened,
      { operation: 'Confirm.Select', target: '', status: a.idOf('Confirm.Select-Ok') },
      { operation: 'Basic.Publish', target: 'missing:k', status: 404 },
    ],
    fragile: true,
  },
  {
    name: 'an error closes the channel while more is under way',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ask(2, a.queueDeclare(1, 'q')),
      ask(3, a.queueBind(1, 'q', 'missing', '')),
      answer(2, a.queueDeclareOk(1, 'q')),
      ask(4, a.queuePurge(1, 'q')),
      answer(3, a.close('Channel', 1, 404, 'NOT_FOUND', a.idOf('Queue.Bind'))),
      mumble(CLIENT, a.closeOk('Channel', 1)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      { operation: 'Queue.Declare', target: 'q', status: a.idOf('Queue.Declare-Ok') },
      { operation: 'Queue.Bind', target: 'q', status: 404 },
      { operation: 'Queue.Purge', target: 'q', status: 0, outcome: RESET, end: { saying: 13 } },
    ],
    fragile: true,
  },
  {
    name: 'what wants no answer gets none',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ask(2, a.queueDeclare(1, 'quick', true)),
      ask(3, a.queueDeclare(1, 'slow')),
      answer(3, a.queueDeclareOk(1, 'slow')),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      { operation: 'Queue.Declare', target: 'quick', status: 0, outcome: ONE_WAY, end: 'unseen' },
      { operation: 'Queue.Declare', target: 'slow', status: a.idOf('Queue.Declare-Ok') },
    ],
  },
  {
    name: 'a message of 1 MiB, confirmed',
    turns: [
      ...opening,
      ask(1, a.channelOpen(1)),
      answer(1, a.channelOpenOk(1)),
      ask(2, a.confirmSelect(1)),
      answer(2, a.method(1, 'Confirm.Select-Ok')),
      ask(3, a.publish(1, 'video', 'frame'), ...a.content(1, Buffer.alloc(1 << 20, 'v'), undefined, 131_064)),
      answer(3, a.ack(1, 1)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      opened,
      channelOpened,
      { operation: 'Confirm.Select', target: '', status: a.idOf('Confirm.Select-Ok') },
      confirmed('video:frame'),
    ],
    long: true,
    fragile: true,
  },
];
