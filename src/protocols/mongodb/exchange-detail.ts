import type { WireContext } from '../../exchange/semantics.ts';

/** `Exchange.status` is the server's error code, 0 for none, or one of these. */

/** A reply came, but what it says was not seen, or could not be read. */
export const UNTOLD = -1;
/** The server reports an error and gives it no code. */
export const NO_CODE = -2;

/** What MongoDB adds to an exchange. */
export class MongoDetail {
  /** Of the request, unpacked. */
  readonly opcode: number;
  /** A command, whose reply tells by `ok` how it went; not a legacy operation. */
  command = false;
  /** The server may send replies that nobody asks for, each an answer to the one before. */
  exhaust = false;
  /** The cursor that this opens waits for documents to come. */
  tails = false;
  /** Documents, updates or deletions that came with the command; 0: none, or not counted. */
  batch = 0;
  /** Documents in the reply; -1: not counted. */
  rows = -1;
  /**
   * The command (legacy operations: query, selector) as on the wire, cut at the longest statement: BSON, a character for each byte. It
   * becomes text only for spans that leave.
   */
  body = '';
  /** The server's name for its error code. */
  codeName = '';
  context: WireContext | null = null;

  constructor(opcode: number) {
    this.opcode = opcode;
  }
}

/** Memory of a MongoDetail without its texts, and of a trace context. */
const DETAIL_BYTES = 120;
const CONTEXT_BYTES = 300;

/** What it takes, at up to two bytes a character. */
export function detailBytes(d: MongoDetail): number {
  return DETAIL_BYTES + d.body.length + (d.context === null ? 0 : CONTEXT_BYTES);
}
