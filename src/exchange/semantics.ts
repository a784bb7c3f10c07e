import type { Exchange } from './exchange.ts';

/** Which end's span or metric is meant. */
export const CLIENT = 0;
export const SERVER = 1;
export type Side = 0 | 1;

/** Takes attributes one by one; writers encode them as they come, no map is built. */
export interface AttributeSink {
  string(key: string, value: string): void;
  int(key: string, value: number): void;
  double(key: string, value: number): void;
  boolean(key: string, value: boolean): void;
  strings(key: string, values: readonly string[]): void;
}

/** A duration histogram of the semantic conventions, in seconds. */
export interface DurationInstrument {
  readonly name: string;
  readonly description: string;
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[];
}

/** Sizes of messages in exchanges that go on, in bytes: one histogram for every protocol that has such. */
export interface SizeInstrument {
  readonly name: string;
  readonly description: string;
  /** Upper bounds in bytes, ascending. */
  readonly bounds: readonly number[];
}

/** No convention has one. Its count is that of messages, its sum that of their bytes. */
export const MESSAGE_SIZE: SizeInstrument = {
  name: 'spantap.message.size',
  description: 'Size of messages that passed in sessions and streams, counted as they pass.',
  bounds: [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576],
};

/** What metrics tell messages apart by. `kind` is what the decoder called it. */
export interface MessageSemantics {
  /** Equal for messages of one pair that share every dimension, the direction apart. */
  seriesKey(x: Exchange, kind: number): number;
  /** Metric attributes, except the protocol's name, the direction and peers. Called once for each new series. */
  dimensions(x: Exchange, kind: number, put: AttributeSink): void;
}

/** Buckets that the HTTP, RPC and messaging conventions recommend. */
export const REQUEST_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Buckets that the database conventions recommend. */
export const DATABASE_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** Trace context headers as found on the wire, '' when absent. */
export interface WireContext {
  traceparent: string;
  tracestate: string;
  /** Single-header b3, or the multi-header form joined as `traceid-spanid-sampled`. */
  b3: string;
  uberTraceId: string;
  sw8: string;
}

/** What spans and durations an exchange makes at which end, and of which kind, as bits. */
export const CLIENT_KIND = 1;
export const PRODUCER_KIND = 2;
export const SERVER_KIND = 4;
export const CONSUMER_KIND = 8;
/** A CONSUMER span as well, but at the client's end: what it received belongs to what it asked for before (a subscription). */
export const RECEIVER_KIND = 16;
/** The client's end, the server's end. */
export const CLIENT_KINDS = CLIENT_KIND | PRODUCER_KIND | RECEIVER_KIND;
export const SERVER_KINDS = SERVER_KIND | CONSUMER_KIND;

/** What an exchange of one protocol means in OpenTelemetry's terms. Pure functions over the record. */
export interface Semantics {
  /** `pair`: CLIENT and SERVER span; `client`: a CLIENT span only (databases, caches, DNS). */
  readonly spans: 'pair' | 'client';
  /** Where a protocol's exchanges differ (messages sent, delivered, settled): the bits above; the same for all of one series key. */
  kinds?(x: Exchange): number;
  /** Label of the service graph's edge; null: it is none (questions to a resolver). */
  readonly connectionType: '' | 'database' | 'messaging_system' | null;
  readonly clientDuration: DurationInstrument | null;
  readonly serverDuration: DurationInstrument | null;

  /** One line for people: method and target. `raw`: as on the wire; otherwise without secrets. */
  operation(x: Exchange, raw: boolean): string;
  /** Status as the protocol words it; null when no response was seen. */
  status(x: Exchange): string | null;
  /** Low-cardinality name of the thing asked for, to group by in reports (HTTP: the path without query); '' if there is none. */
  path(x: Exchange): string;

  spanName(x: Exchange, side: Side, route: string): string;
  /** Value of `error.type` on that side, '' when it is no error there. Span status is Error exactly when it is not ''. */
  errorType(x: Exchange, side: Side): string;
  /** Span attributes of the conventions, except error.type, peers and `spantap.*`, which are common to all protocols. */
  attributes(x: Exchange, side: Side, route: string, put: AttributeSink): void;

  /** Equal for exchanges of one pair that share every dimension (both sides, error type included; the route apart). */
  seriesKey(x: Exchange): number;
  /** Metric attributes, except error.type and peers. Called once for each new series. */
  dimensions(x: Exchange, side: Side, route: string, put: AttributeSink): void;

  /** Of protocols that report messages while an exchange goes on (`Exchanges.message`). */
  readonly messages?: MessageSemantics;

  /** Of messaging systems: how many messages it took to a broker (above 0) or brought from one (below 0); 0 also when that is not known. */
  messageCount?(x: Exchange): number;

  /** The trace context that travelled with the request, or null. */
  context(x: Exchange): WireContext | null;
}

/** The kinds of span that the exchange makes, as bits. */
export function kindsOf(x: Exchange): number {
  const s = x.protocol.semantics;
  return s.kinds?.(x) ?? (s.spans === 'pair' ? CLIENT_KIND | SERVER_KIND : CLIENT_KIND);
}
