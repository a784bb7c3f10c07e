import { FOLD } from './characters.ts';

/** The words of SQL that say how a statement is built; every other word is a name. */

/** Operations as the first word of a statement, by what follows them. */
const OPERATIONS = {
  /** Targets stand behind FROM and JOIN. */
  query: ['SELECT'],
  /** The target follows at once, after some noise words. */
  target: [
    'INSERT',
    'REPLACE',
    'UPDATE',
    'DELETE',
    'MERGE',
    'CALL',
    'USE',
    'DESCRIBE',
    'DESC',
    'TABLE',
    'COPY',
    'LOAD',
  ],
  /** A kind of object, then its name. */
  object: [
    ...['CREATE', 'ALTER', 'DROP', 'RENAME', 'OPTIMIZE', 'REPAIR', 'CHECK', 'CHECKSUM', 'REINDEX', 'REFRESH', 'START'],
    ...['STOP', 'UNLOCK'],
  ],
  /** A name, or a kind of object and its name. */
  maybeObject: ['TRUNCATE', 'LOCK', 'ANALYZE', 'VACUUM'],
  /** Another operation follows. */
  prefix: ['EXPLAIN', 'PREPARE', 'DECLARE'],
  /** Subqueries may follow. */
  expression: ['SET', 'DO', 'VALUES', 'RETURN'],
  /** Nothing behind it is of few values, or belongs to the statement's shape. */
  bare: [
    ...['BEGIN', 'COMMIT', 'ROLLBACK', 'END', 'ABORT', 'SAVEPOINT', 'RELEASE', 'XA', 'SHOW', 'GRANT', 'REVOKE', 'KILL'],
    ...['FLUSH', 'PURGE', 'CHANGE', 'RESET', 'SHUTDOWN', 'RESTART', 'INSTALL', 'UNINSTALL', 'HELP', 'SIGNAL', 'GET'],
    ...[
      'RESIGNAL',
      'BINLOG',
      'CACHE',
      'HANDLER',
      'IMPORT',
      'CLONE',
      'LISTEN',
      'UNLISTEN',
      'NOTIFY',
      'DISCARD',
      'CLOSE',
    ],
    ...['CHECKPOINT', 'FETCH', 'MOVE', 'DEALLOCATE', 'EXECUTE', 'COMMENT', 'SECURITY', 'REASSIGN', 'CLUSTER'],
  ],
} as const;

/** Kinds of objects behind CREATE, ALTER, DROP and their like. */
const OBJECTS = [
  ...[
    'TABLE',
    'TABLES',
    'VIEW',
    'INDEX',
    'DATABASE',
    'SCHEMA',
    'SEQUENCE',
    'FUNCTION',
    'PROCEDURE',
    'TRIGGER',
    'EVENT',
  ],
  ...['PACKAGE', 'USER', 'ROLE', 'GROUP', 'SERVER', 'TYPE', 'DOMAIN', 'EXTENSION', 'TABLESPACE', 'POLICY', 'RULE'],
  ...['PUBLICATION', 'SUBSCRIPTION', 'AGGREGATE', 'COLLATION', 'CONVERSION', 'LANGUAGE', 'OPERATOR', 'STATISTICS'],
  ...['WRAPPER', 'SYSTEM', 'TRANSACTION', 'SLAVE', 'REPLICA'],
];

/** Words that stand between an operation and its target and name nothing. */
const NOISE = [
  ...['INTO', 'LOW_PRIORITY', 'HIGH_PRIORITY', 'DELAYED', 'IGNORE', 'ONLY', 'LATERAL', 'IF', 'NOT', 'EXISTS'],
  ...['CONCURRENTLY', 'RECURSIVE', 'BINARY', 'FULL', 'FREEZE', 'VERBOSE', 'NO_WRITE_TO_BINLOG', 'LOCAL', 'TABLE'],
];

/** Words behind which the list of tables has ended. */
const CLAUSES = [
  ...['WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'OFFSET', 'FETCH', 'FOR', 'SET', 'VALUES', 'VALUE', 'RETURNING'],
  ...['WINDOW', 'UNION', 'INTERSECT', 'EXCEPT', 'ON'],
];

/** Behind these a sign belongs to its number: `BETWEEN -1 AND -2`. */
const BEFORE_OPERAND = [
  ...[
    'SELECT',
    'WHERE',
    'HAVING',
    'AND',
    'OR',
    'XOR',
    'NOT',
    'IN',
    'BETWEEN',
    'LIKE',
    'IS',
    'WHEN',
    'THEN',
    'ELSE',
    'BY',
  ],
  ...[
    'LIMIT',
    'OFFSET',
    'SET',
    'VALUES',
    'RETURN',
    'RETURNING',
    'DEFAULT',
    'INTERVAL',
    'DISTINCT',
    'ON',
    'CASE',
    'DIV',
  ],
  ...['MOD', 'WITH', 'TO', 'CALL', 'ALL'],
];

const OTHERS = ['FROM', 'JOIN', 'STRAIGHT_JOIN', 'USING', 'AS', 'TRUE', 'FALSE', 'NULL', 'ROW', 'PROGRAM', 'PASSWORD'];

const WORDS = [
  ...new Set([...Object.values(OPERATIONS).flat(), ...OBJECTS, ...NOISE, ...CLAUSES, ...BEFORE_OPERAND, ...OTHERS]),
];

/** Number of a keyword, from 1; 0 is every other word. */
export function keywordId(word: string): number {
  const at = WORDS.indexOf(word);
  if (at < 0) throw new RangeError(`${word} is no keyword`);
  return at + 1;
}

export const MAX_KEYWORD_LENGTH = Math.max(...WORDS.map((w) => w.length));

/** One step of the hash that the lexer takes over a word's folded characters. */
export const hashStep = (hash: number, code: number): number => (Math.imul(hash, 31) + (code | FOLD)) | 0;

/** Fewer than 200 words in 2,048 slots: nearly every lookup ends at the first slot. */
const SLOTS = 2048;
const TABLE = new Uint8Array(SLOTS);
const FOLDED = WORDS.map((w) => Uint8Array.from(w, (c) => c.charCodeAt(0) | FOLD));

const slotOf = (hash: number): number => (hash ^ (hash >>> 15)) & (SLOTS - 1);

for (const [i, codes] of FOLDED.entries()) {
  let slot = slotOf(codes.reduce(hashStep, 0));
  while (TABLE[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
  TABLE[slot] = i + 1;
}

/** The keyword that `text[from, to)` is, in whatever case, or 0. `hash`: hashStep over all its characters. */
export function findKeyword(text: string, from: number, to: number, hash: number): number {
  for (let slot = slotOf(hash); ; slot = (slot + 1) & (SLOTS - 1)) {
    const id = TABLE[slot]!;
    if (id === 0) return 0;
    const codes = FOLDED[id - 1]!;
    if (codes.length !== to - from) continue;
    let i = 0;
    while (i < codes.length && (text.charCodeAt(from + i) | FOLD) === codes[i]) i++;
    if (i === codes.length) return id;
  }
}

/** What a statement's first word starts. */
export const NO_OPERATION = 0;
export const QUERY = 1;
export const TARGET = 2;
export const OBJECT = 3;
export const MAYBE_OBJECT = 4;
export const PREFIX = 5;
export const EXPRESSION = 6;
export const BARE = 7;

/** By keyword: one of the kinds above. */
export const OPERATION = new Uint8Array(WORDS.length + 1);
for (const [i, words] of Object.values(OPERATIONS).entries()) for (const w of words) OPERATION[keywordId(w)] = i + 1;

const flags = (words: readonly string[]): Uint8Array => {
  const table = new Uint8Array(WORDS.length + 1);
  for (const w of words) table[keywordId(w)] = 1;
  return table;
};

/** By keyword: 1 when it is of that sort. */
export const IS_OBJECT = flags(OBJECTS);
export const IS_NOISE = flags(NOISE);
export const IS_CLAUSE = flags(CLAUSES);
export const IS_BEFORE_OPERAND = flags(BEFORE_OPERAND);
