import type { Exchange } from './exchange.ts';

/** What is hidden in statements and commands before they leave (`masking.*`). Passwords never leave, whatever it says. */
export interface Masking {
  /** Literals of SQL statements, values of MongoDB commands, arguments of Redis commands. */
  readonly literals: boolean;
  /** Comments of SQL statements. */
  readonly comments: boolean;
  /** Keys of Redis and Memcached commands. */
  readonly keys: boolean;
}

const EVERYTHING: Masking = { literals: true, comments: true, keys: true };

export const maskingOf = (x: Exchange): Masking => x.protocol.masking ?? EVERYTHING;
