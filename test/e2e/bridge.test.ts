/** A capture of all interfaces shows every packet that crosses a bridge at least twice: it counts once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { attribute, Endpoint, type Point, pointsOf } from './otlp.ts';
import { environment, lacking, must, run, spantap, start } from './program.ts';

const PEERS = join(import.meta.dirname, 'peers.ts');
/** Connections that the client of peers.ts opens. */
const KEPT = 6;
const PIPELINES = 12;

const [A, B] = ['a', 'b'].map((side) => `spantap-bridge-${process.pid}-${side}`) as [string, string];
const short = process.pid % 10_000;
const BRIDGE = `spbr${short}`;
/** From the networks for measurements (RFC 2544), one for each process. */
const NET = `198.19.${process.pid % 256}`;

const ip = (...args: string[]): Promise<string> => must(['ip', ...args]);
const inside = (name: string, ...command: string[]): string[] => ['ip', 'netns', 'exec', name, ...command];

async function port(name: string, device: string, address: string): Promise<void> {
  await ip('netns', 'add', name);
  await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'up0', 'netns', name);
  await ip('link', 'set', device, 'master', BRIDGE, 'up');
  await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'up0');
  await ip('-n', name, 'link', 'set', 'up0', 'up');
}

const skip = lacking('ip');

describe('a bridge between two namespaces, captured on all interfaces', { skip }, () => {
  const endpoint = new Endpoint();

  before(async () => {
    await ip('link', 'add', BRIDGE, 'type', 'bridge');
    await ip('link', 'set', BRIDGE, 'up');
    await port(A, `spa${short}`, `${NET}.1`);
    await port(B, `spb${short}`, `${NET}.2`);
    await start(inside(B, process.execPath, PEERS, 'server', `${NET}.2`, '80')).until(/listening/);
    await endpoint.open();
    const variables = { ...endpoint.environment, SPANTAP_CAPTURE_RING: '64MiB' };
    const agent = start(spantap('run', '-i', 'any', `net ${NET}.0/24`), { env: environment(variables) });
    await agent.until(/capturing/);
    await must(inside(A, process.execPath, PEERS, 'client', `${NET}.2`, '80'));
    assert.equal(await agent.stop(), 0, agent.err);
  });

  after(async () => {
    for (const name of [A, B]) await run(['ip', 'netns', 'delete', name]);
    await run(['ip', 'link', 'delete', BRIDGE]);
  });

  const last = (metric: string): Point[] => {
    const found = endpoint.metrics.filter((m) => m.name === metric).at(-1);
    return found === undefined ? [] : pointsOf(found);
  };
  const total = (metric: string): number =>
    last(metric).reduce((sum, p) => sum + Number(p.asInt ?? p.asDouble ?? p.count), 0);

  test('connections are opened once, where they were seen first, and nothing was sent again', () => {
    assert.ok(total('spantap.stream.elsewhere') > 100, 'the copies were there');
    const opened = last('spantap.tcp.connections.opened');
    assert.deepEqual(
      opened.map((p) => [attribute(p, 'network.interface.name'), Number(p.asInt)]),
      [[`spa${short}`, KEPT + PIPELINES]],
    );
    assert.equal(total('spantap.tcp.retransmitted'), 0);
    assert.equal(total('spantap.tcp.out_of_order'), 0);
    assert.equal(total('spantap.tcp.bytes.delivered'), total('spantap.tcp.bytes.sent'));
    assert.deepEqual(
      last('spantap.coverage').map((p) => p.asDouble),
      [1],
    );
  });

  test('spans do not say that anything was sent again either', () => {
    assert.ok(endpoint.spans.length > 0);
    const again = endpoint.spans.filter((s) => attribute(s, 'spantap.retransmissions') !== undefined);
    assert.deepEqual(again, []);
  });
});
