/**
 * Two agents that know nothing of each other agree on every id, although a router between them replaces the addresses and
 * ports of both ends: what one calls the CLIENT span is the parent of what the other calls the SERVER span.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, CLIENT, requestsIn, SERVER, type Span, spansOf } from './otlp.ts';
import { environment, lacking, must, run, type Started, spantap, start } from './program.ts';

const PEERS = join(import.meta.dirname, 'peers.ts');
const dir = mkdtempSync(join(tmpdir(), 'spantap-nat-'));

/** client 10.77.1.2 - 10.77.1.1 router 10.77.2.1 - 10.77.2.2 server; asked for is 10.77.1.1:80. */
const NAMES = ['client', 'router', 'server'].map((role) => `spantap-${process.pid}-${role}`);
const [C, R, S] = NAMES as [string, string, string];
const CLIENT_PCAP = join(dir, 'client.pcap');
const SERVER_PCAP = join(dir, 'server.pcap');

const inside = (name: string, ...command: string[]): string[] => ['ip', 'netns', 'exec', name, ...command];
const ip = (...args: string[]): Promise<string> => must(['ip', ...args]);

async function link(name: string, device: string, address: string): Promise<void> {
  await ip('-n', name, 'address', 'add', address, 'dev', device);
  await ip('-n', name, 'link', 'set', device, 'up');
}

async function build(): Promise<void> {
  for (const name of NAMES) await ip('netns', 'add', name);
  await ip('-n', C, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'in0', 'netns', R);
  await ip('-n', S, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'out0', 'netns', R);
  await link(C, 'up0', '10.77.1.2/24');
  await link(R, 'in0', '10.77.1.1/24');
  await link(R, 'out0', '10.77.2.1/24');
  await link(S, 'up0', '10.77.2.2/24');
  await must(inside(R, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'));
  const nat = (...rule: string[]): Promise<string> => must(inside(R, 'iptables', '-w', '-t', 'nat', '-A', ...rule));
  await nat('PREROUTING', '-p', 'tcp', '--dport', '80', '-j', 'DNAT', '--to-destination', '10.77.2.2:8080');
  await nat('POSTROUTING', '-p', 'tcp', '-o', 'out0', '-j', 'SNAT', '--to-source', '10.77.2.1:50001-60000');
}

async function capture(name: string, file: string): Promise<Started> {
  // In immediate mode the ring has a slot of the snaplen for each packet: 8,192 of them.
  const options = ['--time-stamp-precision=nano', '--immediate-mode', '-s', '2048', '-B', '16384', '-U', '-Z', 'root'];
  const dump = start(inside(name, 'tcpdump', ...options, '-i', 'up0', '-w', file, 'tcp'), { env: environment() });
  await dump.until(/listening on/);
  return dump;
}

const skip = lacking('ip', 'iptables', 'tcpdump');

describe('an agent at either end of a router with DNAT and SNAT', { skip }, () => {
  let requests = 0;

  before(async () => {
    await build();
    const server = start(inside(S, process.execPath, PEERS, 'server', '10.77.2.2', '8080'));
    await server.until(/listening/);
    const dumps = [await capture(C, CLIENT_PCAP), await capture(S, SERVER_PCAP)];
    requests = Number(await must(inside(C, process.execPath, PEERS, 'client', '10.77.1.1', '80')));
    await sleep(500); // the last packets on their way into the files
    for (const dump of dumps) {
      await dump.stop('SIGINT');
      assert.match(dump.err, /^0 packets dropped by kernel/m, 'tcpdump has seen everything');
    }
    await server.stop();
  });

  after(async () => {
    for (const name of NAMES) await run(['ip', 'netns', 'delete', name]);
    rmSync(dir, { recursive: true });
  });

  async function spans(file: string, mode: 'client' | 'server' | 'pair'): Promise<Span[]> {
    const env = environment({ SPANTAP_SPANS_MODE: mode });
    return spansOf(requestsIn(await must(spantap('read', '--format', 'otlp-json', file), { env })));
  }

  const byId = (list: readonly Span[]): Map<string, Span> => new Map(list.map((s) => [`${s.traceId} ${s.spanId}`, s]));

  test('every SERVER span of one is the child of the CLIENT span of the other', async () => {
    const clients = await spans(CLIENT_PCAP, 'client');
    const servers = await spans(SERVER_PCAP, 'server');
    assert.ok(requests >= 300, `${requests} requests`);
    assert.equal(clients.length, requests);
    assert.equal(servers.length, requests);
    assert.ok(clients.every((s) => s.kind === CLIENT));
    assert.ok(servers.every((s) => s.kind === SERVER));

    const parents = byId(clients);
    assert.equal(parents.size, requests, 'every span has an id of its own');
    const children = new Set<Span>();
    for (const server of servers) {
      const client = parents.get(`${server.traceId} ${server.parentSpanId}`);
      assert.ok(client, `the parent of ${attribute(server, 'url.path')} is among the other's spans`);
      assert.ok(!children.has(client), 'no span has two children');
      children.add(client);
      const { pathname } = new URL(String(attribute(client, 'url.full')));
      assert.equal(pathname, attribute(server, 'url.path'), 'both are of the same request');
      assert.notEqual(server.spanId, client.spanId);
      // one clock stamps both captures; the server's end is nearer to the work
      assert.ok(BigInt(client.startTimeUnixNano) <= BigInt(server.startTimeUnixNano), 'asked before it was heard');
      assert.ok(BigInt(server.endTimeUnixNano) <= BigInt(client.endTimeUnixNano), 'answered before that was heard');
    }
    assert.equal(Number(attribute(clients[0]!, 'server.port')), 80);
    assert.notEqual(
      attribute(clients[0]!, 'network.peer.address'),
      attribute(servers[0]!, 'network.peer.address'),
      'the router did replace addresses',
    );
  });

  test('both make both spans: the same ids at either end', async () => {
    const atClient = byId(await spans(CLIENT_PCAP, 'pair'));
    const atServer = byId(await spans(SERVER_PCAP, 'pair'));
    assert.equal(atClient.size, 2 * requests);
    assert.deepEqual([...atServer.keys()].sort(), [...atClient.keys()].sort());
    for (const [id, span] of atClient) assert.equal(span.parentSpanId, atServer.get(id)!.parentSpanId);
  });
});
