/** Flows of datagrams: what is followed, for how long, and at what cost. DNS is the protocol, because it is spoken over UDP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, type Ends, LOST, OPEN, OUTCOMES, TIMEOUT } from '../../src/exchange/exchange.ts';
import type { PipelineOptions } from '../../src/pipeline.ts';
import { answers, asks, type Datagram, DatagramRig, layOutDatagram } from '../kit/datagrams.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { Random } from '../kit/random.ts';
import { DEFAULTS } from '../kit/run.ts';
import { query, refusal } from '../protocols/dns-messages.ts';

const AT = { version: 4, serverPort: 53 } as const;
/** The client and the server there. */
const C = '10.1.0.1';
const S = '10.0.0.2';

const options = (o: { maxFlows?: number; multicast?: boolean }): PipelineOptions => ({
  ...DEFAULTS,
  streams: { ...DEFAULTS.streams, maxFlows: o.maxFlows ?? DEFAULTS.streams.maxFlows },
  protocols: { ...DEFAULTS.protocols, speak: { dns: { enabled: true, multicast: o.multicast ?? false } } },
});

const used = (rig: DatagramRig, owner: string): number => rig.budget.owners.find((o) => o.name === owner)!.used;
const outcomes = (rig: DatagramRig): string[] => rig.found.map((f) => `${f.target} ${OUTCOMES[f.outcome]}`);

const asked = (flow: number, more: Partial<Datagram> = {}): Datagram =>
  asks(flow, query(flow & 0xffff, `host-${flow}.example`), { flow, gapNs: 10_000, ...more });
const answered = (flow: number, more: Partial<Datagram> = {}): Datagram =>
  answers(flow, refusal(flow & 0xffff, `host-${flow}.example`, 3), { flow, gapNs: 10_000, ...more });

test('a flow is forgotten when nothing is under way on it; one that waits is kept until its time is out', () => {
  const rig = new DatagramRig().pass([asked(1), answered(1), asked(2)], AT);
  assert.equal(rig.count('stream.flows'), 2);
  rig.wait(4000);
  assert.equal(rig.count('stream.flows'), 2);
  rig.wait(2000);
  assert.equal(rig.count('stream.flows'), 1);
  rig.wait(113_000);
  assert.deepEqual(outcomes(rig), ['host-1.example complete']);
  rig.wait(3000);
  assert.deepEqual(outcomes(rig), ['host-1.example complete', 'host-2.example timeout']);
  assert.equal(rig.found[1]!.endNs - rig.found[1]!.startNs, 120e9);
  rig.wait(1000);
  assert.equal(rig.count('stream.flows'), 0);
  assert.equal(used(rig, 'udpFlows'), 0);
  rig.end();
});

test('an answer after the time is out belongs to nobody', () => {
  const rig = new DatagramRig().pass([asked(1)], AT).wait(121_000) as DatagramRig;
  rig.pass([answered(1)], AT).end();
  assert.deepEqual(
    rig.found.map((f) => f.outcome),
    [TIMEOUT],
  );
  assert.equal(rig.count('exchange.unasked'), 1);
});

test('the same port asks on: other ids, and the same id for something else', () => {
  const on = (id: number, name: string, gapNs: number): Datagram[] => [
    asks(0, query(id, name), { gapNs }),
    answers(0, refusal(id, name, 2), { gapNs: 100 }),
  ];
  const rig = new DatagramRig().pass(
    [...on(1, 'a.example', 1000), ...on(2, 'b.example', 1000), ...on(1, 'c.example', 4e9), ...on(1, 'a.example', 9e9)],
    AT,
  );
  rig.end();
  assert.deepEqual(outcomes(rig), [
    'a.example complete',
    'b.example complete',
    'c.example complete',
    'a.example complete',
  ]);
  assert.ok(rig.found.every((f) => f.firstByteNs - f.startNs === 100));
});

test('roles come from what is said, not from who is seen first or from ports', () => {
  const rig = new DatagramRig().pass([answered(1), asked(1), answered(1)], { version: 4, serverPort: 40_000 });
  rig.end();
  assert.equal(rig.count('exchange.unasked'), 1);
  assert.deepEqual(outcomes(rig), ['host-1.example complete']);
  assert.equal(rig.found[0]!.record.ends.serverPort, 40_000);
});

test('two servers that ask each other from one port each', () => {
  const rig = new DatagramRig().pass(
    [
      asks(0, query(1, 'mine.example')),
      { ...asks(1, query(1, 'mine.example')), side: SERVER },
      { ...answers(1, refusal(1, 'mine.example', 2)), side: CLIENT },
      answers(0, refusal(1, 'mine.example', 5)),
    ],
    AT,
  );
  rig.end();
  assert.deepEqual(
    rig.found.map((f) => [f.record.ends.serverAddress, f.status, f.startNs, f.firstByteNs]),
    [
      ['10.1.0.1', 2, 2e6, 3e6],
      ['10.0.0.2', 5, 1e6, 4e6],
    ],
  );
});

test('a question sent again is counted, a copy of it is none', () => {
  const rig = new DatagramRig().pass(
    [
      asked(1),
      asked(1, { gapNs: 3000 }),
      asked(1, { gapNs: 1e9 }),
      asked(1, { gapNs: 3000 }),
      answered(1),
      answered(1),
    ],
    AT,
  );
  rig.end();
  assert.equal(rig.found.length, 1);
  assert.equal(rig.found[0]!.record.retransmissions, 1);
  assert.equal(rig.count('exchange.requests_repeated'), 1);
  assert.equal(rig.count('exchange.requests_copied'), 2);
  assert.equal(rig.count('exchange.unasked'), 1);
});

test('what cannot be read: three in a row end a flow, fewer do not, and what the snaplen cut does not count', () => {
  const noise = (captured = Number.POSITIVE_INFINITY): Datagram => answers(-1, Buffer.alloc(40, 0xee), { captured });
  const rig = new DatagramRig().pass([asked(1), noise(), noise(), answered(1)], AT);
  assert.equal(rig.count('stream.datagrams_malformed'), 2);
  rig.pass([asked(2), ...[1, 2, 3, 4].map(() => ({ ...noise(8), flow: 2 })), answered(2)], AT);
  assert.equal(rig.count('stream.datagrams_cut'), 4);
  rig.pass([asked(3), ...[1, 2, 3].map(() => ({ ...noise(), flow: 3 })), answered(3)], AT);
  rig.end();
  assert.deepEqual(outcomes(rig), ['host-1.example complete', 'host-2.example complete', 'host-3.example lost']);
});

test('multicast ports are left alone unless they are asked for; whoever answers a question to a group is another', () => {
  const run = (multicast: boolean, group: string): DatagramRig => {
    const rig = new DatagramRig(options({ multicast }));
    const question = asks(0, query(0, 'printer.local'), { flow: 5353 - 1024 });
    for (const version of [4, 6] as const) {
      const { bytes } = layOutDatagram(question, { version, serverPort: 5353 });
      if (group !== '') Buffer.from(version === 4 ? 'e00000fb' : 'ff02', 'hex').copy(bytes, version === 4 ? 30 : 38);
      rig.raw(bytes);
    }
    rig.end();
    return rig;
  };
  const silent = run(false, 'all');
  assert.equal(silent.found.length, 0);
  assert.equal(silent.count('stream.datagrams_unrecognised'), 2);
  assert.deepEqual(outcomes(run(true, 'all')), ['printer.local one_way', 'printer.local one_way']);
  assert.deepEqual(outcomes(run(true, '')), ['printer.local open', 'printer.local open']);
});

test('a port of ours that happens to be a multicast port at the other end', () => {
  const rig = new DatagramRig(options({})).pass([asked(5353 - 1024), answered(5353 - 1024)], AT);
  rig.end();
  assert.equal(rig.found.length, 1);
});

test('flows beyond the limit are refused; those in silence make room for them, even if they wait', () => {
  const rig = new DatagramRig(options({ maxFlows: 100 }));
  for (let flow = 0; flow < 150; flow++) rig.pass([asked(flow)], AT);
  assert.equal(rig.count('stream.flows'), 100);
  assert.equal(rig.count('stream.refused_flows'), 50);
  rig.wait(3000);
  assert.equal(rig.count('stream.flows'), 100);
  rig.wait(3000);
  assert.equal(rig.count('stream.flows'), 0);
  assert.equal(rig.count('stream.udp_flows_given_up'), 100);
  assert.ok(rig.found.every((f) => f.outcome === LOST));
  rig.pass([asked(500), answered(500)], AT).end();
  assert.equal(rig.found.at(-1)!.status, 3);
});

test('of flows at rest the last 256 are kept, and of the others nothing', () => {
  const rig = new DatagramRig();
  for (let flow = 0; flow < 1000; flow++) rig.pass([asked(flow), answered(flow)], AT);
  assert.equal(rig.count('stream.flows'), 256);
  assert.equal(rig.count('stream.udp_flows'), 1000);
  assert.equal(used(rig, 'udpFlows'), 256 * 768);
  rig.pass([answered(0), asked(0), answered(0), answered(999)], AT);
  assert.equal(rig.found.length, 1001);
  assert.equal(rig.count('exchange.unasked'), 2);
  rig.wait(7000);
  assert.equal(rig.count('stream.flows'), 0);
  assert.equal(used(rig, 'udpFlows') + used(rig, 'exchanges'), 0);
  rig.end();
});

test('a flow that waits is not forgotten for others, however many come', () => {
  const rig = new DatagramRig().pass([asked(5000)], AT);
  for (let flow = 0; flow < 1000; flow++) rig.pass([asked(flow), answered(flow)], AT);
  rig.pass([answered(5000)], AT).end();
  assert.equal(rig.found.length, 1001);
  assert.ok(rig.found.every((f) => f.outcome === COMPLETE));
  assert.equal(rig.found.at(-1)!.target, 'host-5000.example');
});

test('where there is no room for more flows, those at rest make some at once', () => {
  const rig = new DatagramRig(options({ maxFlows: 100 }));
  for (let flow = 0; flow < 90; flow++) rig.pass([asked(flow)], AT);
  for (let flow = 100; flow < 150; flow++) rig.pass([asked(flow), answered(flow)], AT);
  assert.equal(rig.count('stream.flows'), 100);
  assert.equal(rig.count('stream.refused_flows'), 0);
  assert.equal(rig.found.length, 50);
  rig.end();
});

test('a flow knows nothing of the one whose record it took over: ends, roles, what could not be read', () => {
  const rig = new DatagramRig();
  const noise = (flow: number): Datagram => answers(-1, Buffer.alloc(40, 0xee), { flow });
  const told: string[] = [];
  for (let flow = 0; flow < 1500; flow++) {
    const name = `host-${flow}.example`;
    const [question, refused] = [query(flow, name), refusal(flow, name, 3)];
    // a third asks from the side that otherwise answers, a third both ways and from one port each
    const [asking, answering] = flow % 3 === 1 ? ([SERVER, CLIENT] as const) : ([CLIENT, SERVER] as const);
    // and of some an answer is seen first
    if (flow % 5 < 2) rig.pass([answers(-1, refused, { flow, side: answering })], AT);
    rig.pass([asks(flow, question, { flow, side: asking }), noise(flow), noise(flow)], AT);
    rig.pass([answers(flow, refused, { flow, side: answering })], AT);
    told.push(`${name} 3 ${asking === CLIENT ? 1024 + flow : 53} ${asking === CLIENT ? 53 : 1024 + flow}`);
    if (flow % 3 < 2) continue;
    rig.pass([asks(flow, question, { flow, side: SERVER }), answers(flow, refused, { flow, side: CLIENT })], AT);
    told.push(`${name} 3 53 ${1024 + flow}`);
  }
  rig.end();
  assert.deepEqual(
    rig.found.map(({ target, status, record: { ends: e } }) => `${target} ${status} ${e.clientPort} ${e.serverPort}`),
    told,
  );
  assert.ok(rig.found.every(({ record: { ends: e } }) => e.clientAddress === (e.serverPort === 53 ? C : S)));
});

test('what is resolved for the ends of a flow holds for those that differ in the port of the client, for a second', () => {
  const rig = new DatagramRig();
  const memo = {};
  const ends = (list: readonly Datagram[], serverPort = 53): Ends => {
    rig.pass(list, { version: 4, serverPort });
    return rig.found.at(-1)!.record.ends;
  };
  ends([asked(1), answered(1)]).memo = memo;
  assert.equal(ends([asked(2), answered(2)]).memo, memo);
  assert.equal(ends([asked(2), answered(2)]).clientPort, 1026);
  assert.equal(ends([asked(1), answered(1)], 5300).memo, null);
  assert.equal(ends([asked(3, { side: SERVER }), answered(3, { side: CLIENT })]).memo, null);
  rig.wait(1000);
  assert.equal(ends([asked(4), answered(4)]).memo, null);
  assert.equal(ends([asked(1), answered(1)]).memo, memo);
  rig.end();
});

test('a clock that is set back does not keep flows for ever', () => {
  const rig = new DatagramRig().pass([asked(1), asked(2, { gapNs: 3600e9 }), answered(2)], AT);
  rig.nowNs -= 3500e9;
  rig.pass([asked(3), answered(3)], AT);
  for (let s = 0; s < 10; s++) rig.pass([asked(4 + s, { gapNs: 1e9 }), answered(4 + s)], AT);
  assert.ok(rig.count('stream.flows') <= 8, `${rig.count('stream.flows')} flows`);
  rig.end();
});

test('a flood of random datagrams costs nothing', () => {
  const random = new Random(1);
  const rig = new DatagramRig();
  for (let i = 0; i < 50_000; i++) {
    const side = random.pick([CLIENT, SERVER] as const);
    rig.pass([{ ...asks(-1, random.bytes(random.below(120))), side, flow: random.below(60_000), gapNs: 1000 }], AT);
    rig.seen.length = 0;
  }
  assert.equal(rig.peakBytes, 0);
  assert.equal(rig.count('stream.datagrams_unrecognised'), 50_000);
  rig.end();
});

test('a flood of questions that nobody answers stays within the budget, and others are heard behind it', () => {
  const maxBytes = 2 << 20;
  const rig = new DatagramRig(options({}), maxBytes);
  for (let i = 0; i < 60_000; i++) {
    rig.pass([asked(i, { gapNs: 100_000 })], AT);
    rig.seen.length = 0;
  }
  assert.ok(rig.peakBytes <= maxBytes && rig.peakBytes > maxBytes / 2, `${rig.peakBytes} bytes`);
  assert.ok(rig.count('stream.refused_flows') > 0);
  rig.wait(130_000);
  assert.equal(used(rig, 'udpFlows') + used(rig, 'exchanges'), 0);
  rig.pass([asked(60_001), answered(60_001)], AT).end();
  assert.equal(rig.found.at(-1)!.status, 3);
});

test('the same datagrams give the same exchanges in the same order, ids included', () => {
  const told = (): string[] => {
    const random = new Random(7);
    const rig = new DatagramRig(options({ maxFlows: 300 }));
    for (let i = 0; i < 3000; i++) {
      const flow = random.below(2000);
      rig.pass([random.chance(0.5) ? asked(flow) : answered(flow, { gapNs: random.below(20_000_000) })], AT);
    }
    rig.end();
    return rig.found.map((f) => `${f.id} ${f.target} ${f.outcome} ${f.startNs} ${f.endNs}`);
  };
  const first = told();
  assert.ok(first.length > 500);
  assert.deepEqual(told(), first);
});

test('the identity: both ports, the second, the first 64 bytes and, by its hash, the whole question', () => {
  const id = (payload: Buffer, more: Partial<Datagram> = {}, port = 53): string => {
    const rig = new DatagramRig().pass([asks(0, payload, more)], { version: 4, serverPort: port });
    rig.end();
    return rig.found[0]!.id;
  };
  const q = query(1, 'www.example.com');
  const same = id(q);
  assert.equal(id(q, { gapNs: 900_000_000 }), same);
  assert.notEqual(id(q, { gapNs: 1_000_000_000 }), same);
  assert.notEqual(id(q, { flow: 2 }), same);
  assert.notEqual(id(q, {}, 54), same);
  assert.notEqual(id(query(2, 'www.example.com')), same);
  assert.notEqual(id(query(1, 'wwx.example.com')), same);
  const long = (last: string): Buffer => query(1, `${'a'.repeat(60)}.${last}`);
  assert.notEqual(id(long('com')), id(long('net')));
});

test('what is open at the end of the capture', () => {
  const rig = new DatagramRig().pass([asked(1), asked(2), asked(3)], AT);
  rig.end();
  assert.deepEqual(
    rig.found.map((f) => [f.target, f.outcome]),
    [1, 2, 3].map((n) => [`host-${n}.example`, OPEN]),
  );
  assert.equal(used(rig, 'udpFlows'), 0);
});
