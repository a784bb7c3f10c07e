/**
 * Records what clients and a server of one protocol say to each other on the loopback interface, until the capture is long
 * enough: `node test/bench/captures/record.ts NAME FILE PACKETS`; `%` in FILE becomes the server's port. Needs root.
 */
import { Resolver } from 'node:dns/promises';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import memjs from 'memjs';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { createClient } from 'redis';
import { must, start } from '../../e2e/program.ts';
import { startDnsmasq } from '../../e2e/servers/dnsmasq.ts';
import * as mariadb from '../../e2e/servers/mariadb.ts';
import { startMemcached } from '../../e2e/servers/memcached.ts';
import * as postgresql from '../../e2e/servers/postgresql.ts';
import * as redis from '../../e2e/servers/redis.ts';
import { emptyFolder, freePort, type Server, startServer } from '../../e2e/servers/server.ts';

const CONNECTIONS = 4;

interface Connected {
  /** What it does over and over; `n` counts the rounds. */
  round(n: number): Promise<unknown>;
  close(): unknown;
}

interface Load {
  readonly server: Server;
  /** Once, before anything is captured. */
  prepare?(): Promise<unknown>;
  connect(): Promise<Connected>;
}

/** An error that was provoked is part of the load. */
const anyhow = (act: Promise<unknown>): Promise<unknown> => act.catch(() => {});

const ROWS = Array.from({ length: 200 }, (_, n) => `(${n}, 'customer number ${n}', ${n % 50})`).join(', ');
const TABLE = 'CREATE TABLE orders (id INT PRIMARY KEY, customer VARCHAR(60), amount INT)';

async function mysqlLoad(): Promise<Load> {
  const server = await mariadb.startMariadb();
  const { USER: user, PASSWORD: password, DATABASE: database } = mariadb;
  const open = (): Promise<mysql.Connection> =>
    mysql.createConnection({ host: '127.0.0.1', port: server.port, user, password, database });
  return {
    server,
    async prepare() {
      const c = await open();
      await c.query(TABLE);
      await c.query(`INSERT INTO orders VALUES ${ROWS}`);
      await c.end();
    },
    async connect() {
      const c = await open();
      const round = async (n: number): Promise<void> => {
        await c.query(`SELECT id, customer FROM orders WHERE id = ${n % 200} AND customer <> 'nobody'`);
        await c.execute('SELECT customer, amount FROM orders WHERE amount = ? LIMIT 5', [n % 50]);
        await c.query(`UPDATE orders SET amount = ${n % 50} WHERE id = ${n % 200}`);
        if (n % 20 === 0) await anyhow(c.query(`SELECT * FROM nowhere WHERE id = ${n}`));
        if (n % 20 === 10) await c.query('SELECT * FROM orders');
      };
      return { round, close: () => c.end() };
    },
  };
}

async function postgresqlLoad(): Promise<Load> {
  const server = await postgresql.startPostgresql();
  const { USER: user, PASSWORD: password, DATABASE: database } = postgresql;
  const open = async (): Promise<pg.Client> => {
    const c = new pg.Client({ host: '127.0.0.1', port: server.port, user, password, database });
    await c.connect();
    return c;
  };
  return {
    server,
    async prepare() {
      const c = await open();
      await c.query(TABLE);
      await c.query(`INSERT INTO orders VALUES ${ROWS}`);
      await c.end();
    },
    async connect() {
      const c = await open();
      const round = async (n: number): Promise<void> => {
        await c.query(`SELECT id, customer FROM orders WHERE id = ${n % 200} AND customer <> 'nobody'`);
        await c.query('SELECT customer, amount FROM orders WHERE amount = $1 LIMIT 5', [n % 50]);
        await c.query({ name: 'by id', text: 'SELECT * FROM orders WHERE id = $1', values: [n % 200] });
        if (n % 20 === 0) await anyhow(c.query(`SELECT * FROM nowhere WHERE id = ${n}`));
        if (n % 20 === 10) await c.query('SELECT * FROM orders');
      };
      return { round, close: () => c.end() };
    },
  };
}

async function redisLoad(): Promise<Load> {
  const server = await redis.startRedis();
  return {
    server,
    async connect() {
      const c = createClient({ socket: { host: '127.0.0.1', port: server.port }, password: redis.PASSWORD });
      await c.connect();
      const round = async (n: number): Promise<void> => {
        await c.set(`user:${n % 1000}`, 'a value of some length '.repeat(4));
        await c.get(`user:${n % 1000}`);
        await c.hSet(`hash:${n % 100}`, { name: `name ${n}`, amount: n });
        await c.hGetAll(`hash:${n % 100}`);
        if (n % 10 === 0) await Promise.all(Array.from({ length: 20 }, (_, k) => c.get(`user:${k}`)));
        if (n % 20 === 0) await anyhow(c.lPush('user:0', 'x'));
      };
      return { round, close: () => c.destroy() };
    },
  };
}

async function memcachedLoad(): Promise<Load> {
  const server = await startMemcached();
  return {
    server,
    async connect() {
      const c = memjs.Client.create(`127.0.0.1:${server.port}`);
      const round = async (n: number): Promise<void> => {
        await c.set(`user:${n % 1000}`, 'a value of some length '.repeat(4), {});
        await c.get(`user:${n % 1000}`);
        await c.get(`nobody:${n}`);
        if (n % 10 === 0) await Promise.all(Array.from({ length: 20 }, (_, k) => c.get(`user:${k}`)));
      };
      return { round, close: () => c.close() };
    },
  };
}

async function dnsLoad(): Promise<Load> {
  const server = await startDnsmasq([
    ...Array.from({ length: 200 }, (_, n) => `host-record=host${n}.shop.test,192.0.2.${n},2001:db8::${n}`),
    'local=/shop.test/',
  ]);
  return {
    server,
    async connect() {
      const c = new Resolver();
      c.setServers([`127.0.0.1:${server.port}`]);
      const round = async (n: number): Promise<void> => {
        await anyhow(c.resolve4(`host${n % 220}.shop.test`)); // some of them are not there
        await anyhow(c.resolve6(`host${n % 220}.shop.test`));
      };
      return { round, close: () => c.cancel() };
    },
  };
}

/** h2load opens a connection for each round, and has so many requests open on it at once. */
const REQUESTS = 2000;
const STREAMS = 10;

async function http2Load(): Promise<Load> {
  const folder = emptyFolder('nghttpd');
  for (const bytes of [60, 400, 1800]) writeFileSync(join(folder, String(bytes)), 'x'.repeat(bytes), { mode: 0o644 });
  const port = await freePort();
  const nghttpd = ['nghttpd', '--no-tls', '--address=127.0.0.1', '-d', folder, '-n', '1', String(port)];
  const server = await startServer(port, nghttpd, { cwd: folder });
  const pages = ['60', '400', '60', '1800', 'missing'].map((page) => `http://127.0.0.1:${port}/${page}`);
  const h2load = ['h2load', '-n', String(REQUESTS), '-c', '1', '-m', String(STREAMS), '-t', '1', ...pages];
  return { server, connect: async () => ({ round: () => must(h2load), close: () => {} }) };
}

const LOADS: Record<string, () => Promise<Load>> = {
  mysql: mysqlLoad,
  postgresql: postgresqlLoad,
  redis: redisLoad,
  memcached: memcachedLoad,
  dns: dnsLoad,
  http2: http2Load,
};

const [name, file, packets] = process.argv.slice(2) as [string, string, string];
const load = await LOADS[name]!();
await load.prepare?.();
const { port } = load.server;
const part = `${file}.part`;
const options = ['--time-stamp-precision=nano', '-B', '65536', '-Z', 'root', '-c', packets, '-w', part];
const dump = start(['tcpdump', '-i', 'lo', ...options, `port ${port}`]);
await dump.until(/listening on/);
let done = false;
const ended = dump.ended(300_000).then(() => {
  done = true;
});
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    const { round, close } = await load.connect();
    for (let n = 0; !done; n++) await round(n);
    await close();
  }),
);
await ended;
renameSync(part, file.replace('%', String(port)));
await load.server.stop();
