/** The `limits`, `streams` and `exchanges` parts of the configuration that the stream and exchange rooms need. */
export interface StreamOptions {
  /** Connections followed at once. About 2 KiB each. */
  readonly maxFlows: number;
  /** A connection without packets for this long is forgotten, ms of packet time. */
  readonly idleMs: number;
  /** Out-of-order bytes kept for one direction of one connection. */
  readonly maxReorderBytes: number;
  /** How long a missing segment is waited for after the receiver has acknowledged it, ms. */
  readonly lossGraceMs: number;
}

export interface ExchangeOptions {
  /** A request without its whole response after this long ends as `timeout`, ms. */
  readonly timeoutMs: number;
  /** Silence that makes a pipelining connection trustworthy again after bytes were lost, ms. */
  readonly quietMs: number;
  /** Requests in flight on one connection. */
  readonly maxInFlight: number;
}
