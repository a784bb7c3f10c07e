import type { Window } from '../protocol.ts';
import { CLIENT_REPLY, findCommand, findSubcommand, MAX_WORD, PROCEDURE } from './commands.ts';
import { MAX_NAME } from './start.ts';
import { CUT, DOLLAR, lengthEnd, readLength } from './syntax.ts';

/** Longest name of a script or function that is kept; a digest has 40 characters. */
export const MAX_PROCEDURE = 64;

/**
 * A command's name stands at `buf[from, to)`: index behind all that has to be seen before it is known what was asked.
 * That is the name, the subcommand or script where there is one, and of CLIENT REPLY what for, because whether it is
 * answered depends on that.
 */
export function headEnd(w: Window, from: number, to: number, count: number): number {
  if (to - from > MAX_WORD) return from + Math.min(to - from, MAX_NAME);
  if (w.end < to) return to;
  const command = findCommand(w.buf, from, to);
  if (command === null || count < 2) return to;
  if (command.kind === PROCEDURE) return wordBehind(w, to, MAX_PROCEDURE);
  if (command.subcommands === null) return to;
  const need = wordBehind(w, to, MAX_WORD);
  if (count < 3 || need > w.end) return need;
  const sub = findSubcommand(command, w.buf, lengthEnd(), need);
  return sub !== null && sub.kind === CLIENT_REPLY ? wordBehind(w, need, MAX_WORD) : need;
}

/**
 * Index behind the bulk string that follows the one that ends at `at`, or its first `maxBytes`; beyond the window if it
 * is cut.
 */
function wordBehind(w: Window, at: number, maxBytes: number): number {
  const bulk = at + 2;
  if (bulk >= w.end) return bulk + 1;
  const length = w.buf[bulk] === DOLLAR ? readLength(w, bulk) : 0;
  if (length === CUT) return w.end + 1;
  return length > 0 ? lengthEnd() + Math.min(length, maxBytes) : at;
}
