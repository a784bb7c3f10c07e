/**
 * What a captured packet costs: a child process sends a burst of small UDP datagrams on the loopback interface, another captures
 * them with one driver and measures its own CPU time. Prints a table.
 *
 *   node test/bench/capture-cost.ts [packets]      default 200000; needs CAP_NET_RAW, and cap built for its row
 */

import { fork } from 'node:child_process';
import dgram from 'node:dgram';
import { openLive } from '../../src/capture/live.ts';
import type { CaptureOptions } from '../../src/capture/options.ts';

const PAYLOAD = Buffer.alloc(64, 'x');
const RING_BYTES = 8 << 20;

interface Cost {
  driver: string;
  received: number;
  dropped: number;
  cpuMs: number;
  /** With nothing to capture, over the same time. */
  idleMs: number;
}

function optionsFor(driver: CaptureOptions['driver'], port: number): CaptureOptions {
  return {
    driver,
    interfaces: ['lo'],
    filter: `udp dst port ${port}`,
    snaplen: 65535,
    ringBytes: RING_BYTES,
    promiscuous: false,
    batchDelayMs: 100,
    shards: 1,
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const cpuMs = (since: NodeJS.CpuUsage): number => {
  const used = process.cpuUsage(since);
  return (used.user + used.system) / 1000;
};

/** As fast as the kernel takes them: one batch of synchronous sends after the other. */
async function send(port: number, packets: number): Promise<void> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()));
  for (let sent = 0; sent < packets; sent += 500) {
    const last = Math.min(500, packets - sent);
    await new Promise<void>((resolve) => {
      for (let i = 1; i <= last; i++) socket.send(PAYLOAD, i === last ? () => resolve() : undefined);
    });
  }
  socket.close();
}

async function capture(driver: CaptureOptions['driver'], port: number, packets: number): Promise<void> {
  let frames = 0;
  let bytes = 0;
  const handler = {
    frame(_: Buffer, start: number, end: number): void {
      frames++;
      bytes += end - start;
    },
  };
  const live = openLive(optionsFor(driver, port), handler, () => {});
  const beforeIdle = process.cpuUsage();
  const idleFrom = performance.now();
  await sleep(1000);
  const idlePerMs = cpuMs(beforeIdle) / (performance.now() - idleFrom);

  const before = process.cpuUsage();
  const from = performance.now();
  process.send!('ready');
  await new Promise<void>((resolve) => process.once('message', () => resolve()));
  await sleep(500);
  const used = cpuMs(before);
  const { dropped } = live.stats();
  live.close();
  if (bytes === 0 && packets > 0) process.exitCode = 1;
  const idleMs = idlePerMs * (performance.now() - from);
  process.send!({ driver, received: frames, dropped, cpuMs: used, idleMs } satisfies Cost);
  process.disconnect();
}

/** Starts this file again in a role; resolves with its messages one after the other. */
function start(...args: string[]): { next: () => Promise<unknown>; tell: () => void } {
  const child = fork(import.meta.filename, args, { stdio: 'inherit' });
  const next = (): Promise<unknown> =>
    new Promise((resolve) => {
      child.once('message', resolve);
      child.once('exit', () => resolve(undefined));
    });
  return { next, tell: () => child.send('sent') };
}

async function measure(driver: string, port: number, packets: number): Promise<Cost | undefined> {
  const child = start('capture', driver, String(port), String(packets));
  if ((await child.next()) !== 'ready') return undefined;
  await start('send', String(port), String(packets)).next();
  child.tell();
  return (await child.next()) as Cost | undefined;
}

async function main(packets: number): Promise<void> {
  // Takes the datagrams, so that the kernel does not answer each with ICMP; a full receive buffer is no matter.
  const sink = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => sink.bind(0, '127.0.0.1', resolve));
  const { port } = sink.address();
  console.log(`${packets} datagrams of ${PAYLOAD.length} bytes in one burst, ring of ${RING_BYTES >> 20} MiB\n`);
  console.log('driver    captured   lost %   told as dropped   CPU ms   us per captured packet');
  for (const driver of ['libpcap', 'cap', 'libpcap', 'cap']) {
    const cost = await measure(driver, port, packets);
    if (cost === undefined) {
      console.log(`${driver.padEnd(8)}  cannot be used here`);
      continue;
    }
    const net = Math.max(0, cost.cpuMs - cost.idleMs);
    const lost = ((packets - cost.received) / packets) * 100;
    const columns = [
      driver.padEnd(8),
      String(cost.received).padStart(9),
      lost.toFixed(1).padStart(7),
      String(cost.dropped).padStart(16),
      net.toFixed(0).padStart(7),
      ((net * 1000) / cost.received).toFixed(2).padStart(24),
    ];
    console.log(columns.join('  '));
  }
  sink.close();
}

const [role, ...args] = process.argv.slice(2);
if (role === 'send') await send(Number(args[0]), Number(args[1]));
else if (role === 'capture') await capture(args[0] as CaptureOptions['driver'], Number(args[1]), Number(args[2]));
else await main(Number(role ?? 200_000));
