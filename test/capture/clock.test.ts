/** pcapng time stamps against arithmetic with BigInt. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InterfaceClock } from '../../src/capture/files/clock.ts';

function nanoseconds(clock: InterfaceClock, units: bigint): bigint {
  clock.read(Number(units >> 32n), Number(units & 0xffffffffn));
  assert.ok(Number.isInteger(clock.sec) && Number.isInteger(clock.nsec));
  assert.ok(clock.nsec >= 0 && clock.nsec < 1e9);
  return BigInt(clock.sec) * 1_000_000_000n + BigInt(clock.nsec);
}

test('decimal units down to a nanosecond are exact, finer ones cut', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 15 }), fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (n, stamps) => {
      const clock = new InterfaceClock(n, 0);
      for (const units of stamps) {
        // Seconds beyond 2^53 have no exact number; no clock gets there but by units of seconds to milliseconds.
        if (units / 10n ** BigInt(n) > 2n ** 53n) continue;
        assert.equal(nanoseconds(clock, units), (units * 1_000_000_000n) / 10n ** BigInt(n));
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('powers of two are within a nanosecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 52 }), fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (n, stamps) => {
      const clock = new InterfaceClock(0x80 | n, 0);
      for (const units of stamps) {
        if (units >> BigInt(n) > 2n ** 53n) continue;
        const off = nanoseconds(clock, units) - ((units * 1_000_000_000n) >> BigInt(n));
        assert.ok(off >= -1n && off <= 1n, `${off}`);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('resolutions that no clock has give numbers, too', () => {
  for (let resolution = 0; resolution < 256; resolution++) {
    const clock = new InterfaceClock(resolution, -5);
    clock.read(0xffffffff, 0xffffffff);
    assert.ok(Number.isFinite(clock.sec) && clock.nsec >= 0 && clock.nsec < 1e9, `${resolution}`);
  }
});
