/** Runs captured segments through the real pipeline and keeps what came out. */

import assert from 'node:assert/strict';
import { Budget, type Owner } from '../../src/bytes/budget.ts';
import { Timebase } from '../../src/bytes/timebase.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { Pipeline, type PipelineOptions } from '../../src/pipeline.ts';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { type Detail, FULL } from '../../src/protocols/protocol.ts';
import { Counters } from '../../src/self/counters.ts';
import { FIN, type Frame, layOut, type Party, RST } from './frame.ts';

export const DEFAULTS: PipelineOptions = {
  streams: { maxFlows: 50_000, idleMs: 300_000, maxReorderBytes: 1 << 20, lossGraceMs: 20 },
  exchanges: { timeoutMs: 120_000, quietMs: 5000, maxInFlight: 16_384 },
  protocols: {
    maxStatementBytes: 4096,
    speak: Object.fromEntries(PROTOCOLS.map((p) => [p.name, { enabled: true }])),
  },
  masking: { literals: true, comments: true, keys: true },
};

/** Owners that must hold nothing when every connection has come to its end. */
const TRANSIENT = ['lanes', 'reassembly', 'exchanges', 'tables', 'detection', 'udpFlows'];

/** What an exchange said at the moment it was reported. */
export interface Found {
  readonly link: number;
  readonly protocol: string;
  readonly operation: string;
  readonly target: string;
  readonly version: number;
  readonly status: number;
  readonly outcome: number;
  readonly startNs: number;
  readonly requestEndNs: number;
  readonly firstByteNs: number;
  readonly endNs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly id: string;
  readonly record: Exchange;
}

/** Capture times of payload bytes: the first copy that was captured counts. */
export class Times {
  readonly #seen: { link: number; side: Party; from: number; to: number; timeNs: number }[] = [];
  /** When each connection was over: at its first RST, or when both ends had sent their FIN. */
  readonly closeNs = new Map<number, number>();
  readonly #finished = new Set<string>();
  /** The capture's last moment. */
  lastNs = 0;

  add(f: Frame, timeNs: number): void {
    const to = Math.min(f.to, f.from + f.captured);
    if (to > f.from) this.#seen.push({ link: f.link.id, side: f.side, from: f.from, to, timeNs });
    const end = `${f.link.id} ${f.side} ${f.flags & (FIN | RST)}`;
    if ((f.flags & (FIN | RST)) === 0 || this.#finished.has(end)) return;
    this.#finished.add(end);
    this.closeNs.set(f.link.id, timeNs);
  }

  /** NaN: that byte was never captured. */
  at(link: number, side: Party, offset: number): number {
    for (const s of this.#seen) {
      if (s.link === link && s.side === side && s.from <= offset && offset < s.to) return s.timeNs;
    }
    return Number.NaN;
  }

  /** All of `[from, to)` was captured. */
  has(link: number, side: Party, from: number, to: number): boolean {
    let at = from;
    for (let more = true; more && at < to; ) {
      more = false;
      for (const s of this.#seen) {
        if (s.link === link && s.side === side && s.from <= at && at < s.to) {
          at = s.to;
          more = true;
        }
      }
    }
    return at >= to;
  }
}

/** A message that passed in an exchange which went on. */
export interface Passed {
  readonly protocol: string;
  readonly toServer: boolean;
  readonly kind: number;
  readonly bytes: number;
}

const BASE_SEC = 1_700_000_000;

/** A pipeline with everything behind it that a test looks at. */
export class Rig {
  readonly found: Found[] = [];
  readonly passed: Passed[] = [];
  readonly times = new Times();
  readonly counters = new Counters();
  readonly budget: Budget;
  readonly pipeline: Pipeline;
  readonly #lanes: Owner;
  begun = 0;
  nowNs = 0;
  peakBytes = 0;
  /** The most that lanes held at once: bytes that were copied because a segment cut something. */
  peakLaneBytes = 0;

  constructor(options: PipelineOptions = DEFAULTS, maxBytes = 64 << 20, detail: Detail = FULL) {
    this.budget = new Budget(maxBytes);
    this.pipeline = new Pipeline({
      config: options,
      listeners: [
        {
          begun: () => void this.begun++,
          passed: ({ protocol }, toServer, kind, bytes) =>
            void this.passed.push({ protocol: protocol.name, toServer, kind, bytes }),
          finished: (x) => void this.found.push(this.#snapshot(x)),
        },
      ],
      counters: this.counters,
      budget: this.budget,
      timebase: new Timebase(),
      detail,
    });
    this.#lanes = this.budget.owners.find((o) => o.name === 'lanes')!;
  }

  /** Captures the frames one after the other. */
  feed(frames: readonly Frame[]): this {
    for (const f of frames) this.capture(f, this.nowNs + f.gapNs);
    return this;
  }

  capture(f: Frame, timeNs: number): void {
    this.nowNs = timeNs;
    this.times.add(f, timeNs);
    const { bytes, wireLength } = layOut(f);
    this.raw(bytes, wireLength);
  }

  /** A frame of any kind at the present time. The buffer is overwritten afterwards, as a capture ring would do it. */
  raw(bytes: Buffer, wireLength = bytes.length): void {
    const sec = Math.floor(this.nowNs / 1e9);
    this.pipeline.frame(bytes, 0, bytes.length, wireLength, BASE_SEC + sec, this.nowNs - sec * 1e9, 1);
    bytes.fill(0x5a);
    this.peakBytes = Math.max(this.peakBytes, this.budget.used);
    this.peakLaneBytes = Math.max(this.peakLaneBytes, this.#lanes.used);
  }

  wait(ms: number): this {
    this.nowNs += ms * 1e6;
    this.pipeline.tick(this.nowNs - (this.pipeline.timebase.baseSec - BASE_SEC) * 1e9);
    return this;
  }

  /** Ends the capture; nothing may be held, and nothing may have changed in what was told. */
  end(): this {
    this.times.lastNs = this.nowNs;
    this.pipeline.end();
    // A record that was reported belongs to its listener: nothing may be written into it afterwards.
    for (const f of this.found) assert.deepEqual(this.#snapshot(f.record), f);
    for (const o of this.budget.owners) {
      if (TRANSIENT.includes(o.name)) assert.equal(o.used, 0, `${o.name} still holds ${o.used} bytes at the end`);
      assert.ok(o.used >= 0, `${o.name} gave back more than it took: ${o.used}`);
    }
    return this;
  }

  #snapshot(x: Exchange): Found {
    // The pipeline counts from the second of its first packet, the rig from 0.
    const baseNs = (this.pipeline.timebase.baseSec - BASE_SEC) * 1e9;
    return {
      link: linkOf(x),
      protocol: x.protocol.name,
      operation: x.operation,
      target: x.target,
      version: x.version,
      status: x.status,
      outcome: x.outcome,
      startNs: x.startNs + baseNs,
      requestEndNs: x.requestEndNs + baseNs,
      firstByteNs: x.firstByteNs + baseNs,
      endNs: x.endNs + baseNs,
      requestBytes: x.requestBytes,
      responseBytes: x.responseBytes,
      id: [x.id0, x.id1, x.id2, x.id3].join('.'),
      record: x,
    };
  }

  count(name: string): number {
    return this.counters.snapshot().find((r) => r.name === name)?.value ?? Number.NaN;
  }
}

/** The reverse of what layOut writes. */
function linkOf(x: Exchange): number {
  const e = x.ends;
  const block = e.ipVersion === 4 ? ((e.client3 >>> 16) & 255) - 1 : e.client2 >>> 16;
  return block * 64000 + e.clientPort - 1024;
}
