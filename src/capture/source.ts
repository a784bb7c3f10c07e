/** What every source of packets (addon, `cap`, files) agrees on. */

/**
 * Takes one captured frame: `buf[start, end)` are its captured bytes, `wireLength` its length on the wire, `sec` and `nsec` its
 * capture time since the epoch, `link` its LINKTYPE_ number (tcpdump.org/linktypes.html). `buf` is lent for the call only.
 */
export interface FrameHandler {
  frame(buf: Buffer, start: number, end: number, wireLength: number, sec: number, nsec: number, link: number): void;
}

/** Cumulative figures of a live capture. */
export interface CaptureStats {
  received: number;
  /** Dropped by the kernel because its ring was full. */
  dropped: number;
  /** Dropped by the network interface. */
  interfaceDropped: number;
}

/** Something odd that a capture file held; everything readable around it was delivered. */
export interface FileWarning {
  /** `file-truncated`, `file-garbled`, `file-empty`, ... */
  code: string;
  message: string;
  /** Byte offset in the (decompressed) file. */
  offset: number;
}
