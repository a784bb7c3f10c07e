/** What requests and responses read alike. */

import { type Dir, type Exchanges, LOST, type Step, type Window } from '../protocol.ts';
import { walkBody } from './calls.ts';
import { readChunk } from './chunks.ts';
import { passRest } from './lines.ts';
import { HEADER_REST, MESSAGES, type Message, START_REST } from './message.ts';

/** Reads on in the rest of a long line, in a chunked body or in messages. GO_ON: with the new phase. */
export function readCommon(dir: Dir, w: Window, m: Message, out: Exchanges): number {
  if (m.phase === MESSAGES) return walkBody(dir, w, m, out);
  const step = m.phase === START_REST || m.phase === HEADER_REST ? passRest(w, m) : readChunk(w, m);
  return step === LOST ? lost(m) : step;
}

export function lost(m: Message): Step {
  m.scanned = 0;
  return LOST;
}
