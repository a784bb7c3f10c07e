/**
 * The agent beside Apache Kafka's broker: what kafkajs reports of its requests is what the spans say, one for one; and what Kafka's own
 * clients, which speak the newest versions, have sent and received is what the spans count.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, type ISocketFactory, Kafka, logLevel, type RequestEvent } from 'kafkajs';
import { attribute, type Span } from '../e2e/otlp.ts';
import { lacking } from '../e2e/program.ts';
import { durationMs, ownAddress, Tap } from '../e2e/tap.ts';
import { type Broker, startBroker } from './kafka-broker.ts';

/** Stands in keys and values: it must not leave. */
const SECRET = 'attack_at_dawn';
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const PLAIN = 40;
const BATCH = 200;
const TRADES = 20_000;

interface Reported {
  readonly api: string;
  readonly version: number;
  readonly startMs: number;
  readonly durationMs: number;
}

/** What kafkajs calls by other names. */
const API_NAMES: Readonly<Record<string, string>> = { GroupCoordinator: 'FindCoordinator' };

/** A kafkajs client with an address of its own, and what it reports of its requests. */
class Client {
  readonly address = ownAddress();
  readonly reported: Reported[] = [];
  readonly kafka: Kafka;
  readonly note = ({ payload: p }: RequestEvent): void => {
    const api = API_NAMES[p.apiName] ?? p.apiName;
    // it is sent while it is still `pending`
    const durationMs = p.pendingDuration + p.duration;
    this.reported.push({ api, version: p.apiVersion, startMs: p.createdAt, durationMs });
  };

  constructor(port: number, clientId: string) {
    const socketFactory: ISocketFactory = ({ host, port, onConnect }) =>
      connect({ host, port, localAddress: this.address, noDelay: true }, onConnect) as ReturnType<ISocketFactory>;
    this.kafka = new Kafka({ clientId, brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, socketFactory });
  }
}

async function produce(c: Client): Promise<void> {
  const admin = c.kafka.admin();
  admin.on('admin.network.request', c.note);
  await admin.connect();
  await admin.createTopics({ topics: ['orders', 'payments'].map((topic) => ({ topic, numPartitions: 2 })) });
  await admin.disconnect();
  const producer = c.kafka.producer();
  producer.on('producer.network.request', c.note);
  await producer.connect();
  for (let n = 0; n < PLAIN; n++)
    await producer.send({ topic: 'orders', messages: [{ key: SECRET, value: `${SECRET} ${n}`, partition: n % 2 }] });
  const messages = Array.from({ length: BATCH }, (_, n) => ({ value: `${SECRET} ${n}`, partition: 0 }));
  await producer.send({ topic: 'payments', messages, compression: CompressionTypes.GZIP });
  await producer.send({ topic: 'payments', messages: [{ value: SECRET, partition: 1 }], acks: 0 });
  await producer.send({
    topic: 'orders',
    messages: [{ value: SECRET, partition: 0, headers: { traceparent: TRACEPARENT } }],
  });
  await producer.send({ topic: 'payments', messages: [{ value: 'x'.repeat(900_000), partition: 1 }] });
  await producer.disconnect();
}

const SENT = PLAIN + BATCH + 3;

async function consume(c: Client): Promise<number> {
  const consumer = c.kafka.consumer({ groupId: 'shop', maxWaitTimeInMs: 300 });
  consumer.on('consumer.network.request', c.note);
  await consumer.connect();
  await consumer.subscribe({ topics: ['orders', 'payments'], fromBeginning: true });
  let received = 0;
  await consumer.run({ eachMessage: async () => void received++ });
  for (let tries = 0; tries < 600 && received < SENT; tries++) await sleep(100);
  await consumer.disconnect();
  return received;
}

/** By API in order of time. */
const byApi = <T>(list: readonly T[], api: (t: T) => string): Map<string, T[]> => Map.groupBy(list, api);

const apiOf = (s: Span): string => {
  const name = String(attribute(s, 'messaging.operation.name'));
  return { send: 'Produce', poll: 'Fetch', commit: 'OffsetCommit' }[name] ?? name;
};
const count = (s: Span): number => Number(attribute(s, 'messaging.batch.message_count') ?? 0);
const sum = (spans: readonly Span[]): number => spans.reduce((n, s) => n + count(s), 0);
const failed = (s: Span): boolean => attribute(s, 'error.type') !== undefined;

describe('kafka', { skip: lacking('java', 'mvn', 'setpriv') }, () => {
  const tap = new Tap();
  const toolsTap = new Tap();
  let broker: Broker;
  let producer: Client;
  let consumer: Client;
  let received = 0;

  before(async () => {
    broker = await startBroker();
    await tap.open(`tcp port ${broker.port}`);
    producer = new Client(broker.port, 'shop-producer');
    consumer = new Client(broker.port, 'shop-consumer');
    await produce(producer);
    received = await consume(consumer);
    await tap.close();

    await toolsTap.open(`tcp port ${broker.port}`);
    const at = ['--bootstrap-server', `127.0.0.1:${broker.port}`];
    await broker.tool('TopicCommand', ...at, '--create', '--topic', 'trades', '--partitions', '3');
    const records = ['--topic', 'trades', '--num-records', String(TRADES)];
    await broker.tool('ProducerPerformance', ...at, ...records, '--record-size', '100', '--throughput', '-1');
    await broker.tool('ConsumerPerformance', ...at, ...records);
    await broker.tool('ConsumerPerformance', ...at, ...records, '--command-property', 'group.protocol=consumer');
    await toolsTap.close();
  });
  after(() => broker?.stop());

  test('everything arrived', () => assert.equal(received, SENT));

  for (const role of ['producer', 'consumer'] as const) {
    test(`the spans of kafkajs' ${role} are its requests`, () => {
      const client = role === 'producer' ? producer : consumer;
      const spans = byApi(tap.conversations.get(client.address)!, apiOf);
      const reported = byApi(
        client.reported.toSorted((a, b) => a.startMs - b.startMs),
        (r) => r.api,
      );
      // of the message that carries a trace context the application exports the span itself
      const suppressed = role === 'producer' ? 1 : 0;
      for (const [api, own] of reported) {
        const found = spans.get(api) ?? [];
        assert.equal(found.length, own.length - (api === 'Produce' ? suppressed : 0), api);
        for (const [i, s] of found.entries()) {
          assert.equal(attribute(s, 'spantap.kafka.api_version'), own[i]!.version, api);
          // kafkajs counts whole milliseconds, and behind that message it has one request more
          if (api !== 'Produce') assert.ok(durationMs(s) <= own[i]!.durationMs + 2, `${api}: ${durationMs(s)} ms`);
        }
      }
      assert.deepEqual([...spans.keys()].sort(), [...reported.keys()].sort());
      assert.ok(client.reported.length > 10);
    });
  }

  test('topics, partitions, messages, groups', () => {
    const sent = byApi(tap.conversations.get(producer.address)!, apiOf).get('Produce')!;
    assert.deepEqual(
      sent.slice(0, 2).map((s) => [s.name, attribute(s, 'messaging.destination.partition.id'), count(s)]),
      [
        ['send orders', '0', 0],
        ['send orders', '1', 0],
      ],
    );
    const packed = sent.find((s) => count(s) > 0)!;
    assert.deepEqual([packed.name, count(packed)], ['send payments', BATCH]);
    assert.equal(attribute(packed, 'spantap.kafka.compression'), 'gzip');
    assert.equal(sent.filter((s) => attribute(s, 'spantap.outcome') === 'one_way').length, 1);
    assert.equal(tap.total('spantap.telemetry.client_suppressed'), 1);
    const own = byApi(tap.conversations.get(consumer.address)!, apiOf);
    assert.equal(sum(own.get('Fetch')!), SENT);
    assert.equal(tap.total('messaging.client.sent.messages'), SENT);
    assert.equal(tap.total('messaging.client.consumed.messages'), SENT);
    assert.ok(own.get('Fetch')!.every((s) => attribute(s, 'spantap.waits') === true));
    for (const s of own.get('OffsetCommit')!) assert.equal(attribute(s, 'messaging.consumer.group.name'), 'shop');
  });

  test("Kafka's own clients: topic ids have names, and every message is counted", () => {
    const all = [...toolsTap.conversations.values()].flat();
    const spans = byApi(all, apiOf);
    const sent = spans.get('Produce')!;
    assert.equal(sum(sent) + sent.filter((s) => count(s) === 0).length, TRADES);
    assert.ok(
      sent.every(
        (s) => s.name === 'send trades' && !failed(s) && Number(attribute(s, 'spantap.kafka.api_version')) >= 13,
      ),
    );
    const polled = spans.get('Fetch')!;
    assert.ok(sum(polled) >= 2 * TRADES, `${sum(polled)} messages fetched`);
    assert.ok(polled.every((s) => count(s) === 0 || s.name === 'poll trades'));
    assert.ok(spans.get('ConsumerGroupHeartbeat')!.length > 0);
    assert.equal(toolsTap.total('spantap.protocol.kafka.unknown'), 0);
    assert.equal(toolsTap.total('spantap.exchange.unasked'), 0);
  });

  test('no secret leaves', () => assert.doesNotMatch(tap.sent + toolsTap.sent, new RegExp(SECRET)));
});
