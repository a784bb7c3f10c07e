import type { Budget } from '../bytes/budget.ts';
import type { AttributeSink } from '../exchange/semantics.ts';
import { bounded, JsonAttributes } from './attributes.ts';
import type { Epoch } from './epoch.ts';
import { ProtobufWriter } from './protobuf.ts';
import type { ServiceResource } from './resource.ts';
import { SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION } from './scope.ts';
import { SpanArena } from './span-arena.ts';
import { type Encoded, MAX_SPAN_BYTES, type SpanEncoder, type SpanHead } from './spans.ts';

/** Cut values are 4,096 characters of up to six bytes (`\\u0000`); more than a few of them are left out. */
const MAX_JSON_BYTES = 4 * MAX_SPAN_BYTES;

export const SCOPE_JSON = JSON.stringify({ name: SCOPE_NAME, version: SCOPE_VERSION });

/** Spans as OTLP JSON (protobuf's JSON mapping; ids in hex, 64-bit integers as text). */
export class JsonSpans implements SpanEncoder {
  readonly attributes = new JsonAttributes();
  cut = 0;
  readonly #epoch: Epoch;
  readonly #arena: SpanArena;
  /** Trace id, span id and parent's id, to be read as hex at once. */
  readonly #ids = Buffer.alloc(32);
  #head = '';
  #error = false;

  constructor(epoch: Epoch, budget: Budget) {
    this.#epoch = epoch;
    this.#arena = new SpanArena(budget);
    this.attributes.maxChars = MAX_SPAN_BYTES;
  }

  get spans(): number {
    return this.#arena.spans;
  }

  get bytes(): number {
    return this.#arena.writer.pos;
  }

  begin(resource: ServiceResource, head: SpanHead): boolean {
    if (!this.#arena.begin(resource, MAX_JSON_BYTES)) return false;
    this.#error = head.error;
    const ids = this.#ids;
    ids.writeInt32BE(head.trace0, 0);
    ids.writeInt32BE(head.trace1, 4);
    ids.writeInt32BE(head.trace2, 8);
    ids.writeInt32BE(head.trace3, 12);
    ids.writeInt32BE(head.span0, 16);
    ids.writeInt32BE(head.span1, 20);
    ids.writeInt32BE(head.parent0, 24);
    ids.writeInt32BE(head.parent1, 28);
    const hex = ids.toString('hex');
    const parent = head.hasParent ? `,"parentSpanId":"${hex.slice(48)}"` : '';
    const tracestate = head.tracestate === '' ? '' : `,"traceState":${JSON.stringify(bounded(head.tracestate))}`;
    this.#head =
      `{"traceId":"${hex.slice(0, 32)}","spanId":"${hex.slice(32, 48)}"${parent}${tracestate}` +
      `,"name":${JSON.stringify(bounded(head.name))},"kind":${head.kind}` +
      `,"startTimeUnixNano":"${this.#epoch.text(head.startNs)}","endTimeUnixNano":"${this.#epoch.text(head.endNs)}"` +
      `,"flags":${head.flags}`;
    return true;
  }

  encode(write: (put: AttributeSink) => void): Encoded {
    const attributes = new JsonAttributes();
    write(attributes);
    return attributes.take();
  }

  add(attributes: Encoded): void {
    this.attributes.append(attributes as string);
  }

  end(): void {
    const status = this.#error ? 2 : 0;
    const span =
      `${this.#head},"attributes":[${this.attributes.take()}],"droppedAttributesCount":${this.attributes.dropped},"events":[]` +
      `,"droppedEventsCount":0,"status":{"code":${status}},"links":[],"droppedLinksCount":0}`;
    this.cut += this.attributes.cut + this.attributes.dropped;
    this.attributes.cut = 0;
    this.attributes.dropped = 0;
    const w = this.#arena.writer;
    w.byte(0x2c); // a comma, left out in front of the first one
    w.pos += w.buf.write(span, w.pos);
    this.#arena.end();
  }

  take(): Uint8Array {
    const arena = this.#arena;
    let total = 32;
    for (const r of arena.resources) total += 3 * r.json.length + arena.bytesOf(r) + 512;
    const out = new ProtobufWriter(total);
    const text = (part: string): void => {
      out.pos += out.buf.write(part, out.pos);
    };
    text('{"resourceSpans":[');
    arena.resources.forEach((r, i) => {
      text(`${i === 0 ? '' : ','}{"resource":${r.json},"scopeSpans":[{"scope":${SCOPE_JSON},"spans":`);
      const from = out.pos;
      arena.copyTo(out, r);
      out.buf[from] = 0x5b; // the bracket takes the first comma's place
      text(`],"schemaUrl":"${SCHEMA_URL}"}]}`);
    });
    text(']}');
    arena.clear();
    return new Uint8Array(out.take().buffer);
  }
}
