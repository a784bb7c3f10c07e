import { namespaceOf, summarizeSql } from '../../exchange/sql/sql.ts';

/** What is read out of a statement's text. */
export interface Reading {
  readonly summary: string;
  /** The database that it switches to; '' when it does not. */
  readonly database: string;
  /** It drops a database, perhaps the one in use. */
  readonly drops: boolean;
}

const DROPS = /^DROP (?:DATABASE|SCHEMA)\b/i;

/** Clients send the same short texts again and again: 256 of them are kept, 64 KiB at the very most, then all are forgotten. */
const KNOWN = new Map<string, Reading>();
const MAX_KNOWN = 256;
const MAX_KNOWN_CHARS = 128;

/** `cut`: the statement's end is missing. */
export function readStatement(text: string, cut: boolean): Reading {
  const known = KNOWN.get(text);
  if (known !== undefined && !cut) return known;
  const summary = summarizeSql(text, 'mysql', cut);
  const reading = { summary, database: namespaceOf(text, 'mysql', cut), drops: DROPS.test(summary) };
  if (text.length <= MAX_KNOWN_CHARS && !cut) {
    if (KNOWN.size >= MAX_KNOWN) KNOWN.clear();
    KNOWN.set(text, reading);
  }
  return reading;
}
