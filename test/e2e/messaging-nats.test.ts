/** The agent beside NATS: what its client for Node.js sent and was sent on each of its connections is what the spans say. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  AckPolicy,
  connect,
  headers,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  StringCodec,
  type Subscription,
} from 'nats';
import { type Expected, Recorder } from './operations.ts';
import { CONSUMER, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { FORBIDDEN, PASSWORD, startNats, USER } from './servers/nats.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in messages: it must not leave. */
const SECRET = 'attack at dawn';
const BODY = StringCodec().encode(SECRET);
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
/** A message that never comes must not hold up the test for good. */
const LIMIT = { timeout: 120_000 };

let server: Server;
let port = 0;

const operation = (name: string, type: string | undefined, subject = ''): Expected => ({
  name: subject === '' ? name : `${name} ${subject}`,
  'messaging.system': 'nats',
  'messaging.operation.name': name,
  'messaging.operation.type': type,
  'messaging.destination.name': subject === '' ? undefined : subject,
  'server.address': '127.0.0.1',
  'server.port': port,
});
const published = (subject: string): Expected => ({
  ...operation('publish', 'send', subject),
  'spantap.outcome': 'one_way',
  'messaging.message.body.size': BODY.length,
});
const requested = (subject: string): Expected => ({
  ...operation('request', 'send', subject),
  'spantap.outcome': undefined,
});
const processed = (subject: string, outcome?: 'one_way'): Expected => ({
  ...operation('process', 'process', subject),
  kind: CONSUMER,
  'spantap.outcome': outcome,
});
/** Its duration says nothing: the server was asked to wait. */
const fetched = (stream: string, consumer: string): Expected => ({
  ...operation('fetch', 'receive', stream),
  'messaging.consumer.group.name': consumer,
  'spantap.waits': true,
  'spantap.outcome': undefined,
});
const stored = (subject: string): Expected => ({
  ...operation('publish', 'send', subject),
  'spantap.outcome': undefined,
});
const called = (call: string): Expected => ({
  ...operation('request', undefined, `$JS.API.${call}`),
  'spantap.outcome': undefined,
});
const refused = (): Expected => operation('error', undefined);

function statusOf(error: unknown): string {
  const { code, api_error } = error as { code?: string; api_error?: { err_code: number } };
  return api_error !== undefined ? String(api_error.err_code) : code === '503' ? 'no_responders' : String(error);
}

/** The library takes no address of its own end: it is given one by the way. */
const dial = net.createConnection;
let ownEnd = '';
function fromOwnEnd(remotePort: number, host: string, listener?: () => void): net.Socket {
  return dial({ port: remotePort, host, localAddress: ownEnd, noDelay: true }, listener);
}

class Client {
  readonly address = ownAddress();
  readonly recorder: Recorder;
  nats!: NatsConnection;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  async open(pass = PASSWORD): Promise<this> {
    ownEnd = this.address;
    this.nats = await connect({
      servers: `127.0.0.1:${port}`,
      user: USER,
      pass,
      reconnect: false,
      noAsyncTraces: true,
    });
    return this;
  }

  time<T>(expected: Expected, act: () => Promise<T>): Promise<T | null> {
    return this.recorder.time(this.address, expected, act);
  }

  byItself(expected: Expected, status = ''): void {
    this.recorder.byItself(this.address, expected, status);
  }

  request(subject: string, o: { noMux?: boolean } = {}): Promise<unknown> {
    return this.time(requested(subject), () => this.nats.request(subject, BODY, { timeout: 10_000, ...o }));
  }

  async publish(subject: string): Promise<void> {
    this.byItself(published(subject));
    this.nats.publish(subject, BODY);
    await this.nats.flush();
  }
}

/** Calls back for each message of the subject. */
function listen(
  c: Client,
  subject: string,
  queue: string | undefined,
  heard: (answer: (body: Uint8Array) => void, subject: string) => void,
): Subscription {
  return c.nats.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (_error, m) => heard((body) => m.respond(body), m.subject),
  });
}

async function subjects(recorder: Recorder): Promise<void> {
  const listener = await new Client(recorder).open();
  const c = await new Client(recorder).open();
  let heard = Promise.withResolvers<void>();
  listen(listener, 'plant.>', undefined, (_answer, subject) => {
    listener.byItself(processed(subject, 'one_way'));
    heard.resolve();
  });
  await listener.nats.flush();
  for (let n = 0; n < 40; n++) {
    heard = Promise.withResolvers<void>();
    await c.publish(`plant.${n % 4}.door`);
    await heard.promise;
  }
  const h = headers();
  h.set('tries', '1');
  heard = Promise.withResolvers<void>();
  c.byItself(published('plant.headers'));
  c.nats.publish('plant.headers', BODY, { headers: h });
  await heard.promise;
  // its publisher has told of it itself
  h.set('traceparent', `00-${TRACE}-${PARENT}-01`);
  heard = Promise.withResolvers<void>();
  c.nats.publish('plant.traced', BODY, { headers: h });
  await heard.promise;
  // many in one go
  for (let n = 0; n < 30; n++) {
    c.byItself(published('quiet'));
    c.nats.publish('quiet', BODY);
  }
  await c.nats.flush();
  await c.nats.close();
  await listener.nats.close();
}

async function calls(recorder: Recorder): Promise<void> {
  const worker = await new Client(recorder).open();
  const c = await new Client(recorder).open();
  listen(worker, 'sum', 'workers', (answer) => {
    worker.byItself(processed('sum'));
    answer(BODY);
  });
  await worker.nats.flush();
  for (let n = 0; n < 30; n++) await c.request('sum', { noMux: n % 3 === 0 });
  for (let n = 0; n < 5; n++) await c.request('nobody.listens');
  await c.nats.close();
  await worker.nats.close();
}

async function streams(recorder: Recorder): Promise<void> {
  const c = await new Client(recorder).open();
  c.byItself(called('INFO'));
  const manager: JetStreamManager = await c.nats.jetstreamManager();
  const add = (subjects: string[]): Promise<unknown> => manager.streams.add({ name: 'EVENTS', subjects });
  await c.time(called('STREAM.CREATE.EVENTS'), () => add(['events.*']));
  await c.time(called('STREAM.CREATE.EVENTS'), () => add(['others.*'])); // the name is in use
  await c.time(called('STREAM.INFO.NOWHERE'), () => manager.streams.info('NOWHERE'));
  const js = c.nats.jetstream();
  for (let n = 0; n < 20; n++) await c.time(stored('events.paid'), () => js.publish('events.paid', BODY));
  await c.time(stored('events.paid'), () => js.publish('events.paid', BODY, { expect: { lastSequence: 999 } }));
  await c.time(requested('unheard.of'), () => js.publish('unheard.of', BODY));
  await c.time(called('STREAM.INFO.EVENTS'), () => manager.streams.info('EVENTS'));
  await pulls(c, manager);
  await c.time(called('STREAM.DELETE.EVENTS'), () => manager.streams.delete('EVENTS'));
  await c.nats.close();
}

/** What a durable consumer brings, message by message. */
async function pulls(c: Client, manager: JetStreamManager): Promise<void> {
  await c.time(called('CONSUMER.CREATE.EVENTS'), () =>
    manager.consumers.add('EVENTS', { durable_name: 'books', ack_policy: AckPolicy.Explicit }),
  );
  const consumer = await c.time(called('CONSUMER.INFO.EVENTS'), () =>
    c.nats.jetstream().consumers.get('EVENTS', 'books'),
  );
  const fetch = async (
    max: number,
    expected: number,
    take: (m: JsMsg, n: number) => Promise<unknown>,
  ): Promise<void> => {
    c.byItself(fetched('EVENTS', 'books'));
    let n = 0;
    for await (const m of await consumer!.fetch({ max_messages: max, expires: 1000 })) await take(m, n++);
    assert.equal(n, expected);
  };
  const delivered = (m: JsMsg, status = ''): void => c.byItself(processed(m.subject), status);
  const inProgress = (): void =>
    c.byItself({
      ...operation('in_progress', 'settle', 'EVENTS'),
      'messaging.consumer.group.name': 'books',
      'spantap.outcome': 'one_way',
    });
  await fetch(7, 7, async (m) => {
    delivered(m);
    m.ack();
  });
  // one at a time, and one that takes two attempts, some time, and a receipt for its acknowledgement
  for (let n = 0; n < 10; n++)
    await fetch(1, 1, async (m) => {
      delivered(m);
      inProgress();
      m.working();
      await new Promise((done) => setTimeout(done, 5));
      inProgress();
      m.working();
      m.ack();
    });
  await fetch(1, 1, async (m) => {
    delivered(m, 'nack');
    m.nak();
  });
  await fetch(1, 1, async (m) => {
    delivered(m);
    await m.ackAck();
  });
  await fetch(50, 2, async (m) => {
    delivered(m);
    m.term();
  });
  await fetch(5, 0, async () => {}); // it waits for a second
}

async function errors(recorder: Recorder): Promise<void> {
  const c = await new Client(recorder).open();
  await c.publish(FORBIDDEN);
  c.byItself(refused(), 'permissions_violation');
  await c.nats.flush();
  await c.nats.close();
  const liar = new Client(recorder);
  liar.byItself(refused(), 'authorization_violation');
  await assert.rejects(liar.open(`${PASSWORD}!`), /[Aa]uthorization/);
}

describe('beside NATS', { skip: lacking('nats-server', 'setpriv') }, () => {
  /** Both ends may ask whether the other is there when they please: what is compared are the spans of everything else. */
  class WithoutPings extends Tap {
    override get conversations(): Map<string, Span[]> {
      return new Map([...super.conversations].map(([key, spans]) => [key, spans.filter((s) => s.name !== 'ping')]));
    }
    get pings(): number {
      return [...super.conversations.values()].flat().filter((s) => s.name === 'ping').length;
    }
  }
  const tap = new WithoutPings();
  const recorder = new Recorder(statusOf);

  before(async () => {
    server = await startNats();
    port = server.port;
    net.createConnection = fromOwnEnd as typeof net.createConnection;
    await tap.open(`tcp port ${port}`);
    await subjects(recorder);
    await calls(recorder);
    await streams(recorder);
    await errors(recorder);
    await tap.close();
  }, LIMIT);
  after(async () => {
    net.createConnection = dial;
    await server?.stop();
  });

  test('the clients met the errors they were to meet', () => {
    assert.ok(recorder.operations.length > 200, `${recorder.operations.length} operations`);
    for (const code of ['no_responders', 'permissions_violation', 'authorization_violation'])
      assert.ok(recorder.counts[code]! > 0, code);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count what was sent and delivered', () => recorder.messagesAs(tap, { 'plant.traced': 1 }));
  test('the metrics count them', () => {
    const all = recorder.operations.length + tap.pings + 1; // and the one that told of itself
    assert.deepEqual(tap.countsBy('traces_service_graph_request_total', 'connection_type'), { messaging_system: all });
    const requests = recorder.operations.filter((o) => String(o.expected.name).startsWith('request ')).length;
    const timed = tap.countsBy('messaging.client.operation.duration', 'messaging.operation.name');
    assert.equal(timed.request, requests);
  });
  test('the trace that a message carries goes on where it is received', () => {
    const [process] = [...tap.conversations.values()].flat().filter((s) => s.name === 'process plant.traced') as [Span];
    assert.deepEqual([process.traceId, process.parentSpanId], [TRACE, PARENT]);
  });
  test('no secret leaves', () => assert.doesNotMatch(tap.sent, new RegExp(`${SECRET}|${PASSWORD}|_INBOX`)));
});
