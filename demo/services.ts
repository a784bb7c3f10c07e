/** Three small services that call each other, each from its own loopback address. None of them knows of any tracing. */
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const ADDRESSES = { visitors: '127.0.0.10', shop: '127.0.0.11', cart: '127.0.0.12', stock: '127.0.0.13' } as const;

/** Who asks whom: what must be seen in the end. */
export const PAIRS = [
  ['visitors', 'shop'],
  ['shop', 'cart'],
  ['cart', 'stock'],
] as const;

type Name = keyof typeof ADDRESSES;
type Answer = { status: number; body: object };
type Handler = (method: string, path: string) => Promise<Answer>;

export class Services {
  readonly #servers: Server[] = [];
  readonly #ports = new Map<Name, number>();
  readonly #agents = new Map<Name, Agent>();
  #running = true;
  /** Requests that visitors made, and those among them that failed. */
  visits = 0;
  failures = 0;

  async start(): Promise<void> {
    await this.#serve('stock', (_method, path) => stock(path));
    await this.#serve('cart', (method, path) => this.#cart(method, path));
    await this.#serve('shop', (method, path) => this.#shop(method, path));
  }

  /** Visitors arrive, `parallel` at a time, until `close`; resolved when the last one has left. */
  async visit(parallel: number): Promise<void> {
    await Promise.all(Array.from({ length: parallel }, () => this.#visitor()));
  }

  /** No more visitors; those who are there are served. */
  close(): void {
    this.#running = false;
  }

  async stop(): Promise<void> {
    this.close();
    for (const agent of this.#agents.values()) agent.destroy();
    await Promise.all(
      this.#servers.map((server) => {
        server.closeAllConnections();
        return new Promise((done) => server.close(done));
      }),
    );
  }

  async #visitor(): Promise<void> {
    while (this.#running) {
      const id = Math.floor(Math.random() * 500);
      const dice = Math.random();
      const [method, path] =
        dice < 0.5
          ? ['GET', `/products/${id}`]
          : dice < 0.8
            ? ['GET', `/carts/${id}`]
            : dice < 0.95
              ? ['POST', `/carts/${id}/orders`]
              : ['GET', `/no-such-page`];
      const answer = await this.#ask('visitors', 'shop', method!, path!).catch(() => null);
      this.visits++;
      if (answer === null || answer.status >= 400) this.failures++;
      await sleep(10 + Math.random() * 40);
    }
  }

  async #shop(method: string, path: string): Promise<Answer> {
    const [, kind, id] = path.split('/');
    if (kind === 'products') return { status: 200, body: { id, name: `Product ${id}` } };
    if (kind !== 'carts') return { status: 404, body: { error: 'no such page' } };
    return this.#ask('shop', 'cart', method, `/v1/carts/${id}`);
  }

  async #cart(method: string, path: string): Promise<Answer> {
    const id = Number(path.split('/')[3]);
    if (id % 25 === 0) return { status: 404, body: { error: 'no such cart' } };
    const left = await this.#ask('cart', 'stock', 'GET', `/items/${id * 7}?warehouse=1`);
    if (left.status >= 500) return { status: 502, body: { error: 'stock is not available' } };
    return { status: method === 'POST' ? 201 : 200, body: { cart: id, left: left.body } };
  }

  async #serve(name: Name, handle: Handler): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
      req.resume();
      handle(req.method ?? '', req.url ?? '').then(
        (answer) => {
          res.writeHead(answer.status, { 'content-type': 'application/json' });
          res.end(JSON.stringify(answer.body));
        },
        () => res.destroy(),
      );
    });
    this.#servers.push(server);
    await new Promise<void>((done, fail) => server.once('error', fail).listen(0, ADDRESSES[name], done));
    this.#ports.set(name, (server.address() as AddressInfo).port);
  }

  #ask(from: Name, to: Name, method: string, path: string): Promise<Answer> {
    let agent = this.#agents.get(from);
    if (agent === undefined) {
      agent = new Agent({ keepAlive: true, localAddress: ADDRESSES[from] });
      this.#agents.set(from, agent);
    }
    const options = { host: ADDRESSES[to], port: this.#ports.get(to), method, path, agent };
    return new Promise((done, fail) => {
      const req = request(options, (res) => {
        text(res).then((body) => done({ status: res.statusCode ?? 0, body: JSON.parse(body) }), fail);
      });
      req.on('error', fail);
      req.end();
    });
  }
}

/** Most answers take a few milliseconds; a few are slow, and some are errors. */
async function stock(path: string): Promise<Answer> {
  const dice = Math.random();
  await sleep(dice > 0.97 ? 250 : 1 + 4 * Math.random());
  if (dice < 0.05) return { status: 503, body: { error: 'counting, come back later' } };
  return { status: 200, body: { path, left: Math.floor(Math.random() * 100) } };
}

async function text(res: IncomingMessage): Promise<string> {
  let all = '';
  for await (const part of res) all += part;
  return all;
}
