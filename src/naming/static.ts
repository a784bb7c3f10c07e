/** Names from rules and a hosts file; everything else is called by its address. */
import { addressText } from '../bytes/address.ts';
import type { Counters } from '../self/counters.ts';
import { SpantapError } from '../self/errors.ts';
import { type Address, isLocal, type Network, network, parseAddress } from './address.ts';
import { type HostEntry, readHosts } from './hosts.ts';
import type { NamingOptions } from './options.ts';
import { type Namer, Service } from './service.ts';

interface Rule {
  readonly network: Network;
  /** 0 matches every port, and clients. */
  readonly port: number;
  readonly service: Service;
}

/**
 * Answers remembered, in each of two generations: when the younger one is full, the older one is forgotten.
 * An answer costs about 450 bytes (key, map entry, Service with its text, what telemetry notes of it): 2 * 65,536 * 450 B = 59 MB at
 * the very most, reached only when that many addresses talk at once.
 */
const MAX_CACHED = 65_536;

const NOBODY = { name: '', namespace: '' };

export class StaticNamer implements Namer {
  readonly #rules: Rule[] = [];
  readonly #ports = new Set<number>();
  readonly #hosts = new Map<number | string, Service>();
  readonly #services = new Map<string, Service>();
  #young = new Map<number | string, Service>();
  #old = new Map<number | string, Service>();
  readonly #maxCached: number;
  readonly #counters = { lookups: 0, unknown: 0, forgotten: 0 };

  /** `maxCached` is for tests. */
  constructor(
    options: NamingOptions,
    hosts: readonly HostEntry[],
    counters: Counters,
    maxCached = MAX_CACHED,
    own: readonly string[] = [],
  ) {
    counters.add('naming', this.#counters);
    this.#maxCached = maxCached;
    options.services.forEach((rule, i) => {
      const service = this.#known(rule.name, rule.namespace ?? '');
      const port = rule.port ?? 0;
      if (port !== 0) this.#ports.add(port);
      for (const n of networksOf(rule, i, options.hostsFile, hosts)) this.#rules.push({ network: n, port, service });
    });
    const { name, namespace } = options.local ?? NOBODY;
    for (const text of name === '' ? [] : own) {
      const a = parseAddress(text);
      if (a === null || isLocal(a)) continue; // several programs talk over loopback, and no one service is it
      this.#rules.push({ network: single(a), port: 0, service: this.#known(name, namespace) });
    }
    for (const { address: a, names } of hosts) {
      const key = keyOf(a.version, a.w0, a.w1, a.w2, a.w3, 0);
      if (!isLocal(a) && !this.#hosts.has(key)) this.#hosts.set(key, this.#known(names[0]!, ''));
    }
  }

  /**
   * The same Service each time, as long as its address is talked about: an address that rests while 65,536 others
   * speak gets a new one when it returns. Services of rules and of the hosts file live as long as the namer.
   */
  service(ipVersion: number, w0: number, w1: number, w2: number, w3: number, port: number): Service {
    // ports that no rule speaks of make no difference, and would only fill the cache
    const p = this.#ports.has(port) ? port : 0;
    const key = keyOf(ipVersion, w0, w1, w2, w3, p);
    let found = this.#young.get(key);
    if (found !== undefined) return found;
    found = this.#old.get(key) ?? this.#resolve(ipVersion, w0, w1, w2, w3, p);
    if (this.#young.size >= this.#maxCached) {
      this.#counters.forgotten += this.#old.size;
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, found);
    return found;
  }

  #resolve(ipVersion: number, w0: number, w1: number, w2: number, w3: number, port: number): Service {
    this.#counters.lookups++;
    for (const { network: n, port: only, service } of this.#rules) {
      if (only !== 0 && only !== port) continue;
      if (n.version !== ipVersion) continue;
      if ((w3 & n.m3) === n.w3 && (w2 & n.m2) === n.w2 && (w1 & n.m1) === n.w1 && (w0 & n.m0) === n.w0) return service;
    }
    const host = this.#hosts.get(keyOf(ipVersion, w0, w1, w2, w3, 0));
    if (host !== undefined) return host;
    // one object for an address, whichever of its ports is asked for
    if (port !== 0) return this.service(ipVersion, w0, w1, w2, w3, 0);
    this.#counters.unknown++;
    return new Service(addressText(ipVersion, w0, w1, w2, w3), '', false);
  }

  #known(name: string, namespace: string): Service {
    const key = `${namespace}/${name}`;
    let service = this.#services.get(key);
    if (service === undefined) {
      service = new Service(name, namespace, true);
      this.#services.set(key, service);
    }
    return service;
  }
}

/**
 * Reads the hosts file and makes the namer. `own`: addresses that `naming.local` names, where packets are this machine's own.
 * Throws a SpantapError for a file or a host that is not there.
 */
export function createNamer(options: NamingOptions, counters: Counters, own: readonly string[] = []): StaticNamer {
  return new StaticNamer(options, readHosts(options.hostsFile), counters, MAX_CACHED, own);
}

/** IPv4: one number, address and port (48 bits). IPv6: text. */
export function keyOf(version: number, w0: number, w1: number, w2: number, w3: number, port: number): number | string {
  return version === 4 ? (w3 >>> 0) * 65_536 + port : `${w0},${w1},${w2},${w3},${port}`;
}

function single(a: Address): Network {
  return network(a, a.version === 4 ? 32 : 128);
}

function networksOf(
  rule: NamingOptions['services'][number],
  index: number,
  hostsFile: string,
  hosts: readonly HostEntry[],
): Network[] {
  const wrong = (what: string): SpantapError =>
    new SpantapError('naming-rule', `naming.services[${index}] (${rule.name}): ${what}`);
  if (rule.host !== undefined) {
    const found = hosts.filter((h) => h.names.includes(rule.host!));
    if (found.length === 0)
      throw wrong(`host ${rule.host} is not in ${hostsFile === '' ? 'any hosts file' : hostsFile}`);
    return found.map((h) => single(h.address));
  }
  const [text, prefix] = (rule.cidr ?? rule.ip ?? '').split('/');
  const address = parseAddress(text!);
  if (address === null) throw wrong(`${rule.cidr ?? rule.ip} is no address or network`);
  return [prefix === undefined ? single(address) : network(address, Number(prefix))];
}
