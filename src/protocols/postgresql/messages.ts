/**
 * Messages of the frontend/backend protocol, version 3 (PostgreSQL documentation, "Message Formats"): a letter, a length of four
 * bytes that counts itself but not the letter, a body. Only a connection's first messages have no letter.
 */

/** Letter and length. */
export const HEAD_BYTES = 5;

/** From the client. */
export const BIND = 0x42; // B
export const CLOSE = 0x43; // C
export const DESCRIBE = 0x44; // D
export const EXECUTE = 0x45; // E
export const FUNCTION_CALL = 0x46; // F
export const FLUSH = 0x48; // H
export const PARSE = 0x50; // P
export const QUERY = 0x51; // Q
export const SYNC = 0x53; // S
export const TERMINATE = 0x58; // X
export const COPY_FAIL = 0x66; // f
/** All that a client says to prove who it is: never looked into. */
export const PASSWORD = 0x70; // p

/** From either side. */
export const COPY_DONE = 0x63; // c
export const COPY_DATA = 0x64; // d

/** From the server. */
export const PARSE_COMPLETE = 0x31; // 1
export const BIND_COMPLETE = 0x32; // 2
export const CLOSE_COMPLETE = 0x33; // 3
export const NOTIFICATION = 0x41; // A
export const COMMAND_COMPLETE = 0x43; // C
export const DATA_ROW = 0x44; // D
export const ERROR = 0x45; // E
export const COPY_IN = 0x47; // G
export const COPY_OUT = 0x48; // H
export const EMPTY_QUERY = 0x49; // I
export const KEY_DATA = 0x4b; // K
export const NOTICE = 0x4e; // N
export const AUTHENTICATION = 0x52; // R
export const PARAMETER_STATUS = 0x53; // S
export const ROW_DESCRIPTION = 0x54; // T
export const FUNCTION_RESULT = 0x56; // V
export const COPY_BOTH = 0x57; // W
export const READY = 0x5a; // Z
export const NO_DATA = 0x6e; // n
export const PORTAL_SUSPENDED = 0x73; // s
export const PARAMETER_DESCRIPTION = 0x74; // t
export const NEGOTIATE_VERSION = 0x76; // v

/** Codes in the place of the version in a first message: 1234 in the upper half. */
export const CANCEL_CODE = 80877102;
export const SSL_CODE = 80877103;
export const GSS_CODE = 80877104;
/** Protocol 3, any minor version. */
export const MAJOR = 3;

/** Longest startup message that servers take (MAX_STARTUP_PACKET_LENGTH). */
export const MAX_STARTUP = 10000;
/** A CancelRequest's code and process number, and a key of 4 bytes, or up to 256 since protocol 3.2. */
export const MIN_CANCEL = 16;
export const MAX_CANCEL = 12 + 256;

/** What servers allow for messages with data (PQ_LARGE_MESSAGE_LIMIT: what one allocation may hold) and for others. */
const LARGE = 2 ** 30;
const SMALL = 10000;
/** For texts and descriptions that have no limit of their own: 1,664 columns of 86 bytes each are 140 KiB. */
const MEDIUM = 2 ** 20;

/** Least and greatest length by letter; letters of no message have 0 for both. */
export class Lengths {
  readonly min = new Uint32Array(256);
  readonly max = new Uint32Array(256);

  constructor(rows: readonly (readonly [type: number, min: number, max: number])[]) {
    for (const [type, min, max] of rows) {
      this.min[type] = min;
      this.max[type] = max;
    }
  }
}

export const FRONTEND = new Lengths([
  [BIND, 12, LARGE],
  [CLOSE, 6, SMALL],
  [COPY_DATA, 4, LARGE],
  [COPY_DONE, 4, 4],
  [COPY_FAIL, 5, SMALL],
  [DESCRIBE, 6, SMALL],
  [EXECUTE, 9, SMALL],
  [FLUSH, 4, 4],
  [FUNCTION_CALL, 14, LARGE],
  [PARSE, 8, LARGE],
  [PASSWORD, 4, 65539],
  [QUERY, 5, LARGE],
  [SYNC, 4, 4],
  [TERMINATE, 4, 4],
]);

export const BACKEND = new Lengths([
  [AUTHENTICATION, 8, 65539],
  [BIND_COMPLETE, 4, 4],
  [CLOSE_COMPLETE, 4, 4],
  [COMMAND_COMPLETE, 5, 256],
  [COPY_BOTH, 7, 131077],
  [COPY_DATA, 4, LARGE],
  [COPY_DONE, 4, 4],
  [COPY_IN, 7, 131077],
  [COPY_OUT, 7, 131077],
  [DATA_ROW, 6, LARGE],
  [EMPTY_QUERY, 4, 4],
  [ERROR, 5, LARGE],
  [FUNCTION_RESULT, 8, LARGE],
  [KEY_DATA, 12, 264],
  [NEGOTIATE_VERSION, 12, 65536],
  [NOTICE, 5, LARGE],
  [NOTIFICATION, 10, 65536],
  [NO_DATA, 4, 4],
  [PARAMETER_DESCRIPTION, 6, 262146],
  [PARAMETER_STATUS, 6, 65536],
  [PARSE_COMPLETE, 4, 4],
  [PORTAL_SUSPENDED, 4, 4],
  [READY, 5, 5],
  [ROW_DESCRIPTION, 6, MEDIUM],
]);
