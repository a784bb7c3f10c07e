/**
 * One memory budget (`limits.memory`) shared by everything that the wire can make grow. Each owner asks before it keeps
 * bytes and gives them back after; asking for more than there is fails, and the owner sheds and counts.
 *
 * Under pressure, shed in this order (each step has a counter at its owner): statements, span detail, spans,
 * new series, new flows. `pressure` says how far the shedding has to go.
 */

/** What to shed at a pressure level: everything up to and including the level. */
export const CALM = 0;
export const SHED_STATEMENTS = 1;
export const SHED_DETAIL = 2;
export const SHED_SPANS = 3;
export const SHED_SERIES = 4;
export const SHED_FLOWS = 5;

/** Shares of the budget at which the levels begin; RED of known pairs lives in what is left. */
const LEVELS = [0.7, 0.76, 0.82, 0.88, 0.94];

export class Owner {
  readonly name: string;
  used = 0;
  /** How often a request was refused. */
  refused = 0;
  constructor(name: string) {
    this.name = name;
  }
}

export class Budget {
  readonly maxBytes: number;
  readonly owners: Owner[] = [];
  used = 0;
  pressure = CALM;
  /** The use at which `pressure` changes next, so that the common path is two comparisons. */
  #above: number;
  #below = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#above = maxBytes * LEVELS[0]!;
  }

  owner(name: string): Owner {
    const o = new Owner(name);
    this.owners.push(o);
    return o;
  }

  /** Takes `bytes` for `owner`; false (and counted) if they would not fit. */
  take(owner: Owner, bytes: number): boolean {
    if (this.used + bytes > this.maxBytes) {
      owner.refused++;
      return false;
    }
    this.used += bytes;
    owner.used += bytes;
    if (this.used >= this.#above) this.#level();
    return true;
  }

  give(owner: Owner, bytes: number): void {
    this.used -= bytes;
    owner.used -= bytes;
    if (this.used < this.#below) this.#level();
  }

  #level(): void {
    let level = 0;
    while (level < LEVELS.length && this.used >= this.maxBytes * LEVELS[level]!) level++;
    this.pressure = level;
    this.#above = level < LEVELS.length ? this.maxBytes * LEVELS[level]! : Number.POSITIVE_INFINITY;
    this.#below = level > 0 ? this.maxBytes * LEVELS[level - 1]! : 0;
  }
}
