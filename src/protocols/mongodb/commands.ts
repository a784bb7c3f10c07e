/** What is known of MongoDB's commands: which speak of a collection, and which carry credentials. */

/** The text of their first field (of `getMore`: of the field `collection`) is a collection. */
const OF_COLLECTIONS = new Set([
  'aggregate',
  'analyzeShardKey',
  'cloneCollectionAsCapped',
  'collMod',
  'collStats',
  'collstats',
  'compact',
  'configureQueryAnalyzer',
  'convertToCapped',
  'count',
  'create',
  'createIndexes',
  'createSearchIndexes',
  'delete',
  'deleteIndexes',
  'distinct',
  'drop',
  'dropIndexes',
  'dropSearchIndex',
  'find',
  'findAndModify',
  'findandmodify',
  'geoNear',
  'geoSearch',
  'getMore',
  'group',
  'insert',
  'killCursors',
  'listIndexes',
  'listSearchIndexes',
  'mapReduce',
  'mapreduce',
  'parallelCollectionScan',
  'planCacheClear',
  'planCacheClearFilters',
  'planCacheListFilters',
  'planCacheSetFilter',
  'query',
  'reIndex',
  'update',
  'updateSearchIndex',
  'validate',
]);

export const speaksOfCollection = (command: string): boolean => OF_COLLECTIONS.has(command);

/** Their values are credentials, or prove that somebody has them. */
const OF_CREDENTIALS = new Set(
  [
    'authenticate',
    'copydb',
    'copydbgetnonce',
    'copydbsaslstart',
    'createUser',
    'getnonce',
    'saslContinue',
    'saslStart',
    'updateUser',
  ].map((command) => command.toLowerCase()),
);

/** The server takes command names as they are; a client that spells one differently has its credentials in it all the same. */
export const carriesCredentials = (command: string): boolean => OF_CREDENTIALS.has(command.toLowerCase());

/** Fields whose values are credentials wherever they stand: `pwd` of a user, the first step of a login within `hello`. */
const SECRET_FIELD = /^(?:speculativeAuthenticate|credentials?)$|pass(?:word|wd|phrase)|^pwd$|secret|token/i;

export const isSecretField = (name: string): boolean => SECRET_FIELD.test(name);
