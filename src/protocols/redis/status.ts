/** Numbers for what a reply says: the type byte of its first value, or for an error its first word. */

import type { Exchange } from '../../exchange/exchange.ts';
import { Vocabulary } from '../../exchange/vocabulary.ts';

/** Words of errors are numbered from here on. */
const ERRORS = 256;
/** Servers know about 40; scripts may return others. */
const WORDS = new Vocabulary('redis.error', 255);
/** What is kept of a word; the longest of the servers' own has 14 characters. */
const MAX_WORD = 32;

/** Servers' own words have their number before anybody can use the others up. */
for (const word of (
  'ERR WRONGTYPE WRONGPASS NOAUTH NOPERM MOVED ASK TRYAGAIN CROSSSLOT CLUSTERDOWN LOADING BUSY NOSCRIPT READONLY MISCONF OOM ' +
  'EXECABORT NOREPLICAS NOGOODSLAVE MASTERDOWN NOMASTERLINK BUSYKEY BUSYGROUP NOGROUP UNKILLABLE NOTBUSY NOPROTO INPROG IOERR ' +
  'UNBLOCKED DENIED STALE DUPLICATE UNSUPPORTED NOTREADY NOQUORUM INVALIDOBJ REDIRECT NOADDR NONEXT'
).split(' '))
  WORDS.id(word);

const MOVED = WORDS.id('MOVED') + ERRORS;
const ASK = WORDS.id('ASK') + ERRORS;
/** Valkey sends a client to another node when its own goes away. */
const REDIRECT = WORDS.id('REDIRECT') + ERRORS;

/** The status of an error line whose text is `buf[from, to)`. */
export function errorStatus(buf: Buffer, from: number, to: number): number {
  const limit = Math.min(to, from + MAX_WORD);
  let i = from;
  while (i < limit && buf[i]! > 32) i++;
  return ERRORS + WORDS.id(buf.toString('latin1', from, i));
}

export const isError = (status: number): boolean => status >= ERRORS;

/** A node of a cluster sends the client to another one, which then does what was asked. */
export const isRedirect = (status: number): boolean => status === MOVED || status === ASK || status === REDIRECT;

/** The first word of the error; `_OTHER`: there was no room to tell it apart. */
export const errorWord = (status: number): string => WORDS.word(status - ERRORS) || '_OTHER';

/** The error that the exchange ended with, '' for none. Redirects are told as status, but nothing has failed. */
export const errorCode = (x: Exchange): string => (isError(x.status) ? errorWord(x.status) : '');
