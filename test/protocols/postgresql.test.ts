import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, TRUNCATED } from '../../src/exchange/exchange.ts';
import { postgresql } from '../../src/protocols/postgresql/index.ts';
import { packSqlstate } from '../../src/protocols/postgresql/sqlstate.ts';
import { conform } from '../kit/conform.ts';
import { answer, ask, type Conversation } from '../kit/conversation.ts';
import { isData } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './postgresql-conversations.ts';
import { complete, error, query, ready } from './postgresql-messages.ts';

conform(postgresql, conversations);

test('rows pass by uncopied, however large', () => {
  const c = conversations.find((x) => x.name === 'rows of 100 kB')!;
  const rig = new Rig().feed(frames(c, link({ serverPort: 5432 }), pieces(1460))).end();
  assert.equal(rig.found.length, c.expected.length);
  assert.ok(rig.peakLaneBytes <= 512, `${rig.peakLaneBytes} bytes`);
});

test('simple queries and errors that the snaplen cut are followed, with what there is of them', () => {
  const asked = ['orders', 'customers', 'items'].map((t) => `UPDATE ${t} SET name = '${'x'.repeat(90)}'`);
  const c: Conversation = {
    name: 'long statements',
    turns: asked.flatMap((sql, i) => [
      ask(i, query(sql)),
      answer(i, i === 1 ? error('42P01', 'x'.repeat(90)) : complete('UPDATE 0'), ready()),
    ]),
    expected: [],
  };
  const all = frames(c, link({ serverPort: 40123 })).filter(isData);
  for (const f of all) f.captured = 40;
  const { found } = new Rig().feed(all).end();
  const status = packSqlstate(Buffer.from('42P01'), 0);
  assert.deepEqual(
    found.map((f) => [f.target, f.status, f.outcome]),
    [
      ['UPDATE orders', 1, COMPLETE],
      ['UPDATE customers', status, TRUNCATED],
      ['UPDATE items', 1, COMPLETE],
    ],
  );
  found.forEach((f, i) => {
    assert.equal(f.record.statement, asked[i]!.slice(0, 40 - 5));
    assert.equal(f.record.statementCut, asked[i]!.length - (40 - 5));
  });
});
