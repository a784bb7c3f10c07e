/** Every capture among the fixtures that holds MongoDB: all the commands that are in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, type Line, rowsOf } from './transactions.ts';

const writeError = (l: Line): string | undefined =>
  l.error ? undefined : (l as Line & { attributes: Record<string, string> }).attributes['error.type'];

let compared = 0;

for (const fixture of fixturesOf('mongodb')) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'mongodb', {});
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'mongodb');
    compare(found, rows);
    compared += rows.length;
    // errors of single writes: the command succeeded, the span says what failed
    assert.deepEqual(
      found.map(writeError).filter((code) => code !== undefined),
      rows.map((r) => (r as { write_error?: string }).write_error).filter((code) => code !== undefined),
    );
  });
}

test('the rows were there', () => assert.ok(compared > 300, `${compared} rows`));
