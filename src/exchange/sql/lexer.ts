import { FOLD, findKeyword, hashStep, MAX_KEYWORD_LENGTH } from './keywords.ts';

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
/** The opening of a comment whose content MySQL executes: `/*!50003`. Its end comes as two characters. */
export const VERSION = 8;
export type Token = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const code = (c: string): number => c.charCodeAt(0);
const LF = 10;
const CR = 13;
const SPACE = 32;
export const DOUBLE_QUOTE: number = code('"');
const BANG = code('!');
const HASH = code('#');
const DOLLAR = code('$');
const AMPERSAND = code('&');
const APOSTROPHE = code("'");
export const OPEN: number = code('(');
export const CLOSE: number = code(')');
const STAR = code('*');
export const PLUS: number = code('+');
export const COMMA: number = code(',');
export const MINUS: number = code('-');
export const DOT: number = code('.');
const SLASH = code('/');
const ZERO = code('0');
export const COLON: number = code(':');
export const SEMICOLON: number = code(';');
const QUESTION = code('?');
const AT = code('@');
const BACKSLASH = code('\\');
const UPPER_M = code('M');
const UNDERSCORE = code('_');
const BACKTICK = code('`');
const LOWER_A = code('a');
const LOWER_B = code('b');
const LOWER_E = code('e');
const LOWER_N = code('n');
const LOWER_U = code('u');
const LOWER_X = code('x');
const DELETE = 127;

/** Classes of ASCII characters. */
const LETTER = 1;
const DIGIT = 2;
const OTHER = 0;
const CLASS = new Uint8Array(128).fill(OTHER);
for (let c = LOWER_A; c < LOWER_A + 26; c++) CLASS[c] = CLASS[c - FOLD] = LETTER;
CLASS[UNDERSCORE] = LETTER;
for (let c = ZERO; c < ZERO + 10; c++) CLASS[c] = DIGIT;

/** NaN (behind the end) is no digit and no part of a name. */
export const isDigit = (c: number): boolean => c >= ZERO && c <= ZERO + 9;
/** Everything outside ASCII may stand in a name, as in both servers. */
const isNameStart = (c: number): boolean => c >= 128 || CLASS[c] === LETTER;
const isNamePart = (c: number): boolean => c >= 128 || c === DOLLAR || CLASS[c]! > OTHER;
/** A space or control character, or the end. */
const isBlank = (c: number): boolean => !(c > SPACE) || c === DELETE;
const isHexDigit = (c: number): boolean => isDigit(c) || ((c | FOLD) >= LOWER_A && (c | FOLD) <= LOWER_A + 5);

/**
 * Cuts a statement into tokens, one at a time, without making any string. Reads every character once (twice around
 * the strings of PostgreSQL that may go on in the next line), keeps no nesting but a number, never throws.
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
  #dotted = -1;
  /** Where the first end of the version comment that was opened stands; -1 when none was. */
  #versionEnd = -1;

  reset(text: string, dialect: SqlDialect): void {
    this.text = text;
    this.kind = END;
    this.start = this.end = 0;
    this.keyword = this.code = 0;
    this.whole = true;
    this.#mysql = dialect === 'mysql' || dialect === 'mysql-plain-backslash';
    this.#backslashes = dialect === 'mysql' || dialect === 'postgresql-escape-backslash';
    this.#length = text.length;
    this.#dotted = this.#versionEnd = -1;
  }

  /** Goes back to `end`, where a statement begins or behind a parenthesis. */
  rewind(end: number): void {
    this.end = end;
    this.kind = PUNCTUATION;
    this.#dotted = -1;
  }

  /** The next character that is no space, NaN at the end. */
  peek(): number {
    let i = this.end;
    while (i < this.#length && this.text.charCodeAt(i) <= SPACE) i++;
    return i < this.#length ? this.text.charCodeAt(i) : Number.NaN;
  }

  next(): Token {
    const before = this.kind;
    let i = this.end;
    while (i < this.#length && this.text.charCodeAt(i) <= SPACE) i++;
    this.start = i;
    this.keyword = 0;
    this.whole = true;
    if (i >= this.#length) {
      this.end = i;
      this.kind = END;
      return END;
    }
    const kind = this.#token(i, this.text.charCodeAt(i), before);
    // A server older than the version in a comment skips it up to its first end, another executes it. Where a token lies
    // across that end the two disagree about everything that follows: nothing of it is believed.
    if (this.#versionEnd >= 0 && this.end > this.#versionEnd && kind !== VERSION) {
      if (this.start < this.#versionEnd) {
        this.#length = this.end = this.start;
        this.whole = false;
        this.kind = END;
        return END;
      }
      this.#versionEnd = -1;
    }
    this.kind = kind;
    return kind;
  }

  #token(i: number, c: number, before: Token): Token {
    const next = this.text.charCodeAt(i + 1);
    if (isNameStart(c)) return this.#word(i);
    if (isDigit(c)) return this.#mysql ? this.#mysqlNumber(i) : this.#number(i);
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
        this.end = i + 1;
        return PLACEHOLDER;
      case COLON:
        return isNameStart(next) && this.text.charCodeAt(i - 1) !== COLON
          ? this.#name(i + 1, PLACEHOLDER)
          : this.#punctuation(i, c);
      case AT:
        return this.#variable(i, next);
      case DOT:
        // Behind a name a dot is a separator; PostgreSQL has no names that begin with a digit.
        if ((before === WORD || before === QUOTED) && this.end === i) {
          if (this.#mysql) this.#dotted = i + 1;
          else if (isDigit(next)) return this.#number(i);
        } else if (isDigit(next)) return this.#number(i);
        return this.#punctuation(i, c);
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

  #punctuation(i: number, c: number): Token {
    this.code = c;
    this.end = i + 1;
    return PUNCTUATION;
  }

  /** The rest of a name from `i`. */
  #name(i: number, kind: Token): Token {
    let j = i;
    while (j < this.#length && isNamePart(this.text.charCodeAt(j))) j++;
    this.end = j;
    return kind;
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
    this.end = j;
    if (j < this.#length && c === APOSTROPHE) {
      const first = text.charCodeAt(i) | FOLD;
      if (j === i + 1) {
        // X'..', B'..' and N'..' in both, E'..' in PostgreSQL. Hexadecimal and binary digits have no escapes.
        if (first === LOWER_X || first === LOWER_B) return this.#string(j, APOSTROPHE, false);
        if (first === LOWER_N) return this.#string(j, APOSTROPHE, this.#backslashes);
        if (first === LOWER_E && !this.#mysql) return this.#escapeString(j);
      }
      // An introducer, _utf8mb4'..': MySQL 8.0 Reference Manual 10.3.8.
      if (this.#mysql && text.charCodeAt(i) === UNDERSCORE) return this.#string(j, APOSTROPHE, this.#backslashes);
    }
    // U&'..' (PostgreSQL documentation 4.1.2.3); its backslashes escape no quote.
    if (j < this.#length && c === AMPERSAND && j === i + 1 && !this.#mysql && (text.charCodeAt(i) | FOLD) === LOWER_U) {
      if (text.charCodeAt(j + 1) === APOSTROPHE) return this.#string(j + 1, APOSTROPHE, false);
      if (text.charCodeAt(j + 1) === DOUBLE_QUOTE) return this.#quoted(j + 1, DOUBLE_QUOTE);
    }
    if (j - i <= MAX_KEYWORD_LENGTH && this.#dotted !== i) this.keyword = findKeyword(text, i, j, hash);
    return WORD;
  }

  /** A literal whose opening quote is at `q`. A doubled quote is one of its characters. */
  #string(q: number, quote: number, escapes: boolean): Token {
    this.#closing(q, quote, escapes);
    return STRING;
  }

  #quoted(q: number, quote: number): Token {
    this.#closing(q, quote, false);
    return QUOTED;
  }

  /** Sets `end` behind the quote that closes the one at `q`. */
  #closing(q: number, quote: number, escapes: boolean): void {
    const text = this.text;
    const mark = quote === APOSTROPHE ? "'" : quote === DOUBLE_QUOTE ? '"' : '`';
    for (let i = q + 1; ; ) {
      i = text.indexOf(mark, i);
      if (i < 0 || i >= this.#length) break;
      if (escapes && this.#escaped(q, i)) i++;
      else if (text.charCodeAt(i + 1) === quote) i += 2;
      else {
        this.end = i + 1;
        return;
      }
    }
    this.end = this.#length;
    this.whole = false;
  }

  /** An odd number of backslashes stands in front of `at`, behind `q`. */
  #escaped(q: number, at: number): boolean {
    let i = at;
    while (i > q + 1 && this.text.charCodeAt(i - 1) === BACKSLASH) i--;
    return (at - i) % 2 === 1;
  }

  /** E'..', and its continuations in further lines, which escape as well without a prefix of their own. */
  #escapeString(q: number): Token {
    for (let i = q; i >= 0; i = this.#continuation()) this.#closing(i, APOSTROPHE, true);
    return STRING;
  }

  /** PostgreSQL's quotecontinue: the quote behind a line break, spaces and line comments; -1 when there is none. */
  #continuation(): number {
    let broken = false;
    let i = this.end;
    for (; i < this.#length; i++) {
      const c = this.text.charCodeAt(i);
      if (c === LF || c === CR) broken = true;
      else if (c === MINUS && broken && this.text.charCodeAt(i + 1) === MINUS) i = this.#lineEnd(i) - 1;
      else if (c > SPACE) return c === APOSTROPHE && broken ? i : -1;
    }
    return -1;
  }

  /** `$1`, or `$tag$..$tag$`, whose tag is a name without dollars (PostgreSQL documentation 4.1.2.4). */
  #dollar(i: number, next: number): Token {
    const text = this.text;
    let j = i + 1;
    if (isDigit(next)) {
      while (isDigit(text.charCodeAt(j))) j++;
      this.end = j;
      return PLACEHOLDER;
    }
    if (isNameStart(next))
      while (j < this.#length && text.charCodeAt(j) !== DOLLAR && isNamePart(text.charCodeAt(j))) j++;
    if (text.charCodeAt(j) !== DOLLAR) {
      // The tag itself was cut, or this is a lone dollar.
      if (j >= this.#length) this.whole = false;
      return this.#punctuation(i, DOLLAR);
    }
    const tagLength = j - i;
    // Between two dollars the tag is compared once at most, so that this stays linear.
    for (let k = text.indexOf('$', j + 1); k >= 0; k = text.indexOf('$', k + 1)) {
      let same = 1;
      while (same < tagLength && text.charCodeAt(k + same) === text.charCodeAt(i + same)) same++;
      if (same < tagLength || text.charCodeAt(k + tagLength) !== DOLLAR) continue;
      this.end = k + tagLength + 1;
      return STRING;
    }
    this.end = this.#length;
    this.whole = false;
    return STRING;
  }

  /** `@name`, `@@global.name` and, behind an account's name, `@host.name`. In PostgreSQL `@` is an operator. */
  #variable(i: number, next: number): Token {
    if (!this.#mysql) return isNameStart(next) ? this.#name(i + 1, PLACEHOLDER) : this.#punctuation(i, AT);
    let j = i + 1;
    if (next === AT) j++;
    const from = j;
    while (j < this.#length && (isNamePart(this.text.charCodeAt(j)) || this.text.charCodeAt(j) === DOT)) j++;
    if (j === from) return this.#punctuation(i, AT);
    this.end = j;
    return PLACEHOLDER;
  }

  /**
   * A number of MySQL, or a name that begins with a digit: `2fa_codes` is one, `1e5` and `0x1f` are not.
   * Behind a dot that follows a name everything is a name.
   */
  #mysqlNumber(i: number): Token {
    const text = this.text;
    if (this.#dotted === i) return this.#word(i);
    let j = i;
    if (text.charCodeAt(i) === ZERO && (text.charCodeAt(i + 1) | FOLD) === LOWER_X) {
      j = i + 2;
      while (isHexDigit(text.charCodeAt(j))) j++;
    } else if (text.charCodeAt(i) === ZERO && (text.charCodeAt(i + 1) | FOLD) === LOWER_B) {
      j = i + 2;
      while (isDigit(text.charCodeAt(j))) j++;
    }
    if (j > i + 2 && !isNamePart(text.charCodeAt(j))) {
      this.end = j;
      return NUMBER;
    }
    j = this.#digits(i);
    if (text.charCodeAt(j) === DOT) return this.#number(i);
    const k = this.#exponent(j);
    if (k === j && isNamePart(text.charCodeAt(j))) return this.#word(i);
    this.end = k;
    return NUMBER;
  }

  /** Behind the digits at `i`; PostgreSQL's may be parted by underscores. */
  #digits(i: number): number {
    const text = this.text;
    let j = i;
    while (
      isDigit(text.charCodeAt(j)) ||
      (!this.#mysql && j > i && text.charCodeAt(j) === UNDERSCORE && isDigit(text.charCodeAt(j + 1)))
    )
      j++;
    return j;
  }

  /** Behind `e`, an optional sign and digits at `i`; else `i`. */
  #exponent(i: number): number {
    if ((this.text.charCodeAt(i) | FOLD) !== LOWER_E) return i;
    const c = this.text.charCodeAt(i + 1);
    const from = c === PLUS || c === MINUS ? i + 2 : i + 1;
    const j = this.#digits(from);
    return j > from ? j : i;
  }

  /** 1, 1.5, .5, 1., 1e-9; in PostgreSQL also 0x1f, 0o17, 0b11 and 1_000 (documentation 4.1.2.6). */
  #number(i: number): Token {
    const text = this.text;
    let j = this.#digits(i);
    // Two dots are a range.
    if (text.charCodeAt(j) === DOT && text.charCodeAt(j + 1) !== DOT) j = this.#digits(j + 1);
    j = this.#exponent(j);
    // Letters right behind a number are the next word, `1AND 2`. With digits among them they belong to it, whether
    // it is a form of number or a mistake that should not show its digits.
    let k = j;
    let end = text.charCodeAt(i) === ZERO && (text.charCodeAt(j) | FOLD) === LOWER_X && j === i + 1 ? j + 1 : j;
    for (; k < this.#length && isNamePart(text.charCodeAt(k)); k++) if (isDigit(text.charCodeAt(k))) end = k + 1;
    this.end = end > j ? k : j;
    return NUMBER;
  }

  /** Where a line comment that begins at `i` ends: in front of the line's end; MySQL's also in front of a NUL. */
  #lineEnd(i: number): number {
    let j = i;
    for (; j < this.#length; j++) {
      const c = this.text.charCodeAt(j);
      if (c === LF || (this.#mysql ? c === 0 : c === CR)) break;
    }
    return j;
  }

  #lineComment(i: number): Token {
    this.end = this.#lineEnd(i);
    return COMMENT;
  }

  #blockComment(i: number): Token {
    if (!this.#mysql) return this.#nestedComment(i);
    const text = this.text;
    const bang = text.charCodeAt(i + 2) === UPPER_M ? i + 3 : i + 2;
    if (text.charCodeAt(bang) === BANG) {
      // `/*!` and MariaDB's `/*M!`, then nothing or five or six digits.
      let j = bang + 1;
      while (j < bang + 7 && isDigit(text.charCodeAt(j))) j++;
      this.end = j < bang + 6 ? bang + 1 : j;
      if (this.#versionEnd < this.end) {
        const at = text.indexOf('*/', this.end);
        this.#versionEnd = at < 0 ? Number.POSITIVE_INFINITY : at;
      }
      return VERSION;
    }
    const at = text.indexOf('*/', i + 2);
    this.whole = at >= 0;
    this.end = at < 0 ? this.#length : at + 2;
    return COMMENT;
  }

  /** PostgreSQL's comments nest (documentation 4.1.5). */
  #nestedComment(i: number): Token {
    const text = this.text;
    let depth = 1;
    let j = i + 2;
    for (; j < this.#length && depth > 0; j++) {
      const c = text.charCodeAt(j);
      if (c === STAR && text.charCodeAt(j + 1) === SLASH) {
        depth--;
        j++;
      } else if (c === SLASH && text.charCodeAt(j + 1) === STAR) {
        depth++;
        j++;
      }
    }
    this.whole = depth === 0;
    this.end = Math.min(j, this.#length);
    return COMMENT;
  }
}
