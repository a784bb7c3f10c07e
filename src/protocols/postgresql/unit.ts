import type { Exchange } from '../../exchange/exchange.ts';
import { LONG_NAME, type Statement } from './statements.ts';

/** What a unit is, as bits: which messages may answer it. */
export const STARTUP = 1;
export const SIMPLE = 2;
/** Parse, Bind and Describe of one statement. */
export const PREPARING = 4;
/** The same with Execute. */
export const EXECUTING = 8;
export const FUNCTION = 16;
/** Nothing but ReadyForQuery is to come (and errors of the commit). */
export const ENDING = 32;
/** A response to something that was not seen. */
export const UNKNOWN = 64;

/** What is answered together: a simple query, an Execute with what prepared it, a preparation alone. One exchange, or a Sync alone. */
export class Unit {
  /** Null: a Sync alone; or it is not followed (any more), and nothing will be said of it. */
  x: Exchange | null;
  kind: number;
  /** Stream offsets of the first byte of request and response. */
  readonly requestFrom: number;
  responseFrom = 0;
  /** Sequence number behind the first message: what answers the unit acknowledges it. */
  readonly headEnd: number;
  /** More of its messages may come. */
  open = false;
  /** Bytes of it were lost: what else was asked with it is unknown. */
  broken = false;
  /** Something may have been asked in front of it since the last Sync that was not seen. */
  doubtful = false;
  /** A Sync ends it, so a ReadyForQuery does; of Syncs without a unit: how many. */
  syncs = 0;
  /** What is to come: ParseComplete, BindComplete, so many descriptions. */
  parsing = false;
  binding = false;
  describing = 0;
  /** Statement and portal that its messages are about. */
  name = LONG_NAME;
  portal = LONG_NAME;
  bound = false;
  statement: Statement | null = null;
  failed = false;
  /** Its response is over. */
  done = false;
  rows = 0;
  /** A tag told that the statement returns rows, be they none. */
  returnsRows = false;

  constructor(x: Exchange | null, kind: number, requestFrom: number, headEnd: number) {
    this.x = x;
    this.kind = kind;
    this.requestFrom = requestFrom;
    this.headEnd = headEnd;
  }

  /** Something of it waits to be confirmed. */
  get awaits(): boolean {
    return this.parsing || this.binding || this.describing > 0;
  }
}
