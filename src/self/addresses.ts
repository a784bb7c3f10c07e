import type { Server } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Addresses of this host's interfaces (in a container: of its network namespace), loopback included. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((a) => a.address));
}

/** Where a server that listens can be reached. */
export function addressesOf(server: Server): string[] {
  const listening = server.address();
  if (listening === null || typeof listening === 'string') return [];
  const { address } = listening;
  return address === '0.0.0.0' || address === '::' ? ownAddresses() : [address];
}
