/** The commands of the protocol, and what the server sends back for each. */

/** The packet is the request's only answer: none at all. */
export const NOTHING = 0;
/** OK, EOF or ERR. */
export const OK_OR_ERR = 1;
/** Result sets, LOCAL INFILE, OK or ERR; more of the same while SERVER_MORE_RESULTS_EXISTS says so. */
export const RESULTS = 2;
/** The answer to a prepare: OK of its own form, definitions of parameters and columns. */
export const PREPARED = 3;
/** Rows without a header. */
export const ROWS_ONLY = 4;
/** Column definitions without a header. */
export const FIELDS = 5;
/** One packet of text. */
export const TEXT = 6;
/** Talk of an authentication plugin until OK or ERR. */
export const AUTHENTICATION = 7;
/** Events of replication or pages of a clone, on and on. */
export const STREAM = 8;
export type Answer = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const COM_QUIT = 0x01;
export const COM_INIT_DB = 0x02;
export const COM_QUERY = 0x03;
export const COM_FIELD_LIST = 0x04;
export const COM_CREATE_DB = 0x05;
export const COM_DROP_DB = 0x06;
export const COM_CHANGE_USER = 0x11;
export const COM_STMT_PREPARE = 0x16;
export const COM_STMT_EXECUTE = 0x17;
export const COM_STMT_SEND_LONG_DATA = 0x18;
export const COM_STMT_CLOSE = 0x19;
export const COM_STMT_RESET = 0x1a;
export const COM_STMT_FETCH = 0x1c;
export const COM_RESET_CONNECTION = 0x1f;
/** MariaDB: one statement, many rows of parameters. */
export const COM_STMT_BULK_EXECUTE = 0xfa;

export class Command {
  readonly code: number;
  readonly name: string;
  readonly answer: Answer;
  /** Length of the packet's payload; `most` is a bound for plausibility where the protocol names none. */
  readonly least: number;
  readonly most: number;

  constructor(code: number, name: string, answer: Answer, least: number, most: number) {
    this.code = code;
    this.name = name;
    this.answer = answer;
    this.least = least;
    this.most = most;
  }
}

/** The longest packet; one of that length is continued by the next (MySQL, "Packets larger than 16 MB"). */
export const MAX_PACKET = 0xffffff;
/** An identifier has 64 characters of up to 4 bytes. */
const MAX_NAME = 256;
/** COM_CHANGE_USER: user, authentication data, database, plugin, attributes (at most 64 KiB). */
const MAX_CHANGE_USER = 1 << 17;

const ALL: readonly Command[] = [
  new Command(COM_QUIT, 'QUIT', NOTHING, 1, 1),
  new Command(COM_INIT_DB, 'INIT_DB', OK_OR_ERR, 2, 1 + MAX_NAME),
  new Command(COM_QUERY, 'QUERY', RESULTS, 2, MAX_PACKET),
  new Command(COM_FIELD_LIST, 'FIELD_LIST', FIELDS, 2, 2 + 2 * MAX_NAME),
  new Command(COM_CREATE_DB, 'CREATE_DB', OK_OR_ERR, 2, 1 + MAX_NAME),
  new Command(COM_DROP_DB, 'DROP_DB', OK_OR_ERR, 2, 1 + MAX_NAME),
  new Command(0x07, 'REFRESH', OK_OR_ERR, 2, 2),
  new Command(0x08, 'SHUTDOWN', OK_OR_ERR, 1, 2),
  new Command(0x09, 'STATISTICS', TEXT, 1, 1),
  new Command(0x0a, 'PROCESS_INFO', RESULTS, 1, 1),
  new Command(0x0c, 'PROCESS_KILL', OK_OR_ERR, 5, 5),
  new Command(0x0d, 'DEBUG', OK_OR_ERR, 1, 1),
  new Command(0x0e, 'PING', OK_OR_ERR, 1, 1),
  new Command(COM_CHANGE_USER, 'CHANGE_USER', AUTHENTICATION, 4, MAX_CHANGE_USER),
  new Command(0x12, 'BINLOG_DUMP', STREAM, 11, 11 + 512),
  new Command(0x13, 'TABLE_DUMP', STREAM, 3, 3 + 2 * MAX_NAME),
  new Command(0x15, 'REGISTER_SLAVE', OK_OR_ERR, 18, 18 + 3 * 255),
  new Command(COM_STMT_PREPARE, 'STMT_PREPARE', PREPARED, 2, MAX_PACKET),
  new Command(COM_STMT_EXECUTE, 'STMT_EXECUTE', RESULTS, 10, MAX_PACKET),
  new Command(COM_STMT_SEND_LONG_DATA, 'STMT_SEND_LONG_DATA', NOTHING, 7, MAX_PACKET),
  new Command(COM_STMT_CLOSE, 'STMT_CLOSE', NOTHING, 5, 5),
  new Command(COM_STMT_RESET, 'STMT_RESET', OK_OR_ERR, 5, 5),
  new Command(0x1b, 'SET_OPTION', OK_OR_ERR, 3, 3),
  new Command(COM_STMT_FETCH, 'STMT_FETCH', ROWS_ONLY, 9, 9),
  new Command(0x1e, 'BINLOG_DUMP_GTID', STREAM, 19, 1 << 20),
  new Command(COM_RESET_CONNECTION, 'RESET_CONNECTION', OK_OR_ERR, 1, 1),
  new Command(0x20, 'CLONE', STREAM, 1, 1 << 16),
  new Command(COM_STMT_BULK_EXECUTE, 'STMT_BULK_EXECUTE', RESULTS, 7, MAX_PACKET),
];

const BY_CODE: readonly (Command | null)[] = Array.from(
  { length: 256 },
  (_, code) => ALL.find((c) => c.code === code) ?? null,
);

export const LOGIN = 'LOGIN';

const BY_NAME = new Map<string, Answer>([...ALL.map((c) => [c.name, c.answer] as const), [LOGIN, AUTHENTICATION]]);

/** The command with that first byte, if there is one that clients send. */
export const commandOf = (code: number): Command | null => BY_CODE[code]!;
/** How the server answers the operation of that name. */
export const answerTo = (operation: string): Answer => BY_NAME.get(operation) ?? OK_OR_ERR;
