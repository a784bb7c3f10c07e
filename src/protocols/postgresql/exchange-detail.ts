import type { SqlDialect } from '../../exchange/sql/sql.ts';

/** What PostgreSQL adds to an exchange. Filled only when everything is wanted. */
export class PostgresDetail {
  /** How its statement is to be read: what a backslash means is the session's setting. */
  readonly dialect: SqlDialect;
  /** Of the startup message. */
  user = '';
  /** Of a prepared statement whose text is not known. */
  statementName = '';
  /** Object id of the function called; 0 when none is. */
  functionId = 0;
  /** Rows sent to the client; -1: it is not a statement that sends rows, or they were not counted to the end. */
  rows = -1;
  /** The statement's text travelled with this very request: trace context in it is the request's own. */
  hasOwnText = false;

  constructor(dialect: SqlDialect) {
    this.dialect = dialect;
  }
}

/** A PostgresDetail without its texts. */
export const DETAIL_BYTES = 96;
