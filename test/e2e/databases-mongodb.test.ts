/**
 * The agent beside a server of MongoDB's protocol: what the `mongodb` driver's command monitoring reports is what the spans say. No
 * MongoDB can be had from Debian; the server is the tests' own, the bytes of the requests are the driver's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collection } from 'mongodb';
import {
  type Command,
  Observed,
  SECRET,
  tail,
  traced,
  transactions,
  unacknowledged,
  work,
} from './mongodb-workload.ts';
import { type Expected, Recorder } from './operations.ts';
import { attribute, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { type MongoServer, startMongo } from './servers/mongo.ts';
import { ownAddress, Tap } from './tap.ts';

/** Their text is no collection. */
const OF_NO_COLLECTION = ['nonsense', 'getLog'];

let server: MongoServer;

function expected(
  c: Pick<Command, 'name' | 'database' | 'collection' | 'status' | 'writeError' | 'unanswered'>,
): Expected {
  const collection = c.collection === '' || OF_NO_COLLECTION.includes(c.name) ? undefined : c.collection;
  return {
    name: `${c.name} ${collection ?? c.database}`,
    'db.system.name': 'mongodb',
    'db.namespace': c.database,
    'db.operation.name': c.name,
    'db.collection.name': collection,
    'db.response.status_code': errorOf(c) || undefined,
    'server.address': '127.0.0.1',
    'server.port': server.port,
    'spantap.outcome': c.unanswered ? 'one_way' : undefined,
  };
}

/** A command that succeeded may hold writes that did not. */
const errorOf = (c: Pick<Command, 'status' | 'writeError'>): string => (c.status === 'ok' ? c.writeError : c.status);

/** What one connection did, as the driver reports it, behind the greeting that it does not report. */
function record(recorder: Recorder, connection: string, commands: readonly Command[]): void {
  const greeting = {
    name: 'hello',
    database: 'admin',
    collection: '',
    status: 'ok',
    writeError: '',
    unanswered: false,
  };
  recorder.byItself(connection, expected(greeting));
  for (const c of commands) {
    const { startMs, endMs, ownMs } = c;
    recorder.operations.push({ connection, expected: expected(c), status: errorOf(c), startMs, endMs, ownMs });
  }
}

async function more(o: Observed, c: Collection): Promise<void> {
  await transactions(o, c);
  await unacknowledged(o, c);
}

/** The driver has begun to watch the server, and was told of it several times without asking again. */
async function pushed(): Promise<void> {
  for (let tries = 0; server.pushed < 3; tries++) {
    assert.ok(tries < 2400, 'the driver asked to be told of the topology');
    await sleep(25);
  }
}

const isGreeting = (s: Span): boolean => ['hello', 'ismaster'].includes(String(attribute(s, 'db.operation.name')));

describe('beside a server of MongoDB’s protocol', { skip: lacking() }, () => {
  const tap = new Tap();
  const recorder = new Recorder(String);
  const other = new Tap();
  const monitored = ownAddress();
  let reported: readonly Command[] = [];

  before(async () => {
    server = await startMongo();
    await tap.open(`tcp port ${server.port}`);
    // Behind a load balancer clients keep no other connections to watch the server with.
    for (const options of ['', '&compressors=zlib', '']) {
      const localAddress = ownAddress();
      const o = new Observed(`mongodb://127.0.0.1:${server.port}/?loadBalanced=true${options}`, { localAddress });
      await work(o, `products${localAddress}`, more);
      record(recorder, localAddress, o.commands);
    }
    await tap.close();

    await other.open(`tcp port ${server.port}`);
    const o = new Observed(`mongodb://127.0.0.1:${server.port}/`, { localAddress: monitored });
    await work(o, 'events', async (_, c) => {
      await traced(o, c);
      await tail(o, c);
      await pushed();
    });
    reported = o.commands;
    await other.close();
  });
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    assert.ok(recorder.operations.length > 500, `${recorder.operations.length} operations`);
    for (const code of ['2', '26', '59', '11000']) assert.ok(recorder.counts[code]! > 0, code);
  });
  test('the spans are the commands', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count them', () => recorder.countedAs(tap, 'db.client.operation.duration', 'database'));

  test('batches, documents returned and texts', () => {
    const [spans] = tap.conversations.values();
    const of = (name: string, key: string): unknown[] =>
      spans!.filter((s) => attribute(s, 'db.operation.name') === name).map((s) => attribute(s, key));
    assert.deepEqual(
      of('insert', 'db.operation.batch.size').filter((n) => n !== undefined),
      [300, 3, 2],
    );
    assert.ok(of('find', 'db.response.returned_rows').includes(40));
    assert.equal(
      of('update', 'db.query.text')[0],
      `{"update": "${[...tap.conversations.keys()].map((a) => `products${a}`)[0]}", "updates": [{"q": {"_id": ?}, "u": {"$set": {"name": ?, "price": ?}}}], "ordered": ?}`,
    );
  });

  test('of a command that brings a trace context the application exports the span itself', () => {
    assert.equal(other.total('spantap.telemetry.client_suppressed'), 1);
    assert.ok(other.countsBy('db.client.operation.duration', 'db.collection.name').events! > reported.length - 10);
  });

  test('monitors and tailing cursors wait; what is pushed to them is counted, and no exchange', () => {
    const spans = other.conversations.get(monitored)!;
    const told = spans.filter((s) => !isGreeting(s));
    assert.deepEqual(
      told.map((s) => `${s.name} ${attribute(s, 'error.type') ?? 'ok'}`),
      reported.filter((c) => !c.traced).map((c) => `${expected(c).name} ${errorOf(c)}`.replace(/ (ok)?$/, ' ok')),
    );
    const waiting = spans.filter((s) => attribute(s, 'spantap.waits') === true).map((s) => s.name);
    assert.ok(waiting.includes('hello admin'), waiting.join());
    assert.ok(waiting.includes('getMore events'), waiting.join());
    assert.ok(
      waiting.every((name) => ['hello admin', 'getMore events'].includes(name)),
      waiting.join(),
    );
    assert.ok(other.total('spantap.protocol.mongodb.pushed') > 1);
    assert.equal(other.total('spantap.exchange.unasked'), 0);
  });

  test('no secret leaves', () => assert.doesNotMatch(tap.sent + other.sent, new RegExp(SECRET)));
});
