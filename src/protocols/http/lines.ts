/** Messages of HTTP/1.x line by line (RFC 9112 section 2.2): a head is never buffered whole, only the line that a segment cut. */

import { MORE, type Window } from '../protocol.ts';
import { passFields, readDetail, readField } from './headers.ts';
import { HEADER_REST, HEADERS, type Message } from './message.ts';

/** A line longer than this is read in pieces: its start counts, its rest passes by. Servers refuse lines beyond 8 KiB. */
export const MAX_LINE = 8192;

/** What readers of a part of a message answer beside steps, which are not negative: go on with the new phase; the head ends here. */
export const GO_ON = -1;
export const BLANK_LINE = -2;

const LF = 10;
const CR = 13;
const COLON = 58;

/** Index of the line feed that ends the line at `w.pos`; -1: not in the window yet, `w.want` is set. */
export function lineEnd(w: Window, m: Message): number {
  const eol = w.find(LF, w.pos + m.scanned);
  if (eol >= 0) {
    m.scanned = 0;
    return eol;
  }
  m.scanned = w.end - w.pos;
  w.want = m.scanned + 1;
  return -1;
}

/** End of the line at `w.pos` whose line feed is at `eol`, a carriage return in front of that taken off. */
export const textEnd = (w: Window, eol: number): number => (eol > w.pos && w.buf[eol - 1] === CR ? eol - 1 : eol);

/** Reads one line of a head, or of the trailers. */
export function readHeadLine(w: Window, m: Message): number {
  if (m.phase === HEADERS && m.scanned === 0 && m.detail === null && !m.call) passFields(m, w);
  const eol = lineEnd(w, m);
  if (eol < 0) {
    if (m.scanned < MAX_LINE) return MORE;
    m.behindRest = m.phase;
    m.phase = HEADER_REST;
    return GO_ON;
  }
  const from = w.pos;
  const to = textEnd(w, eol);
  w.pos = eol + 1;
  if (to === from) return BLANK_LINE;
  if (m.phase === HEADERS || m.call) readField(m, w.buf, from, to);
  if (m.phase === HEADERS && m.detail !== null) readDetail(m.detail, w.buf, from, to);
  return GO_ON;
}

/** Passes over the rest of a line that is too long. */
export function passRest(w: Window, m: Message): number {
  const eol = lineEnd(w, m);
  if (eol < 0) {
    w.pos = w.end;
    m.scanned = 0;
    w.want = 1;
    return MORE;
  }
  w.pos = eol + 1;
  m.phase = m.behindRest;
  return GO_ON;
}

/** The window holds nothing but the beginning of an empty line. */
export const beginsEmptyLine = (w: Window): boolean => w.end - w.pos === 1 && w.buf[w.pos] === CR;

/** Behind a request line without version: a header field name and a colon, or an empty line. */
export function headerFollows(w: Window): boolean {
  const limit = Math.min(w.end, w.pos + 64);
  for (let i = w.pos; i < limit; i++) {
    const b = w.buf[i]!;
    if (b === COLON) return i > w.pos;
    if (b === CR || b === LF) return i === w.pos;
    if (b <= 32 || b >= 127) return false;
  }
  return false;
}
