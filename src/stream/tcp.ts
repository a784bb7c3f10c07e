import type { Budget, Owner } from '../bytes/budget.ts';
import { SHED_FLOWS } from '../bytes/budget.ts';
import { CLOSED, LOST, OPEN, RESET } from '../exchange/exchange.ts';
import type { TcpListener } from '../exchange/tcp-news.ts';
import { ACK, FIN, type Packet, RST, SYN } from '../packet/packet.ts';
import { Connection, DONE, IGNORED, LIVE } from './connection.ts';
import type { ConversationEnv } from './conversation.ts';
import type { StreamCounters } from './counters.ts';
import type { Side } from './flow.ts';
import { FlowTable, flowHash, isForward } from './flow-table.ts';
import type { Half } from './half.ts';
import { Health, SYN_SENT } from './health.ts';
import type { StreamOptions } from './options.ts';
import { Ordering } from './ordering.ts';

/** What a connection costs before it holds any bytes: record, halves, conversation, lanes (measured on a heap of 50,000). */
const CONNECTION_COST = 1984;
/** A finished connection's entry swallows stragglers for this long. */
const LINGER_NS = 2e9;
/** A SYN captured late, when that many bytes have come already, still belongs to its connection. */
const LATE_SYN = 65536;
/**
 * A handshake that goes no further is forgotten after this long, and so is, when the table is half full, a connection on which nobody
 * has said a word: a flood of SYNs, answered or not, cannot keep others out.
 */
const HALF_OPEN_NS = 10e9;
/**
 * While the table is nearly full, or memory too short for new connections, `streams.idle` is no longer than this for those that are
 * decoded, and HALF_OPEN_NS for others: what a flood leaves behind cannot keep others out for long.
 */
const FULL_IDLE_NS = 60e9;
const NEARLY_FULL = 7 / 8;
/** Each pause between SYNs is twice the one before (RFC 6298 section 5): about as long as all before it together. */
const NEXT_SYN = 1.25;
/** A jump further than this is no loss but another connection on the same ports, or garbage: 256 MiB is 2 s at 1 Gbit/s. */
const MAX_JUMP = 1 << 28;

/**
 * TCP reassembly (RFC 9293): follows every connection, delivers each direction's bytes once and in order to the
 * conversation, and says where bytes are missing. What was captured late waits for what was sent earlier: a segment whose
 * acknowledgement covers bytes of the other side that we have not delivered yet is held until they come or are given up.
 */
export class Tcp {
  readonly #table = new FlowTable<Connection>();
  readonly #env: ConversationEnv;
  readonly #options: StreamOptions;
  readonly #counters: StreamCounters;
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #flowOwner: Owner;
  readonly #order: Ordering;
  readonly #health: Health;
  /** Endpoints of the agent's own connections, `ip:port` of the local end. */
  readonly #own = new Set<string>();

  constructor(
    env: ConversationEnv,
    options: StreamOptions,
    counters: StreamCounters,
    budget: Budget,
    listener: TcpListener | null = null,
  ) {
    this.#env = env;
    this.#options = options;
    this.#counters = counters;
    this.#budget = budget;
    this.#owner = budget.owner('reassembly');
    this.#flowOwner = budget.owner('flows');
    this.#order = new Ordering(options.lossGraceMs * 1e6, counters, budget, this.#owner);
    this.#health = new Health(counters, listener);
  }

  get flows(): number {
    return this.#table.size;
  }

  /** Never to follow connections of this endpoint of the agent itself. */
  ignore(endpoint: string): void {
    this.#own.add(endpoint);
    for (const c of this.#table.all) {
      if (c.state !== IGNORED && this.#isOwn(c)) this.#ignoreConnection(c);
    }
  }

  /** The agent closed that connection; its port may be somebody else's next. */
  unignore(endpoint: string): void {
    this.#own.delete(endpoint);
  }

  segment(p: Packet): void {
    const hash = flowHash(p);
    let c = this.#table.find(p, hash);
    const flags = p.flags;
    const length = p.payloadLength;
    if (c === null) {
      // A bare acknowledgement, or the end of something that was never seen, is not worth a record.
      if (length === 0 && (flags & SYN) === 0) return;
      c = this.#create(p, hash);
      if (c === null) return;
    } else if ((flags & SYN) !== 0) {
      c = this.#synAgain(c, p, hash);
      if (c === null) return;
    }
    c.lastNs = p.timeNs;
    c.rests = false;
    if (c.state !== LIVE) {
      if (c.state === IGNORED) this.#counters.ignoredOwn++;
      return;
    }
    const side: Side = isForward(c, p) ? 0 : 1;
    const half = side === 0 ? c.half0 : c.half1;
    const peer = side === 0 ? c.half1 : c.half0;
    const counts =
      (half.device === p.device && !c.attentive && (flags & SYN) === 0) || this.#health.attend(c, side, half, peer, p);
    if (!counts) this.#counters.elsewhere++;

    if ((flags & SYN) !== 0) {
      if (!half.started || !half.fromSyn) this.#startFromSyn(c, side, half, p);
    } else if (!half.started && length > 0) {
      half.started = true;
      half.nextSeq = p.seq;
    }
    if ((flags & ACK) !== 0) {
      if (!peer.started && (flags & RST) === 0) {
        peer.started = true;
        peer.nextSeq = p.ack;
      } else if (((p.ack - peer.nextSeq) | 0) > 0) {
        this.#acknowledged(c, peer, p);
      }
    }
    if (p.window === 0 && counts && (flags & (SYN | RST | FIN)) === 0) this.#health.zeroWindow(c, half, p.timeNs);
    if (length > 0) this.#data(c, side, half, p);
    else if (((p.seq - half.nextSeq) | 0) > 0) this.#health.proof(half, p);
    if ((flags & FIN) !== 0 && half.started && !half.finSeen) {
      half.finSeen = true;
      half.finSeq = (p.seq + ((flags & SYN) !== 0 ? 1 : 0) + length) | 0;
    }
    if (c.disordered) this.#order.settle(c, p.timeNs, false);
    if ((flags & RST) !== 0) this.#reset(c, side, half, p);
    else if (half.finSeen || peer.finSeen) this.#fins(c, p.timeNs);
  }

  /** About once a second of packet time: gives up what is missing for too long, times exchanges out, forgets idle connections. */
  sweep(nowNs: number): void {
    const wholeIdleNs = this.#options.idleMs * 1e6;
    const all = this.#table.all;
    const { maxFlows } = this.#options;
    const crowded = all.length > maxFlows / 2;
    const full = all.length > maxFlows * NEARLY_FULL || this.#budget.pressure >= SHED_FLOWS;
    const decodedIdleNs = full ? Math.min(wholeIdleNs, FULL_IDLE_NS) : wholeIdleNs;
    const otherIdleNs = full ? Math.min(wholeIdleNs, HALF_OPEN_NS) : wholeIdleNs;
    for (let i = all.length - 1; i >= 0; i--) {
      const c = all[i]!;
      const silentNs = nowNs - c.lastNs;
      const idleNs = c.conversation.pairing === null ? otherIdleNs : decodedIdleNs;
      if (c.rests && silentNs <= idleNs) continue;
      if (c.state !== LIVE) {
        if (silentNs > (c.state === DONE ? LINGER_NS : wholeIdleNs)) this.#remove(c);
        continue;
      }
      const told = this.#health.tell(c, nowNs, false);
      const mute = c.weather.lastDataNs === Number.NEGATIVE_INFINITY;
      if (mute && silentNs > this.#patienceNs(c, crowded) && (crowded || !(c.half0.started && c.half1.started))) {
        this.#finish(c, LOST, nowNs);
        this.#remove(c);
        continue;
      }
      if (c.disordered) {
        this.#order.settle(c, nowNs, false);
        this.#fins(c, nowNs);
        if (c.state !== LIVE) continue;
      }
      const { pairing } = c.conversation;
      pairing?.sweep(nowNs);
      c.rests = told && !mute && !c.disordered && pairing?.isIdle !== false;
      if (silentNs > idleNs) {
        const inFlight = pairing?.inFlight ?? 0;
        if (inFlight > 0 && silentNs <= 2 * idleNs) continue; // let its timeout come first
        if (silentNs > wholeIdleNs) this.#counters.expiredIdle++;
        else this.#counters.expiredEarly++;
        this.#finish(c, LOST, nowNs);
        this.#remove(c);
      }
    }
  }

  /** End of capture: what is in flight stays open, and every connection is forgotten. */
  end(nowNs: number): void {
    const all = this.#table.all;
    for (const c of all) {
      if (c.state !== LIVE) continue;
      this.#order.settle(c, nowNs, true);
      if (c.state === LIVE) this.#finish(c, OPEN, nowNs);
    }
    for (let i = all.length - 1; i >= 0; i--) this.#remove(all[i]!);
  }

  #patienceNs(c: Connection, crowded: boolean): number {
    if (crowded || c.handshake !== SYN_SENT) return HALF_OPEN_NS;
    return Math.max(HALF_OPEN_NS, NEXT_SYN * (c.lastNs - c.firstNs));
  }

  #create(p: Packet, hash: number): Connection | null {
    const full = this.#table.size >= this.#options.maxFlows;
    if (full) this.#dropDone();
    if (
      (full && this.#table.size >= this.#options.maxFlows) ||
      this.#budget.pressure >= SHED_FLOWS ||
      !this.#budget.take(this.#flowOwner, CONNECTION_COST)
    ) {
      this.#counters.refusedFlows++;
      return null;
    }
    const fromSyn = (p.flags & SYN) !== 0;
    const c = new Connection(p, hash, this.#env, !fromSyn);
    if (fromSyn) {
      c.clientSide = (p.flags & ACK) !== 0 ? 1 : 0;
      this.#counters.connectionsFromSyn++;
    }
    this.#counters.connections++;
    this.#table.insert(c);
    if (this.#own.size > 0 && this.#isOwn(c)) this.#ignoreConnection(c);
    return c;
  }

  /** A SYN on a known pair of endpoints: part of this handshake, or the next connection on reused ports. */
  #synAgain(c: Connection, p: Packet, hash: number): Connection | null {
    if (c.state === IGNORED) {
      if (this.#isOwn(c)) return c;
      this.#remove(c);
      return this.#create(p, hash);
    }
    const half = isForward(c, p) ? c.half0 : c.half1;
    const behind = (half.nextSeq - p.seq) | 0;
    const sameHandshake = half.fromSyn ? half.isn === p.seq : !half.started || (behind > 0 && behind <= LATE_SYN);
    if (sameHandshake || (c.state === LIVE && (p.flags & ACK) !== 0 && !half.fromSyn)) return c;
    if (c.state === LIVE) {
      this.#order.settle(c, p.timeNs, true);
      if (c.state === LIVE) this.#finish(c, LOST, p.timeNs);
    }
    this.#remove(c);
    return this.#create(p, hash);
  }

  #startFromSyn(c: Connection, side: Side, half: Half, p: Packet): void {
    half.fromSyn = true;
    half.isn = p.seq;
    if (half.started) return; // the other end's acknowledgement came first and said the same
    half.started = true;
    half.nextSeq = (p.seq + 1) | 0;
    if (c.clientSide === -1) c.clientSide = (p.flags & ACK) !== 0 ? (side === 0 ? 1 : 0) : side;
  }

  /** The receiver has more of `half` than we delivered. */
  #acknowledged(c: Connection, half: Half, p: Packet): void {
    const ofFin = half.finSeen && ((p.ack - half.finSeq) | 0) === 1;
    const acked = ofFin ? half.finSeq : p.ack; // a FIN has a number, but is no byte
    const beyond = (acked - half.contiguousEnd()) | 0;
    if (beyond <= 0 || beyond > MAX_JUMP) return;
    if (!half.missing) {
      half.missing = true;
      half.missingNs = p.timeNs;
      half.ackedSeq = acked;
    } else if (((acked - half.ackedSeq) | 0) > 0) half.ackedSeq = acked;
    c.disordered = true;
  }

  #data(c: Connection, side: Side, half: Half, p: Packet): void {
    const seq = (p.flags & SYN) !== 0 ? (p.seq + 1) | 0 : p.seq; // data on a SYN: RFC 7413
    const captured = p.payloadEnd - p.payload;
    const ahead = (seq - half.nextSeq) | 0;
    if (ahead === 0 && !c.disordered) {
      half.nextSeq = (seq + p.payloadLength) | 0;
      half.delivered += captured;
      if (c.copied) this.#health.shownBefore(half, p, half.nextSeq, 0);
      if (captured > 0) c.conversation.bytes(side, p.buf, p.payload, p.payloadEnd, seq, p.timeNs, p.ack);
      if (captured < p.payloadLength) this.#order.hole(c, side, p.payloadLength - captured, p.timeNs);
      c.weather.lastDataNs = p.timeNs;
      return;
    }
    if (ahead + p.payloadLength <= 0) {
      if (ahead === -1 && p.payloadLength === 1) this.#counters.keepAlives++;
      else this.#health.again(c, half, p, seq, p.payloadLength);
      return;
    }
    if (ahead > MAX_JUMP || ahead < -MAX_JUMP) {
      // Not of this connection's sequence space any more: the capture missed its end and the beginning of another.
      this.#order.settle(c, p.timeNs, true);
      half.nextSeq = seq;
      this.#order.rupture(c, side, p.timeNs);
    }
    c.disordered = true;
    const early = ahead > 0 && half.contiguousEnd() !== seq && p.device === half.device;
    const farthest = half.farthestSeq();
    if (this.#keep(half, seq, p)) {
      if (early && half.fresh > 0) {
        c.weather.outOfOrder++;
        this.#counters.outOfOrderSegments++;
      }
      this.#health.late(c, half, p, seq, farthest);
      return;
    }
    this.#counters.forcedHoles++;
    this.#order.settle(c, p.timeNs, true);
    c.disordered = true;
    // Nothing waits any more; what still does not fit becomes a hole when the next segment comes.
    if (this.#keep(half, seq, p)) this.#order.settle(c, p.timeNs, true);
  }

  #keep(half: Half, seq: number, p: Packet): boolean {
    const captured = p.payloadEnd - p.payload;
    const { maxReorderBytes } = this.#options;
    return half.insert(
      seq,
      p.buf,
      p.payload,
      captured,
      p.payloadLength,
      p.timeNs,
      p.ack,
      maxReorderBytes,
      this.#budget,
      this.#owner,
    );
  }

  /** Ends the directions whose FIN is reached, and the connection when both are. */
  #fins(c: Connection, nowNs: number): void {
    for (const side of [0, 1] as const) {
      const half = side === 0 ? c.half0 : c.half1;
      if (!half.finSeen || half.ended || ((half.finSeq - half.nextSeq) | 0) > 0) continue;
      half.ended = true;
      half.nextSeq = (half.finSeq + 1) | 0;
      c.conversation.fin(side);
    }
    if (c.half0.ended && c.half1.ended) {
      this.#counters.closedOrderly++;
      this.#finish(c, CLOSED, nowNs);
    }
  }

  #reset(c: Connection, side: Side, half: Half, p: Packet): void {
    // RFC 5961: a reset from far outside the window was not sent by this peer.
    const away = (p.seq - half.nextSeq) | 0;
    if (half.started && (away > MAX_JUMP || away < -MAX_JUMP)) return;
    this.#order.settle(c, p.timeNs, true);
    this.#fins(c, p.timeNs);
    if (c.state !== LIVE) return;
    this.#counters.closedByReset++;
    this.#health.reset(c, side, half);
    this.#finish(c, RESET, p.timeNs);
  }

  #finish(c: Connection, outcome: number, nowNs: number): void {
    // Of a connection that was given up nobody knows anything after its last packet.
    this.#health.over(c, outcome === LOST, outcome === LOST ? c.lastNs : nowNs);
    this.#release(c);
    c.conversation.close(outcome, nowNs);
    c.state = DONE;
  }

  #release(c: Connection): void {
    for (const half of [c.half0, c.half1]) {
      while (half.queue.length > 0) half.shift(this.#budget, this.#owner);
      half.missing = false;
    }
    c.disordered = false;
  }

  #remove(c: Connection): void {
    if (c.state !== IGNORED) this.#health.tell(c, c.lastNs, true);
    this.#table.remove(c);
    this.#budget.give(this.#flowOwner, CONNECTION_COST);
  }

  /** Makes room: finished connections need not linger. */
  #dropDone(): void {
    const all = this.#table.all;
    for (let i = all.length - 1; i >= 0; i--) if (all[i]!.state === DONE) this.#remove(all[i]!);
  }

  #isOwn(c: Connection): boolean {
    return this.#own.has(c.key(0)) || this.#own.has(c.key(1));
  }

  #ignoreConnection(c: Connection): void {
    this.#release(c);
    c.conversation.discard();
    c.state = IGNORED;
  }
}
