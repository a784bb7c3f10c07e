/**
 * Times inside the pipeline are numbers: nanoseconds since this base second (104 days fit into 53 bits exactly).
 * The first packet sets the base; epoch times are made at the edge.
 */
export class Timebase {
  /** Epoch seconds; NaN until the first packet. */
  baseSec = Number.NaN;

  /** ns since the base for an epoch time. */
  at(sec: number, nsec: number): number {
    return (sec - this.baseSec) * 1e9 + nsec;
  }

  /** Epoch seconds with nine decimals, as text, exact. */
  text(ns: number): string {
    const sec = Math.floor(ns / 1e9);
    return `${this.baseSec + sec}.${String(ns - sec * 1e9).padStart(9, '0')}`;
  }
}
