/** The stream room alone, with a protocol that takes everything and writes down what it was handed. */

import { endpointText } from '../../src/bytes/address.ts';
import { Budget } from '../../src/bytes/budget.ts';
import type { Window } from '../../src/bytes/window.ts';
import { ExchangeCounters } from '../../src/exchange/counters.ts';
import type { Ends } from '../../src/exchange/exchange.ts';
import { Pairing } from '../../src/exchange/pairing.ts';
import { CommonTables } from '../../src/exchange/table.ts';
import type { TcpListener } from '../../src/exchange/tcp-news.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { TCP } from '../../src/packet/packet.ts';
import { http } from '../../src/protocols/http/index.ts';
import {
  type Decoder,
  type Dir,
  MORE,
  type Protocol,
  TO_CLIENT,
  TO_SERVER,
  YES,
} from '../../src/protocols/protocol.ts';
import { Counters } from '../../src/self/counters.ts';
import type { ConversationEnv } from '../../src/stream/conversation.ts';
import { StreamCounters } from '../../src/stream/counters.ts';
import { Detector } from '../../src/stream/detect.ts';
import { LaneEnv } from '../../src/stream/lane.ts';
import type { StreamOptions } from '../../src/stream/options.ts';
import { Tcp } from '../../src/stream/tcp.ts';
import { type Frame, layOut } from '../kit/frame.ts';

/** A stretch of bytes without a hole, as one end sent it. */
export interface Stretch {
  /** Stream offset, holes counted, from the first byte that was seen. */
  readonly at: number;
  readonly bytes: Buffer;
  readonly timeNs: number;
}

/** One direction of one connection. */
export class Heard {
  readonly from: string;
  readonly stretches: Stretch[] = [];
  /** Calls of gap() and end(). */
  gaps = 0;
  ended = false;

  constructor(from: string) {
    this.from = from;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.stretches.map((s) => s.bytes));
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Missing stretches, `at` counting captured bytes only. */
  get holes(): { at: number; length: number }[] {
    const holes: { at: number; length: number }[] = [];
    let offset = 0;
    let captured = 0;
    for (const s of this.stretches) {
      if (s.at > offset) holes.push({ at: captured, length: s.at - offset });
      captured += s.bytes.length;
      offset = s.at + s.bytes.length;
    }
    return holes;
  }
}

class Listener implements Decoder {
  readonly successor = '';
  readonly #sides: readonly [Heard, Heard];

  constructor(toServer: Heard, toClient: Heard) {
    this.#sides = [toServer, toClient];
  }

  decode(dir: Dir, w: Window): typeof MORE {
    const bytes = Buffer.from(w.buf.subarray(w.pos, w.end));
    if (bytes.length > 0) this.#sides[dir].stretches.push({ at: w.base + w.pos, bytes, timeNs: w.timeAt(w.pos) });
    w.pos = w.end;
    w.want = 1;
    return MORE;
  }

  resync(): boolean {
    return true;
  }

  gap(dir: Dir): void {
    this.#sides[dir].gaps++;
  }

  end(dir: Dir): void {
    this.#sides[dir].ended = true;
  }
}

/** Feeds frames to reassembly. The end that spoke first is taken for the client unless a SYN said otherwise. */
export class Ear {
  readonly counters = new StreamCounters();
  readonly budget: Budget;
  readonly tcp: Tcp;
  /** Both directions of each connection that carried bytes, client's first. */
  readonly heard: Heard[] = [];
  readonly #packets: PacketDecoder;
  nowNs = 0;

  constructor(options: Partial<StreamOptions> = {}, maxBytes = 64 << 20, listener: TcpListener | null = null) {
    this.budget = new Budget(maxBytes);
    let last: Ends | null = null;
    const spy: Protocol = {
      name: 'spy',
      transport: 'tcp',
      pairing: 'in_order',
      ports: [],
      maxHead: 1024,
      semantics: http.semantics,
      probe: () => YES,
      open: () => {
        const e = last!;
        const client = endpointText(e.ipVersion, e.clientAddress, e.clientPort);
        const pair = [new Heard(client), new Heard(endpointText(e.ipVersion, e.serverAddress, e.serverPort))] as const;
        this.heard.push(...pair);
        return new Listener(pair[TO_SERVER], pair[TO_CLIENT]);
      },
    };
    const pairing = {
      listener: { finished: () => {} },
      counters: new ExchangeCounters(),
      budget: this.budget,
      owner: this.budget.owner('exchanges'),
      tableOwner: this.budget.owner('tables'),
      common: new CommonTables({
        counters: new ExchangeCounters(),
        budget: this.budget,
        tableOwner: this.budget.owner('common'),
      }),
      maxStatementBytes: 4096,
      names: null,
      timeoutNs: 1e12,
      quietNs: 5e9,
      maxInFlight: 10,
      detail: 0,
    } as const;
    const env: ConversationEnv = {
      lanes: new LaneEnv(this.budget, this.counters),
      detector: new Detector([spy]),
      counters: this.counters,
      budget: this.budget,
      probeOwner: this.budget.owner('detection'),
      pairing: (protocol, ends, weather, midway) => {
        last = ends;
        return new Pairing(pairing, protocol, ends, weather, midway);
      },
    };
    const defaults = { maxFlows: 50_000, idleMs: 300_000, maxReorderBytes: 1 << 20, lossGraceMs: 20 };
    this.tcp = new Tcp(env, { ...defaults, ...options }, this.counters, this.budget, listener);
    this.#packets = new PacketDecoder({ budget: this.budget, counters: new Counters() });
  }

  /** The frames that follow are captured at the device of that number. */
  at(device: number): this {
    this.#packets.device = device;
    return this;
  }

  frame(buf: Buffer, wireLength: number, timeNs: number, link = 1): void {
    this.nowNs = timeNs;
    if (!this.#packets.decode(buf, 0, buf.length, wireLength, timeNs, link)) return;
    if (this.#packets.packet.protocol === TCP) this.tcp.segment(this.#packets.packet);
  }

  /** A segment of a scripted connection. The buffer is overwritten afterwards. */
  hear(...frames: Frame[]): this {
    for (const f of frames) {
      const { bytes, wireLength } = layOut(f);
      this.frame(bytes, wireLength, this.nowNs + f.gapNs);
      bytes.fill(0x5a);
    }
    return this;
  }

  wait(ms: number): this {
    this.nowNs += ms * 1e6;
    this.tcp.sweep(this.nowNs);
    return this;
  }

  end(): this {
    this.tcp.end(this.nowNs);
    return this;
  }

  used(owner: string): number {
    return this.budget.owners.find((o) => o.name === owner)!.used;
  }
}
