import type { Attributes } from './attributes.ts';
import type { Distribution } from './histograms.ts';
import type { Instrument } from './instruments.ts';
import type { ServiceResource } from './resource.ts';

/** One time series of a histogram, and of the counters of messages that have the same attributes. */
export class Point {
  readonly instrument: Instrument;
  readonly values: Distribution;
  readonly resource: ServiceResource;
  readonly attributes: Attributes;
  readonly key: string;
  startNs: number;
  lastNs: number;
  sent = 0;
  consumed = 0;
  /** How many Series lead here. */
  uses = 0;
  constructor(
    instrument: Instrument,
    values: Distribution,
    resource: ServiceResource,
    attributes: Attributes,
    key: string,
    startNs: number,
    nowNs: number,
  ) {
    this.instrument = instrument;
    this.values = values;
    this.resource = resource;
    this.attributes = attributes;
    this.key = key;
    this.startNs = startNs;
    this.lastNs = nowNs;
  }
}

/** Counts messages as `Semantics.messageCount` tells them. */
export function carry(point: Point | null, messages: number): void {
  if (point === null) return;
  if (messages > 0) point.sent += messages;
  else point.consumed -= messages;
}

/** An edge of the service graph. Seen from one place, the client's and the server's durations are the same. */
export class Edge {
  readonly durations: Distribution;
  readonly attributes: Attributes;
  readonly key: string;
  startNs: number;
  total = 0;
  failed = 0;
  /** How many pairs lead here. */
  uses = 0;
  constructor(durations: Distribution, attributes: Attributes, key: string, startNs: number) {
    this.durations = durations;
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
