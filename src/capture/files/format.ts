/** What the readers of the file formats have in common. */

/**
 * Most bytes of one frame: libpcap's own bound (MAXIMUM_SNAPLEN) for everything but USB and D-Bus. A record that claims more is
 * damaged.
 */
export const MAX_FRAME_BYTES = 262_144;

/**
 * Most bytes of one record that are held at once: the largest frame, and three times that for the comments and other options behind it.
 */
export const MAX_RECORD_BYTES = 4 * MAX_FRAME_BYTES;

/**
 * The one buffer a file is read through. It holds two of the largest records (a damaged one is judged by the one behind it), and
 * reading costs one system call for about a thousand full-size packets.
 */
export const CHUNK_BYTES = 2 * MAX_RECORD_BYTES;

/** Reads frames out of a buffer of CHUNK_BYTES that its owner fills again and again. */
export interface FormatReader {
  readonly frames: number;
  /**
   * Takes what is whole in `[pos, end)` of the buffer and answers where it stopped; the rest, never a full buffer, comes again with more
   * behind it. `shift` + position = offset in the file. `last`: there is no more, and nothing may be left.
   */
  read(pos: number, end: number, shift: number, last: boolean): number;
}

/** Answers to "is this a record?" where damage is searched for the next good one. */
export const NO = 0;
export const YES = 1;
/** More bytes must come before it can be said. */
export const UNSURE = 2;
