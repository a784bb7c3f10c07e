/**
 * A capture that begins in the middle of a busy gRPC connection: what it says is what the whole capture says, or that it is not known. The
 * dynamic tables of both ends were filled before.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { type Call, Customer, Shop } from './grpc-shop.ts';
import { lacking, start } from './program.ts';
import { emptyFolder } from './servers/server.ts';
import { exchangesIn, type Line } from './transactions.ts';

const CALLS = 3000;
/** Calls behind the start of a capture after which we look how much is known. */
const LATER = 1000;
const AT_ONCE = 10;
/**
 * Every so many calls fail. A table forgets its entries within about 80 calls. While entries of both statuses are in it, the encoder adds
 * each anew with a reference to the other's name, and somebody who missed that name once never learns it.
 */
const FAILING = 300;

interface Attributed extends Line {
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Classic pcap: 24 bytes, then for each packet 16 bytes, of which the third word (in the file's order) is its length. */
function packets(file: Buffer): number[] {
  const at: number[] = [];
  for (let i = 24; i + 16 <= file.length; i += 16 + file.readUInt32LE(i + 8)) at.push(i);
  return at;
}

/** Every call has a path of its own kind and a status; `metadata`: it also says something new in both directions. */
async function talk(customer: Customer, metadata: boolean): Promise<void> {
  let n = 0;
  const worker = async (): Promise<void> => {
    while (n < CALLS) {
      const k = n++;
      const headers = new grpc.Metadata();
      if (metadata) headers.set('x-request', `request-${k}`);
      await customer.call('Unary', k % 50, [{ code: k % FAILING === 100 ? 5 : 0 }], { metadata: headers });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Resolves when the file has not grown for a second. */
async function written(path: string): Promise<void> {
  let bytes = -1;
  for (let quiet = 0, tries = 0; quiet < 5 && tries < 150; tries++) {
    await sleep(200);
    const { size } = statSync(path);
    quiet = size === bytes ? quiet + 1 : 0;
    bytes = size;
  }
}

const streamOf = (l: Line): string => `${l.client} ${(l as Attributed).attributes['spantap.http2.stream']}`;

interface Shares {
  paths: number;
  statuses: number;
  of: number;
}

/** Compares what a capture from packet `k` on says with the truth. Returns what was known of the calls after the first LATER ones. */
function compared(found: readonly Line[], truth: ReadonlyMap<string, Line>, note: string): Shares {
  const later: Shares = { paths: 0, statuses: 0, of: 0 };
  const sorted = found.toSorted((a, b) => Number(a.start) - Number(b.start));
  sorted.forEach((l, i) => {
    const t = truth.get(streamOf(l));
    assert.ok(t !== undefined, `${note}: ${streamOf(l)} is no call`);
    assert.equal(l.start, t.start, note);
    const [method, path] = l.operation.split(' ');
    const [trueMethod, truePath] = t.operation.split(' ');
    if (method !== 'UNKNOWN') assert.equal(method, trueMethod, note);
    if (path !== 'UNKNOWN') assert.equal(path, truePath, note);
    const complete = l.status !== null && l.firstByteMs !== null;
    if (complete) assert.equal(l.firstByteMs, t.firstByteMs, note);
    // of a call whose end was not captured only the HTTP status is there
    const known = l.protocol === 'grpc' && l.status !== null && l.status !== 'unknown' && l.status !== '200';
    if (known) assert.equal(l.status, t.status, `${note}: ${streamOf(l)}`);
    if (l.error === true) assert.equal(t.error, true, note);
    if (i < LATER) return;
    later.of++;
    if (path !== 'UNKNOWN') later.paths++;
    if (known) later.statuses++;
  });
  return later;
}

for (const metadata of [true, false]) {
  describe(`joined midway, ${metadata ? 'with metadata that is never the same' : 'nothing new is ever said'}`, {
    skip: lacking('tcpdump'),
  }, () => {
    const shop = new Shop();
    let calls: Call[] = [];
    let file: Buffer;
    let folder = '';

    before(async () => {
      await shop.open();
      let answers = 0;
      if (metadata) {
        shop.trailer = () => {
          const m = new grpc.Metadata();
          m.set('x-answer', `answer-${answers++}`);
          return m;
        };
      }
      folder = emptyFolder('midway');
      const path = join(folder, 'whole.pcap');
      const tcpdump = start([
        'tcpdump',
        '-i',
        'lo',
        '-s',
        '0',
        '-U',
        '-B',
        '16384',
        '-w',
        path,
        `tcp port ${shop.port}`,
      ]);
      await tcpdump.until(/listening on/);
      const customer = new Customer(shop.port);
      await talk(customer, metadata);
      customer.close();
      await written(path);
      await tcpdump.stop('SIGINT');
      assert.match(tcpdump.err, /\b0 packets dropped by kernel/);
      shop.close();
      calls = customer.calls;
      file = readFileSync(path);
    });

    const cut = async (from: number): Promise<Line[]> => {
      const path = join(folder, `from-${from}.pcap`);
      writeFileSync(path, Buffer.concat([file.subarray(0, 24), file.subarray(packets(file)[from])]));
      return exchangesIn(path);
    };

    test('whatever is told is right or says that it is not known', async (t) => {
      const whole = await cut(0);
      const truth = new Map(whole.map((l) => [streamOf(l), l]));
      assert.equal(truth.size, CALLS);
      const told = (method: string, status: string): string => `${method} ${status}`;
      assert.deepEqual(
        whole.map((l) => told(l.operation.slice('POST /'.length), grpc.status[Number(l.status)]!)).sort(),
        calls.map((c) => told(c.method, c.status)).sort(),
      );
      const all = packets(file).length;
      const sum: Shares = { paths: 0, statuses: 0, of: 0 };
      for (const share of [0.05, 0.17, 0.3, 0.42, 0.55]) {
        const from = Math.floor(all * share);
        const found = await cut(from);
        assert.ok(found.length > (1 - share) * CALLS * 0.9, `${found.length} calls from ${share} on`);
        const later = compared(found, truth, `from packet ${from} on`);
        sum.paths += later.paths;
        sum.statuses += later.statuses;
        sum.of += later.of;
      }
      const percent = (n: number): string => `${((100 * n) / sum.of).toFixed(1)} %`;
      t.diagnostic(
        `of ${sum.of} calls after the first ${LATER} the path is known of ${percent(sum.paths)}, the status of ${percent(sum.statuses)}`,
      );
      assert.ok(sum.of > 1000);
      if (metadata) assert.ok(sum.paths === sum.of && sum.statuses >= 0.9 * sum.of, JSON.stringify(sum));
    });
  });
}
