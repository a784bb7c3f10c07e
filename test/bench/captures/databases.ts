/** The captures that `../databases.ts` reads; each is made once, into `bench-data/`. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, readFrames } from '../../packet/frames.ts';

const FOLDER = join(import.meta.dirname, '../../../bench-data');
const FIXTURES = join(import.meta.dirname, '../../fixtures');
const PACKETS = 200_000;

export interface Capture {
  readonly path: string;
  /** The server's. */
  readonly port: number;
  readonly packets: number;
}

/** What a real server and its clients said, or, where no server can be had, recorded conversations again and again. */
export async function capture(protocol: string): Promise<Capture> {
  mkdirSync(FOLDER, { recursive: true });
  if (find(protocol) === undefined) {
    const file = join(FOLDER, `${protocol}.%.pcap`);
    if (protocol === 'mongodb') await repeat(file);
    else {
      const record = join(import.meta.dirname, 'record.ts');
      const { status } = spawnSync(process.execPath, [record, protocol, file, String(PACKETS)], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      if (status !== 0) throw new Error(`no capture of ${protocol}`);
    }
  }
  return find(protocol)!;
}

/** The port stands in the file's name. */
function find(protocol: string): Capture | undefined {
  for (const name of readdirSync(FOLDER)) {
    const port = new RegExp(`^${protocol}\\.(\\d+)\\.pcap$`).exec(name)?.[1];
    if (port !== undefined) return { path: join(FOLDER, name), port: Number(port), packets: PACKETS };
  }
  return undefined;
}

const MONGODB_PORT = 27017;
const ETHERNET = 1;

/** The fixtures' TCP segments over IPv4 and Ethernet to and from MongoDB's port, each time later and from other ports. */
async function repeat(file: string): Promise<void> {
  const folder = join(FIXTURES, 'mongodb');
  const frames = (existsSync(folder) ? readdirSync(folder) : [])
    .flatMap((name) => readdirSync(join(folder, name)).map((input) => join(folder, name, input)))
    .filter((path) => /input\.pcap(ng)?(\.gz)?$/.test(path))
    .map((path) => readFrames(path).filter((f) => isSegment(f)));
  const out = createWriteStream(`${file}.part`);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(0x0004_0002, 4); // version 2.4
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(ETHERNET, 20);
  out.write(header);
  let written = 0;
  let baseNs = 1_700_000_000e9;
  for (let time = 0; written < PACKETS; time++) {
    for (const conversation of frames) {
      const firstNs = conversation[0]?.timeNs ?? 0;
      let lastNs = 0;
      for (const f of conversation) {
        if (written === PACKETS) break;
        lastNs = f.timeNs - firstNs;
        if (!out.write(record(f, baseNs + lastNs, time))) await once(out, 'drain');
        written++;
      }
      baseNs += Math.max(0, lastNs) + 1e6;
    }
    if (written === 0) throw new Error('there are no recorded conversations of MongoDB');
  }
  out.end();
  await once(out, 'close');
  renameSync(`${file}.part`, file.replace('%', String(MONGODB_PORT)));
}

/** Ethernet (14 bytes), IPv4 without options of interest, TCP from or to MongoDB. */
const segmentAt = (b: Buffer): number => 14 + 4 * (b[14]! & 15);

function isSegment({ bytes: b, link }: Frame): boolean {
  if (link !== ETHERNET || b.length < 54 || b.readUInt16BE(12) !== 0x0800 || b[23] !== 6) return false;
  const tcp = segmentAt(b);
  return b.readUInt16BE(tcp) === MONGODB_PORT || b.readUInt16BE(tcp + 2) === MONGODB_PORT;
}

/** A packet record: seconds, microseconds, captured length, length; the client's port moved on. */
function record(f: Frame, timeNs: number, time: number): Buffer {
  const b = Buffer.alloc(16 + f.bytes.length);
  b.writeUInt32LE(Math.floor(timeNs / 1e9), 0);
  b.writeUInt32LE(Math.floor((timeNs % 1e9) / 1000), 4);
  b.writeUInt32LE(f.bytes.length, 8);
  b.writeUInt32LE(f.wireLength, 12);
  f.bytes.copy(b, 16);
  const tcp = 16 + segmentAt(f.bytes);
  const at = b.readUInt16BE(tcp) === MONGODB_PORT ? tcp + 2 : tcp;
  b.writeUInt16BE(1024 + ((b.readUInt16BE(at) + time * 7001) % 26_000), at);
  return b;
}
