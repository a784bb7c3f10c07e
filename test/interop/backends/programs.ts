/** The real Collector, Jaeger and Prometheus, as scripts/backends.sh builds them. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, lacking, type Started, start } from '../../e2e/program.ts';

const SCRIPT = new URL('../../../scripts/backends.sh', import.meta.url).pathname;

export type Program = 'collector' | 'jaeger' | 'prometheus' | 'promtool';

/** On two busy cores with nothing cached all of them take about 25 minutes. */
const START_MS = 60_000;

const ask = (...options: string[]): string => {
  const { status, stdout, stderr } = spawnSync('sh', [SCRIPT, ...options], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
};

const lines = (text: string): string[] => text.trim().split('\n');

/** As `lacking` of the e2e tests: why the tests cannot run, or false. Go is needed unless all that is asked for has been built before. */
export function lackingBackends(programs: readonly Program[], ...others: string[]): string | false {
  const built = lines(ask('--where', ...programs)).every((place) => existsSync(place));
  // where Go's own archive is unpacked, which is in nobody's PATH by itself: the script looks there, too
  const go = existsSync('/usr/local/go/bin/go') ? [] : ['go'];
  return lacking(...(built ? [] : go), 'setpriv', ...others);
}

/** What is pinned: `collector 0.161.0` and so on. */
export const versions = (): Map<string, string> =>
  new Map(lines(ask('--versions')).map((line) => line.split(' ') as [string, string]));

/** Builds what is missing, which takes minutes and is told on standard error; gives where each of the programs is. */
export async function build<P extends Program>(...programs: P[]): Promise<Record<P, string>> {
  const child = spawn('sh', [SCRIPT, ...programs], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, 'scripts/backends.sh failed');
  const places = lines(out);
  return Object.fromEntries(programs.map((program, i) => [program, places[i]])) as Record<P, string>;
}

/** Starts one of them, killed when the process that started it dies, and waits until `url` answers with 2xx. `env`: further variables. */
export async function launch(
  program: Program,
  args: readonly string[],
  cwd: string,
  url: string,
  env: Record<string, string> = {},
): Promise<Started> {
  const place = (await build(program))[program];
  const command = ['setpriv', '--pdeathsig', 'KILL', '--', place, ...args];
  const started = start(command, { cwd, env: environment(env) });
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 100) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return started;
    assert.equal(started.child.exitCode, null, `${program} has ended: ${started.out}${started.err}`);
    await sleep(100);
  }
  assert.fail(`${program} does not answer at ${url}: ${started.out}${started.err}`);
}

/** The JSON that a backend answers with. */
export async function json<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  const text = await answer.text();
  assert.ok(answer.ok, `${url}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
}

/** Asks again until it is so; fails with what was seen last. Nothing is taken for granted about how fast a machine is. */
export async function eventually<T>(ask: () => Promise<T>, so: (seen: T) => boolean, maxMs = 60_000): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += 250) {
    const seen = await ask();
    if (so(seen)) return seen;
    assert.ok(waitedMs < maxMs, `not so after ${maxMs} ms: ${JSON.stringify(seen)?.slice(0, 2000)}`);
    await sleep(250);
  }
}
