import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Timebase } from '../../src/bytes/timebase.ts';
import { ONE_WAY, RESET, TIMEOUT } from '../../src/exchange/exchange.ts';
import { StaticNamer } from '../../src/naming/static.ts';
import { alignColumns, coloured, plain } from '../../src/report/columns.ts';
import { Histogram } from '../../src/report/histogram.ts';
import { JsonLines } from '../../src/report/json.ts';
import { Output } from '../../src/report/output.ts';
import { reportText } from '../../src/report/table.ts';
import { Tallies } from '../../src/report/tally.ts';
import { bytesText, countText, durationText } from '../../src/report/units.ts';
import { Counters } from '../../src/self/counters.ts';
import { ends, exchange } from './exchanges.ts';

const namer = () =>
  new StaticNamer({ hostsFile: '', dns: false, services: [{ ip: '10.0.0.2', name: 'cart' }] }, [], new Counters());
const fold = (_service: object, path: string): string => path.replace(/\d+/g, '{id}');

test('quantiles are within 1.6 % of the true ones, from nanoseconds to days', () => {
  let seed = 1;
  for (const scale of [50, 3e3, 5e6, 2e9, 4e9, 9e12]) {
    const h = new Histogram();
    const values: number[] = [];
    for (let i = 0; i < 5000; i++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      const v = Math.floor((seed / 2 ** 32) ** 3 * scale);
      values.push(v);
      h.add(v);
    }
    values.sort((a, b) => a - b);
    for (const q of [0.01, 0.5, 0.95, 0.99, 1]) {
      const truth = values[Math.ceil(q * values.length) - 1]!;
      const got = h.quantile(q);
      assert.ok(Math.abs(got - truth) <= Math.max(0.5, truth * 0.016), `${q} of ${scale}: ${got}, not ${truth}`);
    }
  }
});

test('a histogram takes anything', () => {
  const h = new Histogram();
  assert.ok(Number.isNaN(h.quantile(0.5)));
  for (const v of [-5, 0, 31, 32, 33, 63, 64, 2 ** 32 - 1, 2 ** 32, 2 ** 60]) h.add(v);
  assert.equal(h.count, 10);
  assert.equal(h.quantile(0), 0);
  assert.equal(h.quantile(0.3), 31);
  assert.ok(h.quantile(1) >= 2 ** 52);
});

test('figures for people', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(countText), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual([Number.NaN, 5, 999, 1234, 45_600, 999_400, 999_600, 12_345_678, 2.5e9].map(durationText), [
    '-',
    '5 ns',
    '999 ns',
    '1.23 µs',
    '45.6 µs',
    '999 µs',
    '1.00 ms',
    '12.3 ms',
    '2.50 s',
  ]);
  assert.deepEqual([7, 2048, 5 * 2 ** 20, 3 * 2 ** 30].map(bytesText), ['7 B', '2.00 KiB', '5.00 MiB', '3.00 GiB']);
});

test('cells cannot act on the terminal, and long ones keep both ends', () => {
  const columns = [{ title: 'A', right: false }];
  const text = alignColumns(columns, [['x\x1b[31m\n\u202ey'], [`/start${'x'.repeat(200)}end`]], plain);
  assert.ok(!text.includes('\x1b') && !text.includes('\u202e'));
  const rows = text.split('\n');
  assert.equal(rows[1], 'x\u00b7[31m\u00b7\u00b7y');
  assert.match(rows[2]!, /^\/startx+\.\.\.x+end$/);
  assert.ok(rows[2]!.length <= 60);
});

test('the table: a row for each pair and route, busiest first', () => {
  const t = new Tallies(namer(), fold);
  const one = ends(1, 2);
  const other = ends(1, 3);
  for (let i = 0; i < 10; i++) t.finished(exchange({ ends: one, target: `/item/${i}?q=1`, durationNs: (i + 1) * 1e6 }));
  t.finished(exchange({ ends: one, target: '/item/7', status: 503, durationNs: 1e9 }));
  t.finished(exchange({ ends: other, outcome: TIMEOUT }));
  t.finished(exchange({ ends: ends(1, 2), target: '/pay', outcome: RESET }));
  const text = reportText(
    t,
    null,
    {
      files: 1,
      bytes: 4096,
      frames: 1234,
      firstSec: 10,
      lastSec: 12.5,
      warnings: 1,
      readings: [
        { name: 'packet.bad_length', labels: {}, value: 3, kind: 'counter' },
        { name: 'stream.flows', labels: {}, value: 9, kind: 'gauge' },
        { name: 'stream.connections', labels: {}, value: 3, kind: 'counter' },
        { name: 'stream.recognised', labels: {}, value: 2, kind: 'counter' },
        { name: 'stream.decoded_bytes', labels: {}, value: 2048, kind: 'counter' },
        { name: 'stream.undecoded_bytes', labels: {}, value: 7, kind: 'counter' },
        { name: 'stream.holes', labels: {}, value: 0, kind: 'counter' },
      ],
    },
    plain,
  );
  assert.equal(
    text,
    `CLIENT    SERVER    PORT  PROTOCOL  REQUESTS  ERRORS              P50     P95     P99     BYTES
10.0.0.1  cart        80  ask             12       2  16.7 %  5.96 ms  998 ms  998 ms  10.8 KiB
10.0.0.1  10.0.0.3    80  ask              1       1   100 %        -       -       -     100 B

SERVER    OPERATION  TARGET      REQUESTS  ERRORS              P50     P95     P99     BYTES
cart      GET        /item/{id}        11       1  9.09 %  5.96 ms  998 ms  998 ms  10.7 KiB
10.0.0.3  GET        /                  1       1   100 %        -       -       -     100 B
cart      GET        /pay               1       1   100 %        -       -       -     100 B

capture     1,234 packets, 4.00 KiB in 1 file over 2.500 s
understood  2.00 KiB of 2.01 KiB payload in 3 connections
exchanges   13: 11 complete, 1 timeout, 1 reset
packet      3 bad length
damage      1 damaged place, see above
`,
  );
});

test('rows with errors are red where colours are wanted', () => {
  const t = new Tallies(namer(), fold);
  t.finished(exchange({ ends: ends(1, 2), status: 500 }));
  const none = { files: 1, bytes: 0, frames: 0, firstSec: Number.NaN, lastSec: Number.NaN, warnings: 0, readings: [] };
  assert.ok(reportText(t, null, none, coloured).includes('\x1b[31m10.0.0.1'));
});

test('rows are bounded: what does not fit is summed up, nothing is lost', () => {
  const t = new Tallies(namer(), (_s, path) => path);
  for (let i = 0; i < 10_000; i++) t.finished(exchange({ ends: ends(i + 10, 2), target: `/p${i}` }));
  assert.ok(t.pairs.size <= 4097 && t.routes.size <= 4097);
  const total = (rows: Iterable<{ requests: number }>): number => [...rows].reduce((sum, r) => sum + r.requests, 0);
  assert.equal(total(t.pairs.values()), 10_000);
  assert.equal(total(t.routes.values()), 10_000);
});

function written(use: (out: Output) => void): string {
  const path = join(tmpdir(), `spantap-report-${process.pid}.jsonl`);
  const fd = openSync(path, 'w');
  const out = new Output(fd);
  use(out);
  out.flush();
  closeSync(fd);
  const text = readFileSync(path, 'utf8');
  rmSync(path);
  return text;
}

test('a JSON line says exactly what was agreed, times exact to the nanosecond', () => {
  const base = new Timebase();
  base.baseSec = 1_700_000_000;
  const text = written((out) => {
    const lines = new JsonLines(out, base, namer(), false);
    lines.finished(
      exchange({
        ends: ends(1, 2),
        startNs: 1_000_000_001,
        durationNs: 2_000_002,
        status: 404,
        target: '/a?secret=x"',
      }),
    );
    lines.finished(exchange({ ends: ends(1, 2), startNs: -1, outcome: TIMEOUT }));
    lines.finished(exchange({ ends: ends(1, 2), outcome: ONE_WAY }));
  });
  const lines = text.split('\n');
  assert.equal(
    lines[0]!.slice(0, lines[0]!.indexOf(',"traceId"')),
    '{"protocol":"ask","client":"10.0.0.1:40000","server":"10.0.0.2:80","start":"1700000001.000000001"' +
      ',"requestEndMs":0,"firstByteMs":1.000001,"endMs":2.000002,"operation":"GET /a?secret=?\\"","status":"404","error":true' +
      ',"complete":true,"noResponseExpected":false,"requestBytes":100,"responseBytes":900',
  );
  const [answered, timeout, oneWay] = lines.slice(0, 3).map((l) => JSON.parse(l));
  assert.match(answered.traceId, /^[0-9a-f]{32}$/);
  assert.match(answered.spanId, /^[0-9a-f]{16}$/);
  assert.deepEqual(answered.attributes, {
    method: 'GET',
    status: 404,
    ratio: 0.5,
    good: false,
    list: ['a', '"b"'],
    'error.type': '404',
    'service.peer.name': 'cart',
    'peer.service': 'cart',
    'network.peer.address': '10.0.0.2',
    'network.peer.port': 80,
    'spantap.request.transfer': 0,
    'spantap.time_to_first_byte': 0.001000001,
    'spantap.response.transfer': 0.001000001,
  });
  assert.equal(timeout.start, '1699999999.999999999');
  assert.deepEqual([timeout.complete, timeout.error, timeout.status, timeout.endMs], [false, null, null, null]);
  assert.equal(timeout.attributes['spantap.outcome'], 'timeout');
  assert.deepEqual([oneWay.complete, oneWay.noResponseExpected], [false, true]);
});

test('raw operations keep what is masked otherwise', () => {
  const base = new Timebase();
  base.baseSec = 0;
  const x = exchange({ ends: ends(1, 2), target: '/a?secret=x' });
  const operation = (raw: boolean): string =>
    JSON.parse(written((out) => new JsonLines(out, base, namer(), raw).finished(x))).operation;
  assert.equal(operation(false), 'GET /a?secret=?');
  assert.equal(operation(true), 'GET /a?secret=x');
});

test('output is whole, in order, and larger than one piece', () => {
  const text = written((out) => {
    for (let i = 0; i < 30_000; i++) out.write(`line ${i}\n`);
  });
  assert.equal(text.split('\n').length, 30_001);
  assert.ok(text.endsWith('line 29999\n'));
});
