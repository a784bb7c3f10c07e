/** Commands of memcached (protocol.txt, "memcached binary protocol"), in the words of the text protocol. */

/** What kind of answer a command has; one bit each. */
export const STORE = 1 << 0;
export const RETRIEVE = 1 << 1;
export const DELETE = 1 << 2;
export const COUNT = 1 << 3;
export const TOUCH = 1 << 4;
export const STATS = 1 << 5;
export const ADMIN = 1 << 6;
export const META_GET = 1 << 7;
export const META_SET = 1 << 8;
export const META_DELETE = 1 << 9;
export const META_COUNT = 1 << 10;
export const META_NOOP = 1 << 11;
export const META_DEBUG = 1 << 12;
/** Nobody knows what it is answered. */
export const UNKNOWN = 1 << 13;
export const ANYTHING = 2 ** 14 - 1;
export const META = META_GET | META_SET | META_DELETE | META_COUNT | META_NOOP | META_DEBUG;

export class Command {
  readonly name: string;
  readonly kind: number;
  /** Index of the first word that is a key, 0 for none; RETRIEVE: all words from there on are. */
  readonly keyAt: number;
  /** Index of the word that says how many bytes of data follow, 0 for none. */
  readonly lengthAt: number;
  /** Words, the command's own included, and without `noreply`: at least, at most. */
  readonly fewest: number;
  readonly most: number;

  constructor(name: string, kind: number, keyAt: number, lengthAt: number, fewest: number, most: number) {
    this.name = name;
    this.kind = kind;
    this.keyAt = keyAt;
    this.lengthAt = lengthAt;
    this.fewest = fewest;
    this.most = most;
  }
}

const MANY = Number.POSITIVE_INFINITY;

const COMMANDS: readonly Command[] = [
  new Command('get', RETRIEVE, 1, 0, 2, MANY),
  new Command('gets', RETRIEVE, 1, 0, 2, MANY),
  new Command('gat', RETRIEVE, 2, 0, 3, MANY),
  new Command('gats', RETRIEVE, 2, 0, 3, MANY),
  new Command('set', STORE, 1, 4, 5, 5),
  new Command('add', STORE, 1, 4, 5, 5),
  new Command('replace', STORE, 1, 4, 5, 5),
  new Command('append', STORE, 1, 4, 5, 5),
  new Command('prepend', STORE, 1, 4, 5, 5),
  new Command('cas', STORE, 1, 4, 6, 6),
  new Command('delete', DELETE, 1, 0, 2, 3),
  new Command('incr', COUNT, 1, 0, 3, 3),
  new Command('decr', COUNT, 1, 0, 3, 3),
  new Command('touch', TOUCH, 1, 0, 3, 3),
  new Command('mg', META_GET, 1, 0, 2, MANY),
  new Command('ms', META_SET, 1, 2, 3, MANY),
  new Command('md', META_DELETE, 1, 0, 2, MANY),
  new Command('ma', META_COUNT, 1, 0, 2, MANY),
  new Command('mn', META_NOOP, 0, 0, 1, 1),
  new Command('me', META_DEBUG, 1, 0, 2, MANY),
  new Command('stats', STATS, 0, 0, 1, MANY),
  new Command('flush_all', ADMIN, 0, 0, 1, 2),
  new Command('version', ADMIN, 0, 0, 1, 1),
  new Command('verbosity', ADMIN, 0, 0, 2, 2),
  new Command('quit', ADMIN, 0, 0, 1, 1),
  new Command('shutdown', ADMIN, 0, 0, 1, 2),
  new Command('cache_memlimit', ADMIN, 0, 0, 2, 2),
  new Command('slabs', ADMIN, 0, 0, 2, 4),
  new Command('lru', ADMIN, 0, 0, 2, 5),
  new Command('lru_crawler', ADMIN, 0, 0, 2, 3),
  new Command('watch', ADMIN, 0, 0, 1, MANY),
  new Command('noop', ADMIN, 0, 0, 1, 1),
  new Command('sasl_list', ADMIN, 0, 0, 1, 1),
  new Command('sasl_auth', ADMIN, 0, 0, 1, 1),
  new Command('sasl_step', ADMIN, 0, 0, 1, 1),
];
/** The last ones have no text form. */
const TEXT_COMMANDS = COMMANDS.slice(0, -4);
const BY_NAME = new Map(COMMANDS.map((c) => [c.name, c]));

/** Longest name of a command. */
export const MAX_WORD = 14;
/** Longest key (protocol.txt, "Keys"). */
export const MAX_KEY = 250;

/** By length and first letter there are few to compare with. */
const BUCKETS: Command[][] = Array.from({ length: (MAX_WORD + 1) * 32 }, () => []);
for (const c of TEXT_COMMANDS) BUCKETS[c.name.length * 32 + (c.name.charCodeAt(0) & 31)]!.push(c);

/** The command that `buf[from, to)` names; null: none. Names are in small letters. */
export function findCommand(buf: Uint8Array, from: number, to: number): Command | null {
  const n = to - from;
  if (n === 0 || n > MAX_WORD) return null;
  for (const c of BUCKETS[n * 32 + (buf[from]! & 31)]!) {
    let i = 0;
    while (i < n && c.name.charCodeAt(i) === buf[from + i]) i++;
    if (i === n) return c;
  }
  return null;
}

/** Whether `buf[from, to)` is the beginning of a name. */
export function beginsCommand(buf: Buffer, from: number, to: number): boolean {
  const word = buf.toString('latin1', from, Math.min(to, from + MAX_WORD + 1));
  return TEXT_COMMANDS.some((c) => c.name.startsWith(word));
}

/** Whether metrics may tell it apart. */
export const isKnown = (name: string): boolean => BY_NAME.has(name);
export const isRetrieval = (name: string): boolean => ((BY_NAME.get(name)?.kind ?? 0) & (RETRIEVE | META_GET)) !== 0;

/** A request of the binary protocol. */
export class Operation {
  readonly command: Command;
  /** Answered only when there is something to say: a hit, or an error. */
  readonly quiet: boolean;
  /** It is quiet, and its answer brings the key. */
  readonly keyed: boolean;
  /** Bytes of extras in a request: at least, at most. */
  readonly fewestExtras: number;
  readonly mostExtras: number;

  constructor(name: string, quiet: boolean, fewestExtras: number, mostExtras: number, keyed: boolean) {
    this.command = BY_NAME.get(name)!;
    this.quiet = quiet;
    this.fewestExtras = fewestExtras;
    this.mostExtras = mostExtras;
    this.keyed = keyed;
  }
}

const operation = (name: string, quiet = false, fewest = 0, most = fewest, keyed = false): Operation =>
  new Operation(name, quiet, fewest, most, keyed);

/** By opcode. */
export const OPERATIONS: readonly (Operation | undefined)[] = [
  operation('get'),
  operation('set', false, 8),
  operation('add', false, 8),
  operation('replace', false, 8),
  operation('delete'),
  operation('incr', false, 20),
  operation('decr', false, 20),
  operation('quit'),
  operation('flush_all', false, 0, 4),
  operation('get', true),
  operation('noop'),
  operation('version'),
  operation('get'),
  operation('get', true, 0, 0, true),
  operation('append'),
  operation('prepend'),
  operation('stats'),
  operation('set', true, 8),
  operation('add', true, 8),
  operation('replace', true, 8),
  operation('delete', true),
  operation('incr', true, 20),
  operation('decr', true, 20),
  operation('quit', true),
  operation('flush_all', true, 0, 4),
  operation('append', true),
  operation('prepend', true),
  operation('verbosity', false, 4),
  operation('touch', false, 4),
  operation('gat', false, 4),
  operation('gat', true, 4),
  undefined,
  operation('sasl_list'),
  operation('sasl_auth'),
  operation('sasl_step'),
  operation('gat', false, 4),
  operation('gat', true, 4, 4, true),
];
export const STAT_OPCODE = 0x10;
