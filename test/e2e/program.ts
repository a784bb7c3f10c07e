/** Programs that the tests start: ours and its peers. What is started here ends with the test file, whatever happens. */
import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

/** The command line of `spantap ARGS`, run from its sources. */
export const spantap = (...args: string[]): string[] => [process.execPath, MAIN, ...args];

/** Variables of the caller must not change what a test sees. */
export const environment = (extra: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  SPANTAP_AGENT_ID: 'test',
  ...extra,
});

const alive = new Set<ChildProcess>();
after(async () => {
  const ended = [...alive].map((child) => new Promise((done) => child.once('exit', done)));
  for (const child of alive) child.kill('SIGKILL');
  await Promise.all(ended);
});

export interface Started {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly out: string;
  readonly err: string;
  /** Waits for text on either output; fails after `maxMs`, or when the program ends without it. */
  until(text: RegExp, maxMs?: number): Promise<void>;
  /** Resolves with the exit code; fails (and kills) after `maxMs`. */
  ended(maxMs?: number): Promise<number | null>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals, maxMs?: number): Promise<number | null>;
}

export function start(command: readonly string[], o: SpawnOptions = {}): Started {
  const [program, ...args] = command;
  const name = command.join(' ').slice(0, 200);
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment(), ...o });
  alive.add(child);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  let code: number | null | undefined;
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      alive.delete(child);
      code = status;
      resolve(status);
    });
  });
  closed.catch(() => {});
  const ended = async (maxMs = 60_000): Promise<number | null> => {
    const late = Symbol('late');
    const aborted = new AbortController();
    const timeout = sleep(maxMs, late, { signal: aborted.signal }).catch(() => late);
    const first = await Promise.race([closed, timeout]);
    aborted.abort();
    if (typeof first !== 'symbol') return first;
    child.kill('SIGKILL');
    assert.fail(`${name} did not end within ${maxMs} ms; its output: ${err}`);
  };
  return {
    child,
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    async until(text, maxMs = 60_000) {
      for (let waited = 0; waited < maxMs; waited += 20) {
        if (text.test(out) || text.test(err)) return;
        assert.equal(code, undefined, `${name} ended without ${text}: ${err}`);
        await sleep(20);
      }
      assert.fail(`${name} did not say ${text} within ${maxMs} ms: ${err}`);
    },
    ended,
    async stop(signal = 'SIGTERM', maxMs = 30_000) {
      child.kill(signal);
      return ended(maxMs);
    },
  };
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. */
export async function run(command: readonly string[], o: SpawnOptions & { maxMs?: number } = {}): Promise<Finished> {
  const { maxMs, ...options } = o;
  const started = start(command, options);
  const code = await started.ended(maxMs);
  return { code, out: started.out, err: started.err };
}

/** Runs a program that must succeed, and gives its output. */
export async function must(command: readonly string[], o: SpawnOptions & { maxMs?: number } = {}): Promise<string> {
  const r = await run(command, o);
  assert.equal(r.code, 0, `${command.join(' ').slice(0, 300)}: ${r.err}`);
  return r.out;
}

/**
 * Why the tests of a file cannot run here: not root, or programs that are not installed; false if they can. In CI nothing
 * may be left out: there, it throws.
 */
export function lacking(...programs: string[]): string | false {
  const missing = programs.filter((program) => !installed(program));
  const reasons = missing.length > 0 ? [`not installed: ${missing.join(', ')}`] : [];
  if (process.getuid?.() !== 0) reasons.unshift('root is needed to capture');
  if (reasons.length === 0) return false;
  const reason = `SKIPPED, NOTHING TESTED: ${reasons.join('; ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  console.error(reason);
  return reason;
}

/** Debian keeps PostgreSQL's programs in a folder for each version. */
function postgresql(): string[] {
  const folder = '/usr/lib/postgresql';
  return existsSync(folder) ? readdirSync(folder).map((version) => join(folder, version, 'bin')) : [];
}

/** Where programs are looked for: some of them live where only root's PATH looks, or nobody's. */
export const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...postgresql()];

function installed(program: string): boolean {
  return FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
