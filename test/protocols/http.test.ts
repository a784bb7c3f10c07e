import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http } from '../../src/protocols/http/index.ts';
import { conform } from '../kit/conform.ts';
import { answer, ask } from '../kit/conversation.ts';
import { isData, SERVER } from '../kit/frame.ts';
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

test('a status whose reason the snaplen cuts is known all the same', () => {
  const turns = [
    ask(0, 'GET /a HTTP/1.1\r\n\r\n'),
    answer(0, 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'),
    ask(1, 'GET /b HTTP/1.1\r\n\r\n'),
    answer(1, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'),
  ];
  for (const [captured, statuses] of [
    [20, [503, 200]],
    [13, [503, 200]],
    [12, [0, 0]],
  ] as const) {
    const all = frames({ name: 'cut', turns, expected: [] }, link({ serverPort: 80 }));
    const cut = all.map((f) => (f.side === SERVER && isData(f) ? { ...f, captured } : f));
    const rig = new Rig().feed(cut).end();
    assert.deepEqual(
      rig.found.map((f) => f.status),
      statuses,
    );
  }
});
