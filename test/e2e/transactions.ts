/** Fixtures and what is in them, and the exchanges that the pipeline finds in a capture. */
import assert from 'node:assert/strict';
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

/** What the bytes say where `expected.json` says something else. Frames are numbered from 1. */
export interface Truth {
  readonly client: string;
  readonly server: string;
  /** '' for that of the expected row. */
  readonly operation: string;
  /** Frame with the request's first byte, and with the response's; null: no response was captured. */
  readonly request: number;
  readonly response: number | null;
  readonly status: string | null;
  readonly why: string;
}

/** The expected row is no exchange of its own. */
export interface Absent {
  readonly client: string;
  readonly absent: true;
  readonly why: string;
}

/** By fixture: instead of the expected row with that `request_frame`, or in addition (`null`). */
export type Truths = Readonly<Record<string, readonly (readonly [number | null, Truth | Absent])[]>>;

/** Capture times of a file's frames in nanoseconds; [0] is not used. */
export async function frameTimes(path: string): Promise<bigint[]> {
  const times = [0n];
  await readCaptureFile(path, {
    frame: (_buf, _start, _end, _wireLength, sec, nsec) => times.push(BigInt(sec) * 1_000_000_000n + BigInt(nsec)),
  });
  return times;
}

const seconds = (ns: bigint): string => `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;

/** The rows of `expected.json` that speak of requests of that protocol, with what the bytes say better. */
export async function rowsOf(fixture: Fixture, protocol: string, truths: Truths): Promise<Transaction[]> {
  const rows = (fixture.transactions ?? []).filter((t) => t.protocol === protocol && t.request_frame !== null);
  const better = truths[fixture.name] ?? [];
  const times = better.length === 0 ? [] : await frameTimes(fixture.path);
  for (const [instead, truth] of better) {
    const at = rows.findIndex((r) => r.client === truth.client && r.request_frame === instead);
    assert.equal(at >= 0, instead !== null, `${fixture.name}: the row of frame ${instead} is there`);
    if ('absent' in truth) {
      rows.splice(at, 1);
      continue;
    }
    const start = times[truth.request]!;
    const row: Transaction = {
      protocol,
      client: truth.client,
      server: truth.server,
      request_frame: truth.request,
      start: seconds(start),
      duration_ms: truth.response === null ? null : Number(times[truth.response]! - start) / 1e6,
      operation: truth.operation === '' ? rows[at]!.operation : truth.operation,
      status: truth.status,
      error: truth.status === null ? null : false,
    };
    if (instead === null) rows.push(row);
    else rows[at] = row;
  }
  return rows;
}

/** A row's identity: who asked whom for what, and when if the file says so. */
export const identity = (r: Transaction | Line, timed: boolean): string =>
  `${r.client} ${r.server} ${timed ? r.start : ''} ${r.operation}`;

/** Expectations have whole microseconds. */
const micros = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 1000));

/** What was found is what is there: each row by its identity, its status, and its time to the first byte. */
export function compare(found: readonly Line[], rows: readonly Transaction[]): void {
  const timed = rows.every((r) => r.start !== null);
  const text = (r: Transaction | Line, ms: number | null): string =>
    `${identity(r, timed)}: ${r.status} ${r.error} ${timed ? micros(ms) : ''}`;
  assert.deepEqual(found.map((l) => text(l, l.firstByteMs)).sort(), rows.map((r) => text(r, r.duration_ms)).sort());
}
