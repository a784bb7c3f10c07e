/**
 * Records what the `mongodb` driver does with a server as a fixture, run by hand: `node test/e2e/record-mongodb.ts URL FOLDER`. What
 * is in it is told by the driver's command monitoring; frames and times by tshark, which finds the request ids.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Command, Observed, work } from './mongodb-workload.ts';
import { must, start } from './program.ts';

const [url, folder] = process.argv.slice(2) as [string, string];
const port = new URL(url).port;

/** A message as tshark sees it: its first and its last frame. */
interface Message {
  readonly frame: number;
  readonly lastFrame: number;
  readonly client: string;
  readonly server: string;
  readonly id: string;
  readonly answers: string;
  /** Name of the first field. */
  readonly first: string;
  /** Nobody is to answer it (moreToCome). Some servers do. */
  readonly last: boolean;
}

async function messagesIn(pcap: string): Promise<{ messages: Message[]; times: Map<number, string> }> {
  const fields = ['frame.number', 'frame.time_epoch', 'ip.src', 'tcp.srcport', 'ip.dst', 'tcp.dstport', 'tcp.segment'];
  const named = ['mongo.request_id', 'mongo.response_to', 'mongo.element.name', 'mongo.msg.flags.moretocome'];
  const all = [...fields, ...named].flatMap((f) => ['-e', f]);
  const text = await must(['tshark', '-n', '-r', pcap, '-d', `tcp.port==${port},mongo`, '-T', 'fields', ...all]);
  const times = new Map<number, string>();
  const messages: Message[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const [frame, time, from, fromPort, to, toPort, segments, ids, answers, names, more] = line.split('\t') as string[];
    times.set(Number(frame), time!);
    if (!ids) continue;
    const ends = [`${from}:${fromPort}`, `${to}:${toPort}`];
    const [client, server] = toPort === port ? ends : ends.reverse();
    ids.split(',').forEach((id, i) => {
      const first = i === 0 && segments ? Number(segments.split(',')[0]) : Number(frame);
      const whole = { frame: first, lastFrame: Number(frame), client: client!, server: server! };
      messages.push({
        ...whole,
        id: String(Number(id)),
        answers: String(Number(answers!.split(',')[i])),
        first: names!.split(',')[0]!,
        last: more === '1',
      });
    });
  }
  return { messages, times };
}

const nanoseconds = (epoch: string): bigint => BigInt(epoch.replace('.', ''));

function row(c: Command, messages: readonly Message[], times: ReadonlyMap<number, string>): object {
  const id = String(c.requestId);
  const request = messages.find((m) => m.id === id && m.answers === '0')!;
  const operation = c.collection === '' ? c.name : `${c.name} ${c.collection}`;
  return {
    ...exchange(request, messages, times, operation, c.status),
    db: c.database,
    ...(c.writeError === '' ? {} : { write_error: c.writeError }),
  };
}

function exchange(
  request: Message,
  messages: readonly Message[],
  times: ReadonlyMap<number, string>,
  operation: string,
  status: string,
): { request_frame: number; request_id: string } {
  const response = request.last
    ? undefined
    : messages.find((m) => m.answers === request.id && m.client === request.client);
  const startTime = times.get(request.frame)!;
  const common = {
    protocol: 'mongodb',
    client: request.client,
    server: request.server,
    request_frame: request.frame,
    start: startTime,
    operation,
    request_id: request.id,
  };
  if (response === undefined) {
    return { ...common, duration_ms: null, status: null, error: null, no_response_expected: true } as typeof common;
  }
  return {
    ...common,
    response_frame: response.frame,
    response_end_frame: response.lastFrame,
    duration_ms: Number(nanoseconds(times.get(response.frame)!) - nanoseconds(startTime)) / 1e6,
    status,
    error: status !== 'ok',
  } as typeof common;
}

mkdirSync(folder, { recursive: true });
const pcap = join(folder, 'input.pcap');
const dump = start([
  'tcpdump',
  '-i',
  'lo',
  '--time-stamp-precision=nano',
  '-Z',
  'root',
  '-w',
  pcap,
  `tcp port ${port}`,
]);
await dump.until(/listening on/);
const clients = [new Observed(url), new Observed(url, { appName: 'second' })];
await Promise.all(clients.map((o, i) => work(o, `products${i}`)));
await sleep(1500); // tcpdump takes up what the kernel has gathered once a second
await dump.stop('SIGINT');
const { messages, times } = await messagesIn(pcap);
const reported = clients.flatMap((o) => o.commands);
const known = new Set(reported.map((c) => String(c.requestId)));
// Greetings and heartbeats are not reported; they went well, or there would be nothing else.
const greetings = messages
  .filter((m) => m.answers === '0' && !known.has(m.id))
  .map((m) => exchange(m, messages, times, m.first, 'ok'));
const transactions = [
  ...(reported.map((c) => row(c, messages, times)) as { request_frame: number }[]),
  ...greetings,
].sort((a, b) => a.request_frame - b.request_frame);
writeFileSync(join(folder, 'expected.json'), `${JSON.stringify({ packets: times.size, transactions }, null, 1)}\n`);
writeFileSync(`${pcap}.gz`, gzipSync(readFileSync(pcap), { level: 9 }));
rmSync(pcap);
