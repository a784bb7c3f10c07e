/** The `spans`, `metrics` and `agent` parts of the configuration. */
export interface TelemetryOptions {
  readonly spans: {
    readonly enabled: boolean;
    /** `pair`: CLIENT and SERVER; `client` or `server`: that one only. */
    readonly mode: 'pair' | 'client' | 'server';
    /** Wire contexts whose sampled bit is 0: `drop` their spans (metrics still count) or keep them `always`. */
    readonly unsampled: 'drop' | 'always';
    /** Spans are handed to the exporter when this many have gathered, or each `flushDelayMs`. */
    readonly batchSpans: number;
    readonly flushDelayMs: number;
    /** Whose clock stamped the packets. `agent`: spans say so (`spantap.clock`), because their durations are coarse. */
    readonly clock?: 'kernel' | 'agent';
  };
  readonly metrics: {
    readonly enabled: boolean;
    readonly intervalMs: number;
    /** Buckets that a histogram of base 2 may have; 0: histograms have the buckets of their conventions. */
    readonly maxBuckets: number;
    /** Series in all, per shard; what comes after goes to the overflow series. */
    readonly maxSeries: number;
    /** A series without a new observation for this long is forgotten, ms of packet time. */
    readonly expiryMs: number;
    /** How TCP fares between every pair of services (`spantap.tcp.*`, `spantap.coverage`). */
    readonly tcp: boolean;
  };
  /** `template`: ids in paths are folded (`/users/{id}`) and set as http.route; `off`: no route. */
  readonly routes: 'off' | 'template';
  /** `service.instance.id` of the metrics' resources, so that cumulative series of two agents never collide. */
  readonly agentId: string;
  /** Resource attributes of what belongs to two services: the graph and how TCP fares. */
  readonly own: Readonly<Record<string, string>>;
  /** Encoding of spans: what the exporter sends. */
  readonly encoding: 'protobuf' | 'json';
}
