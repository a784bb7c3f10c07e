import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, parseAddress } from '../../src/naming/address.ts';
import { parseHosts, readHosts } from '../../src/naming/hosts.ts';
import type { NamingOptions } from '../../src/naming/options.ts';
import type { Service } from '../../src/naming/service.ts';
import { createNamer, StaticNamer } from '../../src/naming/static.ts';
import { Counters } from '../../src/self/counters.ts';

const HOSTS = `
127.0.0.1 localhost
127.0.1.1 thisbox
::1 localhost ip6-localhost
ff02::1 ip6-allnodes
10.0.0.5 db.example.test db   # the database
10.0.0.5 second-name
10.0.0.6  cache
2001:db8::6 cache
not-an-address x
10.0.0.7
`;

function namer(
  services: NamingOptions['services'],
  maxCached?: number,
): { at: (text: string, port?: number) => Service; counters: Counters } {
  const counters = new Counters();
  const n = new StaticNamer({ hostsFile: '/some/hosts', dns: false, services }, parseHosts(HOSTS), counters, maxCached);
  const at = (text: string, port = 0): Service => {
    const a: Address = parseAddress(text)!;
    return n.service(a.version, a.w0, a.w1, a.w2, a.w3, port);
  };
  return { at, counters };
}

const count = (counters: Counters, name: string): number => counters.snapshot().find((r) => r.name === name)!.value;

test('the first rule that matches wins, prefixes are exact to the bit', () => {
  const { at } = namer([
    { ip: '10.1.2.3', name: 'one' },
    { cidr: '10.1.2.0/23', name: 'odd', namespace: 'x' },
    { cidr: '10.0.0.0/8', name: 'ten' },
    { cidr: '200.0.0.0/5', name: 'high' },
    { cidr: '2001:db8:0:8000::/49', name: 'six' },
  ]);
  assert.equal(at('10.1.2.3').name, 'one');
  assert.equal(at('10.1.2.4').name, 'odd');
  assert.equal(at('10.1.3.255').namespace, 'x');
  assert.equal(at('10.1.4.0').name, 'ten');
  assert.equal(at('207.255.255.255').name, 'high');
  assert.equal(at('208.0.0.0').name, '208.0.0.0');
  assert.equal(at('2001:db8:0:8000::1').name, 'six');
  assert.equal(at('2001:db8:0:ffff::1').name, 'six');
  assert.equal(at('2001:db8:0:7fff::1').name, '2001:db8:0:7fff::1');
  assert.equal(at('10.1.2.3').known, true);
});

test('this machine’s own addresses are the local service, unless a rule says otherwise; loopback is nobody', () => {
  const options = {
    hostsFile: '/some/hosts',
    dns: false,
    local: { name: 'shop', namespace: 'store' },
    services: [{ ip: '10.244.1.5', port: 9000, name: 'admin' }],
  };
  const own = ['127.0.0.1', '10.244.1.5', '::1', 'fd00::5'];
  const n = new StaticNamer(options, parseHosts('10.244.1.5 shop-7d9f-x2k'), new Counters(), 16, own);
  const at = (text: string, port = 0): Service => {
    const a: Address = parseAddress(text)!;
    return n.service(a.version, a.w0, a.w1, a.w2, a.w3, port);
  };
  assert.deepEqual([at('10.244.1.5').name, at('10.244.1.5').namespace], ['shop', 'store']);
  assert.equal(at('10.244.1.5', 8080).name, 'shop');
  assert.equal(at('10.244.1.5', 9000).name, 'admin');
  assert.equal(at('fd00::5').name, 'shop');
  assert.equal(at('127.0.0.1').name, '127.0.0.1');
  assert.equal(at('10.244.1.6').name, '10.244.1.6');
});

test('0.0.0.0/0 names every IPv4 address and no IPv6 address', () => {
  const { at } = namer([{ cidr: '0.0.0.0/0', name: 'world' }]);
  assert.equal(at('255.1.2.3').name, 'world');
  assert.equal(at('::').name, '::');
});

test('a rule with a port names servers at that port, never a client', () => {
  const { at } = namer([
    { ip: '10.9.0.1', port: 80, name: 'web' },
    { ip: '10.9.0.1', port: 5432, name: 'pg' },
    { ip: '10.9.0.2', port: 80, name: 'web2' },
    { ip: '10.9.0.2', name: 'box' },
  ]);
  assert.equal(at('10.9.0.1', 80).name, 'web');
  assert.equal(at('10.9.0.1', 5432).name, 'pg');
  assert.equal(at('10.9.0.1', 0).name, '10.9.0.1');
  assert.equal(at('10.9.0.1', 81).known, false);
  assert.equal(at('10.9.0.2', 80).name, 'web2');
  assert.equal(at('10.9.0.2').name, 'box');
});

test('the hosts file comes after the rules; its loopback lines name nothing', () => {
  const { at } = namer([
    { host: 'cache', name: 'redis' },
    { host: 'localhost', port: 8080, name: 'me' },
  ]);
  assert.equal(at('10.0.0.5').name, 'db.example.test');
  assert.equal(at('10.0.0.6').name, 'redis');
  assert.equal(at('2001:db8::6').name, 'redis');
  assert.equal(at('127.0.1.1').name, '127.0.1.1');
  assert.equal(at('127.0.0.1', 8080).name, 'me');
  assert.equal(at('::1', 8080).name, 'me');
  assert.equal(at('127.0.0.1', 8081).known, false);
  assert.equal(at('ff02::1').known, false);
});

test('one object for each service', () => {
  const { at } = namer([
    { ip: '10.9.0.1', name: 'a' },
    { ip: '10.9.0.2', port: 80, name: 'a' },
    { ip: '10.9.0.3', name: 'a', namespace: 'n' },
  ]);
  assert.equal(at('10.9.0.1'), at('10.9.0.2', 80));
  assert.notEqual(at('10.9.0.1'), at('10.9.0.3'));
  assert.equal(at('10.9.0.9'), at('10.9.0.9'));
  assert.equal(at('10.9.0.2', 0), at('10.9.0.2', 12_345));
  assert.equal(at('10.9.0.9', 80), at('10.9.0.9'), 'a port that only other addresses are ruled by');
});

test('the cache is bounded, keeps what is in use, and says what it forgot', () => {
  const { at, counters } = namer([], 8);
  const busy = at('10.20.0.0');
  for (let i = 1; i <= 100; i++) {
    at(`10.20.0.${i}`);
    assert.equal(at('10.20.0.0'), busy);
  }
  assert.ok(count(counters, 'naming.forgotten') > 0);
  assert.equal(count(counters, 'naming.unknown'), 101);
  at('10.20.0.1');
  assert.equal(count(counters, 'naming.unknown'), 102, 'forgotten and named anew');
});

test('a hosts file must be there if it was asked for', () => {
  assert.deepEqual(readHosts(''), []);
  assert.throws(() => readHosts('/absent/hosts'), /naming\.hostsFile = \/absent\/hosts: cannot be read: ENOENT/);
  assert.throws(
    () => createNamer({ hostsFile: '', dns: false, services: [{ host: 'db', name: 'db' }] }, new Counters()),
    /naming\.services\[0\] \(db\): host db is not in any hosts file/,
  );
});
