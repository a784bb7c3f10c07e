/** Bytes sent again and out of order, RSTs and shut windows of recorded connections, against what tshark says of the same packets. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { Timebase } from '../../src/bytes/timebase.ts';
import { readCaptureFile } from '../../src/capture/files/read.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { TcpNews } from '../../src/exchange/tcp-news.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { Counters } from '../../src/self/counters.ts';
import { lacking, must } from './program.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');

interface Figures {
  retransmitted: number;
  outOfOrder: number;
  /** A RST ended or refused a connection; a window was shut for a while. */
  resets: boolean;
  shut: boolean;
}

/** Where we mean to differ. */
const OTHERWISE: Record<string, (f: Figures) => Figures> = {
  // Five segments that had been captured before: tshark calls out of order whatever comes within a round trip (370 ms here) of the
  // latest new segment.
  'http/zk-206_example_a': (f) => ({ ...f, retransmitted: f.retransmitted + f.outOfOrder, outOfOrder: 0 }),
  // Frames without any payload: tshark takes what was captured for the length, we take what the IP header says.
  'tcp/df-xiangdao-retrans': (f) => ({ ...f, retransmitted: 1803 }),
  // Frames shorter than their IP header says (28 bytes); two segments bring 636 new bytes besides old ones, and tshark counts all of
  // them; three (1,535 bytes) come three seconds after the last FIN, when what was missing in front of it has been given up and the
  // connection is over.
  'tcp/zk-reassembly': (f) => ({ ...f, retransmitted: 7563 }),
};

async function ours(path: string): Promise<Figures> {
  const sum: Figures = { retransmitted: 0, outOfOrder: 0, resets: false, shut: false };
  const tcp = {
    told(n: TcpNews): void {
      if (n.refused > 0) sum.resets = true;
      for (const d of n.directions) {
        sum.retransmitted += d.retransmitted;
        sum.outOfOrder += d.outOfOrder;
        if (d.resets > 0) sum.resets = true;
        if (d.zeroWindowNs > 0) sum.shut = true;
      }
    },
  };
  const pipeline = new Pipeline({
    config: await loadConfig(null),
    listeners: [{ finished() {} }],
    counters: new Counters(),
    budget: new Budget(1 << 28),
    timebase: new Timebase(),
    detail: 0,
    tcp,
  });
  await readCaptureFile(path, pipeline);
  pipeline.end();
  return sum;
}

async function tsharks(path: string): Promise<Figures> {
  const names = ['tcp.len', 'tcp.analysis.retransmission', 'tcp.analysis.out_of_order', 'tcp.analysis.zero_window'];
  const fields = [...names, 'tcp.flags.reset'].flatMap((f) => ['-e', f]);
  const text = await must(['tshark', '-n', '-r', path, '-Y', 'tcp', '-T', 'fields', ...fields]);
  const f: Figures = { retransmitted: 0, outOfOrder: 0, resets: false, shut: false };
  for (const line of text.split('\n').slice(0, -1)) {
    const [length, again, late, shut, reset] = line.split('\t') as [string, string, string, string, string];
    if (again !== '') f.retransmitted += Number(length);
    if (late !== '') f.outOfOrder += Number(length);
    if (shut !== '') f.shut = true;
    if (reset === '1' || reset === 'True') f.resets = true;
  }
  return f;
}

const cases = [
  ...readdirSync(join(FIXTURES, 'tcp')).map((name) => `tcp/${name}`),
  'http/zk-206_example_a',
  'http/zk-1000-requests-one-dropped-response',
  'postgresql/zk-psql-aws-ssl-require',
  'redis/zk-almost-resp',
];

describe('as tshark sees it', { skip: lacking('tshark') }, () => {
  for (const name of cases) {
    const folder = join(FIXTURES, name);
    const file = readdirSync(folder).find((f) => f.startsWith('input.'));
    if (file === undefined || !existsSync(join(folder, 'expected.json'))) continue;
    test(name, async () => {
      const theirs = await tsharks(join(folder, file));
      assert.deepEqual(await ours(join(folder, file)), (OTHERWISE[name] ?? ((f) => f))(theirs));
    });
  }
});
