/** Every capture among the fixtures that holds AMQP 0-9-1: all the methods and messages in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf } from './transactions.ts';

let compared = 0;

for (const fixture of fixturesOf('amqp')) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'amqp', {});
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'amqp');
    compare(found, rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 40, `${compared} rows`));
