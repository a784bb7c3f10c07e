/** Every capture of links, tunnels, IP and TCP, decoded frame by frame, has the conversations and the tags that tshark finds. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { addressText } from '../../src/bytes/address.ts';
import { Budget } from '../../src/bytes/budget.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import {
  type Packet,
  TAG_GENEVE,
  TAG_GRE_KEY,
  TAG_MPLS,
  TAG_VLAN,
  TAG_VXLAN,
  TCP,
  UDP,
} from '../../src/packet/packet.ts';
import { Counters } from '../../src/self/counters.ts';
import { type Frame, readFrames } from './frames.ts';

interface Conversation {
  proto: string;
  a: string;
  b: string;
  frames: number;
}

interface Expected {
  packets: number;
  conversations: Conversation[];
  tags: Record<string, Record<string, number>>;
}

const root = new URL('../fixtures/', import.meta.url).pathname;

function open(folder: string): { frames: Frame[]; expected: Expected } {
  const input = ['input.pcap', 'input.pcapng', 'input.pcap.gz'].map((n) => `${root}${folder}/${n}`).find(existsSync);
  assert.ok(input, `${folder} has an input`);
  const expected = JSON.parse(readFileSync(`${root}${folder}/expected.json`, 'utf8')) as Expected;
  return { frames: readFrames(input), expected };
}

const key = (proto: string, ends: string[]): string => `${proto} ${ends.sort().join(' ')}`;

const hex = (value: number, digits: number): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;

const TAGS: Record<number, [string, (value: number) => string]> = {
  [TAG_VLAN]: ['vlan.id', String],
  [TAG_MPLS]: ['mpls.label', String],
  [TAG_VXLAN]: ['vxlan.vni', String],
  [TAG_GENEVE]: ['geneve.vni', (v) => hex(v, 6)],
  [TAG_GRE_KEY]: ['gre.key', (v) => hex(v, 8)],
};

/** The tags of one frame, those of a kind joined by commas. */
function tagsOf(p: Packet): Map<string, string> {
  const out = new Map<string, string>();
  for (let i = 0; i < p.tagCount; i++) {
    const known = TAGS[p.tags[2 * i]!];
    if (known === undefined) continue; // ERSPAN sessions and GTP endpoints are not in the expectations
    const [name, text] = known;
    const value = text(p.tags[2 * i + 1]!);
    out.set(name, out.has(name) ? `${out.get(name)},${value}` : value);
  }
  return out;
}

/** Where the decoder means to differ from tshark. */
const OTHERWISE: Record<string, { why: string; conversations: Record<string, number> }> = {
  'zk-fragmented-1': {
    // Frame 1 is a fragment at offset 0 with more to come and 18 bytes, no multiple of 8; frame 2 the last one with bytes 48 to 164;
    // frame 3 again at offset 0 with more to come, but 304 bytes: past the end and over frame 2. tshark puts 2 and 3 together.
    why: 'fragments that overlap and contradict each other are refused',
    conversations: { 'ip 164.1.123.163 164.1.123.61': 3 },
  },
};

function decodeAll(frames: Frame[]) {
  const decoder = new PacketDecoder({ budget: new Budget(1 << 26), counters: new Counters() });
  const { packet: p, counters } = decoder;
  const conversations: Record<string, number> = {};
  const tags: Record<string, Record<string, number>> = {};
  for (const f of frames) {
    const arp = counters.arp;
    const icmp = counters.icmp;
    const segment = decoder.decode(f.bytes, 0, f.bytes.length, f.wireLength, f.timeNs, f.link);
    for (const [name, value] of tagsOf(p)) {
      tags[name] ??= {};
      tags[name][value] = (tags[name][value] ?? 0) + 1;
    }
    const src = p.ipVersion === 0 ? '' : addressText(p.ipVersion, p.src0, p.src1, p.src2, p.src3);
    const dst = p.ipVersion === 0 ? '' : addressText(p.ipVersion, p.dst0, p.dst1, p.dst2, p.dst3);
    let proto = p.ipVersion === 6 ? 'ipv6' : 'ip';
    let ends = [src, dst];
    if (segment) {
      assert.ok(p.protocol === TCP || p.protocol === UDP);
      assert.ok(
        p.payload <= p.payloadEnd && p.payloadEnd - p.payload <= p.payloadLength && p.payloadEnd <= p.buf.length,
      );
      proto = p.protocol === TCP ? 'tcp' : 'udp';
      ends = [`${src}:${p.srcPort}`, `${dst}:${p.dstPort}`];
    } else if (counters.arp > arp) proto = 'arp';
    else if (counters.icmp > icmp) proto = p.protocol === 1 ? 'icmp' : 'icmpv6';
    else if (p.ipVersion === 0) continue;
    const k = key(proto, ends);
    conversations[k] = (conversations[k] ?? 0) + 1;
  }
  return { conversations, tags };
}

for (const room of ['link', 'tunnel', 'ip', 'tcp']) {
  describe(room, () => {
    for (const name of readdirSync(root + room)) {
      test(name, () => {
        const { frames, expected } = open(`${room}/${name}`);
        assert.equal(frames.length, expected.packets);
        const got = decodeAll(frames);
        const want: Record<string, number> = {};
        for (const c of expected.conversations) want[key(c.proto, [c.a, c.b])] = c.frames;
        assert.deepEqual(got.conversations, OTHERWISE[name]?.conversations ?? want, OTHERWISE[name]?.why);
        assert.deepEqual(got.tags, expected.tags);
      });
    }
  });
}
