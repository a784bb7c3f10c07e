/**
 * The agent beside real TCP between two network namespaces, of which one refuses, swallows, resets, stops reading and loses packets:
 * the metrics that arrive at an OTLP endpoint, against what the clients did and what the kernel says of their sockets.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, Endpoint, type Point, pointsOf } from './otlp.ts';
import { environment, lacking, must, run, type Started, spantap, start } from './program.ts';

const NAMESPACE = `spantap-tcp-${process.pid}`;
const DEVICE = `sptcp${process.pid % 10_000}`;
/** A network of documentation addresses (RFC 2544), one for each process. */
const NET = `198.18.${process.pid % 256}`;
const HERE = `${NET}.1`;
const THERE = `${NET}.2`;
const FIRST = 7100;
const PORTS = { answers: FIRST, resets: FIRST + 1, rests: FIRST + 2, wakes: FIRST + 3, lossy: FIRST + 4 };
const REFUSED = FIRST + 20;
const SWALLOWED = FIRST + 21;

const dir = mkdtempSync(join(tmpdir(), 'spantap-tcp-'));
const inside = (...command: string[]): string[] => ['ip', 'netns', 'exec', NAMESPACE, ...command];
const ip = (...args: string[]): Promise<string> => must(['ip', ...args]);

/** Every port of the server is a service. */
function config(): string {
  const path = join(dir, 'agent.yaml');
  const ports = { ...PORTS, refused: REFUSED, swallowed: SWALLOWED };
  const rules = Object.entries(ports).map(([name, port]) => `    - { ip: ${THERE}, port: ${port}, name: ${name} }`);
  writeFileSync(path, `naming:\n  services:\n${rules.join('\n')}\n    - { ip: ${HERE}, name: here }\n`);
  return path;
}

const opened = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, THERE);
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });

const closed = (socket: Socket): Promise<void> => new Promise((done) => void socket.once('close', () => done()));

/** Says something, hears the answer, and hangs up. */
async function talk(text: string | Buffer): Promise<void> {
  const socket = await opened(PORTS.answers);
  socket.end(text);
  await closed(socket.resume());
}

const skip = lacking('ip', 'iptables', 'ss');

describe('TCP health', { skip }, () => {
  const endpoint = new Endpoint();
  let agent: Started;

  const points = (metric: string, server: string): Point[] => {
    const found = endpoint.metrics.filter((m) => m.name === metric).at(-1);
    return (found === undefined ? [] : pointsOf(found)).filter((p) => attribute(p, 'server') === server);
  };
  /** The figure as it was sent last; NaN as long as there is none. */
  const value = (metric: string, server: string, key = '', is = ''): number => {
    const point = points(metric, server).find((p) => key === '' || attribute(p, key) === is);
    return Number(point?.count ?? point?.asInt ?? point?.asDouble ?? Number.NaN);
  };
  const toServer = (metric: string, server: string): number => value(metric, server, 'spantap.direction', 'to_server');
  const toClient = (metric: string, server: string): number => value(metric, server, 'spantap.direction', 'to_client');

  async function until(what: string, holds: () => boolean): Promise<void> {
    for (let waitedMs = 0; waitedMs < 90_000; waitedMs += 100) {
      if (holds()) return;
      await sleep(100);
    }
    assert.fail(`${what}: not within 90 s`);
  }

  before(async () => {
    await ip('netns', 'add', NAMESPACE);
    await ip('link', 'add', DEVICE, 'type', 'veth', 'peer', 'name', 'up0', 'netns', NAMESPACE);
    await ip('address', 'add', `${HERE}/30`, 'dev', DEVICE);
    await ip('link', 'set', DEVICE, 'up');
    await ip('-n', NAMESPACE, 'address', 'add', `${THERE}/30`, 'dev', 'up0');
    await ip('-n', NAMESPACE, 'link', 'set', 'up0', 'up');
    const drop = (port: number, ...how: string[]): Promise<string> =>
      must(inside('iptables', '-w', '-A', 'INPUT', '-p', 'tcp', '--dport', String(port), ...how, '-j', 'DROP'));
    await drop(SWALLOWED);
    // Every twentieth packet that comes is lost behind the capture, so that the capture sees it twice.
    await drop(PORTS.lossy, '-m', 'statistic', '--mode', 'nth', '--every', '20', '--packet', '10');
    const servers = start(inside(process.execPath, join(import.meta.dirname, 'tcp-servers.ts'), THERE, String(FIRST)));
    await servers.until(/listening/);
    await endpoint.open();
    const variables = { ...endpoint.environment, SPANTAP_CAPTURE_RING: '64MiB' };
    agent = start(spantap('run', '-c', config(), '-i', DEVICE, 'tcp'), { env: environment(variables) });
    await agent.until(/capturing/);
  });

  after(async () => {
    await run(['ip', 'netns', 'delete', NAMESPACE]);
    rmSync(dir, { recursive: true });
  });

  test('opened and closed, though nobody knows what was said', async () => {
    const said = Buffer.alloc(3000, 'no protocol ');
    for (let i = 0; i < 20; i++) await talk(said);
    await until('20 connections', () => value('spantap.tcp.connections.opened', 'answers') === 20);
    assert.equal(value('spantap.tcp.handshake.duration', 'answers'), 20, 'as many handshakes');
    assert.equal(value('spantap.tcp.connections.failed', 'answers', 'error.type', 'refused'), 0);
    assert.equal(toClient('spantap.tcp.connections.reset', 'answers'), 0);
    assert.equal(toServer('spantap.tcp.bytes.sent', 'answers'), 20 * said.length);
    assert.equal(toServer('spantap.tcp.bytes.delivered', 'answers'), 20 * said.length);
    const [point] = points('spantap.tcp.connections.opened', 'answers');
    assert.equal(attribute(point!, 'client'), 'here');
    assert.equal(attribute(point!, 'network.interface.name'), DEVICE);
  });

  test('refused', async () => {
    for (let i = 0; i < 5; i++) await assert.rejects(opened(REFUSED), { code: 'ECONNREFUSED' });
    await until('refusals', () => value('spantap.tcp.connections.failed', 'refused', 'error.type', 'refused') === 5);
    assert.equal(value('spantap.tcp.connections.opened', 'refused'), 0);
    assert.equal(value('spantap.tcp.connections.failed', 'refused', 'error.type', 'timeout'), 0);
    assert.equal(toClient('spantap.tcp.connections.reset', 'refused'), 0, 'a refusal is no reset');
  });

  test('swallowed', async () => {
    const sockets = Array.from({ length: 3 }, () => connect(SWALLOWED, THERE).on('error', () => {}));
    await sleep(1500); // each sends its SYN again after a second
    for (const s of sockets) s.destroy();
    await until('timeouts', () => value('spantap.tcp.connections.failed', 'swallowed', 'error.type', 'timeout') > 0);
    await until('all', () => value('spantap.tcp.connections.failed', 'swallowed', 'error.type', 'timeout') === 3);
    assert.equal(value('spantap.tcp.connections.opened', 'swallowed'), 0);
    assert.equal(value('spantap.tcp.connections.failed', 'swallowed', 'error.type', 'refused'), 0);
  });

  test('reset by either end', async () => {
    for (let i = 0; i < 4; i++) {
      const socket = await opened(PORTS.resets);
      socket.on('error', () => {}).write('go');
      await closed(socket);
    }
    for (let i = 0; i < 2; i++) (await opened(PORTS.resets)).resetAndDestroy();
    await until('resets', () => toServer('spantap.tcp.connections.reset', 'resets') === 2);
    assert.equal(toClient('spantap.tcp.connections.reset', 'resets'), 4);
    assert.equal(value('spantap.tcp.connections.opened', 'resets'), 6);
  });

  test('a server that does not read', async () => {
    const socket = await opened(PORTS.rests);
    const began = performance.now();
    let finished = false;
    socket.end(Buffer.alloc(32 << 20), () => {
      finished = true;
    });
    await until('a shut window, while it is shut', () => toServer('spantap.tcp.zero_window.time', 'rests') > 1);
    assert.equal(finished, false);
    (await opened(PORTS.wakes)).destroy();
    await closed(socket.resume());
    const tookSeconds = (performance.now() - began) / 1000;
    await until('all of it', () => toServer('spantap.tcp.bytes.sent', 'rests') === 32 << 20);
    assert.ok(toServer('spantap.tcp.zero_window.time', 'rests') < tookSeconds);
    assert.equal(toClient('spantap.tcp.zero_window.time', 'rests'), 0, 'the client read all the time');
  });

  test('a network that loses packets: as many bytes are sent again as the kernel says', async () => {
    const socket = await opened(PORTS.lossy);
    let answers = 0;
    socket.on('data', (d) => {
      answers += d.length;
    });
    const rounds = 60;
    for (let i = 0; i < rounds; i++) {
      const before = answers;
      socket.write(`${'x'.repeat(4095)}\n`);
      await until('an answer', () => answers > before);
    }
    const told = await must(['ss', '-tinH', 'dst', THERE, 'dport', '=', `:${PORTS.lossy}`]);
    const again = Number(/bytes_retrans:(\d+)/.exec(told)?.[1] ?? 0);
    assert.ok(again > 0, `the network lost something: ${told}`);
    socket.end();
    await closed(socket);
    await until('the rest', () => toServer('spantap.tcp.bytes.sent', 'lossy') === rounds * 4096);
    assert.equal(toServer('spantap.tcp.retransmitted', 'lossy'), again);
    assert.equal(toServer('spantap.tcp.out_of_order', 'lossy'), 0);
    assert.equal(toServer('spantap.tcp.bytes.delivered', 'lossy'), rounds * 4096);
  });

  test('a capture that loses packets: what was sent is known to the byte, what was captured is less', async () => {
    assert.equal(await agent.stop(), 0, agent.err);
    endpoint.requests.length = 0;
    const variables = { ...endpoint.environment, SPANTAP_CAPTURE_RING: '1MiB' };
    agent = start(spantap('run', '-c', config(), '-i', DEVICE, `port ${PORTS.answers}`), {
      env: environment(variables),
    });
    await agent.until(/capturing/);
    const socket = await opened(PORTS.answers);
    socket.resume().write('first');
    await until('the beginning', () => toServer('spantap.tcp.bytes.sent', 'answers') === 5);
    agent.child.kill('SIGSTOP');
    const length = 4 << 20;
    await new Promise<void>((sent, failed) => void socket.write(Buffer.alloc(length), (e) => (e ? failed(e) : sent())));
    agent.child.kill('SIGCONT');
    // The last packets may be lost, too: one more byte tells of all that went before.
    let sent = 5 + length;
    const known = (): boolean => toServer('spantap.tcp.bytes.sent', 'answers') === sent;
    for (let tries = 0; tries < 20 && !known(); tries++) {
      socket.write('.');
      sent++;
      for (let waitedMs = 0; waitedMs < 5000 && !known(); waitedMs += 100) await sleep(100);
    }
    assert.ok(known(), `${toServer('spantap.tcp.bytes.sent', 'answers')} of ${sent}`);
    // The share is that of the last whole interval of packets' time, which goes on with packets.
    const lowest = (): number =>
      Math.min(
        ...endpoint.metrics
          .filter((m) => m.name === 'spantap.coverage')
          .flatMap(pointsOf)
          .map((p) => Number(p.asDouble)),
      );
    await until('a coverage below 1', () => {
      socket.write('.');
      sent++;
      return lowest() < 1;
    });
    assert.ok(lowest() >= 0);
    socket.end();
    await closed(socket);
    assert.equal(await agent.stop(), 0, agent.err);
    const delivered = toServer('spantap.tcp.bytes.delivered', 'answers');
    assert.ok(delivered >= 5 && delivered < sent, `${delivered} of ${sent}`);
    const dropped = endpoint.metrics.filter((m) => m.name === 'spantap.capture.dropped').flatMap(pointsOf);
    assert.ok(Number(dropped.at(-1)!.asInt ?? dropped.at(-1)!.asDouble) > 0);
  });
});
