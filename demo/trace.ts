/** A trace as a terminal can draw it: who called whom, and when. */
import type { TracePart } from './receiver.ts';

const BAR = 36;

/** One line for each span, children below their parent, with a bar for its time within the trace. */
export function drawTrace(parts: readonly TracePart[]): string {
  if (parts.length === 0) return '';
  const ids = new Set(parts.map((p) => p.id));
  const children = Map.groupBy(parts, (p) => (ids.has(p.parent) ? p.parent : ''));
  const beganNs = parts.reduce((least, p) => (p.startNs < least ? p.startNs : least), parts[0]!.startNs);
  const endedNs = parts.reduce((most, p) => (p.endNs > most ? p.endNs : most), parts[0]!.endNs);
  const wholeNs = Math.max(1, Number(endedNs - beganNs));
  const lines: { text: string; part: TracePart }[] = [];
  const walk = (parent: string, depth: number): void => {
    const own = (children.get(parent) ?? []).toSorted((a, b) => Number(a.startNs - b.startNs));
    for (const part of own) {
      const kind = part.server ? 'SERVER' : 'CLIENT';
      lines.push({ text: `${'  '.repeat(depth)}${part.service} ${kind} ${part.name}`, part });
      if (part.id !== '') walk(part.id, depth + 1);
    }
  };
  walk('', 0);
  const width = lines.reduce((most, { text }) => Math.max(most, text.length), 0);
  return lines
    .map(({ text, part }) => {
      const from = Math.min(BAR - 1, Math.floor((Number(part.startNs - beganNs) / wholeNs) * BAR));
      const to = Math.max(from + 1, Math.ceil((Number(part.endNs - beganNs) / wholeNs) * BAR));
      const bar = ' '.repeat(from) + '━'.repeat(to - from);
      const ms = (Number(part.endNs - part.startNs) / 1e6).toFixed(2);
      return `${text.padEnd(width)}  ${bar.padEnd(BAR)} ${ms.padStart(8)} ms${part.failed ? '  error' : ''}\n`;
    })
    .join('');
}
