/** What is spoken behind a header of the PROXY protocol is found as if it stood alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OUTCOMES } from '../../src/exchange/exchange.ts';
import { http } from '../../src/protocols/http/index.ts';
import { answer, ask, type Conversation, fin, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { fuzz } from '../kit/fuzz.ts';
import { Rig } from '../kit/run.ts';
import { type Delivery, frames, link, pieces, whole } from '../kit/wire.ts';
import { conversations as http2 } from './http2-conversations.ts';
import { conversations as mysql } from './mysql-conversations.ts';
import { conversations as tls } from './tls-conversations.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const binary = (command: number, family: number, bytes: Buffer): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.of(command, family, bytes.length >> 8, bytes.length & 255), bytes]);

const HEADERS: Readonly<Record<string, Buffer>> = {
  'version 1': Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.2 51000 443\r\n'),
  'version 1, IPv6': Buffer.from(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
  'version 1, unknown': Buffer.from('PROXY UNKNOWN\r\n'),
  'version 2': binary(0x21, 0x11, Buffer.from('cb0071070a000002c73801bb', 'hex')),
  'version 2, local': binary(0x20, 0, Buffer.alloc(0)),
  // ids of endpoints and the like behind the addresses
  'version 2, with more': binary(
    0x21,
    0x11,
    Buffer.concat([Buffer.alloc(12), Buffer.of(0xea, 0, 100), Buffer.alloc(100, 'v')]),
  ),
};

const GET: Turn[] = [
  ask(0, 'GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n'),
  answer(0, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  fin(CLIENT),
  fin(SERVER),
];

const plain = (list: readonly Conversation[]): Conversation => list.find((c) => c.fragile !== true && c.long !== true)!;
const SPOKEN: readonly [string, readonly Turn[]][] = [
  ['HTTP', GET],
  ['HTTP/2', plain(http2).turns],
  ['TLS', plain(tls).turns],
  ['MySQL, where the server speaks first', plain(mysql).turns],
];

function told(turns: readonly Turn[], d: Delivery = whole): unknown[] {
  const rig = new Rig().feed(frames({ name: '', turns, expected: [] }, link({ serverPort: 8443 }), d)).end();
  return rig.found.map((f) => [f.protocol, f.operation, f.target, f.status, OUTCOMES[f.outcome]]);
}

for (const [name, turns] of SPOKEN) {
  describe(name, () => {
    const alone = told(turns);
    for (const [version, header] of Object.entries(HEADERS)) {
      test(`behind ${version}`, () => {
        assert.ok(alone.length > 0);
        assert.deepEqual(told([mumble(CLIENT, header), ...turns]), alone);
        // cut everywhere, and in one segment with what follows
        for (const bytes of [1, 7, 17, 50])
          assert.deepEqual(told([mumble(CLIENT, header), ...turns], pieces(bytes)), alone);
        assert.deepEqual(told([mumble(CLIENT, header), ...turns], { merge: true }), alone);
      });
    }
  });
}

test('what only looks like a header is none', () => {
  for (const header of [
    'PROXY TCP4 203.0.113.7 10.0.0.2 51000 443'.padEnd(200),
    'PROXY TCP5 1.2.3.4 \r\n',
    'PROXY\r\n',
  ])
    assert.deepEqual(told([mumble(CLIENT, header), mumble(SERVER, 'hello'), fin(CLIENT), fin(SERVER)]), [], header);
});

fuzz(
  http,
  Object.entries(HEADERS).map(([name, header]) => ({ name, turns: [mumble(CLIENT, header), ...GET], expected: [] })),
  ['PROXY ', 'TCP4 ', 'UNKNOWN', '\r\n', SIGNATURE.toString('latin1'), '\x21\x11\xff\xff', 'GET / HTTP/1.1\r\n\r\n'],
);
