import type { Exchange } from '../../exchange/exchange.ts';
import { IN_FLIGHT } from '../../exchange/exchange.ts';
import type { Exchanges, Table } from '../protocol.ts';
import {
  CLIENT_COMPRESS,
  CLIENT_DEPRECATE_EOF,
  CLIENT_PROTOCOL_41,
  CLIENT_QUERY_ATTRIBUTES,
  CLIENT_ZSTD,
} from './capabilities.ts';
import { MYSQL } from './exchange-detail.ts';

/** What is not known, and what is known not to be. */
export const UNKNOWN = -1;
export const NO = 0;
export const YES = 1;
export type Known = -1 | 0 | 1;

/** A statement that the server has prepared. */
export interface Prepared {
  readonly text: string;
  /** Bytes of the statement that are not in `text`. */
  readonly cut: number;
  readonly summary: string;
  /** Parameters that it takes; 0 as long as the server has not said. */
  readonly parameters: number;
}

/** Key of the statement that was prepared last, which MariaDB's clients may execute before they know its id. */
export const LAST_PREPARED = 0xffffffff;

/** What both directions of a connection must know of each other. */
export class Session {
  readonly out: Exchanges;
  /** By the server's statement id. */
  readonly statements: Table<Prepared>;
  system = MYSQL;
  /** A greeting came, and no login since. */
  greeted = false;
  /** The greeting's answer was lost: if it was an SSLRequest, TLS follows. */
  secure = false;
  /** The client may speak outside of commands: plugins of authentication. */
  authenticating = false;
  /** The server has asked for a file, and its end has not come yet. */
  sendsFile = false;
  /** The replication stream or the like has begun: nothing that follows is read. */
  streaming = false;
  /** Packets travel inside compressed ones. */
  compressed: Known = UNKNOWN;
  /** No EOF packets behind column definitions. */
  withoutEof: Known = UNKNOWN;
  /** Attributes stand in front of the text of queries. */
  queryAttributes: Known = UNKNOWN;
  /** '' when none is chosen or it is not known. */
  namespace = '';
  /** Packets will be compressed once the login has been answered. */
  #compresses = false;
  #serverFlags = -1;
  /** The request in flight that switches the database, and to which. */
  #switching: Exchange | null = null;
  #switchesTo = '';
  /** Another such request had not been answered when it was sent. */
  #tangled = false;

  constructor(out: Exchanges) {
    this.out = out;
    this.statements = out.table<Prepared>();
  }

  greet(system: number, flags: number): void {
    this.system = system;
    this.#serverFlags = flags;
    this.greeted = true;
    this.compressed = NO;
  }

  /** The capabilities that both ends have. False: the protocol of before 4.1, whose answers are of another form. */
  login(clientFlags: number): boolean {
    const flags = clientFlags & this.#serverFlags;
    this.greeted = false;
    this.authenticating = true;
    this.compressed = NO;
    this.#compresses = (flags & (CLIENT_COMPRESS | CLIENT_ZSTD)) !== 0;
    this.withoutEof = (flags & CLIENT_DEPRECATE_EOF) !== 0 ? YES : NO;
    this.queryAttributes = (flags & CLIENT_QUERY_ATTRIBUTES) !== 0 ? YES : NO;
    return (clientFlags & CLIENT_PROTOCOL_41) !== 0;
  }

  /** The login was answered with OK. */
  loggedIn(): void {
    this.authenticating = false;
    if (this.#compresses) this.compressed = YES;
    this.#compresses = false;
  }

  /** How packets travel behind the login's answer cannot be known: it will not be recognised. */
  loginMissed(): void {
    this.namespace = '';
    if (this.#compresses) this.compressed = UNKNOWN;
    this.#compresses = false;
  }

  /** A request that switches to a database was sent; null: its answer will not be recognised. */
  switches(x: Exchange | null, to: string): void {
    if (this.#switching !== null || x === null) {
      this.namespace = '';
      this.#tangled = true;
    }
    this.#switching = x;
    this.#switchesTo = to;
  }

  /** The answer of a request has ended. `partly`: it failed after something of it was done. */
  answered(x: Exchange, ok: boolean, partly: boolean): void {
    const s = this.#switching;
    if (s === null) return;
    if (s === x) {
      if (ok) this.namespace = this.#switchesTo;
      else if (this.#tangled || partly) this.namespace = '';
    } else if (s.outcome === IN_FLIGHT) return;
    else this.namespace = ''; // it was given up as a timeout, and this may be its answer
    this.#switching = null;
    this.#tangled = false;
  }

  /** The server itself says which database is chosen. */
  chosen(namespace: string): void {
    this.namespace = namespace;
    this.#switchesTo = namespace;
  }

  /** What the server knew of statements is gone, or ids may stand for other ones by now. */
  forgetStatements(): void {
    this.statements.clear();
  }

  /** Requests were lost: databases may have been switched, statements closed and prepared. */
  requestsLost(): void {
    if (this.greeted || this.#compresses) this.compressed = UNKNOWN; // the login may have been among them
    this.secure = this.greeted;
    this.greeted = false;
    this.namespace = '';
    this.#switching = null;
    this.#tangled = false;
    this.sendsFile = false;
    this.forgetStatements();
  }

  /** Answers were lost. */
  answersLost(): void {
    if (this.#compresses) this.loginMissed();
    if (this.#switching === null) return;
    this.namespace = '';
    this.#switching = null;
    this.#tangled = false;
  }
}
