/** Fragments of IPv4 and IPv6 datagrams wait here for the rest of their datagram, within a fixed count and a fixed memory. */

import type { Budget, Owner } from '../bytes/budget.ts';
import type { PacketCounters } from './counters.ts';
import { NO_PAGE, PAGE_BYTES, PAGE_SHIFT, Pages } from './pages.ts';
import { MAX_DEPTH, type Walk } from './walk.ts';

/** A datagram's length fits 16 bits in both IP versions (a jumbogram may not be fragmented, RFC 2675 3). */
const MAX_DATAGRAM_BYTES = 65535;
/** Fragments of one datagram: 65,535 bytes over the smallest usual MTU of 576 make 119. Tinier ones are an attack. */
const MAX_FRAGMENTS = 128;
/** RFC 1122 3.3.2 wants 60 to 120 s, RFC 8200 4.5 60; Linux waits 30 s, and fragments of one datagram are milliseconds apart. */
const LIFETIME_NS = 30e9;

const MAX_PAGES = 32;
/** A whole datagram, rounded up. */
const WHOLE_BYTES = 65536;
/** Ranges (2 x 128 x 4) and page list (32 x 4) of a waiting datagram, its fields and headers rounded up. */
const DATAGRAM_BYTES = 1536;

/** One datagram of which at least one fragment was seen. */
class Datagram {
  used = false;
  /** Given up: it stays, without bytes, so that its later fragments are not taken for a new datagram (RFC 5722 4). */
  refused = false;
  hash = 0;
  ipVersion = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  id = 0;
  /** IPv4 tells datagrams apart by the protocol too (RFC 791 3.2); for IPv6 0 (RFC 8200 4.5). */
  keyProtocol = 0;
  /** Of the VLANs and virtual networks around it, which may use the same addresses. */
  tagsHash = 0;
  /** Order of arrival. */
  serial = 0;
  firstNs = 0.5;
  /** What the fragment at offset 0 carries. */
  protocol = 0;
  /** Known from the last fragment; -1 before. */
  totalBytes = -1;
  receivedBytes = 0;
  /** Where the first cut by the snaplen begins. */
  cutAt = MAX_DATAGRAM_BYTES;
  /** Begin and end of each fragment. */
  readonly ranges = new Uint16Array(2 * MAX_FRAGMENTS);
  rangeCount = 0;
  /** Page of each 2 KiB of the datagram. */
  readonly pages = new Int32Array(MAX_PAGES).fill(NO_PAGE);
}

export interface FragmentOptions {
  budget: Budget;
  counters: PacketCounters;
  maxDatagrams: number;
  maxBytes: number;
}

export class FragmentTable {
  readonly #counters: PacketCounters;
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #maxDatagrams: number;
  readonly #pages: Pages;
  /** Made when first needed, then used again; searched from end to end, which for 256 takes about 0.2 us. */
  readonly #datagrams: Datagram[] = [];
  #serial = 0;
  /** Whole datagrams are handed on in this. One does even if they nest, as the last fragment too is in pages by then. */
  #whole: Buffer | undefined;
  #wholeView: DataView | undefined;

  constructor(o: FragmentOptions) {
    this.#counters = o.counters;
    this.#budget = o.budget;
    this.#owner = o.budget.owner('fragments');
    this.#maxDatagrams = Math.max(1, o.maxDatagrams);
    this.#pages = new Pages(o.budget, this.#owner, o.maxBytes);
  }

  /** Datagrams waiting now. */
  get waiting(): number {
    let n = 0;
    for (const d of this.#datagrams) if (d.used && !d.refused) n++;
    return n;
  }

  /**
   * Takes the fragment in `w.buf[w.pos, w.end)` of the datagram that `w.packet` names. True if its datagram is whole now: `w` then
   * stands on the datagram's first byte behind the IP header, and `packet.protocol` and `packet.timeNs` are those of its start.
   */
  add(w: Walk, id: number, offset: number, more: boolean): boolean {
    const bytes = w.wireEnd - w.pos;
    const end = offset + bytes;
    if (bytes <= 0 || (more && (bytes & 7) !== 0) || end > MAX_DATAGRAM_BYTES) {
      this.#counters.malformedFragment++;
      return false;
    }
    const d = this.#find(w, id) ?? this.#open(w, id);
    if (d === undefined) {
      this.#counters.fragmentsOverBudget++;
      return false;
    }
    if (d.refused) {
      this.#counters.fragmentsRefused++;
      return false;
    }
    const duplicate = this.#place(w, d, offset, end, more);
    if (duplicate || d.refused) return false;
    if (!this.#store(w, d, offset)) {
      this.#counters.fragmentsOverBudget++;
      this.#giveUp(d);
      return false;
    }
    if (offset === 0) d.protocol = w.packet.protocol;
    if (d.receivedBytes === d.totalBytes) return this.#assemble(w, d);
    this.#counters.fragmentsHeld++;
    return false;
  }

  /** The waiting datagram that the packet in hand belongs to; on the way there, datagrams too old are let go. */
  #find(w: Walk, id: number): Datagram | undefined {
    const p = w.packet;
    const hash = hashOf(w, id);
    const tagsHash = hashOfTags(w);
    const keyProtocol = p.ipVersion === 4 ? p.protocol : 0;
    const nowNs = p.timeNs;
    let found: Datagram | undefined;
    for (const d of this.#datagrams) {
      if (!d.used) continue;
      // A clock that jumped back by as much leaves datagrams that would wait for ever.
      if (Math.abs(nowNs - d.firstNs) > LIFETIME_NS) {
        if (!d.refused) this.#counters.fragmentsExpired++;
        this.#release(d);
      } else if (
        d.hash === hash &&
        d.id === id &&
        d.keyProtocol === keyProtocol &&
        d.ipVersion === p.ipVersion &&
        d.src3 === p.src3 &&
        d.dst3 === p.dst3 &&
        d.src0 === p.src0 &&
        d.src1 === p.src1 &&
        d.src2 === p.src2 &&
        d.dst0 === p.dst0 &&
        d.dst1 === p.dst1 &&
        d.dst2 === p.dst2 &&
        d.tagsHash === tagsHash
      ) {
        found = d;
      }
    }
    return found;
  }

  #open(w: Walk, id: number): Datagram | undefined {
    let d = this.#datagrams.find(isFree);
    if (d === undefined && this.#datagrams.length < this.#maxDatagrams) {
      if (this.#budget.take(this.#owner, DATAGRAM_BYTES)) {
        d = new Datagram();
        this.#datagrams.push(d);
      }
    }
    if (d === undefined) {
      if (!this.#evict(undefined)) return undefined;
      d = this.#datagrams.find(isFree)!;
    }
    const p = w.packet;
    d.used = true;
    d.refused = false;
    d.hash = hashOf(w, id);
    d.ipVersion = p.ipVersion;
    d.src0 = p.src0;
    d.src1 = p.src1;
    d.src2 = p.src2;
    d.src3 = p.src3;
    d.dst0 = p.dst0;
    d.dst1 = p.dst1;
    d.dst2 = p.dst2;
    d.dst3 = p.dst3;
    d.id = id;
    d.keyProtocol = p.ipVersion === 4 ? p.protocol : 0;
    d.tagsHash = hashOfTags(w);
    d.serial = this.#serial++;
    d.firstNs = p.timeNs;
    d.protocol = p.protocol;
    d.totalBytes = -1;
    d.receivedBytes = 0;
    d.cutAt = MAX_DATAGRAM_BYTES;
    d.rangeCount = 0;
    return d;
  }

  /**
   * Finds the fragment's place among the others. True if it is an exact copy of one that is there; an overlap or a contradiction
   * about the end gives the datagram up, as no two receivers agree about what it means.
   */
  #place(w: Walk, d: Datagram, offset: number, end: number, more: boolean): boolean {
    const ranges = d.ranges;
    for (let i = 0; i < d.rangeCount; i++) {
      const from = ranges[2 * i]!;
      const to = ranges[2 * i + 1]!;
      if (offset >= to || end <= from) continue;
      if (offset === from && end === to && more === (d.totalBytes !== end) && this.#sameBytes(w, d, offset)) {
        this.#counters.fragmentsDuplicate++;
        return true;
      }
      this.#counters.fragmentsOverlapping++;
      this.#giveUp(d);
      return false;
    }
    let beyond = false;
    if (!more) {
      for (let i = 0; i < d.rangeCount; i++) if (ranges[2 * i + 1]! > end) beyond = true;
    }
    if (beyond || (d.totalBytes >= 0 && end > d.totalBytes)) {
      this.#counters.fragmentsOverlapping++;
      this.#giveUp(d);
      return false;
    }
    if (d.rangeCount === MAX_FRAGMENTS) {
      this.#counters.fragmentsOverBudget++;
      this.#giveUp(d);
      return false;
    }
    ranges[2 * d.rangeCount] = offset;
    ranges[2 * d.rangeCount + 1] = end;
    d.rangeCount++;
    d.receivedBytes += end - offset;
    if (!more) d.totalBytes = end;
    return false;
  }

  #sameBytes(w: Walk, d: Datagram, offset: number): boolean {
    for (let from = w.pos, at = offset; from < w.end; ) {
      const inPage = at & (PAGE_BYTES - 1);
      const bytes = Math.min(PAGE_BYTES - inPage, w.end - from);
      const page = d.pages[at >> PAGE_SHIFT]!;
      if (page === NO_PAGE || !this.#pages.holds(page, inPage, w.buf, from, from + bytes)) return false;
      from += bytes;
      at += bytes;
    }
    return true;
  }

  /** Copies the captured bytes of the fragment into pages; false if there are none to be had. */
  #store(w: Walk, d: Datagram, offset: number): boolean {
    if (w.end < w.wireEnd) d.cutAt = Math.min(d.cutAt, offset + w.end - w.pos);
    for (let from = w.pos, at = offset; from < w.end; ) {
      const inPage = at & (PAGE_BYTES - 1);
      const bytes = Math.min(PAGE_BYTES - inPage, w.end - from);
      let page = d.pages[at >> PAGE_SHIFT]!;
      if (page === NO_PAGE) {
        page = this.#takePage(d);
        if (page === NO_PAGE) return false;
        d.pages[at >> PAGE_SHIFT] = page;
      }
      this.#pages.write(page, inPage, w.buf, from, from + bytes);
      from += bytes;
      at += bytes;
    }
    return true;
  }

  /** A page for `d`, at the cost of the oldest other datagrams if need be. */
  #takePage(d: Datagram): number {
    for (;;) {
      const page = this.#pages.take();
      if (page !== NO_PAGE || !this.#evict(d)) return page;
    }
  }

  /** Lets the oldest datagram go, sparing one; false if there is no other. */
  #evict(spared: Datagram | undefined): boolean {
    let oldest: Datagram | undefined;
    for (const d of this.#datagrams) {
      if (d.used && d !== spared && (oldest === undefined || d.serial < oldest.serial)) oldest = d;
    }
    if (oldest === undefined) return false;
    if (!oldest.refused) this.#counters.fragmentsEvicted++;
    this.#release(oldest);
    return true;
  }

  #giveUp(d: Datagram): void {
    this.#release(d);
    d.used = true;
    d.refused = true;
  }

  #release(d: Datagram): void {
    d.used = false;
    for (let i = 0; i < MAX_PAGES; i++) {
      const page = d.pages[i]!;
      if (page !== NO_PAGE) this.#pages.give(page);
      d.pages[i] = NO_PAGE;
    }
  }

  #assemble(w: Walk, d: Datagram): boolean {
    if (++w.depth > MAX_DEPTH) {
      this.#counters.depthExceeded++;
      this.#release(d);
      return false;
    }
    if (this.#whole === undefined || this.#wholeView === undefined) {
      if (!this.#budget.take(this.#owner, WHOLE_BYTES)) {
        this.#counters.fragmentsOverBudget++;
        this.#release(d);
        return false;
      }
      this.#whole = Buffer.allocUnsafeSlow(WHOLE_BYTES);
      this.#wholeView = new DataView(this.#whole.buffer, this.#whole.byteOffset, WHOLE_BYTES);
    }
    const end = Math.min(d.totalBytes, d.cutAt);
    for (let at = 0; at < end; at += PAGE_BYTES) {
      this.#pages.read(d.pages[at >> PAGE_SHIFT]!, this.#whole, at, Math.min(at + PAGE_BYTES, end));
    }
    this.#counters.fragmentsReassembled++;
    w.buf = this.#whole;
    w.view = this.#wholeView;
    w.pos = 0;
    w.end = end;
    w.wireEnd = d.totalBytes;
    w.packet.protocol = d.protocol;
    w.packet.timeNs = Math.min(w.packet.timeNs, d.firstNs);
    this.#release(d);
    return true;
  }
}

const isFree = (d: Datagram): boolean => !d.used;

/** Only spreads the comparison; who crafts collisions makes the search slower by a field or two. */
function hashOf(w: Walk, id: number): number {
  const p = w.packet;
  return (p.src3 ^ Math.imul(p.dst3, 31) ^ Math.imul(p.src1, 17) ^ Math.imul(id, -1640531535)) | 0;
}

function hashOfTags(w: Walk): number {
  const p = w.packet;
  let hash = 0;
  for (let i = 0; i < 2 * p.tagCount; i++) hash = (Math.imul(hash, 31) + p.tags[i]!) | 0;
  return hash;
}
