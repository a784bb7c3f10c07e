/**
 * Where literals and comments end. Each function is given where one begins, reads nothing at or behind `length`, and
 * answers with the offset behind its end, or -1 when the end is missing.
 */

import {
  APOSTROPHE,
  BACKSLASH,
  CR,
  DOLLAR,
  DOT,
  DOUBLE_QUOTE,
  FOLD,
  isDigit,
  isNamePart,
  LF,
  LOWER_E,
  LOWER_X,
  MINUS,
  PLUS,
  SLASH,
  SPACE,
  STAR,
  UNDERSCORE,
  ZERO,
} from './characters.ts';

/** Behind the quote that closes the one at `q`; a doubled quote, or one with a backslash in front, is content. */
export function quotedEnd(text: string, q: number, length: number, quote: number, escapes: boolean): number {
  const mark = quote === APOSTROPHE ? "'" : quote === DOUBLE_QUOTE ? '"' : '`';
  for (let i = q + 1; ; ) {
    i = text.indexOf(mark, i);
    if (i < 0 || i >= length) return -1;
    if (escapes && isEscaped(text, q, i)) i++;
    else if (text.charCodeAt(i + 1) === quote) i += 2;
    else return i + 1;
  }
}

/** An odd number of backslashes stands in front of `at`, behind `q`. */
function isEscaped(text: string, q: number, at: number): boolean {
  let i = at;
  while (i > q + 1 && text.charCodeAt(i - 1) === BACKSLASH) i--;
  return (at - i) % 2 === 1;
}

/**
 * PostgreSQL's E'..', its quote at `q`, with its continuations: a literal goes on in the next line (lines of comments may
 * stand in between), and backslashes still escape there although no E is repeated.
 */
export function escapeStringEnd(text: string, q: number, length: number): number {
  for (let from = q; ; ) {
    const end = quotedEnd(text, from, length, APOSTROPHE, true);
    if (end < 0) return -1;
    from = continuation(text, end, length);
    if (from < 0) return end;
  }
}

/** The quote behind a line break, spaces and line comments, or -1. */
function continuation(text: string, from: number, length: number): number {
  let broken = false;
  for (let i = from; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c === LF || c === CR) broken = true;
    else if (c === MINUS && text.charCodeAt(i + 1) === MINUS) i = lineCommentEnd(text, i, length, CR) - 1;
    else if (c > SPACE) return c === APOSTROPHE && broken ? i : -1;
  }
  return -1;
}

/** `$tag$..$tag$`, whose tag's second dollar is at `second`. */
export function dollarEnd(text: string, first: number, second: number, length: number): number {
  const tagLength = second - first;
  // A tag has no dollar inside, so that no character is compared for more than one dollar in front of it: linear.
  for (let k = text.indexOf('$', second + 1); k >= 0 && k + tagLength < length; k = text.indexOf('$', k + 1)) {
    let same = 1;
    while (same < tagLength && text.charCodeAt(k + same) === text.charCodeAt(first + same)) same++;
    if (same === tagLength && text.charCodeAt(k + tagLength) === DOLLAR) return k + tagLength + 1;
  }
  return -1;
}

/** In front of the line's end, or of `other` (PostgreSQL: a carriage return; MySQL: a NUL). */
export function lineCommentEnd(text: string, from: number, length: number, other: number): number {
  let i = from;
  for (; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c === LF || c === other) break;
  }
  return i;
}

export function blockCommentEnd(text: string, from: number, length: number): number {
  const at = text.indexOf('*/', from + 2);
  return at < 0 || at + 2 > length ? -1 : at + 2;
}

/** PostgreSQL's comments nest (documentation 4.1.5). */
export function nestedCommentEnd(text: string, from: number, length: number): number {
  let depth = 1;
  for (let i = from + 2; i + 1 < length; i++) {
    const c = text.charCodeAt(i);
    if (c === STAR && text.charCodeAt(i + 1) === SLASH) {
      depth--;
      i++;
      if (depth === 0) return i + 1;
    } else if (c === SLASH && text.charCodeAt(i + 1) === STAR) {
      depth++;
      i++;
    }
  }
  return -1;
}

/** Behind the digits at `i`; PostgreSQL's may be parted by underscores. */
export function digitsEnd(text: string, i: number, underscores: boolean): number {
  let j = i;
  for (; ; j++) {
    const c = text.charCodeAt(j);
    if (isDigit(c)) continue;
    if (underscores && c === UNDERSCORE && j > i && isDigit(text.charCodeAt(j + 1))) continue;
    return j;
  }
}

/** Behind `e`, an optional sign and digits at `i`; `i` when they are not there. */
export function exponentEnd(text: string, i: number): number {
  if ((text.charCodeAt(i) | FOLD) !== LOWER_E) return i;
  const c = text.charCodeAt(i + 1);
  const from = c === PLUS || c === MINUS ? i + 2 : i + 1;
  const j = digitsEnd(text, from, false);
  return j > from ? j : i;
}

/** 1, 1.5, .5, 1., 1e-9; `underscores`: also 0x1f, 0o17, 0b11 and 1_000 (PostgreSQL documentation 4.1.2.6). */
export function numberEnd(text: string, i: number, length: number, underscores: boolean): number {
  let j = digitsEnd(text, i, underscores);
  // Two dots are a range.
  if (text.charCodeAt(j) === DOT && text.charCodeAt(j + 1) !== DOT) j = digitsEnd(text, j + 1, underscores);
  j = exponentEnd(text, j);
  // Letters right behind a number are the next word, `1AND 2`. With digits among them they belong to it, whether it is
  // one of its forms or a mistake that should not show its digits.
  let hasDigits = j === i + 1 && text.charCodeAt(i) === ZERO && (text.charCodeAt(j) | FOLD) === LOWER_X;
  let k = j;
  for (; k < length && isNamePart(text.charCodeAt(k)); k++) hasDigits ||= isDigit(text.charCodeAt(k));
  return hasDigits ? k : j;
}
