/**
 * Named counters. Every room keeps a plain object of numbers and adds to its fields directly (no call on the packet
 * path); the registry reads them all when somebody asks. Nothing is ever lost without one of these moving.
 */

/** One figure as it stands now. `name` is dotted snake case without the `spantap.` prefix, for example `packet.malformed`. */
export interface Reading {
  name: string;
  labels: Record<string, string>;
  value: number;
  /** `counter` only grows, `gauge` goes up and down. */
  kind: 'counter' | 'gauge';
}

export type Put = (name: string, value: number, kind?: Reading['kind'], labels?: Record<string, string>) => void;

const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

export class Counters {
  readonly #rooms: [string, object][] = [];
  readonly #readers: ((put: Put) => void)[] = [];

  /** Registers an object whose numeric own fields are counters, and hands it back. `packet` + `badLength` -> `packet.bad_length`. */
  add<T extends object>(room: string, fields: T): T {
    this.#rooms.push([room, fields]);
    return fields;
  }

  /** Registers a reader for what is no plain counter: gauges, and figures with labels. */
  reader(read: (put: Put) => void): void {
    this.#readers.push(read);
  }

  snapshot(): Reading[] {
    const out: Reading[] = [];
    for (const [room, fields] of this.#rooms) {
      for (const [key, value] of Object.entries(fields)) {
        if (typeof value === 'number') out.push({ name: `${room}.${snake(key)}`, labels: {}, value, kind: 'counter' });
      }
    }
    const put: Put = (name, value, kind = 'counter', labels = {}) => {
      out.push({ name, labels, value, kind });
    };
    for (const read of this.#readers) read(put);
    return out;
  }
}

/** Adds the readings of several shards: equal name and labels become one. */
export function mergeReadings(lists: readonly (readonly Reading[])[]): Reading[] {
  const sum = new Map<string, Reading>();
  for (const list of lists) {
    for (const r of list) {
      const key = `${r.name}|${JSON.stringify(r.labels)}`;
      const seen = sum.get(key);
      if (seen === undefined) sum.set(key, { ...r });
      else seen.value += r.value;
    }
  }
  return [...sum.values()];
}
