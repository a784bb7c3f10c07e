import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

/** Own loopback addresses, so that nothing else on this machine is in the picture. */
const CLIENT = '127.0.0.41';
const SERVER = '127.0.0.42';
const FILTER = `tcp and host ${SERVER}`;

let shop: Server;
let collector: Server;
const spans: { kind: number; name: string; traceId: string; service: string }[] = [];
let refuse = false;

const port = (server: Server): number => (server.address() as AddressInfo).port;

before(async () => {
  shop = createServer((_req, res) => res.end('hello'));
  await new Promise<void>((done) => shop.listen(0, SERVER, done));
  collector = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      res.writeHead(refuse ? 503 : 200, { 'content-type': 'application/json' }).end('{}');
      if (refuse || req.url !== '/v1/traces') return;
      for (const r of JSON.parse(Buffer.concat(parts).toString()).resourceSpans) {
        const service = r.resource.attributes.find((a: { key: string }) => a.key === 'service.name').value.stringValue;
        for (const s of r.scopeSpans) for (const x of s.spans) spans.push({ ...x, service });
      }
    });
  });
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
});
after(() => {
  shop.close();
  collector.close();
});

interface Running {
  child: ChildProcess;
  lines: () => string;
  exited: Promise<number | null>;
}

/** Started and capturing. */
async function start(env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(process.execPath, ['src/main.ts', 'run', '-i', 'lo', FILTER], {
    env: {
      PATH: process.env.PATH,
      SPANTAP_EXPORT_ENDPOINT: `http://127.0.0.1:${port(collector)}`,
      SPANTAP_EXPORT_PROTOCOL: 'http/json',
      SPANTAP_EXPORT_COMPRESSION: 'none',
      SPANTAP_SPANS_FLUSH_DELAY: '100ms',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr!.on('data', (d) => (err += d));
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  for (let i = 0; i < 1200 && !err.includes('capturing') && child.exitCode === null; i++) await sleep(50);
  assert.match(err, /capturing/, 'needs root or CAP_NET_RAW');
  return { child, lines: () => err, exited };
}

/** Packets reach the agent when the kernel hands over its batch (capture.batchDelay, 20 ms). */
const HANDED_OVER_MS = 250;

function ask(path: string): Promise<void> {
  return new Promise((done, fail) => {
    const req = request({ host: SERVER, port: port(shop), path, localAddress: CLIENT }, (res) => {
      res.resume();
      res.on('end', done);
    });
    req.on('error', fail);
    req.end();
  });
}

test('captures, exports, and on SIGTERM delivers what there is', async () => {
  const agent = await start();
  for (let i = 0; i < 20; i++) await ask(`/items/${i}`);
  await sleep(HANDED_OVER_MS);
  agent.child.kill('SIGTERM');
  assert.equal(await agent.exited, 0, agent.lines());
  assert.equal(spans.length, 40);
  assert.equal(spans.filter((s) => s.kind === 3 && s.service === CLIENT).length, 20);
  assert.equal(spans.filter((s) => s.kind === 2 && s.service === SERVER).length, 20);
  assert.equal(new Set(spans.map((s) => s.traceId)).size, 20);
  assert.match(agent.lines(), /stopped/);
});

test('a signal that comes while it starts is heard', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spantap-run-'));
  after(() => rmSync(folder, { recursive: true }));
  // reading it waits for a writer, so the start goes on when this test lets it
  const hosts = join(folder, 'hosts');
  assert.equal(spawnSync('mkfifo', [hosts]).status, 0);
  const child = spawn(process.execPath, ['src/main.ts', 'run', '-i', 'lo', FILTER], {
    env: {
      PATH: process.env.PATH,
      SPANTAP_NAMING_HOSTS_FILE: hosts,
      SPANTAP_EXPORT_ENDPOINT: `http://127.0.0.1:${port(collector)}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr!.on('data', (d) => (err += d));
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  // opening it for writing without waiting works as soon as it is read
  let writer = -1;
  for (let i = 0; i < 2400 && writer === -1; i++) {
    await sleep(50);
    try {
      writer = openSync(hosts, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {}
  }
  assert.ok(writer !== -1 && !err.includes('capturing'), err);
  child.kill('SIGTERM');
  await sleep(200);
  closeSync(writer);
  assert.equal(await exited, 0, err);
  assert.match(err, /stopped/);
});

test('a capture thread that dies ends the agent as soon as what waits is delivered', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spantap-run-'));
  after(() => rmSync(folder, { recursive: true }));
  const sign = join(folder, 'die');
  const dying = join(folder, 'dying.mjs');
  writeFileSync(
    dying,
    `import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
const look = () => { if (existsSync(${JSON.stringify(sign)})) throw new Error('as asked'); };
if (!isMainThread) setInterval(look, 20);`,
  );
  spans.length = 0;
  refuse = true;
  const agent = await start({ NODE_OPTIONS: `--import=${dying}`, SPANTAP_EXPORT_FLUSH_TIMEOUT: '5m' });
  after(() => agent.child.kill('SIGKILL'));
  for (let i = 0; i < 10; i++) await ask(`/items/${i}`);
  while (!/keeping it/.test(agent.lines())) await sleep(50);
  refuse = false;
  writeFileSync(sign, '');
  assert.equal(await agent.exited, 1, agent.lines());
  assert.match(agent.lines(), /nothing is captured any more: .*as asked/);
  assert.match(agent.lines(), /INFO {2}stopped\n$/);
  assert.ok(spans.length > 0, 'what was handed to the exporter has arrived');
});

test('what could not be delivered is said, exit code 1, within the time for the flush', async () => {
  refuse = true;
  const agent = await start({ SPANTAP_EXPORT_FLUSH_TIMEOUT: '300ms' });
  await ask('/');
  await sleep(HANDED_OVER_MS);
  agent.child.kill('SIGINT');
  assert.equal(await agent.exited, 1, agent.lines());
  assert.match(agent.lines(), /stopped before everything was delivered/);
});

test('what cannot be captured is said in a line or two, exit code 1', () => {
  const run = (...args: string[]) => {
    const r = spawnSync(process.execPath, ['src/main.ts', 'run', ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    assert.equal(r.status, 1);
    assert.doesNotMatch(r.stderr, /\n {4}at /);
    return r.stderr;
  };
  assert.match(run('-i', 'nosuch0'), /^spantap: .*nosuch0[\s\S]*\blo\b/);
  assert.match(run('-i', 'lo', 'tcp', 'prot', '80'), /^spantap: .*tcp prot 80/);
});
