/** Apache Kafka's own broker and tools, as its release on Maven Central has them, run by the machine's Java. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, start } from '../e2e/program.ts';
import { emptyFolder, freePort, type Server, serverEnvironment, unprivileged } from '../e2e/servers/server.ts';

const VERSION = '4.3.0';

/** The log goes to standard error. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>spantap</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/** Fetching takes well below a minute; a slow line is given ten. */
const FETCH_MS = 600_000;
const START_MS = 120_000;
const TOOL_MS = 120_000;

/** The jars stay for the next run; everybody may read them. */
async function jars(): Promise<string> {
  const cache = process.env.SPANTAP_TEST_CACHE ?? '/var/tmp/spantap-test-cache';
  const folder = join(cache, `kafka-${VERSION}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'fetching-'));
  const project = mkdtempSync(join(tmpdir(), 'spantap-maven-'));
  try {
    writeFileSync(join(project, 'pom.xml'), POM);
    const command = ['mvn', '-q', '-B', COPY, `-DoutputDirectory=${fresh}`, '-DincludeScope=runtime'];
    await must(command, { cwd: project, env: process.env, maxMs: FETCH_MS });
    chmodSync(fresh, 0o755);
    renameSync(fresh, folder);
  } finally {
    rmSync(project, { recursive: true });
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

export interface Broker extends Server {
  /** Runs a class of Kafka's tools to its end; gives what it printed. */
  tool(name: string, ...args: string[]): Promise<string>;
}

/** A broker that is its own controller, with nothing in it. */
export async function startBroker(): Promise<Broker> {
  const classes = `${await jars()}/*`;
  const folder = emptyFolder('kafka');
  const port = await freePort();
  const controller = await freePort();
  const java = (...args: string[]): string[] => {
    const options = ['-Xmx384m', '-XX:TieredStopAtLevel=1', `-Djava.io.tmpdir=${folder}`];
    return unprivileged('java', ...options, '-cp', classes, ...args);
  };
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
  };
  const properties = join(folder, 'server.properties');
  writeFileSync(
    properties,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const o = { env: serverEnvironment(), cwd: folder };
  const cluster = 'AAAAAAAAQACAAAAAAAAAAQ';
  await must(java('kafka.tools.StorageTool', 'format', '-t', cluster, '-c', properties), { ...o, maxMs: START_MS });
  const broker = start(java('kafka.Kafka', properties), o);
  await broker.until(/Kafka Server started/, START_MS);
  return {
    port,
    get log() {
      return broker.out + broker.err;
    },
    async stop() {
      assert.equal(await broker.stop(), 143); // as the JVM says of SIGTERM
    },
    tool: (name, ...args) => must(java(`org.apache.kafka.tools.${name}`, ...args), { ...o, maxMs: TOOL_MS }),
  };
}
