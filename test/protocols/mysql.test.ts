import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE } from '../../src/exchange/exchange.ts';
import { mysql } from '../../src/protocols/mysql/index.ts';
import { conform } from '../kit/conform.ts';
import { answer, ask, type Conversation, mumble } from '../kit/conversation.ts';
import { CLIENT, isData, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './mysql-conversations.ts';
import { error, greeting, login, ok, query, result } from './mysql-packets.ts';

conform(mysql, conversations);

test('rows and statements pass by uncopied, however large', () => {
  const c = conversations.find((x) => x.name === 'rows and statements of more than 16 MiB')!;
  const rig = new Rig().feed(frames(c, link({ serverPort: 3306 }))).end();
  assert.equal(rig.found.length, c.expected.length);
  assert.equal(rig.peakLaneBytes, 0);
  // what is copied is the beginning of a statement that is longer than a segment
  const cut = new Rig().feed(frames(c, link({ serverPort: 3306 }), pieces(1000))).end();
  assert.equal(cut.found.length, c.expected.length);
  assert.ok(cut.peakLaneBytes <= 8192, `${cut.peakLaneBytes} bytes`);
});

test('joined between a request and its OK: everything behind it is found', () => {
  const asked = ['BEGIN', 'INSERT INTO t VALUES (1)', 'SET autocommit = 1', 'SELECT a FROM t', 'COMMIT'];
  const c: Conversation = {
    name: 'statements with an OK of zeros',
    turns: asked.flatMap((sql, i) => [
      ask(i, query(sql)),
      answer(i, sql.startsWith('SELECT') ? result([['1']]) : ok(1)),
    ]),
    expected: [],
  };
  for (const serverPort of [3306, 40123]) {
    const all = frames(c, link({ serverPort }));
    for (const [k, first] of all.entries()) {
      const behind = all.slice(k).filter((f) => f.side === CLIENT && isData(f)).length;
      const rig = new Rig().feed(all.slice(k)).end();
      const told = rig.found.filter((f) => f.outcome === COMPLETE).length;
      assert.equal(
        told,
        behind,
        `port ${serverPort}, from frame ${k} on (${first.side === CLIENT ? 'client' : 'server'})`,
      );
    }
  }
});

test('statements that the snaplen cut are followed, with what there is of them', () => {
  const asked = ['orders', 'customers', 'items'].map((t) => `SELECT id, name FROM ${t} WHERE ${'x'.repeat(90)} = 1`);
  const c: Conversation = {
    name: 'long statements',
    turns: [
      mumble(SERVER, greeting('5.5.5-10.11.6-MariaDB-1:10.11.6+maria~deb12', -1)),
      ask(0, login('app', 'shop', 0)),
      answer(0, ok(2)),
      ...asked.flatMap((sql, i) => [ask(i + 1, query(sql)), answer(i + 1, i === 1 ? error(1, 1146) : ok(1))]),
    ],
    expected: [],
  };
  const all = frames(c, link({ serverPort: 40123 })).map((f) => ({ ...f, captured: 40 }));
  const { found } = new Rig().feed(all).end();
  assert.deepEqual(
    found.map((f) => [f.operation, f.target, f.status, f.outcome === COMPLETE]),
    [
      ['LOGIN', '', 0, true],
      ['QUERY', 'SELECT orders', 0, true],
      ['QUERY', 'SELECT customers', 1146, true],
      ['QUERY', 'SELECT items', 0, true],
    ],
  );
  found.slice(1).forEach((f, i) => {
    assert.equal(f.record.statement, asked[i]!.slice(0, 40 - 5));
    assert.equal(f.record.statementCut, asked[i]!.length - (40 - 5));
  });
});
