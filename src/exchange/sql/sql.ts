/**
 * What may be said of a SQL statement: its text without literals, its summary, the database it switches to. One lexer
 * (lexer.ts) reads for all of them, in one pass over the characters. None of these functions throws, whatever it is
 * given; each takes time linear in the statement's length.
 */

import { SEMICOLON } from './characters.ts';
import { keywordId } from './keywords.ts';
import { COMMENT, END, PUNCTUATION, QUOTED, type SqlDialect, SqlLexer, VERSION, WORD } from './lexer.ts';
import { SqlMask } from './mask.ts';
import { SqlSummary } from './summary.ts';

export type { SqlDialect } from './lexer.ts';
export { withoutSecrets } from './secrets.ts';
export { traceparentOf, tracestateOf } from './trace-comment.ts';

const lexer = new SqlLexer();
const mask = new SqlMask();
const summary = new SqlSummary();

/** Lets go of the statement. */
function done<T>(result: T): T {
  lexer.reset('', 'mysql');
  return result;
}

/**
 * The statement with `?` for each literal, IN lists folded to `IN (?)`, rows of VALUES to the first one, spaces to one
 * space. `keepComments`: comments stay, but those that speak of secrets; otherwise each becomes a space. What MySQL
 * executes of a comment is code and stays either way. A literal without its end is masked like any other.
 */
export function maskSql(statement: string, dialect: SqlDialect, keepComments: boolean): string {
  lexer.reset(statement, dialect);
  mask.reset(keepComments);
  while (lexer.next() !== END) mask.token(lexer);
  return done(mask.finish(lexer));
}

/**
 * `db.query.summary`: `{operation} {target}..` in the statement's order and case, at most 255 characters, cut at a token;
 * '' when the statement begins with no known operation. The string is kept for the next statement of the same summary
 * and shares no memory with this one. `cut`: the statement's end is missing.
 */
export function summarizeSql(statement: string, dialect: SqlDialect, cut = false): string {
  lexer.reset(statement, dialect);
  summary.reset();
  while (!summary.closed && lexer.next() !== END) summary.token(lexer);
  return done(summary.finish(lexer, cut));
}

export interface SqlReading {
  /** As from maskSql. */
  readonly text: string;
  /** As from summarizeSql. */
  readonly summary: string;
}

/** Both text and summary from one pass. */
export function readSql(statement: string, dialect: SqlDialect, keepComments: boolean, cut = false): SqlReading {
  lexer.reset(statement, dialect);
  mask.reset(keepComments);
  summary.reset();
  while (lexer.next() !== END) {
    // The mask last: it may take the lexer further, over values that the summary has no use for.
    summary.token(lexer);
    mask.token(lexer);
  }
  return done({ summary: summary.finish(lexer, cut), text: mask.finish(lexer) });
}

const USE = keywordId('USE');

/**
 * The database that the last USE in the text switches to, without its quotes; '' when there is none, or its name was cut.
 * PostgreSQL cannot switch.
 */
export function namespaceOf(statement: string, dialect: SqlDialect, cut = false): string {
  if (dialect === 'postgresql' || dialect === 'postgresql-escape-backslash') return '';
  lexer.reset(statement, dialect);
  let found = '';
  let opens = true;
  while (lexer.next() !== END) {
    if (lexer.kind === COMMENT || lexer.kind === VERSION) continue;
    if (opens && lexer.kind === WORD && lexer.keyword === USE) found = nameBehindUse(cut) || found;
    // Only a text of several statements has to be read on.
    else if (opens && !statement.includes(';', lexer.end)) break;
    opens = lexer.kind === PUNCTUATION && lexer.code === SEMICOLON;
  }
  return done(found);
}

function nameBehindUse(cut: boolean): string {
  const kind = lexer.next();
  const { text, start, end } = lexer;
  if ((kind !== WORD && kind !== QUOTED) || !lexer.whole || (cut && end === text.length)) return '';
  const name = kind === WORD ? text.slice(start, end) : text.slice(start + 1, end - 1).replaceAll('``', '`');
  // A name outlives its statement; joined and cut anew it shares no memory with it.
  return Buffer.from(name, 'utf16le').toString('utf16le');
}
