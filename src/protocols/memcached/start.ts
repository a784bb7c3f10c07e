/** Where messages of the text protocol start: for detection, and to find the way back after a hole. */

import type { Window } from '../protocol.ts';
import type { Command } from './commands.ts';
import { CLIENT_ERROR, END, ERROR, ITEM, NOT_STORED, OK, SERVER_ERROR, STAT, STORED, VA, VALUE } from './status.ts';
import { Line, lineEnd, lineFeed, MAX_LINE, strictCommand } from './syntax.ts';
import { statusOf } from './text-reply.ts';

const LINE = new Line();

/** The line is not whole yet. */
export const CUT = -1;
export const NONE = 0;
/** As others might say it too, or as it stands inside of an answer. */
export const CREDIBLE = 1;
/** Nobody else says it. */
export const DEFINITE = 2;

/** What others have too: Redis' inline commands (`get key`), beanstalkd (`stats`, `delete 7`), and short words that may be anything. */
const SHARED = new Set('get delete touch stats version quit shutdown watch mg ms md ma mn me'.split(' '));

/** The command line at `w.pos`. */
export function requestLine(w: Window): number {
  const { buf, pos } = w;
  const lf = lineFeed(w, pos);
  if (lf < 0) return CUT;
  const c: Command | null = lf - pos > MAX_LINE ? null : strictCommand(buf, pos, lineEnd(buf, pos, lf));
  if (c === null) return NONE;
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
    case ITEM:
      return NONE;
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
