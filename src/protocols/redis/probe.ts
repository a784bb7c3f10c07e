import { type Dir, NO, TO_SERVER, UNSURE, type Verdict, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { A_START, inlineStart, isOwnInline, NOT_A_START, RequestStart, replyStart, TOO_SHORT } from './start.ts';
import {
  BAR,
  COLON,
  CR,
  DOLLAR,
  GREATER,
  LF,
  lengthEnd,
  MINUS,
  PERCENT,
  PLUS,
  readLength,
  STAR,
  TILDE,
} from './syntax.ts';
import { DONE, Walk } from './walk.ts';

const REQUEST = new RequestStart();
const WALK = new Walk();

/** Statuses that nobody else sends like that. */
const STATUSES = ['+PONG\r\n', '+QUEUED\r\n', '+RESET\r\n'];
const OK = '+OK\r\n';
/** Errors of POP3 begin with `-ERR` too; these are Redis' own words. */
const ERRORS = [
  '-ERR unknown command',
  '-ERR wrong number of arguments',
  '-ERR syntax error',
  '-NOAUTH Authentication',
  '-WRONGPASS invalid',
  '-WRONGTYPE Operation',
  '-MOVED ',
  '-LOADING Redis',
];

/** Pure: the first bytes of one side. */
export function probe(dir: Dir, w: Window): Verdict {
  if (dir !== TO_SERVER) return w.pos < w.end ? replies(w, true) : UNSURE;
  // An empty line is no command; joined midway it may be the end of one.
  while (w.pos < w.end && (w.buf[w.pos] === CR || w.buf[w.pos] === LF)) w.pos++;
  const start = w.pos;
  const asked = Math.max(request(w), requestBehind(w, start)) as Verdict;
  if (asked !== NO) return asked;
  w.pos = start;
  const said = replies(w, false);
  if (said !== NO) return said;
  w.pos = start;
  const line = inlineStart(w);
  if (line === A_START && isOwnInline(w)) return YES;
  return line === NOT_A_START ? NO : UNSURE; // a line could be anybody's: the server's answer decides
}

/** Joined midway: a request behind the end of another one. */
function requestBehind(w: Window, from: number): Verdict {
  const { buf } = w;
  let best: Verdict = NO;
  for (let i = w.find(STAR, from + 2); i >= 0 && best !== YES; i = w.find(STAR, i + 1)) {
    if (buf[i - 1] !== LF || buf[i - 2] !== CR) continue;
    w.pos = i;
    best = Math.max(best, request(w)) as Verdict;
  }
  return best;
}

/** The elements of an answer may look like a request: only a command with as many words as it takes is sure. */
function request(w: Window): Verdict {
  const judged = REQUEST.read(w);
  if (judged === NOT_A_START) return NO;
  return judged === A_START && REQUEST.command?.takes(REQUEST.count) ? YES : UNSURE;
}

/** So many values are looked at. */
const MAX_VALUES = 16;

/**
 * Replies at `w.pos`: one value that nobody else sends, or two others. `served`: it is known that the server says them.
 * If it is not, strings may be the arguments of a request whose beginning was missed: another reply behind them
 * decides.
 */
function replies(w: Window, served: boolean): Verdict {
  const yes = served ? YES : YES_REVERSED;
  for (let n = 0; n < MAX_VALUES; n++) {
    const at = w.pos;
    const judged = replyStart(w, at);
    if (judged === NOT_A_START) return NO;
    const strength = weight(w, at, served);
    if (strength === STRONG) return yes;
    if (strength === NONE) return NO;
    if (judged === TOO_SHORT || strength === UNDECIDED) return UNSURE;
    if (n > 0 && w.buf[at] !== DOLLAR) return yes;
    WALK.begin(1);
    if (WALK.step(w) !== DONE || w.pos >= w.end) return UNSURE;
  }
  return UNSURE;
}

const NONE = 0;
const UNDECIDED = 1;
const WEAK = 2;
const STRONG = 3;

function weight(w: Window, at: number, served: boolean): number {
  const type = w.buf[at]!;
  switch (type) {
    case PLUS:
      return Math.max(...STATUSES.map((s) => likeness(w, at, s, STRONG)), likeness(w, at, OK, WEAK));
    case MINUS:
      return Math.max(...ERRORS.map((text) => likeness(w, at, text, STRONG)));
    case DOLLAR: {
      const n = readLength(w, at);
      if (n === -1 || n > LONG) return served ? STRONG : UNDECIDED;
      if (n < 0 || lengthEnd() + n + 2 > w.end) return UNDECIDED;
      return served ? STRONG : WEAK;
    }
    case STAR: {
      const n = readLength(w, at);
      if (n < 0 && n !== -1) return UNDECIDED;
      if (n <= 0) return WEAK;
      const inside = lengthEnd();
      // The client's requests are arrays of strings; an array of anything else comes from the server.
      if (inside >= w.end || (!served && w.buf[inside] === DOLLAR)) return UNDECIDED;
      return replyStart(w, inside) === A_START ? STRONG : UNDECIDED;
    }
    case PERCENT:
    case TILDE:
    case GREATER:
    case BAR: {
      const n = readLength(w, at);
      if (n < 1) return UNDECIDED;
      const inside = lengthEnd();
      return inside < w.end && replyStart(w, inside) === A_START ? STRONG : UNDECIDED;
    }
    default:
      return type === COLON ? WEAK : UNDECIDED;
  }
}

/** A string longer than detection looks at. */
const LONG = 1000;

/** `yes` for the whole text at `buf[at]`, UNDECIDED for its beginning, else NONE. */
function likeness(w: Window, at: number, text: string, yes: number): number {
  const n = Math.min(text.length, w.end - at);
  for (let i = 0; i < n; i++) if (w.buf[at + i] !== text.charCodeAt(i)) return NONE;
  return n === text.length ? yes : UNDECIDED;
}
