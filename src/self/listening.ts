import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpantapError } from './errors.ts';

/** Resolves with the port once the server listens; rejects naming the keys of `section` when it cannot. */
export function listening(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  section: 'health' | 'prometheus',
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      const keys = `${section}.host, ${section}.port`;
      reject(new SpantapError(`${section}-listen`, `${keys}: cannot listen at ${where} (${error.code})`));
    });
    server.listen(port, host, () => {
      // A connection that cannot be accepted later (no descriptors left) is no reason to end.
      server.on('error', () => {});
      resolve((server.address() as AddressInfo).port);
    });
  });
}
