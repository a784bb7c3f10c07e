import { connect, isIP, type Socket } from 'node:net';
import { type SecureContext, connect as tlsConnect } from 'node:tls';
import type { Log } from '../self/log.ts';
import { announceAttempts } from './attempts.ts';
import { Credentials } from './credentials.ts';
import { hostOf, portOf, tunnel } from './proxy.ts';
import type { OtlpTarget } from './targets.ts';

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
  /** The handshake begins, and may come to nothing; then `onClosed` follows, too. */
  onAttempt?(connection: OwnConnection): void;
  onClosed?(connection: OwnConnection): void;
}

/**
 * Opens connections to one target, through its proxy if it has one: announced to `watch` before the first byte is sent,
 * and with the certificates of the moment.
 */
export class Connector {
  /** Called when certificates have changed: connections that are open should be replaced. */
  renewed: () => void = () => {};
  readonly #target: OtlpTarget;
  readonly #watch: ConnectionWatch;
  readonly #credentials: Credentials | null;

  constructor(target: OtlpTarget, watch: ConnectionWatch, log: Log, lookMs?: number) {
    this.#target = target;
    this.#watch = watch;
    this.#credentials = target.url.protocol === 'https:' ? new Credentials(target.tls, log, lookMs) : null;
    if (this.#credentials !== null) this.#credentials.renewed = () => this.renewed();
  }

  close(): void {
    this.#credentials?.close();
  }

  /** A connection on which `alpn` may be spoken at once. */
  async open(alpn: 'http/1.1' | 'h2'): Promise<Socket> {
    const { url, proxy, timeoutMs } = this.#target;
    const first = proxy ?? url;
    const raw = connect({ host: hostOf(first), port: portOf(first) });
    announceAttempts(raw, this.#watch);
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
      raw.once('close', () => this.#watch.onClosed?.(own));
      await Promise.race([this.#watch.onConnection(own), settled(raw, 'close')]);
      if (raw.destroyed) throw new Error('the connection was closed before it could be used');
      let socket = raw;
      if (proxy?.protocol === 'https:') socket = await secured(socket, hostOf(proxy), undefined, 'http/1.1');
      // HTTP without TLS is not tunnelled: the proxy is asked for the whole address (`http.ts`)
      if (proxy !== null && (this.#credentials !== null || alpn === 'h2')) await tunnel(socket, url, proxy);
      if (this.#credentials === null) return socket;
      return await secured(socket, hostOf(url), await this.#credentials.context(), alpn);
    } catch (error) {
      raw.destroy();
      throw error;
    } finally {
      clearTimeout(limit);
    }
  }
}

async function secured(
  raw: Socket,
  host: string,
  secureContext: SecureContext | undefined,
  alpn: string,
): Promise<Socket> {
  const socket = tlsConnect({
    socket: raw,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(secureContext === undefined ? { minVersion: 'TLSv1.2' } : { secureContext }),
    ALPNProtocols: [alpn],
  });
  await settled(socket, 'secureConnect');
  return socket;
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
