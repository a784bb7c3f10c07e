/** What libpcap refuses, said so that a person knows what to change. */

import { readFileSync, realpathSync } from 'node:fs';
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
  return new SpantapError(
    'capture-permission',
    `No permission to capture on ${name}: ${words}\n${permissionAdvice(needed, ownPrivileges())}`,
  );
}

/** What the kernel says of this process (proc_pid_status(5)). */
export interface Privileges {
  /** Whether CAP_NET_RAW is in the bounding set: without it no file capability and no root can bring it. */
  readonly grantable: boolean;
  readonly noNewPrivs: boolean;
}

const NET_RAW_BIT = 13n; // linux/capability.h

function ownPrivileges(): Privileges {
  let status = '';
  try {
    status = readFileSync('/proc/self/status', 'latin1');
  } catch {
    // no Linux, or no /proc: the advice is then the general one
  }
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return {
    grantable: bounding === undefined || ((BigInt(`0x${bounding}`) >> NET_RAW_BIT) & 1n) === 1n,
    noNewPrivs: /^NoNewPrivs:\s*1$/m.test(status),
  };
}

export function permissionAdvice(needed: readonly string[], privileges: Privileges): string {
  const names = needed.map((c) => c.toUpperCase());
  if (!privileges.grantable) {
    return (
      'The container (or service) grants it to nobody. ' +
      `In Kubernetes: securityContext.capabilities.add: [${names.join(', ')}]; ` +
      `in Docker: ${names.map((c) => `--cap-add ${c}`).join(' ')}; systemd: AmbientCapabilities=CAP_NET_RAW.`
    );
  }
  if (privileges.noNewPrivs) {
    return (
      'The capability is granted, but no_new_privs keeps this program from taking it. ' +
      'In Kubernetes: securityContext.allowPrivilegeEscalation: true, or runAsUser: 0; ' +
      'in Docker: without --security-opt no-new-privileges, or --user 0.'
    );
  }
  const node = realpathSync(process.execPath);
  return (
    `Grant the capability to Node.js once: sudo setcap ${needed.map((c) => `cap_${c}`).join(',')}=eip ${node}\n` +
    'or run as root (in Kubernetes runAsUser: 0, in Docker --user 0).'
  );
}

export function lostProblem(name: string, words: string): SpantapError {
  return new SpantapError('capture-interface-lost', `Capturing on ${name} has ended: ${words}`);
}
