import type { Budget, Owner } from '../bytes/budget.ts';
import { ProtobufWriter } from './protobuf.ts';
import type { ServiceResource } from './resource.ts';
import { MAX_BATCH_BYTES } from './spans.ts';

/** Room for several hundred spans; it doubles up to a whole batch and one span more. */
const FIRST_BYTES = 1 << 19;
const MAX_SPANS = 4096;

/** Encoded spans one behind the other in the order they come, and for each resource the chain of its own. */
export class SpanArena {
  readonly writer = new ProtobufWriter(FIRST_BYTES);
  /** Resources in the order of their first span. */
  readonly resources: ServiceResource[] = [];
  spans = 0;
  /** For span i: where it begins, where it ends, and the next one of its resource (-1: the last). */
  readonly #from = new Int32Array(MAX_SPANS);
  readonly #to = new Int32Array(MAX_SPANS);
  readonly #next = new Int32Array(MAX_SPANS);
  readonly #budget: Budget;
  readonly #owner: Owner;
  #batch = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#owner = budget.owner('spans');
    budget.take(this.#owner, FIRST_BYTES);
  }

  /** Begins a span of at most `bytes`; false when the batch has no room for it. */
  begin(resource: ServiceResource, bytes: number): boolean {
    if (this.spans === MAX_SPANS || !this.#room(bytes)) return false;
    const i = this.spans;
    this.#from[i] = this.writer.pos;
    this.#next[i] = -1;
    if (resource.batch === this.#batch) {
      this.#next[resource.lastSpan] = i;
    } else {
      resource.batch = this.#batch;
      resource.firstSpan = i;
      this.resources.push(resource);
    }
    resource.lastSpan = i;
    return true;
  }

  end(): void {
    this.#to[this.spans++] = this.writer.pos;
  }

  /** Bytes that the spans of a resource take. */
  bytesOf(resource: ServiceResource): number {
    let bytes = 0;
    for (let i = resource.firstSpan; i >= 0; i = this.#next[i]!) bytes += this.#to[i]! - this.#from[i]!;
    return bytes;
  }

  copyTo(out: ProtobufWriter, resource: ServiceResource): void {
    const source = this.writer.buf;
    for (let i = resource.firstSpan; i >= 0; i = this.#next[i]!) {
      const from = this.#from[i]!;
      const to = this.#to[i]!;
      source.copy(out.buf, out.pos, from, to);
      out.pos += to - from;
    }
  }

  clear(): void {
    for (const resource of this.resources) resource.release();
    this.resources.length = 0;
    this.#batch++;
    this.spans = 0;
    this.writer.pos = 0;
  }

  #room(bytes: number): boolean {
    const w = this.writer;
    if (w.pos + bytes <= w.buf.length) return true;
    const before = w.buf.length;
    if (before > MAX_BATCH_BYTES || !this.#budget.take(this.#owner, before)) return false;
    w.room(bytes); // doubles it
    return true;
  }
}
