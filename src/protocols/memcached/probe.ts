import { type Dir, NO, TO_SERVER, UNSURE, type Verdict, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { A_HEADER, CUT_HEADER, headerAt, REQUEST_MAGIC, RESPONSE_MAGIC } from './binary.ts';
import { findCommand, MAX_WORD } from './commands.ts';
import { CREDIBLE, CUT, DEFINITE, NONE, replyLine, requestLine } from './start.ts';
import { MAX_STATUS } from './status.ts';
import { isText, LF } from './syntax.ts';

/** Pure: the first bytes of one side. */
export function probe(dir: Dir, w: Window): Verdict {
  if (w.pos >= w.end) return UNSURE;
  const first = w.buf[w.pos]!;
  if (first === REQUEST_MAGIC || first === RESPONSE_MAGIC) {
    const judged = headerAt(w, first);
    if (judged === CUT_HEADER) return UNSURE;
    if (judged !== A_HEADER) return NO;
    return (first === REQUEST_MAGIC) === (dir === TO_SERVER) ? YES : YES_REVERSED;
  }
  return dir === TO_SERVER ? asked(w) : answered(w);
}

function asked(w: Window): Verdict {
  let line = requestLine(w);
  if (line === DEFINITE) return YES;
  if (line === NONE) {
    const reply = replyLine(w);
    if (reply === DEFINITE && isLong(w)) return YES_REVERSED;
  } else if (line === CUT && !startsLikeCommand(w)) line = NONE;
  // Joined midway: a command behind the end of a data block.
  const from = w.pos;
  let best: Verdict = line === NONE ? NO : UNSURE;
  for (let lf = w.find(LF, from); lf >= 0 && lf + 1 < w.end; lf = w.find(LF, lf + 1)) {
    w.pos = lf + 1;
    const next = requestLine(w);
    if (next === DEFINITE) return YES;
    if (next === CREDIBLE || (next === CUT && startsLikeCommand(w))) best = UNSURE;
  }
  return best;
}

/** Words of two letters say too little of who says them. */
const isLong = (w: Window): boolean => w.end - w.pos > 4 && w.buf[w.pos + 2]! > 32 && w.buf[w.pos + 3]! > 32;

/** The server's word counts as soon as it is whole: only END, ERROR, OK and numbers are others' too. */
function answered(w: Window): Verdict {
  const line = replyLine(w);
  if (line === NONE) return NO;
  if (line === CUT) return startsLikeStatus(w) ? UNSURE : NO;
  if (line === DEFINITE) return YES;
  const b = w.buf[w.pos]!;
  return b === CAPITAL_V || b === CAPITAL_S || (b === CAPITAL_E && w.buf[w.pos + 1] === CAPITAL_N) ? YES : UNSURE;
}
const CAPITAL_E = 69;
const CAPITAL_N = 78;
const CAPITAL_S = 83;
const CAPITAL_V = 86;

/** A line without its end: the name of a command, or the beginning of one. */
function startsLikeCommand(w: Window): boolean {
  const { buf, pos, end } = w;
  let i = pos;
  while (i < end && i - pos <= MAX_WORD && ((buf[i]! >= 97 && buf[i]! <= 122) || buf[i] === 95)) i++;
  if (i === end) return i - pos <= MAX_WORD;
  return findCommand(buf, pos, i) !== null && isText(buf, i, end - 1);
}

/** A line without its end: capitals, or a status and text, or digits. */
function startsLikeStatus(w: Window): boolean {
  const { buf, pos, end } = w;
  let i = pos;
  while (i < end && i - pos <= MAX_STATUS && ((buf[i]! >= 65 && buf[i]! <= 90) || buf[i] === 95)) i++;
  if (i === pos) while (i < end && i - pos <= 20 && buf[i]! >= 48 && buf[i]! <= 57) i++;
  if (i === pos || i - pos > 20) return false;
  return i === end || (buf[i]! >= 13 && isText(buf, i, end - 1));
}
