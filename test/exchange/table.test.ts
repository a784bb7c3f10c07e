import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { ExchangeCounters } from '../../src/exchange/counters.ts';
import { CommonTables, MAX_ENTRIES, Table } from '../../src/exchange/table.ts';
import { Vocabulary } from '../../src/exchange/vocabulary.ts';

function env(maxBytes: number) {
  const budget = new Budget(maxBytes);
  return { budget, counters: new ExchangeCounters(), tableOwner: budget.owner('tables') };
}

test('a table keeps what was put last under a key, and gives everything back', () => {
  const e = env(1 << 20);
  const t = new Table<string>(e);
  assert.equal(t.set(1, 'SELECT 1', 20), true);
  const one = e.budget.used;
  assert.equal(t.set(1, 'SELECT 2', 20), true);
  assert.equal(e.budget.used, one);
  t.set('name', 'SELECT 3', 20);
  assert.deepEqual([t.get(1), t.get('name'), t.get(2), t.size], ['SELECT 2', 'SELECT 3', undefined, 2]);
  t.delete(1);
  t.delete(1);
  assert.equal(t.get(1), undefined);
  t.clear();
  assert.equal(e.budget.used, 0);
});

test('a full table forgets what was not asked for the longest', () => {
  const e = env(1 << 24);
  const t = new Table<number>(e);
  for (let i = 0; i < MAX_ENTRIES; i++) t.set(i, i, 0);
  assert.equal(t.get(0), 0);
  t.set('new', -1, 0);
  assert.deepEqual([t.get(0), t.get(1), t.get('new'), t.size], [0, undefined, -1, MAX_ENTRIES]);
  assert.equal(e.counters.tableEvicted, 1);
});

test('without memory nothing new is remembered, and what the key stood for is gone', () => {
  const e = env(1000);
  const t = new Table<string>(e);
  assert.equal(t.set(1, 'short', 100), true);
  assert.equal(t.set(1, 'long', 5000), false);
  assert.equal(t.get(1), undefined, 'an outdated text would be a wrong one');
  assert.equal(e.counters.tableRefused, 1);
  assert.equal(e.budget.used, 0);
  e.budget.take(e.budget.owner('others'), 750);
  assert.equal(t.set(2, 'x', 0), false, 'statements are the first to be shed');
});

test('a vocabulary numbers words, the same word always alike, up to its bound', () => {
  const v = new Vocabulary('test', 2);
  assert.deepEqual([v.id('a'), v.id('b'), v.id('a'), v.id(''), v.id('c'), v.id('x'.repeat(256))], [1, 2, 1, 0, 0, 0]);
  assert.deepEqual([v.word(1), v.word(2), v.word(0), v.word(9)], ['a', 'b', '', '']);
  assert.deepEqual([v.size, v.refused], [2, 2]);
});

test('connections of one protocol share their common table', () => {
  const e = env(1 << 20);
  const common = new CommonTables(e);
  common.of('kafka').set('id', 'orders', 12);
  assert.deepEqual([common.of('kafka').get('id'), common.of('other').get('id')], ['orders', undefined]);
});
