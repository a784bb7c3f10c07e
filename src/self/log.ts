import { destination, pino } from 'pino';

/** Where lines for people and their tools go. Fields first, then the sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Lines on standard error, so that standard output stays free; written at once, so that none is lost at the end. */
export function createLog(options: { level: Level; format: 'text' | 'json' }): Log {
  const out = destination({ fd: 2, sync: true });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === 'json' ? out : { write: (line: string) => out.write(textLine(line)) },
  );
}

/** `2026-01-31T10:00:00.000Z WARN  what happened  key=value other="two words"` from the line as JSON. */
export function textLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  let line = `${time} ${String(level).toUpperCase().padEnd(5)} ${msg}`;
  let gap = '  ';
  for (const [key, value] of Object.entries(fields)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    line += `${gap}${key}=${/^[^\s"=]+$/.test(text) || typeof value !== 'string' ? text : JSON.stringify(text)}`;
    gap = ' ';
  }
  return `${line}\n`;
}

/** Kinds of lines that are told apart: more are taken as one, so that a name from outside cannot grow the table. */
const MAX_KINDS = 256;

interface Kind {
  nextMs: number;
  suppressed: number;
}

/** Lines that may come in masses: the first of a kind at once, then at most one in each interval, which says how many it stands for. */
export class LimitedLog {
  readonly #log: Log;
  readonly #everyMs: number;
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: Log, everyMs = 30_000, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#everyMs = everyMs;
    this.#nowMs = nowMs;
  }

  line(level: Level, kind: string, fields: object, message: string): void {
    const now = this.#nowMs();
    const name = this.#kinds.has(kind) || this.#kinds.size < MAX_KINDS ? kind : '';
    let k = this.#kinds.get(name);
    if (k === undefined) {
      k = { nextMs: Number.NEGATIVE_INFINITY, suppressed: 0 };
      this.#kinds.set(name, k);
    }
    if (now < k.nextMs) {
      k.suppressed++;
      return;
    }
    const more = k.suppressed > 0 ? { alike: k.suppressed } : {};
    k.nextMs = now + this.#everyMs;
    k.suppressed = 0;
    this.#log[level]({ ...fields, ...more }, message);
  }
}
