import { CLOSE, COMMA, DOT, OPEN, SEMICOLON } from './characters.ts';
import {
  BARE,
  EXPRESSION,
  IS_CLAUSE,
  IS_NOISE,
  IS_OBJECT,
  keywordId,
  MAYBE_OBJECT,
  NO_OPERATION,
  OBJECT,
  OPERATION,
  PREFIX,
  QUERY,
  TARGET,
} from './keywords.ts';
import { COMMENT, NUMBER, PLACEHOLDER, PUNCTUATION, QUOTED, type SqlLexer, STRING, VERSION, WORD } from './lexer.ts';
import { QueryNames } from './query-names.ts';
import { SummaryText } from './summary-text.ts';

const SELECT = keywordId('SELECT');
const INSERT = keywordId('INSERT');
const REPLACE = keywordId('REPLACE');
const UPDATE = keywordId('UPDATE');
const DELETE = keywordId('DELETE');
const MERGE = keywordId('MERGE');
const LOAD = keywordId('LOAD');
const ALTER = keywordId('ALTER');
const CREATE = keywordId('CREATE');
const ANALYZE = keywordId('ANALYZE');
const START = keywordId('START');
const FROM = keywordId('FROM');
const JOIN = keywordId('JOIN');
const STRAIGHT_JOIN = keywordId('STRAIGHT_JOIN');
const USING = keywordId('USING');
const WITH = keywordId('WITH');
const INTO = keywordId('INTO');
const DISTINCT = keywordId('DISTINCT');
const TABLE = keywordId('TABLE');
const FUNCTION = keywordId('FUNCTION');
const PROCEDURE = keywordId('PROCEDURE');
const TRIGGER = keywordId('TRIGGER');
const ON = keywordId('ON');
const EVENT = keywordId('EVENT');
const PACKAGE = keywordId('PACKAGE');

/** What the next name is. */
const NOTHING = 0;
const A_TARGET = 1;
/** A target was named; a dot goes on with it. */
const IN_TARGET = 2;
const BEHIND_DOT = 3;
/** The name that WITH gives to a query. */
const A_QUERY_NAME = 4;
const AN_OBJECT = 5;
type Expected = 0 | 1 | 2 | 3 | 4 | 5;

/** What is known of a level of parentheses. */
const READS = 1; // FROM names tables here: not the one in EXTRACT(YEAR FROM x)
const LISTS = 2; // commas part tables
const NAMES_QUERIES = 4; // commas part the queries of WITH
const USES = 8; // USING names tables: DELETE and MERGE

/** Levels of parentheses that are kept; further in, subqueries show their operation and first tables only. */
const MAX_DEPTH = 256;

/** Where an operation may begin. */
const NOWHERE = 0;
/** At a statement's beginning, or behind EXPLAIN and its like. */
const ANY = 1;
/** In a query of WITH, or behind the last of them. */
const CHANGES_ONLY = 2;
/** Behind any other parenthesis: WITH, but no operation; columns may be called like one. */
const QUERIES_ONLY = 3;

/**
 * The summary of statements as their tokens go by: operations and the tables, procedures or objects they work on, in
 * the order and case in which they were written, parted by spaces. Never a literal.
 *
 * The conventions leave open: names given by WITH are no tables and are left out, their queries are not; each SELECT
 * of a UNION is an operation; statements in one text follow each other as operations do; what a CREATE VIEW, FUNCTION,
 * PROCEDURE or TRIGGER would do later is no part of it; names that a program makes up as it goes (savepoints, cursors,
 * prepared statements) are left out; a first word that is no operation of SQL gives no summary.
 */
export class SqlSummary {
  /** Nothing that follows can change the summary. */
  closed = false;
  readonly #text = new SummaryText();
  readonly #levels = new Uint8Array(MAX_DEPTH);
  #depth = 0;
  /** Of this level: READS, LISTS, .. */
  #level = 0;
  #expected: Expected = NOTHING;
  #opens = ANY;
  /** The statement's first operation was seen. */
  #begun = false;
  /** Nothing up to the next semicolon counts. */
  #deaf = false;
  #deafBehindTarget = false;
  /** Behind EXPLAIN and its like, up to the operation. */
  #prefixed = false;
  #operation = 0;
  /** The last token was a dot, or this keyword. */
  #dotted = false;
  #lastKeyword = 0;
  /** The target's first name in the statement, where it ends in all, and the summary's length without it. */
  #nameStart = 0;
  #nameEnd = 0;
  #targetEnd = 0;
  #lengthBefore = 0;
  readonly #queryNames = new QueryNames();

  reset(): void {
    this.closed = false;
    this.#text.length = 0;
    this.#expected = NOTHING;
    this.#nextStatement();
  }

  #nextStatement(): void {
    this.#depth = this.#level = 0;
    this.#opens = ANY;
    this.#begun = this.#deaf = this.#deafBehindTarget = this.#prefixed = this.#dotted = false;
    this.#operation = this.#lastKeyword = 0;
    this.#queryNames.clear();
  }

  /** `cut`: the statement's end is missing, so that a name which touches it is not believed. */
  finish(lexer: SqlLexer, cut: boolean): string {
    if (this.#expected === IN_TARGET || this.#expected === BEHIND_DOT) {
      if (cut && this.#targetEnd === lexer.text.length) this.#text.length = this.#lengthBefore;
      else this.#endTarget(lexer.text);
    }
    return this.#text.toString();
  }

  token(lexer: SqlLexer): void {
    const { kind } = lexer;
    if (this.closed || kind === COMMENT || kind === VERSION) return;
    if (this.#expected === IN_TARGET || this.#expected === BEHIND_DOT) {
      if (this.#goesOn(lexer)) return;
      this.#endTarget(lexer.text);
    }
    if (kind === PUNCTUATION) {
      this.#punctuation(lexer);
      return;
    }
    if (this.#deaf) return;
    const opens = this.#opens;
    this.#opens = this.#prefixed ? ANY : NOWHERE;
    if (kind === WORD && !this.#dotted) this.#word(lexer, opens);
    else if (kind === QUOTED && lexer.whole) this.#name(lexer);
    else if (kind === STRING || kind === NUMBER || kind === PLACEHOLDER) this.#value();
    this.#dotted = false;
    this.#lastKeyword = lexer.keyword;
  }

  #punctuation(lexer: SqlLexer): void {
    const { code } = lexer;
    if (code === SEMICOLON) {
      this.#expected = NOTHING;
      this.#nextStatement();
      return;
    }
    if (this.#deaf) return;
    this.#dotted = code === DOT;
    this.#lastKeyword = 0;
    if (code === OPEN) this.#open();
    else if (code === CLOSE) this.#close();
    else if (code === COMMA) {
      if ((this.#level & LISTS) !== 0) this.#expected = A_TARGET;
      else if ((this.#level & NAMES_QUERIES) !== 0) this.#expected = A_QUERY_NAME;
    } else if (this.#begun && !this.#prefixed) this.#opens = NOWHERE;
  }

  #open(): void {
    const inTables = this.#expected === A_TARGET && (this.#level & LISTS) !== 0;
    if (this.#depth < MAX_DEPTH) this.#levels[this.#depth] = this.#level;
    this.#depth++;
    if ((this.#level & NAMES_QUERIES) !== 0) this.#opens = CHANGES_ONLY;
    else if (this.#begun && !this.#prefixed) this.#opens = QUERIES_ONLY;
    this.#level = inTables ? LISTS : 0;
    this.#expected = inTables ? A_TARGET : NOTHING;
  }

  #close(): void {
    this.#expected = NOTHING;
    if (this.#depth === 0) return;
    this.#depth--;
    this.#level = this.#depth < MAX_DEPTH ? this.#levels[this.#depth]! : 0;
    if ((this.#level & NAMES_QUERIES) !== 0) this.#opens = this.#begun ? CHANGES_ONLY : ANY;
  }

  #word(lexer: SqlLexer, opens: number): void {
    const { keyword } = lexer;
    if (keyword === SELECT || this.#isOperation(keyword, opens)) {
      this.#begin(lexer, keyword);
      return;
    }
    if (!this.#begun && keyword !== WITH) {
      // Only known operations make a summary: garbage must not become a metric's attribute.
      if (this.#expected === A_QUERY_NAME) this.#queryName(lexer);
      else if (this.#level === 0 && this.#depth === 0) this.#deaf = true;
      return;
    }
    if (keyword === WITH) this.#with(lexer, opens);
    else if (this.#expected === AN_OBJECT) this.#object(lexer);
    else if (this.#expected === A_QUERY_NAME) this.#queryName(lexer);
    else if (this.#expected === A_TARGET && IS_NOISE[keyword] === 1) this.#noise(lexer);
    else if (this.#expected === A_TARGET && IS_CLAUSE[keyword] === 0) this.#name(lexer);
    else this.#clause(lexer, keyword);
  }

  #isOperation(keyword: number, opens: number): boolean {
    if (opens === NOWHERE || opens === QUERIES_ONLY) return false;
    if (opens === CHANGES_ONLY)
      return keyword === INSERT || keyword === UPDATE || keyword === DELETE || keyword === MERGE;
    if (this.#prefixed && keyword === ANALYZE) return false;
    return OPERATION[keyword] !== NO_OPERATION;
  }

  #begin(lexer: SqlLexer, keyword: number): void {
    this.#add(lexer);
    this.#begun = true;
    this.#prefixed = false;
    this.#opens = NOWHERE;
    this.#operation = keyword;
    this.#expected = NOTHING;
    switch (OPERATION[keyword]) {
      case QUERY:
        this.#level = READS;
        break;
      case TARGET:
        this.#level =
          keyword === UPDATE ? READS | LISTS : keyword === DELETE ? READS | USES : keyword === MERGE ? USES : 0;
        if (keyword !== DELETE && keyword !== LOAD) this.#expected = A_TARGET;
        break;
      case OBJECT:
      case MAYBE_OBJECT:
        this.#level = 0;
        this.#expected = AN_OBJECT;
        break;
      case PREFIX:
        this.#prefixed = true;
        this.#opens = ANY;
        break;
      case EXPRESSION:
        break;
      case BARE:
        this.#deaf = true;
    }
  }

  /** CREATE [OR REPLACE] [TEMPORARY] [UNIQUE] .. TABLE name: the words in between are left out. */
  #object(lexer: SqlLexer): void {
    const { keyword } = lexer;
    if (IS_OBJECT[keyword] === 0) {
      if (OPERATION[this.#operation] !== MAYBE_OBJECT || IS_NOISE[keyword] === 1 || keyword === ANALYZE) return;
      this.#level = LISTS;
      this.#name(lexer);
      return;
    }
    this.#add(lexer);
    this.#expected = A_TARGET;
    if (this.#operation === START) this.#deaf = true;
    else if (this.#operation === CREATE) {
      // Bodies of routines are full of semicolons, so that nothing behind their names can be told from them.
      if (
        keyword === FUNCTION ||
        keyword === PROCEDURE ||
        keyword === TRIGGER ||
        keyword === EVENT ||
        keyword === PACKAGE
      )
        this.#operation = PROCEDURE;
      else this.#deafBehindTarget = keyword !== TABLE;
    } else if (this.#operation === ALTER) this.#deafBehindTarget = true;
    else this.#level = LISTS;
  }

  #noise(lexer: SqlLexer): void {
    // A table may be called `table`, behind FROM: there the word is no noise.
    if (lexer.keyword === TABLE && this.#lastKeyword === FROM) this.#name(lexer);
  }

  #clause(lexer: SqlLexer, keyword: number): void {
    this.#expected = NOTHING;
    if (keyword === FROM) {
      if ((this.#level & READS) === 0 || this.#lastKeyword === DISTINCT) return;
      this.#level |= LISTS;
      this.#expected = A_TARGET;
    } else if (keyword === JOIN || keyword === STRAIGHT_JOIN) {
      if ((this.#level & LISTS) !== 0) this.#expected = A_TARGET;
    } else if (keyword === USING) {
      if ((this.#level & USES) === 0 || lexer.peek() === OPEN) return;
      this.#level |= LISTS;
      this.#expected = A_TARGET;
    } else if (keyword === INTO) {
      if (this.#operation === LOAD) this.#expected = A_TARGET;
    } else if (IS_CLAUSE[keyword] === 1) {
      // ON goes with a join, behind which the list goes on: `FROM a JOIN b ON a.x = b.x, c`.
      if (keyword !== ON) this.#level &= ~LISTS;
    }
  }

  /** WITH in front of a query, not the one of `WITH ROLLUP` or of a table's options. */
  #with(lexer: SqlLexer, opens: number): void {
    const made = this.#operation === INSERT || this.#operation === REPLACE || this.#operation === CREATE;
    this.#expected = NOTHING;
    if ((opens === NOWHERE && !made) || lexer.peek() === OPEN) return;
    this.#level |= NAMES_QUERIES;
    this.#expected = A_QUERY_NAME;
  }

  #queryName(lexer: SqlLexer): void {
    if (IS_NOISE[lexer.keyword] === 1) return;
    this.#expected = NOTHING;
    this.#queryNames.add(lexer.start, lexer.end);
  }

  #name(lexer: SqlLexer): void {
    if (this.#expected === A_QUERY_NAME) this.#queryName(lexer);
    if (this.#expected !== A_TARGET && this.#expected !== AN_OBJECT) return;
    if (this.#expected === AN_OBJECT && OPERATION[this.#operation] !== MAYBE_OBJECT) return;
    this.#lengthBefore = this.#text.length;
    this.#nameStart = lexer.start;
    this.#nameEnd = this.#targetEnd = lexer.end;
    this.#expected = IN_TARGET;
    this.#add(lexer);
  }

  /** A literal where a name should be. */
  #value(): void {
    if (this.#expected === A_TARGET) {
      this.#expected = NOTHING;
      if (this.#deafBehindTarget) this.#deaf = true;
    }
  }

  /** Takes what belongs to a target's name: dots, and the names behind them. */
  #goesOn(lexer: SqlLexer): boolean {
    if (this.#expected === IN_TARGET) {
      if (lexer.kind !== PUNCTUATION || lexer.code !== DOT) return false;
      this.#expected = BEHIND_DOT;
      return true;
    }
    if (lexer.kind !== WORD && !(lexer.kind === QUOTED && lexer.whole)) return false;
    this.#expected = IN_TARGET;
    this.#targetEnd = lexer.end;
    if (!this.#text.part(DOT, lexer.text, lexer.start, lexer.end)) this.#overflow(this.#lengthBefore);
    return true;
  }

  #endTarget(text: string): void {
    this.#expected = NOTHING;
    if (this.#targetEnd === this.#nameEnd && this.#queryNames.has(text, this.#nameStart, this.#nameEnd))
      this.#text.length = this.#lengthBefore;
    if (this.#operation === PROCEDURE) this.closed = true;
    if (this.#deafBehindTarget) this.#deaf = true;
  }

  #add(lexer: SqlLexer): void {
    if (!this.#text.word(lexer.text, lexer.start, lexer.end)) this.#overflow(this.#text.length);
  }

  #overflow(length: number): void {
    this.#text.length = length;
    this.#expected = NOTHING;
    this.closed = true;
  }
}
