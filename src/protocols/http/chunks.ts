/** Bodies in chunks (RFC 9112 section 7.1): `size [;extensions] CRLF data CRLF`, again and again; size 0 ends them, trailers follow. */

import { LOST, MORE, SKIP, type Window } from '../protocol.ts';
import { GO_ON, lineEnd, MAX_LINE, textEnd } from './lines.ts';
import { CHUNK_DATA, CHUNK_END, CHUNK_SIZE, GRAPHQL, MESSAGES, type Message, TRAILERS } from './message.ts';
import { readChunkSize } from './syntax.ts';

/** Reads what frames the chunk; its data pass by unseen. */
export function readChunk(w: Window, m: Message): number {
  if (m.phase === CHUNK_DATA) {
    m.phase = CHUNK_END;
    return GO_ON;
  }
  const eol = lineEnd(w, m);
  if (m.phase === CHUNK_END) {
    if (eol < 0) return m.scanned < 2 ? MORE : LOST;
    if (eol - w.pos > 1) return LOST;
    w.pos = eol + 1;
    m.phase = CHUNK_SIZE;
    return GO_ON;
  }
  if (eol < 0) return m.scanned < MAX_LINE ? MORE : LOST;
  const size = readChunkSize(w.buf, w.pos, textEnd(w, eol));
  if (size < 0) return LOST;
  w.pos = eol + 1;
  if (size === 0) {
    m.phase = TRAILERS;
    return GO_ON;
  }
  if (m.graphql) {
    m.phase = GRAPHQL;
    m.contentLength = size;
    return GO_ON;
  }
  if (m.messages !== null) {
    m.phase = MESSAGES;
    m.left = size;
    return GO_ON;
  }
  m.phase = CHUNK_DATA;
  w.want = size;
  return SKIP;
}
