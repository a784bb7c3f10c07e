import type { Budget, Owner } from '../bytes/budget.ts';
import type { Window } from '../bytes/window.ts';
import { type Ends, type Exchange, LOST } from '../exchange/exchange.ts';
import type { Weather } from '../exchange/weather.ts';
import type { Decoder, Dir, Exchanges, Protocol } from '../protocols/protocol.ts';
import { TO_CLIENT, TO_SERVER } from '../protocols/protocol.ts';
import type { StreamCounters } from './counters.ts';
import { type Detector, PROBE_BYTES } from './detect.ts';
import type { Side } from './flow.ts';
import { Lane, type LaneEnv } from './lane.ts';

/** After that many violations without a finished exchange it was the wrong protocol. */
const MAX_VIOLATIONS = 3;
/** How often an unrecognised connection is looked at again, each time the talk changes direction. */
const MAX_RETRIES = 64;

/** The exchanges of one connection as the stream room sees them. */
export interface Pairing extends Exchanges {
  /** Requests without a response, so far. */
  readonly inFlight: number;
  /** Exchanges that came to a response. */
  readonly finished: number;
  /** Nothing is there that a sweep will have to look at as long as no more bytes come. */
  readonly isIdle: boolean;
  /** About once a second: gives up what has waited too long. */
  sweep(nowNs: number): void;
  /** The connection is over: what is in flight ends as `outcome` (RESET, CLOSED, OPEN, LOST). */
  close(outcome: number, nowNs: number): void;
  /** It was the wrong protocol: nothing of it was real. */
  discard(): void;
  /** What goes on under the protocol that takes over. */
  readonly passedOn: Exchange | null;
  /** Takes over what the protocol before passed on; `takesOver` false: there is no protocol that takes over, and it is lost. */
  adopt(x: Exchange, takesOver: boolean): void;
}

/** Makes the pairing for a connection or flow that has been recognised. */
export type OpenPairing = (protocol: Protocol, ends: Ends, weather: Weather, midway: boolean) => Pairing;

/** What all conversations of a pipeline share. */
export interface ConversationEnv {
  readonly lanes: LaneEnv;
  readonly detector: Detector;
  readonly counters: StreamCounters;
  readonly budget: Budget;
  readonly probeOwner: Owner;
  readonly pairing: OpenPairing;
}

/** What a conversation must know of its connection. */
export interface Parties {
  /** The side that opened the connection, -1 when its beginning was not seen. */
  clientSide: -1 | Side;
  readonly weather: Weather;
  /** The ends with the given side as the client. */
  ends(clientSide: Side): Ends;
  port(side: Side): number;
  /** Key of a side's address and port for the endpoint memory. */
  key(side: Side): string;
}

const DETECTING = 0;
const DECODING = 1;
const OPAQUE = 2;
const CLOSED = 3;

/** Bytes that wait for the verdict: 2 x 1 KiB and a few numbers for each connection in detection. */
const HELD_COST = 2 * PROBE_BYTES;

class Held {
  readonly side: Side;
  readonly from: number;
  readonly to: number;
  /** Bytes of the segment that were not kept. */
  readonly cut: number;
  readonly seq: number;
  readonly timeNs: number;
  readonly ack: number;
  constructor(side: Side, from: number, to: number, cut: number, seq: number, timeNs: number, ack: number) {
    this.side = side;
    this.from = from;
    this.to = to;
    this.cut = cut;
    this.seq = seq;
    this.timeNs = timeNs;
    this.ack = ack;
  }
}

/** The talk on one connection: which protocol it is, and its bytes in order into that protocol's decoder. */
export class Conversation {
  readonly #env: ConversationEnv;
  readonly #parties: Parties;
  #state = DETECTING;
  /** Bytes were missed before the ones that detection sees now, on either side. */
  #midway: boolean;
  #protocol: Protocol | null = null;
  #decoder: Decoder | null = null;
  #lane0: Lane | null = null;
  #lane1: Lane | null = null;
  #pairing: Pairing | null = null;
  #struck: Protocol[] = [];
  #lastSide: -1 | Side = -1;
  #retries = 0;
  #waiting: Held[] | null = null;
  #heads: [Buffer, Buffer] | null = null;

  constructor(env: ConversationEnv, parties: Parties, midway: boolean) {
    this.#env = env;
    this.#parties = parties;
    this.#midway = midway;
  }

  get pairing(): Pairing | null {
    return this.#pairing;
  }

  /** Bytes in order, from one segment of `side`; `seq` belongs to `buf[start]`. */
  bytes(side: Side, buf: Buffer, start: number, end: number, seq: number, timeNs: number, ack: number): void {
    if (this.#state === DECODING) {
      this.#env.counters.decodedBytes += end - start;
      const lane = (side === 0 ? this.#lane0 : this.#lane1)!;
      const at = lane.push(buf, start, end, seq, timeNs, ack);
      if (lane.stopped) this.#handOver(side, buf, at, end, (seq + (at - start)) | 0, timeNs, ack);
      else if (lane.violations >= MAX_VIOLATIONS) this.#judge();
    } else if (this.#state === DETECTING) {
      this.#detect(side, buf, start, end, seq, timeNs, ack);
    } else if (this.#state === OPAQUE) {
      this.#env.counters.undecodedBytes += end - start;
      this.#retry(side, buf, start, end, seq, timeNs, ack);
    }
    this.#lastSide = side;
  }

  hole(side: Side, length: number, timeNs: number): void {
    if (this.#state === DECODING) {
      (side === 0 ? this.#lane0 : this.#lane1)!.hole(length, timeNs);
    } else if (this.#state === DETECTING) {
      if (this.#heads !== null && this.#findCut(side, length)) {
        this.hole(side, length, timeNs);
        return;
      }
      this.#midway = true;
      this.#dropHeld();
    }
  }

  /** Detection looks once more at what is held of that side, behind which `length` bytes are missing. */
  #findCut(side: Side, length: number): boolean {
    const last = this.#waiting!.at(-1)!;
    if (last.side !== side || last.cut > 0) return false;
    const w = this.#env.lanes.window;
    const head = this.#heads![side];
    this.#show(w, head, 0, last.to, 0, last.timeNs, last.ack);
    w.lacking = length;
    const found = this.#find(side, w, last.timeNs);
    w.lacking = 0;
    if (found) this.#replay(head, last.to);
    return found;
  }

  /** FIN, everything in front of it was delivered. */
  fin(side: Side): void {
    if (this.#state === DECODING) (side === 0 ? this.#lane0 : this.#lane1)!.end();
  }

  /** Nothing more will come; what is in flight ends as `outcome` (RESET, CLOSED, OPEN, LOST). */
  close(outcome: number, nowNs: number): void {
    this.#dropHeld();
    if (this.#state === DECODING) this.#stopDecoding(outcome, nowNs);
    this.#state = CLOSED;
  }

  /** Forgets everything that was said. */
  discard(): void {
    this.#dropHeld();
    if (this.#state === DECODING) this.#stopDecoding(LOST, 0, true);
    this.#state = CLOSED;
  }

  #detect(side: Side, buf: Buffer, start: number, end: number, seq: number, timeNs: number, ack: number): void {
    const w = this.#env.lanes.window;
    const heads = this.#heads;
    if (heads === null) {
      this.#show(w, buf, start, end, seq, timeNs, ack);
      if (this.#find(side, w, timeNs)) {
        this.bytes(side, buf, start, end, seq, timeNs, ack);
        return;
      }
      if (!w.want || !this.#keep(side, buf, start, end, seq, timeNs, ack)) this.#giveUp();
      return;
    }
    if (!this.#keep(side, buf, start, end, seq, timeNs, ack)) {
      this.#giveUp();
      return;
    }
    this.#show(w, heads[side], 0, this.#kept(side), 0, timeNs, ack);
    const found = this.#find(side, w, timeNs);
    if (found) this.#replay(buf, end);
    else if (!w.want || (this.#kept(0) === PROBE_BYTES && this.#kept(1) === PROBE_BYTES)) this.#giveUp();
  }

  /** Asks the detector; opens the protocol it names. `w.want` says afterwards whether more bytes could help. */
  #find(side: Side, w: Window, timeNs: number): boolean {
    const { detector } = this.#env;
    const parties = this.#parties;
    const known = parties.clientSide === -1 ? -1 : parties.clientSide === side ? 1 : 0;
    const other: Side = side === 0 ? 1 : 0;
    const remembered =
      known === 0
        ? detector.memory.recall(parties.key(side), timeNs)
        : (detector.memory.recall(parties.key(other), timeNs) ??
          (known === -1 ? detector.memory.recall(parties.key(side), timeNs) : null));
    const f = detector.probe(w, known, parties.port(other), parties.port(side), this.#struck, remembered);
    w.want = f.unsure ? 1 : 0;
    if (f.protocol === null) return false;
    const client: Side = f.fromClient ? side : other;
    this.#open(f.protocol, client);
    detector.memory.learn(parties.key(client === 0 ? 1 : 0), f.protocol, timeNs);
    this.#env.counters.recognised++;
    return true;
  }

  #open(protocol: Protocol, client: Side, passedOn: Exchange | null = null): void {
    const parties = this.#parties;
    parties.clientSide = client;
    const pairing = this.#env.pairing(protocol, parties.ends(client), parties.weather, this.#midway);
    if (passedOn !== null) pairing.adopt(passedOn, true);
    const decoder = protocol.open(pairing);
    const dir0: Dir = client === 0 ? TO_SERVER : TO_CLIENT;
    const dir1: Dir = client === 0 ? TO_CLIENT : TO_SERVER;
    const env = this.#env.lanes;
    this.#protocol = protocol;
    this.#pairing = pairing;
    this.#decoder = decoder;
    // Midway even the bytes that gave the protocol away need not begin with a message: `ET / HTTP/1.1`.
    this.#lane0 = new Lane(env, dir0, decoder, protocol.maxHead, this.#midway);
    this.#lane1 = new Lane(env, dir1, decoder, protocol.maxHead, this.#midway);
    this.#state = DECODING;
  }

  #retry(side: Side, buf: Buffer, start: number, end: number, seq: number, timeNs: number, ack: number): void {
    if (side === this.#lastSide || this.#retries >= MAX_RETRIES) return;
    this.#retries++;
    const w = this.#env.lanes.window;
    this.#show(w, buf, start, end, seq, timeNs, ack);
    this.#midway = true;
    if (this.#find(side, w, timeNs)) this.bytes(side, buf, start, end, seq, timeNs, ack);
    else if (w.want && this.#keep(side, buf, start, end, seq, timeNs, ack)) this.#state = DETECTING;
  }

  #show(w: Window, buf: Buffer, start: number, end: number, seq: number, timeNs: number, ack: number): void {
    w.show(buf);
    w.pos = start;
    w.first = start;
    w.end = Math.min(end, start + PROBE_BYTES);
    w.base = -start;
    w.seq = (seq - start) | 0;
    w.timeNs = timeNs;
    w.ack = ack;
    w.marks = null;
  }

  #kept(side: Side): number {
    let to = 0;
    for (const h of this.#waiting!) if (h.side === side) to = h.to;
    return to;
  }

  #keep(side: Side, buf: Buffer, start: number, end: number, seq: number, timeNs: number, ack: number): boolean {
    if (this.#heads === null) {
      if (!this.#env.budget.take(this.#env.probeOwner, HELD_COST)) return false;
      this.#heads = [Buffer.allocUnsafeSlow(PROBE_BYTES), Buffer.allocUnsafeSlow(PROBE_BYTES)];
      this.#waiting = [];
    }
    const waiting = this.#waiting!;
    if (waiting.length >= PROBE_BYTES) return false;
    const from = this.#kept(side);
    const n = Math.min(end - start, PROBE_BYTES - from);
    buf.copy(this.#heads[side], from, start, start + n);
    waiting.push(new Held(side, from, from + n, end - start - n, seq, timeNs, ack));
    return true;
  }

  #dropHeld(): void {
    if (this.#heads === null) return;
    this.#heads = null;
    this.#waiting = null;
    this.#env.budget.give(this.#env.probeOwner, HELD_COST);
  }

  /** Recognised: what was held goes to the decoder, in the order it came. Of the latest segment, which ends at `buf[end]`, all of it. */
  #replay(buf: Buffer, end: number): void {
    const heads = this.#heads!;
    const waiting = this.#waiting!;
    this.#dropHeld();
    for (const h of waiting) {
      this.bytes(h.side, heads[h.side], h.from, h.to, h.seq, h.timeNs, h.ack);
      if (h.cut === 0) continue;
      if (h !== waiting.at(-1)) this.hole(h.side, h.cut, h.timeNs);
      else this.bytes(h.side, buf, end - h.cut, end, (h.seq + h.to - h.from) | 0, h.timeNs, h.ack);
    }
  }

  #giveUp(): void {
    this.#dropHeld();
    this.#state = OPAQUE;
    if (this.#retries === 0) this.#env.counters.unrecognised++;
  }

  /** Too many violations: with a finished exchange it is a bad stretch, without one it was the wrong protocol. */
  #judge(): void {
    if (this.#pairing!.finished > 0) {
      this.#lane0!.violations = 0;
      this.#lane1!.violations = 0;
      return;
    }
    this.#env.counters.struckOff++;
    const protocol = this.#protocol!;
    this.#struck.push(protocol);
    this.#env.detector.memory.failed(this.#parties.key(this.#parties.clientSide === 0 ? 1 : 0));
    this.#stopDecoding(LOST, 0, true);
    this.#midway = true;
    this.#state = OPAQUE;
    this.#retries = 0;
  }

  #stopDecoding(outcome: number, nowNs: number, discard = false): void {
    this.#lane0!.close();
    this.#lane1!.close();
    if (discard) this.#pairing!.discard();
    else this.#pairing!.close(outcome, nowNs);
    this.#lane0 = null;
    this.#lane1 = null;
    this.#decoder = null;
  }

  /** The decoder said STOP: another protocol begins at `buf[at]`. */
  #handOver(side: Side, buf: Buffer, at: number, end: number, seq: number, timeNs: number, ack: number): void {
    this.#env.counters.handedOver++;
    const successor = this.#decoder!.successor;
    const pairing = this.#pairing!;
    this.#stopDecoding(LOST, timeNs);
    const next = successor === '' ? undefined : this.#env.detector.protocols.find((p) => p.name === successor);
    this.#midway = false;
    this.#retries = 0;
    if (next !== undefined) {
      this.#open(next, this.#parties.clientSide as Side, pairing.passedOn);
      this.#env.counters.recognised++;
    } else {
      if (pairing.passedOn !== null) pairing.adopt(pairing.passedOn, false);
      this.#state = DETECTING;
    }
    if (at < end) this.bytes(side, buf, at, end, seq, timeNs, ack);
  }
}
