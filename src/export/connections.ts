import { readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureVersion, connect as tlsConnect } from 'node:tls';
import type { OtlpTarget, TlsFiles } from './targets.ts';

/** Both ends of a TCP connection that the agent has opened. */
export interface OwnConnection {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Hears of the agent's own connections, so that they are not traced. */
export interface ConnectionWatch {
  /** Nothing is sent on the connection before this resolves. */
  onConnection(connection: OwnConnection): Promise<void>;
  onClosed?(connection: OwnConnection): void;
}

const OLDEST_TLS: SecureVersion = 'TLSv1.2';

/**
 * Makes agents for connections to a target: kept alive, announced to `watch` before the first byte is sent, with
 * certificates that are read anew for each connection, so that they can be exchanged while running.
 */
export function agentFactory(
  target: Pick<OtlpTarget, 'tls' | 'timeoutMs'>,
  maxSockets: number,
  watch: ConnectionWatch,
): (protocol: string) => Agent {
  return (protocol) => {
    const options = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, scheduling: 'lifo' } as const;
    const agent = protocol === 'https:' ? new HttpsAgent(options) : new Agent(options);
    agent.createConnection = (request, done) => {
      const secure = protocol === 'https:' ? target.tls : null;
      open(request as TcpNetConnectOpts, secure, target.timeoutMs, watch).then(
        (socket) => done?.(null, socket),
        (error: Error) => done?.(error, undefined as unknown as Duplex),
      );
      return undefined;
    };
    return agent;
  };
}

async function open(
  request: TcpNetConnectOpts,
  tls: TlsFiles | null,
  timeoutMs: number,
  watch: ConnectionWatch,
): Promise<Socket> {
  const raw = connect({ host: request.host ?? 'localhost', port: request.port });
  const limit = setTimeout(() => {
    raw.destroy(Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }));
  }, timeoutMs);
  try {
    await settled(raw, 'connect');
    const own: OwnConnection = {
      localAddress: raw.localAddress ?? '',
      localPort: raw.localPort ?? 0,
      remoteAddress: raw.remoteAddress ?? '',
      remotePort: raw.remotePort ?? 0,
    };
    raw.once('close', () => watch.onClosed?.(own));
    await Promise.race([watch.onConnection(own), settled(raw, 'close')]);
    if (raw.destroyed) throw new Error('the connection was closed before it could be used');
    if (tls === null) return raw;
    const host = request.host ?? 'localhost';
    const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(read));
    const socket = tlsConnect({
      socket: raw,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      minVersion: OLDEST_TLS,
      ALPNProtocols: ['http/1.1'],
    });
    await settled(socket, 'secureConnect');
    return socket;
  } catch (error) {
    raw.destroy();
    throw error;
  } finally {
    clearTimeout(limit);
  }
}

async function read(file: string): Promise<Buffer | undefined> {
  return file === '' ? undefined : await readFile(file);
}

/** Resolves at the event, rejects at an error; leaves no listeners behind. */
function settled(socket: Socket, event: 'connect' | 'secureConnect' | 'close'): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      socket.off(event, good);
      socket.off('error', finish);
      socket.off('close', closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const good = (): void => finish();
    const closed = (): void => finish(new Error('the connection was closed'));
    socket.once(event, good);
    socket.once('error', finish);
    if (event !== 'close') socket.once('close', closed);
  });
}
