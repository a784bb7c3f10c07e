import type { Budget } from '../bytes/budget.ts';
import type { AttributeSink } from '../exchange/semantics.ts';
import { ProtobufAttributes } from './attributes.ts';
import type { Epoch } from './epoch.ts';
import { ProtobufWriter, varintBytes } from './protobuf.ts';
import type { ServiceResource } from './resource.ts';
import { SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION } from './scope.ts';
import { SpanArena } from './span-arena.ts';
import { type Encoded, MAX_SPAN_BYTES, type SpanEncoder, type SpanHead } from './spans.ts';

const MAX_NAME_CHARS = 1024;
/** Name and tracestate at three bytes a character, ids, times and lengths. */
const MAX_HEAD_BYTES = 3 * (2 * MAX_NAME_CHARS) + 256;

/** Tag of Span.attributes = 9. */
const ATTRIBUTES = 0x4a;

/** Fields `scope = 1` and `schema_url = 3` of ScopeSpans and ScopeMetrics. */
export const SCOPE: Buffer = encodeScope();
export const SCHEMA: Buffer = encodeSchema();

/**
 * Writes spans straight into the wire format of opentelemetry/proto/trace/v1/trace.proto.
 */
export class ProtobufSpans implements SpanEncoder {
  readonly attributes: ProtobufAttributes;
  cut = 0;
  readonly #arena: SpanArena;
  readonly #w: ProtobufWriter;
  /** For attributes that are encoded beforehand. */
  readonly #scratch = new ProtobufWriter(MAX_SPAN_BYTES);
  readonly #aside = new ProtobufAttributes(this.#scratch, ATTRIBUTES);
  readonly #epoch: Epoch;
  #open = 0;
  #error = false;

  constructor(epoch: Epoch, budget: Budget) {
    this.#epoch = epoch;
    this.#arena = new SpanArena(budget);
    this.#w = this.#arena.writer;
    this.#aside.limit = MAX_SPAN_BYTES / 4;
    this.attributes = new ProtobufAttributes(this.#w, ATTRIBUTES);
  }

  get spans(): number {
    return this.#arena.spans;
  }

  get bytes(): number {
    return this.#w.pos;
  }

  begin(resource: ServiceResource, head: SpanHead): boolean {
    if (!this.#arena.begin(resource, MAX_SPAN_BYTES + MAX_HEAD_BYTES)) return false;
    const w = this.#w;
    this.#open = w.open(0x12); // ScopeSpans.spans = 2
    this.attributes.limit = w.pos + MAX_SPAN_BYTES - 64;
    w.byte(0x0a);
    w.byte(16);
    w.word(head.trace0);
    w.word(head.trace1);
    w.word(head.trace2);
    w.word(head.trace3);
    w.byte(0x12);
    w.byte(8);
    w.word(head.span0);
    w.word(head.span1);
    if (head.tracestate !== '') {
      if (head.tracestate.length <= MAX_NAME_CHARS) w.string(0x1a, head.tracestate);
      else this.cut++;
    }
    if (head.hasParent) {
      w.byte(0x22);
      w.byte(8);
      w.word(head.parent0);
      w.word(head.parent1);
    }
    w.string(0x2a, head.name.length <= MAX_NAME_CHARS ? head.name : head.name.slice(0, MAX_NAME_CHARS));
    w.byte(0x30);
    w.byte(head.kind);
    this.#epoch.split(head.startNs);
    w.byte(0x39);
    w.fixed64(this.#epoch.low, this.#epoch.high);
    this.#epoch.split(head.endNs);
    w.byte(0x41);
    w.fixed64(this.#epoch.low, this.#epoch.high);
    w.byte(0x85); // flags = 16, wire type 5: 133 as a varint
    w.byte(0x01);
    w.fixed32(head.flags);
    this.#error = head.error;
    return true;
  }

  encode(write: (put: AttributeSink) => void): Encoded {
    write(this.#aside);
    return this.#scratch.take();
  }

  add(attributes: Encoded): void {
    const bytes = attributes as Uint8Array;
    if (this.#w.pos + bytes.length <= this.attributes.limit) this.#w.bytes(bytes);
    else this.attributes.dropped++;
  }

  end(): void {
    const w = this.#w;
    const attributes = this.attributes;
    if (attributes.dropped > 0) {
      w.byte(0x50); // dropped_attributes_count = 10
      w.varint(attributes.dropped);
    }
    this.cut += attributes.dropped + attributes.cut;
    attributes.dropped = 0;
    attributes.cut = 0;
    if (this.#error) {
      w.byte(0x7a); // status = 15, Status { code = 3 }: STATUS_CODE_ERROR = 2
      w.byte(2);
      w.byte(0x18);
      w.byte(2);
    }
    w.close(this.#open);
    this.#arena.end();
  }

  take(): Uint8Array {
    const arena = this.#arena;
    const sizes = arena.resources.map((r) => SCOPE.length + arena.bytesOf(r) + SCHEMA.length);
    let total = 0;
    arena.resources.forEach((r, i) => {
      const inner = resourceSpansBytes(r, sizes[i]!);
      total += 1 + varintBytes(inner) + inner;
    });
    const out = new ProtobufWriter(total);
    arena.resources.forEach((r, i) => {
      const scope = sizes[i]!;
      out.byte(0x0a); // ExportTraceServiceRequest.resource_spans = 1
      out.varint(resourceSpansBytes(r, scope));
      out.bytes(r.protobuf);
      out.byte(0x12); // ResourceSpans.scope_spans = 2
      out.varint(scope);
      out.bytes(SCOPE);
      arena.copyTo(out, r);
      out.bytes(SCHEMA);
    });
    arena.clear();
    return new Uint8Array(out.buf.buffer, 0, out.pos);
  }
}

function resourceSpansBytes(resource: ServiceResource, scope: number): number {
  return resource.protobuf.length + 1 + varintBytes(scope) + scope;
}

function encodeScope(): Buffer {
  const w = new ProtobufWriter(256);
  const at = w.open(0x0a);
  w.string(0x0a, SCOPE_NAME);
  w.string(0x12, SCOPE_VERSION);
  w.close(at);
  return w.take();
}

function encodeSchema(): Buffer {
  const w = new ProtobufWriter(256);
  w.string(0x1a, SCHEMA_URL);
  return w.take();
}
