/**
 * Redis and PostgreSQL for the demo: real ones, with nothing in them, in a folder that goes away with them. Where they are not
 * installed the demo does without.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, chownSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createClient } from 'redis';

/** Debian's `nobody` and `nogroup`: PostgreSQL refuses to run as root. */
const NOBODY = 65534;
const ROOT = process.getuid?.() === 0;
const START_MS = 60_000;

export class Stores {
  readonly #folder = mkdtempSync(join(tmpdir(), 'spantap-demo-'));
  readonly #children: ChildProcess[] = [];

  constructor() {
    if (ROOT) chownSync(this.#folder, NOBODY, NOBODY);
  }

  /** Gives its port; 0 where it is not installed. */
  async redis(address: string): Promise<number> {
    const program = find('redis-server');
    if (program === '') return 0;
    const port = await freePort(address);
    const options = ['--port', String(port), '--bind', address, '--protected-mode', 'no', '--save', ''];
    await this.#serve([program, ...options, '--dir', this.#folder], address, port);
    return port;
  }

  /** Gives its port; 0 where it is not installed. */
  async postgresql(address: string): Promise<number> {
    const [program, initdb] = [find('postgres'), find('initdb')];
    if (program === '' || initdb === '') return 0;
    const data = join(this.#folder, 'postgresql');
    await this.#run([initdb, '-D', data, '-U', 'app', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']);
    // initdb lets in 127.0.0.1 alone
    writeFileSync(join(data, 'pg_hba.conf'), 'host all all 127.0.0.0/8 trust\n');
    const port = await freePort(address);
    const settings = { listen_addresses: address, unix_socket_directories: '', fsync: 'off', shared_buffers: '16MB' };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    await this.#serve([program, '-D', data, '-p', String(port), ...options], address, port);
    return port;
  }

  async stop(): Promise<void> {
    const ended = this.#children.map((child) => (child.exitCode ?? child.signalCode) === null && once(child));
    for (const child of this.#children) child.kill('SIGINT');
    await Promise.all(ended);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #run(command: readonly string[]): Promise<void> {
    const child = this.#spawn(command);
    let text = '';
    child.stderr!.on('data', (piece) => (text += piece));
    child.stdout!.resume();
    const code = await once(child);
    if (code !== 0) throw new Error(`${command[0]} failed: ${text}`);
  }

  async #serve(command: readonly string[], address: string, port: number): Promise<void> {
    const child = this.#spawn(command);
    this.#children.push(child);
    let text = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (piece) => (text += piece));
    for (let waitedMs = 0; waitedMs < START_MS && child.exitCode === null; waitedMs += 50) {
      if (await listens(address, port)) return;
      await sleep(50);
    }
    throw new Error(`${command[0]} did not start: ${text}`);
  }

  /** Without privileges, and killed when the demo dies. */
  #spawn(command: readonly string[]): ChildProcess {
    const ids = ROOT ? ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'] : [];
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C' };
    const args = ['--pdeathsig', 'KILL', ...ids, '--', ...command];
    return spawn('setpriv', args, { cwd: this.#folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** Connects from an address of its own. */
class OwnSocket extends Socket {
  readonly from: string;
  constructor(from: string) {
    super();
    this.from = from;
  }
  // as pg calls it
  override connect(...args: unknown[]): this {
    const [port, host] = args as [number, string];
    return super.connect({ port, host, localAddress: this.from });
  }
}

export function redisClient(from: string, host: string, port: number) {
  // what the library would tell of itself is no request of ours
  const socket = { host, port, localAddress: from, reconnectStrategy: false } as const;
  return createClient({ socket, RESP: 2, disableClientInfo: true });
}
export type RedisClient = ReturnType<typeof redisClient>;

/** `connected` is called for each connection that it makes. */
export function postgresqlPool(from: string, host: string, port: number, connected: () => void): pg.Pool {
  const stream = (): Socket => new OwnSocket(from);
  const pool = new pg.Pool({ host, port, user: 'app', database: 'postgres', max: 4, idleTimeoutMillis: 0, stream });
  return pool.on('connect', connected).on('error', () => {});
}

/** A program's path: some live where only root's PATH looks, PostgreSQL's in a folder for each version. '' if it is not there. */
function find(program: string): string {
  const versions = '/usr/lib/postgresql';
  const postgresql = existsSync(versions) ? readdirSync(versions).map((v) => join(versions, v, 'bin')) : [];
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...postgresql]) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return '';
}

const once = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));

async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, address, done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

const listens = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
