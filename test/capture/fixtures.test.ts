/** Every capture among the fixtures is read to its last frame; damage is told with its place. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Frame, readPath } from './make-files.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');

/** Where what can be read differs from what tshark reads (`packets` in expected.json). */
const MORE_OR_LESS: Record<string, number> = {
  // tshark stops at the damaged record 33 of 49; the 16 behind it are intact.
  'mk-bad-trailing-length-ng': 48,
  'mk-epb-caplen-exceeds-block-ng': 48,
  'mk-bogus-caplen': 48,
  // tshark counts 13 blocks that hold no packet.
  'mk-unknown-blocks-ng': 49,
};

const WARNINGS: Record<string, string[]> = {
  'mk-bad-trailing-length-ng': ['file-garbled@31132'],
  'mk-epb-caplen-exceeds-block-ng': ['file-garbled@31132'],
  'mk-bogus-caplen': ['file-garbled@30550'],
  'mk-cut-mid-block-ng': ['file-truncated@31132'],
  'mk-cut-mid-packet': ['file-truncated@30550'],
  'mk-cut-mid-record-header': ['file-truncated@30550'],
  'mk-garbage-tail': ['file-garbled@45952'],
  'mk-simple-packet-blocks-ng': ['file-no-timestamps@48'],
  'mk-zero-bytes': ['file-empty@0'],
};

function inputOf(dir: string): string {
  return join(dir, readdirSync(dir).find((name) => name.startsWith('input'))!);
}

let checked = 0;
for (const topic of readdirSync(FIXTURES)) {
  for (const name of readdirSync(join(FIXTURES, topic))) {
    const dir = join(FIXTURES, topic, name);
    const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')) as { packets: number };
    checked++;
    test(`${topic}/${name}`, async () => {
      const { frames, found, warnings } = await readPath(inputOf(dir));
      assert.equal(frames, MORE_OR_LESS[name] ?? expected.packets);
      assert.equal(found.length, frames);
      assert.deepEqual(
        warnings.map((w) => `${w.code}@${w.offset}`),
        WARNINGS[name] ?? [],
      );
    });
  }
}

test('the fixtures were there', () => assert.ok(checked >= 50, `${checked} fixtures`));

/** The capture that the derived files (mk-) were made of. */
const BASE = join(FIXTURES, 'http/zk-pipelined-requests');
const digest = (frames: readonly Frame[], of: (frame: Frame) => string): string =>
  createHash('sha256').update(frames.map(of).join('\n')).digest('hex');
const content = (f: Frame): string => `${f.wireLength} ${f.link} ${f.bytes.toString('hex')}`;
const contentAndTime = (f: Frame): string => `${f.time} ${content(f)}`;

const SAME = [
  'mk-bigendian',
  'mk-bigendian-nanosecond',
  'mk-bigendian-ng',
  'mk-gz',
  'mk-nanosecond',
  'mk-plain-ng',
  'mk-tsoffset-ng',
  'mk-two-interfaces-ng',
  'mk-two-sections-ng',
  'mk-unknown-blocks-ng',
];

for (const name of SAME) {
  test(`${name} holds the same frames, lengths and times as the capture it was made of`, async () => {
    const base = await readPath(inputOf(BASE));
    const { found } = await readPath(inputOf(join(FIXTURES, 'damaged', name)));
    assert.equal(base.found[0]!.time, '1258577884.822720000');
    assert.equal(base.found.at(-1)!.time, '1258577912.403915000');
    assert.equal(digest(found, contentAndTime), digest(base.found, contentAndTime));
  });
}

test('without time stamps the frames are still the same', async () => {
  const base = await readPath(inputOf(BASE));
  const { found } = await readPath(inputOf(join(FIXTURES, 'damaged/mk-simple-packet-blocks-ng')));
  assert.equal(digest(found, content), digest(base.found, content));
});

test('units of 2^-20 s give the time cut to that unit', async () => {
  const base = await readPath(inputOf(BASE));
  const { found } = await readPath(inputOf(join(FIXTURES, 'damaged/mk-tsresol-2pow20-ng')));
  assert.equal(found[0]!.time, '1258577884.822719573');
  assert.equal(found.at(-1)!.time, '1258577912.403914451');
  assert.equal(digest(found, content), digest(base.found, content));
});

for (const name of ['mk-bad-trailing-length-ng', 'mk-epb-caplen-exceeds-block-ng', 'mk-bogus-caplen']) {
  test(`${name}: all frames but the 33rd`, async () => {
    const base = await readPath(inputOf(BASE));
    const { found } = await readPath(inputOf(join(FIXTURES, 'damaged', name)));
    const others = base.found.filter((_, i) => i !== 32);
    assert.equal(digest(found, contentAndTime), digest(others, contentAndTime));
  });
}

test('a frame cut by the snaplen keeps its length on the wire', async () => {
  const base = await readPath(inputOf(BASE));
  const { found } = await readPath(inputOf(join(FIXTURES, 'damaged/mk-snaplen-96')));
  assert.deepEqual(
    found.map((f) => f.wireLength),
    base.found.map((f) => f.wireLength),
  );
  assert.equal(Math.max(...found.map((f) => f.bytes.length)), 96);
});

test('the bits for the frame check sequence do not belong to the link type', async () => {
  const { found } = await readPath(inputOf(join(FIXTURES, 'damaged/mk-fcs-linktype')));
  assert.ok(found.every((f) => f.link === 1));
});
