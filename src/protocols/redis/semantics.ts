import {
  DATABASE_DURATION,
  databaseError,
  databaseKey,
  metricCode,
  metricNamespace,
  metricTarget,
  putQueryText,
  putServer,
} from '../../exchange/database.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Semantics } from '../../exchange/semantics.ts';
import { callsProcedure, isKnown } from './commands.ts';
import { errorCode, isError, isRedirect } from './status.ts';

const DEFAULT_PORT = 6379;

/** Command and subcommand: `CONFIG GET`. What it calls is no part of it. */
const commandOf = (x: Exchange): string => (x.target === '' || callsProcedure(x.operation) ? x.operation : x.target);

/** As metrics have it: whatever a client makes up is one. */
const metricCommand = (x: Exchange): string => {
  const name = commandOf(x);
  return isKnown(name) ? name : '_OTHER';
};

/** '' for redirects: the client follows them, and nothing has failed. */
const failureCode = (x: Exchange): string => (isRedirect(x.status) ? '' : errorCode(x));

/** Meaning of a Redis exchange by the semantic conventions for Redis (development). */
export const redisSemantics: Semantics = {
  spans: 'client',
  connectionType: 'database',
  clientDuration: DATABASE_DURATION,
  serverDuration: null,

  operation: (x) => x.operation,
  status: (x) => {
    if (Number.isNaN(x.firstByteNs)) return null;
    return isError(x.status) ? errorCode(x) : 'OK';
  },
  path: (x) => x.target || x.operation,

  // The number of the database is no part of the name (conventions for Redis).
  spanName: (x) => x.target || x.operation,
  errorType: (x) => databaseError(x, failureCode(x)),

  attributes: (x, _side, _route, put) => {
    put.string('db.system.name', 'redis');
    put.string('db.operation.name', commandOf(x));
    if (x.namespace !== '') put.string('db.namespace', x.namespace);
    const code = errorCode(x);
    if (code !== '') put.string('db.response.status_code', code);
    if (callsProcedure(x.operation) && x.target.length > x.operation.length)
      put.string('db.stored_procedure.name', x.target.slice(x.operation.length + 1));
    putServer(x, DEFAULT_PORT, put);
    putQueryText(x, x.statement, put);
  },

  seriesKey: (x) => databaseKey(x, metricCommand(x), errorCode(x)),
  dimensions: (x, _side, _route, put) => {
    put.string('db.system.name', 'redis');
    const command = metricTarget(metricCommand(x));
    if (command !== '') put.string('db.operation.name', command);
    const namespace = metricNamespace(x);
    if (namespace !== '') put.string('db.namespace', namespace);
    const code = metricCode(errorCode(x));
    if (code !== '') put.string('db.response.status_code', code);
    putServer(x, DEFAULT_PORT, put);
  },

  context: () => null,
};
