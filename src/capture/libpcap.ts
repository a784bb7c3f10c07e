/** The `libpcap` driver: one handle of the addon per interface, packets in batches with kernel time stamps. */

import type { SpantapError } from '../self/errors.ts';
import { type Addon, type Handle, loadAddon } from './addon.ts';
import type { CaptureOptions } from './options.ts';
import { lostProblem, openProblem } from './problems.ts';
import type { CaptureStats, FrameHandler, LiveCapture } from './source.ts';

/** Small enough to stay in the processor's cache, large enough for about a thousand full-size packets per call. */
const BATCH_BYTES = 1 << 20;
/** Words before the bytes of each packet: seconds, nanoseconds, captured length, length on the wire. */
const HEADER_WORDS = 4;

export function openLibpcap(
  options: CaptureOptions,
  fanoutGroup: number | undefined,
  handler: FrameHandler,
  onBatchEnd: () => void,
): LiveCapture {
  return new LibpcapCapture(loadAddon(), options, fanoutGroup, handler, onBatchEnd);
}

class LibpcapCapture implements LiveCapture {
  readonly driver = 'libpcap';
  readonly clock = 'kernel';
  readonly warnings: string[] = [];
  onError: ((error: SpantapError) => void) | null = null;
  readonly #handles: Handle[] = [];

  constructor(
    addon: Addon,
    options: CaptureOptions,
    fanoutGroup: number | undefined,
    handler: FrameHandler,
    onBatchEnd: () => void,
  ) {
    try {
      for (const name of new Set(options.interfaces)) {
        const handle = this.#open(addon, name, options, handler, onBatchEnd);
        // All members of a group must be on the same interface, so each interface has a group of its own.
        if (fanoutGroup !== undefined) handle.fanout((fanoutGroup + this.#handles.length - 1) & 0xffff);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #open(addon: Addon, name: string, options: CaptureOptions, handler: FrameHandler, onBatchEnd: () => void): Handle {
    const batch = Buffer.allocUnsafeSlow(Math.max(BATCH_BYTES, 2 * (4 * HEADER_WORDS + options.snaplen + 3)));
    const reader = new BatchReader(batch, handler, onBatchEnd);
    const settings = {
      filter: options.filter,
      snaplen: options.snaplen,
      promiscuous: options.promiscuous,
      ringBytes: options.ringBytes,
      timeoutMs: options.batchDelayMs,
      batch,
    };
    try {
      const handle = addon.open(
        name,
        settings,
        (count) => reader.read(count),
        (words) => this.onError?.(lostProblem(name, words)),
      );
      reader.link = handle.linktype;
      reader.device = name;
      if (handle.warning !== '') this.warnings.push(`${name}: ${handle.warning}`);
      this.#handles.push(handle);
      return handle;
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      throw openProblem(code, message, name, options.filter, () => addon.devices());
    }
  }

  stats(): CaptureStats {
    const sum = { received: 0, dropped: 0, interfaceDropped: 0 };
    for (const handle of this.#handles) {
      const { received, dropped, interfaceDropped } = handle.stats();
      sum.received += received;
      sum.dropped += dropped;
      sum.interfaceDropped += interfaceDropped;
    }
    return sum;
  }

  pause(): void {
    for (const handle of this.#handles) handle.pause();
  }

  resume(): void {
    for (const handle of this.#handles) handle.resume();
  }

  close(): void {
    // A busy machine may have left packets in the ring for longer than the batch delay.
    for (const handle of this.#handles) {
      handle.drain();
      handle.close();
    }
  }
}

/** Walks the packets of a batch. */
class BatchReader {
  link = 0;
  device = '';
  readonly #batch: Buffer;
  readonly #words: Uint32Array;
  readonly #handler: FrameHandler;
  readonly #onBatchEnd: () => void;

  constructor(batch: Buffer, handler: FrameHandler, onBatchEnd: () => void) {
    this.#batch = batch;
    this.#words = new Uint32Array(batch.buffer, batch.byteOffset, batch.length >> 2);
    this.#handler = handler;
    this.#onBatchEnd = onBatchEnd;
  }

  read(count: number): void {
    const batch = this.#batch;
    const words = this.#words;
    const handler = this.#handler;
    const link = this.link;
    handler.from?.(this.device);
    let word = 0;
    for (let i = 0; i < count; i++) {
      const captured = words[word + 2]!;
      const start = (word + HEADER_WORDS) << 2;
      handler.frame(batch, start, start + captured, words[word + 3]!, words[word]!, words[word + 1]!, link);
      word += HEADER_WORDS + ((captured + 3) >> 2);
    }
    this.#onBatchEnd();
  }
}
