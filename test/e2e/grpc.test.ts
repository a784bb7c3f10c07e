/** The agent beside gRPC: what the client's library says of each call is what the spans and metrics say. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Call, Customer, type Order, Shop, statuses } from './grpc-shop.ts';
import { attribute, CLIENT, SERVER, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { durationMs, startNs, Tap } from './tap.ts';

const tap = new Tap();
const shop = new Shop();
const customers: Customer[] = [];
/** Side by side on one connection. */
const AT_ONCE = 50;

function customer(options = {}): Customer {
  const c = new Customer(shop.port, options);
  customers.push(c);
  return c;
}

const list = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

/** Each name is called once, so that a span and a call find each other by it. */
async function everyKind(): Promise<void> {
  const one = customer();
  for (let n = 0; n < 30; n++) await one.call('Unary', n, [{ bytes: n * 10 }]);
  for (let code = 1; code <= 16; code++) await one.call('Unary', 30 + code, [{ code }]);
  for (let n = 0; n < 10; n++) {
    await one.call('Down', n, [{ messages: n }]);
    await one.call(
      'Up',
      n,
      list(n, (): Order => ({})),
    );
    await one.call(
      'Chat',
      n,
      list(n, (): Order => ({ messages: 2 })),
    );
  }
  await one.call('Down', 10, [{ messages: 3, code: 14 }]);
  await one.call('Up', 10, [{}, {}, { code: 3 }]);
  await one.call('Chat', 10, [{ messages: 1 }, { messages: 0, code: 8 }]);
  await one.call('Unary', 0, [{}], { path: '/test.shop.Shop/NotThere' });
  await one.call('Unary', 0, [{}], { path: '/no.such.Service/Method' });
  await one.call('Unary', 50, [{ bytes: 3_000_000 }]);
  await one.call('Down', 11, [{ messages: 20, bytes: 100_000 }]);
}

async function givenUp(): Promise<void> {
  const one = customer();
  await one.call('Unary', 60, [{}]);
  await one.call('Unary', 61, [{ ms: 5000 }], { deadlineMs: 300 });
  await one.call('Down', 61, [{ ms: 150, messages: 50 }], { deadlineMs: 400 });
  await one.call('Unary', 62, [{ ms: 5000 }], { cancelAfter: 0 });
  await one.call('Down', 62, [{ ms: 10, messages: 500 }], { cancelAfter: 2 });
  await one.call('Chat', 62, [{ messages: 3 }], { cancelAfter: 3 });
  await one.call('Unary', 63, [{}]);
}

async function sideBySide(): Promise<void> {
  const one = customer();
  await one.call('Unary', 70, [{}]);
  await Promise.all(
    list(AT_ONCE, (n) => [
      one.call('Unary', 71 + n, [{ ms: n % 7, code: n % 5 === 0 ? 5 : 0 }]),
      one.call('Down', 71 + n, [{ ms: n % 3, messages: n % 10 }]),
      one.call(
        'Up',
        71 + n,
        list(n % 6, (): Order => ({})),
      ),
      one.call(
        'Chat',
        71 + n,
        list(n % 6, (): Order => ({ messages: n % 3 })),
      ),
    ]).flat(),
  );
}

async function compressed(): Promise<void> {
  const one = customer({ 'grpc.default_compression_algorithm': 2 });
  for (let n = 130; n < 135; n++) await one.call('Unary', n, [{ bytes: 5000 }]);
}

describe('beside gRPC', { skip: lacking() }, () => {
  let spans = new Map<string, Span[]>();
  let calls: Call[] = [];

  before(async () => {
    await shop.open();
    await tap.open(`tcp port ${shop.port}`);
    await everyKind();
    await givenUp();
    await sideBySide();
    await compressed();
    for (const c of customers) c.close();
    await tap.close();
    shop.close();
    calls = customers.flatMap((c) => c.calls);
    const all = [...tap.conversations.values()].flat();
    spans = Map.groupBy(
      all.filter((s) => s.kind === CLIENT),
      (s) => String(attribute(s, 'rpc.method')),
    );
  });
  after(() => shop.close());

  test('every call is a span, one for one, with its method, status and messages', (t) => {
    for (const c of calls) {
      const [s, more] = spans.get(c.method) ?? [];
      assert.ok(s !== undefined, `${c.method} has no span`);
      assert.equal(more, undefined, `${c.method} has two`);
      const failed = c.status !== 'OK';
      const told = {
        name: s.name,
        status: attribute(s, 'rpc.status_code'),
        error: attribute(s, 'error.type'),
        code: s.status?.code ?? 0,
        system: attribute(s, 'rpc.system.name'),
        address: attribute(s, 'server.address'),
        port: Number(attribute(s, 'server.port')),
      };
      assert.deepEqual(told, {
        name: c.method,
        status: c.status,
        error: failed ? c.status : undefined,
        code: failed ? 2 : 0,
        system: 'grpc',
        address: '127.0.0.1',
        port: shop.port,
      });
      // who gave up does not know what else was under way
      if (c.status === 'CANCELLED' || c.status === 'DEADLINE_EXCEEDED') continue;
      const messages = ['request', 'response'].map((way) => Number(attribute(s, `spantap.grpc.${way}.messages`)));
      assert.deepEqual(messages, [c.sent, c.received], c.method);
      assert.ok(
        durationMs(s) <= c.endMs - c.startMs,
        `${c.method} took ${c.endMs - c.startMs} ms, its span ${durationMs(s)}`,
      );
    }
    assert.equal(calls.length, [...spans.values()].flat().length);
    t.diagnostic(`${calls.length} calls: ${JSON.stringify(statuses(calls))}`);
  });

  test('in the order in which they were made', () => {
    const serial = customers[0]!.calls;
    const starts = serial.map((c) => startNs(spans.get(c.method)![0]!));
    for (let i = 1; i < starts.length; i++) assert.ok(starts[i]! > starts[i - 1]!, serial[i]!.method);
  });

  test('the server is to blame for some errors only', () => {
    const server = [...tap.conversations.values()].flat().filter((s) => s.kind === SERVER);
    assert.equal(server.length, calls.length);
    const blamed = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'];
    for (const s of server) {
      const status = String(attribute(s, 'rpc.status_code'));
      assert.equal(attribute(s, 'error.type'), blamed.includes(status) ? status : undefined);
    }
  });

  test('messages that are compressed are counted, deadlines told', () => {
    for (let n = 130; n < 135; n++) {
      const [s] = spans.get(`test.shop.Shop/Unary${n}`)!;
      assert.equal(Number(attribute(s!, 'spantap.grpc.request.compressed')), 1);
    }
    const [s] = spans.get('test.shop.Shop/Unary61')!;
    const timeout = Number(attribute(s!, 'spantap.grpc.timeout'));
    assert.ok(timeout > 0 && timeout <= 0.3, `${timeout} s`);
    assert.ok(durationMs(s!) >= 200);
  });

  test('both histograms count every call by its method and status', () => {
    for (const name of ['rpc.client.call.duration', 'rpc.server.call.duration']) {
      assert.deepEqual(tap.countsBy(name, 'rpc.status_code'), statuses(calls), name);
      const byMethod = tap.countsBy(name, 'rpc.method');
      for (const c of calls) assert.equal(byMethod[c.method], 1, c.method);
    }
  });

  test('messages are counted as they pass, by method and direction', () => {
    const told = new Map<string, Record<string, number>>();
    for (const p of tap.points('spantap.message.size')) {
      const method = String(attribute(p, 'rpc.method'));
      const counts = told.get(method) ?? {};
      told.set(method, counts);
      const direction = String(attribute(p, 'network.io.direction'));
      counts[direction] = (counts[direction] ?? 0) + Number(p.count);
    }
    for (const c of calls) {
      if (c.status === 'CANCELLED' || c.status === 'DEADLINE_EXCEEDED' || c.sent + c.received === 0) continue;
      const both = c.sent + c.received; // what one end sends the other receives
      assert.deepEqual(told.get(c.method), { transmit: both, receive: both }, c.method);
    }
  });

  test('no field was unknown, nothing was passed over', () => {
    for (const name of ['unknown_fields', 'broken_blocks', 'oversized_blocks', 'unclear_blocks']) {
      assert.ok(tap.points(`spantap.protocol.http2.${name}`).length > 0, `${name} is told`);
      assert.equal(tap.total(`spantap.protocol.http2.${name}`), 0, name);
    }
  });
});
