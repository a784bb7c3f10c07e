import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsOverTcp } from '../../src/protocols/dns/index.ts';
import { conform } from '../kit/conform.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { conversations } from './dns-conversations.ts';

conform(dnsOverTcp, conversations);

test('answers whole in a segment are read where they lie', () => {
  for (const c of conversations) {
    const rig = new Rig().feed(frames(c, link({ serverPort: 53 }))).end();
    assert.equal(rig.peakLaneBytes, 0, c.name);
  }
});

test('only transfers hold more than the first 4 KiB of a message', () => {
  for (const [title, mostBytes] of [
    ['an answer longer than what is read of it', 8192],
    ['a zone in long messages', 32_768],
  ] as const) {
    const c = conversations.find((x) => x.name === title)!;
    const rig = new Rig().feed(frames(c, link({ serverPort: 53 }), pieces(100))).end();
    assert.equal(rig.found.length, c.expected.length);
    assert.ok(rig.peakLaneBytes > 0 && rig.peakLaneBytes <= mostBytes, `${rig.peakLaneBytes} bytes`);
  }
});
