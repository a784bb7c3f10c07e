import type { Attributes } from './attributes.ts';
import { GRAPH_DURATION, type Instrument } from './instruments.ts';
import type { ServiceResource } from './resource.ts';

/** Counts of a cumulative histogram, in what its instrument counts: ns or bytes. */
class Distribution {
  readonly instrument: Instrument;
  readonly counts: Float64Array;
  sum = 0;
  constructor(instrument: Instrument) {
    this.instrument = instrument;
    this.counts = new Float64Array(instrument.limits.length + 1);
  }
}

/** One time series of a histogram. */
export class Point extends Distribution {
  readonly resource: ServiceResource;
  readonly attributes: Attributes;
  readonly key: string;
  startNs: number;
  lastNs: number;
  /** How many Series lead here. */
  uses = 0;
  constructor(
    instrument: Instrument,
    resource: ServiceResource,
    attributes: Attributes,
    key: string,
    startNs: number,
    nowNs: number,
  ) {
    super(instrument);
    this.resource = resource;
    this.attributes = attributes;
    this.key = key;
    this.startNs = startNs;
    this.lastNs = nowNs;
  }
}

/** An edge of the service graph. Seen from one place, the client's and the server's durations are the same. */
export class Edge extends Distribution {
  readonly attributes: Attributes;
  readonly key: string;
  startNs: number;
  total = 0;
  failed = 0;
  /** How many pairs lead here. */
  uses = 0;
  constructor(attributes: Attributes, key: string, startNs: number) {
    super(GRAPH_DURATION);
    this.attributes = attributes;
    this.key = key;
    this.startNs = startNs;
  }
}

/** Where the exchanges of a pair, or the messages in them, that share every dimension are counted. */
export class Series {
  readonly client: Point | null;
  readonly server: Point | null;
  /** Null where the protocol makes no edge, and for messages. */
  readonly edge: Edge | null;
  /** Either side sees an error. */
  readonly failed: boolean;
  lastNs: number;
  constructor(client: Point | null, server: Point | null, edge: Edge | null, failed: boolean, nowNs: number) {
    this.client = client;
    this.server = server;
    this.edge = edge;
    this.failed = failed;
    this.lastNs = nowNs;
  }
}

/** A value equal to a bound belongs below it (metrics data model, histogram). */
export function bucketOf(limits: Float64Array, value: number): number {
  const length = limits.length;
  let i = 0;
  while (i < length && value > limits[i]!) i++;
  return i;
}

export function observe(d: Distribution, value: number): void {
  d.counts[bucketOf(d.instrument.limits, value)]!++;
  d.sum += value;
}
