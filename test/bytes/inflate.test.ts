import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, zstdCompressSync } from 'node:zlib';
import { inflateZlib, inflateZstd } from '../../src/bytes/inflate.ts';

const TEXT = Buffer.from('the same words again and again, '.repeat(100));

for (const [name, pack, inflate] of [
  ['zlib', deflateSync, inflateZlib],
  ['zstd', zstdCompressSync, inflateZstd],
] as const) {
  test(`${name}: what was packed comes out, from the middle of a buffer`, () => {
    const packed = pack(TEXT);
    const buf = Buffer.concat([Buffer.alloc(7, 1), packed, Buffer.alloc(7, 2)]);
    assert.deepEqual(inflate(buf, 7, 7 + packed.length, TEXT.length), TEXT);
  });

  test(`${name}: more than was allowed, cut, garbage or nothing is null`, () => {
    const packed = pack(TEXT);
    assert.equal(inflate(packed, 0, packed.length, TEXT.length - 1), null);
    assert.equal(inflate(Buffer.alloc(50, 7), 0, 50, 1000), null);
    assert.equal(inflate(packed, 3, 3, 1000), null);
    for (let n = 0; n < packed.length; n++) {
      const some = inflate(packed, 0, n, TEXT.length);
      assert.ok(some === null || some.length < TEXT.length, `${n} bytes of it`);
    }
    const bomb = pack(Buffer.alloc(64 << 20));
    assert.equal(inflate(bomb, 0, bomb.length, 1 << 16), null);
  });
}
