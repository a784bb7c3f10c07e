/** Fixtures and what is in them, and the exchanges that the pipeline finds in a capture. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Budget } from '../../src/bytes/budget.ts';
import { Timebase } from '../../src/bytes/timebase.ts';
import { readCaptureFile } from '../../src/capture/files/read.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createNamer } from '../../src/naming/static.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { FULL } from '../../src/protocols/protocol.ts';
import { JsonLines } from '../../src/report/json.ts';
import { Output } from '../../src/report/output.ts';
import { Counters } from '../../src/self/counters.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');

/** A transaction as `expected.json` has it; frames are numbered from 1, as tshark does. */
export interface Transaction {
  protocol: string;
  client: string;
  server: string;
  /** null: the response of a request that was not captured. */
  request_frame: number | null;
  /** null: no response was captured. */
  response_frame?: number | null;
  /** Epoch seconds, as text; null in a file without time stamps. */
  start: string | null;
  /** From the request's first packet to the response's first one. */
  duration_ms: number | null;
  operation: string;
  status: string | null;
  error: boolean | null;
}

export interface Fixture {
  readonly name: string;
  readonly path: string;
  /** null: what is in it is not known. */
  readonly transactions: Transaction[] | null;
}

/** One exchange as `spantap read --format json` prints it. */
export interface Line {
  protocol: string;
  client: string;
  server: string;
  start: string;
  firstByteMs: number | null;
  operation: string;
  status: string | null;
  error: boolean | null;
}

/** The fixtures of one topic. */
export function fixturesOf(topic: string): Fixture[] {
  return readdirSync(join(FIXTURES, topic)).map((name) => {
    const dir = join(FIXTURES, topic, name);
    const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')) as Pick<Fixture, 'transactions'>;
    const input = readdirSync(dir).find((file) => file.startsWith('input'))!;
    return { name: `${topic}/${name}`, path: join(dir, input), transactions: expected.transactions };
  });
}

class Collected extends Output {
  readonly lines: Line[] = [];

  override write(text: string): void {
    this.lines.push(JSON.parse(text) as Line);
  }
}

/** What `spantap read --format json --raw` would print, without a process for each file. */
export async function exchangesIn(path: string): Promise<Line[]> {
  const config = await loadConfig(null, {});
  const counters = new Counters();
  const timebase = new Timebase();
  const out = new Collected();
  const namer = createNamer(config.naming, counters);
  const pipeline = new Pipeline({
    config,
    listeners: [new JsonLines(out, timebase, namer, true)],
    counters,
    budget: new Budget(config.limits.memoryBytes),
    timebase,
    detail: FULL,
  });
  await readCaptureFile(path, pipeline);
  pipeline.end();
  return out.lines;
}
