import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TraceContext } from '../../src/telemetry/context.ts';
import { wordHex } from '../../src/telemetry/identity.ts';
import { ends, exchange, TOY_DATABASE, telemetry, wire } from './double.ts';
import { spansOf } from './otlp-reader.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

function parse(headers: Parameters<typeof wire>[0]): string {
  const c = new TraceContext();
  if (!c.parse(wire(headers))) return 'none';
  if (!c.hasIds) return `decision ${c.flags}`;
  const trace = [c.trace0, c.trace1, c.trace2, c.trace3].map(wordHex).join('');
  return `${trace} ${wordHex(c.parent0)}${wordHex(c.parent1)} ${c.flags}${c.tracestate === '' ? '' : ` ${c.tracestate}`}`;
}

test('traceparent is taken by the letter of the specification', () => {
  const good = `${TRACE} ${PARENT} 1`;
  assert.equal(parse({ traceparent: TRACEPARENT }), good);
  assert.equal(parse({ traceparent: TRACEPARENT, tracestate: 'ot=th:8,x=1' }), `${good} ot=th:8,x=1`);
  assert.equal(parse({ traceparent: `00-${TRACE}-${PARENT}-02` }), `${TRACE} ${PARENT} 2`);
  assert.equal(parse({ traceparent: `cc-${TRACE}-${PARENT}-01` }), good);
  assert.equal(parse({ traceparent: `cc-${TRACE}-${PARENT}-01-what-the-future-brings` }), good);
  for (const bad of [
    `00-${TRACE}-${PARENT}-01-`,
    `00-${TRACE}-${PARENT}-0`,
    `cc-${TRACE}-${PARENT}-01.x`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT.replace('f', 'F')}-01`,
    `0G-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-0g`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00_${TRACE}-${PARENT}-01`,
    `${TRACEPARENT},${TRACEPARENT}`,
    'nonsense',
    '-'.repeat(55),
  ]) {
    assert.equal(parse({ traceparent: bad, tracestate: 'a=1' }), 'none', bad);
  }
});

test('b3, uber-trace-id and sw8 are read when nothing better is there', () => {
  assert.equal(parse({ b3: `${TRACE}-${PARENT}-1-05e3ac9a4f6e3b90` }), `${TRACE} ${PARENT} 1`);
  assert.equal(parse({ b3: `${TRACE}-${PARENT}` }), `${TRACE} ${PARENT} 1`);
  assert.equal(parse({ b3: `${PARENT}-${PARENT}-d` }), `${'0'.repeat(16)}${PARENT} ${PARENT} 1`);
  assert.equal(parse({ b3: `${TRACE}-${PARENT}-0` }), `${TRACE} ${PARENT} 0`);
  assert.equal(parse({ b3: '0' }), 'decision 0');
  for (const bad of ['2', `${TRACE}-${PARENT}-x`, `${TRACE}-0`, `${TRACE}x-${PARENT}-1`, 'a-b-c-d-e', '-'.repeat(50)]) {
    assert.equal(parse({ b3: bad }), 'none', bad);
  }

  assert.equal(parse({ uberTraceId: `${TRACE}:${PARENT}:0:1` }), `${TRACE} ${PARENT} 1`);
  assert.equal(parse({ uberTraceId: `${TRACE}%3A${PARENT}%3a0%3A3` }), `${TRACE} ${PARENT} 1`);
  assert.equal(parse({ uberTraceId: 'abc:1f:0:0' }), `${'abc'.padStart(32, '0')} ${'1f'.padStart(16, '0')} 0`);
  for (const bad of ['abc:1f:0', ':1:0:1', 'abc:0:0:1', `${TRACE}0:1:0:1`, 'xyz:1:0:1', 'abc:1:0:zz', 'abc:1:0:1:5']) {
    assert.equal(parse({ uberTraceId: bad }), 'none', bad);
  }

  // 1-b64(trace)-b64(segment)-span-...; bytes by hand: trace 56a5...7f laid over with 12 and 16563474296430001
  const b64 = (s: string): string => Buffer.from(s).toString('base64');
  const id = '56a5e1c519ae4c76a2b8b11d92cead7f';
  const sw = (sample: string, trace: string, segment: string, span: string): string =>
    [sample, b64(trace), b64(segment), span, b64('s'), b64('i'), b64('/e'), b64('h:1')].join('-');
  assert.equal(parse({ sw8: sw('1', id, id, '0') }), `${id} ${xor(id.slice(0, 16), id.slice(16))} 1`);
  const uuid = 'de5980b8-fce3-4a37-aab9-b4ac3af7eedd';
  assert.equal(parse({ sw8: sw('0', uuid, id, '3') }).split(' ')[0], uuid.replaceAll('-', ''));
  const full = `${id}.12.16563474296430001`;
  const laid = `56a5e1c515ae4c76${xor('a2b8b11d92cead7f', littleEndian(16563474296430001n))}`;
  assert.equal(parse({ sw8: sw('1', full, id, '0') }).split(' ')[0], laid);
  for (const bad of [
    sw('2', id, id, '0'),
    sw('1', 'short', id, '0'),
    sw('1', id, id, '-1'),
    sw('1', id, id, 'x'),
    '1-a-b',
    `${sw('1', id, id, '0')}-more`,
  ]) {
    assert.equal(parse({ sw8: bad }), 'none', bad);
  }

  // precedence, and an invalid one does not hide the next
  const uber = 'abc:1f:0:0';
  assert.equal(parse({ traceparent: TRACEPARENT, b3: '0', uberTraceId: uber }), `${TRACE} ${PARENT} 1`);
  assert.equal(parse({ traceparent: 'x', b3: '0', uberTraceId: uber }), 'decision 0');
  assert.equal(
    parse({ traceparent: 'x', b3: 'x', uberTraceId: uber, sw8: sw('1', id, id, '0') }).split(' ')[1],
    '1f'.padStart(16, '0'),
  );
});

function xor(a: string, b: string): string {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(16).padStart(16, '0');
}
function littleEndian(value: bigint): string {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(value);
  return b.toString('hex');
}

const traced = (flags = '01') => wire({ traceparent: `00-${TRACE}-${PARENT}-${flags}`, tracestate: 'v=1' });

test('no header: a root CLIENT span, and the SERVER span below it', () => {
  const t = telemetry();
  t.telemetry.finished(exchange(ends(1, 2)));
  t.telemetry.flush();
  const [client, server] = spansOf(t.batches);
  assert.equal(client!.parentSpanId, undefined);
  assert.equal(server!.parentSpanId, client!.spanId);
});

test("an instrumented caller: its own CLIENT span is the SERVER span's parent, ours is left out, metrics stay", () => {
  for (const mode of ['pair', 'client', 'server'] as const) {
    const t = telemetry({ spans: { mode } });
    t.telemetry.finished(exchange(ends(1, 2), { detail: traced() }));
    t.telemetry.flush();
    const spans = spansOf(t.batches);
    assert.equal(spans.length, mode === 'client' ? 0 : 1);
    assert.equal(t.reading('telemetry.client_suppressed'), mode === 'server' ? 0 : 1);
    assert.equal(t.telemetry.snapshot(2e9).resources.length, 3);
    if (mode === 'client') continue;
    const server = spans[0]!;
    assert.equal(server.kind, 2);
    assert.equal(server.traceId, TRACE);
    assert.equal(server.parentSpanId, PARENT);
    assert.notEqual(server.spanId, PARENT);
    assert.equal(server.traceState, 'v=1');
    assert.equal(server.flags, 0x301);
  }
  const t = telemetry();
  t.telemetry.finished(exchange(ends(1, 2), { detail: traced() }, TOY_DATABASE));
  t.telemetry.flush();
  assert.equal(t.batches.length, 0);
});

test('a service that passes the context on gets a CLIENT span below the SERVER span of what it was serving', () => {
  for (const how of ['while it is served', 'afterwards'] as const) {
    const t = telemetry();
    const inbound = exchange(ends(1, 2), { detail: traced() });
    const outbound = exchange(ends(2, 3), { detail: traced(), startNs: 1.001e9 });
    const further = exchange(ends(3, 4), { detail: traced(), startNs: 1.002e9 });
    if (how === 'afterwards') {
      for (const x of [inbound, outbound, further]) t.telemetry.finished(x);
    } else {
      for (const x of [inbound, outbound, further]) t.telemetry.begun(x);
      for (const x of [further, outbound, inbound]) t.telemetry.finished(x);
    }
    t.telemetry.flush();
    const spans = spansOf(t.batches);
    const find = (service: string, kind: number) => spans.find((s) => s.service === service && s.kind === kind)!;
    assert.equal(spans.length, 5);
    assert.ok(spans.every((s) => s.traceId === TRACE && s.traceState === 'v=1'));
    assert.equal(find('svc-2', 2).parentSpanId, PARENT);
    assert.equal(find('svc-2', 3).parentSpanId, find('svc-2', 2).spanId);
    assert.equal(find('svc-2', 3).flags, 0x101); // its parent is of the same process
    assert.equal(find('svc-3', 2).parentSpanId, find('svc-2', 3).spanId);
    assert.equal(find('svc-3', 3).parentSpanId, find('svc-3', 2).spanId);
    assert.equal(find('svc-4', 2).parentSpanId, find('svc-3', 3).spanId);
    assert.equal(t.reading('telemetry.passed_through'), 2);
    assert.equal(t.reading('telemetry.client_suppressed'), 1);
  }
});

test('another parent id, trace or service is no pass-through', () => {
  const t = telemetry();
  t.telemetry.finished(exchange(ends(1, 2), { detail: traced() }));
  t.telemetry.finished(exchange(ends(2, 3), { detail: wire({ traceparent: `00-${TRACE}-${'ab'.repeat(8)}-01` }) }));
  t.telemetry.finished(exchange(ends(2, 3), { detail: wire({ traceparent: `00-${'cd'.repeat(16)}-${PARENT}-01` }) }));
  t.telemetry.finished(exchange(ends(5, 3), { detail: traced() }));
  assert.equal(t.reading('telemetry.passed_through'), 0);
  assert.equal(t.reading('telemetry.client_suppressed'), 4);
});

test('a service that calls itself makes no circle', () => {
  const t = telemetry();
  const first = exchange(ends(2, 2), { detail: traced() });
  t.telemetry.begun(first);
  t.telemetry.finished(first);
  t.telemetry.flush();
  const spans = spansOf(t.batches);
  assert.equal(spans.length, 1);
  assert.equal(spans[0]!.parentSpanId, PARENT);
});

test('not sampled: no spans but metrics, unless they are wanted always', () => {
  const unsampled = [traced('00'), traced('02'), wire({ b3: '0' }), wire({ b3: `${TRACE}-${PARENT}-0` })];
  for (const detail of unsampled) {
    const t = telemetry();
    t.telemetry.finished(exchange(ends(1, 2), { detail }));
    t.telemetry.flush();
    assert.equal(t.batches.length, 0);
    assert.equal(t.reading('telemetry.unsampled'), 1);
    assert.equal(t.telemetry.snapshot(2e9).resources.length, 3);
  }
  const t = telemetry({ spans: { unsampled: 'always' } });
  t.telemetry.finished(exchange(ends(1, 2), { detail: traced('02') }));
  t.telemetry.finished(exchange(ends(1, 2), { detail: wire({ b3: '0' }) }));
  t.telemetry.flush();
  const spans = spansOf(t.batches);
  assert.deepEqual(
    spans.filter((s) => s.traceId === TRACE).map((s) => [s.kind, s.flags]),
    [[2, 0x302]],
  );
  assert.equal(spans.length, 3); // the decision alone has no ids: a trace of our own
});

test('a sampled pass-through, in modes of one side', () => {
  for (const mode of ['client', 'server'] as const) {
    const t = telemetry({ spans: { mode } });
    t.telemetry.finished(exchange(ends(1, 2), { detail: traced(), id0: 5, id1: 5, id2: 5, id3: 5 }));
    t.telemetry.finished(exchange(ends(2, 3), { detail: traced(), id0: 6, id1: 6, id2: 6, id3: 6 }));
    t.telemetry.flush();
    const spans = spansOf(t.batches);
    assert.deepEqual(
      spans.map((s) => s.service),
      mode === 'client' ? ['svc-2'] : ['svc-2', 'svc-3'],
    );
  }
});

test('hostile headers cost bounded time and throw nothing', () => {
  const long = 'a'.repeat(65_536);
  for (const text of [
    long,
    '-'.repeat(65_536),
    ':'.repeat(65_536),
    '%3a'.repeat(20_000),
    `00-${long}`,
    '\u0000',
    '1-'.repeat(9),
  ]) {
    assert.equal(parse({ traceparent: text, tracestate: text, b3: text, uberTraceId: text, sw8: text }), 'none');
  }
});
