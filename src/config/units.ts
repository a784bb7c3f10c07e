/** Sizes and durations as people write them: a number and its unit, `16MiB`, `1m`. */

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3 };

const QUANTITY = /^(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]*)$/;

function parse(text: string, units: Readonly<Record<string, number>>): number {
  const match = QUANTITY.exec(text);
  const unit = match === null || !Object.hasOwn(units, match[2]!) ? undefined : units[match[2]!];
  return match === null || unit === undefined ? Number.NaN : Number(match[1]) * unit;
}

/** Whole bytes of `64KiB`, `1.5MiB`, `4096`; NaN if the text is no size. */
export function parseBytes(text: string | number): number {
  const bytes = parse(String(text), BYTES);
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : Number.NaN;
}

/** Milliseconds of `500ms`, `30s`, `5m`, `1h`; NaN if the text is no duration. A bare number is none: nobody could tell its unit. */
export function parseMs(text: string | number): number {
  return parse(String(text), MILLISECONDS);
}
