import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText } from '../../src/bytes/address.ts';
import { AddressTexts } from '../../src/bytes/address-texts.ts';
import { Random } from '../kit/random.ts';

test('the text of an address, whatever was asked before; the same string for the same address', () => {
  const texts = new AddressTexts();
  const random = new Random(3);
  const word = (): number => random.below(2 ** 32) | 0;
  const addresses = Array.from({ length: 3000 }, (_, i): [number, number, number, number, number] =>
    i % 2 === 0 ? [4, 0, 0, 0, word()] : [6, word(), random.below(2), random.below(2), word()],
  );
  for (let n = 0; n < 20_000; n++) {
    const address = random.pick(addresses);
    assert.equal(texts.text(...address), addressText(...address));
  }
  // the first slots are empty, not full of 0.0.0.0
  assert.equal(new AddressTexts().text(4, 0, 0, 0, 0), '0.0.0.0');
  assert.equal(new AddressTexts().text(6, 0, 0, 0, 0), '::');
  assert.equal(texts.text(4, 0, 0, 0, 1), '0.0.0.1');
  assert.equal(texts.text(6, 0, 0, 0, 1), '::1');
});
