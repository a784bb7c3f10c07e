/** Bounds as they are counted, by unit and bounds: instruments with equal buckets share one array. */
const LIMITS = new Map<string, Float64Array>();

/** A histogram: as it leaves, and as it is counted. Durations leave in seconds and are counted in nanoseconds; sizes are bytes. */
export class Instrument {
  readonly name: string;
  readonly description: string;
  readonly unit: 's' | 'By';
  readonly bounds: readonly number[];
  /** What is counted for one of `unit`. */
  readonly scale: number;
  /** The bounds as they are counted. */
  readonly limits: Float64Array;
  constructor(name: string, description: string, unit: 's' | 'By', bounds: readonly number[]) {
    this.name = name;
    this.description = description;
    this.unit = unit;
    this.bounds = bounds;
    const scale = unit === 's' ? 1e9 : 1;
    this.scale = scale;
    const key = `${unit} ${bounds.join()}`;
    let limits = LIMITS.get(key);
    if (limits === undefined) {
      limits = Float64Array.from(bounds, (bound) => Math.round(bound * scale));
      LIMITS.set(key, limits);
    }
    this.limits = limits;
  }
}

/** Counters of messages (messaging metrics, development). What was taken from a broker counts, whether it came by itself or was asked for. */
export const SENT = {
  name: 'messaging.client.sent.messages',
  description: 'Messages that a producer sent to a broker',
  unit: '{message}',
};
export const CONSUMED = {
  name: 'messaging.client.consumed.messages',
  description: 'Messages that a broker delivered to a consumer',
  unit: '{message}',
};

/** From the loopback interface to the third SYN (1 s, 3 s, 7 s). */
export const HANDSHAKE_DURATION = new Instrument(
  'spantap.tcp.handshake.duration',
  'From the first SYN to the ACK that ends the handshake',
  's',
  [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
);

/** Names and buckets of the Collector's service graph connector. */
export const GRAPH_TOTAL = 'traces_service_graph_request_total';
export const GRAPH_FAILED = 'traces_service_graph_request_failed_total';
export const GRAPH_SERVER = 'traces_service_graph_request_server';
export const GRAPH_CLIENT = 'traces_service_graph_request_client';
export const GRAPH_BOUNDS = [0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15];
export const GRAPH_DURATION = new Instrument(
  GRAPH_CLIENT,
  'Duration of requests between two services, as the client sees it',
  's',
  GRAPH_BOUNDS,
);
