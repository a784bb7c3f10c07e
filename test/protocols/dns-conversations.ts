/** DNS over TCP as resolvers and servers speak it, for the conformance kit. */

import { CLOSED, LOST, TIMEOUT } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, type Expected, fin, mumble, pause } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import {
  ASKED,
  addressRecord,
  message,
  name,
  opt,
  prefixed,
  query,
  question,
  type Record,
  record,
  refusal,
  response,
  soa,
} from './dns-messages.ts';

const bye = [fin(CLIENT), fin(SERVER)];
const found = (target: string, status = 0, more: Partial<Expected> = {}): Expected => ({
  operation: 'A',
  target,
  status,
  ...more,
});

const q = (...args: Parameters<typeof query>): Buffer => prefixed(query(...args));
const r = (...args: Parameters<typeof response>): Buffer => prefixed(response(...args));

/** A session's own message (RFC 8490): no questions; keep-alive is TLV 1. */
const session = (id: number, isResponse: boolean): Buffer =>
  prefixed(
    Buffer.concat([message({ id, opcode: 6, flags: 0 }, isResponse), Buffer.from('0001000800003a9800003a98', 'hex')]),
  );

const host = (n: number): Record => record(name(`host-${n}.zone.example`), 'A', Buffer.of(10, 0, n >>> 8, n & 255));
const many = (count: number, from = 0): Record[] => Array.from({ length: count }, (_, i) => host(from + i));

export const conversations: Conversation[] = [
  {
    name: 'one question',
    turns: [
      ask(0, q(1, 'www.example.com')),
      answer(0, r(1, 'www.example.com', 'A', [addressRecord('10.1.2.3')])),
      ...bye,
    ],
    expected: [found('www.example.com')],
  },
  {
    name: 'several questions on a connection, each after the answer before it',
    turns: [
      ask(0, q(1, 'a.example')),
      answer(0, r(1, 'a.example', 'A', [addressRecord('10.0.0.1')])),
      ask(1, q(2, 'b.example', 'AAAA')),
      answer(1, r(2, 'b.example', 'AAAA', [addressRecord('2001:db8:0:0:0:0:0:1')])),
      ask(2, q(3, 'missing.example')),
      answer(2, prefixed(refusal(3, 'missing.example', 3))),
      ask(3, q(4, 'b.example', 'MX')),
      answer(
        3,
        r(4, 'b.example', 'MX', [record(ASKED, 'MX', Buffer.concat([Buffer.of(0, 10), name('mail.b.example')]))]),
      ),
      ...bye,
    ],
    expected: [
      found('a.example'),
      { operation: 'AAAA', target: 'b.example', status: 0 },
      found('missing.example', 3),
      { operation: 'MX', target: 'b.example', status: 0 },
    ],
  },
  {
    name: 'questions one behind the other, answered out of order',
    turns: [
      ask(0, q(11, 'one.example')),
      ask(1, q(12, 'two.example')),
      ask(2, q(13, 'three.example')),
      answer(1, prefixed(refusal(12, 'two.example', 2))),
      answer(2, r(13, 'three.example', 'A', [addressRecord('10.0.0.3')])),
      ask(3, q(14, 'four.example')),
      answer(0, prefixed(refusal(11, 'one.example', 5))),
      answer(3, prefixed(refusal(14, 'four.example', 3))),
      ...bye,
    ],
    expected: [found('one.example', 5), found('two.example', 2), found('three.example'), found('four.example', 3)],
  },
  {
    name: 'different questions under one id',
    turns: [
      ask(0, q(0, 'left.example')),
      ask(1, q(0, 'right.example')),
      answer(1, prefixed(refusal(0, 'right.example', 3))),
      answer(0, prefixed(refusal(0, 'left.example', 2))),
      ...bye,
    ],
    expected: [found('left.example', 2), found('right.example', 3)],
  },
  {
    name: 'an id used anew while its question waits',
    turns: [
      ask(0, q(5, 'again.example')),
      ask(1, q(5, 'again.example')),
      answer(1, prefixed(refusal(5, 'again.example', 2))),
      mumble(SERVER, prefixed(refusal(5, 'again.example', 3))),
      ...bye,
    ],
    expected: [found('again.example', 0, { outcome: LOST, end: 'unseen' }), found('again.example', 2)],
    // forbidden (RFC 7766 section 6.2.1): nobody can tell which of the two a lost request was
    deceptive: true,
  },
  {
    name: 'answers to other questions than were asked',
    turns: [
      ask(0, q(21, 'mine.example')),
      mumble(SERVER, r(21, 'yours.example', 'A', [addressRecord('10.6.6.6')])),
      mumble(SERVER, r(21, 'mine.example', 'AAAA', [])),
      mumble(SERVER, r(22, 'mine.example', 'A', [addressRecord('10.6.6.6')])),
      answer(0, prefixed(refusal(21, 'mine.example', 3))),
      ...bye,
    ],
    expected: [found('mine.example', 3)],
  },
  {
    name: 'an answer in other letters',
    turns: [ask(0, q(3, 'wWw.ExAmPlE.cOm')), answer(0, prefixed(refusal(3, 'www.example.com', 3))), ...bye],
    expected: [found('wWw.ExAmPlE.cOm', 3)],
  },
  {
    name: 'EDNS: an rcode of twelve bits, cookies and keep-alive',
    turns: [
      ask(0, q(31, 'edns.example', 'A', { additionals: [opt(0, Buffer.from('000a00080102030405060708', 'hex'))] })),
      answer(0, r(31, 'edns.example', 'A', [], { rcode: 7, additionals: [opt(1)] })),
      ask(1, q(32, 'keep.example', 'A', { additionals: [opt(0, Buffer.from('000b0000', 'hex'))] })),
      answer(
        1,
        r(32, 'keep.example', 'A', [addressRecord('10.1.1.1')], {
          authorities: [record(name('example'), 'NS', name('ns.example'))],
          additionals: [addressRecord('10.1.1.2'), opt(0, Buffer.from('000b00020064', 'hex'))],
        }),
      ),
      ...bye,
    ],
    expected: [found('edns.example', 23), found('keep.example')],
  },
  {
    name: 'an error without the question',
    turns: [
      ask(0, q(41, 'odd.example')),
      answer(0, prefixed(message({ id: 41, rcode: 1, flags: 0x80 }, true))),
      ask(1, q(42, 'next.example')),
      answer(1, prefixed(refusal(42, 'next.example', 4))),
      ...bye,
    ],
    expected: [found('odd.example', 1), found('next.example', 4)],
  },
  {
    name: 'notification and update',
    turns: [
      ask(0, prefixed(query(51, 'zone.example', 'SOA', { opcode: 4, flags: 0x400, answers: [soa()] }))),
      answer(0, prefixed(response(51, 'zone.example', 'SOA', [], { opcode: 4, flags: 0x400 }))),
      ask(1, prefixed(query(52, 'zone.example', 'SOA', { opcode: 5, flags: 0, authorities: many(3) }))),
      answer(1, prefixed(response(52, 'zone.example', 'SOA', [], { opcode: 5, flags: 0, rcode: 9 }))),
      ...bye,
    ],
    expected: [
      { operation: 'NOTIFY', target: 'zone.example', status: 0 },
      { operation: 'UPDATE', target: 'zone.example', status: 9 },
    ],
  },
  {
    name: 'an update longer than what is read of it',
    turns: [
      ask(0, q(1, 'first.example')),
      answer(0, prefixed(refusal(1, 'first.example', 3))),
      ask(1, prefixed(query(2, 'zone.example', 'SOA', { opcode: 5, flags: 0, authorities: many(300) }))),
      answer(1, prefixed(response(2, 'zone.example', 'SOA', [], { opcode: 5, flags: 0, rcode: 5 }))),
      ...bye,
    ],
    expected: [found('first.example', 3), { operation: 'UPDATE', target: 'zone.example', status: 5 }],
    long: true,
  },
  {
    name: 'an answer longer than what is read of it',
    turns: [
      ask(0, q(1, 'long.example', 'TXT')),
      answer(
        0,
        r(
          1,
          'long.example',
          'TXT',
          Array.from({ length: 60 }, () => record(ASKED, 'TXT', Buffer.alloc(200, 'x'))),
        ),
      ),
      ask(1, q(2, 'short.example')),
      answer(1, prefixed(refusal(2, 'short.example', 3))),
      ...bye,
    ],
    expected: [{ operation: 'TXT', target: 'long.example', status: 0 }, found('short.example', 3)],
    long: true,
  },
  {
    name: 'a zone in three messages',
    turns: [
      ask(0, q(61, 'zone.example', 'AXFR')),
      answer(0, r(61, 'zone.example', 'AXFR', [soa(), ...many(4)])),
      answer(0, prefixed(message({ id: 61, answers: many(5, 100) }, true))),
      answer(0, prefixed(message({ id: 61, answers: [...many(2, 200), soa(name('zone.example'))] }, true))),
      ask(1, q(62, 'after.example')),
      answer(1, prefixed(refusal(62, 'after.example', 3))),
      ...bye,
    ],
    expected: [{ operation: 'AXFR', target: 'zone.example', status: 0 }, found('after.example', 3)],
  },
  {
    name: 'a zone in long messages',
    turns: [
      ask(0, q(61, 'zone.example', 'AXFR')),
      answer(0, r(61, 'zone.example', 'AXFR', [soa(), ...many(500)])),
      answer(0, r(61, 'zone.example', 'AXFR', many(500, 500))),
      answer(0, r(61, 'zone.example', 'AXFR', [...many(300, 1000), soa()])),
      ask(1, q(62, 'after.example')),
      answer(1, prefixed(refusal(62, 'after.example', 3))),
      ...bye,
    ],
    expected: [{ operation: 'AXFR', target: 'zone.example', status: 0 }, found('after.example', 3)],
    long: true,
  },
  {
    name: 'a zone of one record in each message, and one that has not changed',
    turns: [
      ask(0, q(61, 'zone.example', 'AXFR')),
      answer(0, r(61, 'zone.example', 'AXFR', [soa()])),
      answer(0, r(61, 'zone.example', 'AXFR', many(1))),
      answer(0, r(61, 'zone.example', 'AXFR', [soa()])),
      ask(1, q(62, 'zone.example', 'IXFR', { authorities: [soa()] })),
      answer(1, r(62, 'zone.example', 'IXFR', [soa()])),
      ask(2, q(63, 'other.example', 'AXFR')),
      answer(2, prefixed(refusal(63, 'other.example', 5, 'AXFR'))),
      ...bye,
    ],
    expected: [
      { operation: 'AXFR', target: 'zone.example', status: 0 },
      { operation: 'IXFR', target: 'zone.example', status: 0 },
      { operation: 'AXFR', target: 'other.example', status: 5 },
    ],
  },
  {
    name: 'a zone that breaks off',
    turns: [
      ask(0, q(61, 'zone.example', 'AXFR')),
      answer(0, r(61, 'zone.example', 'AXFR', [soa(), ...many(4)])),
      answer(0, r(61, 'zone.example', 'AXFR', many(4, 10))),
      ...bye,
    ],
    expected: [
      {
        operation: 'AXFR',
        target: 'zone.example',
        status: 0,
        outcome: CLOSED,
        began: true,
        end: 'close',
        responseBytes: 0,
      },
    ],
    fragile: true,
  },
  {
    name: 'the session speaks for itself',
    turns: [
      ask(0, q(1, 'a.example')),
      answer(0, prefixed(refusal(1, 'a.example', 3))),
      mumble(CLIENT, session(7, false)),
      mumble(SERVER, session(7, true)),
      mumble(SERVER, session(0, false)),
      ask(1, q(2, 'b.example')),
      answer(1, prefixed(refusal(2, 'b.example', 2))),
      ...bye,
    ],
    expected: [found('a.example', 3), found('b.example', 2)],
  },
  {
    name: 'the root, another class, a type without a name, bytes that do not print',
    turns: [
      ask(0, q(1, '.', 'NS')),
      answer(0, r(1, '.', 'NS', [record(ASKED, 'NS', name('a.root-servers.net'))])),
      ask(1, prefixed(message({ id: 2, questions: [question('version.bind', 'TXT', 3)] }, false))),
      answer(1, prefixed(message({ id: 2, rcode: 5, questions: [question('version.bind', 'TXT', 3)] }, true))),
      ask(2, q(3, 'private.example', 65_400)),
      answer(2, prefixed(refusal(3, 'private.example', 4, 65_400))),
      ask(3, q(4, 'sp ace.tb.q"uote.back\\slash.ü')),
      answer(3, prefixed(refusal(4, 'sp ace.tb.q"uote.back\\slash.ü', 3))),
      ...bye,
    ],
    expected: [
      { operation: 'NS', target: '.', status: 0 },
      { operation: 'TXT', target: 'version.bind', status: 5 },
      { operation: 'TYPE65400', target: 'private.example', status: 4 },
      found('sp\\032ace.tb.q\\"uote.back\\\\slash.\\195\\188', 3),
    ],
  },
  {
    name: 'no answer',
    turns: [
      ask(0, q(1, 'slow.example')),
      ask(1, q(2, 'quick.example')),
      answer(1, prefixed(refusal(2, 'quick.example', 3))),
      pause(130_000),
      mumble(CLIENT, session(9, false)),
      ...bye,
    ],
    expected: [found('slow.example', 0, { outcome: TIMEOUT, end: 120_000 }), found('quick.example', 3)],
  },
  {
    name: 'closed without an answer',
    turns: [ask(0, q(1, 'never.example')), ...bye],
    expected: [found('never.example', 0, { outcome: CLOSED, end: 'close' })],
    fragile: true,
  },
];
