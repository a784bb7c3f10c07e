import { type Budget, type Owner, SHED_FLOWS } from '../bytes/budget.ts';
import type { Timebase } from '../bytes/timebase.ts';
import { Window } from '../bytes/window.ts';
import { type Ends, LOST, OPEN } from '../exchange/exchange.ts';
import type { KeyedPairing } from '../exchange/keyed.ts';
import { Weather } from '../exchange/weather.ts';
import type { Packet } from '../packet/packet.ts';
import { type Decoder, LOST as NOT_MINE, type Protocol, STOP, TO_CLIENT, TO_SERVER } from '../protocols/protocol.ts';
import type { StreamCounters } from './counters.ts';
import type { Detector } from './detect.ts';
import { Flow, type Side } from './flow.ts';
import { FlowQueue, type Queued } from './flow-queue.ts';
import { FlowTable, flowHash, isForward } from './flow-table.ts';
import { Kin } from './kin.ts';

/** A flow with its pairing, decoder and ends (measured on a heap of 50,000). */
const FLOW_COST = 768;
/** A flow on which nothing is under way is forgotten after this long. */
const SILENT_NS = 5e9;
/**
 * A resolver asks from a new port each time, and nothing more comes there once the answer did: of flows at rest so many are kept, and the
 * next one takes over what belongs to the one that has rested longest. Copies by another interface come within milliseconds: 256 flows
 * are 5 ms at 50,000 questions a second. At 768 bytes they are 192 KiB, and a processor's cache holds what is used again so soon.
 */
const MAX_RESTING = 256;
/** Datagrams that cannot be read, without one that can: it is another protocol. */
const MAX_VIOLATIONS = 3;

const NONE: readonly Protocol[] = [];

class UdpFlow extends Flow implements Queued<UdpFlow> {
  readonly protocol: Protocol;
  readonly pairing: KeyedPairing;
  readonly decoder: Decoder;
  client: Side;
  violations = 0;
  queue: FlowQueue<UdpFlow> | null = null;
  before: UdpFlow | null = null;
  behind: UdpFlow | null = null;

  constructor(p: Packet, hash: number, protocol: Protocol, client: Side, kin: Kin, open: OpenKeyed, weather: Weather) {
    super(p, hash);
    this.protocol = protocol;
    this.client = client;
    this.pairing = open(protocol, kin.join(this.ends(client), protocol), weather);
    this.decoder = protocol.open(this.pairing);
  }

  /** Another conversation of the same protocol follows, with the datagram at hand; this one was closed. */
  reopen(p: Packet, hash: number, client: Side, kin: Kin): void {
    this.meet(p, hash);
    this.client = client;
    this.violations = 0;
    this.pairing.reopen(kin.join(this.ends(client), this.protocol));
  }
}

/** Makes the pairing for a flow that has been recognised. */
export type OpenKeyed = (protocol: Protocol, ends: Ends, weather: Weather) => KeyedPairing;

/** The parts of a pipeline that datagrams need. */
export interface UdpParts {
  /** Knows the protocols that are spoken over UDP. */
  readonly detector: Detector;
  readonly pairing: OpenKeyed;
  readonly counters: StreamCounters;
  readonly budget: Budget;
  readonly timebase: Timebase;
  readonly maxFlows: number;
  /** Ports that are left alone, unless the other end's is a port of the protocols' own. */
  readonly shunned: ReadonlySet<number>;
}

/** UDP (RFC 768): each datagram is a message of its own. A flow is kept only where a protocol has been recognised. */
export class Udp {
  readonly #table = new FlowTable<UdpFlow>();
  /** Something is under way on them, or nothing; of the latter those first on which the last datagram lies back the longest. */
  readonly #waiting = new FlowQueue<UdpFlow>();
  readonly #resting = new FlowQueue<UdpFlow>();
  readonly #kin = new Kin();
  readonly #parts: UdpParts;
  readonly #owner: Owner;
  readonly #window = new Window();
  /** TCP's weather does not blow here. */
  readonly #weather = new Weather();
  readonly #ownPorts: ReadonlySet<number>;

  constructor(parts: UdpParts) {
    this.#parts = parts;
    this.#owner = parts.budget.owner('udpFlows');
    this.#ownPorts = new Set(parts.detector.protocols.flatMap((p) => p.ports));
  }

  get flows(): number {
    return this.#table.size;
  }

  datagram(p: Packet): void {
    const { counters, detector, timebase } = this.#parts;
    if (detector.protocols.length === 0 || this.#shuns(p.srcPort, p.dstPort) || this.#shuns(p.dstPort, p.srcPort)) {
      counters.datagramsUnrecognised++;
      counters.undecodedBytes += p.payloadEnd - p.payload;
      return;
    }
    const w = this.#window;
    w.show(p.buf);
    w.pos = p.payload;
    w.first = p.payload;
    w.end = p.payloadEnd;
    w.base = -p.payload;
    // In place of TCP's numbers the identity has both ports and the second: that, too, every observer sees.
    w.seq = ((p.srcPort << 16) + p.dstPort - p.payload) | 0;
    w.ack = (timebase.baseSec + Math.floor(p.timeNs / 1e9)) | 0;
    w.timeNs = p.timeNs;
    w.beforeNs = p.timeNs;
    const hash = flowHash(p);
    let f = this.#table.find(p, hash);
    if (f === null) {
      f = this.#create(p, hash);
      if (f === null) return;
    }
    f.lastNs = p.timeNs;
    counters.datagrams++;
    counters.decodedBytes += p.payloadEnd - p.payload;
    const cut = p.payloadEnd - p.payload < p.payloadLength;
    if (cut) counters.datagramsCut++;
    const side: Side = isForward(f, p) ? 0 : 1;
    const step = f.decoder.decode(side === f.client ? TO_SERVER : TO_CLIENT, w);
    this.#queue(f);
    if (step !== NOT_MINE && step !== STOP) {
      f.violations = 0;
      return;
    }
    counters.datagramsMalformed++;
    if (cut) return;
    if (++f.violations >= MAX_VIOLATIONS) this.#remove(f, LOST, p.timeNs);
  }

  /** About once a second of packet time. */
  sweep(nowNs: number): void {
    this.#kin.forget();
    const { maxFlows, budget, counters } = this.#parts;
    const full = this.#table.size >= maxFlows || budget.pressure >= SHED_FLOWS;
    for (let f = this.#waiting.first; f !== null; ) {
      const next = f.behind;
      f.pairing.sweep(nowNs);
      if (f.pairing.inFlight === 0) this.#queue(f);
      else if (full && isSilent(f, nowNs)) {
        counters.udpFlowsGivenUp++;
        this.#remove(f, LOST, nowNs);
      }
      f = next;
    }
    for (let f = this.#resting.first; f !== null && isSilent(f, nowNs); f = this.#resting.first) {
      this.#remove(f, LOST, nowNs);
    }
  }

  /** End of capture: what is in flight stays open, and every flow is forgotten. */
  end(nowNs: number): void {
    for (let f = this.#waiting.first; f !== null; f = this.#waiting.first) this.#remove(f, OPEN, nowNs);
    for (let f = this.#resting.first; f !== null; f = this.#resting.first) this.#remove(f, OPEN, nowNs);
  }

  #shuns(port: number, other: number): boolean {
    return this.#parts.shunned.has(port) && !this.#ownPorts.has(other);
  }

  #create(p: Packet, hash: number): UdpFlow | null {
    const { detector, counters } = this.#parts;
    const finding = detector.probe(this.#window, -1, p.dstPort, p.srcPort, NONE, null);
    const { protocol } = finding;
    if (protocol === null) {
      counters.datagramsUnrecognised++;
      counters.undecodedBytes += p.payloadEnd - p.payload;
      return null;
    }
    const client: Side = finding.fromClient ? 0 : 1;
    const f = this.#succeed(p, hash, protocol, client) ?? this.#begin(p, hash, protocol, client);
    if (f === null) {
      counters.refusedFlows++;
      return null;
    }
    counters.udpFlows++;
    this.#table.insert(f);
    return f;
  }

  /** Where enough flows rest, or there is no room for one more, the one that has rested longest is forgotten: the new one follows it in its record. */
  #succeed(p: Packet, hash: number, protocol: Protocol, client: Side): UdpFlow | null {
    const f = this.#resting.first;
    if (f === null || (this.#resting.size < MAX_RESTING && this.#hasRoom())) return null;
    if (f.protocol !== protocol) {
      this.#remove(f, LOST, p.timeNs);
      return null;
    }
    f.pairing.close(LOST, p.timeNs);
    this.#table.remove(f);
    f.reopen(p, hash, client, this.#kin);
    return f;
  }

  #begin(p: Packet, hash: number, protocol: Protocol, client: Side): UdpFlow | null {
    const { budget, pairing } = this.#parts;
    if (!this.#hasRoom() || !budget.take(this.#owner, FLOW_COST)) return null;
    return new UdpFlow(p, hash, protocol, client, this.#kin, pairing, this.#weather);
  }

  #hasRoom(): boolean {
    const { budget, maxFlows } = this.#parts;
    return this.#table.size < maxFlows && budget.pressure < SHED_FLOWS;
  }

  /** Puts it where it belongs, after a datagram or a time-out. */
  #queue(f: UdpFlow): void {
    if (f.pairing.inFlight === 0) this.#resting.push(f);
    else if (f.queue !== this.#waiting) this.#waiting.push(f);
  }

  #remove(f: UdpFlow, outcome: number, nowNs: number): void {
    f.pairing.close(outcome, nowNs);
    f.queue?.remove(f);
    this.#table.remove(f);
    this.#parts.budget.give(this.#owner, FLOW_COST);
  }
}

/** A clock that was set back makes the difference negative. */
const isSilent = (f: Flow, nowNs: number): boolean => Math.abs(nowNs - f.lastNs) > SILENT_NS;
