import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface FakeProxy {
  readonly port: number;
  /** First lines of the requests, with what they said about themselves. */
  readonly asked: { line: string; host: string; authorization: string; remotePort: number }[];
  /** Other than 200: what everybody is answered. */
  status: number;
  close(): Promise<void>;
}

/** A proxy on 127.0.0.1 that takes whatever it is asked for to be at `to` on 127.0.0.1. */
export async function fakeProxy(to: number, tls: ServerOptions | null = null): Promise<FakeProxy> {
  const sockets = new Set<Duplex>();
  const note = (incoming: IncomingMessage): void => {
    self.asked.push({
      line: `${incoming.method} ${incoming.url}`,
      host: incoming.headers.host ?? '',
      authorization: incoming.headers['proxy-authorization'] ?? '',
      remotePort: incoming.socket.remotePort ?? 0,
    });
  };
  const forward = (incoming: IncomingMessage, response: ServerResponse): void => {
    note(incoming);
    if (self.status !== 200) return void response.writeHead(self.status).end();
    const { pathname } = new URL(incoming.url!);
    const { 'proxy-authorization': _mine, ...headers } = incoming.headers;
    const onward = request(
      { port: to, host: '127.0.0.1', method: incoming.method!, path: pathname, headers },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.writeHead(502).end());
    incoming.pipe(onward);
  };
  const server = tls === null ? createServer(forward) : createSecureServer(tls, forward);
  server.on('connect', (incoming: IncomingMessage, socket: Duplex) => {
    note(incoming);
    sockets.add(socket);
    socket.on('error', () => {});
    if (self.status !== 200) return void socket.end(`HTTP/1.1 ${self.status} No\r\ncontent-length: 0\r\n\r\n`);
    const onward: Socket = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: FakeProxy = {
    port: (server.address() as AddressInfo).port,
    asked: [],
    status: 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
  return self;
}
