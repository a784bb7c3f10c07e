/** The identity of a request: the same for every observer, different for every request. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Ends, Exchange } from '../../src/exchange/exchange.ts';
import { IDENTITY_BYTES, identify } from '../../src/exchange/identity.ts';
import { http } from '../../src/protocols/http/index.ts';
import { answer, ask, fin } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces, whole } from '../kit/wire.ts';

function idOf(seq: number, ack: number, key: number, bytes: Buffer, at = 0): string {
  const x = new Exchange(http, new Ends(), key, 0);
  const buf = Buffer.concat([Buffer.alloc(at, 0x77), bytes, Buffer.from('behind it')]);
  identify(x, seq, ack, buf, at, at + bytes.length);
  return [x.id0, x.id1, x.id2, x.id3].join('.');
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe('identity', () => {
  test('does not depend on where the bytes lie, nor on what is around them', () => {
    fc.assert(
      fc.property(int32, int32, fc.uint8Array({ maxLength: 100 }), fc.nat(64), (seq, ack, bytes, at) => {
        assert.equal(idOf(seq, ack, -1, Buffer.from(bytes), at), idOf(seq, ack, -1, Buffer.from(bytes)));
      }),
      { seed: 1 },
    );
  });

  test('depends on every one of its parts', () => {
    fc.assert(
      fc.property(
        int32,
        int32,
        fc.uint8Array({ minLength: 1, maxLength: IDENTITY_BYTES }),
        fc.nat(),
        (seq, ack, b, n) => {
          const bytes = Buffer.from(b);
          const id = idOf(seq, ack, -1, bytes);
          assert.notEqual(id, idOf((seq + 1) | 0, ack, -1, bytes));
          assert.notEqual(id, idOf(seq, (ack + 1) | 0, -1, bytes));
          assert.notEqual(id, idOf(seq, ack, 7, bytes));
          const changed = Buffer.from(bytes);
          changed[n % bytes.length]! ^= 1;
          assert.notEqual(id, idOf(seq, ack, -1, changed));
          assert.notEqual(id, idOf(seq, ack, -1, bytes.subarray(1)));
        },
      ),
      { seed: 1 },
    );
  });

  test('only the first 64 bytes count', () => {
    const a = Buffer.alloc(200, 'a');
    const b = Buffer.from(a);
    b.fill('b', IDENTITY_BYTES);
    assert.equal(idOf(1, 2, -1, a), idOf(1, 2, -1, b));
    b.fill('b', IDENTITY_BYTES - 1);
    assert.notEqual(idOf(1, 2, -1, a), idOf(1, 2, -1, b));
  });

  test('200,000 equal health checks have 200,000 identities, in each half as well', () => {
    const bytes = Buffer.from('GET /healthz HTTP/1.1\r\n');
    const ids = new Set<string>();
    const halves = [new Set<string>(), new Set<string>()];
    for (let i = 0; i < 200_000; i++) {
      // Keep-alive connections: both numbers go on by the lengths of the messages, from a few hundred starting points.
      const connection = i % 200;
      const turn = Math.floor(i / 200);
      const id = idOf((connection * 7919 + turn * 120) | 0, (connection * 104_729 + turn * 180) | 0, -1, bytes);
      ids.add(id);
      const words = id.split('.');
      halves[0]!.add(words.slice(0, 2).join('.'));
      halves[1]!.add(words.slice(2).join('.'));
    }
    assert.deepEqual([ids.size, halves[0]!.size, halves[1]!.size], [200_000, 200_000, 200_000]);
  });

  test('does not depend on how the request was cut, nor on what was captured before', () => {
    const talk = {
      name: 'identity',
      turns: [
        ask(0, 'GET /one HTTP/1.1\r\nHost: x\r\n\r\n'),
        answer(0, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
        ask(1, 'GET /two?with=a&long=query&that=goes&beyond=the&first=sixty-four&bytes=1 HTTP/1.1\r\n\r\n'),
        answer(1, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
        fin(CLIENT),
        fin(SERVER),
      ],
      expected: [],
    };
    const here = link({ serverPort: 80 });
    const all = frames(talk, here, whole);
    const ids = new Rig()
      .feed(all)
      .end()
      .found.map((f) => f.id);
    assert.equal(new Set(ids).size, 2);
    for (const n of [1, 5, 30, 65]) {
      assert.deepEqual(
        new Rig()
          .feed(frames(talk, here, pieces(n)))
          .end()
          .found.map((f) => f.id),
        ids,
        `pieces of ${n}`,
      );
    }
    assert.deepEqual(
      new Rig()
        .feed(all.slice(6))
        .end()
        .found.map((f) => f.id),
      ids.slice(1),
      'joined midway',
    );
    const translated = all.map((f) => ({ ...f, link: { ...f.link, id: 4711, serverPort: 8080 } }));
    assert.deepEqual(
      new Rig()
        .feed(translated)
        .end()
        .found.map((f) => f.id),
      ids,
      'addresses and ports translated',
    );
  });
});
