import type { AttributeSink } from '../exchange/semantics.ts';
import type { ServiceResource } from './resource.ts';

/** SpanKind of trace.proto. */
export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;

/** Bits of Span.flags above the eight W3C trace flags: whether the parent's place is known, and that it is another process. */
export const HAS_IS_REMOTE = 0x100;
export const IS_REMOTE = 0x200;

/** A batch is closed at this size even if it holds fewer spans than configured: Collectors take 4 MiB by default. */
export const MAX_BATCH_BYTES = 1 << 20;
/** One span; attributes beyond it are left out. 40 times what a usual one takes. */
export const MAX_SPAN_BYTES = 1 << 16;

/** Everything of a span but its attributes. One is filled anew for each span. */
export class SpanHead {
  trace0 = 0;
  trace1 = 0;
  trace2 = 0;
  trace3 = 0;
  span0 = 0;
  span1 = 0;
  hasParent = false;
  parent0 = 0;
  parent1 = 0;
  flags = 0;
  tracestate = '';
  name = '';
  kind = KIND_CLIENT;
  startNs = 0;
  endNs = 0;
  error = false;
}

/** Spans of one ExportTraceServiceRequest, encoded. */
export interface SpanBatch {
  bytes: Uint8Array;
  spans: number;
}

/** Attributes in an encoder's own form, to be put into many spans. */
export type Encoded = Uint8Array | string;

/** Gathers spans of many services and gives them out as one request. */
export interface SpanEncoder {
  /** Takes the attributes of the span that was begun. */
  readonly attributes: AttributeSink;
  readonly spans: number;
  /** Size of the batch so far. */
  readonly bytes: number;
  /** Attributes left out or shortened because they were too long. */
  readonly cut: number;
  /** False when there is no room: `take` first. */
  begin(resource: ServiceResource, head: SpanHead): boolean;
  /** Encodes attributes beforehand, and puts such into the span that was begun. */
  encode(write: (put: AttributeSink) => void): Encoded;
  add(attributes: Encoded): void;
  end(): void;
  /** The request; the encoder is empty again. */
  take(): Uint8Array;
}
