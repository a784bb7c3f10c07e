/** Plain aligned text. */

export interface Column {
  readonly title: string;
  readonly right: boolean;
}

/** Wraps text in an escape sequence, or returns it as it is where colours are not wanted. */
export type Paint = (style: 'bold' | 'dim' | 'red', text: string) => string;

const CODES = { bold: '1', dim: '2', red: '31' } as const;

export const plain: Paint = (_style, text) => text;
export const coloured: Paint = (style, text) => `\x1b[${CODES[style]}m${text}\x1b[0m`;

/** Long cells are cut in the middle: both ends of a path tell something. */
const MAX_CELL = 60;

/** Bytes from the wire reach a terminal through here: control characters would act on it (C0, DEL, C1, bidi marks). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function cell(text: string): string {
  const safe = text.replace(CONTROL, '\u00b7');
  if (safe.length <= MAX_CELL) return safe;
  const half = (MAX_CELL - 3) >> 1;
  return `${safe.slice(0, half)}...${safe.slice(-half)}`;
}

/** `emphasis` may colour a whole row. */
export function alignColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint,
  emphasis: (row: number) => 'red' | null = () => null,
): string {
  const safe = rows.map((row) => row.map(cell));
  const widths = columns.map((c, i) => Math.max(c.title.length, ...safe.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, i) => (columns[i]!.right ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const body = safe.map((row, i) => {
    const style = emphasis(i);
    return style === null ? line(row) : paint(style, line(row));
  });
  return [paint('bold', line(columns.map((c) => c.title))), ...body].map((text) => `${text}\n`).join('');
}
