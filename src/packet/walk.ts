import type { MalformedCounter, PacketCounters } from './counters.ts';
import type { FragmentTable } from './fragments.ts';
import { MAX_TAGS, Packet } from './packet.ts';

/**
 * What the next header is. Each layer takes the walk, moves `pos` behind its own header and returns one of these.
 * The frame has come to its end with the first two.
 */
export const DROP = 0;
export const SEGMENT = 1;
export const ETHERNET = 2;
export const LLC = 3;
export const PPP = 4;
export const MPLS = 5;
/** IPv4 or IPv6, as the first nibble says. */
export const IP = 6;
export const IP4 = 7;
export const IP6 = 8;
/** What `packet.protocol` says. */
export const UPPER = 9;
export const GRE = 10;

export type Layer =
  | typeof DROP
  | typeof SEGMENT
  | typeof ETHERNET
  | typeof LLC
  | typeof PPP
  | typeof MPLS
  | typeof IP
  | typeof IP4
  | typeof IP6
  | typeof UPPER
  | typeof GRE;

/**
 * Tunnels and reassemblies followed inwards. Real stacks have two or three (Geneve in a GRE mirror on a tunnelled path);
 * every one costs at least 20 bytes of header, so that an unbounded 64 KiB frame would allow for 3,000.
 */
export const MAX_DEPTH = 8;

/** Where the decoder stands in the frame in hand. Header bytes may be read from `[pos, end)` and nowhere else. */
export class Walk {
  readonly packet = new Packet();
  readonly counters: PacketCounters;
  readonly fragments: FragmentTable;
  buf: Buffer;
  /** Looks at the same bytes as `buf`; its reads are the faster ones (test/bench/packet-decode.ts). */
  view: DataView;
  pos = 0;
  /** End of the captured bytes of the current layer. */
  end = 0;
  /** Where the current layer ended on the wire; behind `end` when the capture cut it. */
  wireEnd = 0;
  depth = 0;

  constructor(counters: PacketCounters, fragments: FragmentTable) {
    this.counters = counters;
    this.fragments = fragments;
    this.buf = this.packet.buf;
    this.view = new DataView(this.buf.buffer, this.buf.byteOffset, this.buf.length);
  }
}

/** The rest of a header is not there: cut by the snaplen, or the frame is too small for what it claims to hold. */
export function short(w: Walk, layer: MalformedCounter): typeof DROP {
  if (w.end < w.wireEnd) w.counters.truncated++;
  else w.counters[layer]++;
  return DROP;
}

/** A header contradicts itself or its specification. */
export function malformed(w: Walk, layer: MalformedCounter): typeof DROP {
  w.counters[layer]++;
  return DROP;
}

/** Moves over `bytes` of header to `layer`. */
export function skip(w: Walk, bytes: number, layer: Layer): Layer {
  if (w.pos + bytes > w.end) return short(w, 'malformedLink');
  w.pos += bytes;
  return layer;
}

/** Goes one tunnel deeper, to the header at `pos`. */
export function inward(w: Walk, pos: number, layer: Layer): Layer {
  if (++w.depth > MAX_DEPTH) {
    w.counters.depthExceeded++;
    return DROP;
  }
  w.pos = pos;
  return layer;
}

/** Believes a length field of an outer header as far as it shortens the frame (padding, trailers, checksums behind it). */
export function shorten(w: Walk, wireEnd: number): void {
  if (wireEnd < w.wireEnd) w.wireEnd = wireEnd;
  if (wireEnd < w.end) w.end = wireEnd;
}

export function tag(w: Walk, kind: number, value: number): void {
  const p = w.packet;
  const n = p.tagCount;
  if (n >= MAX_TAGS) {
    w.counters.tagsDropped++;
    return;
  }
  p.tags[2 * n] = kind;
  p.tags[2 * n + 1] = value;
  p.tagCount = n + 1;
}
