import type { Budget } from './bytes/budget.ts';
import type { Timebase } from './bytes/timebase.ts';
import type { FrameHandler } from './capture/source.ts';
import type { PairingEnv } from './exchange/book.ts';
import { ExchangeCounters } from './exchange/counters.ts';
import type { Exchange, ExchangeListener, Spoken } from './exchange/exchange.ts';
import { KeyedPairing } from './exchange/keyed.ts';
import type { Masking } from './exchange/masking.ts';
import type { NameSink } from './exchange/names.ts';
import { Pairing } from './exchange/pairing.ts';
import { CommonTables } from './exchange/table.ts';
import type { TcpListener } from './exchange/tcp-news.ts';
import { VOCABULARIES } from './exchange/vocabulary.ts';
import { PacketDecoder } from './packet/decoder.ts';
import { Devices } from './packet/devices.ts';
import { TCP } from './packet/packet.ts';
import { PROTOCOLS } from './protocols/index.ts';
import type { Detail } from './protocols/protocol.ts';
import type { Counters } from './self/counters.ts';
import type { ConversationEnv, OpenPairing } from './stream/conversation.ts';
import { StreamCounters } from './stream/counters.ts';
import { Detector } from './stream/detect.ts';
import { LaneEnv } from './stream/lane.ts';
import type { ExchangeOptions, StreamOptions } from './stream/options.ts';
import { Tcp } from './stream/tcp.ts';
import { type OpenKeyed, Udp } from './stream/udp.ts';

/** The parts of the configuration that the way from packet to exchange needs. */
export interface PipelineOptions {
  readonly streams: StreamOptions;
  readonly exchanges: ExchangeOptions;
  readonly protocols: {
    readonly maxStatementBytes: number;
    /** By protocol name; what is absent is on. */
    readonly speak: Readonly<Record<string, ProtocolOptions>>;
  };
  readonly masking: Masking;
}

export interface ProtocolOptions {
  readonly enabled: boolean;
  /** Its relatives on multicast ports are followed as well. */
  readonly multicast?: boolean;
}

export interface PipelineParts {
  readonly config: PipelineOptions;
  readonly listeners: readonly ExchangeListener[];
  readonly counters: Counters;
  readonly budget: Budget;
  readonly timebase: Timebase;
  /** How much of each exchange the listeners want. */
  readonly detail: Detail;
  /** Takes names that DNS told. */
  readonly names?: NameSink | null;
  /** Hears how TCP fares on every connection, whatever is spoken on it. */
  readonly tcp?: TcpListener | null;
  /** Keeps the names of where packets are captured. */
  readonly devices?: Devices;
  /** Called about once a second of packet time. */
  readonly onTick?: ((nowNs: number) => void) | undefined;
  /** The base second has moved on by `shiftNs`; everything kept in the old times is to be shifted or forgotten. */
  readonly onRebase?: ((shiftNs: number) => void) | undefined;
}

/** What comes in (`capture.*`, beside the figures of the capture itself). */
class CaptureCounters {
  packets = 0;
  bytes = 0;
  wireBytes = 0;
  /** Packets whose time lies before that of the packet captured before them. */
  timeWentBack = 0;
}

const TICK_NS = 1e9;
/** Beyond 52 days from the base a double no longer counts single nanoseconds: files joined from old captures get a new base. */
const MAX_SPAN_NS = 2 ** 52;
/** Packets out of order differ by less; more means that the clock was set, one time stamp was garbage, or an older file follows. */
const CLOCK_STEP_NS = 5e9;

/**
 * From captured frames to finished exchanges, in one object that knows nothing of threads, devices or files.
 * Time comes from the packets; a live capture ticks as well while no packets come.
 */
export class Pipeline implements FrameHandler {
  readonly timebase: Timebase;
  readonly stats = new CaptureCounters();
  readonly #packets: PacketDecoder;
  readonly #devices: Devices;
  readonly #tcp: Tcp;
  readonly #udp: Udp;
  readonly #onTick: ((nowNs: number) => void) | undefined;
  readonly #onRebase: ((shiftNs: number) => void) | undefined;
  /** The latest time seen, and when the next sweep is due. */
  #nowNs = 0;
  #tickNs = TICK_NS;

  constructor(o: PipelineParts) {
    const { config, counters, budget } = o;
    this.timebase = o.timebase;
    this.#onTick = o.onTick;
    this.#onRebase = o.onRebase;
    this.#packets = new PacketDecoder({ budget, counters });
    this.#devices = o.devices ?? new Devices();
    const exchanges = new ExchangeCounters();
    const streams = new StreamCounters();
    const open = openers(o, exchanges);
    const { speak } = config.protocols;
    const spoken = PROTOCOLS.filter((p) => speak[p.name]?.enabled !== false);
    const env: ConversationEnv = {
      lanes: new LaneEnv(budget, streams),
      detector: new Detector(spoken.filter((p) => p.transport === 'tcp')),
      counters: streams,
      budget,
      probeOwner: budget.owner('detection'),
      pairing: open.connection,
    };
    this.#tcp = new Tcp(env, config.streams, streams, budget, o.tcp ?? null);
    this.#udp = new Udp({
      detector: new Detector(spoken.filter((p) => p.transport === 'udp')),
      pairing: open.datagrams,
      counters: streams,
      budget,
      timebase: o.timebase,
      maxFlows: config.streams.maxFlows,
      shunned: new Set(spoken.flatMap((p) => (speak[p.name]?.multicast === true ? [] : (p.multicastPorts ?? [])))),
    });
    counters.add('capture', this.stats);
    counters.add('stream', streams);
    counters.add('exchange', exchanges);
    for (const p of spoken) if (p.counters !== undefined) counters.add(`protocol.${p.name}`, p.counters);
    counters.reader((put) => {
      put('stream.flows', this.#tcp.flows + this.#udp.flows, 'gauge');
      for (const v of VOCABULARIES) {
        put('vocabulary.words', v.size, 'gauge', { vocabulary: v.name });
        put('vocabulary.refused', v.refused, 'counter', { vocabulary: v.name });
      }
      put('memory.limit', budget.maxBytes, 'gauge');
      for (const owner of budget.owners) {
        put('memory.used', owner.used, 'gauge', { owner: owner.name });
        put('memory.refused', owner.refused, 'counter', { owner: owner.name });
      }
    });
  }

  frame(buf: Buffer, start: number, end: number, wireLength: number, sec: number, nsec: number, link: number): void {
    const t = this.timebase;
    if (Number.isNaN(t.baseSec)) t.baseSec = sec;
    let timeNs = (sec - t.baseSec) * 1e9 + nsec;
    if (timeNs > MAX_SPAN_NS || timeNs < -MAX_SPAN_NS) timeNs = this.#rebase(sec, nsec);
    const stats = this.stats;
    stats.packets++;
    stats.bytes += end - start;
    stats.wireBytes += wireLength;
    if (timeNs > this.#nowNs) {
      this.#nowNs = timeNs;
      if (timeNs >= this.#tickNs) this.#sweep(timeNs);
    } else if (timeNs < this.#nowNs) {
      stats.timeWentBack++;
      if (timeNs < this.#nowNs - CLOCK_STEP_NS) this.#stepBack(timeNs);
    }
    if (!this.#packets.decode(buf, start, end, wireLength, timeNs, link)) return;
    const p = this.#packets.packet;
    if (p.protocol === TCP) this.#tcp.segment(p);
    else this.#udp.datagram(p);
  }

  from(device: string): void {
    this.#packets.device = this.#devices.numberOf(device);
  }

  /** Time of the last packet or tick, since the base second. */
  get nowNs(): number {
    return this.#nowNs;
  }

  /** Time goes on without packets; `nowNs` since the base second. */
  tick(nowNs: number): void {
    if (nowNs <= this.#nowNs) return;
    this.#nowNs = nowNs;
    if (nowNs >= this.#tickNs) this.#sweep(nowNs);
  }

  /** End of capture: finishes what is in flight as open. */
  end(): void {
    this.#tcp.end(this.#nowNs);
    this.#udp.end(this.#nowNs);
    this.#onTick?.(this.#nowNs);
  }

  /** `ip:port` of the agent's own end of a connection that must not be traced, and the end of that. */
  ignore(endpoint: string): void {
    this.#tcp.ignore(endpoint);
  }

  unignore(endpoint: string): void {
    this.#tcp.unignore(endpoint);
  }

  /** Nothing goes on over such a distance: what is in flight ends, and times count from a new base. */
  #rebase(sec: number, nsec: number): number {
    this.#tcp.end(this.#nowNs);
    this.#udp.end(this.#nowNs);
    this.#onTick?.(this.#nowNs);
    const shiftNs = (sec - this.timebase.baseSec) * 1e9;
    this.timebase.baseSec = sec;
    this.#stepBack(nsec);
    this.#onRebase?.(shiftNs);
    return nsec;
  }

  #stepBack(nowNs: number): void {
    this.#nowNs = nowNs;
    this.#tickNs = (Math.floor(nowNs / TICK_NS) + 1) * TICK_NS;
  }

  #sweep(nowNs: number): void {
    // On whole seconds, so that the same packets give the same sweeps however they were batched.
    this.#tickNs = (Math.floor(nowNs / TICK_NS) + 1) * TICK_NS;
    this.#tcp.sweep(nowNs);
    this.#udp.sweep(nowNs);
    this.#onTick?.(nowNs);
  }
}

/** How a conversation comes to its pairing: each protocol's exchanges say what may be told of them. */
function openers(
  o: PipelineParts,
  counters: ExchangeCounters,
): { readonly connection: OpenPairing; readonly datagrams: OpenKeyed } {
  const { config, budget } = o;
  const env: PairingEnv = {
    listener: o.listeners.length === 1 ? o.listeners[0]! : all(o.listeners),
    counters,
    budget,
    owner: budget.owner('exchanges'),
    tableOwner: budget.owner('tables'),
    timeoutNs: config.exchanges.timeoutMs * 1e6,
    quietNs: config.exchanges.quietMs * 1e6,
    maxInFlight: config.exchanges.maxInFlight,
    maxStatementBytes: config.protocols.maxStatementBytes,
    detail: o.detail,
    names: o.names ?? null,
    common: new CommonTables({ counters, budget, tableOwner: budget.owner('common') }),
  };
  // one for both transports of a protocol: they are counted together
  const { masking } = config;
  const spoken = new Map<string, Spoken>(
    PROTOCOLS.map((p) => {
      const dialects = (p.dialects ?? []).map((d): Spoken => ({ name: d.name, semantics: d.semantics, masking }));
      return [p.name, { name: p.name, semantics: p.semantics, masking, dialects }];
    }),
  );
  return {
    connection: (protocol, ends, weather, midway) =>
      protocol.pairing === 'in_order'
        ? new Pairing(env, spoken.get(protocol.name)!, ends, weather, midway)
        : new KeyedPairing(env, spoken.get(protocol.name)!, ends, weather, false),
    datagrams: (protocol, ends, weather) => new KeyedPairing(env, spoken.get(protocol.name)!, ends, weather, true),
  };
}

function all(listeners: readonly ExchangeListener[]): ExchangeListener {
  return {
    begun: (x: Exchange) => {
      for (const l of listeners) l.begun?.(x);
    },
    passed: (x, toServer, kind, bytes, timeNs) => {
      for (const l of listeners) l.passed?.(x, toServer, kind, bytes, timeNs);
    },
    finished: (x: Exchange) => {
      for (const l of listeners) l.finished(x);
    },
  };
}
