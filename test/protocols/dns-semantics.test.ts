/** What exchanges of DNS mean: names, attributes, errors, metrics; and what answers tell of addresses. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { METRIC_DNS_LOOKUP_DURATION } from '@opentelemetry/semantic-conventions/incubating';
import { Budget } from '../../src/bytes/budget.ts';
import { Timebase } from '../../src/bytes/timebase.ts';
import { CLOSED, type Exchange, RESET, TIMEOUT } from '../../src/exchange/exchange.ts';
import { CLIENT } from '../../src/exchange/semantics.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { dnsOverTcp, dnsOverUdp } from '../../src/protocols/dns/index.ts';
import { metricName, metricNameId } from '../../src/protocols/dns/metric-names.ts';
import { nameEnd, nameText } from '../../src/protocols/dns/names.ts';
import { BARE, type Detail, FULL } from '../../src/protocols/protocol.ts';
import { Counters } from '../../src/self/counters.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask } from '../kit/conversation.ts';
import { answers, asks, type Datagram, DatagramRig, layOutDatagram } from '../kit/datagrams.ts';
import { DEFAULTS, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import {
  ASKED,
  addressRecord,
  message,
  name,
  opt,
  prefixed,
  query,
  question,
  type Record as ResourceRecord,
  record,
  refusal,
  response,
  soa,
  type Words,
} from './dns-messages.ts';

const { semantics } = dnsOverUdp;

/** The exchange that the pipeline makes of a question and, if there is one, its answer. */
function exchange(request: Buffer, reply: Buffer | null, serverPort = 53): Exchange {
  const rig = new DatagramRig().pass([asks(0, request), ...(reply === null ? [] : [answers(0, reply)])], {
    version: 4,
    serverPort,
  });
  rig.end();
  assert.equal(rig.found.length, 1);
  return rig.found[0]!.record;
}

const answered = (text: string, type: string, list: readonly ResourceRecord[], more: Partial<Words> = {}): Exchange =>
  exchange(query(1, text, type as 'A'), response(1, text, type as 'A', list, more));

describe('attributes', () => {
  test('of a question over UDP: the whole chain of its answers', () => {
    const x = answered('shop.example', 'A', [
      record(ASKED, 'CNAME', name('edge.example.net')),
      record(name('edge.example.net'), 'A', Buffer.of(192, 0, 2, 7)),
    ]);
    assert.deepEqual(attributes(x), {
      'dns.question.name': 'shop.example',
      'server.address': '10.0.0.2',
      'network.transport': 'udp',
      'spantap.dns.question.type': 'A',
      'dns.answers': ['edge.example.net', '192.0.2.7'],
    });
    assert.equal(semantics.spanName(x, CLIENT, ''), 'DNS A');
    assert.equal(semantics.operation(x, false), 'A shop.example');
    assert.equal(semantics.context(x), null);
  });

  test('over TCP, on another port, with names for answers', () => {
    const priority = Buffer.of(0, 10);
    const list = [
      record(ASKED, 'MX', Buffer.concat([priority, name('mail.example')])),
      record(ASKED, 'SRV', Buffer.concat([priority, Buffer.of(0, 0, 0, 80), name('web.example')])),
      record(ASKED, 'PTR', ASKED),
      record(ASKED, 'TXT', Buffer.from('\x06secret')),
      addressRecord('2001:db8:0:0:0:0:0:1'),
    ];
    const turns = [
      ask(0, prefixed(query(1, 'x.example', 255))),
      answer(0, prefixed(response(1, 'x.example', 255, list))),
    ];
    const rig = new Rig().feed(frames({ name: 'one', turns, expected: [] }, link({ serverPort: 5300 }))).end();
    assert.deepEqual(attributes(rig.found[0]!.record), {
      'dns.question.name': 'x.example',
      'server.address': '10.0.0.2',
      'server.port': 5300,
      'network.transport': 'tcp',
      'spantap.dns.question.type': 'ANY',
      'dns.answers': ['mail.example', 'web.example', 'x.example', '2001:db8::1'],
    });
  });

  test('sixteen answers are told, of however many', () => {
    const x = answered(
      'many.example',
      'A',
      Array.from({ length: 60 }, (_, i) => addressRecord(`10.0.0.${i}`)),
    );
    assert.equal((attributes(x)['dns.answers'] as string[]).length, 16);
  });

  test('another opcode, an answer that did not fit, a request without a question', () => {
    const notify = query(1, 'zone.example', 'SOA', { opcode: 4, flags: 0x400, answers: [soa()] });
    const x = exchange(notify, response(1, 'zone.example', 'SOA', [], { opcode: 4, flags: 0x400 }));
    assert.equal(semantics.spanName(x, CLIENT, ''), 'DNS NOTIFY');
    assert.equal(semantics.operation(x, true), 'NOTIFY zone.example');
    assert.equal(attributes(x)['spantap.dns.opcode'], 'NOTIFY');
    assert.equal(attributes(x)['spantap.dns.question.type'], 'SOA');
    const cut = answered('large.example', 'TXT', [], { flags: 0x380 });
    assert.equal(attributes(cut)['spantap.dns.truncated'], true);
    const talk = [asks(0, query(2, 'first.example')), answers(0, refusal(2, 'first.example', 3))];
    const cookies = message({ id: 3, additionals: [opt()] }, false);
    const rig = new DatagramRig().pass([...talk, asks(1, cookies), answers(1, message({ id: 3, rcode: 0 }, true))], {
      version: 4,
      serverPort: 53,
    });
    rig.end();
    assert.equal(semantics.operation(rig.found[1]!.record, true), 'QUERY');
    assert.deepEqual(attributes(rig.found[1]!.record), { 'server.address': '10.0.0.2', 'network.transport': 'udp' });
  });
});

describe('status and errors', () => {
  test('by rcode', () => {
    const of = (rcode: number, high = 0): unknown[] => {
      const additionals = high === 0 ? [] : [opt(high)];
      const x = exchange(query(1, 'a.example'), response(1, 'a.example', 'A', [], { rcode, additionals }));
      return [semantics.status(x), semantics.errorType(x, CLIENT), x.failed];
    };
    assert.deepEqual(of(0), ['0', '', false]);
    assert.deepEqual(of(2), ['2', 'SERVFAIL', true]);
    assert.deepEqual(of(3), ['3', 'NXDOMAIN', true]);
    assert.deepEqual(of(5), ['5', 'REFUSED', true]);
    assert.deepEqual(of(0, 1), ['16', 'BADVERS', true]);
    assert.deepEqual(of(7, 1), ['23', 'BADCOOKIE', true]);
    assert.deepEqual(of(15, 255), ['4095', 'RCODE4095', true]);
  });

  test('without an answer', () => {
    const x = exchange(query(1, 'a.example'), null);
    assert.equal(semantics.status(x), null);
    assert.equal(semantics.errorType(x, CLIENT), '');
    for (const [outcome, error] of [
      [TIMEOUT, 'timeout'],
      [RESET, 'connection_reset'],
      [CLOSED, 'connection_closed'],
    ] as const) {
      x.outcome = outcome;
      assert.equal(semantics.errorType(x, CLIENT), error);
    }
  });
});

describe('metrics', () => {
  test('the instrument is that of the conventions, and makes no edge', () => {
    assert.equal(semantics.clientDuration!.name, METRIC_DNS_LOOKUP_DURATION);
    assert.equal(semantics.serverDuration, null);
    assert.equal(semantics.connectionType, null);
    assert.equal(dnsOverTcp.semantics, semantics);
  });

  test('series are told apart by name, rcode and outcome, not by the case of letters', () => {
    const key = (text: string, rcode: number): number =>
      semantics.seriesKey(exchange(query(1, text), refusal(1, text, rcode)));
    const one = key('One.Series.example', 3);
    assert.equal(key('oNE.series.EXAMPLE', 3), one);
    assert.notEqual(key('one.series.example', 2), one);
    assert.notEqual(key('two.series.example', 3), one);
    const x = exchange(query(1, 'ONE.series.example'), refusal(1, 'ONE.series.example', 3));
    assert.deepEqual(dimensions(x), { 'dns.question.name': 'one.series.example' });
    x.outcome = TIMEOUT;
    assert.notEqual(semantics.seriesKey(x), one);
  });

  test('names are bounded: by domain, and below in-addr.arpa and ip6.arpa', () => {
    const of = (text: string): string => metricName(metricNameId(text));
    assert.equal(of('4.3.2.1.in-addr.arpa'), '*.in-addr.arpa');
    assert.equal(of('1.0.0.0.ip6.arpa'), '*.ip6.arpa');
    assert.equal(of('www.tunnel.example'), 'www.tunnel.example');
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) seen.add(of(`${i.toString(36)}.data.tunnel.example`));
    assert.equal(seen.size, 256); // 255 beside the one above, and what stands for the rest
    assert.ok(seen.has('*.tunnel.example'));
    assert.equal(of('www.tunnel.example'), 'www.tunnel.example');
    assert.equal(of('other.example'), 'other.example');
    for (let i = 0; i < 300; i++) of(`shop-${i}.co.uk`);
    assert.equal(of('next.shop-1.co.uk'), 'next.shop-1.co.uk');
    const all = new Set<number>();
    for (let i = 0; i < 20_000; i++) all.add(metricNameId(`www.site-${i}.example`));
    assert.ok(all.size <= 4096 && Math.max(...all) < 4096);
    assert.equal(of('www.site-19999.example'), '_OTHER');
    assert.equal(of('other.example'), 'other.example');
  });
});

describe('names', () => {
  const text = (bytes: string, at = 0): string => {
    const b = Buffer.from(bytes.replaceAll(' ', ''), 'hex');
    return nameText(b, 0, at, b.length);
  };

  test('in the form of zone files', () => {
    assert.equal(text('00'), '.');
    assert.equal(text('03777777 07657861 6d706c65 00'), 'www.example');
    assert.equal(text('04 612e 2001 01 ff 02 5c22 00'), 'a\\.\\032\\001.\\255.\\\\\\"');
  });

  test('pointers lead back, and nowhere else', () => {
    assert.equal(text('03777777 00 0161 c000', 5), 'a.www');
    assert.equal(text('03777777 00 0161 c000 0162 c005', 9), 'b.a.www');
    assert.equal(text('c000'), '');
    assert.equal(text('c002 00'), '');
    assert.equal(text('0161 c000'), ''); // back to itself
    assert.equal(text('0161 c002 0162 c000', 4), '');
    assert.equal(text('40 00'), '');
    assert.equal(text('0361 62'), '');
    const chain = Array.from({ length: 40 }, (_, i) =>
      i === 0 ? '00' : Buffer.of(0xc0, i === 1 ? 0 : 2 * i - 3).toString('hex'),
    );
    assert.equal(text(chain.join(''), 2 * 16 - 1), '.');
    assert.equal(text(chain.join(''), 2 * 30 - 1), '');
  });

  test('a name has 255 bytes at most', () => {
    const labels = (n: number): string => `01${'61'}`.repeat(n);
    assert.equal(text(`${labels(127)}00`).length, 253);
    assert.equal(text(`${labels(128)}00`), '');
    const long = Buffer.from(`${labels(128)}00`, 'hex');
    assert.equal(nameEnd(long, 0, long.length), -1);
    assert.equal(nameEnd(long, 2, long.length), long.length);
  });
});

/** What the pipeline learns from these datagrams. */
function learnt(list: readonly Datagram[], detail: Detail): string[] {
  const told: string[] = [];
  const pipeline = new Pipeline({
    config: DEFAULTS,
    listeners: [{ finished: () => {} }],
    counters: new Counters(),
    budget: new Budget(1 << 20),
    timebase: new Timebase(),
    detail,
    names: {
      learn: (version, w0, w1, w2, w3, host, ttlSec, nowNs) =>
        void told.push(`${host} ${version} ${[w0, w1, w2, w3].map((w) => w >>> 0).join(' ')} ${ttlSec} ${nowNs}`),
    },
  });
  list.forEach((d, i) => {
    const { bytes } = layOutDatagram(d, { version: 4, serverPort: 53 });
    pipeline.frame(bytes, 0, bytes.length, bytes.length, 1000, i * 1000, 1);
  });
  pipeline.end();
  return told;
}

describe('addresses are offered to naming', () => {
  const chain = [
    record(ASKED, 'CNAME', name('b.example'), 30),
    record(name('b.example'), 'CNAME', name('c.example'), 60),
    record(name('c.example'), 'A', Buffer.of(10, 0, 0, 1), 300),
    record(name('c.example'), 'A', Buffer.of(10, 0, 0, 2), 20),
  ];

  test('under the name that was asked for, for as long as the shortest part of the chain holds', () => {
    const list = [asks(0, query(1, 'A.example')), answers(0, response(1, 'A.example', 'A', chain))];
    const expected = ['a.example 4 0 0 0 167772161 30 1000', 'a.example 4 0 0 0 167772162 20 1000'];
    assert.deepEqual(learnt(list, FULL), expected);
    assert.deepEqual(learnt(list, BARE), expected);
    const six = [
      asks(0, query(1, 'a.example', 'AAAA')),
      answers(0, response(1, 'a.example', 'AAAA', [addressRecord('2001:db8:0:0:0:0:0:9', -1)])),
    ];
    assert.deepEqual(learnt(six, BARE), ['a.example 6 536939960 0 0 9 0 1000']);
  });

  test('but not from answers that nobody asked for, that failed, or that are of another class', () => {
    const good = response(1, 'a.example', 'A', chain);
    assert.deepEqual(learnt([asks(0, query(2, 'a.example')), answers(0, good)], FULL), []);
    const failed = response(1, 'a.example', 'A', chain, { rcode: 3 });
    assert.deepEqual(learnt([asks(0, query(1, 'a.example')), answers(0, failed)], FULL), []);
    const chaos = { ...record(ASKED, 'A', Buffer.of(10, 0, 0, 1)), class: 3 };
    const asked = message({ id: 1, questions: [question('a.example', 'A', 3)] }, false);
    const reply = message({ id: 1, questions: [question('a.example', 'A', 3)], answers: [chaos] }, true);
    assert.deepEqual(learnt([asks(0, asked), answers(0, reply)], FULL), []);
  });
});
