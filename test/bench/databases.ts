/**
 * `spantap read` against tshark over one capture of each database, of DNS, HTTP/2 and Kafka, and what a packet allocates:
 * `node test/bench/databases.ts [protocol...]` (needs root once, to make the captures, and `make build`).
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { capture } from './captures/databases.ts';
import { HEADING, measure, median, type Run, row } from './measure/programs.ts';

const ROUNDS = 3;
/** tshark's speed over the first packets stands for the rest: a third of them. */
const TSHARK_SHARE = 1 / 3;
const SPANTAP = join(import.meta.dirname, '../../bin/spantap');
const OUTPUT = join(import.meta.dirname, '../../bench-data/output');

/** What tshark calls the protocol, and the fields that come closest to what spantap prints. */
const DISSECTORS: Record<string, { name: string; fields: readonly string[] }> = {
  mysql: { name: 'mysql', fields: ['mysql.command', 'mysql.query', 'mysql.error_code'] },
  postgresql: { name: 'pgsql', fields: ['pgsql.type', 'pgsql.query'] },
  mongodb: { name: 'mongo', fields: ['mongo.opcode', 'mongo.response_to', 'mongo.element.name'] },
  redis: { name: 'resp', fields: ['resp.bulk_string.value', 'resp.error'] },
  memcached: { name: 'memcache', fields: ['memcache.opcode', 'memcache.command', 'memcache.status'] },
  dns: { name: 'dns', fields: ['dns.qry.name', 'dns.flags.rcode', 'dns.time'] },
  http2: { name: 'http2', fields: ['http2.headers.method', 'http2.headers.path', 'http2.headers.status'] },
  kafka: { name: 'kafka', fields: ['kafka.api_key', 'kafka.topic_name', 'kafka.error', 'kafka.correlation_id'] },
};
DISSECTORS['kafka-short'] = DISSECTORS.kafka!;

interface Allocated {
  readonly exchanges: number;
  readonly full: number;
  readonly bare: number;
}

function allocated(path: string): Allocated {
  const young = ['--min-semi-space-size=256', '--max-semi-space-size=256'];
  const script = join(import.meta.dirname, 'measure/allocation.ts');
  return JSON.parse(execFileSync(process.execPath, [...young, script, path], { encoding: 'utf8' })) as Allocated;
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(DISSECTORS);
const said: string[] = [];
console.log(HEADING);
for (const protocol of wanted) {
  const { path, port, packets } = await capture(protocol);
  const { name, fields } = DISSECTORS[protocol]!;
  const tsharkPackets = Math.round(packets * TSHARK_SHARE);
  const report: Run[] = [];
  for (let round = 0; round < ROUNDS; round++) report.push(await measure(OUTPUT, [SPANTAP, 'read', path]));
  const json = await measure(OUTPUT, [SPANTAP, 'read', '--format', 'json', path]);
  const decode = ['-d', `${protocol === 'dns' ? 'udp' : 'tcp'}.port==${port},${name}`];
  const print = ['-Y', name, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  const theirs = await measure(OUTPUT, ['tshark', '-n', '-c', String(tsharkPackets), '-r', path, ...decode, ...print]);
  const ours = median(report);
  row(`${protocol}: spantap read`, packets, ours);
  row(`${protocol}: same, as JSON`, packets, json);
  row(`${protocol}: tshark -Y ${name}`, tsharkPackets, theirs);
  const { exchanges, full, bare } = allocated(path);
  // other programs on the machine take time from all of them, but not the same share
  const times = (of: Run, key: 'seconds' | 'cpuSeconds'): string =>
    (theirs[key] / tsharkPackets / (of[key] / packets)).toFixed(1);
  said.push(
    `${protocol}: ${times(ours, 'seconds')} times as fast as tshark (to be: 10), by CPU time ${times(ours, 'cpuSeconds')}; ` +
      `${times(json, 'seconds')} and ${times(json, 'cpuSeconds')} when each exchange is printed; ${exchanges} exchanges; ` +
      `bytes allocated per packet: ${full.toFixed(0)} with all detail, ${bare.toFixed(0)} with what metrics need`,
  );
}
console.log(`\n${said.join('\n')}`);
