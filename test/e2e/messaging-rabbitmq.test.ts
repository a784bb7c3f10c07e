/** The agent beside RabbitMQ: what amqplib sent and was sent on each of its connections is what the spans say. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { type Expected, Recorder } from './operations.ts';
import { attribute, CONSUMER, SERVER, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { PASSWORD, startRabbitmq, USER } from './servers/rabbitmq.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in messages: it must not leave. */
const SECRET = 'attack at dawn';
const BODY = Buffer.from(SECRET);
/** A message that never comes must not hold up the test for good. */
const LIMIT = { timeout: 120_000 };
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

let server: Server;
let port = 0;

/** A method, by its name in lower case. */
const method = (name: string): Expected => ({
  name,
  'messaging.system': 'rabbitmq',
  'messaging.operation.name': name,
  'messaging.operation.type': undefined,
  'server.address': '127.0.0.1',
  'server.port': port,
});
const operation = (name: string, type: string, destination: string): Expected => ({
  ...method(name),
  name: destination === '' ? name : `${name} ${destination}`,
  'messaging.operation.type': type,
  'messaging.destination.name': destination === '' ? undefined : destination,
});
/** Without confirms nothing answers. */
const sent = (destination: string): Expected => ({
  ...operation('publish', 'send', destination),
  'spantap.outcome': 'one_way',
});
const confirmed = (destination: string): Expected => ({
  ...operation('publish', 'send', destination),
  'spantap.outcome': undefined,
  'messaging.message.body.size': BODY.length,
});
/** At the consumer. */
const processed = (destination: string, outcome?: 'one_way'): Expected => ({
  ...operation('process', 'process', destination),
  kind: CONSUMER,
  'spantap.outcome': outcome,
});

class Refused extends Error {
  readonly code: number;
  constructor(code: number) {
    super(String(code));
    this.code = code;
  }
}
const statusOf = (error: unknown): string =>
  String((error as { code?: number }).code ?? /\b(\d{3})\b/.exec(String(error))?.[1] ?? error);

class Client {
  readonly address = ownAddress();
  readonly recorder: Recorder;
  connection!: ChannelModel;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  async open(): Promise<this> {
    this.connection = (await this.time(method('connection.open'), () => this.connect(USER, PASSWORD)))!;
    this.connection.on('error', () => {});
    return this;
  }

  async connect(user: string, password: string, vhost = '%2f'): Promise<ChannelModel> {
    const options = { localAddress: this.address, noDelay: true };
    try {
      return await connect(`amqp://${user}:${password}@127.0.0.1:${port}/${vhost}`, options);
    } catch (error) {
      // it says that the connection was closed, and not why
      throw /got <ConnectionClose/.test(String(error)) ? new Refused(530) : error;
    }
  }

  time<T>(expected: Expected, act: () => Promise<T>): Promise<T | null> {
    return this.recorder.time(this.address, expected, act);
  }

  byItself(expected: Expected, status = ''): void {
    this.recorder.byItself(this.address, expected, status);
  }

  channel(): Promise<Channel> {
    return this.time(method('channel.open'), () => this.connection.createChannel()) as Promise<Channel>;
  }

  async confirmChannel(): Promise<Confirming> {
    this.byItself(method('channel.open'));
    this.byItself(method('confirm.select'));
    return new Confirming(this, await this.connection.createConfirmChannel());
  }

  async close(): Promise<void> {
    await this.time(method('connection.close'), () => this.connection.close());
  }
}

/** A channel with confirms: what becomes of each message, as the broker told the client. */
class Confirming {
  readonly #client: Client;
  readonly channel: ConfirmChannel;
  readonly #returned = new Set<string>();
  #closed = 0;
  #messages = 0;

  constructor(client: Client, channel: ConfirmChannel) {
    this.#client = client;
    this.channel = channel;
    channel.on('return', (m: { properties: { messageId: string } }) => this.#returned.add(m.properties.messageId));
    channel.on('error', (error: { code: number }) => {
      this.#closed = error.code;
    });
  }

  publish(exchange: string, key: string, destination: string): Promise<unknown> {
    const messageId = `m${this.#messages++}`;
    const expected = { ...confirmed(destination), 'messaging.message.id': messageId };
    return this.#client.time(expected, () => this.#publish(exchange, key, messageId));
  }

  /** One of many at once: when it leaves is the library's choice. */
  async inBurst(exchange: string, key: string, destination: string, status = 0): Promise<void> {
    const messageId = `m${this.#messages++}`;
    this.#client.byItself(
      { ...confirmed(destination), 'messaging.message.id': messageId },
      status === 0 ? '' : String(status),
    );
    const was = await this.#publish(exchange, key, messageId).then(
      () => 0,
      (error: Refused) => error.code,
    );
    assert.equal(was, status);
  }

  async #publish(exchange: string, key: string, messageId: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const options = { mandatory: true, messageId };
    this.channel.publish(exchange, key, BODY, options, (error) => (error ? reject(error) : resolve()));
    await promise.catch(() => Promise.reject(new Refused(this.#closed)));
    if (this.#returned.has(messageId)) throw new Refused(312);
  }
}

/** Declares what the tests use, and asks for everything that a channel can be asked for. */
async function administration(c: Client): Promise<void> {
  const ch = await c.channel();
  await c.time(method('exchange.declare'), () => ch.assertExchange('orders', 'topic'));
  await c.time(method('exchange.declare'), () => ch.assertExchange('copies', 'fanout'));
  await c.time(method('exchange.bind'), () => ch.bindExchange('copies', 'orders', 'copy.#'));
  await c.time(method('exchange.unbind'), () => ch.unbindExchange('copies', 'orders', 'copy.#'));
  await c.time(method('exchange.delete'), () => ch.deleteExchange('copies'));
  for (const queue of ['paid', 'quiet', 'rpc', 'spare']) {
    await c.time(method('queue.declare'), () => ch.assertQueue(queue));
    await c.time(method('queue.bind'), () => ch.bindQueue(queue, 'orders', `${queue}.#`));
  }
  await c.time(method('queue.unbind'), () => ch.unbindQueue('spare', 'orders', 'spare.#'));
  await c.time(method('queue.declare'), () => ch.assertQueue('', { exclusive: true }));
  for (let n = 0; n < 30; n++) {
    c.byItself(sent('spare'));
    ch.sendToQueue('spare', BODY);
    c.byItself(sent('orders:nobody'));
    ch.publish('orders', 'nobody', BODY);
  }
  await c.time(method('queue.declare'), () => ch.checkQueue('spare'));
  for (let n = 0; n < 10; n++) {
    const m = await c.time(operation('receive', 'receive', 'spare'), () => ch.get('spare', { noAck: n % 2 === 0 }));
    assert.ok(m);
    if (n % 2 === 1) ch.ack(m);
  }
  await c.time(method('queue.purge'), () => ch.purgeQueue('spare'));
  assert.equal(await c.time(operation('receive', 'receive', 'spare'), () => ch.get('spare')), false);
  await c.time(method('queue.delete'), () => ch.deleteQueue('spare'));
  await c.time(method('basic.recover'), () => ch.recover());
  await c.time(method('channel.close'), () => ch.close());
}

/** An error closes the channel. */
async function refused(c: Client): Promise<void> {
  for (const act of [
    (ch: Channel) => c.time(method('queue.declare'), () => ch.checkQueue('missing')),
    (ch: Channel) => c.time(method('exchange.declare'), () => ch.assertExchange('orders', 'direct')),
    (ch: Channel) => c.time(method('basic.consume'), () => ch.consume('missing', () => {})),
  ]) {
    const ch = await c.channel();
    ch.on('error', () => {});
    await act(ch);
  }
  const ch = await c.confirmChannel();
  await ch.publish('missing', 'key', 'missing:key');
}

async function confirms(c: Client): Promise<void> {
  const ch = await c.confirmChannel();
  for (let n = 0; n < 20; n++) await ch.publish('orders', 'paid.serial', 'orders:paid.serial');
  for (let n = 0; n < 20; n++) await ch.publish('orders', 'nowhere', 'orders:nowhere');
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        n % 10 === 9
          ? ch.inBurst('orders', 'nowhere', 'orders:nowhere', 312)
          : ch.inBurst('orders', `quiet.${n % 3}`, `orders:quiet.${n % 3}`),
      ),
    );
  }
  await c.time(method('channel.close'), () => ch.channel.close());
}

/** 20 messages wait in `paid`, 162 in `quiet`. */
async function consumers(recorder: Recorder): Promise<void> {
  const c = await new Client(recorder).open();
  const ch = await c.channel();
  await c.time(method('basic.qos'), () => ch.prefetch(5));
  let all = Promise.withResolvers<void>();
  const seen: ConsumeMessage[] = [];
  const paid = (await c.time(method('basic.consume'), () =>
    ch.consume('paid', (m) => {
      seen.push(m!);
      const n = seen.length;
      c.byItself(processed('orders:paid.serial:paid'), n % 7 === 0 ? 'nack' : n % 7 === 1 ? 'reject' : '');
      if (n % 7 === 0) ch.nack(m!, false, false);
      else if (n % 7 === 1) ch.reject(m!, false);
      else if (n % 7 === 4)
        ch.ack(m!, true); // with the one in front of it
      else if (n % 7 !== 3) ch.ack(m!);
      if (n === 20) all.resolve();
    }),
  ))!;
  await all.promise;
  await c.time(method('basic.cancel'), () => ch.cancel(paid.consumerTag));
  assert.equal(seen.length, 20);

  all = Promise.withResolvers<void>();
  const quiet = await c.channel();
  let heard = 0;
  await c.time(method('basic.consume'), () =>
    quiet.consume(
      'quiet',
      (m) => {
        c.byItself(processed(`orders:${m!.fields.routingKey}:quiet`, 'one_way'));
        if (++heard === 162) all.resolve();
      },
      { noAck: true },
    ),
  );
  await all.promise;
  await c.close();
}

/** Requests and their answers by RabbitMQ's direct reply-to, whose names live as long as a channel. */
async function calls(recorder: Recorder): Promise<void> {
  const worker = await new Client(recorder).open();
  const at = await worker.channel();
  await worker.time(method('basic.consume'), () =>
    at.consume(
      'rpc',
      (m) => {
        worker.byItself(processed('rpc', 'one_way'));
        worker.byItself({ ...sent(''), 'messaging.destination.temporary': true });
        at.sendToQueue(m!.properties.replyTo as string, m!.content, {
          correlationId: m!.properties.correlationId as string,
        });
      },
      { noAck: true },
    ),
  );
  const caller = await new Client(recorder).open();
  const ch = await caller.channel();
  let answered = Promise.withResolvers<void>();
  await caller.time(method('basic.consume'), () =>
    ch.consume(
      'amq.rabbitmq.reply-to',
      () => {
        caller.byItself({ ...processed('', 'one_way'), 'messaging.destination.temporary': true });
        answered.resolve();
      },
      { noAck: true },
    ),
  );
  for (let n = 0; n < 25; n++) {
    answered = Promise.withResolvers<void>();
    caller.byItself(sent('rpc'));
    ch.sendToQueue('rpc', BODY, { replyTo: 'amq.rabbitmq.reply-to', correlationId: `call-${n}` });
    await answered.promise;
  }
  await caller.close();
  await worker.close();
}

async function strangers(recorder: Recorder): Promise<void> {
  const lost = new Client(recorder);
  await lost.time(method('connection.open'), () => lost.connect(USER, PASSWORD, 'nowhere'));
  const liar = new Client(recorder);
  liar.byItself({ ...method('connection.close'), kind: SERVER }, '403');
  await assert.rejects(liar.connect(USER, `${PASSWORD}!`), /403/);
}

/** Confirms on a connection that was open before the agent came: numbers are known after a silence of five seconds. */
async function midway(c: Client, ch: ConfirmChannel): Promise<void> {
  const publish = (expected: Expected) =>
    c.time(
      expected,
      () => new Promise<void>((done, fail) => ch.publish('orders', 'nobody', BODY, {}, (e) => (e ? fail(e) : done()))),
    );
  for (let n = 0; n < 20; n++) await publish(sent('orders:nobody'));
  await new Promise((done) => setTimeout(done, 5500));
  for (let n = 0; n < 20; n++) await publish(confirmed('orders:nobody'));
}

describe('beside RabbitMQ', { skip: lacking('rabbitmq-server', 'epmd', 'setpriv') }, () => {
  /** Messages that left in one segment began at one time. */
  const byTag = (s: Span): number => Number(attribute(s, 'messaging.rabbitmq.message.delivery_tag') ?? 0);
  const tap = new Tap(byTag);
  const recorder = new Recorder(statusOf);
  const late = new Tap();
  const afterwards = new Recorder(statusOf);
  const traced = new Tap();

  before(async () => {
    server = await startRabbitmq();
    port = server.port;
    await tap.open(`tcp port ${port}`);
    const c = await new Client(recorder).open();
    await administration(c);
    await refused(c);
    await confirms(c);
    await consumers(recorder);
    await calls(recorder);
    await strangers(recorder);
    await c.close();
    await tap.close();

    const early = await new Client(new Recorder(statusOf)).open();
    const ch = await early.connection.createConfirmChannel();
    await new Promise<void>((done) => ch.publish('orders', 'nobody', BODY, {}, () => done()));
    await late.open(`tcp port ${port}`);
    const same = Object.assign(Object.create(Client.prototype), early, { recorder: afterwards }) as Client;
    await midway(same, ch);
    await late.close();

    const here = await new Client(new Recorder(statusOf)).open();
    const consumer = await here.connection.createChannel();
    await traced.open(`tcp port ${port}`);
    const heard = Promise.withResolvers<void>();
    await consumer.consume('paid', (m) => {
      consumer.ack(m!);
      heard.resolve();
    });
    ch.publish('orders', 'paid.traced', BODY, { headers: { tries: 1, traceparent: `00-${TRACE}-${PARENT}-01` } });
    await heard.promise;
    await here.connection.close();
    await early.connection.close();
    await traced.close();
  }, LIMIT);
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    const { counts } = recorder;
    assert.ok(recorder.operations.length > 600, `${recorder.operations.length} operations`);
    for (const code of ['312', '404', '406', '530', '403', 'nack', 'reject']) assert.ok(counts[code]! > 0, code);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count what was sent and delivered', () => recorder.messagesAs(tap));
  test('the metrics count them', () => {
    const timed = recorder.operations.filter((o) => o.expected['spantap.outcome'] !== 'one_way');
    const count = (own: typeof timed): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const { status } of own) counts[status] = (counts[status] ?? 0) + 1;
      return counts;
    };
    const [clients, servers] = [true, false].map((asks) =>
      timed.filter((o) => (o.expected.kind === undefined) === asks),
    );
    assert.deepEqual(tap.countsBy('messaging.client.operation.duration', 'error.type'), count(clients!));
    assert.deepEqual(tap.countsBy('messaging.process.duration', 'error.type'), count(servers!));
    const all = { messaging_system: recorder.operations.length };
    assert.deepEqual(tap.countsBy('traces_service_graph_request_total', 'connection_type'), all);
  });
  test('joined midway, confirms are told once their numbers are certain', () => afterwards.sameAs(late));
  test('the trace that a message carries goes on at its consumer; who published it has told so itself', () => {
    const spans = [...traced.conversations.values()].flat();
    const [process] = spans.filter((s) => s.kind === CONSUMER) as [Span];
    assert.deepEqual([process.traceId, process.parentSpanId], [TRACE, PARENT]);
    assert.equal(attribute(process, 'messaging.destination.name'), 'orders:paid.traced:paid');
    assert.ok(!spans.some((s) => s.name.startsWith('publish')));
  });
  test('no secret leaves', () =>
    assert.doesNotMatch(tap.sent + late.sent + traced.sent, new RegExp(`${SECRET}|${PASSWORD}`)));
});
