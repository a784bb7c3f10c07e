/** Segments of one connection, written down one by one. */

import { ACK, CLIENT, type Frame, type Link, type Party, SERVER } from '../kit/frame.ts';
import { link } from '../kit/wire.ts';

export const HERE = link({ serverPort: 7000 });

/** What a segment has that is not usual. `ms`: time since the one before. */
export interface Rest {
  acked?: number;
  flags?: number;
  seqShift?: number;
  window?: number;
  captured?: number;
  ms?: number;
  link?: Link;
}

/** A segment whose payload stands at stream offset `from`. */
function segment(side: Party, from: number, text: string, o: Rest): Frame {
  return {
    link: o.link ?? HERE,
    side,
    flags: o.flags ?? ACK,
    from,
    to: from + text.length,
    payload: Buffer.from(text, 'latin1'),
    acked: o.acked ?? 0,
    seqShift: o.seqShift ?? 0,
    window: o.window ?? 512,
    captured: o.captured ?? Number.POSITIVE_INFINITY,
    gapNs: Math.round((o.ms ?? 0.1) * 1e6),
  };
}

/** What the client sends. */
export const c = (from: number, text: string, o: Rest = {}): Frame => segment(CLIENT, from, text, o);
/** What the server sends. */
export const s = (from: number, text: string, o: Rest = {}): Frame => segment(SERVER, from, text, o);
