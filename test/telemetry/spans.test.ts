import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { Budget, SHED_DETAIL, SHED_SPANS } from '../../src/bytes/budget.ts';
import { CLOSED, LOST, OPEN, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import { VERSION } from '../../src/self/version.ts';
import { BASE_SEC, ends, exchange, TOY_DATABASE, TOY_MESSAGING, telemetry, wire } from './double.ts';
import { type ReadSpan, readTraces, spansOf } from './otlp-reader.ts';

/** One object: the stock serializer groups by identity. */
const SCOPE = { name: 'spantap', version: VERSION, schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' };

/** The same spans as the SDK would have made them, for its own serializers. */
function asReadable(requests: ReturnType<typeof readTraces>): ReadableSpan[] {
  return requests.resourceSpans.flatMap((r) => {
    const plain = (list: { key: string; value: object }[] = []): Attributes =>
      Object.fromEntries(
        list.map((a) => {
          const value = Object.values(a.value)[0];
          return [a.key, typeof value === 'object' ? value.values.map((v: object) => Object.values(v)[0]) : value];
        }),
      );
    const resource = resourceFromAttributes(plain(r.resource.attributes));
    const time = (text: string): [number, number] => [Number(text.slice(0, -9)), Number(text.slice(-9))];
    return r.scopeSpans[0]!.spans.map((s: ReadSpan): ReadableSpan => {
      const parent = s.parentSpanId;
      return {
        name: s.name,
        kind: s.kind === 3 ? SpanKind.CLIENT : SpanKind.SERVER,
        spanContext: () => ({
          traceId: s.traceId,
          spanId: s.spanId,
          traceFlags: s.flags & 0xff,
          ...(s.traceState === undefined ? {} : { traceState: { serialize: () => s.traceState! } as never }),
        }),
        ...(parent === undefined
          ? {}
          : {
              parentSpanContext: {
                traceId: s.traceId,
                spanId: parent,
                traceFlags: TraceFlags.SAMPLED,
                isRemote: s.kind === 2,
              },
            }),
        startTime: time(s.startTimeUnixNano),
        endTime: time(s.endTimeUnixNano),
        status: { code: s.status?.code === 2 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
        attributes: plain(s.attributes),
        links: [],
        events: [],
        duration: [0, 0],
        ended: true,
        resource,
        instrumentationScope: SCOPE,
        droppedAttributesCount: 0,
        droppedEventsCount: 0,
        droppedLinksCount: 0,
      };
    });
  });
}

/** Exchanges with everything that makes spans differ. */
function variety(): ReturnType<typeof exchange>[] {
  const a = ends(1, 2);
  const outside = ends(1, 3, 8080);
  outside.client3 = 0x08080808;
  const six = ends(4, 5);
  six.ipVersion = 6;
  six.server0 = 0x20010db8;
  return [
    exchange(a),
    exchange(a, { status: 404, target: '/größe/€/😀', startNs: 2.5e9 + 1 }),
    exchange(a, { status: 500, target: `/${'x'.repeat(300)}`, retransmissions: 3, outOfOrder: 70_000, zeroWindows: 1 }),
    exchange(outside, { outcome: RESET, status: 0, firstByteNs: Number.NaN }),
    exchange(six, { startNs: -5e9 }),
    exchange(a, {
      detail: wire({ traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-03`, tracestate: 'a=1,ot=th:8' }),
    }),
  ];
}

test('protobuf spans say the same as the stock serializer', () => {
  const t = telemetry();
  for (const x of variety()) t.telemetry.finished(x);
  t.telemetry.flush();
  assert.equal(t.batches.length, 1);
  const ours = readTraces(t.batches[0]!.bytes);
  const stock = readTraces(ProtobufTraceSerializer.serializeRequest(asReadable(ours))!);
  // a status of code UNSET is a message without content there, and absent here
  for (const r of stock.resourceSpans) {
    for (const s of r.scopeSpans[0]!.spans) if (s.status?.code === undefined) delete s.status;
  }
  assert.deepEqual(ours, stock);
  assert.equal(spansOf(t.batches).length, 11); // the traced request has a SERVER span only
});

test('JSON spans equal the stock serializer, and both encodings the same spans', () => {
  const p = telemetry();
  const j = telemetry({ encoding: 'json' });
  for (const x of variety()) {
    p.telemetry.finished(x);
    x.ends.memo = null;
    j.telemetry.finished(x);
  }
  p.telemetry.flush();
  j.telemetry.flush();
  const ours = JSON.parse(Buffer.from(j.batches[0]!.bytes).toString()) as ReturnType<typeof readTraces>;
  const readable = asReadable(readTraces(p.batches[0]!.bytes));
  const stock = JSON.parse(Buffer.from(JsonTraceSerializer.serializeRequest(readable)!).toString());
  assert.deepEqual(ours, stock);
});

test('a pair of spans tells who asked whom', () => {
  const t = telemetry();
  const x = exchange(ends(1, 2), { retransmissions: 2 });
  t.telemetry.finished(x);
  t.telemetry.flush();
  const spans = spansOf(t.batches);
  const client = spans.find((s) => s.kind === 3)!;
  const server = spans.find((s) => s.kind === 2)!;
  assert.equal(client.service, 'svc-1');
  assert.equal(server.service, 'svc-2');
  assert.equal(client.traceId, server.traceId);
  assert.equal(server.parentSpanId, client.spanId);
  assert.equal(client.parentSpanId, undefined);
  assert.notEqual(client.spanId, server.spanId);
  assert.equal(client.flags, 0x101);
  assert.equal(server.flags, 0x301);
  assert.equal(client.startTimeUnixNano, `${BASE_SEC + 1}000000000`);
  assert.equal(client.endTimeUnixNano, `${BASE_SEC + 1}010000000`);
  assert.deepEqual(
    { ...client.is, 'toy.list': null },
    {
      'toy.method': 'GET',
      'toy.status': 200,
      'toy.target': '/things/1',
      'toy.list': null,
      'toy.side': false,
      'service.peer.name': 'svc-2',
      'peer.service': 'svc-2',
      'service.peer.namespace': 'shop',
      'network.peer.address': '10.0.0.2',
      'network.peer.port': 80,
      'spantap.request.transfer': 0.001,
      'spantap.time_to_first_byte': 0.004,
      'spantap.response.transfer': 0.006,
      'spantap.retransmissions': 2,
    },
  );
  assert.equal(server.is['service.peer.name'], 'svc-1');
  assert.equal(server.is['network.peer.address'], '10.0.0.1');
  assert.equal(server.is['network.peer.port'], 40_001);
  const resource = readTraces(t.batches[0]!.bytes).resourceSpans[0]!.resource.attributes;
  assert.deepEqual(Object.fromEntries(resource.map((a) => [a.key, a.value.stringValue])), {
    'service.name': 'svc-1',
    'service.namespace': 'shop',
    'telemetry.sdk.name': 'spantap',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': VERSION,
    'telemetry.distro.name': 'spantap',
  });
});

test('outcomes: which make spans, and with what status', () => {
  const cases: [number, number, boolean, string | undefined][] = [
    // outcome, spans, error, spantap.outcome
    [TIMEOUT, 2, true, 'timeout'],
    [RESET, 2, true, 'reset'],
    [CLOSED, 2, false, 'closed'],
    [TRUNCATED, 2, false, 'truncated'],
    [OPEN, 0, false, undefined],
    [LOST, 0, false, undefined],
  ];
  for (const [outcome, count, error, label] of cases) {
    const t = telemetry();
    const cut = outcome === TRUNCATED;
    t.telemetry.finished(exchange(ends(1, 2), { outcome, ...(cut ? { endNs: Number.NaN } : {}) }));
    t.telemetry.flush();
    const spans = spansOf(t.batches);
    assert.equal(spans.length, count, `outcome ${outcome}`);
    for (const s of spans) {
      assert.equal(s.status?.code, error ? 2 : undefined);
      assert.equal(s.is['spantap.outcome'], label);
      assert.equal('spantap.response.transfer' in s.is, !cut);
    }
    if (cut) assert.equal(spans[0]!.endTimeUnixNano, `${BASE_SEC + 1}004000000`); // the last that was seen
  }
});

test('an error counts on the side that sees it', () => {
  const t = telemetry();
  t.telemetry.finished(exchange(ends(1, 2), { status: 404 }));
  t.telemetry.flush();
  const [client, server] = spansOf(t.batches);
  assert.deepEqual([client!.status, client!.is['error.type']], [{ code: 2 }, '404']);
  assert.deepEqual([server!.status, server!.is['error.type']], [undefined, undefined]);
});

test('modes and protocols choose the sides; a lone SERVER span keeps the parent that the other agent emits', () => {
  const kinds = (mode: 'pair' | 'client' | 'server', database: boolean): ReadSpan[] => {
    const t = telemetry({ spans: { mode } });
    t.telemetry.finished(exchange(ends(1, 2), { id0: 1, id1: 2, id2: 3, id3: 4 }, database ? TOY_DATABASE : undefined));
    t.telemetry.flush();
    return spansOf(t.batches);
  };
  assert.deepEqual(
    kinds('pair', false).map((s) => s.kind),
    [3, 2],
  );
  assert.deepEqual(
    kinds('pair', true).map((s) => s.kind),
    [3],
  );
  assert.deepEqual(
    kinds('server', true).map((s) => s.kind),
    [],
  );
  const [client] = kinds('client', false);
  const [server] = kinds('server', false);
  assert.equal(server!.parentSpanId, client!.spanId);
  assert.equal(server!.traceId, client!.traceId);
});

test('messages: a PRODUCER span where one is sent, a CONSUMER span where it is delivered, a CLIENT span where one is fetched', () => {
  const t = telemetry();
  const told = (operation: string, e = ends(1, 2), traceparent = ''): void =>
    t.telemetry.finished(
      exchange(e, { operation, detail: traceparent === '' ? null : wire({ traceparent }) }, TOY_MESSAGING),
    );
  told('SEND');
  told('DELIVER', ends(2, 3));
  told('DELIVER', ends(2, 3), '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  told('FETCH');
  t.telemetry.flush();
  const spans = spansOf(t.batches);
  assert.deepEqual(
    spans.map((s) => [s.service, s.name, s.kind, s.parentSpanId]),
    [
      ['svc-1', 'SEND', 4, undefined],
      ['svc-1', 'FETCH', 3, undefined],
      ['svc-3', 'DELIVER', 5, undefined],
      ['svc-3', 'DELIVER', 5, 'b7ad6b7169203331'],
    ],
  );
});

test('batches close at their size and after their time', () => {
  const t = telemetry({ spans: { batchSpans: 4, flushDelayMs: 1000 } });
  for (let i = 0; i < 5; i++) t.telemetry.finished(exchange(ends(1, 2), { startNs: i * 1e6 }));
  assert.deepEqual(
    t.batches.map((b) => b.spans),
    [4, 4],
  );
  t.telemetry.tick(0.9e9);
  assert.equal(t.batches.length, 2);
  t.telemetry.tick(1.2e9);
  assert.deepEqual(
    t.batches.map((b) => b.spans),
    [4, 4, 2],
  );
  t.telemetry.flush();
  assert.equal(t.batches.length, 3);
  assert.equal(t.reading('telemetry.spans'), 10);
});

test('values too long are cut, and a span never grows beyond its bound', () => {
  for (const encoding of ['protobuf', 'json'] as const) {
    const t = telemetry({ encoding });
    t.telemetry.finished(exchange(ends(1, 2), { target: '€'.repeat(100_000) }));
    t.telemetry.flush();
    assert.ok(t.batches[0]!.bytes.length < 110_000);
    assert.equal(t.reading('telemetry.attributes_cut'), 2);
  }
  let fill = '';
  const many = {
    name: 'many',
    semantics: {
      ...TOY_DATABASE.semantics,
      attributes: (_x: unknown, _s: unknown, _r: unknown, put: { string(k: string, v: string): void }) => {
        for (let i = 0; i < 100; i++) put.string(`key.${i}`, fill);
      },
    },
  };
  for (const [encoding, letter] of [
    ['protobuf', 'v'],
    ['json', 'v'],
    ['json', '\u0000'],
    ['json', '€'],
  ] as const) {
    fill = letter.repeat(4000);
    const t = telemetry({ encoding });
    t.telemetry.finished(exchange(ends(1, 2), { operation: letter.repeat(5000) }, many));
    t.telemetry.flush();
    const { bytes } = t.batches[0]!;
    assert.ok(bytes.length < 260_000);
    const read = encoding === 'json' ? JSON.parse(Buffer.from(bytes).toString()) : readTraces(bytes);
    const [span] = (read as ReturnType<typeof readTraces>).resourceSpans[0]!.scopeSpans[0]!.spans;
    assert.ok(span!.droppedAttributesCount! > 80);
    assert.equal(span!.name[0], letter);
  }
});

test('a flood of large spans closes batches by bytes', () => {
  const t = telemetry({ spans: { batchSpans: 100_000 } });
  for (let i = 0; i < 2000; i++) t.telemetry.finished(exchange(ends(1, 2), { target: 'x'.repeat(2000) }));
  t.telemetry.flush();
  assert.ok(t.batches.length > 3);
  for (const b of t.batches) assert.ok(b.bytes.length < 1_200_000);
  assert.equal(spansOf(t.batches).length, 4000);
});

test('under pressure details go first, then spans', () => {
  const budget = new Budget(100 << 20);
  const load = budget.owner('load');
  const t = telemetry({ budget });
  const fill = (share: number): void => {
    budget.give(load, load.used);
    assert.ok(budget.take(load, share * budget.maxBytes - budget.used));
  };
  fill(0.77);
  assert.equal(budget.pressure, SHED_DETAIL);
  t.telemetry.finished(exchange(ends(1, 2)));
  fill(0.83);
  assert.equal(budget.pressure, SHED_SPANS);
  t.telemetry.finished(exchange(ends(1, 2)));
  t.telemetry.flush();
  const spans = spansOf(t.batches);
  assert.equal(spans.length, 2);
  assert.equal(spans[0]!.is['service.peer.name'], 'svc-2');
  assert.equal(spans[0]!.is['network.peer.address'], undefined);
  assert.equal(t.reading('telemetry.detail_shed'), 2);
  assert.equal(t.reading('telemetry.spans_shed'), 2);
  assert.equal(t.telemetry.snapshot(2e9).resources.length, 3); // RED goes on
});

test('with a budget that is used up spans go out in smaller batches', () => {
  const budget = new Budget(300 << 10);
  const t = telemetry({ budget, spans: { batchSpans: 100_000 }, metrics: { enabled: false } });
  for (let i = 0; i < 2000; i++) t.telemetry.finished(exchange(ends(1, 2)));
  t.telemetry.flush();
  assert.equal(spansOf(t.batches).length + t.reading('telemetry.spans_shed')!, 4000);
  assert.ok(budget.used <= budget.maxBytes);
});
