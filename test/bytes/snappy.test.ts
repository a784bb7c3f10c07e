import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackSnappy } from '../../src/bytes/snappy.ts';
import { Random } from '../kit/random.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const unpacked = (packed: Buffer, maxBytes = 1 << 20): string | null =>
  unpackSnappy(packed, 0, packed.length, maxBytes)?.toString('latin1') ?? null;

/** A varint, as the format begins with. */
function varint(n: number): Buffer {
  const bytes: number[] = [];
  for (let left = n; ; left = Math.floor(left / 128)) {
    bytes.push(left < 128 ? left : (left % 128) + 128);
    if (left < 128) return Buffer.from(bytes);
  }
}

/** Elements as the format describes them, and what they mean. */
class Packed {
  readonly #parts: Buffer[] = [];
  plain = '';

  literal(text: string, lengthBytes = 0): this {
    const n = text.length - 1;
    const head = Buffer.alloc(1 + lengthBytes);
    head[0] = (lengthBytes === 0 ? n : 59 + lengthBytes) << 2;
    if (lengthBytes > 0) head.writeUIntLE(n, 1, lengthBytes);
    this.#parts.push(head, Buffer.from(text, 'latin1'));
    this.plain += text;
    return this;
  }

  copy(offset: number, length: number, offsetBytes: 1 | 2 | 4): this {
    if (offsetBytes === 1) this.#parts.push(Buffer.of(((offset >> 8) << 5) | ((length - 4) << 2) | 1, offset & 255));
    else {
      const b = Buffer.alloc(1 + offsetBytes);
      b[0] = ((length - 1) << 2) | (offsetBytes === 2 ? 2 : 3);
      b.writeUIntLE(offset, 1, offsetBytes);
      this.#parts.push(b);
    }
    for (let i = 0; i < length; i++) this.plain += this.plain[this.plain.length - offset];
    return this;
  }

  get bytes(): Buffer {
    return Buffer.concat([varint(this.plain.length), ...this.#parts]);
  }
}

test('every kind of element', () => {
  const p = new Packed()
    .literal('abcdefgh')
    .copy(8, 4, 1)
    .copy(3, 11, 1) // overlaps with what it makes
    .literal('x'.repeat(60))
    .literal('y'.repeat(61), 1)
    .literal('z'.repeat(300), 2)
    .literal('ab'.repeat(40_000), 3)
    .literal('q'.repeat(5), 4)
    .copy(2000, 9, 1)
    .copy(60_000, 64, 2)
    .copy(70_000, 1, 4)
    .copy(1, 64, 2);
  assert.equal(unpacked(p.bytes), p.plain);
});

test('what the library of github.com/golang/snappy packs', () => {
  const packed = [
    'a102986c696e652030206f66206120746578742074686174207265706561747320697473656c662c206c01260c3739313992',
    '2900103135383338922a00103233373537922a00103331363736962a000c39353935922a001034373531347e2a00',
  ].join('');
  const lines = Array.from({ length: 7 }, (_, i) => `line ${i * 7919} of a text that repeats itself, `);
  assert.equal(unpacked(hex(packed)), lines.join(''));
});

test('from the middle of a buffer', () => {
  const p = new Packed().literal('hello ').copy(6, 12, 2);
  const buf = Buffer.concat([Buffer.alloc(5, 255), p.bytes, Buffer.alloc(5, 255)]);
  assert.equal(unpackSnappy(buf, 5, buf.length - 5, 18)?.toString(), 'hello hello hello ');
});

test('nothing, and next to nothing', () => {
  assert.equal(unpacked(hex('00')), '');
  assert.equal(unpacked(hex('')), null);
  assert.equal(unpacked(hex('80')), null);
  assert.equal(unpacked(hex('01')), null);
});

test('more than was allowed, and more or less than was promised', () => {
  const p = new Packed().literal('x').copy(1, 64, 2).copy(1, 64, 2);
  assert.equal(unpacked(p.bytes, 129), p.plain);
  assert.equal(unpacked(p.bytes, 128), null);
  assert.equal(unpacked(Buffer.concat([varint(128), p.bytes.subarray(2)])), null);
  assert.equal(unpacked(Buffer.concat([varint(130), p.bytes.subarray(2)])), null);
  assert.equal(unpacked(hex('ff ff ff ff 0f 00 61')), null);
  assert.equal(unpacked(hex('ff ff ff ff ff ff ff ff 01 00 61')), null);
});

test('copies from in front of the beginning', () => {
  assert.equal(unpacked(hex('05 00 61 01 02')), null); // offset 2 behind one byte
  assert.equal(unpacked(hex('05 00 61 01 00')), null); // offset 0
  assert.equal(unpacked(hex('05 00 61 0f ff ff ff ff')), null);
});

test('cut anywhere, or damaged: null, or as long as promised', () => {
  const random = new Random(1);
  const p = new Packed().literal('some words and ').copy(15, 60, 2).literal('x'.repeat(100), 1).copy(100, 11, 1);
  const whole = p.bytes;
  for (let n = 0; n < whole.length; n++) assert.equal(unpackSnappy(whole, 0, n, 1000), null);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(whole);
    for (let k = random.between(1, 4); k > 0; k--) bytes[random.below(bytes.length)] = random.below(256);
    const out = unpackSnappy(bytes, 0, bytes.length, 1000);
    assert.ok(out === null || out.length <= 1000);
  }
});
