/** Where messages of the text protocol start: for detection, and to find the way back after a hole. */

import type { Window } from '../protocol.ts';
import { beginsCommand, findCommand, RETRIEVE } from './commands.ts';
import {
  beginsStatus,
  CLIENT_ERROR,
  END,
  ERROR,
  findStatus,
  ITEM,
  NOT_STORED,
  OK,
  SERVER_ERROR,
  STAT,
  STORED,
  VA,
  VALUE,
} from './status.ts';
import { isText, Line, lineEnd, lineFeed, MAX_LINE, strictCommand } from './syntax.ts';
import { isCount, statusOf } from './text-reply.ts';

const LINE = new Line();

/** The line is not whole yet. */
export const CUT = -1;
export const NONE = 0;
/** As others might say it too, or as it stands inside of an answer. */
export const CREDIBLE = 1;
/** Nobody else says it. */
export const DEFINITE = 2;

/**
 * What others have too: Redis' inline commands (`get key`), beanstalkd (`stats`, `delete 7`), and short words that may
 * be anything.
 */
const SHARED = new Set('get delete touch stats version quit shutdown watch mg ms md ma mn me'.split(' '));

/** The command line at `w.pos`. */
export function requestLine(w: Window): number {
  const { buf, pos } = w;
  const lf = lineFeed(w, pos);
  const long = lf - pos > MAX_LINE || (lf < 0 && w.end - pos > MAX_LINE);
  if (lf < 0 && !long) return CUT;
  const c = strictCommand(buf, pos, long ? pos + MAX_LINE : lineEnd(buf, pos, lf));
  if (c === null || (long && c.kind !== RETRIEVE)) return NONE; // only a get of many keys has so long a line
  return SHARED.has(c.name) ? CREDIBLE : DEFINITE;
}

/** The line of an answer at `w.pos`. */
export function replyLine(w: Window): number {
  const { buf, pos } = w;
  const lf = lineFeed(w, pos);
  if (lf < 0) return CUT;
  if (lf === pos || buf[lf - 1] !== 13 || lf - pos > MAX_LINE || !LINE.read(buf, pos, lf - 1) || LINE.starts[0] !== pos)
    return NONE;
  const s = statusOf(buf, LINE);
  switch (s) {
    case null:
      return NONE;
    case ITEM:
      return LINE.count >= 2 ? CREDIBLE : NONE;
    case VALUE:
      return (LINE.count === 4 || LINE.count === 5) && LINE.number(buf, 2) >= 0 && LINE.number(buf, 3) >= 0
        ? CREDIBLE
        : NONE;
    case STAT:
      return LINE.count >= 2 ? CREDIBLE : NONE;
    case VA:
      return LINE.count >= 2 && LINE.number(buf, 1) >= 0 ? CREDIBLE : NONE;
    case END:
      return LINE.count === 1 ? CREDIBLE : NONE;
    case OK:
    case ERROR:
      return LINE.count === 1 ? CREDIBLE : NONE;
    case CLIENT_ERROR:
    case SERVER_ERROR:
      return DEFINITE;
    case STORED:
    case NOT_STORED:
      return LINE.count === 1 ? DEFINITE : NONE;
    default:
      return LINE.count === 1 || s.word.length === 2 || s.word === 'VERSION' ? DEFINITE : NONE;
  }
}

/** A line without its end: a command and more, or the beginning of its name. */
export function startsLikeCommand(w: Window): boolean {
  const { buf, pos, end } = w;
  const to = wordEnd(w);
  return to === end ? beginsCommand(buf, pos, end) : findCommand(buf, pos, to) !== null && isText(buf, to, end - 1);
}

/** A line without its end: a status and more, the beginning of one, or digits. */
export function startsLikeStatus(w: Window): boolean {
  const { buf, pos, end } = w;
  const to = wordEnd(w);
  if (to === end) return beginsStatus(buf, pos, end) || isCount(buf, pos, end);
  const known = findStatus(buf, pos, to) !== null || isCount(buf, pos, to);
  return known && (to + 1 === end || isText(buf, to, end - 1));
}

function wordEnd(w: Window): number {
  let i = w.pos;
  while (i < w.end && w.buf[i]! > 32) i++;
  return i;
}
