import { type Budget, type Owner, SHED_STATEMENTS } from '../bytes/budget.ts';
import type { ExchangeCounters } from './counters.ts';

/**
 * Entries of one table. Drivers cache 16 to 1,000 prepared statements on a connection; at about 300 bytes each 1,024 of them are
 * 300 KiB, and what all tables hold together is bounded by the memory budget.
 */
export const MAX_ENTRIES = 1024;
/** A key, a map entry and the value's own object; texts come on top. */
const ENTRY_BYTES = 160;

export interface TableEnv {
  readonly counters: ExchangeCounters;
  readonly budget: Budget;
  readonly tableOwner: Owner;
}

/**
 * What a connection has to remember from one exchange to a later one: prepared statements, cursors, portals. When it is full the
 * entry that was not asked for the longest makes room; when memory is short nothing new is remembered.
 */
export class Table<V> {
  readonly #env: TableEnv;
  readonly #maxEntries: number;
  readonly #entries = new Map<number | string, { value: V; bytes: number }>();

  constructor(env: TableEnv, maxEntries = MAX_ENTRIES) {
    this.#env = env;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: number | string): V | undefined {
    const e = this.#entries.get(key);
    if (e === undefined) return undefined;
    if (this.#entries.size > this.#maxEntries / 2) {
      this.#entries.delete(key); // a Map keeps insertion order: the oldest is the least used
      this.#entries.set(key, e);
    }
    return e.value;
  }

  /** Replaces what the key stood for; `textBytes`: what the value's texts take. False: there was no room, the key stands for nothing. */
  set(key: number | string, value: V, textBytes: number): boolean {
    this.delete(key);
    const { budget, tableOwner, counters } = this.#env;
    if (this.#entries.size >= this.#maxEntries) {
      for (const oldest of this.#entries.keys()) {
        this.delete(oldest);
        counters.tableEvicted++;
        break;
      }
    }
    const bytes = ENTRY_BYTES + textBytes;
    if (budget.pressure >= SHED_STATEMENTS || !budget.take(tableOwner, bytes)) {
      counters.tableRefused++;
      return false;
    }
    this.#entries.set(key, { value, bytes });
    return true;
  }

  delete(key: number | string): void {
    const e = this.#entries.get(key);
    if (e === undefined) return;
    this.#entries.delete(key);
    this.#env.budget.give(this.#env.tableOwner, e.bytes);
  }

  clear(): void {
    for (const e of this.#entries.values()) this.#env.budget.give(this.#env.tableOwner, e.bytes);
    this.#entries.clear();
  }
}

/** Entries of a table that all connections of a protocol share: 16,384 of about 300 bytes are 5 MiB at most, out of the memory budget. */
const MAX_COMMON_ENTRIES = 16_384;

/** The tables that outlive connections, one for each protocol that asks for it. */
export class CommonTables {
  readonly #env: TableEnv;
  readonly #tables = new Map<string, Table<unknown>>();

  constructor(env: TableEnv) {
    this.#env = env;
  }

  of(protocol: string): Table<unknown> {
    const known = this.#tables.get(protocol) ?? new Table<unknown>(this.#env, MAX_COMMON_ENTRIES);
    this.#tables.set(protocol, known);
    return known;
  }
}
