import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http } from '../../src/protocols/http/index.ts';
import { conform } from '../kit/conform.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './http-conversations.ts';

conform(http, conversations);

test('bodies pass by uncopied, however large', () => {
  const c = conversations.find((x) => x.name === 'bodies of 10 MiB')!;
  const rig = new Rig().feed(frames(c, link({ serverPort: 80 }))).end();
  assert.equal(rig.found.length, c.expected.length);
  assert.equal(rig.peakLaneBytes, 0);
  // A cut head or chunk line costs the smallest carry, once.
  const cut = new Rig().feed(frames(c, link({ serverPort: 80 }), pieces(1000))).end();
  assert.equal(cut.found.length, c.expected.length);
  assert.ok(cut.peakLaneBytes <= 512, `${cut.peakLaneBytes} bytes`);
});
