/**
 * `make demo`: a shop's services talk over loopback, the agent captures that for real, and this program shows what it says.
 * With --jaeger (`make demo-jaeger`) a real Jaeger shows it, too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { JaegerProgram } from './jaeger-program.ts';
import { type Forward, Receiver } from './receiver.ts';
import { Services } from './services.ts';
import { drawTrace } from './trace.ts';
import { View } from './view.ts';

const { values: options } = parseArgs({
  options: {
    forever: { type: 'boolean', default: false },
    jaeger: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '20' },
  },
});

// this file is demo/main.ts, or dist/demo/main.js once built
const above = dirname(import.meta.dirname);
const root = basename(above) === 'dist' ? dirname(above) : above;

/** The agent's process; it needs root or CAP_NET_RAW to capture. */
function startAgent(endpoint: string, healthPort: number): ChildProcess {
  const env: Record<string, string> = { PATH: process.env.PATH ?? '' };
  env.SPANTAP_EXPORT_ENDPOINT = endpoint;
  env.SPANTAP_HEALTH_PORT = String(healthPort);
  const command = [join(root, 'bin/spantap'), 'run', '-c', join(root, 'demo/agent.yaml')];
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = process.getuid?.() === 0 ? command : ['sudo', 'env', ...settings, ...command];
  return spawn(argv[0]!, argv.slice(1), { env, stdio: ['inherit', 'inherit', 'inherit'] });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Until the agent captures; false if it ended instead, or is not ready after `seconds`. */
async function ready(agent: ChildProcess, healthPort: number, seconds: number): Promise<boolean> {
  for (let i = 0; i < seconds * 10 && agent.exitCode === null; i++) {
    const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => null);
    if (answer?.ok) return true;
    await sleep(100);
  }
  return false;
}

async function stopAgent(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null) return;
  const ended = new Promise((done) => agent.once('exit', done));
  agent.kill('SIGTERM');
  const overdue = setTimeout(() => agent.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(overdue);
}

/** Jaeger takes traces alone; a Collector takes both. */
function forwardTo(jaeger: JaegerProgram | null): Forward {
  if (jaeger !== null) return { traces: `${jaeger.otlp}/v1/traces`, metrics: '' };
  const base = (process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? '').replace(/\/$/, '');
  return base === '' ? { traces: '', metrics: '' } : { traces: `${base}/v1/traces`, metrics: `${base}/v1/metrics` };
}

const jaeger = options.jaeger ? await JaegerProgram.start(root) : null;
if (options.jaeger && jaeger === null) process.exit(1);
const forward = forwardTo(jaeger);
const receiver = new Receiver(forward);
const services = new Services();
const endpoint = await receiver.start();
const without = await services.start();
const healthPort = await freePort();
console.log(
  'A shop on 127.0.0.11 to 16 (HTTP, gRPC, Redis, PostgreSQL), and its visitors. Nobody traces them; the agent listens on lo.',
);
if (without.length > 0) console.log(`Not installed, and done without: ${without.join(', ')}.`);
if (jaeger !== null) console.log(`Jaeger shows the traces at ${jaeger.page}`);
else if (forward.traces !== '') console.log(`What it says also goes to ${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}.`);

const agent = startAgent(endpoint, healthPort);
const failed = new Promise<Error>((done) => agent.once('error', done));
if (!(await Promise.race([ready(agent, healthPort, 30), failed.then(() => false)]))) {
  console.error(
    'demo: the agent did not start. It needs root or CAP_NET_RAW to capture: run `sudo make demo`, or as root.',
  );
  await stopAgent(agent);
  await services.stop();
  await receiver.stop();
  await jaeger?.stop();
  process.exit(1);
}

await services.connect();
const view = new View(receiver, services.pairs);
const visits = services.visit(8);
const interrupted = new Promise((done) => process.once('SIGINT', done));
const agentGone = new Promise((done) => agent.once('exit', done));
const over = options.forever ? [] : [sleep(Number(options.seconds) * 1000)];
await Promise.race([interrupted, agentGone, ...over]);

services.close();
await visits;
await sleep(200); // the last packets are on their way through the kernel
await stopAgent(agent);
view.end();
await services.stop();
console.log(`One trace, put together from packets:\n\n${drawTrace(receiver.fullest())}`);

const missing = services.pairs.filter(([client, server]) => !receiver.pairs.get(`${client} ${server}`)?.spans);
console.log(
  `Visitors made ${services.visits} requests, ${services.failures} failed. The agent exported ${receiver.spans} spans.`,
);
if (receiver.notForwarded > 0) console.log(`${receiver.notForwarded} requests could not be passed on.`);
if (missing.length > 0) {
  console.error(`demo: no spans of ${missing.map((pair) => pair.join(' -> ')).join(', ')} were received`);
  process.exitCode = 1;
}
if (jaeger !== null) {
  console.log(await jaeger.summary());
  if (process.stdin.isTTY && process.exitCode !== 1) {
    console.log(`Jaeger goes on at ${jaeger.page} until Ctrl-C.`);
    await new Promise((done) => process.once('SIGINT', done));
  }
  await jaeger.stop();
}
await receiver.stop();
