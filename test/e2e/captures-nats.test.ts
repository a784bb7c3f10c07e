/** Every capture among the fixtures that holds NATS: all the messages in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf } from './transactions.ts';

let compared = 0;

for (const fixture of ['nats', 'tcp'].flatMap(fixturesOf)) {
  test(fixture.name, async () => {
    const rows = (await rowsOf(fixture, 'nats', {})).map((r) =>
      // an answer that says nothing of its own success is one
      r.status === null && r.error === false ? { ...r, status: 'OK' } : r,
    );
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'nats');
    compare(found, rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 15, `${compared} rows`));
