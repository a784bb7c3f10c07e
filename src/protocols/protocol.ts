/** All that a protocol folder may know of the agent. */

import type { Window } from '../bytes/window.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Semantics } from '../exchange/semantics.ts';
import type { Table } from '../exchange/table.ts';

export type { Semantics, Table, Window };

export const TO_SERVER = 0;
export const TO_CLIENT = 1;
export type Dir = 0 | 1;

/** What decode() answers. Small integers: no result object is made per call. */

/** All up to `w.pos` is used; call again when `w.want` bytes lie behind it. */
export const MORE = 0;
/** The next `w.want` bytes (a body; may be Infinity) go by unseen, then call again. Holes inside them cost nothing. */
export const SKIP = 1;
/** These bytes are no message of mine. */
export const LOST = 2;
/** This connection has nothing further for me: an upgrade or a tunnel begins behind `w.pos`. `Decoder.successor` says what. */
export const STOP = 3;
export type Step = 0 | 1 | 2 | 3;

/** What probe() answers. YES_REVERSED: mine, but the sender is the server. */
export const NO = 0;
export const UNSURE = 1;
export const YES = 2;
export const YES_REVERSED = 3;
export type Verdict = 0 | 1 | 2 | 3;

/** Key of protocols without a correlation id: first asked, first answered. */
export const IN_ORDER = -1;

/** Only what metrics need: no strings but closed vocabularies. */
export const BARE = 0;
/** Also the target (path, table), for reports by route. */
export const TARGETS = 1;
/** Everything that spans carry, identities included. */
export const FULL = 2;
export type Detail = 0 | 1 | 2;

/** What is spoken over another protocol, and is told from it only when a request has been read: gRPC over HTTP/2. */
export interface Dialect {
  /** As `Protocol.name`. */
  readonly name: string;
  readonly semantics: Semantics;
}

/** Pairing of requests and responses; lives in the exchange room, one for each connection. */
export interface Exchanges {
  /** How much of the record is wanted. */
  readonly detail: Detail;
  /** Longest part of a statement that is kept (`protocols.maxStatementBytes`). */
  readonly maxStatementBytes: number;
  /**
   * A request begins at `buf[from]`; `buf[from, to)` (at most 64 bytes of it are used) are bytes that every observer
   * of the request sees, however it was cut into segments. Null: not to be followed (quarantine, limits); it was counted.
   * `together`: the protocol lets a client that waits for its answers send this with the request before it (in order).
   */
  begin(key: number, w: Window, from: number, to: number, together?: boolean): Exchange | null;
  /** The head of that request is complete: whatever will be known of it is known, in texts of about so many bytes. */
  asked(x: Exchange, textBytes: number): void;
  /**
   * A message at `w.pos` is one of many in `x`, which goes on (a session, a stream): it is counted as it passes, by direction, by the protocol's
   * own `kind` (`Semantics.messages`) and by size.
   */
  message(x: Exchange, toServer: boolean, kind: number, bytes: number, w: Window): void;
  /** The final response with this key begins at `buf[at]`. Null: its request was not seen, or this cannot be its response. */
  answer(key: number, w: Window, at: number): Exchange | null;
  /** What answer() would give, without taking it: for protocols whose responses cannot be read without their request. */
  expected(key: number): Exchange | null;
  /** The response ended in front of `w.pos`; the record belongs to the agent again. */
  finish(x: Exchange, w: Window): void;
  /** The response's end will not be seen any more (hole), but what is known of it is right. */
  truncate(x: Exchange): void;
  /** Nothing answers the request that began last. */
  oneWay(x: Exchange): void;
  /** The oldest request in flight (in order), or this one (by key), gets no response, as only now is known: quiet commands. */
  unanswered(x: Exchange): void;
  /** The request of `x`, which is under way, came once more, so long after its last sending (datagrams): no exchange of its own. */
  repeated(x: Exchange, sinceNs: number): void;
  /** Request bytes were lost: what was asked meanwhile is unknown. */
  requestsLost(): void;
  /**
   * Response bytes were lost: what was answered meanwhile is unknown. `streams` (by key): responses that have begun may go on
   * behind the loss; otherwise they count as truncated.
   */
  responsesLost(streams?: boolean): void;
  /** A session that no single response answers came to its orderly end in front of `w.pos` (by key). */
  over(x: Exchange, w: Window): void;
  /** One end broke this one off in front of `w.pos` (by key): no response comes, or not the rest of it. `Exchange.reason` may say why. */
  abort(x: Exchange, w: Window): void;
  /** The protocol that takes over after STOP answers this one, under that key: it stays in flight. */
  passOn(x: Exchange, key: number): void;
  /** What the protocol before passed on to this one, when the decoder is opened. */
  readonly inherited: Exchange | null;
  /** The exchanges of this connection in which the server asks (a broker delivers): the ends change their roles. */
  reverse(): Exchanges;
  /** A bounded table that lives as long as the connection: prepared statements, cursors. To be asked for once. */
  table<V>(): Table<V>;
  /** One for all connections of the protocol, also bounded: for what is true wherever it was told (ids that are unique in the world). */
  common<V>(): Table<V>;
  /** Memory for what else the decoder remembers of the connection; false: there is none. All of it is given back when the connection ends. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
  /** The message at `w.pos` tells the name of an address (four words as in Packet), for so many seconds. */
  learn(version: number, w0: number, w1: number, w2: number, w3: number, name: string, ttlSec: number, w: Window): void;
}

export interface Decoder {
  /** Reads as many messages as the window holds. Also called with an empty window when a SKIP has just ended. */
  decode(dir: Dir, w: Window): Step;
  /**
   * The window begins where a segment began, after bytes were lost. True: a message credibly starts at `w.pos`.
   * False with `w.pos < w.end`: too few bytes to say, hold them; false with `w.pos === w.end`: it does not.
   */
  resync(dir: Dir, w: Window): boolean;
  /**
   * Bytes up to the stream offset `end` are missing. True: they belong to a message whose end is known, and decode() will let the rest of it
   * go by; then gap() is not called. Whoever has this is also shown once more what was held in front of them (`Window.lacking`), to `resync`
   * or to decode: a SKIP over a message that goes on to `end` or beyond lets them pass, too.
   */
  passes?(dir: Dir, end: number): boolean;
  /** Bytes are missing in front of the next window. Not called for a hole inside a SKIP. */
  gap(dir: Dir, w: Window): void;
  /** The direction ended in order (FIN); `w` is empty. */
  end(dir: Dir, w: Window): void;
  /** After STOP: the protocol that takes over, or '' when it has to be detected anew. */
  readonly successor: string;
}

export interface Protocol {
  /** Folder name, config key, metric label. */
  readonly name: string;
  /** A protocol spoken over both is listed twice, under one name. Over UDP a window holds one datagram, whole or cut by the snaplen. */
  readonly transport: 'tcp' | 'udp';
  /** How responses find their requests: by their order, or by the key that both carry. */
  readonly pairing: 'in_order' | 'keyed';
  /** Decides the order of probing, never the verdict. */
  readonly ports: readonly number[];
  /** Ports of a relative that is not followed unless `protocols.<name>.multicast` says so (mDNS, LLMNR). */
  readonly multicastPorts?: readonly number[];
  /** The most bytes that a MORE may ask for; beyond it the decoder must SKIP. */
  readonly maxHead: number;
  /** Pure. `dir` is a guess when nobody saw the connection begin. */
  probe(dir: Dir, w: Window): Verdict;
  /**
   * One decoder for each connection. One of datagrams serves one flow after another, when nothing is under way on the one before: it must
   * not remember anything else of it.
   */
  open(exchanges: Exchanges): Decoder;
  readonly semantics: Semantics;
  /** The decoder sets `Exchange.protocol` to the one of `Spoken.dialects` with the same index. */
  readonly dialects?: readonly Dialect[];
  /** Plain numbers that only grow, of all connections (`protocol.<name>.*`). */
  readonly counters?: object;
}
