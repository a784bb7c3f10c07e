/** Every capture among the fixtures that holds DNS: all the questions that are in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf, type Truths } from './transactions.ts';

const again = (client: string, why: string) => ({ client, absent: true, why }) as const;

/** A question sent again while the first one waits is the same question; it counts as a retransmission. */
const TRUTHS: Truths = {
  'dns/zk-dns-edns-ecs': [
    [
      82,
      again(
        '[2001:470:1f0b:16b0:20c:29ff:fe7c:a4cb]:55729',
        'Id 0xc2a0 as in frame 81, five seconds later; no answer.',
      ),
    ],
  ],
  'tunnel/zk-gre-sample': [
    [35, again('66.59.111.190:37675', 'Id 0xbdaa as in frame 33, five seconds later; no answer.')],
  ],
  'dns/zk-ipv6-fragmented-dns': [
    [
      5,
      again(
        '[2001:470:1f11:81f:d138:5f55:6d4:1fe2]:51851',
        'Id 0x9f91 as in frame 3, five seconds later; frames 6 to 8 answer both.',
      ),
    ],
  ],
};

const TOPICS = ['dns', 'link', 'tunnel', 'ip', 'tcp'];
let compared = 0;

for (const fixture of TOPICS.flatMap(fixturesOf)) {
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'dns', TRUTHS);
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'dns');
    compare(found, rows);
    compared += rows.length;
  });
}

test('the rows were there', () => assert.ok(compared > 40, `${compared} rows`));
