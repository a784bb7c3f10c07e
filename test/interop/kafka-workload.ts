/** What clients of Kafka do with a broker: a shop with kafkajs, and what Kafka's own tools can. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { type Broker, PASSWORD, USER } from './kafka-broker.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const order = (n: number): string =>
  JSON.stringify({ order: n, customer: `customer number ${n % 17}`, article: 'a red lamp', amount: 1 + (n % 5) });

/** An error that was provoked is part of the work. */
const anyhow = (act: Promise<unknown>): Promise<unknown> => act.catch(() => {});

/** Producers, a transaction, errors, and a consumer that polls for a while; `sends`: messages one by one. */
export async function shop(broker: Broker, sends: number): Promise<void> {
  const at: KafkaConfig = { clientId: 'shop', brokers: [`127.0.0.1:${broker.port}`], logLevel: logLevel.NOTHING };
  const kafka = new Kafka({ ...at, retry: { retries: 3 } });
  const admin = kafka.admin();
  await admin.connect();
  const topics = ['orders', 'payments'].map((topic) => ({ topic, numPartitions: 2 }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.createTopics({ topics: topics.slice(1) }); // it is there: TOPIC_ALREADY_EXISTS
  const configEntries = [{ name: 'max.message.bytes', value: '500' }];
  await admin.createTopics({ topics: [{ topic: 'notes', configEntries }], waitForLeaders: true });
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: ['orders', 'payments'], fromBeginning: true });
  let received = 0;
  await consumer.run({ eachMessage: async () => void received++ });
  const producer = kafka.producer();
  await producer.connect();
  for (let n = 0; n < sends; n++) {
    const headers = n % 4 === 0 ? { traceparent: TRACEPARENT } : {};
    await producer.send({ topic: 'orders', messages: [{ key: `${n % 17}`, value: order(n), headers }] });
    if (n % 10 !== 0) continue;
    const messages = Array.from({ length: 20 }, (_, k) => ({ value: order(k) }));
    await producer.send({ topic: 'payments', messages, compression: CompressionTypes.GZIP });
    await producer.send({ topic: 'payments', messages: messages.slice(0, 3), acks: 0 });
  }
  await anyhow(producer.send({ topic: 'notes', messages: [{ value: order(0).repeat(20) }] })); // MESSAGE_TOO_LARGE
  await producer.disconnect();
  await transactions(kafka);
  for (let tries = 0; tries < 1200 && received < sends; tries++) await sleep(50);
  await consumer.disconnect();
  await admin.fetchOffsets({ groupId: 'billing', topics: ['orders'] });
  await admin.describeGroups(['billing', 'nobody']);
  await anyhow(admin.deleteGroups(['nobody'])); // GROUP_ID_NOT_FOUND
  await admin.disconnect();
  await authenticated(broker);
}

async function transactions(kafka: Kafka): Promise<void> {
  const producer = kafka.producer({ transactionalId: 'billing-1', maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (const end of ['commit', 'abort'] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: 'payments', messages: [{ value: order(1) }, { value: order(2) }] });
    await transaction.sendOffsets({
      consumerGroupId: 'billing-offsets',
      topics: [{ topic: 'orders', partitions: [{ partition: 0, offset: '1' }] }],
    });
    await transaction[end]();
  }
  await producer.disconnect();
}

/** With SaslHandshake of version 1, and with that of version 0, whose tokens have no message around them. */
async function authenticated(broker: Broker): Promise<void> {
  const kafka = new Kafka({
    clientId: 'guest',
    brokers: [`127.0.0.1:${broker.saslPort}`],
    logLevel: logLevel.NOTHING,
    sasl: { mechanism: 'plain', username: USER, password: PASSWORD },
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.listTopics();
  await admin.disconnect();
  await rawTokens(broker.saslPort, PASSWORD, true);
  await rawTokens(broker.saslPort, 'wrong', false);
}

const text = (s: string): Buffer => Buffer.concat([Buffer.from([0, s.length]), Buffer.from(s)]);

/** size, API key, API version, correlation id, client id, body */
function message(key: number, version: number, id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(12);
  const rest = Buffer.concat([text('raw'), body]);
  head.writeInt32BE(8 + rest.length, 0);
  head.writeInt16BE(key, 4);
  head.writeInt16BE(version, 6);
  head.writeInt32BE(id, 8);
  return Buffer.concat([head, rest]);
}

async function rawTokens(port: number, password: string, good: boolean): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  let buffered: Buffer = Buffer.alloc(0);
  let closed = false;
  socket.on('data', (more) => {
    buffered = Buffer.concat([buffered, more as Buffer]);
  });
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => {});
  /** The next message; null: the broker has hung up instead. */
  const answer = async (): Promise<Buffer | null> => {
    for (let tries = 0; tries < 1000; tries++) {
      if (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
        const bytes = buffered.subarray(4, 4 + buffered.readInt32BE(0));
        buffered = buffered.subarray(4 + bytes.length);
        return bytes;
      }
      if (closed) return null;
      await sleep(10);
    }
    assert.fail('no answer');
  };
  socket.write(message(17, 0, 1, text('PLAIN')));
  assert.equal((await answer())!.readInt16BE(4), 0);
  const token = Buffer.from(`\0${USER}\0${password}`);
  const size = Buffer.alloc(4);
  size.writeInt32BE(token.length);
  socket.write(Buffer.concat([size, token]));
  assert.equal((await answer())?.length ?? null, good ? 0 : null);
  if (good) {
    socket.write(message(3, 1, 2, Buffer.from([0xff, 0xff, 0xff, 0xff])));
    assert.equal((await answer())!.readInt32BE(0), 2);
    socket.write(message(3, 1, 3, Buffer.from([0, 0, 0, 0])));
    assert.equal((await answer())!.readInt32BE(0), 3);
  }
  socket.destroy();
}

/** Kafka's own producers and consumers, in the newest versions of everything; `records`: of each producer. */
export async function traders(broker: Broker, records: number): Promise<void> {
  const at = ['--bootstrap-server', `127.0.0.1:${broker.port}`];
  const count = String(records);
  await broker.tool('TopicCommand', ...at, '--create', '--topic', 'trades', '--partitions', '3');
  const send = ['--topic', 'trades', '--num-records', count, '--record-size', '100', '--throughput', '-1'];
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    await broker.tool('ProducerPerformance', ...at, ...send, '--command-property', `compression.type=${compression}`);
  }
  const transactional = ['--transactional-id', 'trader', '--transaction-duration-ms', '20'];
  await broker.tool('ProducerPerformance', ...at, ...send, ...transactional);
  const poll = ['--topic', 'trades', '--num-records', count];
  const committed = ['--command-property', 'isolation.level=read_committed'];
  await broker.tool('ConsumerPerformance', ...at, ...poll, ...committed, '--group', 'classic');
  const consumer = ['--command-property', 'group.protocol=consumer'];
  await broker.tool('ConsumerPerformance', ...at, ...poll, ...consumer, '--group', 'modern');
  const share = ['--alter', '--entity-type', 'groups', '--entity-name', 'shared'];
  await broker.tool('kafka.admin.ConfigCommand', ...at, ...share, '--add-config', 'share.auto.offset.reset=earliest');
  await broker.tool('ShareConsumerPerformance', ...at, ...poll, '--group', 'shared');
}

/** What administrators ask. */
export async function administrators(broker: Broker): Promise<void> {
  const at = ['--bootstrap-server', `127.0.0.1:${broker.port}`];
  const groups = 'consumer.group.ConsumerGroupCommand';
  await broker.tool('TopicCommand', ...at, '--describe');
  await broker.tool('TopicCommand', ...at, '--alter', '--topic', 'trades', '--partitions', '4');
  await broker.tool('GroupsCommand', ...at, '--list');
  await broker.tool(groups, ...at, '--describe', '--all-groups');
  await broker.tool(
    groups,
    ...at,
    '--group',
    'classic',
    '--topic',
    'trades',
    '--reset-offsets',
    '--to-earliest',
    '--execute',
  );
  await broker.tool(groups, ...at, '--group', 'classic', '--topic', 'trades', '--delete-offsets');
  await broker.tool(groups, ...at, '--group', 'classic', '--delete');
  await broker.tool('consumer.group.ShareGroupCommand', ...at, '--describe', '--group', 'shared');
  await broker.tool('GetOffsetShell', ...at, '--topic', 'trades');
  const records = JSON.stringify({ version: 1, partitions: [{ topic: 'trades', partition: 0, offset: 1 }] });
  await broker.tool('DeleteRecordsCommand', ...at, '--offset-json-file', broker.file('delete.json', records));
  await broker.tool('kafka.admin.ConfigCommand', ...at, '--describe', '--all', '--topic', 'trades');
  await broker.tool('LogDirsCommand', ...at, '--describe');
  await broker.tool('MetadataQuorumCommand', ...at, 'describe', '--status');
  await broker.tool('TransactionsCommand', ...at, 'list');
  await broker.tool('BrokerApiVersionsCommand', ...at);
  await broker.tool('TopicCommand', ...at, '--delete', '--topic', 'trades');
}
