/** One encoded request on its way out. */
export class Parcel {
  /** Uncompressed until `ready`. */
  bytes: Uint8Array;
  /** Spans or data points in it. */
  readonly items: number;
  readonly sinceMs: number;
  ready: boolean;
  sending = false;
  /** False once it was sent, given up or pushed out. */
  waiting = true;
  attempts = 0;

  constructor(bytes: Uint8Array, items: number, sinceMs: number, ready: boolean) {
    this.bytes = bytes;
    this.items = items;
    this.sinceMs = sinceMs;
    this.ready = ready;
  }
}

/** Requests that wait, bounded by the bytes they hold. When it is full the oldest one that is not being sent makes room. */
export class ParcelQueue {
  bytes = 0;
  items = 0;
  readonly #maxBytes: number;
  readonly #dropped: (parcel: Parcel, reason: 'full' | 'age') => void;
  /** Insertion order is age. */
  readonly #parcels = new Set<Parcel>();

  constructor(maxBytes: number, dropped: (parcel: Parcel, reason: 'full' | 'age') => void) {
    this.#maxBytes = maxBytes;
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#parcels.size;
  }

  /** 0 to 1. */
  get fullness(): number {
    return this.bytes / this.#maxBytes;
  }

  /** Takes it in, or drops it when there is no room to be made. */
  add(parcel: Parcel): void {
    for (const old of this.#parcels) {
      if (this.bytes + parcel.bytes.length <= this.#maxBytes) break;
      if (!old.sending) this.drop(old, 'full');
    }
    if (this.bytes + parcel.bytes.length > this.#maxBytes) {
      parcel.waiting = false;
      this.#dropped(parcel, 'full');
      return;
    }
    this.#parcels.add(parcel);
    this.bytes += parcel.bytes.length;
    this.items += parcel.items;
  }

  /** Puts the compressed bytes in the place of the others. */
  replace(parcel: Parcel, bytes: Uint8Array): void {
    if (!parcel.waiting) return;
    this.bytes += bytes.length - parcel.bytes.length;
    parcel.bytes = bytes;
    parcel.ready = true;
  }

  remove(parcel: Parcel): void {
    if (!this.#parcels.delete(parcel)) return;
    parcel.waiting = false;
    this.bytes -= parcel.bytes.length;
    this.items -= parcel.items;
  }

  drop(parcel: Parcel, reason: 'full' | 'age'): void {
    this.remove(parcel);
    this.#dropped(parcel, reason);
  }

  /** The one to send next: the fewest attempts first, so that one that always fails holds up nobody; then the oldest. */
  next(): Parcel | null {
    let best: Parcel | null = null;
    for (const parcel of this.#parcels) {
      if (!parcel.ready || parcel.sending) continue;
      if (parcel.attempts === 0) return parcel;
      if (best === null || parcel.attempts < best.attempts) best = parcel;
    }
    return best;
  }

  /** The oldest, where order counts; null while it is on its way or being compressed. */
  first(): Parcel | null {
    for (const parcel of this.#parcels) return parcel.ready && !parcel.sending ? parcel : null;
    return null;
  }

  /** Gives up what has waited for longer than `maxAgeMs`. */
  expire(nowMs: number, maxAgeMs: number): void {
    for (const parcel of this.#parcels) {
      if (nowMs - parcel.sinceMs < maxAgeMs) return; // the others are younger
      if (!parcel.sending) this.drop(parcel, 'age');
    }
  }

  /** Empties it; what was left. */
  clear(): Parcel[] {
    const left = [...this.#parcels];
    for (const parcel of left) this.remove(parcel);
    return left;
  }
}
