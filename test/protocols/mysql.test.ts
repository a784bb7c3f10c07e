import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mysql } from '../../src/protocols/mysql/index.ts';
import { conform } from '../kit/conform.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './mysql-conversations.ts';

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
