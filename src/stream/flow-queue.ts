/** What can stand in a queue, and in one at a time. */
export interface Queued<F extends Queued<F>> {
  /** Where it stands; null: nowhere. */
  queue: FlowQueue<F> | null;
  before: F | null;
  behind: F | null;
}

/** Flows in the order in which they came: the links are the flows' own, so that one can leave from anywhere. */
export class FlowQueue<F extends Queued<F>> {
  first: F | null = null;
  last: F | null = null;
  size = 0;

  /** To the end, out of the queue in which it stands. */
  push(f: F): void {
    f.queue?.remove(f);
    f.queue = this;
    f.before = this.last;
    if (this.last === null) this.first = f;
    else this.last.behind = f;
    this.last = f;
    this.size++;
  }

  remove(f: F): void {
    if (f.before === null) this.first = f.behind;
    else f.before.behind = f.behind;
    if (f.behind === null) this.last = f.before;
    else f.behind.before = f.before;
    f.queue = null;
    f.before = null;
    f.behind = null;
    this.size--;
  }
}
