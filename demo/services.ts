/**
 * A small shop: three services that call each other over HTTP, one over gRPC, a cache and a database, each at its own loopback
 * address. None of them knows of any tracing; they pass a header on, as services behind a proxy that traces do.
 */
import { randomBytes } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Ledger } from './ledger.ts';
import { Prices, PricesClient, statusOf } from './prices.ts';
import { postgresqlPool, type RedisClient, redisClient, Stores } from './stores.ts';

const HOSTS = { visitors: 10, shop: 11, cart: 12, stock: 13, prices: 14, redis: 15, postgresql: 16 } as const;

type Name = keyof typeof HOSTS;
type Answer = { status: number; body: object };
interface Question {
  readonly method: string;
  readonly path: string;
  /** W3C trace context, '' if there is none. */
  readonly traceparent: string;
}
type Handler = (q: Question) => Promise<Answer>;

const PRODUCTS = 500;
const ITEMS = 7 * PRODUCTS;
/** So many requests make a round, in which each kind and each failure occurs. */
export const ROUND = 20 * PRODUCTS;
const failed = (a: Answer): boolean => a.status >= 400;

export class Services {
  /** Who asks whom: what must be seen in the end. */
  readonly pairs: (readonly [client: Name, server: Name])[] = [
    ['visitors', 'shop'],
    ['shop', 'prices'],
    ['shop', 'cart'],
    ['cart', 'stock'],
  ];
  readonly ledger = new Ledger();
  /** Everybody's address. */
  readonly #at: Readonly<Record<Name, string>>;
  readonly #servers: Server[] = [];
  readonly #ports = new Map<Name, number>();
  readonly #agents = new Map<Name, Agent>();
  readonly #stores = new Stores();
  readonly #prices = new Prices();
  #pricesClient: PricesClient | null = null;
  #redis: RedisClient | null = null;
  #postgresql: pg.Pool | null = null;
  #running = true;
  #stopped: Promise<void> | null = null;
  #visit = 0;
  /** Requests that visitors made, and those among them that failed. */
  visits = 0;
  failures = 0;

  /** `network`: the first three numbers of everybody's address; one of its own keeps a shop apart from others on this machine. */
  constructor(network = '127.0.0') {
    this.#at = Object.fromEntries(Object.entries(HOSTS).map(([name, host]) => [name, `${network}.${host}`])) as Record<
      Name,
      string
    >;
  }

  /** Gives the names of what is not installed, and is done without. Its clients connect with `connect`. */
  async start(): Promise<string[]> {
    const [redis, postgresql] = await Promise.all([
      this.#stores.redis(this.#at.redis),
      this.#stores.postgresql(this.#at.postgresql),
    ]);
    this.#ports.set('redis', redis);
    this.#ports.set('postgresql', postgresql);
    if (redis > 0) this.pairs.push(['cart', 'redis']);
    if (postgresql > 0) this.pairs.push(['stock', 'postgresql']);
    this.#ports.set('prices', await this.#prices.start(this.#at.prices));
    await this.#serve('stock', (q) => this.#stock(q));
    await this.#serve('cart', (q) => this.#cart(q));
    await this.#serve('shop', (q) => this.#shop(q));
    return [redis === 0 ? 'Redis' : '', postgresql === 0 ? 'PostgreSQL' : ''].filter((name) => name !== '');
  }

  /** Fills the stores; the agent is there by now, and sees it. */
  async connect(): Promise<void> {
    this.#pricesClient = new PricesClient(this.#at.prices, this.#ports.get('prices')!);
    const redis = this.#ports.get('redis')!;
    if (redis > 0) {
      const client = redisClient(this.#at.cart, this.#at.redis, redis);
      client.on('error', () => {});
      await client.connect();
      this.#redis = client;
    }
    const postgresql = this.#ports.get('postgresql')!;
    if (postgresql > 0) {
      // logging in is a request, too
      const connected = (): void => this.ledger.count('stock', 'postgresql');
      this.#postgresql = postgresqlPool(this.#at.stock, this.#at.postgresql, postgresql, connected);
      await this.#sql('CREATE TABLE items (id int PRIMARY KEY, pieces int NOT NULL CHECK (pieces >= 0))', []);
      await this.#sql('INSERT INTO items SELECT id, 1000000 * (id % 13) FROM generate_series(0, $1) AS id', [ITEMS]);
    }
  }

  /** Visitors arrive, `parallel` at a time, until `close` or until there were `most`; resolved when the last one has left. */
  async visit(parallel: number, most = Number.POSITIVE_INFINITY): Promise<void> {
    const until = this.#visit + most;
    await Promise.all(Array.from({ length: parallel }, () => this.#visitor(until)));
  }

  /** No more visitors; those who are there are served. */
  close(): void {
    this.#running = false;
  }

  /** Once; what calls it again waits for the same. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.close();
    for (const agent of this.#agents.values()) agent.destroy();
    this.#pricesClient?.close();
    this.#redis?.destroy();
    await this.#postgresql?.end();
    this.#prices.stop();
    await Promise.all(
      this.#servers.map((server) => {
        server.closeAllConnections();
        return new Promise((done) => server.close(done));
      }),
    );
    await this.#stores.stop();
  }

  async #visitor(until: number): Promise<void> {
    while (this.#running && this.#visit < until) {
      const n = this.#visit++;
      const turn = n % 20;
      const id = (n * 37 + Math.floor(n / 20)) % PRODUCTS;
      const [method, path] =
        turn === 19
          ? ['GET', '/no-such-page']
          : turn % 2 === 0
            ? ['GET', `/products/${id}`]
            : turn % 6 === 5
              ? ['POST', `/carts/${id}/orders`]
              : ['GET', `/carts/${id}`];
      // those with the shop's app on their phones begin a trace; the app sends its own spans elsewhere
      const traceparent = turn % 4 === 1 ? `00-${hex(16)}-${hex(8)}-01` : '';
      const answer = await this.#ask('visitors', 'shop', { method: method!, path: path!, traceparent }).catch(
        () => null,
      );
      this.visits++;
      if (answer === null || failed(answer)) this.failures++;
      await sleep(10 + Math.random() * 40);
    }
  }

  async #shop({ method, path, traceparent }: Question): Promise<Answer> {
    const [, kind, id] = path.split('/');
    if (kind === 'products') return this.#product(Number(id), traceparent);
    if (kind !== 'carts') return { status: 404, body: { error: 'no such page' } };
    return this.#ask('shop', 'cart', { method, path: `/v1/carts/${id}`, traceparent });
  }

  async #product(id: number, traceparent: string): Promise<Answer> {
    try {
      const price = await this.ledger.time('shop', 'prices', () => this.#pricesClient!.get(id, traceparent));
      return { status: 200, body: { id, name: `Product ${id}`, ...price } };
    } catch (error) {
      return statusOf(error) === 'NOT_FOUND'
        ? { status: 404, body: { error: 'not for sale' } }
        : { status: 502, body: { error: 'no price is available' } };
    }
  }

  async #cart({ method, path, traceparent }: Question): Promise<Answer> {
    const id = Number(path.split('/')[3]);
    if (id % 25 === 0) return { status: 404, body: { error: 'no such cart' } };
    const seen = await this.#cache('GET', `cart:${id}`);
    if (seen === null) await this.#cache('SET', `cart:${id}`, JSON.stringify({ id, product: id }), 'EX', '60');
    // an old mistake of this service: a cart is no list
    if (method === 'POST' && id % 10 === 3) await this.#cache('RPUSH', `cart:${id}`, 'order').catch(() => {});
    const path2 = `/items/${id * 7}?warehouse=1`;
    const left = await this.#ask('cart', 'stock', { method, path: path2, traceparent });
    if (left.status >= 500) return { status: 502, body: { error: 'stock is not available' } };
    if (left.status >= 400) return left;
    return { status: method === 'POST' ? 201 : 200, body: { cart: id, left: left.body } };
  }

  /** Most answers take a few milliseconds; a few are slow, and some are errors. */
  async #stock({ method, path, traceparent }: Question): Promise<Answer> {
    const id = Number(/^\/items\/(\d+)/.exec(path)?.[1]);
    const product = id / 7;
    await sleep(product % 41 === 0 ? 250 : 1 + (product % 4));
    if (product % 19 === 0) return { status: 503, body: { error: 'counting, come back later' } };
    const statement =
      method === 'POST'
        ? 'UPDATE items SET pieces = pieces - 1 WHERE id = $1 RETURNING pieces'
        : 'SELECT pieces FROM items WHERE id = $1';
    try {
      // as database libraries pass a trace on: in a comment
      const rows = await this.#sql(traceparent === '' ? statement : `${statement} /*traceparent='${traceparent}'*/`, [
        id,
      ]);
      return { status: 200, body: { id, left: rows[0]?.pieces ?? 1 } };
    } catch {
      return { status: 409, body: { error: 'sold out' } };
    }
  }

  #cache(...words: string[]): Promise<unknown> {
    const redis = this.#redis;
    if (redis === null) return Promise.resolve('');
    return this.ledger.time('cart', 'redis', () => redis.sendCommand(words));
  }

  async #sql(text: string, values: unknown[]): Promise<{ pieces?: number }[]> {
    const postgresql = this.#postgresql;
    if (postgresql === null) return [];
    return (await this.ledger.time('stock', 'postgresql', () => postgresql.query(text, values))).rows;
  }

  async #serve(name: Name, handle: Handler): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
      req.resume();
      const traceparent = String(req.headers.traceparent ?? '');
      handle({ method: req.method ?? '', path: req.url ?? '', traceparent }).then(
        (answer) => {
          res.writeHead(answer.status, { 'content-type': 'application/json' });
          res.end(JSON.stringify(answer.body));
        },
        () => res.destroy(),
      );
    });
    this.#servers.push(server);
    await new Promise<void>((done, fail) => server.once('error', fail).listen(0, this.#at[name], done));
    this.#ports.set(name, (server.address() as AddressInfo).port);
  }

  #ask(from: Name, to: Name, q: Question): Promise<Answer> {
    let agent = this.#agents.get(from);
    if (agent === undefined) {
      agent = new Agent({ keepAlive: true, localAddress: this.#at[from] });
      this.#agents.set(from, agent);
    }
    const { method, path, traceparent } = q;
    const headers = traceparent === '' ? {} : { traceparent };
    const options = { host: this.#at[to], port: this.#ports.get(to), method, path, headers, agent };
    const act = (): Promise<Answer> =>
      new Promise((done, fail) => {
        const req = request(options, (res) => {
          text(res).then((body) => done({ status: res.statusCode ?? 0, body: JSON.parse(body) }), fail);
        });
        req.on('error', fail);
        req.end();
      });
    return this.ledger.time(from, to, act, failed);
  }
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

async function text(res: IncomingMessage): Promise<string> {
  let all = '';
  for await (const part of res) all += part;
  return all;
}
