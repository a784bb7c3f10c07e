/** The `cap` driver: the npm package of that name, for machines where the addon cannot be built. */

import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import { SpantapError } from '../self/errors.ts';
import type { CaptureOptions } from './options.ts';
import { filterProblem, noDeviceProblem, openProblem } from './problems.ts';
import type { CaptureStats, FrameHandler, LiveCapture } from './source.ts';

/** To be told once where this driver is in use. */
export const CAP_LIMITS =
  'capture driver cap: packets are stamped by the agent when it gets them, not by the kernel, so durations below some ' +
  'milliseconds mean nothing; packets that the kernel drops cannot be counted; bursts are lost much sooner; interfaces ' +
  'are always promiscuous; capture.snaplen and capture.batchDelay are not heeded. Prefer capture.driver: libpcap.';

/** `cap` captures up to this many bytes of a packet, whatever is wanted. */
const SNAPLEN = 65535;

/** What `open` answers, as LINKTYPE_ numbers; for every other it answers `Unknown linktype N`. */
const LINKTYPES: Record<string, number> = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
  IEEE802_11_RADIO: 127,
};

interface CapHandle extends EventEmitter {
  open(device: string, filter: string, ringBytes: number, buffer: Buffer): string;
  close(): void;
}

interface CapModule {
  Cap: {
    new (): CapHandle;
    deviceList(): { name: string; description?: string; addresses: { addr: string }[]; flags?: string }[];
  };
}

export function openCap(options: CaptureOptions, handler: FrameHandler, onBatchEnd: () => void): LiveCapture {
  if (!isMainThread) {
    throw new SpantapError(
      'capture-cap-main-thread',
      'capture.driver: cap works in the main thread only (it polls on the default event loop). ' +
        'Use capture.driver: libpcap, or one shard in the main thread.',
    );
  }
  return new CapCapture(loadCap(), options, handler, onBatchEnd);
}

function loadCap(): CapModule {
  try {
    return createRequire(import.meta.url)('cap') as CapModule;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n')[0] : String(error);
    throw new SpantapError(
      'capture-cap-missing',
      `The package cap (capture.driver: cap) cannot be loaded: ${reason}\n` +
        'Install it with its addon: npm install cap; npm rebuild cap (needs python3, make, a C++ compiler and libpcap-dev).',
    );
  }
}

class CapCapture implements LiveCapture {
  readonly driver = 'cap';
  readonly clock = 'agent';
  readonly warnings = [CAP_LIMITS];
  onError: ((error: SpantapError) => void) | null = null;
  /** `cap` frees a buffer that nobody holds while it still writes into it. */
  readonly #open: { handle: CapHandle; buffer: Buffer }[] = [];
  readonly #clock = new AgentClock();
  readonly #handler: FrameHandler;
  readonly #onBatchEnd: () => void;
  #received = 0;
  #dropped = 0;
  #paused = false;
  #burst = false;

  constructor(module: CapModule, options: CaptureOptions, handler: FrameHandler, onBatchEnd: () => void) {
    this.#handler = handler;
    this.#onBatchEnd = onBatchEnd;
    try {
      for (const name of new Set(options.interfaces)) this.#add(module, name, options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #add(module: CapModule, name: string, options: CaptureOptions): void {
    const devices = module.Cap.deviceList().map((d) => ({
      name: d.name,
      description: d.description ?? '',
      addresses: d.addresses.map((a) => a.addr).filter((a) => a !== undefined),
      up: true,
      loopback: d.flags === 'PCAP_IF_LOOPBACK',
    }));
    if (!devices.some((d) => d.name === name)) throw noDeviceProblem(name, devices);
    const handle = new module.Cap();
    const buffer = Buffer.alloc(SNAPLEN);
    let answer: string;
    try {
      answer = handle.open(name, options.filter, options.ringBytes, buffer);
    } catch (error) {
      const words = (error as Error).message;
      if (/filter|expression|syntax|unknown/i.test(words)) throw filterProblem(options.filter, words);
      throw openProblem(/permi/i.test(words) ? 'EPERM' : '', words, name, options.filter, () => devices);
    }
    const link = LINKTYPES[answer] ?? Number(/\d+$/.exec(answer)?.[0] ?? -1);
    this.#open.push({ handle, buffer });
    handle.on('packet', (length: number) => this.#take(buffer, length, link, name));
  }

  #take(buffer: Buffer, length: number, link: number, device: string): void {
    this.#received++;
    if (this.#paused) {
      this.#dropped++;
      return;
    }
    this.#clock.read();
    this.#handler.from?.(device);
    this.#handler.frame(buffer, 0, length, length, this.#clock.sec, this.#clock.nsec, link);
    if (this.#burst) return;
    // Packets come one by one; what the event loop delivers in one go is taken for a batch.
    this.#burst = true;
    setImmediate(this.#endBurst);
  }

  readonly #endBurst = (): void => {
    this.#burst = false;
    this.#onBatchEnd();
  };

  /** `cap` knows nothing of the kernel's drops. */
  stats(): CaptureStats {
    return { received: this.#received, dropped: this.#dropped, interfaceDropped: 0 };
  }

  /** The package cannot stop reading: packets are dropped here, and counted. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  close(): void {
    for (const { handle } of this.#open.splice(0)) handle.close();
  }
}

/** The wall clock with the resolution of the monotonic one; follows the wall clock when it is set. */
class AgentClock {
  sec = 0;
  nsec = 0;
  #epochMs = performance.timeOrigin;
  #nextCheckMs = 0;

  read(): void {
    const nowMs = performance.now();
    if (nowMs >= this.#nextCheckMs) {
      this.#nextCheckMs = nowMs + 1000;
      // Date.now() has whole milliseconds: a smaller difference is none.
      const behindMs = Date.now() - (this.#epochMs + nowMs);
      if (Math.abs(behindMs) > 10) this.#epochMs += behindMs;
    }
    const ms = this.#epochMs + nowMs;
    this.sec = Math.floor(ms / 1000);
    this.nsec = Math.floor((ms - this.sec * 1000) * 1e6);
  }
}
