/**
 * Every capture among the fixtures that holds memcached: all the commands that are in it are found, none is wrong, and
 * nothing else is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf } from './transactions.ts';

let compared = 0;

for (const fixture of fixturesOf('memcached')) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'memcached', {});
    compare(await exchangesIn(fixture.path), rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 2, `${compared} rows`));
