import {
  APOSTROPHE,
  CLOSE,
  CLOSE_SQUARE,
  COLON,
  COMMA,
  DOT,
  DOUBLE_QUOTE,
  isDigit,
  MINUS,
  OPEN,
  PLUS,
  SEMICOLON,
  SPACE,
  STAR,
} from './characters.ts';
import { IS_BEFORE_OPERAND, keywordId } from './keywords.ts';
import {
  COMMENT,
  END,
  NUMBER,
  PLACEHOLDER,
  PUNCTUATION,
  QUOTED,
  type SqlLexer,
  STRING,
  type Token,
  VERSION,
  WORD,
} from './lexer.ts';
import { hasSecret } from './secrets.ts';

const IN = keywordId('IN');
const VALUES = keywordId('VALUES');
const VALUE = keywordId('VALUE');
const ROW = keywordId('ROW');
const TRUE = keywordId('TRUE');
const FALSE = keywordId('FALSE');
const NULL = keywordId('NULL');
const DEFAULT = keywordId('DEFAULT');
const PASSWORD = keywordId('PASSWORD');
const STARTS_QUERY = ['SELECT', 'WITH', 'VALUES', 'TABLE', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'].map(keywordId);

/**
 * A statement as its tokens go by, with `?` for every literal, and one space for spaces and comments.
 *
 * The conventions ("Sanitization of db.query.text") name string, numeric, date and time, boolean, interval, binary and
 * hexadecimal literals. NULL is none of them and stays. The type's name in DATE '..' and INTERVAL '..' is code and
 * stays. They let IN lists be folded to `IN (?)`; further rows of VALUES are left out for the same reason, statements
 * that differ in nothing but their number of values shall be equal.
 */
export class SqlMask {
  #keepComments = false;
  #out = '';
  /** What is copied as it stands and not yet in `out`: `text[from, to)`. */
  #from = 0;
  #to = 0;
  /** End of the last token that was seen. */
  #seen = 0;
  /** A space is due in front of the next token. */
  #gap = false;
  /** A line comment was written last: a line break is due. */
  #line = false;
  /** The last token that is no comment. */
  #kind: Token = END;
  #keyword = 0;
  #code = 0;
  #depth = 0;
  /** Depth at which rows of VALUES stand, -1 when none do. */
  #rows = -1;

  reset(keepComments: boolean): void {
    this.#keepComments = keepComments;
    this.#out = '';
    this.#from = this.#to = this.#seen = 0;
    this.#gap = this.#line = false;
    this.#kind = END;
    this.#keyword = this.#code = this.#depth = 0;
    this.#rows = -1;
  }

  finish(lexer: SqlLexer): string {
    this.#flush(lexer.text);
    return this.#out;
  }

  /** May take further tokens from the lexer: lists and rows that are folded. */
  token(lexer: SqlLexer): void {
    const { kind } = lexer;
    if (kind === COMMENT) {
      this.#comment(lexer);
      return;
    }
    switch (kind) {
      case STRING:
        // Adjacent strings are one literal.
        if (this.#kind === STRING) this.#join(lexer);
        else this.#mask(lexer);
        break;
      case NUMBER:
        this.#mask(lexer);
        break;
      case QUOTED:
        if (lexer.whole && this.#keyword !== PASSWORD) this.#copy(lexer);
        else this.#mask(lexer);
        break;
      case WORD:
        this.#word(lexer);
        return;
      case PUNCTUATION:
        this.#punctuation(lexer);
        return;
      default:
        this.#copy(lexer);
    }
    this.#remember(lexer);
  }

  #remember(lexer: SqlLexer): void {
    this.#kind = lexer.kind;
    this.#keyword = lexer.keyword;
    this.#code = lexer.code;
  }

  #word(lexer: SqlLexer): void {
    // Behind a dot every word is a name.
    const keyword = this.#kind === PUNCTUATION && this.#code === DOT ? 0 : lexer.keyword;
    this.#keyword = keyword;
    this.#kind = WORD;
    if (keyword === TRUE || keyword === FALSE) {
      this.#mask(lexer);
      return;
    }
    this.#copy(lexer);
    if (keyword === VALUES || keyword === VALUE) this.#rows = this.#depth;
    else if (this.#depth === this.#rows && keyword !== ROW) this.#rows = -1;
  }

  #punctuation(lexer: SqlLexer): void {
    const { code } = lexer;
    if ((code === MINUS || code === PLUS) && this.#expectsOperand() && lexer.numberFollows()) {
      this.#skip(lexer);
      this.#remember(lexer);
      return;
    }
    // Two dashes in MySQL: whatever is left out behind them, they shall not become a comment.
    if (code === MINUS && this.#kind === PUNCTUATION && this.#code === MINUS) this.#gap = true;
    const behindIn = this.#keyword === IN && this.#kind === WORD;
    this.#copy(lexer);
    this.#remember(lexer);
    if (code === OPEN) {
      this.#depth++;
      if (behindIn) this.#foldList(lexer);
    } else if (code === CLOSE) {
      if (this.#depth > 0) this.#depth--;
      if (this.#depth === this.#rows) this.#foldRows(lexer);
    } else if (code === SEMICOLON) {
      this.#depth = 0;
      this.#rows = -1;
    } else if (code !== COMMA && this.#depth === this.#rows) this.#rows = -1;
  }

  /** A sign here belongs to the number behind it. */
  #expectsOperand(): boolean {
    if (this.#kind === PUNCTUATION) return this.#code !== CLOSE && this.#code !== CLOSE_SQUARE;
    return this.#kind === END || (this.#kind === WORD && IS_BEFORE_OPERAND[this.#keyword] === 1);
  }

  /** Behind `IN (`: when there is nothing but values up to the closing parenthesis or the end, `?` stands for them. */
  #foldList(lexer: SqlLexer): void {
    lexer.mark();
    let depth = 1;
    let values = 0;
    let before = 0;
    for (;;) {
      const kind = lexer.next();
      if (kind === END) break;
      if (kind === STRING || kind === NUMBER || kind === PLACEHOLDER || (kind === QUOTED && !lexer.whole)) values++;
      else if (kind === PUNCTUATION) {
        const { code } = lexer;
        if (code === OPEN) depth++;
        else if (code === CLOSE) depth--;
        else if (code !== COMMA && code !== MINUS && code !== PLUS && code !== COLON) break;
      } else if (kind === WORD) {
        const { keyword } = lexer;
        const isCast = before === COLON;
        if (keyword === TRUE || keyword === FALSE || keyword === NULL || keyword === DEFAULT) values++;
        else if (!isCast) break;
      } else if (kind !== COMMENT) break;
      before = kind === PUNCTUATION ? lexer.code : 0;
      if (depth === 0) break;
    }
    if (values === 0 || (lexer.kind !== END && depth > 0)) {
      lexer.rewind();
      return;
    }
    this.#flush(lexer.text);
    this.#out += '?';
    if (depth === 0) lexer.unread();
    this.#resume(lexer);
  }

  /** Behind a row of VALUES: leaves out the rows that follow, but those with a subquery. */
  #foldRows(lexer: SqlLexer): void {
    for (;;) {
      lexer.mark();
      if (!this.#skipRow(lexer)) {
        lexer.rewind();
        return;
      }
      this.#resume(lexer);
      if (lexer.kind === END) return;
    }
  }

  /** Takes `, (..)` or `, ROW(..)`; false when something else follows, or the row has a query of its own. */
  #skipRow(lexer: SqlLexer): boolean {
    if (nextCode(lexer) !== PUNCTUATION || lexer.code !== COMMA) return false;
    let kind = nextCode(lexer);
    if (kind === WORD && lexer.keyword === ROW) kind = nextCode(lexer);
    if (kind === END) return true;
    if (kind !== PUNCTUATION || lexer.code !== OPEN) return false;
    for (let depth = 1; depth > 0; ) {
      kind = lexer.next();
      if (kind === END) return true;
      if (kind === VERSION) return false;
      if (kind === WORD && STARTS_QUERY.includes(lexer.keyword)) return false;
      if (kind !== PUNCTUATION) continue;
      if (lexer.code === SEMICOLON) return false;
      depth += lexer.code === OPEN ? 1 : lexer.code === CLOSE ? -1 : 0;
    }
    return true;
  }

  /** Goes on behind what was left out, as behind a closing parenthesis. */
  #resume(lexer: SqlLexer): void {
    this.#flush(lexer.text);
    this.#from = this.#to = this.#seen = lexer.end;
    this.#kind = PUNCTUATION;
    this.#code = CLOSE;
    this.#keyword = 0;
  }

  /** Kept comments stay as they are, but those with a secret, and optimizer hints with a literal, are dropped. */
  #comment(lexer: SqlLexer): void {
    const { text, start, end } = lexer;
    const keep =
      this.#keepComments && lexer.whole && !hasSecret(text, start, end) && !isHintWithLiteral(text, start, end);
    if (!keep) {
      this.#skip(lexer);
      this.#gap = true;
      return;
    }
    const first = text.charCodeAt(start + 1);
    this.#copy(lexer);
    this.#line = first !== STAR;
  }

  #copy(lexer: SqlLexer): void {
    const { text, start, end } = lexer;
    // One plain space, and nothing due: the run just gets longer.
    const adjoins = start === this.#seen || (start === this.#seen + 1 && text.charCodeAt(start - 1) === SPACE);
    if (this.#gap || this.#line || !adjoins || this.#to !== this.#seen || this.#from === this.#to) {
      this.#separate(lexer);
      this.#from = start;
    }
    this.#to = this.#seen = end;
  }

  #mask(lexer: SqlLexer): void {
    this.#separate(lexer);
    this.#out += '?';
    this.#from = this.#to = this.#seen = lexer.end;
  }

  /** A further part of the literal that was masked last. */
  #join(lexer: SqlLexer): void {
    this.#seen = lexer.end;
    this.#gap = false;
  }

  #skip(lexer: SqlLexer): void {
    if (lexer.start > this.#seen) this.#gap = true;
    this.#seen = lexer.end;
  }

  /** Writes what is due in front of this token. */
  #separate(lexer: SqlLexer): void {
    this.#flush(lexer.text);
    if (this.#line) this.#out += '\n';
    else if ((this.#gap || lexer.start > this.#seen) && this.#out.length > 0) this.#out += ' ';
    this.#gap = this.#line = false;
  }

  #flush(text: string): void {
    if (this.#to > this.#from) this.#out += text.slice(this.#from, this.#to);
    this.#from = this.#to;
  }
}

/** The next token that is no comment. */
function nextCode(lexer: SqlLexer): Token {
  let kind = lexer.next();
  while (kind === COMMENT) kind = lexer.next();
  return kind;
}

/** `/*+ .. ` with a quote or digit in it. */
function isHintWithLiteral(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start + 2) !== PLUS || text.charCodeAt(start + 1) !== STAR) return false;
  for (let i = start + 3; i < end; i++) {
    const c = text.charCodeAt(i);
    if (isDigit(c) || c === DOUBLE_QUOTE || c === APOSTROPHE) return true;
  }
  return false;
}
