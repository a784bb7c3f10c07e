/** How much of the capture was understood, from the counters: what is not said here was not counted. */
import { OUTCOMES } from '../exchange/exchange.ts';
import type { Reading } from '../self/counters.ts';
import type { Paint } from './columns.ts';
import { bytesText, countText } from './units.ts';

export interface Coverage {
  readonly files: number;
  readonly bytes: number;
  readonly frames: number;
  /** Epoch seconds of the first and last frame; NaN without frames. */
  readonly firstSec: number;
  readonly lastSec: number;
  readonly warnings: number;
  readonly readings: readonly Reading[];
}

const LABEL = 10;

/** Counters of what went as it should; every other one that moved is printed by its own name. */
const USUAL = new Set([
  'capture.packets',
  'capture.bytes',
  'capture.wire_bytes',
  'packet.tcp',
  'packet.udp',
  'stream.connections',
  'stream.connections_from_syn',
  'stream.closed_orderly',
  'stream.closed_by_reset',
  'stream.decoded_bytes',
  'stream.undecoded_bytes',
  'stream.recognised',
  'exchange.begun',
]);

export function coverageText(c: Coverage, outcomes: readonly number[], paint: Paint): string {
  const lines = [
    line('capture', captureLine(c)),
    line('understood', understoodLine(c.readings)),
    line('exchanges', exchangesLine(outcomes)),
  ];
  for (const [room, figures] of oddities(c.readings)) lines.push(line(room, figures.join(', ')));
  if (c.warnings > 0) {
    lines.push(
      paint('red', line('damage', `${countText(c.warnings)} damaged place${c.warnings > 1 ? 's' : ''}, see above`)),
    );
  }
  return lines.map((text) => `${text}\n`).join('');
}

function understoodLine(readings: readonly Reading[]): string {
  const value = (name: string): number => readings.find((r) => r.name === name)?.value ?? 0;
  const decoded = value('stream.decoded_bytes');
  const bytes = decoded + value('stream.undecoded_bytes');
  const connections = value('stream.connections');
  return `${bytesText(decoded)} of ${bytesText(bytes)} payload in ${countText(connections)} connection${connections === 1 ? '' : 's'}`;
}

function line(label: string, text: string): string {
  return `${label.padEnd(LABEL)}  ${text}`;
}

function captureLine(c: Coverage): string {
  const spanSec = c.lastSec - c.firstSec;
  const span = Number.isNaN(spanSec) ? '' : ` over ${spanSec < 10 ? spanSec.toFixed(3) : spanSec.toFixed(0)} s`;
  return `${countText(c.frames)} packets, ${bytesText(c.bytes)} in ${c.files} file${c.files > 1 ? 's' : ''}${span}`;
}

function exchangesLine(outcomes: readonly number[]): string {
  const all = outcomes.reduce((sum, n) => sum + n, 0);
  const kinds = outcomes.flatMap((n, i) => (n > 0 ? [`${countText(n)} ${OUTCOMES[i]!.replace('_', ' ')}`] : []));
  return all === 0 ? 'none' : `${countText(all)}: ${kinds.join(', ')}`;
}

/** Every other counter that moved, by room. Naming says nothing about the capture. */
function oddities(readings: readonly Reading[]): Map<string, string[]> {
  const rooms = new Map<string, string[]>();
  for (const r of readings) {
    if (r.kind !== 'counter' || r.value === 0) continue;
    const dot = r.name.indexOf('.');
    const room = r.name.slice(0, dot);
    if (room === 'naming' || USUAL.has(r.name)) continue;
    const labels = Object.values(r.labels).join(' ');
    const what = `${r.name.slice(dot + 1).replaceAll('_', ' ')}${labels === '' ? '' : ` (${labels})`}`;
    const list = rooms.get(room) ?? [];
    if (list.length === 0) rooms.set(room, list);
    list.push(`${countText(r.value)} ${what}`);
  }
  return rooms;
}
