import { type Budget, type Owner, SHED_SERIES } from '../bytes/budget.ts';
import { type TcpListener, type TcpNews, TcpParties } from '../exchange/tcp-news.ts';
import type { Namer } from '../naming/service.ts';
import type { TelemetryCounters } from './counters.ts';
import type { Histograms } from './histograms.ts';
import { HANDSHAKE_DURATION } from './instruments.ts';
import { METRIC_OVERFLOW, NETWORK_INTERFACE_NAME } from './scope.ts';
import { TcpRecord } from './tcp-record.ts';

/** A record with its attributes (five objects of up to six), its key as text, and 40 numbers. */
const RECORD_BYTES = 2048;
/** A record makes 17 series. The service graph counts four of an edge as one; so does this, in records for each `metrics.maxSeries`. */
const RECORD_SHARE = 4;
/** A power of two: who talks to whom, remembered without names. 1024 of about 150 bytes are 150 KB. */
const SLOTS = 1024;

/** The record of the connections between two addresses. */
class Slot extends TcpParties {
  generation = 0;
  record: TcpRecord | null = null;

  take(n: TcpNews, generation: number, record: TcpRecord): void {
    this.become(n);
    this.generation = generation;
    this.record = record;
  }
}

export interface TcpTableParts {
  readonly namer: Namer;
  /** '' for a device that has no name. */
  readonly deviceName: (device: number) => string;
  readonly budget: Budget;
  readonly owner: Owner;
  readonly counters: TelemetryCounters;
  readonly histograms: Histograms;
  readonly maxSeries: number;
  /** Coverage is that of the last whole interval, ms of packet time. */
  readonly intervalMs: number;
}

/** How TCP fares between every pair of services, by device. */
export class TcpTable implements TcpListener {
  readonly records = new Map<string, TcpRecord>();
  /** Takes what there is no room for. */
  overflow: TcpRecord | null = null;
  readonly #parts: TcpTableParts;
  readonly #maxRecords: number;
  readonly #recordBytes: number;
  readonly #intervalNs: number;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => new Slot());
  /** Slots of an older one are outdated. */
  #generation = 1;
  #markedNs = Number.NaN;
  /** An interval has ended already. */
  marked = false;
  /** No series may start before the last sweep: a forgotten one of the same name ended there. */
  #sweptNs = Number.NEGATIVE_INFINITY;

  constructor(parts: TcpTableParts) {
    this.#parts = parts;
    this.#maxRecords = Math.max(1, Math.floor(parts.maxSeries / RECORD_SHARE));
    this.#recordBytes = RECORD_BYTES + parts.histograms.bytes;
    this.#intervalNs = parts.intervalMs * 1e6;
  }

  told(n: TcpNews): void {
    const client = Math.imul(n.client0 ^ n.client1 ^ n.client2 ^ n.client3, 0x9e3779b1);
    const server = Math.imul(n.server0 ^ n.server1 ^ n.server2 ^ n.server3 ^ n.serverPort, 0x85ebca6b);
    const slot = this.#slots[((client ^ server ^ n.device) >>> 16) & (SLOTS - 1)]!;
    if (slot.generation !== this.#generation || !slot.sameAs(n)) slot.take(n, this.#generation, this.#resolve(n));
    slot.record!.add(n);
  }

  /** About once a second of packet time. */
  tick(nowNs: number): void {
    if (Number.isNaN(this.#markedNs) || nowNs < this.#markedNs) this.#markedNs = nowNs;
    if (nowNs - this.#markedNs < this.#intervalNs) return;
    this.#markedNs = nowNs;
    this.mark();
  }

  /** Ends an interval of coverage. */
  mark(): void {
    this.marked = true;
    for (const record of this.records.values()) record.mark();
    this.overflow?.mark();
  }

  /** Lets every pair of addresses ask for its names again: some of them may be known better by now. */
  outdate(): void {
    this.#generation++;
  }

  /** Forgets records to which nothing was added since `beforeNs`. */
  sweep(nowNs: number, beforeNs: number): void {
    this.#sweptNs = nowNs;
    for (const record of this.records.values()) {
      if (record.lastNs >= beforeNs) continue;
      this.records.delete(record.key);
      this.#parts.budget.give(this.#parts.owner, this.#recordBytes);
      this.#parts.counters.seriesExpired++;
      this.#generation++; // slots that hold it must let go
    }
  }

  rebased(shiftNs: number): void {
    this.#sweptNs -= shiftNs;
    this.#markedNs -= shiftNs;
    for (const record of [...this.records.values(), ...(this.overflow === null ? [] : [this.overflow])]) {
      record.startNs -= shiftNs;
      record.lastNs -= shiftNs;
    }
  }

  #resolve(n: TcpNews): TcpRecord {
    const { namer, budget, owner, counters } = this.#parts;
    const client = namer.service(n.ipVersion, n.client0, n.client1, n.client2, n.client3, 0);
    const server = namer.service(n.ipVersion, n.server0, n.server1, n.server2, n.server3, n.serverPort);
    const attributes: Record<string, string> = { client: client.name, server: server.name };
    if (client.namespace !== '') attributes.client_service_namespace = client.namespace;
    if (server.namespace !== '') attributes.server_service_namespace = server.namespace;
    const device = this.#parts.deviceName(n.device);
    if (device !== '') attributes[NETWORK_INTERFACE_NAME] = device;
    const key = JSON.stringify(attributes);
    const found = this.records.get(key);
    if (found !== undefined) return found;
    const startNs = Math.max(n.firstNs, this.#sweptNs);
    if (
      this.records.size >= this.#maxRecords ||
      budget.pressure >= SHED_SERIES ||
      !budget.take(owner, this.#recordBytes)
    ) {
      counters.seriesOverflow++;
      this.overflow ??= this.#newRecord('', { [METRIC_OVERFLOW]: true }, startNs);
      return this.overflow;
    }
    const record = this.#newRecord(key, attributes, startNs);
    this.records.set(key, record);
    return record;
  }

  #newRecord(key: string, attributes: Record<string, string | boolean>, startNs: number): TcpRecord {
    return new TcpRecord(this.#parts.histograms.distribution(HANDSHAKE_DURATION), key, attributes, startNs);
  }
}
