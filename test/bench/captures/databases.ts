/** The captures that `../databases.ts` reads; each is made once, into `bench-data/`. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, renameSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { type Frame, readFrames } from '../../packet/frames.ts';
import { LongTalk } from './long.ts';

const FOLDER = join(import.meta.dirname, '../../../bench-data');
const FIXTURES = join(import.meta.dirname, '../../fixtures');
/** What is recorded, and how long the capture is made of it: long enough for the start of a program not to matter. */
const RECORDED = 200_000;
const PACKETS = 600_000;
/** Ten streams at once: a segment holds up to ten responses. */
const HTTP2_PACKETS = 100_000;
const packetsOf = (protocol: string): number => (protocol === 'http2' ? HTTP2_PACKETS : PACKETS);
/** Of those whose fixtures stand for a server: its port, and which of the fixtures. */
const REPLAYED: Readonly<Record<string, Replayed>> = {
  mongodb: { port: 27017, folder: 'mongodb', names: /./, long: false },
  // clients keep their connections
  kafka: { port: 9092, folder: 'kafka', names: /^(kafkajs|tools)-/, long: true },
  // of two to nine packets: what connections cost is most of what is measured
  'kafka-short': { port: 9092, folder: 'kafka', names: /^df-/, long: false },
};

interface Replayed {
  readonly port: number;
  readonly folder: string;
  readonly names: RegExp;
  /** Each connection goes on saying what it said. */
  readonly long: boolean;
}

export interface Capture {
  readonly path: string;
  /** The server's. */
  readonly port: number;
  readonly packets: number;
}

/** What a real server and its clients said, or, where no server can be had, recorded conversations; again and again. */
export async function capture(protocol: string): Promise<Capture> {
  mkdirSync(FOLDER, { recursive: true });
  const packets = packetsOf(protocol);
  const made = find(`${protocol}.`, packets);
  if (made !== null) return made;
  const replayed = REPLAYED[protocol];
  const { path, port } = replayed === undefined ? recorded(protocol) : { path: null, port: replayed.port };
  const talks = replayed === undefined ? [talkIn(path!, port)] : fixtures(replayed).map((file) => talkIn(file));
  const file = join(FOLDER, `${protocol}.${port}.pcap`);
  await (replayed?.long === true ? repeatLong(talks, port, file, packets) : repeat(talks, port, file, packets));
  if (path !== null) rmSync(path);
  return { path: file, port, packets };
}

/** The file of that name: the port stands in it. */
function find(start: string, packets: number): Capture | null {
  for (const name of readdirSync(FOLDER)) {
    const port = /^(\d+)\.pcap$/.exec(name.slice(start.length))?.[1];
    if (name.startsWith(start) && port !== undefined) return { path: join(FOLDER, name), port: Number(port), packets };
  }
  return null;
}

function recorded(protocol: string): Capture {
  const start = `recorded-${protocol}.`;
  const packets = Math.min(RECORDED, packetsOf(protocol));
  const there = find(start, packets);
  if (there !== null) return there;
  const record = [join(import.meta.dirname, 'record.ts'), protocol, join(FOLDER, `${start}%.pcap`), String(packets)];
  const { status } = spawnSync(process.execPath, record, { stdio: ['ignore', 'ignore', 'inherit'] });
  const made = find(start, packets);
  if (status !== 0 || made === null) throw new Error(`no capture of ${protocol}`);
  return made;
}

function fixtures({ folder: name, names }: Replayed): string[] {
  const folder = join(FIXTURES, name);
  return readdirSync(folder)
    .filter((fixture) => names.test(fixture))
    .flatMap((name) => readdirSync(join(folder, name)).map((input) => join(folder, name, input)))
    .filter((path) => /input\.pcap(ng)?(\.gz)?$/.test(path));
}

const ETHERNET = 1;
const TCP = 6;
const UDP = 17;
/** Ports stand first in the headers of TCP and UDP, behind Ethernet (14 bytes) and IPv4. */
const portsAt = (b: Buffer): number => 14 + 4 * (b[14]! & 15);

interface Talk {
  readonly frames: readonly Frame[];
  /** The server's. */
  readonly port: number;
}

/** Segments or datagrams over IPv4 and Ethernet, from or to the server: to it goes the first one. */
function talkIn(file: string, port?: number): Talk {
  const all = readFrames(file).filter(
    ({ bytes: b, link }) =>
      link === ETHERNET && b.length >= 42 && b.readUInt16BE(12) === 0x0800 && (b[23] === TCP || b[23] === UDP),
  );
  if (all.length === 0) throw new Error(`${file}: nothing to repeat`);
  const server = port ?? destination(all[0]!.bytes);
  return { frames: all.filter((f) => source(f.bytes) === server || destination(f.bytes) === server), port: server };
}

const source = (b: Buffer): number => b.readUInt16BE(portsAt(b));
const destination = (b: Buffer): number => b.readUInt16BE(portsAt(b) + 2);

/** All talks one behind the other, and again, each time from other ports, and all to the same one. */
async function repeat(talks: readonly Talk[], port: number, file: string, packets: number): Promise<void> {
  const out = new PcapFile(file);
  let baseNs = 0;
  for (let written = 0, time = 0; written < packets; time++) {
    for (const { frames, port: from } of talks) {
      let lastNs = 0;
      for (const f of frames.slice(0, packets - written)) {
        lastNs = f.timeNs - frames[0]!.timeNs;
        await out.write(Buffer.from(f.bytes), f, baseNs + lastNs, time, from, port);
        written++;
      }
      baseNs += lastNs + 1e9;
    }
  }
  await out.close();
}

/** All talks one behind the other, and again, each time on the same connections. */
async function repeatLong(talks: readonly Talk[], port: number, file: string, packets: number): Promise<void> {
  const out = new PcapFile(file);
  const long = talks.map(({ frames, port: from }) => ({ talk: new LongTalk(frames, from), from }));
  let baseNs = 0;
  for (let written = 0; written < packets; ) {
    for (const [i, { talk, from }] of long.entries()) {
      written += await talk.say(packets - written, (bytes, f, ns) => out.write(bytes, f, baseNs + ns, i, from, port));
      baseNs += talk.ns + 1e6;
    }
  }
  await out.close();
}

class PcapFile {
  readonly #path: string;
  readonly #out: WriteStream;

  constructor(path: string) {
    this.#path = path;
    this.#out = createWriteStream(`${path}.part`);
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b23c4d, 0); // with nanoseconds
    header.writeUInt32LE(0x0004_0002, 4); // version 2.4
    header.writeUInt32LE(262_144, 16);
    header.writeUInt32LE(ETHERNET, 20);
    this.#out.write(header);
  }

  /** The packet `b`, made of `f`: seconds, nanoseconds, captured length, length; the client's port moved on, the server's set. */
  async write(b: Buffer, f: Frame, ns: number, time: number, from: number, to: number): Promise<void> {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(BASE_SECONDS + Math.floor(ns / 1e9), 0);
    head.writeUInt32LE(ns % 1e9, 4);
    head.writeUInt32LE(b.length, 8);
    head.writeUInt32LE(f.wireLength, 12);
    const at = portsAt(b);
    const [server, client] = source(b) === from ? [at, at + 2] : [at + 2, at];
    b.writeUInt16BE(to, server);
    b.writeUInt16BE(1024 + ((b.readUInt16BE(client) - 1024 + time * 7001) % 64_000), client);
    this.#out.write(head);
    if (!this.#out.write(b)) await once(this.#out, 'drain');
  }

  async close(): Promise<void> {
    this.#out.end();
    await once(this.#out, 'close');
    renameSync(`${this.#path}.part`, this.#path);
  }
}

/** In seconds since the epoch; 2^53 ns are 104 days, less than since then. */
const BASE_SECONDS = 1_700_000_000;
