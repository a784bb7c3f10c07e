/** What the demo shows: a live table on a terminal, a plain one every few seconds elsewhere. */
import { alignColumns, type Column, coloured, plain } from '../src/report/columns.ts';
import { countText, durationText, shareText } from '../src/report/units.ts';
import type { Receiver } from './receiver.ts';

const left = (title: string): Column => ({ title, right: false });
const right = (title: string): Column => ({ title, right: true });

const PAIR_COLUMNS = [
  left('CLIENT'),
  left('SERVER'),
  right('PER SECOND'),
  right('REQUESTS'),
  right('ERRORS'),
  right(''),
  right('P50'),
  right('P95'),
  right('SPANS'),
];
const SPAN_COLUMNS = [left('TRACE'), left('CALL'), left('SPAN'), right('STATUS'), right('DURATION')];

const PLAIN_EVERY_MS = 5000;
const LIVE_EVERY_MS = 500;

export class View {
  readonly #receiver: Receiver;
  readonly #pairs: readonly (readonly [string, string])[];
  readonly #live = process.stdout.isTTY === true;
  readonly #timer: NodeJS.Timeout;
  #lines = 0;

  constructor(receiver: Receiver, pairs: readonly (readonly [string, string])[]) {
    this.#receiver = receiver;
    this.#pairs = pairs;
    this.#timer = setInterval(() => this.#draw(), this.#live ? LIVE_EVERY_MS : PLAIN_EVERY_MS);
  }

  /** Draws for the last time. */
  end(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const text = `${render(this.#receiver, this.#pairs, this.#live)}\n`;
    // on a terminal the new table takes the old one's place: cursor up, erase to the end (ECMA-48 CUU, ED)
    const back = this.#live && this.#lines > 0 ? `\x1b[${this.#lines}A\x1b[J` : '';
    process.stdout.write(back + text);
    this.#lines = text.split('\n').length - 1;
  }
}

function render(receiver: Receiver, wanted: readonly (readonly [string, string])[], live: boolean): string {
  const paint = live && process.stdout.hasColors() ? coloured : plain;
  const pairs = wanted
    .map(([client, server]) => receiver.pairs.get(`${client} ${server}`))
    .filter((p) => p !== undefined);
  if (pairs.length === 0) return 'waiting for the first spans ...\n';
  const rows = pairs.map((p) => [
    p.client,
    p.server,
    p.perSecond.toFixed(1),
    countText(p.requests),
    countText(p.failed),
    shareText(p.failed, p.requests),
    durationText(p.quantileNs(0.5)),
    durationText(p.quantileNs(0.95)),
    countText(p.spans),
  ]);
  const spans = receiver.recent.map((s) => [
    s.traceId.slice(0, 8),
    `${s.client} -> ${s.server}`,
    s.name,
    s.status,
    durationText(s.durationNs),
  ]);
  return `${alignColumns(PAIR_COLUMNS, rows, paint)}\n${alignColumns(SPAN_COLUMNS, spans, paint)}`;
}
