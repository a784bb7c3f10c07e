/** Words that answers begin with, numbered from 1, and which commands they can answer. */

import type { Exchange } from '../../exchange/exchange.ts';
import {
  ADMIN,
  ANYTHING,
  COUNT,
  DELETE,
  META,
  META_COUNT,
  META_DEBUG,
  META_DELETE,
  META_GET,
  META_NOOP,
  META_SET,
  RETRIEVE,
  STATS,
  STORE,
  TOUCH,
  UNKNOWN,
} from './commands.ts';

export class Status {
  readonly number: number;
  readonly word: string;
  /** Kinds of commands that it can answer. */
  readonly answers: number;
  readonly isError: boolean;

  constructor(number: number, word: string, answers: number, isError: boolean) {
    this.number = number;
    this.word = word;
    this.answers = answers | UNKNOWN;
    this.isError = isError;
  }
}

const ALL: Status[] = [];

function status(word: string, answers: number, isError = false): Status {
  const s = new Status(ALL.length + 1, word, answers, isError);
  ALL.push(s);
  return s;
}

/**
 * Statuses of the text protocol: those that meta commands share come first, so that a set of them fits into 32 bits.
 */
export const HD = status('HD', META);
export const VA = status('VA', META_GET | META_COUNT);
export const EN = status('EN', META_GET | META_DEBUG);
export const NS = status('NS', META_SET | META_COUNT);
export const EX = status('EX', META_SET | META_DELETE | META_COUNT);
export const NF = status('NF', META_SET | META_DELETE | META_COUNT);
export const MN = status('MN', META_NOOP);
export const ME = status('ME', META_DEBUG);
export const ERROR = status('ERROR', ANYTHING, true);
export const CLIENT_ERROR = status('CLIENT_ERROR', ANYTHING, true);
export const SERVER_ERROR = status('SERVER_ERROR', ANYTHING, true);
export const END = status('END', RETRIEVE | STATS | ADMIN);
export const OK = status('OK', ADMIN | STATS | COUNT);
export const STORED = status('STORED', STORE);
export const NOT_STORED = status('NOT_STORED', STORE);
export const EXISTS = status('EXISTS', STORE);
export const NOT_FOUND = status('NOT_FOUND', STORE | DELETE | COUNT | TOUCH);
const DELETED = status('DELETED', DELETE);
const TOUCHED = status('TOUCHED', TOUCH);
const VERSION = status('VERSION', ADMIN);
const RESET = status('RESET', STATS);
const BUSY = status('BUSY', ADMIN);
const BADCLASS = status('BADCLASS', ADMIN);
const NOSPARE = status('NOSPARE', ADMIN);
const NOTFULL = status('NOTFULL', ADMIN);
const UNSAFE = status('UNSAFE', ADMIN);
const SAME = status('SAME', ADMIN);

/** Lines that stand in front of END. */
export const VALUE = new Status(0, 'VALUE', RETRIEVE, false);
export const STAT = new Status(0, 'STAT', STATS, false);
export const ITEM = new Status(0, 'ITEM', STATS | ADMIN, false);
/** They were seen, but not how it ended. */
export const UNTOLD = -1;

const LINES = [
  HD,
  VA,
  EN,
  NS,
  EX,
  NF,
  MN,
  ME,
  ERROR,
  CLIENT_ERROR,
  SERVER_ERROR,
  END,
  OK,
  STORED,
  NOT_STORED,
  EXISTS,
  NOT_FOUND,
  DELETED,
  TOUCHED,
  VERSION,
  RESET,
  BUSY,
  BADCLASS,
  NOSPARE,
  NOTFULL,
  UNSAFE,
  SAME,
  VALUE,
  STAT,
  ITEM,
];
/** Longest word of them. */
export const MAX_STATUS = 12;
/** By length and first letter. */
const BUCKETS: Status[][] = Array.from({ length: (MAX_STATUS + 1) * 32 }, () => []);
for (const s of LINES) BUCKETS[s.word.length * 32 + (s.word.charCodeAt(0) & 31)]!.push(s);

/** The status that `buf[from, to)` names; null: none. */
export function findStatus(buf: Uint8Array, from: number, to: number): Status | null {
  const n = to - from;
  if (n === 0 || n > MAX_STATUS) return null;
  for (const s of BUCKETS[n * 32 + (buf[from]! & 31)]!) {
    let i = 0;
    while (i < n && s.word.charCodeAt(i) === buf[from + i]) i++;
    if (i === n) return s;
  }
  return null;
}

/** Whether `buf[from, to)` is the beginning of a status. */
export function beginsStatus(buf: Buffer, from: number, to: number): boolean {
  const word = buf.toString('latin1', from, Math.min(to, from + MAX_STATUS + 1));
  return LINES.some((s) => s.word.startsWith(word));
}

/** Response statuses of the binary protocol; what the text protocol has a word for has that word. */
const BINARY = new Map<number, Status>([
  [0x00, OK],
  [0x01, NOT_FOUND],
  [0x02, EXISTS],
  [0x03, status('TOO_LARGE', ANYTHING, true)],
  [0x04, status('INVALID_ARGUMENTS', ANYTHING, true)],
  [0x05, NOT_STORED],
  [0x06, status('NON_NUMERIC', ANYTHING, true)],
  [0x07, status('WRONG_VBUCKET', ANYTHING, true)],
  [0x08, status('AUTH_ERROR', ANYTHING, true)],
  [0x09, status('AUTH_CONTINUE', ANYTHING)],
  [0x81, status('UNKNOWN_COMMAND', ANYTHING, true)],
  [0x82, status('OUT_OF_MEMORY', ANYTHING, true)],
  [0x83, status('NOT_SUPPORTED', ANYTHING, true)],
  [0x84, status('INTERNAL_ERROR', ANYTHING, true)],
  [0x85, status('BUSY', ANYTHING, true)],
  [0x86, status('TEMPORARY_FAILURE', ANYTHING, true)],
]);
// The server itself says 0x20 and 0x21 where the specification has 0x08 and 0x09.
BINARY.set(0x20, BINARY.get(0x08)!);
BINARY.set(0x21, BINARY.get(0x09)!);

export const binaryStatus = (code: number): Status | undefined => BINARY.get(code);

/** The word of the answer, '' when none was seen. */
export const statusWord = (x: Exchange): string => (x.status === UNTOLD ? VALUE.word : (ALL[x.status - 1]?.word ?? ''));
/** The word of an error, else ''. A miss is none, nor is a value that was not stored. */
export const errorWord = (x: Exchange): string => (ALL[x.status - 1]?.isError ? statusWord(x) : '');
