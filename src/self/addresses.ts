import { networkInterfaces } from 'node:os';

/** Addresses of this host's interfaces (in a container: of its network namespace), loopback included. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((a) => a.address));
}
