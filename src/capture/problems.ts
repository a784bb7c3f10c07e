/** What libpcap refuses, said so that a person knows what to change. */

import { realpathSync } from 'node:fs';
import { SpantapError } from '../self/errors.ts';
import type { Device } from './addon.ts';

/** `code` as the addon throws it, `words` as libpcap says it. */
export function openProblem(
  code: string,
  words: string,
  name: string,
  filter: string,
  devices: () => readonly Device[],
): SpantapError {
  switch (code) {
    case 'EPERM':
      return permissionProblem(name, words, ['net_raw']);
    case 'EPROMISC':
      return permissionProblem(name, words, ['net_raw', 'net_admin']);
    case 'ENODEV':
      return noDeviceProblem(name, devices());
    case 'EFILTER':
      return filterProblem(filter, words);
    case 'ENETDOWN':
      return new SpantapError(
        'capture-interface-down',
        `The interface ${name} is down. Bring it up (ip link set ${name} up) or change capture.interfaces.`,
      );
    default:
      return new SpantapError('capture-failed', `Capturing on ${name} failed: ${words}`);
  }
}

export function filterProblem(filter: string, words: string): SpantapError {
  return new SpantapError(
    'capture-bad-filter',
    `capture.filter: libpcap does not take "${filter}": ${words}. The syntax is that of tcpdump (man pcap-filter).`,
  );
}

export function noDeviceProblem(name: string, devices: readonly Device[]): SpantapError {
  const there = devices
    .filter((d) => d.up)
    .map((d) => (d.addresses.length > 0 ? `${d.name} (${d.addresses.join(', ')})` : d.name))
    .join(', ');
  return new SpantapError(
    'capture-no-device',
    `There is no interface "${name}". Those that are up: ${there || 'none'}. Change capture.interfaces.`,
  );
}

/** `needed`: capabilities without their prefix. */
export function permissionProblem(name: string, words: string, needed: readonly string[]): SpantapError {
  const node = realpathSync(process.execPath);
  const container = needed.map((c) => c.toUpperCase()).join(', ');
  return new SpantapError(
    'capture-permission',
    `No permission to capture on ${name}: ${words}\n` +
      `Grant the capability to Node.js once: sudo setcap ${needed.map((c) => `cap_${c}`).join(',')}=eip ${node}\n` +
      `In Kubernetes: securityContext.capabilities.add: [${container}] and runAsUser: 0; ` +
      `in Docker: ${needed.map((c) => `--cap-add ${c.toUpperCase()}`).join(' ')}.`,
  );
}

export function lostProblem(name: string, words: string): SpantapError {
  return new SpantapError('capture-interface-lost', `Capturing on ${name} has ended: ${words}`);
}
