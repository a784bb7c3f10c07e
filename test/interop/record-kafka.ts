/**
 * Records what clients of Kafka do with its broker as a fixture, run by hand: `node test/interop/record-kafka.ts shop|traders FOLDER`.
 * What is in it is told by the broker's request log; frames and times by tshark, which finds the correlation ids.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { must, start } from '../e2e/program.ts';
import { startBroker } from './kafka-broker.ts';
import { rowsIn } from './kafka-log.ts';
import { shop, traders } from './kafka-workload.ts';

const SENDS = 60;
const RECORDS = 60;

const [work, folder] = process.argv.slice(2) as [string, string];
mkdirSync(folder, { recursive: true });
const pcap = join(folder, 'input.pcap');
const broker = await startBroker();
const ports = [broker.port, broker.saslPort];
const filter = ports.map((port) => `tcp port ${port}`).join(' or ');
const dump = start(['tcpdump', '-i', 'lo', '--time-stamp-precision=nano', '-Z', 'root', '-w', pcap, filter]);
await dump.until(/listening on/);
await (work === 'shop' ? shop(broker, SENDS) : traders(broker, RECORDS));
await sleep(1500); // tcpdump takes up what the kernel has gathered once a second
await dump.stop('SIGINT');
const transactions = await rowsIn(pcap, ports, broker.requests);
await broker.stop();
const rows = transactions.map((row) => JSON.stringify(row)).join(',\n  ');
const frames = await must(['tshark', '-n', '-r', pcap, '-T', 'fields', '-e', 'frame.number']);
const packets = frames.trimEnd().split('\n').length;
writeFileSync(join(folder, 'expected.json'), `{\n "packets": ${packets},\n "transactions": [\n  ${rows}\n ]\n}\n`);
writeFileSync(`${pcap}.gz`, gzipSync(readFileSync(pcap), { level: 9 }));
rmSync(pcap);
