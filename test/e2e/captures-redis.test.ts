/**
 * Every capture among the fixtures that holds Redis: all the commands that are in it are found, none is wrong, and
 * nothing else is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf, type Truths } from './transactions.ts';

const unanswered = (client: string, frame: number) =>
  ({
    client,
    absent: true,
    why: `Frame ${frame} acknowledges nothing of it: no answer. A line that is no known command shows nothing.`,
  }) as const;

const TRUTHS: Truths = {
  'redis/df-redis': [
    [
      32,
      {
        client: '127.0.0.1:60314',
        server: '127.0.0.1:6379',
        operation: '',
        request: 32,
        response: 33,
        status: 'OK',
        why: 'Frame 33 is the length of a string: no error. What follows is cut by the end of the capture.',
      },
    ],
  ],
  'redis/zk-attr': [
    [7, unanswered('127.0.0.1:62283', 8)],
    [21, unanswered('127.0.0.1:62286', 22)],
  ],
};

let compared = 0;

for (const fixture of fixturesOf('redis')) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'redis', TRUTHS);
    compare(await exchangesIn(fixture.path), rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 1000, `${compared} rows`));
