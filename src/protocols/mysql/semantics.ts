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
import { maskingOf } from '../../exchange/masking.ts';
import type { AttributeSink, Semantics } from '../../exchange/semantics.ts';
import { maskSql, withoutSecrets } from '../../exchange/sql/sql.ts';
import { LOGIN } from './commands.ts';
import { MARIADB, type MysqlDetail, UNTOLD } from './exchange-detail.ts';

const DEFAULT_PORT = 3306;

/** Operations that carry a statement or name one. */
const OF_STATEMENTS = new Set([
  'QUERY',
  'STMT_PREPARE',
  'STMT_EXECUTE',
  'STMT_BULK_EXECUTE',
  'STMT_SEND_LONG_DATA',
  'STMT_CLOSE',
  'STMT_RESET',
  'STMT_FETCH',
]);
/** Those that are told with the statement's text. */
const WITH_TEXT = new Set(['QUERY', 'STMT_PREPARE', 'STMT_EXECUTE', 'STMT_BULK_EXECUTE']);
/** Those that are told with the database's name. */
const WITH_NAME = new Set(['INIT_DB', 'CREATE_DB', 'DROP_DB']);

const systemOf = (x: Exchange): string => (x.version === MARIADB ? 'mariadb' : 'mysql');

/** `db.query.summary`; '' for commands without a statement and for statements that nothing is known of. */
const summaryOf = (x: Exchange): string => (OF_STATEMENTS.has(x.operation) ? x.target : '');

const codeOf = (x: Exchange): string => (x.status > 0 ? String(x.status) : '');

/** Text as it may leave. */
function shownText(x: Exchange, raw: boolean): string {
  const { literals, comments } = maskingOf(x);
  return raw || !literals ? withoutSecrets(x.statement, 'mysql') : maskSql(x.statement, 'mysql', !comments);
}

function attributes(x: Exchange, put: AttributeSink): void {
  put.string('db.system.name', systemOf(x));
  if (x.namespace !== '') put.string('db.namespace', x.namespace);
  const summary = summaryOf(x);
  if (summary === '') put.string('db.operation.name', x.operation);
  else put.string('db.query.summary', summary);
  if (x.statement !== '') putQueryText(x, shownText(x, false), put);
  const d = x.detail as MysqlDetail | null;
  if (d !== null) {
    if (d.batchSize >= 2) put.int('db.operation.batch.size', d.batchSize);
    if (d.returnedRows >= 0) put.int('db.response.returned_rows', d.returnedRows);
    if (d.sqlState !== '') put.string('spantap.db.response.sqlstate', d.sqlState);
  }
  if (x.status > 0) put.string('db.response.status_code', codeOf(x));
  putServer(x, DEFAULT_PORT, put);
}

/** Meaning of a MySQL exchange by the database semantic conventions (stable for mysql and mariadb). */
export const mysqlSemantics: Semantics = {
  spans: 'client',
  connectionType: 'database',
  clientDuration: DATABASE_DURATION,
  serverDuration: null,

  operation: (x, raw) => {
    if (WITH_TEXT.has(x.operation)) return x.statement === '' ? x.operation : `${x.operation} ${shownText(x, raw)}`;
    if (WITH_NAME.has(x.operation)) return `${x.operation} ${x.target}`;
    if (x.operation !== LOGIN) return x.operation;
    return `${LOGIN} user=${(x.detail as MysqlDetail | null)?.user ?? ''} db=${x.namespace}`;
  },

  status: (x) => (Number.isNaN(x.firstByteNs) || x.status === UNTOLD ? null : String(x.status)),

  path: (x) => x.target,

  spanName: (x) => summaryOf(x) || x.operation,

  errorType: (x) => databaseError(x, codeOf(x)),

  attributes: (x, _side, _route, put) => attributes(x, put),

  seriesKey: (x) => databaseKey(x, summaryOf(x) || x.operation, codeOf(x), x.version === MARIADB ? 1 : 0),

  dimensions: (x, _side, _route, put) => {
    put.string('db.system.name', systemOf(x));
    const namespace = metricNamespace(x);
    if (namespace !== '') put.string('db.namespace', namespace);
    const word = metricTarget(summaryOf(x) || x.operation);
    if (word !== '') put.string(summaryOf(x) === '' ? 'db.operation.name' : 'db.query.summary', word);
    const code = metricCode(codeOf(x));
    if (code !== '') put.string('db.response.status_code', code);
    putServer(x, DEFAULT_PORT, put);
  },

  context: (x) => {
    const d = x.detail as MysqlDetail | null;
    return d === null || d.traceparent === '' ? null : d;
  },
};
