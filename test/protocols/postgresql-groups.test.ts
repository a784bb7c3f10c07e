/** Drivers for Java send BEGIN and the first statement together, with one Sync behind: that is no pipelining. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, OUTCOMES } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, type Turn } from '../kit/conversation.ts';
import { CLIENT, isData } from '../kit/frame.ts';
import { Random } from '../kit/random.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import {
  bind,
  bound,
  complete,
  describePortal,
  execute,
  noData,
  parse,
  parsed,
  ready,
  row,
  rowDescription,
  sync,
} from './postgresql-messages.ts';

/** Transactions: BEGIN and a query in one group, then COMMIT. The query's number stands in its text and in its answer's tag. */
function transactions(count: number): Turn[] {
  const turns: Turn[] = [];
  const begin = Buffer.concat([parse('', 'BEGIN'), bind('', ''), execute('')]);
  const began = Buffer.concat([parsed, bound, complete('BEGIN')]);
  for (let i = 0; i < count; i++) {
    const text = `SELECT a${i} FROM t${i}`;
    const select = Buffer.concat([parse('', text), bind('', ''), describePortal(''), execute(''), sync]);
    const selected = Buffer.concat([
      parsed,
      bound,
      rowDescription('a'),
      row(String(i)),
      complete('SELECT 1'),
      ready('T'),
    ]);
    turns.push(ask(i, begin, select), answer(i, began, selected));
    const commit = Buffer.concat([parse('', 'COMMIT'), bind('', ''), describePortal(''), execute(''), sync]);
    turns.push(ask(i, commit), answer(i, Buffer.concat([parsed, bound, noData, complete('COMMIT'), ready('I')])));
  }
  return turns;
}

const COUNT = 60;
const c: Conversation = { name: 'transactions', turns: transactions(COUNT), expected: [] };

test('joined midway, transactions are followed without waiting for a silence', () => {
  const all = frames(c, link({ serverPort: 5432 })).filter(isData);
  const { found } = new Rig().feed(all.slice(7)).end();
  const whole = found.filter((f) => f.outcome === COMPLETE);
  assert.ok(whole.length > 2.5 * COUNT, `${whole.length} of about ${3 * COUNT} exchanges`);
  for (const f of found)
    assert.ok(f.outcome === COMPLETE || f.outcome === OUTCOMES.indexOf('lost'), OUTCOMES[f.outcome]);
});

test('with losses besides, no exchange gets the answer of another', () => {
  const all = frames(c, link({ serverPort: 5432 })).filter(isData);
  const answers = new Map<number, number>();
  let n = 0;
  let timeNs = 0;
  // the time of each query's group and of its answer, by the order of the script
  const asked: number[] = [];
  for (const f of all) {
    timeNs += f.gapNs;
    if (f.side === CLIENT) asked.push(timeNs);
    else answers.set(asked[n++]!, timeNs);
  }
  let told = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const rig = new Rig();
    let nowNs = 0;
    const from = random.below(20);
    all.forEach((f, k) => {
      nowNs += f.gapNs;
      if (k >= from && !random.chance(0.05)) rig.capture(f, nowNs);
    });
    for (const f of rig.end().found) {
      if (f.outcome !== COMPLETE) continue;
      told++;
      assert.equal(f.firstByteNs, answers.get(f.startNs), `seed ${seed}: ${f.target}`);
    }
  }
  assert.ok(told > 10_000, `${told} exchanges`);
});

test('a batch of thousands of rows with one Sync behind it', () => {
  const rows = 5000;
  const row = Buffer.concat([bind('', 'p'), execute('')]);
  const inserted = Buffer.concat([bound, complete('INSERT 0 1')]);
  const batch: Conversation = {
    name: 'batch',
    turns: [
      ask(0, Buffer.concat([parse('p', 'INSERT INTO t VALUES ($1)'), sync])),
      answer(0, Buffer.concat([parsed, ready('I')])),
      ask(1, Buffer.concat([...Array.from({ length: rows }, () => row), sync])),
      answer(1, Buffer.concat([...Array.from({ length: rows }, () => inserted), ready('I')])),
    ],
    expected: [],
  };
  const { found } = new Rig().feed(frames(batch, link({ serverPort: 5432 }), pieces(1400))).end();
  assert.equal(found.filter((f) => f.outcome === COMPLETE && f.operation === 'EXECUTE').length, rows);
});
