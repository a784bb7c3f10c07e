/** The same packets give the same bytes: twice, compressed, and however they arrive. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { requestsIn, spansOf } from './otlp.ts';
import { environment, must, spantap, start } from './program.ts';

const dir = mkdtempSync(join(tmpdir(), 'spantap-determinism-'));
after(() => rmSync(dir, { recursive: true }));

const FIXTURES = join(import.meta.dirname, '../fixtures');
/** 1000 requests, one of them without its response. */
const MANY = join(dir, 'many.pcap');
writeFileSync(
  MANY,
  gunzipSync(readFileSync(join(FIXTURES, 'http/zk-1000-requests-one-dropped-response/input.pcap.gz'))),
);
/** Holes, fragments, tunnels, and blocks instead of records. */
const FILES = [
  MANY,
  join(FIXTURES, 'tunnel/zk-erspan/input.pcap'),
  join(FIXTURES, 'tcp/sv-http-gap-double/input.pcap'),
  join(FIXTURES, 'damaged/mk-plain-ng/input.pcapng'),
];

const OTLP = ['read', '--format', 'otlp-json'];
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const read = (...files: string[]): Promise<string> => must(spantap(...OTLP, ...files), { env: environment() });

test('the same file twice: the same bytes', async () => {
  for (const file of FILES) {
    const [once, again] = await Promise.all([read(file), read(file)]);
    assert.ok(spansOf(requestsIn(once)).length > 0, `${file} has spans`);
    assert.equal(digest(again), digest(once), file);
  }
});

test('compressed: the same bytes', async () => {
  for (const file of FILES) {
    const packed = join(dir, 'packed.gz');
    writeFileSync(packed, gzipSync(readFileSync(file)));
    const [plain, unpacked] = await Promise.all([read(file), read(packed)]);
    assert.equal(digest(unpacked), digest(plain), file);
  }
});

/** Reads standard input that arrives in pieces of these sizes, in turn. */
async function readPieces(bytes: Buffer, sizes: readonly number[]): Promise<string> {
  const reading = start(spantap(...OTLP, '-'), { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  const input = reading.child.stdin!;
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const size = sizes[piece % sizes.length]!;
    if (!input.write(bytes.subarray(at, at + size))) await new Promise((done) => input.once('drain', done));
    at += size;
    if (piece % 16 === 0) await turn();
  }
  input.end();
  assert.equal(await reading.ended(), 0, reading.err);
  return reading.out;
}

test('through standard input in small pieces: the same bytes', async () => {
  const bytes = readFileSync(MANY);
  const expected = digest(await read(MANY));
  for (const sizes of [[4096], [1, 23, 1, 15, 7, 1024, 3]]) {
    assert.equal(digest(await readPieces(bytes, sizes)), expected, `pieces of ${sizes}`);
  }
});

test('packets alone decide: another order of variables, another time zone, another folder', async () => {
  const env = environment({ TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8' });
  const elsewhere = await must(spantap(...OTLP, MANY), { cwd: dir, env });
  assert.equal(digest(elsewhere), digest(await read(MANY)));
});
