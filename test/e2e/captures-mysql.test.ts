/** Every capture among the fixtures that holds MySQL: all the commands that are in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, frameTimes, type Line, rowsOf, type Transaction } from './transactions.ts';

interface MysqlRow extends Transaction {
  /** The last packet in front of the next command. */
  readonly response_end_frame: number | null;
}

interface Ended extends Line {
  readonly endMs: number | null;
}

const micros = (ns: bigint): number => Number(ns / 1000n);
const byStart = (a: { client: string; start: string | null }, b: { client: string; start: string | null }): number =>
  `${a.client} ${a.start}` < `${b.client} ${b.start}` ? -1 : 1;

let compared = 0;

for (const fixture of fixturesOf('mysql')) {
  test(fixture.name, async () => {
    const rows = (await rowsOf(fixture, 'mysql', {})) as MysqlRow[];
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'mysql') as Ended[];
    compare(found, rows);
    compared += rows.length;
    const times = await frameTimes(fixture.path);
    const ends = rows.sort(byStart).map((r) => {
      const end = r.response_end_frame;
      return end === null ? null : micros(times[end]! - times[r.request_frame!]!);
    });
    assert.deepEqual(
      found.sort(byStart).map((l) => (l.endMs === null ? null : Math.round(l.endMs * 1000))),
      ends,
      'durations to the last packet of the answer',
    );
  });
}

test('the rows were there', () => assert.ok(compared > 120, `${compared} rows`));
