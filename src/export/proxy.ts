import { request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { SpantapError } from '../self/errors.ts';
import type { Environment } from './targets.ts';

/**
 * The proxy that the variables name for an address, null for none. HTTPS_PROXY is for https, HTTP_PROXY for http, each also in
 * lower case; gRPC, which goes through a tunnel either way, takes the first of them that is set, as gRPC's own libraries do.
 */
export function proxyFor(url: URL, grpc: boolean, env: Environment): URL | null {
  if (bypassed(url, env.NO_PROXY ?? env.no_proxy ?? '')) return null;
  const secure = ['HTTPS_PROXY', 'https_proxy'];
  const plain = ['HTTP_PROXY', 'http_proxy'];
  const names = grpc ? [...secure, ...plain] : url.protocol === 'https:' ? secure : plain;
  for (const name of names) {
    const text = env[name];
    if (!text) continue;
    const proxy = URL.parse(text.includes('://') ? text : `http://${text}`);
    // the value may hold a password: it is not shown
    if (proxy === null || (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') || proxy.hostname === '') {
      throw new SpantapError('export-proxy', `${name}: is no address of a proxy like http://proxy:3128`);
    }
    return proxy;
  }
  return null;
}

/**
 * Whether NO_PROXY names the address: `*`, addresses, networks, `example.com` with all below it, `.example.com` for what is
 * below only; each with a port, if wanted. This machine itself is never asked for through a proxy.
 */
function bypassed(url: URL, list: string): boolean {
  const host = hostOf(url).toLowerCase();
  const port = portOf(url);
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const address = isIP(host) === 0 ? null : ipaddr.process(host);
  if (address?.range() === 'loopback') return true;
  return list.split(',').some((part) => {
    let entry = part.trim().toLowerCase();
    if (entry === '*') return true;
    const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
    if (withPort !== null) {
      if (Number(withPort[2]) !== port) return false;
      entry = withPort[1]!;
    }
    entry = entry.replace(/^\[|\]$/g, '');
    if (entry === '') return false;
    if (address !== null) {
      if (ipaddr.isValid(entry)) return ipaddr.process(entry).toString() === address.toString();
      if (!ipaddr.isValidCIDR(entry)) return false;
      const network = ipaddr.parseCIDR(entry);
      return network[0].kind() === address.kind() && address.match(network);
    }
    entry = entry.replace(/^\*(?=\.)/, '');
    return entry.startsWith('.') ? host.endsWith(entry) : host === entry || host.endsWith(`.${entry}`);
  });
}

/** Name or address without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}

/** `Basic ...` of the user and password in an address, null when it has none (RFC 7617; percent-encoded there). */
export function basicAuthorization(url: URL): string | null {
  if (url.username === '' && url.password === '') return null;
  const text = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Asks the proxy at the other end of `socket` for a connection to `url` (CONNECT, RFC 9110 section 9.3.6). */
export function tunnel(socket: Socket, url: URL, proxy: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `${url.hostname}:${portOf(url)}`;
    const authorization = basicAuthorization(proxy);
    const asking = request({
      method: 'CONNECT',
      path,
      createConnection: () => socket,
      headers: { host: path, ...(authorization === null ? {} : { 'proxy-authorization': authorization }) },
    });
    const refused = (status: number | undefined): void => {
      reject(new Error(`the proxy ${proxy.host} answers ${status} instead of connecting to ${path}`));
    };
    asking.once('connect', (answer, _socket, head) => {
      const status = answer.statusCode ?? 0;
      if (status < 200 || status >= 300) return refused(status);
      if (head.length > 0) socket.unshift(head);
      resolve();
    });
    asking.once('response', (answer) => refused(answer.statusCode));
    asking.once('error', reject);
    asking.once('close', () => reject(new Error(`the proxy ${proxy.host} closed the connection`)));
    asking.end();
  });
}
