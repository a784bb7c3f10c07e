import type { TraceContext } from './context.ts';
import type { Identity } from './identity.ts';
import { Recent } from './recent.ts';
import type { ServiceResource } from './resource.ts';

/** 16 Ki contexts x 10 words of 4 bytes are 655 KB; at 1,000 traced requests/s they reach back 16 s, the age of most calls. */
const SLOTS = 16_384;

/**
 * The trace contexts that recently came in at each service, and the SERVER span that stands for each. A service that
 * sends a context on unchanged is not instrumented itself: its call belongs below that SERVER span.
 */
export class Inbound {
  /** Result of `find`: the SERVER span of the request that brought the context in. */
  span0 = 0;
  span1 = 0;
  readonly #recent = new Recent(SLOTS, 7, 2);

  remember(service: ServiceResource, context: TraceContext, ids: Identity, nowMs: number): void {
    this.#key(service, context);
    if (this.#recent.find(nowMs) >= 0) return; // the first one stands, or a chain within one service would make a circle
    const at = this.#recent.insert(nowMs);
    this.#recent.setValue(at, 0, ids.server0);
    this.#recent.setValue(at, 1, ids.server1);
  }

  find(service: ServiceResource, context: TraceContext, nowMs: number): boolean {
    this.#key(service, context);
    const at = this.#recent.find(nowMs);
    if (at < 0) return false;
    this.span0 = this.#recent.value(at, 0);
    this.span1 = this.#recent.value(at, 1);
    return true;
  }

  #key(service: ServiceResource, context: TraceContext): void {
    const key = this.#recent.key;
    key[0] = service.number;
    key[1] = context.trace0;
    key[2] = context.trace1;
    key[3] = context.trace2;
    key[4] = context.trace3;
    key[5] = context.parent0;
    key[6] = context.parent1;
  }
}
