/** The agent beside MariaDB: what mysql2 did on each of its connections is what the spans say. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import mysql, { type Connection, type ConnectionOptions, type PreparedStatementInfo } from 'mysql2/promise';
import { type Expected, Recorder } from './operations.ts';
import { lacking } from './program.ts';
import { DATABASE, PASSWORD, startMariadb, USER } from './servers/mariadb.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in statements, parameters and results: it must not leave. */
const SECRET = 'attack at dawn';
const LARGE_ROWS = 1000;
const MORE_THAN_A_PACKET = 17 << 20;

const statusOf = (error: unknown): string => String((error as { errno?: number }).errno);

const common = (namespace: string | undefined): Expected => ({
  'db.system.name': 'mariadb',
  'db.namespace': namespace,
  'server.address': '127.0.0.1',
  'server.port': port,
});

/** A statement, as it may be shown. */
const statement = (summary: string, masked: string, namespace: string | undefined = DATABASE): Expected => ({
  ...common(namespace),
  name: summary,
  'db.query.summary': summary,
  'db.query.text': masked,
});

/** A command without a statement. */
const command = (name: string, namespace: string | undefined = DATABASE): Expected => ({
  ...common(namespace),
  name,
  'db.operation.name': name,
  'db.query.text': undefined,
});

/** A command that nothing answers. */
const unanswered = (expected: Expected): Expected => ({ ...expected, 'spantap.outcome': 'one_way' });

let server: Server;
let port = 0;

/** A connection of its own address that records what is done on it. */
class Client {
  readonly address = ownAddress();
  namespace: string | undefined = DATABASE;
  recorder: Recorder;
  #mysql: Connection | null = null;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  async open(options: ConnectionOptions = {}): Promise<this> {
    const all: ConnectionOptions = { ...connectionOptions(this.address), ...options };
    await this.recorder.time(this.address, command('LOGIN', all.database), async () => {
      this.#mysql = await mysql.createConnection(all);
    });
    return this;
  }

  get mysql(): Connection {
    return this.#mysql!;
  }

  time<T>(expected: Expected, act: () => Promise<T>): Promise<T | null> {
    return this.recorder.time(this.address, expected, act);
  }

  byItself(expected: Expected): void {
    this.recorder.byItself(this.address, expected);
  }

  query(summary: string, text: string, masked = text): Promise<unknown> {
    return this.time(statement(summary, masked, this.namespace), () => this.mysql.query(text));
  }

  async end(): Promise<void> {
    this.byItself(unanswered(command('QUIT', this.namespace)));
    await this.mysql.end();
  }
}

const connectionOptions = (address: string): ConnectionOptions => ({
  user: USER,
  password: PASSWORD,
  database: DATABASE,
  stream: (): Socket => connect({ host: '127.0.0.1', port, localAddress: address, noDelay: true }),
});

const INSERT = 'INSERT INTO orders (customer, amount) VALUES (?, ?)';

async function statements(c: Client, table: string): Promise<void> {
  const insert = INSERT.replace('orders', table);
  const columns = 'id INT AUTO_INCREMENT PRIMARY KEY, customer VARCHAR(40) UNIQUE, amount INT NOT NULL, note TEXT';
  await c.query(
    `CREATE TABLE ${table}`,
    `CREATE TABLE ${table} (${columns})`,
    `CREATE TABLE ${table} (${columns.replace('40', '?')})`,
  );
  for (let n = 0; n < 60; n++) {
    // every tenth is there already
    const values = `('${SECRET} ${n % 10 === 9 ? n - 1 : n}', ${n})`;
    await c.query(`INSERT ${table}`, `INSERT INTO ${table} (customer, amount) VALUES ${values}`, insert);
    await c.query(
      `SELECT ${table}`,
      `SELECT * FROM ${table} WHERE amount = ${n}`,
      `SELECT * FROM ${table} WHERE amount = ?`,
    );
  }
  await c.query(`INSERT ${table}`, `INSERT INTO ${table} (customer, amount) VALUES ('x', '${SECRET}')`, insert);
  await c.query('SELECT nowhere', 'SELECT * FROM nowhere WHERE id = 1', 'SELECT * FROM nowhere WHERE id = ?');
  await c.query('SELECT', 'SELECT FROM WHERE 1', 'SELECT FROM WHERE ?');
  await c.query(
    `UPDATE ${table}`,
    `UPDATE ${table} SET amount = amount + 1`,
    `UPDATE ${table} SET amount = amount + ?`,
  );
}

async function transactions(c: Client, table: string): Promise<void> {
  const delete1 = `DELETE FROM ${table} WHERE amount = ?`;
  for (let n = 0; n < 10; n++) {
    await c.time(statement('START TRANSACTION', 'START TRANSACTION'), () => c.mysql.beginTransaction());
    await c.query(`DELETE ${table}`, delete1.replace('?', String(n)), delete1);
    if (n % 2 === 0) await c.time(statement('COMMIT', 'COMMIT'), () => c.mysql.commit());
    else await c.time(statement('ROLLBACK', 'ROLLBACK'), () => c.mysql.rollback());
  }
}

async function prepared(c: Client, table: string): Promise<void> {
  const text = `SELECT id, customer FROM ${table} WHERE amount > ? AND customer <> ?`;
  const expected = statement(`SELECT ${table}`, text);
  const s = (await c.time(expected, () => c.mysql.prepare(text)))!;
  for (let n = 0; n < 50; n++) await c.time(expected, () => s.execute([n, SECRET]));
  c.byItself(unanswered(expected));
  await s.close();
  await c.time(statement('SELECT nowhere', 'SELECT x FROM nowhere'), () => c.mysql.prepare('SELECT x FROM nowhere'));
}

async function large(c: Client): Promise<void> {
  const rows = (count: string, from: string, length: string, text: string): string =>
    `WITH RECURSIVE n AS (SELECT ${from} AS i UNION ALL SELECT i + ${from} FROM n WHERE i < ${count}) SELECT i, REPEAT(${text}, ${length}) FROM n`;
  const masked = rows('?', '?', '?', '?');
  for (let n = 0; n < 4; n++)
    await c.query('SELECT SELECT SELECT', rows(String(LARGE_ROWS), '1', '4000', "'x'"), masked);
  await c.query('SELECT', `SELECT REPEAT('x', ${MORE_THAN_A_PACKET})`, 'SELECT REPEAT(?, ?)');
}

async function several(c: Client): Promise<void> {
  await c.query('SELECT SELECT', "SELECT 1; SELECT 'two'", 'SELECT ?; SELECT ?');
  await c.query('SELECT SELECT nowhere', 'SELECT 1; SELECT * FROM nowhere', 'SELECT ?; SELECT * FROM nowhere');
}

async function commands(c: Client): Promise<void> {
  await c.time(command('PING'), () => c.mysql.ping());
  await c.query('USE mysql', 'USE mysql');
  c.namespace = 'mysql';
  await c.query('SELECT', 'SELECT DATABASE()');
  await c.time(command('CHANGE_USER'), () =>
    c.mysql.changeUser({ user: USER, password: PASSWORD, database: DATABASE }),
  );
  c.namespace = DATABASE;
  // mysql2 first closes what it remembers of prepared statements, although that one is closed
  c.byItself(unanswered({ ...common(DATABASE), name: 'STMT_CLOSE', 'db.query.text': undefined }));
  await c.time(command('RESET_CONNECTION'), () => c.mysql.reset());
  await c.query('SELECT', 'SELECT DATABASE()');
  const load = 'LOAD DATA LOCAL INFILE ? INTO TABLE orders (customer, amount)';
  const infileStreamFactory = (): Readable =>
    Readable.from(Array.from({ length: 500 }, (_, n) => Buffer.from(`${SECRET} ${n} from a file\t${n}\n`)));
  await c.time(statement('LOAD orders', load), () =>
    c.mysql.query({ sql: load.replace('?', "'orders.txt'"), infileStreamFactory }),
  );
}

/** On a connection that was opened before the agent came: neither the server's kind nor the database was seen, nor what was prepared. */
async function midway(c: Client, known: PreparedStatementInfo): Promise<void> {
  const unseen = { 'db.system.name': 'mysql', 'db.namespace': undefined };
  for (let n = 0; n < 60; n++) {
    await c.time({ ...statement('SELECT orders', 'SELECT * FROM orders WHERE amount = ?'), ...unseen }, () =>
      c.mysql.query(`SELECT * FROM orders WHERE amount = ${n}`),
    );
    await c.time({ ...statement('SELECT nowhere', 'SELECT * FROM nowhere'), ...unseen }, () =>
      c.mysql.query('SELECT * FROM nowhere'),
    );
    await c.time({ ...common(DATABASE), name: 'STMT_EXECUTE', 'db.query.text': undefined, ...unseen }, () =>
      known.execute([n]),
    );
  }
}

async function pooled(recorder: Recorder): Promise<void> {
  const pool = mysql.createPool({
    ...connectionOptions(''),
    connectionLimit: 4,
    stream: () => connect({ host: '127.0.0.1', port, localAddress: ownAddress(), noDelay: true }),
  });
  const known = new Set<string>();
  const one = async (n: number): Promise<void> => {
    const connection = await pool.getConnection();
    const address = (connection as unknown as { connection: { stream: Socket } }).connection.stream.localAddress!;
    if (!known.has(address)) recorder.byItself(address, command('LOGIN'));
    known.add(address);
    const text = `SELECT COUNT(*) FROM ${n % 7 === 0 ? 'nowhere' : 'orders'} WHERE amount < ${n}`;
    const summary = `SELECT ${n % 7 === 0 ? 'nowhere' : 'orders'}`;
    await recorder.time(address, statement(summary, text.replace(/\d+$/, '?')), () => connection.query(text));
    connection.release();
  };
  await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)));
  await pool.end();
  for (const address of known) recorder.byItself(address, unanswered(command('QUIT')));
}

describe('beside MariaDB', { skip: lacking('mariadbd', 'setpriv') }, () => {
  const tap = new Tap();
  const recorder = new Recorder(statusOf);
  const late = new Tap();
  const afterwards = new Recorder(statusOf);

  before(async () => {
    server = await startMariadb();
    port = server.port;
    await tap.open(`tcp port ${port}`);

    const serial = await new Client(recorder).open({ multipleStatements: true });
    await statements(serial, 'orders');
    await transactions(serial, 'orders');
    await prepared(serial, 'orders');
    await large(serial);
    await several(serial);
    await commands(serial);
    await serial.end();

    const compressed = await new Client(recorder).open({ compress: true });
    await statements(compressed, 'compressed');
    await prepared(compressed, 'compressed');
    await large(compressed);
    await compressed.end();

    await new Client(recorder).open({ password: 'wrong' });
    await pooled(recorder);
    await tap.close();

    const early = await new Client(new Recorder(statusOf)).open();
    const known = await early.mysql.prepare('SELECT customer FROM orders WHERE amount > ?');
    await late.open(`tcp port ${port}`);
    early.recorder = afterwards;
    await midway(early, known);
    early.mysql.destroy();
    await late.close();
  });
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    const { counts } = recorder;
    assert.ok(recorder.operations.length > 400, `${recorder.operations.length} operations`);
    for (const code of ['1045', '1062', '1064', '1146', '1366']) assert.ok(counts[code]! > 0, code);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count them', () => recorder.countedAs(tap, 'db.client.operation.duration', 'database'));
  test('joined midway, the spans are the operations as well', () => afterwards.sameAs(late));
  test('no secret leaves', () => assert.doesNotMatch(tap.sent + late.sent, new RegExp(`${SECRET}|${PASSWORD}`)));
});
