/** Files cut at every byte, and files with bytes changed: nothing throws, nothing is delivered that is out of bounds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_FRAME_BYTES } from '../../src/capture/files/format.ts';
import { pcapngOf, pcapOf, readBytes, someFrames } from './make-files.ts';

const FRAMES = someFrames(12);

/** xorshift32: the same bytes are changed on every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

for (const [name, file] of [
  ['pcap', pcapOf(FRAMES)],
  ['pcapng', pcapngOf(FRAMES)],
] as const) {
  test(`${name} cut at every byte: the whole frames before the cut, and a warning unless it fell between records`, async () => {
    const whole = (await readBytes(file)).found;
    let before = -1;
    for (let length = 0; length <= file.length; length++) {
      const { found, warnings, bytes } = await readBytes(file.subarray(0, length));
      assert.deepEqual(found, whole.slice(0, found.length));
      assert.ok(found.length >= before, `at ${length}`);
      const told = warnings.map((w) => w.code).join();
      if (length === 0) assert.equal(told, 'file-empty');
      else if (length < 4) assert.equal(told, 'file-not-capture');
      else assert.match(told, /^(file-truncated)?$/, `at ${length}`);
      // Without a warning nothing was left: a frame has just become whole, or only headers were read.
      if (told === '' && before >= 0) assert.ok(found.length > before || found.length === 0, `at ${length}`);
      if (length >= 4) assert.equal(bytes, length);
      before = found.length;
    }
    assert.equal(before, FRAMES.length);
  });

  test(`${name} with bytes changed at random, in pieces of any size`, async () => {
    const random = seeded(20_260_801);
    let frames = 0;
    let damaged = 0;
    for (let run = 0; run < 1000; run++) {
      const bad = Buffer.from(file);
      for (let n = 1 + random(8); n > 0; n--) bad[random(bad.length)] = random(256);
      const { found, warnings } = await readBytes(bad, 1 + random(bad.length));
      frames += found.length;
      if (warnings.length > 0) damaged++;
      assert.ok(found.length <= file.length / 16);
      for (const f of found) assert.ok(f.bytes.length <= MAX_FRAME_BYTES && f.link >= 0 && f.link <= 0xffff);
    }
    // Most frames survive; were nothing changed, or nothing noticed, this would say so.
    assert.ok(frames > 1000 * FRAMES.length * 0.5 && frames < 1000 * FRAMES.length, `${frames}`);
    assert.ok(damaged > 100, `${damaged}`);
  });
}

test('noise behind a good head: bounded warnings', async () => {
  const random = seeded(7);
  const noise = Buffer.from(Array.from({ length: 200_000 }, () => random(256)));
  // Twelve-byte blocks of an old packet: each is too short for one.
  const shortBlocks = Buffer.concat(
    Array.from({ length: 5000 }, () =>
      Buffer.from('0600000020000000ffffffff00000000000000000000000000000000200000000', 'hex'),
    ),
  );
  for (const [head, tail] of [
    [pcapOf(FRAMES), noise],
    [pcapngOf(FRAMES), noise],
    [pcapngOf(FRAMES), shortBlocks],
  ] as const) {
    const { found, warnings } = await readBytes(Buffer.concat([head, tail]), 9999);
    assert.ok(found.length >= FRAMES.length);
    assert.ok(warnings.length >= 1 && warnings.length <= 101, `${warnings.length}`);
  }
});
