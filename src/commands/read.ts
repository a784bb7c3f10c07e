/** `spantap read`: capture files in, a report or OTLP out. */
import { accessSync, constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Budget } from '../bytes/budget.ts';
import { Timebase } from '../bytes/timebase.ts';
import { readCaptureFile, unreadable } from '../capture/files/read.ts';
import type { FrameHandler } from '../capture/source.ts';
import { loadConfig } from '../config/load.ts';
import type { TcpListener } from '../exchange/tcp-news.ts';
import { LearntNames } from '../naming/learnt.ts';
import { createNamer } from '../naming/static.ts';
import { Devices } from '../packet/devices.ts';
import { Pipeline } from '../pipeline.ts';
import type { Detail } from '../protocols/protocol.ts';
import { Output } from '../report/output.ts';
import { Counters } from '../self/counters.ts';
import { CANNOT, DAMAGED, OK } from './exit-codes.ts';
import { Progress } from './progress.ts';
import { openJson, openOtlp, openTable, type Report, type Sources } from './reports.ts';

export interface ReadOptions {
  readonly files: readonly string[];
  readonly config: string | null;
  readonly format: 'table' | 'json' | 'otlp-json';
  /** Operations as on the wire. */
  readonly raw: boolean;
  readonly export: boolean;
}

/** What the files held, all together. */
class Totals {
  frames = 0;
  bytes = 0;
  warnings = 0;
}

export async function read(o: ReadOptions): Promise<number> {
  const config = await loadConfig(o.config);
  // told before the files in front of it have been read in vain
  for (const path of o.files) {
    try {
      if (path !== '-') accessSync(path, constants.R_OK);
    } catch (error) {
      throw unreadable(path, error as Error);
    }
  }
  const counters = new Counters();
  const budget = new Budget(config.limits.memoryBytes);
  const namer = createNamer(config.naming, counters);
  const learnt = config.naming.dns ? new LearntNames({ namer, budget, counters }) : null;
  const sources: Sources = {
    config,
    counters,
    budget,
    namer: learnt ?? namer,
    timebase: new Timebase(),
    devices: new Devices(),
  };
  const out = new Output();
  const reports = [await openReport(o, sources, out)];
  const delivery = o.export ? await (await import('./delivery.ts')).openDelivery(sources) : null;
  if (delivery !== null) reports.push(delivery.report);

  const pipeline = new Pipeline({
    ...sources,
    listeners: reports.map((r) => r.listener),
    tcp: all(reports.flatMap((r) => (r.tcp === null ? [] : [r.tcp]))),
    detail: Math.max(...reports.map((r) => r.detail)) as Detail,
    names: learnt,
    onTick: (nowNs) => {
      learnt?.tick(nowNs);
      for (const r of reports) r.tick(nowNs);
    },
    onRebase: (shiftNs) => {
      learnt?.rebased(shiftNs);
      for (const r of reports) r.rebased(shiftNs);
    },
  });
  const clock = new Clock(pipeline);
  if (o.files.includes('-')) endWithInput();

  const totals = new Totals();
  const progress = new Progress(o.format === 'table' || !process.stdout.isTTY);
  try {
    for (const path of o.files) {
      await progress.begin(path, path === '-' ? 0 : await sizeOf(path));
      const result = await readCaptureFile(path, clock, {
        onProgress: (bytes) => progress.at(bytes),
        onChunkEnd: () => {
          out.flush();
          if (out.closed) throw new ReaderGone();
          return delivery?.room();
        },
      });
      progress.end();
      totals.frames += result.frames;
      totals.bytes += result.bytes;
      totals.warnings += result.warnings.length;
      for (const w of result.warnings) {
        process.stderr.write(`spantap: ${path}: at byte ${w.offset}: ${w.message} (${w.code})\n`);
      }
    }
  } catch (error) {
    progress.end();
    if (error instanceof ReaderGone) return OK;
    throw error;
  }
  pipeline.end();
  for (const r of reports) {
    const { firstSec, lastSec } = clock;
    r.end({ files: o.files.length, ...totals, firstSec, lastSec, readings: counters.snapshot() });
  }
  out.flush();
  if (out.closed) return OK;
  if (delivery !== null && !(await delivery.finish())) return CANNOT;
  return totals.warnings > 0 ? DAMAGED : OK;
}

function openReport(o: ReadOptions, sources: Sources, out: Output): Promise<Report> {
  if (o.format === 'table') return openTable(sources, out);
  if (o.format === 'json') return openJson(sources, out, o.raw);
  return openOtlp(sources, { traces: 'json', metrics: 'json' }, (_signal, bytes) =>
    out.write(`${Buffer.from(bytes).toString()}\n`),
  );
}

function all(listeners: readonly TcpListener[]): TcpListener | null {
  if (listeners.length <= 1) return listeners[0] ?? null;
  return {
    told(news) {
      for (const l of listeners) l.told(news);
    },
  };
}

/** Whoever read our output has heard enough (`| head`): no error, but nothing left to do either. */
class ReaderGone extends Error {}

/** Passes frames on and remembers the span of time they cover. */
class Clock implements FrameHandler {
  firstSec = Number.NaN;
  lastSec = Number.NaN;
  readonly #next: FrameHandler;

  constructor(next: FrameHandler) {
    this.#next = next;
  }

  frame(buf: Buffer, start: number, end: number, wireLength: number, sec: number, nsec: number, link: number): void {
    const time = sec + nsec / 1e9;
    if (!(time >= this.firstSec)) this.firstSec = time;
    if (!(time <= this.lastSec)) this.lastSec = time;
    this.#next.frame(buf, start, end, wireLength, sec, nsec, link);
  }

  from(device: string): void {
    this.#next.from?.(device);
  }
}

async function sizeOf(path: string): Promise<number> {
  // what is wrong with the path is told when it is opened
  return stat(path).then(
    (s) => s.size,
    () => 0,
  );
}

/** Ctrl-C also ends the `tcpdump -w -` in front of us: its last packets come, then the report. A second one ends us, too. */
function endWithInput(): void {
  process.once('SIGINT', () => {});
}
