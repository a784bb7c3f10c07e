/** The agent beside Mosquitto: what MQTT.js sent and was sent on each of its connections is what the spans say. */
import assert from 'node:assert/strict';
import { connect as connectTo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type IClientOptions, MqttClient } from 'mqtt';
import { type Expected, Recorder } from './operations.ts';
import { attribute, CONSUMER, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { startMosquitto, USER } from './servers/mosquitto.ts';
import type { Server } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in messages: it must not leave. */
const SECRET = 'attack at dawn';
const PASSWORD = 'correct-horse';
const QOS = [0, 1, 2] as const;
/** A message that never comes must not hold up the test for good. */
const LIMIT = { timeout: 120_000 };

let server: Server;
let port = 0;

const operation = (name: string, type: string | undefined, topic?: string): Expected => ({
  name: topic === undefined ? name : `${name} ${topic}`,
  'messaging.system': 'mqtt',
  'messaging.operation.name': name,
  'messaging.operation.type': type,
  'messaging.destination.name': topic,
  'server.address': '127.0.0.1',
  'server.port': port,
});
const published = (topic: string, qos: number, bytes = SECRET.length): Expected => ({
  ...operation('publish', 'send', topic),
  'messaging.message.body.size': bytes,
  'spantap.mqtt.qos': qos,
  'spantap.outcome': qos === 0 ? 'one_way' : undefined,
});
const processed = (topic: string, qos: number): Expected => ({
  ...published(topic, qos),
  ...operation('process', 'process', topic),
  kind: CONSUMER,
});
const released = (): Expected => operation('release', 'settle');
const disconnected = (): Expected => ({ ...operation('disconnect', undefined), 'spantap.outcome': 'one_way' });

/** Reason codes stand in the exceptions, as numbers. */
const statusOf = (error: unknown): string =>
  `0x${Number((error as { code?: number }).code)
    .toString(16)
    .padStart(2, '0')}`;

class Client {
  readonly address = ownAddress();
  readonly recorder: Recorder;
  readonly version: 4 | 5;
  mqtt!: MqttClient;

  constructor(recorder: Recorder, version: 4 | 5) {
    this.recorder = recorder;
    this.version = version;
  }

  async open(o: IClientOptions = {}): Promise<this> {
    await this.time(operation('connect', undefined), () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const options = {
        protocolVersion: this.version,
        username: USER,
        password: PASSWORD,
        reconnectPeriod: 0,
        keepalive: 0,
        ...o,
      };
      this.mqtt = new MqttClient(
        () => connectTo({ host: '127.0.0.1', port, localAddress: this.address, noDelay: true }),
        options,
      );
      this.mqtt.on('connect', () => resolve());
      this.mqtt.on('error', reject);
      return promise;
    });
    return this;
  }

  time<T>(expected: Expected, act: () => Promise<T>): Promise<T | null> {
    return this.recorder.time(this.address, expected, act);
  }

  byItself(expected: Expected): void {
    this.recorder.byItself(this.address, expected);
  }

  /** Of quality 2 a message is released when the broker has it. */
  publish(topic: string, qos: 0 | 1 | 2): Promise<unknown> {
    const done = this.time(published(topic, qos), () => this.mqtt.publishAsync(topic, SECRET, { qos }));
    if (qos === 2) this.byItself(released());
    return done;
  }

  async close(): Promise<void> {
    this.byItself(disconnected());
    await this.mqtt.endAsync();
  }
}

async function talk(recorder: Recorder, version: 4 | 5): Promise<void> {
  const c = await new Client(recorder, version).open();
  for (let n = 0; n < 10; n++) for (const qos of QOS) await c.publish(`plant/${n % 4}/temperature`, qos);
  await c.time(operation('subscribe', undefined, 'plant/#'), () => c.mqtt.subscribeAsync(['plant/#', 'plant/1']));
  await c.time(operation('unsubscribe', undefined, 'plant/#'), () => c.mqtt.unsubscribeAsync(['plant/#', 'plant/1']));
  // the broker may take it and forget it: only since version 5 it says so
  await c.time(published('forbidden', 1), async () => {
    await c.mqtt.publishAsync('forbidden', SECRET, { qos: 1 });
  });
  const large = 'x'.repeat(3_000_000);
  await c.time(published('large', 1, large.length), () => c.mqtt.publishAsync('large', large, { qos: 1 }));
  // many under way
  await Promise.all(
    Array.from({ length: 15 }, (_, n) => {
      c.byItself(published(`plant/${n}`, 1));
      return c.mqtt.publishAsync(`plant/${n}`, SECRET, { qos: 1 });
    }),
  );
  c.byItself(operation('ping', undefined));
  const answered = Promise.withResolvers<void>();
  c.mqtt.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && answered.resolve());
  c.mqtt.sendPing();
  await answered.promise;
  await c.close();
}

/** What a subscriber is sent, at every quality; who asks is the broker. */
async function deliveries(recorder: Recorder, version: 4 | 5): Promise<void> {
  const c = await new Client(recorder, version).open();
  const sender = await new Client(recorder, version).open();
  let heard = Promise.withResolvers<void>();
  c.mqtt.on('message', (topic, _payload, { qos }) => {
    c.byItself(processed(topic, qos));
    heard.resolve();
  });
  await c.time(operation('subscribe', undefined, 'plant/#'), () => c.mqtt.subscribeAsync('plant/#', { qos: 2 }));
  for (let n = 0; n < 30; n++) {
    heard = Promise.withResolvers<void>();
    await sender.publish(`plant/${n % 5}`, QOS[n % 3]!);
    await heard.promise;
  }
  await sender.close();
  await c.close();
}

describe('beside Mosquitto', { skip: lacking('mosquitto', 'setpriv') }, () => {
  /** Messages that left in one segment began at one time. */
  const tap = new Tap((s: Span) => Number(attribute(s, 'messaging.message.id') ?? 0));
  const recorder = new Recorder(statusOf);

  before(async () => {
    server = await startMosquitto();
    port = server.port;
    await tap.open(`tcp port ${port}`);
    for (const version of [4, 5] as const) {
      await talk(recorder, version);
      await deliveries(recorder, version);
    }
    // a way to log in that the broker does not have
    const stranger = await new Client(recorder, 5).open({ properties: { authenticationMethod: 'guess' } });
    stranger.mqtt.end(true);
    await tap.close();
  }, LIMIT);
  after(() => server?.stop());

  test('the clients met the errors they were to meet', () => {
    assert.ok(recorder.operations.length > 250, `${recorder.operations.length} operations`);
    for (const code of ['0x87', '0x8c']) assert.ok(recorder.counts[code]! > 0, code);
  });
  test('the spans are the operations', () => recorder.sameAs(tap));
  test('they take as long', (t) => recorder.timedAs(t, tap));
  test('the metrics count what was sent and delivered', () => recorder.messagesAs(tap));
  test('the metrics count them', () => {
    const timed = recorder.operations.filter((o) => o.expected['spantap.outcome'] !== 'one_way');
    const total = (name: string): number => tap.total(name);
    assert.equal(
      total('messaging.client.operation.duration'),
      timed.filter((o) => o.expected.kind === undefined).length,
    );
    assert.equal(total('messaging.process.duration'), timed.filter((o) => o.expected.kind === CONSUMER).length);
    const all = { messaging_system: recorder.operations.length };
    assert.deepEqual(tap.countsBy('traces_service_graph_request_total', 'connection_type'), all);
  });
  test('no secret leaves', () => assert.doesNotMatch(tap.sent, new RegExp(`${SECRET}|${PASSWORD}|"${USER}"`)));
});
