/** The agent beside Redis: what node-redis did on each of its connections, pipelined or not, is what the spans say. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createClient, type RedisClientType } from 'redis';
import { type Expected, Recorder } from './operations.ts';
import { lacking } from './program.ts';
import { PASSWORD, startRedis } from './servers/redis.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in keys, values and answers: it must not leave. */
const SECRET = 'attack at dawn';
/** `WRONGTYPE Operation against ...`: the first word is the error's name. */
const statusOf = (error: unknown): string => /^\S+/.exec((error as Error).message)![0];

let server: Server;
let port = 0;

/** A command with its key and the number of its other arguments. */
const command = (name: string, args = 0, database = 0): Expected => ({
  name,
  'db.system.name': 'redis',
  'db.namespace': String(database),
  'db.operation.name': name,
  'db.query.text': [name, ...Array<string>(args).fill('?')].join(' '),
  'server.address': '127.0.0.1',
  'server.port': port,
});

class Client {
  readonly address = ownAddress();
  readonly redis: RedisClientType;
  recorder: Recorder;
  readonly #database: number;
  readonly #RESP: 2 | 3;

  constructor(recorder: Recorder, o: { database?: number; RESP?: 2 | 3; password?: string } = {}) {
    this.recorder = recorder;
    this.#database = o.database ?? 0;
    this.#RESP = o.RESP ?? 2;
    this.redis = createClient({
      socket: { host: '127.0.0.1', port, localAddress: this.address, reconnectStrategy: false },
      password: o.password ?? PASSWORD,
      database: this.#database,
      RESP: this.#RESP,
    }) as unknown as RedisClientType;
    this.redis.on('error', () => {});
  }

  /** On a new connection the client logs in (`greetings`), then tells its version and name; Redis 7.2 knows what that means. */
  async open(greetings: readonly Expected[]): Promise<this> {
    for (const greeting of greetings) this.recorder.byItself(this.address, greeting);
    const known = Number(/version=(\d+\.\d+)/.exec(server.log)![1]) >= 7.2;
    for (let n = 0; n < 2; n++)
      this.recorder.byItself(this.address, command('CLIENT SETINFO', 2, this.#database), known ? '' : 'ERR');
    // with RESP 3 it also asks to be told of maintenance (CLIENT MAINT_NOTIFICATIONS, of Redis Enterprise)
    if (this.#RESP === 3) this.recorder.byItself(this.address, command('CLIENT', 4, this.#database), 'ERR');
    await this.redis.connect();
    return this;
  }

  time<T>(expected: Expected, act: () => Promise<T>): Promise<T | null> {
    return this.recorder.time(this.address, expected, act);
  }

  send(...words: string[]): Promise<unknown> {
    const [name, ...args] = words as [string, ...string[]];
    return this.time(command(name, args.length, this.#database), () => this.redis.sendCommand(words));
  }
}

async function commands(c: Client): Promise<void> {
  for (let n = 0; n < 60; n++) {
    await c.send('SET', `key:${n}`, `${SECRET} ${n}`);
    await c.send('GET', `key:${n}`);
    await c.send('HSET', `hash:${n % 5}`, 'field', SECRET);
    await c.send('INCR', 'counter');
    if (n % 10 === 0) await c.send('INCR', 'key:0'); // ERR value is not an integer
    if (n % 10 === 5) await c.send('LPUSH', 'key:0', SECRET); // WRONGTYPE
  }
  await c.send('NOSUCHCOMMAND', SECRET);
  await c.send('GET'); // ERR wrong number of arguments
  await c.send('EVAL', `return redis.error_reply('MINE ${SECRET}')`, '0');
  await c.time({ ...command('BLPOP', 2), 'spantap.waits': true }, () =>
    c.redis.sendCommand(['BLPOP', 'empty', '0.05']),
  );
  await c.send('PING');
}

/** Written in one go. */
async function pipelined(c: Client): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        n % 9 === 8
          ? c.send('LPUSH', 'key:1', SECRET)
          : n % 2 === 0
            ? c.send('GET', `key:${n}`)
            : c.send('SET', `key:${n}`, SECRET),
      ),
    );
  }
}

/** Between MULTI and EXEC the server answers QUEUED. */
async function transactions(c: Client, recorder: Recorder): Promise<void> {
  for (let n = 0; n < 10; n++) {
    for (const expected of [command('MULTI'), command('SET', 2), command('INCR', 1)])
      recorder.byItself(c.address, expected);
    await c.time(command('EXEC'), () => c.redis.multi().set(`key:${n}`, SECRET).incr('counter').exec());
  }
}

async function large(c: Client): Promise<void> {
  await c.send('SET', 'large', 'x'.repeat(5_000_000));
  for (let n = 0; n < 4; n++) await c.send('GET', 'large');
  await c.send('RPUSH', 'list', ...Array.from({ length: 1000 }, (_, n) => `${SECRET} ${n}`));
  for (let n = 0; n < 4; n++) await c.send('LRANGE', 'list', '0', '-1');
}

/** The server tells what is published without being asked again. */
async function subscription(recorder: Recorder, publisher: Client): Promise<void> {
  const c = await new Client(recorder).open([command('AUTH', 1)]);
  let heard = 0;
  await c.time(command('SUBSCRIBE', 1), () => c.redis.subscribe('news', () => heard++));
  for (let n = 0; n < 20; n++) await publisher.send('PUBLISH', 'news', `${SECRET} ${n}`);
  await c.time(command('UNSUBSCRIBE', 1), () => c.redis.unsubscribe('news'));
  await c.send('PING');
  assert.equal(heard, 20);
  c.redis.destroy();
}

/** On a connection that was opened before the agent came: it has not seen which database was chosen. */
async function midway(c: Client): Promise<void> {
  const unseen = { 'db.namespace': undefined };
  for (let n = 0; n < 100; n++) {
    await c.time({ ...command('SET', 2), ...unseen }, () => c.redis.set(`key:${n}`, SECRET));
    await c.time({ ...command('GET', 1), ...unseen }, () => c.redis.get(`key:${n}`));
    await c.time({ ...command('LPUSH', 2), ...unseen }, () => c.redis.lPush(`key:${n}`, SECRET));
  }
}

describe('beside Redis', { skip: lacking('redis-server', 'setpriv') }, () => {
  const tap = new Tap();
  const recorder = new Recorder(statusOf);
  const late = new Tap();
  const afterwards = new Recorder(statusOf);

  before(async () => {
    server = await startRedis();
    port = server.port;
    await tap.open(`tcp port ${port}`);

    for (const RESP of [2, 3] as const) {
      const first = RESP === 2 ? command('AUTH', 1) : command('HELLO', 4);
      const c = await new Client(recorder, { RESP }).open([first]);
      await c.send('FLUSHALL');
      await commands(c);
      await pipelined(c);
      await transactions(c, recorder);
      await large(c);
      await subscription(recorder, c);
      c.redis.destroy();
    }
    const other = await new Client(recorder, { database: 3 }).open([command('AUTH', 1), command('SELECT', 1, 3)]);
    for (let n = 0; n < 20; n++) await other.send('SET', `key:${n}`, SECRET);
    other.redis.destroy();
    await tap.close();

    const early = await new Client(new Recorder(statusOf)).open([]);
    await early.send('PING');
    await late.open(`tcp port ${port}`);
    early.recorder = afterwards;
    await midway(early);
    early.redis.destroy();
    await late.close();
  });
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    const { counts } = recorder;
    assert.ok(recorder.operations.length > 400, `${recorder.operations.length} operations`);
    for (const word of ['ERR', 'WRONGTYPE', 'MINE']) assert.ok(counts[word]! > 0, word);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count them', () => recorder.countedAs(tap, 'db.client.operation.duration', 'database'));
  test('joined midway, the spans are the operations as well', () => afterwards.sameAs(late));
  test('no secret leaves', () => assert.doesNotMatch(tap.sent + late.sent, new RegExp(`${SECRET}|${PASSWORD}`)));
});
