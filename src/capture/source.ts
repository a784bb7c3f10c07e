/** What every source of packets (addon, `cap`, files) agrees on. */

import type { SpantapError } from '../self/errors.ts';

/**
 * Takes one captured frame: `buf[start, end)` are its captured bytes, `wireLength` its length on the wire, `sec` and `nsec` its
 * capture time since the epoch, `link` its LINKTYPE_ number (tcpdump.org/linktypes.html). `buf` is lent for the call only.
 */
export interface FrameHandler {
  frame(buf: Buffer, start: number, end: number, wireLength: number, sec: number, nsec: number, link: number): void;
  /** The frames that follow, up to the next call, were captured at this interface; '' when its name is not known. */
  from?(device: string): void;
}

/** Cumulative figures of a live capture. */
export interface CaptureStats {
  received: number;
  /** Dropped by the kernel because its ring was full. */
  dropped: number;
  /** Dropped by the network interface. */
  interfaceDropped: number;
}

/** Open interfaces whose packets arrive at a FrameHandler until `close`. */
export interface LiveCapture {
  readonly driver: 'libpcap' | 'cap';
  /** Whose clock stamped the packets. `agent`: the moment JavaScript got them, so durations are coarse. */
  readonly clock: 'kernel' | 'agent';
  /** What a person should be told once about this capture. */
  readonly warnings: readonly string[];
  /** Called once for an interface that fails while capturing; the others go on. */
  onError: ((error: SpantapError) => void) | null;
  /** The sum over all interfaces, also after `close`. */
  stats(): CaptureStats;
  /** Delivers nothing until `resume`; what the kernel's ring cannot hold meanwhile is dropped and counted. */
  pause(): void;
  resume(): void;
  /** Ends it. Packets that the kernel has given out by now are delivered before it returns. */
  close(): void;
}

/** Something odd that a capture file held; everything readable around it was delivered. */
export interface FileWarning {
  /** `file-truncated`, `file-garbled`, `file-empty`, ... */
  code: string;
  message: string;
  /** Byte offset in the (decompressed) file. */
  offset: number;
}
