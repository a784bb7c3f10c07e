/** The agent beside PostgreSQL: what pg did on each of its connections, pipelined or not, is what the spans say. */
import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { type Expected, Recorder } from './operations.ts';
import { lacking } from './program.ts';
import { DATABASE, PASSWORD, startPostgresql, USER } from './servers/postgresql.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in statements, parameters and results: it must not leave. */
const SECRET = 'attack at dawn';

const statusOf = (error: unknown): string => String((error as { code?: string }).code);

let server: Server;
let port = 0;

const common = (): Expected => ({
  'db.system.name': 'postgresql',
  'db.namespace': DATABASE,
  'server.address': '127.0.0.1',
  'server.port': port,
});

const statement = (summary: string, masked: string): Expected => ({
  ...common(),
  name: summary,
  'db.query.summary': summary,
  'db.query.text': masked,
});

const command = (name: string): Expected => ({
  ...common(),
  name,
  'db.operation.name': name,
  'db.query.text': undefined,
});

/** Connects from an address of its own. */
class OwnSocket extends Socket {
  readonly address0: string;
  constructor(address: string) {
    super();
    this.address0 = address;
  }
  // as pg calls it
  override connect(...args: unknown[]): this {
    const [toPort, host] = args as [number, string];
    return super.connect({ port: toPort, host, localAddress: this.address0 });
  }
}

const clientOptions = (address: string): pg.ClientConfig => ({
  host: '127.0.0.1',
  port,
  user: USER,
  password: PASSWORD,
  database: DATABASE,
  stream: () => new OwnSocket(address),
});

/**
 * pg rejects when it reads an error, which the server sends ahead of its clean-up and of ReadyForQuery: a query has ended when as many
 * ReadyForQuery have come as were asked for.
 */
class Turns {
  readonly #connection: EventEmitter;
  #asked = 0;
  #ended = 0;

  /** The client is connected, and idle. */
  constructor(client: pg.ClientBase) {
    this.#connection = (client as unknown as { connection: EventEmitter }).connection;
    this.#connection.setMaxListeners(0).on('readyForQuery', () => this.#ended++);
  }

  async take<T>(act: () => Promise<T>): Promise<T> {
    const turn = ++this.#asked;
    try {
      return await act();
    } finally {
      while (this.#ended < turn) await once(this.#connection, 'readyForQuery');
    }
  }
}

/** A connection of its own address that records what is done on it. */
class Client {
  readonly address = ownAddress();
  readonly pg: pg.Client;
  recorder: Recorder;
  #turns: Turns | null = null;

  constructor(recorder: Recorder, options: pg.ClientConfig = {}) {
    this.recorder = recorder;
    this.pg = new pg.Client({ ...clientOptions(this.address), ...options });
    this.pg.on('error', () => {});
  }

  async open(): Promise<this> {
    await this.recorder.time(this.address, command('STARTUP'), () => this.pg.connect());
    this.#turns = new Turns(this.pg);
    return this;
  }

  get turns(): Turns {
    return this.#turns!;
  }

  time<T>(expected: Expected, act: () => Promise<T>): Promise<T | null> {
    return this.recorder.time(this.address, expected, () => this.turns.take(act));
  }

  /** By the simple protocol. */
  query(summary: string, text: string, masked = text): Promise<unknown> {
    return this.time(statement(summary, masked), () => this.pg.query(text));
  }

  /** By the extended protocol; with a name, the statement is parsed only once. */
  bound(summary: string, text: string, values: unknown[], name?: string): Promise<unknown> {
    const config = name === undefined ? { text, values } : { text, values, name };
    return this.time(statement(summary, text), () => this.pg.query(config));
  }
}

async function statements(c: Client, table: string): Promise<void> {
  const columns = 'id SERIAL PRIMARY KEY, customer VARCHAR(60) UNIQUE, amount INT NOT NULL';
  await c.query(
    `CREATE TABLE ${table}`,
    `CREATE TABLE ${table} (${columns})`,
    `CREATE TABLE ${table} (${columns.replace('60', '?')})`,
  );
  const insert = `INSERT INTO ${table} (customer, amount) VALUES (?, ?)`;
  for (let n = 0; n < 60; n++) {
    // every tenth is there already
    const values = `('${SECRET} ${n % 10 === 9 ? n - 1 : n}', ${n})`;
    await c.query(`INSERT ${table}`, insert.replace('(?, ?)', values), insert);
    await c.query(
      `SELECT ${table}`,
      `SELECT * FROM ${table} WHERE amount = ${n}`,
      `SELECT * FROM ${table} WHERE amount = ?`,
    );
  }
  await c.query(`INSERT ${table}`, insert.replace('(?, ?)', `('x', '${SECRET}')`), insert);
  await c.query('SELECT nowhere', 'SELECT * FROM nowhere WHERE id = 1', 'SELECT * FROM nowhere WHERE id = ?');
  await c.query('SELECT', 'SELECT FROM WHERE 1', 'SELECT FROM WHERE ?');
  await c.query('SELECT', 'SELECT 1 / 0', 'SELECT ? / ?');
}

async function extended(c: Client, table: string): Promise<void> {
  for (let n = 0; n < 40; n++) {
    await c.bound(`SELECT ${table}`, `SELECT * FROM ${table} WHERE amount > $1 AND customer <> $2`, [n, SECRET]);
    await c.bound(
      `SELECT ${table}`,
      `SELECT id FROM ${table} WHERE amount = $1`,
      [n % 10 === 9 ? SECRET : n],
      'by amount',
    );
  }
  await c.bound('SELECT nowhere', 'SELECT $1 FROM nowhere', [1]);
}

/** A portal is read a hundred rows at a time, until the eleventh Execute finds none: each is an operation. */
async function portals(c: Client): Promise<void> {
  const text = 'SELECT i FROM generate_series(1, 1000) AS i WHERE i > $1';
  const config: pg.QueryConfig & { rows: number } = { text, values: [0], rows: 100 };
  const expected = statement('SELECT generate_series', text.replace('1, 1000', '?, ?'));
  for (let n = 0; n < 11; n++) c.recorder.byItself(c.address, expected);
  await c.turns.take(() => c.pg.query(config));
}

async function transactions(c: Client, table: string): Promise<void> {
  for (let n = 0; n < 10; n++) {
    await c.query('BEGIN', 'BEGIN');
    await c.query(
      `DELETE ${table}`,
      `DELETE FROM ${table} WHERE amount = ${n}`,
      `DELETE FROM ${table} WHERE amount = ?`,
    );
    if (n % 3 === 0) {
      await c.query('SELECT nowhere', 'SELECT * FROM nowhere');
      await c.query('SELECT', 'SELECT 1', 'SELECT ?'); // the transaction is lost
    }
    const end = n % 2 === 0 ? 'COMMIT' : 'ROLLBACK';
    await c.query(end, end);
  }
}

async function large(c: Client): Promise<void> {
  for (let n = 0; n < 4; n++) {
    await c.query(
      'SELECT generate_series',
      "SELECT i, repeat('x', 4000) FROM generate_series(1, 1000) AS i",
      'SELECT i, repeat(?, ?) FROM generate_series(?, ?) AS i',
    );
  }
  await c.query('SELECT', "SELECT repeat('x', 5000000)", 'SELECT repeat(?, ?)');
}

async function several(c: Client, table: string): Promise<void> {
  await c.query('SELECT SELECT', "SELECT 1; SELECT 'two'", 'SELECT ?; SELECT ?');
  await c.query('SELECT SELECT nowhere', 'SELECT 1; SELECT * FROM nowhere', 'SELECT ?; SELECT * FROM nowhere');
  await c.query(`COPY ${table}`, `COPY ${table} TO STDOUT`);
  await c.query(`COPY ${table}`, `COPY ${table} FROM STDIN`); // pg has nothing to send, and says so
  await c.query('LISTEN', 'LISTEN news');
  for (let n = 0; n < 5; n++) await c.query('NOTIFY', `NOTIFY news, '${SECRET}'`, 'NOTIFY news, ?');
  await c.query('DO', `DO $$ BEGIN RAISE NOTICE '${SECRET}'; END $$`, 'DO ?');
  await c.query('SET', 'SET search_path TO public');
}

/** All on the wire before the first answer. */
async function pipelined(c: Client, table: string): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        n % 7 === 6
          ? c.query('SELECT nowhere', `SELECT * FROM nowhere WHERE id = ${n}`, 'SELECT * FROM nowhere WHERE id = ?')
          : n % 2 === 0
            ? c.bound(`SELECT ${table}`, `SELECT id FROM ${table} WHERE amount = $1`, [n], `pipelined ${n}`)
            : c.bound(`SELECT ${table}`, `SELECT * FROM ${table} WHERE amount > $1`, [n]),
      ),
    );
  }
}

/** On a connection that was opened before the agent came: it has not seen the database, nor what `known` stands for. */
async function midway(c: Client, known: pg.QueryConfig): Promise<void> {
  const unseen = { 'db.namespace': undefined };
  const { name, text } = known as { name: string; text: string };
  for (let n = 0; n < 60; n++) {
    const one = 'SELECT * FROM orders WHERE amount = $1';
    await c.time({ ...statement('SELECT orders', one), ...unseen }, () => c.pg.query(one, [n]));
    await c.time({ ...statement('SELECT nowhere', 'SELECT * FROM nowhere'), ...unseen }, () =>
      c.pg.query('SELECT * FROM nowhere'),
    );
    await c.time({ ...command('EXECUTE'), ...unseen }, () => c.pg.query({ name, text, values: [n] }));
  }
}

async function pooled(recorder: Recorder): Promise<void> {
  const known = new Map<string, Turns>();
  const pool = new pg.Pool({ ...clientOptions(''), max: 4, stream: () => new OwnSocket(ownAddress()) });
  const one = async (n: number): Promise<void> => {
    const c = await pool.connect();
    const { address0 } = (c as unknown as { connection: { stream: OwnSocket } }).connection.stream;
    let turns = known.get(address0);
    if (turns === undefined) {
      recorder.byItself(address0, command('STARTUP'));
      turns = new Turns(c);
      known.set(address0, turns);
    }
    const table = n % 7 === 0 ? 'nowhere' : 'orders';
    const text = `SELECT COUNT(*) FROM ${table} WHERE amount < $1`;
    await recorder.time(address0, statement(`SELECT ${table}`, text), () => turns.take(() => c.query(text, [n])));
    c.release();
  };
  await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)));
  await pool.end();
}

describe('beside PostgreSQL', { skip: lacking('postgres', 'initdb', 'setpriv') }, () => {
  const tap = new Tap();
  const recorder = new Recorder(statusOf);
  const late = new Tap();
  const afterwards = new Recorder(statusOf);

  before(async () => {
    server = await startPostgresql();
    port = server.port;
    await tap.open(`tcp port ${port}`);

    const serial = await new Client(recorder).open();
    await statements(serial, 'orders');
    await extended(serial, 'orders');
    await portals(serial);
    await transactions(serial, 'orders');
    await large(serial);
    await several(serial, 'orders');
    await serial.pg.end();

    const pipeline = await new Client(recorder, { pipeline: true }).open();
    await pipelined(pipeline, 'orders');
    await pipeline.pg.end();

    await new Client(recorder, { password: 'wrong' }).open();
    await pooled(recorder);
    await tap.close();

    const early = await new Client(new Recorder(statusOf)).open();
    const known = { name: 'known', text: 'SELECT customer FROM orders WHERE amount > $1' };
    await early.bound('', known.text, [1], known.name);
    await late.open(`tcp port ${port}`);
    early.recorder = afterwards;
    await midway(early, known);
    await early.pg.end();
    await late.close();
  });
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    const { counts } = recorder;
    assert.ok(recorder.operations.length > 400, `${recorder.operations.length} operations`);
    for (const code of ['22012', '22P02', '23505', '25P02', '28P01', '42601', '42P01', '57014'])
      assert.ok(counts[code]! > 0, code);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count them', () => recorder.countedAs(tap, 'db.client.operation.duration', 'database'));
  test('joined midway, the spans are the operations as well', () => afterwards.sameAs(late));
  test('no secret leaves', () => assert.doesNotMatch(tap.sent + late.sent, new RegExp(`${SECRET}|${PASSWORD}`)));
});
