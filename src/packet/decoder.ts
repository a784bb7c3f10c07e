import type { Budget } from '../bytes/budget.ts';
import type { Counters } from '../self/counters.ts';
import { PacketCounters } from './counters.ts';
import { ethernet, llc, mpls, ppp } from './ethernet.ts';
import { FragmentTable } from './fragments.ts';
import { gre } from './gre.ts';
import { ip, ip4, ip6 } from './ip.ts';
import { linkLayer } from './link.ts';
import type { Packet } from './packet.ts';
import { upper } from './transport.ts';
import { DROP, ETHERNET, GRE, IP, IP4, IP6, type Layer, LLC, MPLS, PPP, SEGMENT, UPPER, Walk } from './walk.ts';

export interface PacketDecoderOptions {
  budget: Budget;
  counters: Counters;
  /** Datagrams that may wait for fragments at once. */
  maxDatagrams?: number;
  /** Memory for their bytes. */
  maxFragmentBytes?: number;
}

/** 256 datagrams of 8 KiB (NFS, DNS over UDP, tunnels over an MTU too small) fill half of the 4 MiB, or 64 of the largest all. */
const MAX_DATAGRAMS = 256;
const MAX_FRAGMENT_BYTES = 4 << 20;
/** Snaplens end at 256 KiB and BIG TCP at 512 KiB; a larger length on the wire is a damaged record, and the captured one counts. */
const MAX_WIRE_BYTES = 1 << 20;

/** Decodes one frame after the other into its one `packet`. */
export class PacketDecoder {
  readonly packet: Packet;
  /** `Packet.device` of the frames that follow, unless they say themselves where they were captured. */
  device = 0;
  readonly counters: PacketCounters;
  readonly #walk: Walk;
  /** The buffer of the last frame and the view on it: a source hands over the same one again and again. */
  #buf: Buffer;
  #view: DataView;

  constructor(o: PacketDecoderOptions) {
    this.counters = o.counters.add('packet', new PacketCounters());
    const fragments = new FragmentTable({
      budget: o.budget,
      counters: this.counters,
      maxDatagrams: o.maxDatagrams ?? MAX_DATAGRAMS,
      maxBytes: o.maxFragmentBytes ?? MAX_FRAGMENT_BYTES,
    });
    o.counters.reader((put) => put('packet.fragments_waiting', fragments.waiting, 'gauge'));
    this.#walk = new Walk(this.counters, fragments);
    this.packet = this.#walk.packet;
    this.#buf = this.#walk.buf;
    this.#view = this.#walk.view;
  }

  /**
   * Fills `packet` from the frame whose captured bytes are `buf[start, end)`; `wireLength` is its length on the wire, `timeNs` its
   * capture time since the base second, `link` its LINKTYPE_ number. True if it holds a TCP or UDP segment, whole or cut by the
   * snaplen. False if not, and a counter says why; `packet.ipVersion`, the addresses and `protocol` are then those of the
   * innermost IP header, if there was one.
   *
   * A segment from reassembled fragments lies in a buffer of the decoder that the next call overwrites.
   */
  decode(buf: Buffer, start: number, end: number, wireLength: number, timeNs: number, link: number): boolean {
    const w = this.#walk;
    const p = w.packet;
    if (buf !== this.#buf) {
      this.#buf = buf;
      this.#view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    }
    w.buf = buf;
    w.view = this.#view;
    w.pos = start;
    w.end = end;
    w.wireEnd = wireLength > end - start && wireLength <= MAX_WIRE_BYTES ? start + wireLength : end;
    w.depth = 0;
    p.timeNs = timeNs;
    p.device = this.device;
    p.ipVersion = 0;
    p.tagCount = 0;
    let layer: Layer = linkLayer(w, link);
    // The usual way without the switch, which is a tenth of the time.
    if (layer === ETHERNET) layer = ethernet(w);
    if (layer === IP4) layer = ip4(w);
    if (layer === UPPER) layer = upper(w);
    // Ends because every layer moves `pos` on, or counts in `depth`.
    while (layer > SEGMENT) {
      switch (layer) {
        case ETHERNET:
          layer = ethernet(w);
          break;
        case IP4:
          layer = ip4(w);
          break;
        case UPPER:
          layer = upper(w);
          break;
        case IP6:
          layer = ip6(w);
          break;
        case IP:
          layer = ip(w);
          break;
        case LLC:
          layer = llc(w);
          break;
        case PPP:
          layer = ppp(w);
          break;
        case MPLS:
          layer = mpls(w);
          break;
        case GRE:
          layer = gre(w);
          break;
        default:
          layer = DROP;
      }
    }
    if (layer === SEGMENT) {
      p.buf = w.buf;
      return true;
    }
    p.srcPort = 0;
    p.dstPort = 0;
    return false;
  }
}
