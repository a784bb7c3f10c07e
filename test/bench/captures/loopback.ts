/** The captures that `../read.ts` reads: nginx under wrk in a network namespace of its own, taken by tcpdump; made once. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const FOLDER = join(import.meta.dirname, '../../../bench-data');
const NAMESPACE = `spantap-bench-${process.pid}`;
const MIN_PACKETS = 1_000_000;
/** 32 connections at a time, each of 200 requests, for pages of three sizes and an error. */
const CONNECTIONS = 32;
const SECONDS = 12;
const MAX_ROUNDS = 20;
const TIMES = 4;

const NGINX = `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  keepalive_requests 200;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:80;
    location /small { return 200 '${'s'.repeat(60)}\\n'; }
    location /medium { return 200 '${'m'.repeat(400)}\\n'; }
    location /large { return 200 '${'l'.repeat(1800)}\\n'; }
    location /missing { return 404; }
  }
}
`;

const WRK = `
local paths = { '/small', '/medium', '/small?id=42', '/large', '/medium/7', '/small', '/medium', '/missing' }
local n = 0
request = function()
  n = n + 1
  return wrk.format('GET', paths[n % #paths + 1])
end
`;

export interface Captures {
  readonly short: string;
  readonly shortPackets: number;
  /** The same packets four times, each time later and from other ports. */
  readonly long: string;
  readonly longPackets: number;
}

/** Makes what is not there yet: needs root, nginx, wrk and tcpdump, and a minute or two. */
export async function captures(): Promise<Captures> {
  mkdirSync(FOLDER, { recursive: true });
  const short = join(FOLDER, 'loopback.pcap');
  const long = join(FOLDER, `loopback-x${TIMES}.pcap`);
  if (!existsSync(short)) await record(short);
  const shortPackets = await countPackets(short);
  if (!existsSync(long)) await repeat(short, long);
  return { short, shortPackets, long, longPackets: TIMES * shortPackets };
}

async function record(path: string): Promise<void> {
  const inside = (...command: string[]): string[] => ['netns', 'exec', NAMESPACE, ...command];
  const started: ChildProcess[] = [];
  const start = (...command: string[]): ChildProcess => {
    const child = spawn('ip', inside(...command), { stdio: ['ignore', 'ignore', 'inherit'], cwd: FOLDER });
    started.push(child);
    return child;
  };
  const part = `${path}.part`;
  writeFileSync(join(FOLDER, 'nginx.conf'), NGINX);
  writeFileSync(join(FOLDER, 'load.lua'), WRK);
  execFileSync('ip', ['netns', 'add', NAMESPACE]);
  try {
    execFileSync('ip', ['-n', NAMESPACE, 'link', 'set', 'lo', 'up']);
    start('nginx', '-e', 'stderr', '-p', FOLDER, '-c', join(FOLDER, 'nginx.conf'));
    const dump = start('tcpdump', '-q', '-i', 'lo', '-B', '131072', '-Z', 'root', '-w', part, 'tcp port 80');
    await sleep(2000); // both are listening
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const load = [
        'wrk',
        '-t',
        '1',
        '-c',
        String(CONNECTIONS),
        '-d',
        `${SECONDS}s`,
        '-s',
        'load.lua',
        'http://127.0.0.1',
      ];
      execFileSync('ip', inside(...load), { cwd: FOLDER });
      await sleep(1000);
      if ((await countPackets(part)) >= MIN_PACKETS) break;
    }
    dump.kill('SIGINT');
    await once(dump, 'exit');
    renameSync(part, path);
  } finally {
    for (const child of started) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill();
      await once(child, 'exit');
    }
    execFileSync('ip', ['netns', 'delete', NAMESPACE]);
  }
}

/** Headers of a pcap file and of each record: seconds, microseconds, captured length, length; little-endian as this machine. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** `at`: where the record's header starts in `buf`. */
type EachRecord = (buf: Buffer, at: number) => void;

/** Calls `each` for every whole record, and `after` with every piece of the file whose records were called. */
async function walk(
  path: string,
  each: EachRecord,
  after: (piece: Buffer) => Promise<void> | void = () => {},
): Promise<void> {
  let carry: Buffer = Buffer.alloc(0);
  let at = FILE_HEADER;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const buf = Buffer.concat([carry, chunk as Buffer]);
    while (at + RECORD_HEADER <= buf.length) {
      const end = at + RECORD_HEADER + buf.readUInt32LE(at + 8);
      if (end > buf.length) break;
      each(buf, at);
      at = end;
    }
    const whole = Math.min(at, buf.length);
    await after(buf.subarray(0, whole));
    carry = buf.subarray(whole);
    at -= whole;
  }
}

async function countPackets(path: string): Promise<number> {
  let packets = 0;
  await walk(path, () => {
    packets++;
  });
  return packets;
}

async function repeat(from: string, to: string): Promise<void> {
  let first = 0;
  let last = 0;
  await walk(from, (buf, at) => {
    last = buf.readUInt32LE(at);
    first ||= last;
  });
  const out = createWriteStream(`${to}.part`);
  for (let time = 0; time < TIMES; time++) {
    let skip = time === 0 ? 0 : FILE_HEADER;
    await walk(
      from,
      (buf, at) => {
        buf.writeUInt32LE(buf.readUInt32LE(at) + time * (last - first + 2), at);
        shiftClientPort(buf, at + RECORD_HEADER, time);
      },
      async (piece) => {
        if (!out.write(piece.subarray(skip))) await once(out, 'drain');
        skip = 0;
      },
    );
  }
  out.end();
  await once(out, 'close');
  renameSync(`${to}.part`, to);
}

/** Ethernet (14 bytes), IPv4, TCP; the end that is not port 80 gets another port. */
function shiftClientPort(buf: Buffer, frame: number, time: number): void {
  const tcp = frame + 14 + 4 * (buf[frame + 14]! & 15);
  const at = buf.readUInt16BE(tcp) === 80 ? tcp + 2 : tcp;
  buf.writeUInt16BE(1024 + ((buf.readUInt16BE(at) - 1024 + time * 7001) % 64_000), at);
}
