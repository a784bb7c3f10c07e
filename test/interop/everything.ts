/** A shop that speaks to one of everything, so that no panel has nothing to show. */
import { Resolver } from 'node:dns/promises';
import { createServer, get, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { connect as connectNats, type NatsConnection } from 'nats';
import pg from 'pg';
import { createClient } from 'redis';
import { Customer, Shop } from '../e2e/grpc-shop.ts';
import { startDnsmasq } from '../e2e/servers/dnsmasq.ts';
import { FORBIDDEN, PASSWORD as NATS_PASSWORD, USER as NATS_USER, startNats } from '../e2e/servers/nats.ts';
import { DATABASE, PASSWORD as PG_PASSWORD, USER as PG_USER, startPostgresql } from '../e2e/servers/postgresql.ts';
import { PASSWORD as REDIS_PASSWORD, startRedis } from '../e2e/servers/redis.ts';
import { freePort, type Server } from '../e2e/servers/server.ts';

/** Programs that it needs, besides those of Node.js. */
export const PROGRAMS = ['redis-server', 'postgres', 'initdb', 'nats-server', 'dnsmasq', 'setpriv'];

const NAMESPACE = 'demo';
export const CLIENT = 'shop';
/** Handshakes without certificates: nobody needs to make any. */
const ANONYMOUS = { ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const;

export class Everything {
  /** Ports by the name of the service behind. */
  readonly ports = new Map<string, number>();
  readonly #servers: Server[] = [];
  readonly #cart: HttpServer = createServer((req, res) => {
    req.resume();
    if (req.url === '/broken') req.socket.resetAndDestroy();
    else if (req.url === '/busy') res.writeHead(503).end();
    else res.end('{"items":3}');
  });
  readonly #gate: TlsServer = createTlsServer(ANONYMOUS, (socket) => socket.end());
  readonly #prices = new Shop();
  #customer!: Customer;
  #pg!: pg.Client;
  #redis!: ReturnType<typeof createClient>;
  #nats!: NatsConnection;
  readonly #resolver = new Resolver({ timeout: 20_000, tries: 1 });

  async start(): Promise<void> {
    this.ports.set('cart', await listening(this.#cart));
    this.ports.set('gate', await listening(this.#gate));
    this.#gate.on('tlsClientError', () => {});
    await this.#prices.open();
    this.ports.set('prices', this.#prices.port);
    for (const [name, start] of [
      ['postgresql', startPostgresql],
      ['redis', startRedis],
      ['nats', startNats],
      ['resolver', () => startDnsmasq(['host-record=host.shop.test,192.0.2.1', 'local=/shop.test/'])],
    ] as const) {
      const server = await start();
      this.#servers.push(server);
      this.ports.set(name, server.port);
    }
    this.ports.set('gone', await freePort());
  }

  /** Settings of an agent that takes all of it in; whoever is no server is the shop. */
  get settings(): { capture: object; naming: object } {
    const filter = [...this.ports.values()].map((port) => `port ${port}`).join(' or ');
    const servers = [...this.ports].map(([name, port]) => ({ ip: '127.0.0.1', port, name, namespace: NAMESPACE }));
    const services = [...servers, { ip: '127.0.0.1', name: CLIENT, namespace: NAMESPACE }];
    return { capture: { interfaces: ['lo'], filter }, naming: { services } };
  }

  /** Connects, which the agent has to see. */
  async open(): Promise<void> {
    const host = '127.0.0.1';
    const port = (name: string): number => this.ports.get(name)!;
    this.#customer = new Customer(port('prices'));
    const options = { host, port: port('postgresql'), user: PG_USER, password: PG_PASSWORD, database: DATABASE };
    this.#pg = new pg.Client(options);
    await this.#pg.connect();
    this.#redis = createClient({ socket: { host, port: port('redis') }, password: REDIS_PASSWORD });
    await this.#redis.connect();
    this.#nats = await connectNats({ servers: `${host}:${port('nats')}`, user: NATS_USER, pass: NATS_PASSWORD });
    this.#nats.subscribe('orders', { callback: () => {} });
    this.#resolver.setServers([`${host}:${port('resolver')}`]);
  }

  /** Everything once, and what goes wrong with it. */
  async round(): Promise<void> {
    for (const path of ['/items/1', '/items/2', '/busy', '/broken']) await this.#get(path);
    await this.#customer.call('Unary', 0, [{}]);
    await this.#customer.call('Unary', 1, [{ code: 14 }]);
    await this.#pg.query('SELECT relname FROM pg_class LIMIT 3');
    await this.#pg.query('SELECT nothing FROM nowhere').catch(() => {});
    await this.#redis.set('basket', '3');
    await this.#redis.get('basket');
    this.#nats.publish('orders', 'one');
    this.#nats.publish(FORBIDDEN, 'two');
    await this.#nats.flush();
    await this.#resolver.resolve4('host.shop.test');
    await this.#resolver.resolve4('nobody.shop.test').catch(() => {});
    await this.#shake();
    await this.#knock();
    await sleep(20);
  }

  async close(): Promise<void> {
    this.#customer.close();
    await this.#pg.end();
    this.#redis.destroy();
    await this.#nats.close();
    this.#prices.close();
    this.#cart.closeAllConnections();
    this.#cart.close();
    this.#gate.close();
    for (const server of this.#servers) await server.stop();
  }

  #get(path: string): Promise<void> {
    return new Promise((done) => {
      const options = { host: '127.0.0.1', port: this.ports.get('cart'), path, agent: false };
      get(options, (res) => res.resume().on('close', done)).on('error', () => done());
    });
  }

  /** A handshake of TLS. */
  #shake(): Promise<void> {
    return new Promise((done, fail) => {
      const options = { host: '127.0.0.1', port: this.ports.get('gate')!, ...ANONYMOUS, rejectUnauthorized: false };
      const socket = connectTls(options);
      socket.on('secureConnect', () => socket.end());
      socket.on('error', fail).on('close', () => done());
    });
  }

  /** Where nobody listens. */
  #knock(): Promise<void> {
    return new Promise((done) => {
      connectTcp(this.ports.get('gone')!, '127.0.0.1')
        .on('error', () => {})
        .on('close', () => done());
    });
  }
}

async function listening(server: HttpServer | TlsServer): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}
