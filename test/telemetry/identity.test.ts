import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Identity } from '../../src/telemetry/identity.ts';
import { ends, exchange, telemetry } from './double.ts';
import { spansOf } from './otlp-reader.ts';

test('equal exchanges make equal bytes', () => {
  const run = (): Uint8Array => {
    const t = telemetry();
    for (let i = 1; i < 50; i++)
      t.telemetry.finished(exchange(ends(1, 2), { startNs: i * 1e6, id0: i, id1: i, id2: 7, id3: 9 }));
    t.telemetry.flush();
    return t.batches[0]!.bytes;
  };
  assert.deepEqual(run(), run());
});

test('two agents at the ends of a translated connection agree on the trace', () => {
  const id = { id0: 11, id1: 22, id2: 33, id3: 44 };
  const atClient = telemetry({ spans: { mode: 'client' } });
  const atServer = telemetry({ spans: { mode: 'server' } });
  atClient.telemetry.finished(exchange(ends(1, 9, 80), id));
  atServer.telemetry.finished(exchange(ends(7, 2, 8080), { ...id, startNs: 5e9 }));
  atClient.telemetry.flush();
  atServer.telemetry.flush();
  const [client] = spansOf(atClient.batches);
  const [server] = spansOf(atServer.batches);
  assert.equal(server!.traceId, client!.traceId);
  assert.equal(server!.parentSpanId, client!.spanId);
});

test('ids are fixed by the salts: agents of different versions must agree', () => {
  const ids = new Identity();
  ids.derive(exchange(ends(1, 2), { id0: 1, id1: 2, id2: 3, id3: 4 }));
  const hex = (w: number): string => (w >>> 0).toString(16).padStart(8, '0');
  assert.equal([ids.trace0, ids.trace1, ids.trace2, ids.trace3].map(hex).join(''), '1a50eb5624ba635e0fb057c539b2fd13');
  assert.equal(hex(ids.client0) + hex(ids.client1), 'bdf9403b0e04b48f');
  assert.equal(hex(ids.server0) + hex(ids.server1), 'e511fc63d59c62f6');
});

test('no id is all zeroes, and neighbours do not collide', () => {
  const ids = new Identity();
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    // sequence numbers of one client, one after another
    ids.derive(exchange(ends(1, 2), { id0: i, id1: 5, id2: 5, id3: 5 }));
    assert.notEqual(ids.trace0 | ids.trace1 | ids.trace2 | ids.trace3, 0);
    assert.notEqual(ids.client0 | ids.client1, 0);
    assert.notEqual(ids.server0 | ids.server1, 0);
    seen.add(`${ids.client0}:${ids.client1}`);
    seen.add(`${ids.server0}:${ids.server1}`);
  }
  assert.equal(seen.size, 40_000);
  // the exchange whose trace id would be all zeroes
  const zero = 0x5a1e7a90;
  ids.derive(exchange(ends(1, 2), { id0: zero, id1: zero, id2: zero, id3: zero }));
  assert.deepEqual([ids.trace0, ids.trace1, ids.trace2, ids.trace3], [0, 0, 0, 1]);
});

test('an exchange that is seen twice within seconds counts once', () => {
  const t = telemetry();
  const id = { id0: 1, id1: 2, id2: 3, id3: 4 };
  t.telemetry.finished(exchange(ends(1, 2), id));
  t.telemetry.finished(exchange(ends(7, 8, 8080), { ...id, startNs: 1.002e9 }));
  assert.equal(t.reading('telemetry.duplicates'), 1);
  assert.equal(t.reading('exchanges', { protocol: 'toy', outcome: 'complete' }), 1);
  t.telemetry.finished(exchange(ends(1, 2), { ...id, startNs: 20e9 })); // a file replayed, a number come round
  assert.equal(t.reading('telemetry.duplicates'), 1);
  t.telemetry.finished(exchange(ends(1, 2), { id0: 0, id1: 0, id2: 0, id3: 0 }));
  t.telemetry.finished(exchange(ends(1, 2), { id0: 0, id1: 0, id2: 0, id3: 0 }));
  assert.equal(t.reading('exchanges', { protocol: 'toy', outcome: 'complete' }), 4); // without identity nobody can tell
});

test('copies are still recognised after thousands of others', () => {
  const t = telemetry({ spans: { enabled: false } });
  const list = Array.from({ length: 4000 }, (_, i) => exchange(ends(1, 2), { startNs: i * 1e5 }));
  for (const x of list) t.telemetry.finished(x);
  for (const x of list) t.telemetry.finished(x);
  // 4 slots for each key: chance puts a fifth into a few of 4,096 sets, and the oldest of them is forgotten
  assert.ok(t.reading('telemetry.duplicates')! > 3900);
});
