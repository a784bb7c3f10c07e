/** Every capture among the fixtures that holds TLS in the clear: all the handshakes in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf } from './transactions.ts';

let compared = 0;

for (const fixture of ['tls', 'tcp'].flatMap(fixturesOf)) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'tls', {});
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'tls');
    compare(found, rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 6, `${compared} rows`));
