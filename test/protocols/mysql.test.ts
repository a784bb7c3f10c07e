import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE } from '../../src/exchange/exchange.ts';
import { mysql } from '../../src/protocols/mysql/index.ts';
import { conform } from '../kit/conform.ts';
import { answer, ask, type Conversation } from '../kit/conversation.ts';
import { CLIENT, isData } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './mysql-conversations.ts';
import { ok, query, result } from './mysql-packets.ts';

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
