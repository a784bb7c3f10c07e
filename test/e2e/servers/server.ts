/**
 * Real servers as child processes: data in a folder of their own, ports of 127.0.0.1 that were free, no privileges. Each ends
 * with its test, and at the latest with the process that started it, however that ends.
 */
import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, FOLDERS, type Started, start } from '../program.ts';

/** Debian's `nobody` and `nogroup`. */
const NOBODY = 65534;

export interface Server {
  readonly port: number;
  /** What it has written so far, both outputs. */
  readonly log: string;
  stop(): Promise<void>;
}

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** An empty folder that belongs to nobody; removed at the end. */
export function emptyFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `spantap-${name}-`));
  folders.push(folder);
  chownSync(folder, NOBODY, NOBODY);
  return folder;
}

/** A port that nobody listens on, neither by TCP nor, as far as one can know, by UDP. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** The command as nobody (some servers refuse to be root), killed when the process that started it dies. */
export function unprivileged(...command: string[]): string[] {
  const ids = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  return ['setpriv', '--pdeathsig', 'KILL', ...ids, '--', ...command];
}

/** Finds the servers where only root's PATH, or nobody's, looks. */
export const serverEnvironment = (): Record<string, string> => environment({ PATH: FOLDERS.join(':'), LC_ALL: 'C' });

/** Starts a server, and waits until it says so (`ready`) or takes connections. */
export async function startServer(
  port: number,
  command: readonly string[],
  o: { ready?: RegExp; stopSignal?: NodeJS.Signals; cwd: string },
): Promise<Server> {
  const started = start(unprivileged(...command), { env: serverEnvironment(), cwd: o.cwd });
  if (o.ready !== undefined) await started.until(o.ready);
  await takesConnections(port, started);
  return {
    port,
    get log() {
      return started.out + started.err;
    },
    async stop() {
      await started.stop(o.stopSignal ?? 'SIGTERM');
    },
  };
}

async function takesConnections(port: number, started: Started): Promise<void> {
  for (let tries = 0; tries < 2400; tries++) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
    if (connected) return;
    assert.equal(started.child.exitCode, null, `it has ended: ${started.out}${started.err}`);
    await sleep(25);
  }
  assert.fail(`nothing listens on port ${port}: ${started.out}${started.err}`);
}
