/** The agent beside Memcached: what memjs (binary protocol) and a client of the text protocol did is what the spans say. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import memjs from 'memjs';
import { type Expected, Recorder } from './operations.ts';
import { lacking } from './program.ts';
import { startMemcached } from './servers/memcached.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in keys and values: it must not leave. */
const SECRET = 'attack_at_dawn';

let server: Server;

/** A command with so many keys. */
const command = (name: string, keys: number): Expected => ({
  name,
  'db.query.text': keys > 16 ? `${name} ? x ${keys}` : [name, ...Array<string>(keys).fill('?')].join(' '),
  'db.system.name': 'memcached',
  'db.operation.name': name,
  'server.address': '127.0.0.1',
  'server.port': server.port,
});

/** An answer that says no. */
class Refused extends Error {}
const statusOf = (error: unknown): string => (error as Error).message;

/** Words that have a key as their only one. */
const KEYED = new Set(['set', 'add', 'cas', 'append', 'incr', 'decr', 'touch', 'delete', 'ms', 'mg', 'md', 'ma']);

function commandIn(text: string): Expected {
  const [name, ...rest] = text.slice(0, text.indexOf('\r\n')).split(' ') as [string, ...string[]];
  const all = name.startsWith('get') ? rest.length : name === 'gat' ? rest.length - 1 : 0;
  return command(name, KEYED.has(name) ? 1 : all);
}

/** The first word, but that of the end where values stand in front of it; a number is as good as OK. */
function statusIn(answer: string): string {
  const word = /^\w+/.exec(answer)![0];
  return word === 'VALUE' || word === 'STAT' ? 'END' : /^\d/.test(word) ? 'OK' : word;
}

/** How long the answer at the beginning of the text is; 0: it is not all there. */
type Length = (text: string) => number;

const lineEnd = (text: string, from: number): number => text.indexOf('\r\n', from) + 2;

const oneLine: Length = (text) => (text.includes('\r\n') ? lineEnd(text, 0) : 0);

/** Behind a line that names its length stands data: `VALUE key flags bytes`, `VA bytes`. */
const dataLength = (line: string): number => Number(/^(?:VALUE \S+ \d+|VA) (\d+)/.exec(line)?.[1] ?? -2) + 2;

/** Lines, some with data, up to END or an error. */
const manyLines: Length = (text) => {
  for (let at = 0; text.includes('\r\n', at); ) {
    const end = lineEnd(text, at);
    const line = text.slice(at, end);
    if (/^(END|ERROR|CLIENT_ERROR|SERVER_ERROR)\b/.test(line)) return end;
    at = end + dataLength(line);
  }
  return 0;
};

/** One line, with data if it says so. */
const maybeData: Length = (text) => {
  const end = oneLine(text);
  const whole = end + dataLength(text.slice(0, end));
  return end > 0 && text.length >= whole ? whole : 0;
};

/** Speaks the text and the meta commands; answers come in order. */
class TextClient {
  readonly address = ownAddress();
  recorder: Recorder;
  #socket: Socket | null = null;
  #received = '';
  readonly #waiting: { length: Length; take: (answer: string) => void }[] = [];

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  async open(): Promise<this> {
    const socket = connect({ host: '127.0.0.1', port: server.port, localAddress: this.address, noDelay: true });
    await new Promise<void>((done) => socket.once('connect', done));
    socket.setEncoding('latin1').on('data', (text: string) => this.#take(text));
    this.#socket = socket;
    return this;
  }

  #take(text: string): void {
    this.#received += text;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const length = first.length(this.#received);
      if (length === 0) return;
      const answer = this.#received.slice(0, length);
      this.#received = this.#received.slice(length);
      this.#waiting.shift();
      first.take(answer);
    }
  }

  /** An answer that begins with one of the three words for errors is one. */
  send(text: string, length: Length = oneLine): Promise<string | null> {
    const act = async (): Promise<string> => {
      const answer = await new Promise<string>((take) => {
        this.#waiting.push({ length, take });
        this.#socket!.write(text);
      });
      const error = /^(ERROR|CLIENT_ERROR|SERVER_ERROR)\b/.exec(answer);
      if (error !== null) throw new Refused(error[1]);
      return answer;
    };
    return this.recorder.time(this.address, commandIn(text), act, statusIn);
  }

  /** Nothing answers it. */
  tell(text: string): void {
    this.recorder.byItself(this.address, { ...commandIn(text), 'spantap.outcome': 'one_way' });
    this.#socket!.write(text);
  }

  close(): void {
    this.#socket!.end();
  }
}

async function text(c: TextClient): Promise<void> {
  const store = (verb: string, key: string, value: string, more = ''): Promise<string | null> =>
    c.send(`${verb} ${key} 0 0 ${value.length}${more}\r\n${value}\r\n`);
  for (let n = 0; n < 40; n++) {
    await store('set', `${SECRET}:${n}`, `${SECRET} ${n}`);
    await c.send(`get ${SECRET}:${n}\r\n`, manyLines);
    await c.send(`get nothing:${n}\r\n`, manyLines);
    await store('add', `${SECRET}:${n}`, SECRET); // NOT_STORED
    if (n % 8 === 0) await c.send(`incr ${SECRET}:${n} 1\r\n`); // CLIENT_ERROR: not a number
  }
  await store('set', 'number', '1');
  for (let n = 0; n < 10; n++) {
    await c.send('incr number 5\r\n');
    await c.send('decr number 2\r\n');
    await c.send('touch number 0\r\n');
    await c.send('delete nothing\r\n'); // NOT_FOUND
  }
  const gets = await c.send('gets number\r\n', manyLines);
  const unique = /(\d+)\r\n/.exec(gets!)![1];
  await store('cas', 'number', '1', ` ${unique}`);
  await store('cas', 'number', '2', ` ${unique}`); // EXISTS
  await store('append', 'number', SECRET);
  await c.send(`get ${Array.from({ length: 40 }, (_, n) => `${SECRET}:${n}`).join(' ')}\r\n`, manyLines);
  await c.send('gat 0 number\r\n', manyLines);
  await c.send('nonsense here\r\n'); // ERROR
  await c.send('version\r\n');
  await c.send('stats\r\n', manyLines);
  c.tell(`set ${SECRET} 0 0 3 noreply\r\nabc\r\n`);
  c.tell(`delete ${SECRET} noreply\r\n`);
  await store('set', 'large', 'x'.repeat(5_000_000));
  for (let n = 0; n < 4; n++) await c.send('get large\r\n', manyLines);
}

async function meta(c: TextClient): Promise<void> {
  for (let n = 0; n < 20; n++) {
    await c.send(`ms meta:${n} ${SECRET.length} T0\r\n${SECRET}\r\n`);
    await c.send(`mg meta:${n} t v\r\n`, maybeData);
    await c.send(`mg nothing:${n} v\r\n`, maybeData); // EN
    await c.send('ma number N0 J0 v\r\n', maybeData);
    await c.send(`md meta:${n}\r\n`);
  }
  await c.send('mn\r\n');
}

/** All on the wire before the first answer. */
async function pipelined(c: TextClient): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        n % 3 === 0
          ? c.send(`set p:${n} 0 0 ${SECRET.length}\r\n${SECRET}\r\n`)
          : n % 3 === 1
            ? c.send(`get p:${n - 1} nothing\r\n`, manyLines)
            : c.send('incr p:0 1\r\n'),
      ),
    );
  }
}

/** On a connection that was opened before the agent came. */
async function midway(c: TextClient): Promise<void> {
  for (let n = 0; n < 60; n++) {
    await c.send(`set p:${n} 0 0 ${SECRET.length}\r\n${SECRET}\r\n`);
    await c.send(`get p:${n} nothing\r\n`, manyLines);
    await c.send(`incr p:${n} 1\r\n`);
  }
}

/** False, or no value. */
const isNo = (result: unknown): boolean => result === false || (result as { value?: unknown } | null)?.value === null;

/** memjs gives a miss as null, and every other refusal as an error that names the operation. */
async function binary(recorder: Recorder): Promise<void> {
  const address = ownAddress();
  // what it hands to net.connect() as the port may be an object as well
  const target = { host: '127.0.0.1', port: server.port, localAddress: address } as unknown as number;
  const to = new (memjs as unknown as { Server: new (host: string, port: number) => never }).Server(
    '127.0.0.1',
    target,
  );
  const client = new (memjs.Client as unknown as new (servers: unknown[], options: object) => memjs.Client)([to], {
    retries: 1,
    timeout: 20,
    serializer: {
      serialize: (_: unknown, value: unknown, extras: unknown) => ({ value, extras }),
      deserialize: (_: unknown, value: unknown, extras: unknown) => ({ value, extras }),
    },
    logger: { log: () => {} },
  });
  const time = <T>(name: string, act: () => Promise<T>, no = ''): Promise<T | null> =>
    recorder.time(address, command(name, 1), act, (result) => (isNo(result) ? no : 'OK'));
  for (let n = 0; n < 40; n++) {
    await time('set', () => client.set(`binary:${n}`, SECRET, {}));
    await time('get', () => client.get(`binary:${n}`));
    await time('get', () => client.get(`nothing:${n}`), 'NOT_FOUND');
    await time('add', () => client.add(`binary:${n}`, SECRET, {}), 'EXISTS');
    await time('incr', () => client.increment('counter', 1, { initial: 7 }));
    if (n % 4 === 0) await time('delete', () => client.delete(`binary:${n}`));
  }
  await time('set', () => client.set('large', 'x'.repeat(3_000_000), {}));
  for (let n = 0; n < 4; n++) await time('get', () => client.get('large'));
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 10 }, (_, n) => time('get', () => client.get(`binary:${n}`), 'NOT_FOUND')));
  client.close();
}

describe('beside Memcached', { skip: lacking('memcached', 'setpriv') }, () => {
  const tap = new Tap();
  const recorder = new Recorder(statusOf);
  const late = new Tap();
  const afterwards = new Recorder(statusOf);

  before(async () => {
    server = await startMemcached();
    await tap.open(`tcp port ${server.port}`);
    const c = await new TextClient(recorder).open();
    await text(c);
    await meta(c);
    c.close();
    const p = await new TextClient(recorder).open();
    await pipelined(p);
    p.close();
    await binary(recorder);
    await tap.close();

    const early = await new TextClient(new Recorder(statusOf)).open();
    await early.send('version\r\n');
    await late.open(`tcp port ${server.port}`);
    early.recorder = afterwards;
    await midway(early);
    early.close();
    await late.close();
  });
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    const { counts } = recorder;
    assert.ok(recorder.operations.length > 400, `${recorder.operations.length} operations`);
    for (const word of ['ERROR', 'CLIENT_ERROR']) assert.ok(counts[word]! > 0, word);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count them', () => recorder.countedAs(tap, 'db.client.operation.duration', 'database'));
  test('joined midway, the spans are the operations as well', () => afterwards.sameAs(late));
  test('no secret leaves', () => assert.doesNotMatch(tap.sent + late.sent, new RegExp(SECRET)));
});
