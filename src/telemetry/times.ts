import { type Exchange, TRUNCATED } from '../exchange/exchange.ts';

/** The latest time of the exchange that is known. A time that was not seen is NaN, which is equal to nothing. */
export function lastSeenNs(x: Exchange): number {
  if (!Number.isNaN(x.endNs)) return x.endNs;
  if (!Number.isNaN(x.firstByteNs)) return x.firstByteNs;
  return Number.isNaN(x.requestEndNs) ? x.startNs : x.requestEndNs;
}

/**
 * How long the exchange took, at least 0; -1 when its end was not seen, or when the server was asked to wait. For one without an
 * answer: until it was given up; for one that streams: to the first byte.
 */
export function durationNs(x: Exchange): number {
  if (x.waits) return -1;
  if (x.streams && !Number.isNaN(x.firstByteNs)) return Math.max(0, x.firstByteNs - x.startNs);
  if (x.outcome === TRUNCATED || Number.isNaN(x.endNs)) return -1;
  return x.endNs > x.startNs ? x.endNs - x.startNs : 0;
}
