/** The captures that `../databases.ts` reads; each is made once, into `bench-data/`. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, readFrames } from '../../packet/frames.ts';

const FOLDER = join(import.meta.dirname, '../../../bench-data');
const FIXTURES = join(import.meta.dirname, '../../fixtures');
/** What is recorded, and how long the capture is made of it: long enough for the start of a program not to matter. */
const RECORDED = 200_000;
const PACKETS = 600_000;
const MONGODB_PORT = 27017;

export interface Capture {
  readonly path: string;
  /** The server's. */
  readonly port: number;
  readonly packets: number;
}

/** What a real server and its clients said, or, where no server can be had, recorded conversations; again and again. */
export async function capture(protocol: string): Promise<Capture> {
  mkdirSync(FOLDER, { recursive: true });
  const made = find(`${protocol}.`);
  if (made !== null) return made;
  const { path, port } = protocol === 'mongodb' ? { path: null, port: MONGODB_PORT } : recorded(protocol);
  const conversations = (path === null ? fixtures(protocol) : [path]).map((file) =>
    readFrames(file).filter((f) => isSegment(f, port)),
  );
  const file = join(FOLDER, `${protocol}.${port}.pcap`);
  await repeat(conversations, port, file);
  if (path !== null) rmSync(path);
  return { path: file, port, packets: PACKETS };
}

/** The file of that name: the port stands in it. */
function find(start: string): Capture | null {
  for (const name of readdirSync(FOLDER)) {
    const port = /^(\d+)\.pcap$/.exec(name.slice(start.length))?.[1];
    if (name.startsWith(start) && port !== undefined)
      return { path: join(FOLDER, name), port: Number(port), packets: PACKETS };
  }
  return null;
}

function recorded(protocol: string): Capture {
  const start = `recorded-${protocol}.`;
  const there = find(start);
  if (there !== null) return there;
  const record = [join(import.meta.dirname, 'record.ts'), protocol, join(FOLDER, `${start}%.pcap`), String(RECORDED)];
  const { status } = spawnSync(process.execPath, record, { stdio: ['ignore', 'ignore', 'inherit'] });
  const made = find(start);
  if (status !== 0 || made === null) throw new Error(`no capture of ${protocol}`);
  return made;
}

function fixtures(protocol: string): string[] {
  const folder = join(FIXTURES, protocol);
  return readdirSync(folder)
    .flatMap((name) => readdirSync(join(folder, name)).map((input) => join(folder, name, input)))
    .filter((path) => /input\.pcap(ng)?(\.gz)?$/.test(path));
}

const ETHERNET = 1;
const TCP = 6;
const UDP = 17;
/** Ports stand first in the headers of TCP and UDP, behind Ethernet (14 bytes) and IPv4. */
const portsAt = (b: Buffer): number => 14 + 4 * (b[14]! & 15);

/** A segment or datagram over IPv4 and Ethernet, from or to the server. */
function isSegment({ bytes: b, link }: Frame, port: number): boolean {
  if (link !== ETHERNET || b.length < 42 || b.readUInt16BE(12) !== 0x0800) return false;
  if (b[23] !== TCP && b[23] !== UDP) return false;
  const at = portsAt(b);
  return b.readUInt16BE(at) === port || b.readUInt16BE(at + 2) === port;
}

/** All conversations one behind the other, and again, each time from other ports. */
async function repeat(conversations: readonly Frame[][], port: number, file: string): Promise<void> {
  if (!conversations.some((frames) => frames.length > 0)) throw new Error(`nothing to make ${file} of`);
  const part = `${file}.part`;
  const out = createWriteStream(part);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b23c4d, 0); // with nanoseconds
  header.writeUInt32LE(0x0004_0002, 4); // version 2.4
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(ETHERNET, 20);
  out.write(header);
  let baseNs = 0;
  for (let written = 0, time = 0; written < PACKETS; time++) {
    for (const frames of conversations) {
      let lastNs = 0;
      for (const f of frames.slice(0, PACKETS - written)) {
        lastNs = f.timeNs - frames[0]!.timeNs;
        if (!out.write(record(f, baseNs + lastNs, time, port))) await once(out, 'drain');
        written++;
      }
      baseNs += lastNs + 1e9;
    }
  }
  out.end();
  await once(out, 'close');
  renameSync(part, file);
}

/** In seconds since the epoch; 2^53 ns are 104 days, less than since then. */
const BASE_SECONDS = 1_700_000_000;

/** A packet record: seconds, nanoseconds, captured length, length; the client's port moved on. */
function record(f: Frame, ns: number, time: number, port: number): Buffer {
  const b = Buffer.alloc(16 + f.bytes.length);
  b.writeUInt32LE(BASE_SECONDS + Math.floor(ns / 1e9), 0);
  b.writeUInt32LE(ns % 1e9, 4);
  b.writeUInt32LE(f.bytes.length, 8);
  b.writeUInt32LE(f.wireLength, 12);
  f.bytes.copy(b, 16);
  const ports = 16 + portsAt(f.bytes);
  const at = b.readUInt16BE(ports) === port ? ports + 2 : ports;
  b.writeUInt16BE(1024 + ((b.readUInt16BE(at) - 1024 + time * 7001) % 64_000), at);
  return b;
}
