import type { Socket } from 'node:net';
import type { ConnectionWatch, OwnConnection } from './connections.ts';

/** So long after an attempt came to nothing its packets have passed the capture; then its port may be somebody else's. */
const FORGET_MS = 3000;

/** What a socket is made of (uv_tcp_t); node:net tells a socket's own address only when it is connected. */
interface Bound {
  getsockname?(out: { address?: string; port?: number }): number;
}

/**
 * Announces every attempt to connect, not only the one that succeeds: a collector that refuses, or is not there, is a failure of the
 * agent's and no service's. To be called before the socket has begun to connect.
 */
export function announceAttempts(socket: Socket, watch: ConnectionWatch): void {
  socket.on('connectionAttempt', (remoteAddress: string, remotePort: number) => {
    // told right before connect(2), which gives it its port
    process.nextTick(() => {
      const end: { address?: string; port?: number } = {};
      (socket as unknown as { _handle?: Bound | null })._handle?.getsockname?.(end);
      if (end.address === undefined || end.port === undefined || end.port === 0) return;
      const own: OwnConnection = { localAddress: end.address, localPort: end.port, remoteAddress, remotePort };
      watch.onAttempt?.(own);
      const forget = (): void => {
        if (socket.remotePort === undefined) setTimeout(() => watch.onClosed?.(own), FORGET_MS).unref();
      };
      if (socket.destroyed) forget();
      else socket.once('close', forget);
    });
  });
}
