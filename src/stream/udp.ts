import { type Budget, type Owner, SHED_FLOWS } from '../bytes/budget.ts';
import type { Timebase } from '../bytes/timebase.ts';
import { Window } from '../bytes/window.ts';
import { LOST, OPEN } from '../exchange/exchange.ts';
import { Weather } from '../exchange/weather.ts';
import type { Packet } from '../packet/packet.ts';
import { type Decoder, LOST as NOT_MINE, type Protocol, STOP, TO_CLIENT, TO_SERVER } from '../protocols/protocol.ts';
import type { OpenPairing, Pairing } from './conversation.ts';
import type { StreamCounters } from './counters.ts';
import type { Detector } from './detect.ts';
import { Flow, type Side } from './flow.ts';
import { FlowTable, flowHash, isForward } from './flow-table.ts';

/** A flow with its pairing, decoder and ends (measured on a heap of 50,000). */
const FLOW_COST = 768;
/**
 * A resolver asks from a new port each time: a flow on which nothing is under way is forgotten after this long. 65,536 flows, kept for
 * 5 s each, are 13,000 questions a second; when half the room is taken, they are kept for 1 s.
 */
const SILENT_NS = 5e9;
const CROWDED_NS = 1e9;
/** Datagrams that cannot be read, without one that can: it is another protocol. */
const MAX_VIOLATIONS = 3;

const NONE: readonly Protocol[] = [];

class UdpFlow extends Flow {
  readonly protocol: Protocol;
  readonly client: Side;
  readonly pairing: Pairing;
  readonly decoder: Decoder;
  violations = 0;

  constructor(p: Packet, hash: number, protocol: Protocol, client: Side, open: OpenPairing, weather: Weather) {
    super(p, hash);
    this.protocol = protocol;
    this.client = client;
    this.pairing = open(protocol, this.ends(client), weather, false);
    this.decoder = protocol.open(this.pairing);
  }
}

/** The parts of a pipeline that datagrams need. */
export interface UdpParts {
  /** Knows the protocols that are spoken over UDP. */
  readonly detector: Detector;
  readonly pairing: OpenPairing;
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
    const all = this.#table.all;
    const { maxFlows, budget, counters } = this.#parts;
    const full = all.length >= maxFlows || budget.pressure >= SHED_FLOWS;
    const silentNs = 2 * all.length > maxFlows ? CROWDED_NS : SILENT_NS;
    for (let i = all.length - 1; i >= 0; i--) {
      const f = all[i]!;
      f.pairing.sweep(nowNs);
      const waits = f.pairing.inFlight > 0;
      // a clock that was set back makes it negative
      const silence = Math.abs(nowNs - f.lastNs);
      if (waits ? !full || silence <= SILENT_NS : silence <= silentNs) continue;
      if (waits) counters.udpFlowsGivenUp++;
      this.#remove(f, LOST, nowNs);
    }
  }

  /** End of capture: what is in flight stays open, and every flow is forgotten. */
  end(nowNs: number): void {
    const all = this.#table.all;
    // in the order in which they came
    for (const f of all) f.pairing.close(OPEN, nowNs);
    for (let i = all.length - 1; i >= 0; i--) this.#remove(all[i]!, OPEN, nowNs);
  }

  #shuns(port: number, other: number): boolean {
    return this.#parts.shunned.has(port) && !this.#ownPorts.has(other);
  }

  #create(p: Packet, hash: number): UdpFlow | null {
    const { detector, counters, budget, maxFlows, pairing } = this.#parts;
    const finding = detector.probe(this.#window, -1, p.dstPort, p.srcPort, NONE, null);
    const { protocol } = finding;
    if (protocol === null) {
      counters.datagramsUnrecognised++;
      counters.undecodedBytes += p.payloadEnd - p.payload;
      return null;
    }
    if (this.#table.size >= maxFlows || budget.pressure >= SHED_FLOWS || !budget.take(this.#owner, FLOW_COST)) {
      counters.refusedFlows++;
      return null;
    }
    const f = new UdpFlow(p, hash, protocol, finding.fromClient ? 0 : 1, pairing, this.#weather);
    counters.udpFlows++;
    this.#table.insert(f);
    return f;
  }

  #remove(f: UdpFlow, outcome: number, nowNs: number): void {
    f.pairing.close(outcome, nowNs);
    this.#table.remove(f);
    this.#parts.budget.give(this.#owner, FLOW_COST);
  }
}
