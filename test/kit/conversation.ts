/** What two ends say to each other, and the exchanges that must be found in it. */

import { COMPLETE, TRUNCATED } from '../../src/exchange/exchange.ts';
import { CLIENT, type Party, SERVER } from './frame.ts';

/** Bytes that a protocol passes over unread: their loss costs nothing. */
export class Free {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

export const free = (bytes: string | Buffer): Free => new Free(Buffer.from(bytes));

export type Part = string | Buffer | Free;

/** One end says something. */
export interface Saying {
  readonly what: 'say';
  readonly side: Party;
  readonly bytes: Buffer;
  /** The exchange that it is the request (client) or response (server) of; -1: of none. */
  readonly exchange: number;
  /** Ranges of `bytes` whose loss costs nothing. */
  readonly free: readonly (readonly [number, number])[];
}

export type Turn =
  | Saying
  | { readonly what: 'fin' | 'rst'; readonly side: Party }
  | { readonly what: 'pause'; readonly ms: number };

function say(side: Party, exchange: number, parts: readonly Part[]): Saying {
  const ranges: [number, number][] = [];
  const chunks: Buffer[] = [];
  let at = 0;
  for (const p of parts) {
    const bytes = p instanceof Free ? p.bytes : Buffer.from(p as string);
    if (p instanceof Free) ranges.push([at, at + bytes.length]);
    chunks.push(bytes);
    at += bytes.length;
  }
  return { what: 'say', side, bytes: Buffer.concat(chunks), exchange, free: ranges };
}

/** The client asks: (more of) the request of that exchange. */
export const ask = (exchange: number, ...parts: Part[]): Saying => say(CLIENT, exchange, parts);
/** The server answers: (more of) the response of that exchange. */
export const answer = (exchange: number, ...parts: Part[]): Saying => say(SERVER, exchange, parts);
/** Something that belongs to no exchange. */
export const mumble = (side: Party, ...parts: Part[]): Saying => say(side, -1, parts);
export const fin = (side: Party): Turn => ({ what: 'fin', side });
export const rst = (side: Party): Turn => ({ what: 'rst', side });
export const pause = (ms: number): Turn => ({ what: 'pause', ms });

export interface Expected {
  readonly operation: string;
  readonly target?: string;
  readonly status: number;
  readonly outcome?: number;
  /** What the status may read as where parts of the response, or of what it refers to, were lost. */
  readonly partly?: readonly number[];
  /** A response began, although its status is 0 and its end never came. */
  readonly began?: boolean;
  readonly version?: number;
  /** Default: when the last byte of the request passed. */
  readonly requestEnd?: 'unseen';
  /**
   * Default: when the last byte of the response passed. `close`: when the last FIN or RST did; `capture`: when the capture ended; a
   * number: ms after the start; a saying (its index): when its last byte passed.
   */
  readonly end?: 'unseen' | 'close' | 'capture' | number | { readonly saying: number };
  /** Default: what the turns of the exchange add up to; 0 where they were not counted to the end. */
  readonly requestBytes?: number;
  readonly responseBytes?: number;
}

export interface Conversation {
  readonly name: string;
  readonly turns: readonly Turn[];
  readonly expected: readonly Expected[];
  /**
   * What is told above holds only when nothing is lost, because the end of the connection or a hand-over decides how the rest is
   * read: with losses only wrong pairs are looked for.
   */
  readonly fragile?: boolean;
  /** Holds bytes that nobody could tell from messages once a loss has hidden what surrounds them: losses are left out. */
  readonly deceptive?: boolean;
  /** Read right only when its segments are as they were sent: where it ends cannot be told from its bytes. */
  readonly uncut?: boolean;
  /** Passed to all but the costly tests (every split, every hole): it is too long for them. */
  readonly long?: boolean;
}

export const outcomeOf = (e: Expected): number => e.outcome ?? COMPLETE;

/** Its response is to be found, or as much of it as there is. Some protocols have the status 0 for success. */
export const isAnswered = (e: Expected): boolean =>
  e.status !== 0 || outcomeOf(e) === COMPLETE || outcomeOf(e) === TRUNCATED || e.began === true;

export const sayings = (c: Conversation): Saying[] => c.turns.filter((t) => t.what === 'say');

/** The client never asks before it has the whole answer to what it asked before. */
export function isSerial(c: Conversation): boolean {
  let asked = -1;
  let answered = -1;
  for (const t of sayings(c)) {
    if (t.exchange < 0) continue;
    if (t.side === SERVER) {
      if (t.exchange < asked) return false;
      answered = t.exchange;
    } else {
      if (t.exchange > answered + 1) return false;
      asked = t.exchange;
    }
  }
  return true;
}
