import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memcached } from '../../src/protocols/memcached/index.ts';
import { conform } from '../kit/conform.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './memcached-conversations.ts';

conform(memcached, conversations);

test('values pass by uncopied', () => {
  const c = conversations.find((x) => x.name === 'values of 1 MiB')!;
  const rig = new Rig().feed(frames(c, link({ serverPort: 11211 }))).end();
  assert.equal(rig.found.length, c.expected.length);
  assert.equal(rig.peakLaneBytes, 0);
  const cut = new Rig().feed(frames(c, link({ serverPort: 11211 }), pieces(1000))).end();
  assert.equal(cut.found.length, c.expected.length);
  assert.ok(cut.peakLaneBytes <= 512, `${cut.peakLaneBytes} bytes`);
});
