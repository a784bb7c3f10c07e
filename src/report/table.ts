/** The report for people: who talks to whom, which routes, how TCP fared, and how much of the capture was understood. */
import type { TcpTable } from '../telemetry/tcp-table.ts';
import { alignColumns, type Column, type Paint } from './columns.ts';
import { type Coverage, coverageText } from './coverage.ts';
import { fullName, type PairTally, type RouteTally, type Tallies, type Tally } from './tally.ts';
import { tcpText } from './tcp.ts';
import { bytesText, countText, durationText, shareText } from './units.ts';

/** Rows printed; the rest is summed up in a line. */
const MAX_PRINTED = 40;

const FIGURES: Column[] = ['REQUESTS', 'ERRORS', '', 'P50', 'P95', 'P99', 'BYTES'].map((title) => ({
  title,
  right: true,
}));

const left = (title: string): Column => ({ title, right: false });
const PAIR_COLUMNS = [left('CLIENT'), left('SERVER'), { title: 'PORT', right: true }, left('PROTOCOL'), ...FIGURES];
const ROUTE_COLUMNS = [left('SERVER'), left('OPERATION'), left('TARGET'), ...FIGURES];

/** `tcp` null: it was not watched. */
export function reportText(tallies: Tallies, tcp: TcpTable | null, coverage: Coverage, paint: Paint): string {
  const pairs = busiest(tallies.pairs.values());
  const routes = busiest(tallies.routes.values());
  return [
    section(
      'pair',
      PAIR_COLUMNS,
      pairs,
      (p: PairTally) => [p.client, fullName(p.server), String(p.port), p.protocol],
      paint,
    ),
    section('route', ROUTE_COLUMNS, routes, (r: RouteTally) => [r.server, r.operation, r.route], paint),
    tcp === null ? '' : tcpText(tcp, MAX_PRINTED, paint),
    coverageText(coverage, tallies.outcomes, paint),
  ]
    .filter((text) => text !== '')
    .join('\n');
}

/** Most requests first; equal ones in the order in which they were first seen. */
function busiest<T extends Tally>(rows: Iterable<T>): T[] {
  return [...rows].sort((a, b) => b.requests - a.requests);
}

function section<T extends Tally>(
  what: string,
  columns: readonly Column[],
  rows: readonly T[],
  names: (row: T) => string[],
  paint: Paint,
): string {
  if (rows.length === 0) return '';
  const shown = rows.slice(0, MAX_PRINTED);
  const table = alignColumns(
    columns,
    shown.map((r) => [...names(r), ...figures(r)]),
    paint,
    (i) => (shown[i]!.errors > 0 ? 'red' : null),
  );
  const rest = rows.slice(MAX_PRINTED);
  if (rest.length === 0) return table;
  const requests = rest.reduce((sum, r) => sum + r.requests, 0);
  return `${table}${paint('dim', `... and ${countText(rest.length)} more ${what}s with ${countText(requests)} requests`)}\n`;
}

function figures(t: Tally): string[] {
  return [
    countText(t.requests),
    countText(t.errors),
    shareText(t.errors, t.requests),
    ...[0.5, 0.95, 0.99].map((q) => durationText(t.durations.quantile(q))),
    bytesText(t.bytes),
  ];
}
