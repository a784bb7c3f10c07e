import { Words } from '../../bytes/words.ts';
import { type SqlDialect, summarizeSql } from '../../exchange/sql/sql.ts';
import type { Table } from '../protocol.ts';

/** A statement's text and what it is called in reports and metrics. */
export interface Statement {
  /** At most `protocols.maxStatementBytes` of it. */
  readonly text: string;
  /** Bytes of it that are not in `text`. */
  readonly cut: number;
  readonly summary: string;
  /** It may take away prepared statements, or put others in their place: the SQL commands share their names with the messages. */
  readonly redefines: boolean;
}

/** Statements up to so many bytes are found by their bytes, and their summary with them. */
const SHORT_BYTES = 128;
/** Short statements come again and again (BEGIN, COMMIT, those with parameters): 512 slots are below 300 KiB. */
const SLOTS = 512;
const WORDS = new Words();
const SHORT: (Statement | null)[] = new Array<Statement | null>(SLOTS).fill(null);

function slotOf(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}

const REDEFINING = /\b(?:deallocate|discard|prepare)\b/i;

function statement(text: string, cut: number, dialect: SqlDialect): Statement {
  return { text, cut, summary: summarizeSql(text, dialect, cut > 0), redefines: REDEFINING.test(text) };
}

/** The statement `buf[from, to)`, of which `cut` more bytes are not kept. */
export function readStatement(buf: Buffer, from: number, to: number, cut: number, dialect: SqlDialect): Statement {
  if (cut > 0 || to - from > SHORT_BYTES || dialect !== 'postgresql')
    return statement(buf.toString('utf8', from, to), cut, dialect);
  const text = WORDS.text(buf, from, to);
  const slot = slotOf(text);
  const known = SHORT[slot]!;
  if (known !== null && known.text === text) return known;
  const made = statement(text, 0, dialect);
  SHORT[slot] = made;
  return made;
}

/** A name that is longer than is kept: it stands for nothing. */
export const LONG_NAME = '\0';

/**
 * What a connection's prepared statements and portals stand for. What was said since a loss may have changed any of them, so
 * then all are forgotten; so is whatever a failed message was to define.
 */
export class Statements {
  readonly #named: Table<Statement>;
  readonly #portals: Table<Statement | null>;
  #unnamed: Statement | null = null;
  #unnamedPortal: Statement | null = null;

  constructor(named: Table<Statement>, portals: Table<Statement | null>) {
    this.#named = named;
    this.#portals = portals;
  }

  get(name: string): Statement | null {
    return name === '' ? this.#unnamed : (this.#named.get(name) ?? null);
  }

  define(name: string, statement: Statement): void {
    if (name === '') this.#unnamed = statement;
    else if (name !== LONG_NAME) this.#named.set(name, statement, 2 * (name.length + statement.text.length));
  }

  undefine(name: string): void {
    if (name === '') this.#unnamed = null;
    else this.#named.delete(name);
  }

  portal(name: string): Statement | null {
    return name === '' ? this.#unnamedPortal : (this.#portals.get(name) ?? null);
  }

  bind(portal: string, statement: Statement | null): void {
    if (portal === '') this.#unnamedPortal = statement;
    else if (portal !== LONG_NAME) this.#portals.set(portal, statement, 2 * portal.length);
  }

  unbind(portal: string): void {
    if (portal === '') this.#unnamedPortal = null;
    else this.#portals.delete(portal);
  }

  /** A simple query was asked: it destroys what has no name. */
  simple(statement: Statement | null): void {
    this.#unnamed = null;
    this.#unnamedPortal = null;
    this.executed(statement);
  }

  /** A statement was sent that may act on prepared ones. */
  executed(statement: Statement | null): void {
    if (this.#named.size > 0 && statement !== null && statement.redefines) this.#named.clear();
  }

  forget(): void {
    this.#unnamed = null;
    this.#unnamedPortal = null;
    this.#named.clear();
    this.#portals.clear();
  }
}
