import { type Dir, NO, TO_SERVER, UNSURE, type Verdict, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { A_HEADER, CUT_HEADER, headerAt, REQUEST_MAGIC, RESPONSE_MAGIC } from './binary.ts';
import { CREDIBLE, CUT, DEFINITE, NONE, replyLine, requestLine, startsLikeCommand, startsLikeStatus } from './start.ts';
import { MAX_STATUS } from './status.ts';
import { LF } from './syntax.ts';

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
  return dir === TO_SERVER ? asked(w) : answered(w, true);
}

function asked(w: Window): Verdict {
  const from = w.pos;
  const first = requestLine(w);
  if (first === DEFINITE) return YES;
  let best: Verdict = first === CREDIBLE || (first === CUT && startsLikeCommand(w)) ? UNSURE : NO;
  // Joined midway: a command behind the end of a data block.
  for (let lf = w.find(LF, from); lf >= 0 && lf + 1 < w.end; lf = w.find(LF, lf + 1)) {
    w.pos = lf + 1;
    const next = requestLine(w);
    if (next === DEFINITE) return YES;
    if (next === CREDIBLE || (next === CUT && startsLikeCommand(w))) best = UNSURE;
  }
  if (best !== NO) return best;
  w.pos = from;
  const said = answered(w, false);
  return said === YES ? YES_REVERSED : said;
}

/**
 * The server's word counts as soon as it is whole; OK, ERROR and numbers are others' too, and what follows decides.
 * `served`: it is known to be the server's, and need not be long to be believed.
 */
function answered(w: Window, served: boolean): Verdict {
  for (let n = 0; w.pos < w.end; n++) {
    const line = replyLine(w);
    if (line === CUT) return n > 0 || startsLikeStatus(w) ? UNSURE : NO;
    if (line === NONE && !(n === 0 && endsStatus(w))) return n === 0 ? NO : UNSURE;
    if ((line === DEFINITE || (line === CREDIBLE && isStrong(w))) && (served || isLong(w))) return YES;
    w.pos = w.find(LF, w.pos) + 1;
  }
  return UNSURE;
}

/** VALUE, VA, STAT, END, EN: words of others too, but hardly in that form. */
function isStrong(w: Window): boolean {
  const b = w.buf[w.pos]!;
  return b === CAPITAL_V || b === CAPITAL_S || (b === CAPITAL_E && w.buf[w.pos + 1] === CAPITAL_N);
}

/** Words of two or three letters say too little of who says them. */
const isLong = (w: Window): boolean => w.end - w.pos > 4 && w.buf[w.pos + 2]! > 32 && w.buf[w.pos + 3]! > 32;

/** Joined midway, the end of a status may come first: `RED\r\n`. */
function endsStatus(w: Window): boolean {
  const lf = w.find(LF, w.pos);
  for (let i = w.pos; i < lf - 1; i++) {
    const b = w.buf[i]!;
    if (b !== UNDERSCORE && (b < 65 || b > 90)) return false;
  }
  return lf - w.pos <= MAX_STATUS + 1;
}

const UNDERSCORE = 95;
const CAPITAL_E = 69;
const CAPITAL_N = 78;
const CAPITAL_S = 83;
const CAPITAL_V = 86;
