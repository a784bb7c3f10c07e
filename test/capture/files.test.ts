/** The forms a capture file comes in. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { SpantapError } from '../../src/self/errors.ts';
import {
  block,
  interfaceBlock,
  packetBlock,
  pcapngOf,
  pcapOf,
  type Read,
  readBytes,
  readPath,
  START_SEC,
  sectionBlock,
  someFrames,
  Writer,
  withFile,
} from './make-files.ts';

const FRAMES = someFrames(30);

function sameFrames(read: Read, frames: readonly Buffer[] = FRAMES): void {
  assert.equal(read.frames, frames.length);
  assert.deepEqual(
    read.found.map((f) => f.bytes),
    frames,
  );
}

const codes = (read: Read): string[] => read.warnings.map((w) => `${w.code}@${w.offset}`);

test('pcap in both byte orders, with micro- and nanoseconds', async () => {
  for (const littleEndian of [true, false]) {
    const micro = await readBytes(pcapOf(FRAMES, 0xa1b2c3d4, 1, littleEndian));
    sameFrames(micro);
    assert.equal(micro.found[7]!.time, `${START_SEC + 7}.000007000`);
    const nano = await readBytes(pcapOf(FRAMES, 0xa1b23c4d, 1, littleEndian));
    sameFrames(nano);
    assert.equal(nano.found[7]!.time, `${START_SEC + 7}.000000007`);
    assert.deepEqual([...micro.warnings, ...nano.warnings], []);
  }
});

test('pcap of the patched tcpdump, with 24 bytes before each frame', async () => {
  const read = await readBytes(pcapOf(FRAMES, 0xa1b2cd34));
  sameFrames(read);
  assert.deepEqual(read.warnings, []);
});

test('raw IP under its DLT_ numbers is told as LINKTYPE_RAW', async () => {
  for (const field of [12, 14, 101]) {
    const { found } = await readBytes(pcapOf(FRAMES, 0xa1b2c3d4, field));
    assert.ok(found.every((f) => f.link === 101));
  }
});

test('a fraction beyond a second carries over', async () => {
  const w = new Writer().u32(0xa1b2c3d4).u16(2, 4).u32(0, 0, 65535, 1);
  const { found } = await readBytes(w.u32(10, 2_500_000, 1, 1).bytes(Buffer.of(1)).buffer);
  assert.equal(found[0]!.time, '12.500000000');
});

test('pcapng: interfaces with their own link type and clock', async () => {
  const file = Buffer.concat([
    sectionBlock(),
    interfaceBlock({ link: 1 }),
    interfaceBlock({ link: 113, tsresol: 9, tsoffset: -3600n }),
    interfaceBlock({ link: 276, tsresol: 0x80 | 32 }),
    packetBlock(FRAMES[0]!, 1_700_000_000_123_456n, 0),
    packetBlock(FRAMES[1]!, 1_700_003_600_123_456_789n, 1),
    packetBlock(FRAMES[2]!, (1_700_000_000n << 32n) | (1n << 31n), 2),
  ]);
  const read = await readBytes(file);
  sameFrames(read, FRAMES.slice(0, 3));
  assert.deepEqual(
    read.found.map((f) => `${f.link} ${f.time}`),
    ['1 1700000000.123456000', '113 1700000000.123456789', '276 1700000000.500000000'],
  );
});

test('pcapng: simple packets end at the snaplen and take the time of the packet before', async () => {
  const before = Buffer.concat([
    sectionBlock(),
    interfaceBlock({ snaplen: 16 }),
    packetBlock(FRAMES[0]!, 1_700_000_000_000_007n),
  ]);
  const file = Buffer.concat([before, block(3, new Writer().u32(1000).bytes(Buffer.alloc(16, 7)).buffer)]);
  const read = await readBytes(file);
  assert.equal(read.found[1]!.time, '1700000000.000007000');
  assert.equal(read.found[1]!.wireLength, 1000);
  assert.deepEqual(read.found[1]!.bytes, Buffer.alloc(16, 7));
  assert.deepEqual(codes(read), [`file-no-timestamps@${before.length}`]);
});

test('pcapng: obsolete packet blocks', async () => {
  const body = new Writer()
    .u16(0, 9)
    .u32(395812, 1_700_000_000 % 4096, 5, 60)
    .bytes(Buffer.from('abcde'), 4);
  const read = await readBytes(Buffer.concat([sectionBlock(), interfaceBlock(), block(2, body.buffer)]));
  assert.equal(read.frames, 1);
  assert.equal(read.found[0]!.bytes.toString(), 'abcde');
  assert.equal(read.found[0]!.wireLength, 60);
});

test('pcapng: a long unknown block is passed over', async () => {
  const packets = FRAMES.map((frame) => packetBlock(frame, 1n));
  const long = block(0x0badcafe, Buffer.alloc(5 << 20));
  const file = Buffer.concat([sectionBlock(), interfaceBlock(), long, ...packets]);
  for (const piece of [file.length, 100_000]) {
    const read = await readBytes(file, piece);
    sameFrames(read);
    assert.deepEqual(read.warnings, []);
  }
  const cut = await readBytes(file.subarray(0, 3 << 20));
  assert.deepEqual(
    cut.warnings.map((w) => w.code),
    ['file-truncated'],
  );
});

test('pcapng: packets of interfaces that are not there are told and skipped', async () => {
  const file = Buffer.concat([
    sectionBlock(),
    interfaceBlock(),
    packetBlock(FRAMES[0]!, 1n, 5),
    packetBlock(FRAMES[1]!, 1n, 0),
  ]);
  const read = await readBytes(file);
  sameFrames(read, [FRAMES[1]!]);
  assert.deepEqual(
    read.warnings.map((w) => w.code),
    ['file-garbled'],
  );
});

test('pcapng: behind a broken length the block chain is found again', async () => {
  const packets = FRAMES.map((frame) => packetBlock(frame, 1n));
  const head = Buffer.concat([sectionBlock(), interfaceBlock()]);
  for (const length of [0, 11, 30, 64, 0x7ffffff0]) {
    const broken = Buffer.from(packets[3]!);
    broken.writeUInt32LE(length, 4);
    const read = await readBytes(Buffer.concat([head, ...packets.slice(0, 3), broken, ...packets.slice(4)]));
    sameFrames(
      read,
      FRAMES.filter((_, i) => i !== 3),
    );
    const offset = head.length + packets[0]!.length + packets[1]!.length + packets[2]!.length;
    assert.deepEqual(codes(read), [`file-garbled@${offset}`], `length ${length}`);
  }
});

test('pcap: behind a broken record the chain of records is found again', async () => {
  const file = pcapOf(FRAMES);
  const offset = 24 + 3 * 16 + FRAMES[0]!.length + FRAMES[1]!.length + FRAMES[2]!.length;
  file.writeUInt32LE(0xffffffff, offset + 8);
  for (const piece of [file.length, 1, 7, 100]) {
    const read = await readBytes(file, piece);
    sameFrames(
      read,
      FRAMES.filter((_, i) => i !== 3),
    );
    assert.deepEqual(codes(read), [`file-garbled@${offset}`]);
  }
});

test('pcap: two files behind one another are read as one, but for the header between', async () => {
  const one = pcapOf(FRAMES);
  const read = await readBytes(Buffer.concat([one, one]));
  sameFrames(read, [...FRAMES, ...FRAMES]);
  assert.equal(read.warnings[0]!.offset, one.length);
});

test('pcap: a tail of zeros is one warning', async () => {
  const file = pcapOf(FRAMES);
  const read = await readBytes(Buffer.concat([file, Buffer.alloc(100_000)]));
  sameFrames(read);
  assert.deepEqual(codes(read), [`file-garbled@${file.length}`]);
});

test('gzip, gzip in several members, zstd, zstd in several frames', async () => {
  for (const file of [pcapOf(FRAMES), pcapngOf(FRAMES)]) {
    const halves = [file.subarray(0, 333), file.subarray(333)];
    for (const compressed of [
      gzipSync(file),
      Buffer.concat(halves.map((h) => gzipSync(h))),
      zstdCompressSync(file),
      Buffer.concat(halves.map((h) => zstdCompressSync(h))),
    ]) {
      for (const piece of [compressed.length, 1]) {
        const read = await readBytes(compressed, piece);
        sameFrames(read);
        assert.deepEqual(read.warnings, []);
        assert.equal(read.bytes, file.length);
      }
    }
  }
});

test('a cut compressed file yields what was before the cut', async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`frame ${i} ${(i * 2654435761) % 997}`));
  for (const compress of [gzipSync, zstdCompressSync]) {
    const whole = compress(pcapOf(many));
    const read = await readBytes(whole.subarray(0, whole.length >> 1), 10_000);
    assert.ok(read.frames > 5000 && read.frames < many.length, `${read.frames} frames`);
    sameFrames(read, many.slice(0, read.frames));
    assert.ok(read.warnings.every((w) => w.code === 'file-truncated'));
    assert.equal(read.warnings.at(-1)!.offset, read.bytes);
  }
});

test('a damaged compressed file yields what was before the damage', async () => {
  const many = Array.from({ length: 50_000 }, (_, i) => Buffer.from(`frame ${i} ${(i * 2654435761) % 997}`));
  const compressed = gzipSync(pcapOf(many));
  compressed.fill(0xff, compressed.length >> 1, (compressed.length >> 1) + 50);
  const read = await readBytes(compressed);
  assert.ok(read.frames > 10_000 && read.frames < many.length, `${read.frames} frames`);
  assert.ok(read.warnings.some((w) => w.code === 'file-garbled'));
});

test('a frame across two chunks, and a file of many chunks', async () => {
  const many = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(1500 + (i % 13), i & 0xff));
  await withFile(pcapOf(many), async (path) => {
    const seen: [number, number][] = [];
    let chunks = 0;
    const read = await readPath(path, {
      onProgress: (bytesRead, totalBytes) => seen.push([bytesRead, totalBytes]),
      onChunkEnd: async () => {
        chunks++;
      },
    });
    sameFrames(read, many);
    assert.ok(seen.length > 2);
    assert.equal(chunks, seen.length);
    assert.deepEqual(seen.at(-1), [read.bytes, read.bytes]);
  });
  await withFile(pcapngOf(many), async (path) => sameFrames(await readPath(path), many));
});

test('no capture: told at offset 0, nothing thrown', async () => {
  for (const content of ['x', 'hello, this is no capture', '\0'.repeat(100)]) {
    const read = await readBytes(Buffer.from(content));
    assert.deepEqual(codes(read), ['file-not-capture@0']);
    assert.equal(read.frames, 0);
  }
  assert.deepEqual(codes(await readBytes(gzipSync('hello, this is no capture'))), ['file-not-capture@0']);
  assert.deepEqual(codes(await readBytes(gzipSync(''))), ['file-empty@0']);
});

test('compressed bytes of which none can be had are damaged, not empty', async () => {
  const whole = zstdCompressSync(pcapOf([Buffer.alloc(1500, 7)]));
  assert.deepEqual(codes(await readBytes(whole.subarray(0, whole.length / 2))), ['file-truncated@0']);
});

test('a path that cannot be read is an error with path and reason', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'spantap-'));
  try {
    for (const [path, reason] of [
      [join(dir, 'nothing.pcap'), /nothing\.pcap cannot be read: there is no such file/],
      [dir, /it is a directory/],
    ] as const) {
      await assert.rejects(readPath(path), (error: unknown) => {
        assert.ok(error instanceof SpantapError);
        assert.equal(error.code, 'file-unreadable');
        assert.match(error.message, reason);
        return true;
      });
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('standard input of a process, piped and redirected', async () => {
  const reader = join(import.meta.dirname, '../../src/capture/files/read.ts');
  const script = `import { readCaptureFile } from ${JSON.stringify(reader)};
    console.log((await readCaptureFile('-', { frame() {} })).frames);`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const piped = spawnSync(node[0]!, node.slice(1), { input: gzipSync(pcapOf(FRAMES)), encoding: 'utf8' });
  assert.equal(piped.stdout, '30\n', piped.stderr);
  await withFile(pcapngOf(FRAMES), async (path) => {
    const args = ['-c', `exec "$@" < '${path}'`, 'sh', ...node];
    const redirected = spawnSync('sh', args, { encoding: 'utf8' });
    assert.equal(redirected.stdout, '30\n', redirected.stderr);
  });
});
