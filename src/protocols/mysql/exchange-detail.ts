import type { WireContext } from '../../exchange/semantics.ts';

/** `Exchange.version`: which system was greeted with. */
export const MYSQL = 1;
export const MARIADB = 2;

/** `Exchange.status` while the answer is being read: whether all went well is told by its last packet. */
export const UNTOLD = -1;

/** What MySQL adds to an exchange, filled only when details are wanted. */
export class MysqlDetail implements WireContext {
  /** Who logs in. */
  user = '';
  /** Of an error, '' when there was none. */
  sqlState = '';
  /** Rows of all result sets; -1: there was no result set. */
  returnedRows = -1;
  /** Rows of parameters of a bulk execution; 0: it is none, or they were not counted. */
  batchSize = 0;
  traceparent = '';
  tracestate = '';
  readonly b3 = '';
  readonly uberTraceId = '';
  readonly sw8 = '';
}

/** A MysqlDetail without its texts. */
export const DETAIL_BYTES = 120;
