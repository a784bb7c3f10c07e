/** Recorded connections of Kafka, made long: what was said on each is said again and again, with numbers that go on. */
import assert from 'node:assert/strict';
import type { Frame } from '../../packet/frames.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;

/** Where the TCP header begins, behind Ethernet (14 bytes) and IPv4. */
const tcpAt = (b: Buffer): number => 14 + 4 * (b[14]! & 15);
/** Behind the TCP header, and behind the payload. */
const payloadAt = (b: Buffer): number => tcpAt(b) + 4 * (b[tcpAt(b) + 12]! >> 4);
const payloadEnd = (b: Buffer): number => 14 + b.readUInt16BE(16);

/** One direction of a connection. */
class Side {
  /** Bytes that it says each time. */
  bytes = 0;
  /** Of the message that is being said: bytes still to come, and the first ones of one whose size is not known yet. */
  #left = 0;

  /** Indexes of the correlation ids in the payload `b[from, to)`: `behind` bytes behind each message's size. */
  ids(b: Buffer, from: number, to: number, behind: number): number[] {
    this.bytes += to - from;
    const found: number[] = [];
    let at = from + this.#left;
    for (; at < to; at += 4 + b.readInt32BE(at)) {
      assert.ok(at + 4 + behind + 4 <= to, 'the head of a message is in one segment');
      found.push(at + 4 + behind);
    }
    this.#left = at - to;
    return found;
  }
}

interface Part {
  readonly frame: Frame;
  /** Who sends it, and who receives it. */
  readonly from: Side;
  readonly to: Side;
  readonly ids: readonly number[];
  readonly opens: boolean;
}

/** What is written for each packet: its bytes, the packet that they are made of, and its time from the first one on. */
export type WritePacket = (bytes: Buffer, frame: Frame, ns: number) => Promise<void>;

/** The packets of a talk with the server's `port` that can be said again and again on the same connections. */
export class LongTalk {
  readonly #parts: Part[] = [];
  #lastId = 0;
  #times = 0;

  constructor(frames: readonly Frame[], port: number) {
    const sides = new Map<string, [Side, Side]>();
    const over = new Set<string>();
    for (const frame of frames) {
      const { bytes: b } = frame;
      const at = tcpAt(b);
      const asks = b.readUInt16BE(at + 2) === port;
      const client = String(b.readUInt16BE(asks ? at : at + 2));
      const flags = b[at + 13]!;
      if ((flags & (FIN | RST)) !== 0) over.add(client);
      if (over.has(client)) continue;
      const pair = sides.get(client) ?? [new Side(), new Side()];
      sides.set(client, pair);
      const [from, to] = asks ? pair : [pair[1], pair[0]];
      // a request has API key and version in front of its id
      const ids = from.ids(b, payloadAt(b), payloadEnd(b), asks ? 4 : 0);
      for (const id of ids) this.#lastId = Math.max(this.#lastId, b.readInt32BE(id));
      this.#parts.push({ frame, from, to, ids, opens: (flags & SYN) !== 0 });
    }
  }

  /** How long it takes to say it once. */
  get ns(): number {
    return this.#parts.at(-1)!.frame.timeNs - this.#parts[0]!.frame.timeNs;
  }

  /** Says it once more, in at most so many packets; gives their number. */
  async say(most: number, write: WritePacket): Promise<number> {
    const time = this.#times++;
    const startNs = this.#parts[0]!.frame.timeNs;
    let written = 0;
    for (const { frame, from, to, ids, opens } of this.#parts) {
      if (written === most) break;
      if (opens && time > 0) continue;
      const b = Buffer.from(frame.bytes);
      const at = tcpAt(b);
      const moved = (number: number, bytes: number): number => (number + time * bytes) >>> 0;
      b.writeUInt32BE(moved(b.readUInt32BE(at + 4), from.bytes), at + 4);
      b.writeUInt32BE(moved(b.readUInt32BE(at + 8), to.bytes), at + 8);
      for (const id of ids) b.writeInt32BE(b.readInt32BE(id) + time * (this.#lastId + 1), id);
      await write(b, frame, frame.timeNs - startNs);
      written++;
    }
    return written;
  }
}
