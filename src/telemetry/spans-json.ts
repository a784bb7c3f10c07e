import { bounded, JsonAttributes } from './attributes.ts';
import type { Epoch } from './epoch.ts';
import { wordHex } from './identity.ts';
import type { ServiceResource } from './resource.ts';
import { SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION } from './scope.ts';
import { MAX_BATCH_BYTES, type SpanEncoder, type SpanHead } from './spans.ts';

export const SCOPE_JSON = JSON.stringify({ name: SCOPE_NAME, version: SCOPE_VERSION });

/** Spans as OTLP JSON (protobuf's JSON mapping; ids in hex, 64-bit integers as text). */
export class JsonSpans implements SpanEncoder {
  readonly attributes = new JsonAttributes();
  spans = 0;
  bytes = 0;
  cut = 0;
  readonly #epoch: Epoch;
  readonly #byResource = new Map<ServiceResource, string[]>();
  #resource: ServiceResource | null = null;
  #head = '';
  #error = false;

  constructor(epoch: Epoch) {
    this.#epoch = epoch;
  }

  begin(resource: ServiceResource, head: SpanHead): boolean {
    if (this.bytes >= MAX_BATCH_BYTES) return false;
    this.#resource = resource;
    this.#error = head.error;
    const trace = wordHex(head.trace0) + wordHex(head.trace1) + wordHex(head.trace2) + wordHex(head.trace3);
    const parent = head.hasParent ? `,"parentSpanId":"${wordHex(head.parent0)}${wordHex(head.parent1)}"` : '';
    const tracestate = head.tracestate === '' ? '' : `,"traceState":${JSON.stringify(bounded(head.tracestate))}`;
    this.#head =
      `{"traceId":"${trace}","spanId":"${wordHex(head.span0)}${wordHex(head.span1)}"${parent}${tracestate}` +
      `,"name":${JSON.stringify(bounded(head.name))},"kind":${head.kind}` +
      `,"startTimeUnixNano":"${this.#epoch.text(head.startNs)}","endTimeUnixNano":"${this.#epoch.text(head.endNs)}"` +
      `,"flags":${head.flags}`;
    return true;
  }

  end(): void {
    const status = this.#error ? 2 : 0;
    const span =
      `${this.#head},"attributes":[${this.attributes.take()}],"droppedAttributesCount":0,"events":[]` +
      `,"droppedEventsCount":0,"status":{"code":${status}},"links":[],"droppedLinksCount":0}`;
    const list = this.#byResource.get(this.#resource!);
    if (list === undefined) this.#byResource.set(this.#resource!, [span]);
    else list.push(span);
    this.cut += this.attributes.cut;
    this.attributes.cut = 0;
    this.spans++;
    this.bytes += span.length;
  }

  take(): Uint8Array {
    const parts: string[] = [];
    for (const [resource, spans] of this.#byResource) {
      const scope = `{"scope":${SCOPE_JSON},"spans":[${spans.join(',')}],"schemaUrl":"${SCHEMA_URL}"}`;
      parts.push(`{"resource":${resource.json},"scopeSpans":[${scope}]}`);
    }
    this.#byResource.clear();
    this.spans = 0;
    this.bytes = 0;
    return new TextEncoder().encode(`{"resourceSpans":[${parts.join(',')}]}`);
  }
}
