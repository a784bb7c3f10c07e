/** Every capture among the fixtures that holds Kafka: all that is asked in it is found, nothing is wrong, and nothing else is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareAttributes } from './kafka-attributes.ts';
import { compare, exchangesIn, fixturesOf, rowsOf, type Truths } from './transactions.ts';

/** tshark knows these versions' frames only; what they answer stands in their bytes. */
const fine = (client: string, server: string, request: number, response: number, why: string) =>
  [request, { client, server, operation: '', request, response, status: '0', why }] as const;

const TRUTHS: Truths = {
  'kafka/df-01-fetch-v12-ok': [
    fine(
      '10.50.71.3:41972',
      '10.50.71.3:36333',
      1,
      2,
      'Frame 2: correlation id 0x3cf3, no tags, throttle time 0, error code 0, session 0x2f2671c5, no topics.',
    ),
  ],
  'kafka/df-mixed-with-unsupported': [
    fine(
      '172.18.145.39:56786',
      '172.18.145.59:9092',
      1,
      9,
      'Frame 9: correlation id 0xed4de8, no tags, throttle time 0, error code 0, session 0x47011fe8, no topics.',
    ),
    fine(
      '172.18.145.39:56848',
      '172.18.145.59:9092',
      3,
      4,
      'Frame 4: correlation id 0xed4de9, no tags, throttle time 0, one topic `orders`, one partition 0 with error code 0.',
    ),
  ],
};

let compared = 0;

for (const fixture of fixturesOf('kafka')) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'kafka', TRUTHS);
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'kafka');
    compare(found, rows);
    if (!fixture.name.includes('/df-')) compareAttributes(found, rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 370, `${compared} rows`));
