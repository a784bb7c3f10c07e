import { FOLD, isLetter, LOWER_A, SEMICOLON } from './characters.ts';
import { keywordId } from './keywords.ts';
import { COMMENT, END, NUMBER, PUNCTUATION, QUOTED, type SqlDialect, SqlLexer, STRING, WORD } from './lexer.ts';

/** Parts of names and texts that speak of secrets, wherever they stand: password, old_passwd, userPassword.. */
const PARTS = ['passw', 'passph', 'passc', 'secret', 'identified', 'credential'];
/** The same as whole words between characters that are no letters: user_pass, pwd=. */
const WORDS = ['pass', 'pwd', 'pw', 'psw'];

/** By first letter: what to compare there. */
const BY_LETTER = Array.from({ length: 26 }, (_, i) => {
  const letter = String.fromCharCode(LOWER_A + i);
  const of = (words: string[]): string[] => words.filter((w) => w.startsWith(letter));
  return { parts: of(PARTS), words: of(WORDS) };
});

function isAt(text: string, at: number, to: number, word: string): boolean {
  if (at + word.length > to) return false;
  for (let i = 0; i < word.length; i++) if ((text.charCodeAt(at + i) | FOLD) !== word.charCodeAt(i)) return false;
  return true;
}

/** `text[from, to)` speaks of a password or the like. */
export function hasSecret(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (!isLetter(c)) continue;
    const { parts, words } = BY_LETTER[(c | FOLD) - LOWER_A]!;
    for (const part of parts) if (isAt(text, i, to, part)) return true;
    if (i > from && isLetter(text.charCodeAt(i - 1))) continue;
    for (const word of words)
      if (isAt(text, i, to, word) && (i + word.length === to || !isLetter(text.charCodeAt(i + word.length))))
        return true;
  }
  return false;
}

/** `text[from, to)` has an address with credentials, scheme://user:password@host, or one that was cut. */
function hasUserinfo(text: string, from: number, to: number, whole: boolean): boolean {
  const at = text.slice(from, to).indexOf('://');
  return at >= 0 && (!whole || text.slice(from + at, to).includes('@'));
}

const CREATE = keywordId('CREATE');
const ALTER = keywordId('ALTER');
const CHANGE = keywordId('CHANGE');
const EXECUTE = keywordId('EXECUTE');
const COPY = keywordId('COPY');
const PROGRAM = keywordId('PROGRAM');
const PASSWORD = keywordId('PASSWORD');
/** Objects whose definition carries passwords. */
const GUARDED = ['USER', 'ROLE', 'GROUP', 'SERVER', 'SUBSCRIPTION', 'WRAPPER', 'SYSTEM'].map(keywordId);
/** CREATE OR REPLACE USER, CREATE FOREIGN DATA WRAPPER. */
const WORDS_TO_OBJECT = 4;

const lexer = new SqlLexer();

/** Reads one statement, to its semicolon. True: it may carry a secret in any of its literals. */
function isGuarded(): boolean {
  let guarded = false;
  let first = 0;
  let words = 0;
  for (let kind = lexer.next(); kind !== END; kind = lexer.next()) {
    if (kind === PUNCTUATION) {
      if (lexer.code === SEMICOLON) break;
      continue;
    }
    if (guarded || kind === NUMBER) continue;
    const { text, start, end, keyword } = lexer;
    if (kind === WORD) {
      words++;
      if (words === 1) first = keyword;
      if (first === CHANGE || first === EXECUTE || (first === COPY && keyword === PROGRAM)) guarded = true;
      else if ((first === CREATE || first === ALTER) && words <= WORDS_TO_OBJECT && GUARDED.includes(keyword))
        guarded = true;
    }
    guarded ||= hasSecret(text, start, end) || (kind === STRING && hasUserinfo(text, start, end, lexer.whole));
  }
  return guarded;
}

/** Copies the statement in which the lexer stands, up to `end`, without its literals and comments. */
function withoutLiterals(end: number): string {
  const { text } = lexer;
  let out = '';
  let from = lexer.end;
  let afterPassword = false;
  while (lexer.end < end && lexer.next() !== END) {
    const { kind } = lexer;
    const isLiteral = kind === STRING || kind === NUMBER;
    // Who writes PASSWORD "x" for PostgreSQL means a string.
    if (isLiteral || kind === COMMENT || (kind === QUOTED && (afterPassword || !lexer.whole))) {
      out += text.slice(from, lexer.start) + (kind === COMMENT ? ' ' : '?');
      from = lexer.end;
    }
    if (kind !== COMMENT) afterPassword = lexer.keyword === PASSWORD;
  }
  return out + text.slice(from, end);
}

/**
 * Removes what must never leave, whatever is wanted of masking, and nothing else. Where a statement speaks of a password
 * or the like (in a word, a name, a literal or a comment) or is of a sort that carries them (CREATE USER, ALTER ROLE,
 * CREATE SERVER ..), all its literals become `?` and its comments go: it is not guessed which of them is the secret. Each statement of several is looked at by itself.
 */
export function withoutSecrets(statement: string, dialect: SqlDialect): string {
  let out = '';
  lexer.reset(statement, dialect);
  for (let from = 0; from < statement.length; ) {
    lexer.mark();
    const guarded = isGuarded();
    const to = lexer.end;
    if (guarded) {
      lexer.rewind();
      out += withoutLiterals(to);
    } else out += statement.slice(from, to);
    if (lexer.kind === END) break;
    from = to;
  }
  lexer.reset('', dialect);
  return out;
}
