/** Figures of one pair of services from several sources, and how a dashboard reads a quantile out of them. */
import type { Ledger } from '../../../demo/ledger.ts';

export interface Figures {
  readonly requests: number;
  readonly failed: number;
  /** NaN where the source does not tell. */
  readonly p95Seconds: number;
}

/** `client server`. */
export type Pair = string;

/** The callers' own account. */
export function ledgerFigures(ledger: Ledger): Map<Pair, Figures> {
  const found = new Map<Pair, Figures>();
  for (const [pair, a] of ledger.accounts) {
    const p95Seconds = exactQuantile(0.95, a.durationsMs) / 1000;
    found.set(pair, { requests: a.requests, failed: a.failed, p95Seconds });
  }
  return found;
}

/** The smallest value that is not below the given part of them. */
export function exactQuantile(q: number, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** What PromQL's histogram_quantile says of values counted in buckets with these upper bounds. */
export function bucketQuantile(q: number, values: readonly number[], bounds: readonly number[]): number {
  const counts = bounds.map((bound, i) => values.filter((v) => v <= bound && v > (bounds[i - 1] ?? -1)).length);
  let left = q * values.length;
  for (const [i, count] of counts.entries()) {
    if (count > 0 && left <= count) {
      const from = bounds[i - 1] ?? 0;
      return from + (bounds[i]! - from) * (left / count);
    }
    left -= count;
  }
  return bounds.at(-1)!;
}

/** A table for people: one line for each pair, a group of columns for each source. */
export function table(sources: ReadonlyMap<string, ReadonlyMap<Pair, Figures>>): string {
  const pairs = [...sources.values().next().value!.keys()];
  const cell = (f: Figures | undefined): string => {
    if (f === undefined) return '-';
    const share = ((100 * f.failed) / f.requests).toFixed(2);
    return `${f.requests} ${share}% ${(1000 * f.p95Seconds).toFixed(1)}ms`;
  };
  const rows = [
    ['requests, errors, p95', ...sources.keys()],
    ...pairs.map((pair) => [pair.replace(' ', ' -> '), ...[...sources.values()].map((s) => cell(s.get(pair)))]),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => row.map((text, i) => text.padEnd(widths[i]!)).join(' | ')).join('\n');
}
