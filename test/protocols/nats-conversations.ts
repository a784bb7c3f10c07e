/** The NATS client protocol as the kit's conversations. */

import { CLOSED, ONE_WAY } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, fin, free, mumble } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';

export const INFO = 'INFO {"server_id":"NA","version":"2.10.1","proto":1,"headers":true,"max_payload":1048576}\r\n';
export const CONNECT =
  'CONNECT {"verbose":false,"user":"alice","pass":"s3cret","lang":"node","protocol":1,"headers":true}\r\n';
const greeting = [mumble(SERVER, INFO), mumble(CLIENT, CONNECT)];
const bye = [fin(CLIENT), fin(SERVER)];

/** A line and its payload, of which the loss costs nothing. */
const said = (line: string, payload: string | Buffer): [string, ReturnType<typeof free>] => [
  `${line} ${Buffer.byteLength(payload)}\r\n`,
  free(Buffer.concat([Buffer.from(payload), Buffer.from('\r\n')])),
];
export const headers = (...lines: string[]): string => `NATS/1.0${lines.map((l) => `\r\n${l}`).join('')}\r\n\r\n`;
export const withHeaders = (line: string, head: string, payload: string): string =>
  `${line} ${head.length} ${head.length + payload.length}\r\n${head}${payload}\r\n`;

const oneWay = { status: 0, outcome: ONE_WAY, end: 'unseen' } as const;

/** Two pulls under one reply subject, as clients that go on and on have them; what they bring comes under its own subjects. */
const PULL = 'PUB $JS.API.CONSUMER.MSG.NEXT.EVENTS.books _INBOX.p.1';
const delivered = (n: number): string =>
  `MSG events.paid 3 $JS.ACK.EVENTS.books.1.${n}.${n}.1700000000000000000.0 ${n}\r\n${'x'.repeat(n)}\r\n`;
const acknowledged = (n: number, word = '+ACK'): string =>
  `PUB $JS.ACK.EVENTS.books.1.${n}.${n}.1700000000000000000.0  ${word.length}\r\n${word}\r\n`;
export const pulling: Conversation = {
  name: 'JetStream: pulls',
  turns: [
    ...greeting,
    mumble(CLIENT, 'SUB _INBOX.p.1 3\r\n'),
    mumble(CLIENT, `${PULL} 11\r\n{"batch":2}\r\n`),
    mumble(SERVER, delivered(1)),
    mumble(CLIENT, acknowledged(1)),
    mumble(CLIENT, `${PULL} 11\r\n{"batch":2}\r\n`),
    mumble(SERVER, delivered(2)),
    mumble(CLIENT, acknowledged(2, '+WPI')),
    mumble(CLIENT, acknowledged(2, '-NAK')),
    mumble(SERVER, delivered(3)),
    mumble(CLIENT, acknowledged(3, '+TERM')),
    mumble(
      SERVER,
      withHeaders('HMSG _INBOX.p.1 3', 'NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n', ''),
    ),
    ...bye,
  ],
  expected: [],
};

export const conversations: readonly Conversation[] = [
  {
    name: 'messages published, in lower case and with tabs, too',
    turns: [
      ...greeting,
      ask(0, 'PING\r\n'),
      answer(0, 'PONG\r\n'),
      mumble(CLIENT, 'SUB orders.* workers 1\r\n'),
      ask(1, ...said('PUB orders.new', '{"id":1}')),
      ask(2, ...said('pub\torders.paid', Buffer.alloc(500, 'p'))),
      ask(3, ...said('PUB orders.empty', '')),
      mumble(CLIENT, 'UNSUB 1\r\n'),
      ...bye,
    ],
    expected: [
      { operation: 'PING', target: '', status: 0 },
      { operation: 'publish', target: 'orders.new', ...oneWay },
      { operation: 'publish', target: 'orders.paid', ...oneWay },
      { operation: 'publish', target: 'orders.empty', ...oneWay },
    ],
    fragile: true,
  },
  {
    name: 'requests and their answers, in another order',
    turns: [
      ...greeting,
      ask(0, ...said('PUB price.get _INBOX.abc.1', 'apple')),
      ask(1, ...said('PUB price.get _INBOX.abc.2', 'pear')),
      answer(1, ...said('MSG _INBOX.abc.2 1', '42')),
      answer(0, ...said('MSG _INBOX.abc.1 1', '17')),
      ...bye,
    ],
    // the answers are messages, too
    expected: [
      { operation: 'publish', target: 'price.get', status: 0 },
      { operation: 'publish', target: 'price.get', status: 0 },
    ],
    fragile: true,
  },
  {
    name: 'nobody answers',
    turns: [...greeting, ask(0, ...said('PUB price.get _INBOX.abc.3', 'plum')), ...bye],
    expected: [{ operation: 'publish', target: 'price.get', status: 0, outcome: CLOSED, end: 'close' }],
    fragile: true,
  },
  {
    name: 'a message of 1 MiB',
    turns: [
      ...greeting,
      ask(0, ...said('PUB video.frame', Buffer.alloc(1 << 20, 'v'))),
      ask(1, 'PING\r\n'),
      answer(1, 'PONG\r\n'),
      ...bye,
    ],
    expected: [
      { operation: 'publish', target: 'video.frame', ...oneWay },
      { operation: 'PING', target: '', status: 0 },
    ],
    long: true,
    fragile: true,
  },
];
