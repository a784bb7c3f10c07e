/** Every capture among the fixtures that holds MQTT: all the messages in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf } from './transactions.ts';

let compared = 0;

for (const fixture of ['mqtt', 'tcp'].flatMap(fixturesOf)) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'mqtt', {});
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'mqtt');
    compare(found, rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 20, `${compared} rows`));
