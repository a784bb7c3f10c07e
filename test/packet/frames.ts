/**
 * A second, minimal reader of capture files for the tests of this room: classic pcap and pcapng, read whole, undamaged, with
 * microsecond or nanosecond times. It shares no code with the product's reader.
 */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface Frame {
  bytes: Buffer;
  wireLength: number;
  timeNs: number;
  link: number;
}

export function readFrames(path: string): Frame[] {
  let file: Buffer = readFileSync(path);
  if (file.readUInt16BE(0) === 0x1f8b) file = gunzipSync(file);
  return file.readUInt32BE(0) === 0x0a0d0d0a ? readPcapng(file) : readPcap(file);
}

const reader = (file: Buffer, little: boolean) => ({
  u16: (at: number) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at)),
  u32: (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at)),
});

/** Magic (4), version (4), zone (8), snaplen (4), link type (4); then records of seconds, fraction, captured and wire length. */
function readPcap(file: Buffer): Frame[] {
  const little = file[0] === 0xd4 || file[0] === 0x4d;
  const { u32 } = reader(file, little);
  const fractionNs = u32(0) === 0xa1b23c4d ? 1 : 1000;
  const link = u32(20) & 0xffff;
  const frames: Frame[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const captured = u32(at + 8);
    frames.push({
      bytes: file.subarray(at + 16, at + 16 + captured),
      wireLength: u32(at + 12),
      timeNs: (u32(at) % 1e6) * 1e9 + u32(at + 4) * fractionNs,
      link,
    });
    at += 16 + captured;
  }
  return frames;
}

/** Blocks of type (4), length (4), body, length (4); section header 0a0d0d0a, interface 1, packet 6. */
function readPcapng(file: Buffer): Frame[] {
  const frames: Frame[] = [];
  let links: number[] = [];
  let { u16, u32 } = reader(file, true);
  for (let at = 0; at + 12 <= file.length; at += u32(at + 4)) {
    if (file.readUInt32BE(at) === 0x0a0d0d0a) {
      ({ u16, u32 } = reader(file, file[at + 8] === 0x4d));
      links = [];
    } else if (u32(at) === 1) links.push(u16(at + 8));
    else if (u32(at) === 6) {
      const captured = u32(at + 20);
      frames.push({
        bytes: file.subarray(at + 28, at + 28 + captured),
        wireLength: u32(at + 24),
        timeNs: (((u32(at + 12) % 1024) * 2 ** 32 + u32(at + 16)) % 1e15) * 1000,
        link: links[u32(at + 8)]!,
      });
    }
  }
  return frames;
}
