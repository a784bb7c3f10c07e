import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { parseAddress } from '../../src/naming/address.ts';
import { parseHosts } from '../../src/naming/hosts.ts';
import { LearntNames } from '../../src/naming/learnt.ts';
import { StaticNamer } from '../../src/naming/static.ts';
import { Counters } from '../../src/self/counters.ts';

const SECOND = 1e9;

class Bench {
  readonly counters = new Counters();
  readonly budget: Budget;
  readonly names: LearntNames;

  constructor(o: { maxNames?: number; maxBytes?: number } = {}) {
    this.budget = new Budget(o.maxBytes ?? 1 << 20);
    const options = { hostsFile: '', dns: true, services: [{ ip: '10.0.0.1', name: 'ruled' }] };
    const namer = new StaticNamer(options, parseHosts('10.0.0.2 hosted'), this.counters);
    this.names = new LearntNames({ namer, budget: this.budget, counters: this.counters, ...o });
  }

  learn(address: string, name: string, ttlSec: number, atSec: number): this {
    const a = parseAddress(address)!;
    this.names.learn(a.version, a.w0, a.w1, a.w2, a.w3, name, ttlSec, atSec * SECOND);
    return this;
  }

  at(address: string, sec?: number): string {
    if (sec !== undefined) this.names.tick(sec * SECOND);
    const a = parseAddress(address)!;
    return this.names.service(a.version, a.w0, a.w1, a.w2, a.w3, 80).name;
  }

  count(name: string): number {
    return this.counters.snapshot().find((r) => r.name === `naming.dns.${name}`)!.value;
  }

  get used(): number {
    return this.budget.owners.find((o) => o.name === 'names')!.used;
  }
}

test('rules and the hosts file come first; one name is one service, whatever its addresses', () => {
  const b = new Bench();
  for (const a of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::3']) b.learn(a, 'cart.example', 300, 0);
  assert.deepEqual(
    ['10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::3', '10.0.0.4'].map((a) => b.at(a)),
    ['ruled', 'hosted', 'cart.example', 'cart.example', '10.0.0.4'],
  );
  const service = (text: string): object => {
    const a = parseAddress(text)!;
    return b.names.service(a.version, a.w0, a.w1, a.w2, a.w3, 80);
  };
  assert.equal(service('10.0.0.3'), service('2001:db8::3'));
});

test('a name stays for ten minutes or its time to live, whichever is longer, a day at most', () => {
  const b = new Bench().learn('10.0.0.3', 'short.example', 5, 0).learn('10.0.0.4', 'long.example', 3600, 0);
  b.learn('10.0.0.5', 'eternal.example', 2 ** 31 - 1, 0);
  assert.equal(b.at('10.0.0.3', 599), 'short.example');
  assert.equal(b.at('10.0.0.3', 600), '10.0.0.3');
  assert.equal(b.at('10.0.0.4', 3599), 'long.example');
  assert.equal(b.at('10.0.0.4', 3601), '10.0.0.4');
  assert.equal(b.at('10.0.0.5', 86_399), 'eternal.example');
  assert.equal(b.at('10.0.0.5', 86_500), '10.0.0.5');
  assert.equal(b.count('expired'), 3);
  assert.equal(b.used, 0);
});

test('another name for the address waits until the first one has outlived its time to live', () => {
  const b = new Bench().learn('10.0.0.3', 'one.example', 30, 0).learn('10.0.0.3', 'two.example', 30, 29);
  assert.equal(b.at('10.0.0.3'), 'one.example');
  assert.equal(b.count('contested'), 1);
  b.learn('10.0.0.3', 'one.example', 30, 29).learn('10.0.0.3', 'two.example', 30, 58);
  assert.equal(b.at('10.0.0.3'), 'one.example');
  b.learn('10.0.0.3', 'two.example', 30, 59);
  assert.equal(b.at('10.0.0.3'), 'two.example');
  assert.equal(b.used, 320 + 'two.example'.length);
});

test('the table is bounded, by number and by the budget', () => {
  const b = new Bench({ maxNames: 3 });
  for (let i = 1; i <= 5; i++) b.learn(`10.9.0.${i}`, `host-${i}.example`, 60, i);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((i) => b.at(`10.9.0.${i}`)),
    ['10.9.0.1', '10.9.0.2', 'host-3.example', 'host-4.example', 'host-5.example'],
  );
  assert.deepEqual([b.count('evicted'), b.count('names'), b.count('learnt')], [2, 3, 5]);
  const poor = new Bench({ maxBytes: 700 });
  for (let i = 1; i <= 5; i++) poor.learn(`10.9.0.${i}`, `host-${i}.example`, 60, i);
  assert.deepEqual([poor.count('refused'), poor.count('names')], [3, 2]);
  assert.ok(poor.used <= 700);
});

test('a new base of time', () => {
  const b = new Bench().learn('10.0.0.3', 'cart.example', 3600, 1000);
  b.names.rebased(1000 * SECOND);
  assert.equal(b.at('10.0.0.3', 3599), 'cart.example');
  assert.equal(b.at('10.0.0.3', 3661), '10.0.0.3');
});
