import {
  AMPERSAND,
  APOSTROPHE,
  AT,
  BACKTICK,
  BANG,
  COLON,
  CR,
  DOLLAR,
  DOT,
  DOUBLE_QUOTE,
  FOLD,
  HASH,
  isBlank,
  isDigit,
  isHexDigit,
  isNamePart,
  isNameStart,
  LOWER_B,
  LOWER_E,
  LOWER_N,
  LOWER_U,
  LOWER_X,
  MINUS,
  QUESTION,
  SLASH,
  SPACE,
  STAR,
  UNDERSCORE,
  UPPER_M,
  ZERO,
} from './characters.ts';
import { findKeyword, hashStep, MAX_KEYWORD_LENGTH } from './keywords.ts';
import {
  blockCommentEnd,
  digitsEnd,
  dollarEnd,
  escapeStringEnd,
  exponentEnd,
  lineCommentEnd,
  nestedCommentEnd,
  numberEnd,
  quotedEnd,
} from './literals.ts';

/**
 * The dialects, and what a backslash is in '..': MySQL takes it as an escape unless the session has
 * NO_BACKSLASH_ESCAPES (status flag 0x0200 of its OK packets), PostgreSQL does not unless standard_conforming_strings is
 * off (a ParameterStatus message).
 */
export type SqlDialect = 'mysql' | 'mysql-plain-backslash' | 'postgresql' | 'postgresql-escape-backslash';

/** What next() answers. */
export const END = 0;
/** A name or keyword without quotes; `keyword` says which. */
export const WORD = 1;
/** A name in quotes. */
export const QUOTED = 2;
/** A literal in quotes or dollars, its prefix included. */
export const STRING = 3;
export const NUMBER = 4;
/** `?`, `$1`, `:name`, `@variable`. */
export const PLACEHOLDER = 5;
export const COMMENT = 6;
/** One character; `code` has it. */
export const PUNCTUATION = 7;
/** The opening or the end of a comment whose content MySQL executes: `/*!50003` and its asterisk and slash. */
export const VERSION = 8;
export type Token = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const NUL = 0;
const NOWHERE = -1;

/**
 * Cuts a statement into tokens, one at a time, without making any string. Keeps no nesting but a number, never throws.
 * A character is read once, or twice where a token's kind shows at its end only.
 */
export class SqlLexer {
  text = '';
  kind: Token = END;
  /** The token is `text[start, end)`. */
  start = 0;
  end = 0;
  /** Of a WORD: the keyword it is, or 0. */
  keyword = 0;
  /** Of a PUNCTUATION: the character. */
  code = 0;
  /** The token's end was there: false in a statement that was cut. */
  whole = true;
  #mysql = true;
  #backslashes = true;
  #length = 0;
  /** Behind a dot that follows a name: MySQL reads what stands there as a name even if it begins with a digit. */
  #dotted = NOWHERE;
  /** Where the end of the version comment that was opened stands. */
  #versionEnd = NOWHERE;
  #markedEnd = 0;
  #markedVersionEnd = NOWHERE;

  reset(text: string, dialect: SqlDialect): void {
    this.text = text;
    this.kind = END;
    this.start = this.end = 0;
    this.keyword = this.code = 0;
    this.whole = true;
    this.#mysql = dialect === 'mysql' || dialect === 'mysql-plain-backslash';
    this.#backslashes = dialect === 'mysql' || dialect === 'postgresql-escape-backslash';
    this.#length = text.length;
    this.#dotted = this.#versionEnd = NOWHERE;
    this.mark();
  }

  /** Remembers this place, where a statement begins or behind a parenthesis, for rewind(). */
  mark(): void {
    this.#markedEnd = this.end;
    this.#markedVersionEnd = this.#versionEnd;
  }

  rewind(): void {
    this.end = this.#markedEnd;
    this.#versionEnd = this.#markedVersionEnd;
    this.#dotted = NOWHERE;
    this.kind = PUNCTUATION;
  }

  /** The last token, one character, comes again. */
  unread(): void {
    this.end = this.start;
  }

  /** A number stands right behind the sign that is the last token. */
  numberFollows(): boolean {
    const { start, end, text } = this;
    const c = text.charCodeAt(end);
    if (!isDigit(c) && !(c === DOT && isDigit(text.charCodeAt(end + 1)))) return false;
    this.mark();
    const follows = this.next() === NUMBER;
    this.rewind();
    this.start = start;
    return follows;
  }

  /** The next character that is no space, NaN at the end. */
  peek(): number {
    return this.text.charCodeAt(this.#skipSpaces());
  }

  next(): Token {
    // Behind a keyword, `AND.5`, no name is expected.
    const behindName = this.kind === QUOTED || (this.kind === WORD && this.keyword === 0);
    const i = this.#skipSpaces();
    this.start = i;
    this.keyword = 0;
    this.whole = true;
    if (i >= this.#length) return this.#finish(i);
    if (i === this.#versionEnd) {
      this.#versionEnd = NOWHERE;
      this.kind = this.#take(i + 2, VERSION);
      return VERSION;
    }
    const kind = this.#token(i, this.text.charCodeAt(i), behindName);
    // A server older than the version in a comment skips it up to its first end, another executes it. Where a token lies
    // across that end the two disagree about everything that follows: nothing of it is believed.
    if (this.#versionEnd >= 0 && this.end > this.#versionEnd && kind !== VERSION) {
      this.#length = i;
      return this.#finish(i);
    }
    this.kind = kind;
    return kind;
  }

  #skipSpaces(): number {
    let i = this.end;
    while (i < this.#length && this.text.charCodeAt(i) <= SPACE) i++;
    return i;
  }

  #finish(at: number): Token {
    this.end = at;
    this.kind = END;
    return END;
  }

  #take(end: number, kind: Token): Token {
    this.end = end;
    return kind;
  }

  /** `end`: -1 when it is missing. */
  #takeWhole(end: number, kind: Token): Token {
    this.whole = end >= 0;
    this.end = end >= 0 ? end : this.#length;
    return kind;
  }

  #punctuation(i: number, c: number): Token {
    this.code = c;
    this.end = i + 1;
    return PUNCTUATION;
  }

  #token(i: number, c: number, behindName: boolean): Token {
    if (isNameStart(c)) return this.#word(i);
    if (isDigit(c)) return this.#mysql ? this.#mysqlNumber(i) : this.#number(i);
    const next = this.text.charCodeAt(i + 1);
    switch (c) {
      case APOSTROPHE:
        return this.#string(i, APOSTROPHE, this.#backslashes);
      case DOUBLE_QUOTE:
        return this.#mysql ? this.#string(i, DOUBLE_QUOTE, this.#backslashes) : this.#quoted(i, DOUBLE_QUOTE);
      case BACKTICK:
        return this.#mysql ? this.#quoted(i, BACKTICK) : this.#punctuation(i, c);
      case DOLLAR:
        return this.#mysql ? this.#word(i) : this.#dollar(i, next);
      case QUESTION:
        return this.#take(i + 1, PLACEHOLDER);
      case COLON:
        // Not the second one of a cast, a::int.
        if (isNameStart(next) && this.text.charCodeAt(i - 1) !== COLON)
          return this.#take(this.#nameEnd(i + 1), PLACEHOLDER);
        return this.#punctuation(i, c);
      case AT:
        return this.#variable(i, next);
      case DOT:
        return this.#dot(i, next, behindName && this.end === i);
      case MINUS:
        // MySQL 8.0 Reference Manual 1.7.2.4: two dashes are a comment only in front of a space or control character.
        if (next === MINUS && (!this.#mysql || isBlank(this.text.charCodeAt(i + 2)))) return this.#lineComment(i);
        return this.#punctuation(i, c);
      case HASH:
        return this.#mysql ? this.#lineComment(i) : this.#punctuation(i, c);
      case SLASH:
        return next === STAR ? this.#blockComment(i) : this.#punctuation(i, c);
    }
    return this.#punctuation(i, c);
  }

  #nameEnd(i: number): number {
    let j = i;
    while (j < this.#length && isNamePart(this.text.charCodeAt(j))) j++;
    return j;
  }

  #word(i: number): Token {
    const text = this.text;
    let hash = 0;
    let j = i;
    let c = 0;
    for (; j < this.#length; j++) {
      c = text.charCodeAt(j);
      if (!isNamePart(c)) break;
      hash = hashStep(hash, c);
    }
    if (j < this.#length && (c === APOSTROPHE || c === AMPERSAND)) {
      const kind = this.#prefixed(i, j, c);
      if (kind !== END) return kind;
    }
    if (j - i <= MAX_KEYWORD_LENGTH && this.#dotted !== i) this.keyword = findKeyword(text, i, j, hash);
    return this.#take(j, WORD);
  }

  /** A literal or name whose prefix is `text[i, j)`, followed by `c`; END when this is none. */
  #prefixed(i: number, j: number, c: number): Token {
    const text = this.text;
    const letter = j === i + 1 ? text.charCodeAt(i) | FOLD : 0;
    if (c === AMPERSAND) {
      // U&'..' (PostgreSQL documentation 4.1.2.3): its backslashes escape no quote.
      if (letter !== LOWER_U || this.#mysql) return END;
      const quote = text.charCodeAt(j + 1);
      if (quote === APOSTROPHE) return this.#string(j + 1, quote, false);
      return quote === DOUBLE_QUOTE ? this.#quoted(j + 1, quote) : END;
    }
    // Hexadecimal and binary digits have no escapes.
    if (letter === LOWER_X || letter === LOWER_B) return this.#string(j, c, false);
    if (letter === LOWER_N) return this.#string(j, c, this.#backslashes);
    if (letter === LOWER_E && !this.#mysql) return this.#takeWhole(escapeStringEnd(text, j, this.#length), STRING);
    // An introducer, _utf8mb4'..': MySQL 8.0 Reference Manual 10.3.8.
    return this.#mysql && text.charCodeAt(i) === UNDERSCORE ? this.#string(j, c, this.#backslashes) : END;
  }

  #string(q: number, quote: number, escapes: boolean): Token {
    return this.#takeWhole(quotedEnd(this.text, q, this.#length, quote, escapes), STRING);
  }

  #quoted(q: number, quote: number): Token {
    return this.#takeWhole(quotedEnd(this.text, q, this.#length, quote, false), QUOTED);
  }

  /** `$1`, or `$tag$..$tag$`, whose tag is a name without dollars (PostgreSQL documentation 4.1.2.4). */
  #dollar(i: number, next: number): Token {
    const text = this.text;
    if (isDigit(next)) return this.#take(digitsEnd(text, i + 1, false), PLACEHOLDER);
    let j = i + 1;
    if (isNameStart(next))
      while (j < this.#length && text.charCodeAt(j) !== DOLLAR && isNamePart(text.charCodeAt(j))) j++;
    if (text.charCodeAt(j) !== DOLLAR) return this.#punctuation(i, DOLLAR);
    return this.#takeWhole(dollarEnd(text, i, j, this.#length), STRING);
  }

  /** `@name`, `@@global.name` and, behind an account's name, `@host.name`. In PostgreSQL `@` is an operator. */
  #variable(i: number, next: number): Token {
    const text = this.text;
    if (!this.#mysql)
      return isNameStart(next) ? this.#take(this.#nameEnd(i + 1), PLACEHOLDER) : this.#punctuation(i, AT);
    const from = next === AT ? i + 2 : i + 1;
    let j = from;
    while (j < this.#length && (isNamePart(text.charCodeAt(j)) || text.charCodeAt(j) === DOT)) j++;
    return j === from ? this.#punctuation(i, AT) : this.#take(j, PLACEHOLDER);
  }

  /** Right behind a name a dot parts it from another one; PostgreSQL has none that begin with a digit. */
  #dot(i: number, next: number, behindName: boolean): Token {
    if (isDigit(next) && !(behindName && this.#mysql)) return this.#number(i);
    if (behindName) this.#dotted = i + 1;
    return this.#punctuation(i, DOT);
  }

  #number(i: number): Token {
    return this.#take(numberEnd(this.text, i, this.#length, !this.#mysql), NUMBER);
  }

  /** A number of MySQL, or a name that begins with a digit: `2fa_codes` is one, `1e5` and `0x1f` are not. */
  #mysqlNumber(i: number): Token {
    const text = this.text;
    if (this.#dotted === i) return this.#word(i);
    const letter = text.charCodeAt(i + 1) | FOLD;
    if (text.charCodeAt(i) === ZERO && (letter === LOWER_X || letter === LOWER_B)) {
      let j = i + 2;
      while (letter === LOWER_X ? isHexDigit(text.charCodeAt(j)) : isDigit(text.charCodeAt(j))) j++;
      if (j > i + 2 && !isNamePart(text.charCodeAt(j))) return this.#take(j, NUMBER);
    }
    const j = digitsEnd(text, i, false);
    if (text.charCodeAt(j) === DOT) return this.#number(i);
    const end = exponentEnd(text, j);
    return end === j && isNamePart(text.charCodeAt(j)) ? this.#word(i) : this.#take(end, NUMBER);
  }

  #lineComment(i: number): Token {
    return this.#take(lineCommentEnd(this.text, i, this.#length, this.#mysql ? NUL : CR), COMMENT);
  }

  #blockComment(i: number): Token {
    const text = this.text;
    if (!this.#mysql) return this.#takeWhole(nestedCommentEnd(text, i, this.#length), COMMENT);
    const bang = text.charCodeAt(i + 2) === UPPER_M ? i + 3 : i + 2;
    if (text.charCodeAt(bang) !== BANG) return this.#takeWhole(blockCommentEnd(text, i, this.#length), COMMENT);
    // `/*!` and MariaDB's `/*M!`, then nothing or five or six digits.
    let end = bang + 1;
    while (end < bang + 7 && isDigit(text.charCodeAt(end))) end++;
    if (end < bang + 6) end = bang + 1;
    if (this.#versionEnd < end) {
      const at = text.indexOf('*/', end);
      this.#versionEnd = at < 0 ? Number.POSITIVE_INFINITY : at;
    }
    return this.#take(end, VERSION);
  }
}
