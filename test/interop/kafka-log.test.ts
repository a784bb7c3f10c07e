/**
 * Everything that kafkajs and Kafka's own tools can ask for, in a capture: what spantap reads out of it is, request for request, what
 * the broker has logged: APIs, versions, error codes, topics (also where they go by their ids), groups and clients.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareAttributes } from '../e2e/kafka-attributes.ts';
import { lacking, start } from '../e2e/program.ts';
import { emptyFolder } from '../e2e/servers/server.ts';
import { compare, exchangesIn, type Line } from '../e2e/transactions.ts';
import { type Broker, PASSWORD, startBroker } from './kafka-broker.ts';
import { type Row, rowsIn } from './kafka-log.ts';
import { administrators, shop, traders } from './kafka-workload.ts';

const SENDS = 40;
const RECORDS = 2000;

/** Of the last clients, and of the controller, whose requests were under way when the capture began or ended. */
const isWhole = (r: Row): boolean => r.response_frame !== null || r.no_response_expected === true;

describe("kafka: the broker's log", { skip: lacking('java', 'mvn', 'setpriv', 'tcpdump', 'tshark') }, () => {
  let broker: Broker;
  let rows: Row[] = [];
  let found: Line[] = [];

  before(async () => {
    broker = await startBroker();
    const ports = [broker.port, broker.saslPort, broker.controllerPort];
    const pcap = join(emptyFolder('kafka-capture'), 'capture.pcap');
    const options = ['-i', 'lo', '-B', '65536', '--time-stamp-precision=nano', '-Z', 'root', '-w', pcap];
    const dump = start(['tcpdump', ...options, ports.map((port) => `tcp port ${port}`).join(' or ')]);
    await dump.until(/listening on/);
    await shop(broker, SENDS);
    await traders(broker, RECORDS);
    await administrators(broker);
    await sleep(1500); // tcpdump takes up what the kernel has gathered once a second
    await dump.stop('SIGINT');
    rows = (await rowsIn(pcap, ports, broker.requests)).filter(isWhole);
    const asked = new Set(rows.map((r) => `${r.client} ${r.start}`));
    found = (await exchangesIn(pcap)).filter((l) => asked.has(`${l.client} ${l.start}`));
  });
  after(() => broker?.stop());

  test('APIs, times and error codes', () => compare(found, rows));
  test('versions, clients, topics, groups', () => compareAttributes(found, rows));

  test('it was a good deal', () => {
    const of = (operation: string, status: string): number =>
      rows.filter((r) => r.operation === operation && r.status === status).length;
    assert.ok(new Set(rows.map((r) => r.operation)).size >= 45);
    assert.ok(rows.length > 400, `${rows.length} requests`);
    for (const api of [
      'ShareFetch',
      'ConsumerGroupHeartbeat',
      'TxnOffsetCommit',
      'BrokerHeartbeat',
      'SaslAuthenticate',
    ])
      assert.ok(of(api, '0') > 0, api);
    assert.equal(of('Produce', '10'), 1);
    assert.ok(of('CreateTopics', '36') > 0);
  });

  test('no secret is in the report', () => assert.doesNotMatch(JSON.stringify(found), new RegExp(PASSWORD)));
});
