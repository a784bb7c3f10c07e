import type { Budget, Owner } from '../bytes/budget.ts';
import { ProtobufAttributes } from './attributes.ts';
import type { Epoch } from './epoch.ts';
import { ProtobufWriter, varintBytes } from './protobuf.ts';
import type { ServiceResource } from './resource.ts';
import { SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION } from './scope.ts';
import { MAX_BATCH_BYTES, MAX_SPAN_BYTES, type SpanEncoder, type SpanHead } from './spans.ts';

/** Room for a few hundred spans; it doubles up to a whole batch. */
const FIRST_BYTES = 1 << 18;
const MAX_BYTES = MAX_BATCH_BYTES + MAX_SPAN_BYTES;
const MAX_SPANS = 4096;
const MAX_NAME_CHARS = 1024;
/** Name and tracestate at three bytes a character, ids, times and lengths. */
const MAX_HEAD_BYTES = 3 * (2 * MAX_NAME_CHARS) + 256;

/** Fields `scope = 1` and `schema_url = 3` of ScopeSpans and ScopeMetrics. */
export const SCOPE: Buffer = encodeScope();
export const SCHEMA: Buffer = encodeSchema();

/**
 * Writes spans straight into the wire format of opentelemetry/proto/trace/v1/trace.proto, all into one buffer in the order
 * they come; `take` copies them out grouped by resource.
 */
export class ProtobufSpans implements SpanEncoder {
  readonly attributes: ProtobufAttributes;
  spans = 0;
  cut = 0;
  readonly #w = new ProtobufWriter(FIRST_BYTES);
  readonly #epoch: Epoch;
  readonly #budget: Budget;
  readonly #owner: Owner;
  readonly #resources: ServiceResource[] = [];
  /** For span i: where it begins, where it ends, and the next one of its resource (-1: the last). */
  readonly #from = new Int32Array(MAX_SPANS);
  readonly #to = new Int32Array(MAX_SPANS);
  readonly #next = new Int32Array(MAX_SPANS);
  #batch = 0;
  #open = 0;
  #error = false;

  constructor(epoch: Epoch, budget: Budget) {
    this.#epoch = epoch;
    this.#budget = budget;
    this.#owner = budget.owner('spans');
    budget.take(this.#owner, FIRST_BYTES);
    this.attributes = new ProtobufAttributes(this.#w, 0x4a); // attributes = 9
  }

  get bytes(): number {
    return this.#w.pos;
  }

  begin(resource: ServiceResource, head: SpanHead): boolean {
    if (this.spans === MAX_SPANS || !this.#room()) return false;
    this.#file(resource);
    const w = this.#w;
    this.#from[this.spans] = w.pos;
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
    this.#to[this.spans++] = w.pos;
  }

  take(): Uint8Array {
    const resources = this.#resources;
    let total = 0;
    for (const r of resources) {
      const inner = this.#resourceBytes(r);
      total += 1 + varintBytes(inner) + inner;
    }
    const out = new ProtobufWriter(Math.max(total, 1));
    const source = this.#w.buf;
    for (const r of resources) {
      const spans = this.#spanBytes(r);
      const scope = SCOPE.length + spans + SCHEMA.length;
      out.byte(0x0a); // ExportTraceServiceRequest.resource_spans = 1
      out.varint(r.protobuf.length + 1 + varintBytes(scope) + scope);
      out.bytes(r.protobuf);
      out.byte(0x12); // ResourceSpans.scope_spans = 2
      out.varint(scope);
      out.bytes(SCOPE);
      for (let i = r.firstSpan; i >= 0; i = this.#next[i]!) {
        source.copy(out.buf, out.pos, this.#from[i]!, this.#to[i]!);
        out.pos += this.#to[i]! - this.#from[i]!;
      }
      out.bytes(SCHEMA);
    }
    resources.length = 0;
    this.#batch++;
    this.spans = 0;
    this.#w.pos = 0;
    return new Uint8Array(out.buf.buffer, 0, out.pos);
  }

  #resourceBytes(r: ServiceResource): number {
    const scope = SCOPE.length + this.#spanBytes(r) + SCHEMA.length;
    return r.protobuf.length + 1 + varintBytes(scope) + scope;
  }

  #spanBytes(r: ServiceResource): number {
    let bytes = 0;
    for (let i = r.firstSpan; i >= 0; i = this.#next[i]!) bytes += this.#to[i]! - this.#from[i]!;
    return bytes;
  }

  /** Appends the coming span to its resource's chain. */
  #file(resource: ServiceResource): void {
    const i = this.spans;
    this.#next[i] = -1;
    if (resource.batch === this.#batch) {
      this.#next[resource.lastSpan] = i;
    } else {
      resource.batch = this.#batch;
      resource.firstSpan = i;
      this.#resources.push(resource);
    }
    resource.lastSpan = i;
  }

  #room(): boolean {
    const w = this.#w;
    const needed = MAX_SPAN_BYTES + MAX_HEAD_BYTES;
    if (w.pos + needed <= w.buf.length) return true;
    const before = w.buf.length;
    if (before >= MAX_BYTES + MAX_HEAD_BYTES || !this.#budget.take(this.#owner, before)) return false;
    w.room(needed);
    return true;
  }
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
