/** The report's table of connections: how TCP fared between each pair of services. */
import { METRIC_OVERFLOW, NETWORK_INTERFACE_NAME } from '../telemetry/scope.ts';
import type { DirectionRecord, TcpRecord } from '../telemetry/tcp-record.ts';
import type { TcpTable } from '../telemetry/tcp-table.ts';
import { alignColumns, type Column, type Paint } from './columns.ts';
import { bytesText, countText, durationText } from './units.ts';

const OTHER = '(other)';

interface Figure {
  readonly title: string;
  text(r: TcpRecord): string;
  /** Of a figure without this there is a column in any case; of one with it, only when it is more than 0 somewhere. */
  value?(r: TcpRecord): number;
}

const both = (r: TcpRecord, of: (d: DirectionRecord) => number): number => of(r.directions[0]) + of(r.directions[1]);
const retransmitted = (r: TcpRecord): number => both(r, (d) => d.retransmitted);
const outOfOrder = (r: TcpRecord): number => both(r, (d) => d.outOfOrder);
const zeroWindowNs = (r: TcpRecord): number => both(r, (d) => d.zeroWindowNs);
const failed = (r: TcpRecord): number => r.refused + r.timedOut;

const FIGURES: readonly Figure[] = [
  { title: 'OPENED', text: (r) => countText(r.opened) },
  { title: 'FAILED', text: (r) => countText(failed(r)) },
  { title: 'RESET', text: (r) => countText(both(r, (d) => d.resets)) },
  { title: 'HANDSHAKE', text: meanHandshake },
  { title: 'SENT', text: (r) => bytesText(r.sent) },
  { title: 'SENT AGAIN', text: (r) => bytesText(retransmitted(r)), value: retransmitted },
  { title: 'OUT OF ORDER', text: (r) => bytesText(outOfOrder(r)), value: outOfOrder },
  { title: 'ZERO WINDOW', text: (r) => durationText(zeroWindowNs(r)), value: zeroWindowNs },
  { title: 'COVERAGE', text: coverage },
];

/** Most bytes first; '' without connections. */
export function tcpText(table: TcpTable, maxRows: number, paint: Paint): string {
  const records = [...table.records.values()].sort((a, b) => b.sent - a.sent);
  if (table.overflow !== null) records.push(table.overflow);
  if (records.length === 0) return '';
  const devices = records.some((r) => r.attributes[NETWORK_INTERFACE_NAME] !== undefined);
  const figures = FIGURES.filter((f) => f.value === undefined || records.some((r) => f.value!(r) > 0));
  const columns: Column[] = [
    ...['CLIENT', 'SERVER', ...(devices ? ['INTERFACE'] : [])].map((title) => ({ title, right: false })),
    ...figures.map(({ title }) => ({ title, right: true })),
  ];
  const shown = records.slice(0, maxRows);
  const rows = shown.map((r) => [
    name(r, 'client'),
    name(r, 'server'),
    ...(devices ? [String(r.attributes[NETWORK_INTERFACE_NAME] ?? '')] : []),
    ...figures.map((f) => f.text(r)),
  ]);
  const text = alignColumns(columns, rows, paint, (i) => (failed(shown[i]!) > 0 ? 'red' : null));
  const rest = records.slice(maxRows);
  if (rest.length === 0) return text;
  const sent = rest.reduce((sum, r) => sum + r.sent, 0);
  return `${text}${paint('dim', `... and ${countText(rest.length)} more with ${bytesText(sent)}`)}\n`;
}

function name(r: TcpRecord, side: 'client' | 'server'): string {
  if (r.attributes[METRIC_OVERFLOW] === true) return OTHER;
  const namespace = r.attributes[`${side}_service_namespace`];
  return namespace === undefined ? String(r.attributes[side]) : `${namespace}/${r.attributes[side]}`;
}

function meanHandshake(r: TcpRecord): string {
  return durationText(r.handshakes.sum / r.handshakes.count);
}

/** 100 % is said of nothing but all of it. */
function coverage(r: TcpRecord): string {
  if (r.sent === 0) return '-';
  if (r.delivered === r.sent) return '100 %';
  return `${(Math.floor((10_000 * r.delivered) / r.sent) / 100).toFixed(2)} %`;
}
