/** The agent beside dnsmasq: what node:dns asked is what the spans say. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, describe, test } from 'node:test';
import { type Expected, Recorder } from './operations.ts';
import { lacking } from './program.ts';
import { startDnsmasq } from './servers/dnsmasq.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

const RECORDS = [
  ...Array.from({ length: 50 }, (_, n) => `host-record=host${n}.shop.test,192.0.2.${n},2001:db8::${n}`),
  'cname=www.shop.test,host1.shop.test',
  'mx-host=shop.test,host2.shop.test,10',
  'srv-host=_http._tcp.shop.test,host3.shop.test,80',
  'ptr-record=7.2.0.192.in-addr.arpa,host7.shop.test',
  // more than a datagram holds: asked again by TCP
  ...Array.from({ length: 40 }, (_, n) => `txt-record=long.shop.test,${String(n).padStart(200, 'x')}`),
  'local=/shop.test/',
];

/** c-ares' names for response codes. */
const RCODES: Record<string, string> = { ENOTFOUND: 'NXDOMAIN', ESERVFAIL: 'SERVFAIL', EREFUSED: 'REFUSED' };
const statusOf = (error: unknown): string =>
  RCODES[(error as { code: string }).code] ?? (error as { code: string }).code;

let server: Server;

const question = (type: string, name: string, transport = 'udp'): Expected => ({
  name: `DNS ${type}`,
  'network.transport': transport,
  'dns.question.name': name,
  'spantap.dns.question.type': type,
  'server.address': '127.0.0.1',
  'server.port': server.port,
});

class Client {
  readonly address = ownAddress();
  readonly resolver = new Resolver({ timeout: 20_000, tries: 1 });
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
    this.resolver.setServers([`127.0.0.1:${server.port}`]);
    this.resolver.setLocalAddress(this.address);
  }

  ask(type: string, name: string, transport?: string): Promise<unknown> {
    return this.#recorder.time(this.address, question(type, name, transport), () => this.resolver.resolve(name, type));
  }

  byItself(type: string, name: string): void {
    this.#recorder.byItself(this.address, question(type, name));
  }
}

async function serial(c: Client): Promise<void> {
  for (let n = 0; n < 50; n++) {
    await c.ask('A', `host${n}.shop.test`);
    await c.ask('AAAA', `host${n}.shop.test`);
    if (n % 5 === 0) await c.ask('A', `nobody${n}.shop.test`);
    if (n % 10 === 0) await c.ask('A', `elsewhere${n}.example.org`); // dnsmasq asks nobody: REFUSED
  }
  await c.ask('CNAME', 'www.shop.test');
  await c.ask('MX', 'shop.test');
  await c.ask('SRV', '_http._tcp.shop.test');
  await c.ask('PTR', '7.2.0.192.in-addr.arpa');
}

/** A truncated answer, and the same question by TCP. */
async function truncated(c: Client): Promise<void> {
  c.byItself('TXT', 'long.shop.test');
  await c.ask('TXT', 'long.shop.test', 'tcp');
}

describe('beside dnsmasq', { skip: lacking('dnsmasq', 'setpriv') }, () => {
  const tap = new Tap();
  const recorder = new Recorder(statusOf);

  before(async () => {
    server = await startDnsmasq(RECORDS);
    await tap.open(`port ${server.port}`);
    await serial(new Client(recorder));
    await truncated(new Client(recorder));
    const parallel = new Client(recorder);
    for (let round = 0; round < 60; round++)
      await Promise.all(
        Array.from({ length: 5 }, (_, n) =>
          parallel.ask('A', `${n % 7 === 6 ? 'nobody' : 'host'}${(round + n) % 50}.shop.test`),
        ),
      );
    await tap.close();
  });
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    const { counts } = recorder;
    assert.ok(recorder.operations.length > 400, `${recorder.operations.length} operations`);
    for (const word of ['NXDOMAIN', 'REFUSED']) assert.ok(counts[word]! > 0, word);
  });
  test('the spans are the questions', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count them', () => recorder.countedAs(tap, 'dns.lookup.duration', null));
});
