/** The real Jaeger beside the demo: one that is installed, or the one that scripts/backends.sh has built. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JaegerPorts, jaegerConfig } from './jaeger.ts';

const START_MS = 60_000;
/** Jaeger's own port, so that a page left open finds it again; another if it is taken. */
const QUERY_PORT = 16686;

interface Trace {
  readonly traceID: string;
  readonly spans: readonly object[];
}

export class JaegerProgram {
  readonly #ports: JaegerPorts;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #hasPage = false;

  private constructor(ports: JaegerPorts, folder: string, child: ChildProcess) {
    this.#ports = ports;
    this.#folder = folder;
    this.#child = child;
  }

  /** Null where there is none; what to do has been said then. `root`: the checkout. */
  static async start(root: string): Promise<JaegerProgram | null> {
    const program = find(root);
    if (program === '') {
      console.error(
        'demo: there is no Jaeger yet. `scripts/backends.sh jaeger` builds it (needs Go and some minutes, once), or put the\n' +
          'program `jaeger` of a release of version 2, which brings its web page, into PATH.',
      );
      return null;
    }
    const ports = { query: await free(QUERY_PORT), http: await free(0), grpc: await free(0), queryGrpc: await free(0) };
    const folder = mkdtempSync(join(tmpdir(), 'spantap-jaeger-'));
    writeFileSync(join(folder, 'jaeger.yaml'), JSON.stringify(jaegerConfig(ports)));
    const args = ['--pdeathsig', 'KILL', '--', program, '--config', join(folder, 'jaeger.yaml')];
    const child = spawn('setpriv', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const jaeger = new JaegerProgram(ports, folder, child);
    if (await jaeger.#ready()) return jaeger;
    await jaeger.stop();
    return null;
  }

  get otlp(): string {
    return `http://127.0.0.1:${this.#ports.http}`;
  }

  /** What to open: its web page, or, if it was built without, what it answers to programs. */
  get page(): string {
    const base = `http://127.0.0.1:${this.#ports.query}`;
    return this.#hasPage
      ? `${base}/search?service=shop`
      : `${base}/api/traces?service=shop (JSON: this Jaeger has no web page)`;
  }

  /** What it has, by its own account. */
  async summary(): Promise<string> {
    const services = (await this.#ask<string[] | null>('services')) ?? [];
    const traces = (await this.#ask<Trace[] | null>('traces?service=shop&limit=1500')) ?? [];
    const most = traces.toSorted((a, b) => b.spans.length - a.spans.length)[0];
    const trace = most === undefined ? '' : `; the trace ${most.traceID} has ${most.spans.length} spans`;
    return `Jaeger knows ${services.toSorted().join(', ')}${trace}.`;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((done) => this.#child.once('close', done));
      this.#child.kill('SIGKILL'); // it has nothing to save, and may wait long for connections that are kept alive
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<boolean> {
    let text = '';
    let failed = false;
    this.#child.once('error', () => {
      failed = true;
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (piece: string) => {
      text = (text + piece).slice(-4000);
    });
    for (let waitedMs = 0; waitedMs < START_MS && this.#child.exitCode === null && !failed; waitedMs += 100) {
      const page = await fetch(`http://127.0.0.1:${this.#ports.query}/`).catch(() => null);
      if (page?.ok) {
        this.#hasPage = /<script/i.test(await page.text());
        return true;
      }
      await sleep(100);
    }
    console.error(`demo: Jaeger did not start: ${text}`);
    return false;
  }

  async #ask<T>(what: string): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.#ports.query}/api/${what}`);
    return ((await answer.json()) as { data: T }).data;
  }
}

/** '' if there is none. */
function find(root: string): string {
  const where = [join(root, 'scripts/backends.sh'), '--where', 'jaeger'];
  const built = spawnSync('sh', where, { encoding: 'utf8' }).stdout.trim();
  const installed = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'jaeger'));
  for (const path of [...installed, built]) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return '';
}

/** That port of 127.0.0.1 if nobody has it, else any. */
async function free(wanted: number): Promise<number> {
  const server = createServer();
  const listening = new Promise<boolean>((done) => {
    server.once('listening', () => done(true)).once('error', () => done(false));
  });
  server.listen(wanted, '127.0.0.1');
  if (!(await listening)) return free(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
