/** Apache Kafka's own broker and tools, as its release on Maven Central has them, run by the machine's Java. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, start } from '../e2e/program.ts';
import { emptyFolder, freePort, type Server, serverEnvironment, unprivileged } from '../e2e/servers/server.ts';

const VERSION = '4.3.0';

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule';

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

/** The jars stay for the next run, outside the tree. */
async function jars(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'spantap');
  const folder = join(cache, `kafka-${VERSION}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'fetching-'));
  const project = mkdtempSync(join(tmpdir(), 'spantap-maven-'));
  try {
    writeFileSync(join(project, 'pom.xml'), POM);
    const command = ['mvn', '-q', '-B', COPY, `-DoutputDirectory=${fresh}`, '-DincludeScope=runtime'];
    await must(command, { cwd: project, env: process.env, maxMs: FETCH_MS });
    if (!existsSync(folder)) renameSync(fresh, folder); // another test may have been quicker
  } finally {
    rmSync(project, { recursive: true });
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** The cache is its owner's alone, and the broker nobody's: it gets links to the jars, or copies where the folder is on another disk. */
function lend(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    try {
      linkSync(join(from, name), join(to, name));
    } catch {
      copyFileSync(join(from, name), join(to, name));
    }
  }
}

/** A request and its response as the broker's request log has them. */
export interface Logged {
  readonly requestHeader: {
    readonly requestApiKey: number;
    readonly requestApiKeyName: string;
    readonly requestApiVersion: number;
    readonly correlationId: number;
    readonly clientId: string;
  };
  /** Within an envelope, from the broker to the controller. */
  readonly isForwarded: boolean;
  readonly request: object;
  readonly response: object;
  /** `server:port-client:port-number` */
  readonly connection: string;
}

export interface Broker extends Server {
  /** Of the listener where clients have to authenticate themselves: PLAIN, as USER with PASSWORD. */
  readonly saslPort: number;
  /** Where it talks to itself. */
  readonly controllerPort: number;
  /** All requests so far, in the order in which they were answered; those that authenticate are not among them. */
  readonly requests: Logged[];
  /** A file in the broker's folder, for its tools to read. */
  file(name: string, text: string): string;
  /** Runs a class of Kafka's tools to its end; gives what it printed. */
  tool(name: string, ...args: string[]): Promise<string>;
}

export const USER = 'shop';
export const PASSWORD = 'open_sesame';

/** A broker that is its own controller, with nothing in it. */
export async function startBroker(): Promise<Broker> {
  const kept = await jars();
  const folder = emptyFolder('kafka');
  lend(kept, join(folder, 'jars'));
  const classes = join(folder, 'jars', '*');
  const port = await freePort();
  const saslPort = await freePort();
  const controller = await freePort();
  const java = (...args: string[]): string[] => {
    const options = ['-Xmx384m', '-XX:TieredStopAtLevel=1', `-Djava.io.tmpdir=${folder}`];
    return unprivileged('java', ...options, '-cp', classes, ...args);
  };
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${saslPort},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${saslPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN} required user_${USER}="${PASSWORD}";`,
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': `${SCRAM} required;`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.min.isr': 1,
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
  const logged = '-Dorg.slf4j.simpleLogger.log.kafka.request.logger=debug';
  const broker = start(java(logged, 'kafka.Kafka', properties), o);
  await broker.until(/Kafka Server started/, START_MS);
  return {
    port,
    saslPort,
    controllerPort: controller,
    get requests() {
      return [...broker.err.matchAll(/Completed request:(\{.*)/g)].map(([, json]) => JSON.parse(json!) as Logged);
    },
    get log() {
      return broker.out + broker.err;
    },
    async stop() {
      assert.equal(await broker.stop(), 143); // as the JVM says of SIGTERM
    },
    file(name, text) {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
    tool(name, ...args) {
      const whole = name.startsWith('kafka.') ? name : `org.apache.kafka.tools.${name}`;
      return must(java(whole, ...args), { ...o, maxMs: TOOL_MS });
    },
  };
}
