import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../src/config/nearest.ts';
import { parseBytes, parseMs } from '../../src/config/units.ts';

test('sizes', () => {
  for (const [text, bytes] of [
    ['4096', 4096],
    [4096, 4096],
    ['1.5KiB', 1536],
    ['16 MiB', 16_777_216],
    ['2GB', 2e9],
    ['7B', 7],
  ] as const) {
    assert.equal(parseBytes(text), bytes);
  }
  for (const text of ['', 'MiB', '-1', '1e3', '1mib', '5s', '1 2', 'constructor', '9999999999999999GiB']) {
    assert.ok(Number.isNaN(parseBytes(text)), text);
  }
});

test('durations need their unit', () => {
  assert.equal(parseMs('250ms'), 250);
  assert.equal(parseMs('0.5s'), 500);
  assert.equal(parseMs('5m'), 300_000);
  assert.equal(parseMs('24h'), 86_400_000);
  for (const text of ['30', 30, '5 min', 'm', '1h30m', '-1s']) assert.ok(Number.isNaN(parseMs(text)), String(text));
});

test('the nearest word, or none', () => {
  assert.equal(nearest('snapln', ['snaplen', 'shards']), 'snaplen');
  assert.equal(nearest('Interfcaes', ['interfaces', 'filter']), 'interfaces');
  assert.equal(nearest('idel', ['idle', 'quiet']), 'idle');
  assert.equal(nearest('zebra', ['idle', 'quiet']), '');
});
