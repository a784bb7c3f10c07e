/** Bounds in ns by their seconds: instruments with equal buckets share one array. */
const NANOSECONDS = new Map<string, Float64Array>();

/** A duration histogram: as the conventions have it in seconds, and as it is counted in nanoseconds. */
export class Instrument {
  readonly name: string;
  readonly description: string;
  readonly bounds: readonly number[];
  readonly boundsNs: Float64Array;
  constructor(name: string, description: string, bounds: readonly number[]) {
    this.name = name;
    this.description = description;
    this.bounds = bounds;
    const key = bounds.join();
    let boundsNs = NANOSECONDS.get(key);
    if (boundsNs === undefined) {
      boundsNs = Float64Array.from(bounds, (seconds) => Math.round(seconds * 1e9));
      NANOSECONDS.set(key, boundsNs);
    }
    this.boundsNs = boundsNs;
  }
}

/** Names and buckets of the Collector's service graph connector. */
export const GRAPH_TOTAL = 'traces_service_graph_request_total';
export const GRAPH_FAILED = 'traces_service_graph_request_failed_total';
export const GRAPH_SERVER = 'traces_service_graph_request_server';
export const GRAPH_CLIENT = 'traces_service_graph_request_client';
export const GRAPH_BOUNDS = [0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15];
export const GRAPH_DURATION = new Instrument(GRAPH_CLIENT, 'Duration of requests between two services', GRAPH_BOUNDS);
