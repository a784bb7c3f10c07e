import { OPEN } from '../../src/exchange/exchange.ts';
import { dnsOverUdp } from '../../src/protocols/dns/index.ts';
import { answers, asks, conformDatagrams, type Exchanged, fuzzDatagrams } from '../kit/datagrams.ts';
import { ASKED, addressRecord, message, name, opt, query, record, refusal, response, soa } from './dns-messages.ts';

const conversations: Exchanged[] = [
  {
    name: 'one question',
    datagrams: [
      asks(0, query(1, 'www.example.com', 'A', { additionals: [opt()] })),
      answers(0, response(1, 'www.example.com', 'A', [addressRecord('10.1.2.3')], { additionals: [opt()] })),
    ],
    expected: [{ operation: 'A', target: 'www.example.com', status: 0 }],
  },
  {
    name: 'both families at once, under different ids and under one',
    datagrams: [
      asks(0, query(7, 'www.example.com', 'A')),
      asks(1, query(8, 'www.example.com', 'AAAA')),
      answers(1, response(8, 'www.example.com', 'AAAA', [addressRecord('2001:db8:0:0:0:0:0:1')])),
      answers(0, response(7, 'www.example.com', 'A', [addressRecord('10.0.0.1'), addressRecord('10.0.0.2')])),
      asks(2, query(9, 'one.example', 'A')),
      asks(3, query(9, 'one.example', 'AAAA')),
      answers(2, refusal(9, 'one.example', 3, 'A')),
      answers(3, refusal(9, 'one.example', 2, 'AAAA')),
    ],
    expected: [
      { operation: 'A', target: 'www.example.com', status: 0 },
      { operation: 'AAAA', target: 'www.example.com', status: 0 },
      { operation: 'A', target: 'one.example', status: 3 },
      { operation: 'AAAA', target: 'one.example', status: 2 },
    ],
  },
  {
    name: 'asked again before the answer came, and answered twice',
    datagrams: [
      asks(0, query(3, 'slow.example')),
      asks(0, query(3, 'slow.example'), { gapNs: 5e9 }),
      asks(0, query(3, 'slow.example'), { gapNs: 5e9 }),
      answers(0, refusal(3, 'slow.example', 2)),
      answers(0, refusal(3, 'slow.example', 2)),
    ],
    expected: [{ operation: 'A', target: 'slow.example', status: 2, retransmissions: 2 }],
  },
  {
    name: 'answers that nobody asked for',
    datagrams: [
      asks(0, query(11, 'mine.example')),
      answers(-1, response(11, 'yours.example', 'A', [addressRecord('10.6.6.6')])),
      answers(-1, response(12, 'mine.example', 'A', [addressRecord('10.6.6.6')])),
      answers(-1, response(11, 'mine.example', 'AAAA')),
      answers(0, refusal(11, 'mine.example', 3)),
    ],
    expected: [{ operation: 'A', target: 'mine.example', status: 3 }],
  },
  {
    name: 'never answered',
    datagrams: [
      asks(0, query(1, 'never.example')),
      asks(1, query(2, 'soon.example')),
      answers(1, refusal(2, 'soon.example', 5)),
    ],
    expected: [
      { operation: 'A', target: 'never.example', status: 0, outcome: OPEN },
      { operation: 'A', target: 'soon.example', status: 5 },
    ],
  },
  {
    name: 'twelve bits of rcode, of which eight come last',
    datagrams: [
      asks(0, query(3, 'version.example', 'A', { additionals: [opt()] })),
      answers(0, response(3, 'version.example', 'A', [], { additionals: [opt(1)] })),
      asks(1, query(4, 'cookie.example', 'A', { additionals: [opt()] })),
      answers(1, response(4, 'cookie.example', 'A', [addressRecord('10.0.0.1')], { rcode: 7, additionals: [opt(1)] })),
    ],
    expected: [
      { operation: 'A', target: 'version.example', status: 16 },
      { operation: 'A', target: 'cookie.example', status: 23 },
    ],
    uncut: true,
  },
  {
    name: 'cut short by the server, an error without the question, an alias',
    datagrams: [
      asks(0, query(1, 'large.example', 'TXT')),
      answers(0, response(1, 'large.example', 'TXT', [], { flags: 0x380 })),
      asks(1, query(2, 'odd.example')),
      answers(1, message({ id: 2, rcode: 1, flags: 0x80 }, true)),
      asks(2, query(4, 'alias.example')),
      answers(
        2,
        response(4, 'alias.example', 'A', [
          record(ASKED, 'CNAME', name('other.example')),
          record(name('other.example'), 'A', Buffer.of(10, 1, 1, 1)),
        ]),
      ),
    ],
    expected: [
      { operation: 'TXT', target: 'large.example', status: 0 },
      { operation: 'A', target: 'odd.example', status: 1 },
      { operation: 'A', target: 'alias.example', status: 0 },
    ],
  },
  {
    name: 'notification, update',
    datagrams: [
      asks(0, query(5, 'zone.example', 'SOA', { opcode: 4, flags: 0x400, answers: [soa()] })),
      answers(0, response(5, 'zone.example', 'SOA', [], { opcode: 4, flags: 0x400 })),
      asks(1, query(6, 'zone.example', 'SOA', { opcode: 5, flags: 0, authorities: [soa()] })),
      answers(1, response(6, 'zone.example', 'SOA', [], { opcode: 5, flags: 0, rcode: 9 })),
    ],
    expected: [
      { operation: 'NOTIFY', target: 'zone.example', status: 0 },
      { operation: 'UPDATE', target: 'zone.example', status: 9 },
    ],
  },
];

conformDatagrams(dnsOverUdp, conversations);

const WORDS = [
  '\0',
  '\0\0',
  '\xff\xff',
  '\xc0\x0c',
  '\xc0\x00',
  '\xc0\xff',
  '\x3f',
  '\x40',
  '\0\x29\x04\xd0\xff\0\0\0\0\0',
  '\0\x01\0\x01\xff\xff\xff\xff\xff\xff',
  '\x01a\xc0\x0c',
  '\x3f'.repeat(64),
  '\xc0\x0c'.repeat(300),
  '\x01a'.repeat(200),
];

fuzzDatagrams(dnsOverUdp, conversations, WORDS);
