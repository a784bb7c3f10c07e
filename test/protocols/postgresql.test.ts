import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresql } from '../../src/protocols/postgresql/index.ts';
import { conform } from '../kit/conform.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './postgresql-conversations.ts';

conform(postgresql, conversations);

test('rows pass by uncopied, however large', () => {
  const c = conversations.find((x) => x.name === 'rows of 100 kB')!;
  const rig = new Rig().feed(frames(c, link({ serverPort: 5432 }), pieces(1460))).end();
  assert.equal(rig.found.length, c.expected.length);
  assert.ok(rig.peakLaneBytes <= 512, `${rig.peakLaneBytes} bytes`);
});
