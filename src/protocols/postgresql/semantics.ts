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
import { COMPLETE, type Exchange, ONE_WAY } from '../../exchange/exchange.ts';
import { maskingOf } from '../../exchange/masking.ts';
import type { AttributeSink, Semantics, WireContext } from '../../exchange/semantics.ts';
import { maskSql, traceparentOf, tracestateOf, withoutSecrets } from '../../exchange/sql/sql.ts';
import type { PostgresDetail } from './exchange-detail.ts';
import { isError, sqlstateText } from './sqlstate.ts';

const SYSTEM = 'postgresql';
const DEFAULT_PORT = 5432;

/** An error in front of it made the server pass it over, up to the next Sync. */
const PASSED_OVER = 'pipeline_aborted';

/** What a series stands for: a statement, its preparation, or a command of which no statement is known. */
const STATEMENT = 0;
const PREPARATION = 1;
const COMMAND = 2;

function kindOf(x: Exchange): number {
  if (x.target === '') return COMMAND;
  return x.operation === 'PARSE' ? PREPARATION : STATEMENT;
}

/** The error code, '' when it is no error. */
function codeOf(x: Exchange): string {
  if (isError(x.status)) return sqlstateText(x.status);
  return x.failed && x.outcome === ONE_WAY ? PASSED_OVER : '';
}

const detailOf = (x: Exchange): PostgresDetail | null => x.detail as PostgresDetail | null;
const dialectOf = (x: Exchange): PostgresDetail['dialect'] => detailOf(x)?.dialect ?? SYSTEM;

function maskedText(x: Exchange): string {
  if (x.statement === '') return '';
  const masking = maskingOf(x);
  return masking.literals
    ? maskSql(x.statement, dialectOf(x), !masking.comments)
    : withoutSecrets(x.statement, dialectOf(x));
}

/** What is said where no statement is known. */
function commandText(x: Exchange): string {
  const detail = detailOf(x);
  if (x.operation === 'STARTUP') return `STARTUP user=${detail?.user ?? ''} db=${x.namespace}`;
  if (detail === null) return x.operation;
  if (detail.functionId > 0) return `${x.operation} ${detail.functionId}`;
  return detail.statementName === '' ? x.operation : `${x.operation} ${detail.statementName}`;
}

function putName(x: Exchange, target: string, put: AttributeSink): void {
  if (target !== '') put.string('db.query.summary', target);
  if (kindOf(x) !== STATEMENT) put.string('db.operation.name', x.operation);
}

function attributes(x: Exchange, put: AttributeSink): void {
  put.string('db.system.name', SYSTEM);
  if (x.namespace !== '') put.string('db.namespace', x.namespace);
  putName(x, x.target, put);
  if (isError(x.status)) put.string('db.response.status_code', sqlstateText(x.status));
  const rows = detailOf(x)?.rows ?? -1;
  if (rows >= 0 && x.outcome === COMPLETE) put.int('db.response.returned_rows', rows);
  putServer(x, DEFAULT_PORT, put);
  putQueryText(x, maskedText(x), put);
}

/** Meaning of a PostgreSQL exchange by the database conventions (stable). */
export const postgresSemantics: Semantics = {
  spans: 'client',
  connectionType: 'database',
  clientDuration: DATABASE_DURATION,
  serverDuration: null,

  operation: (x, raw) => {
    if (x.statement === '') return commandText(x);
    return raw ? withoutSecrets(x.statement, dialectOf(x)) : maskedText(x);
  },

  /** Null also where a response began whose end was lost: its status is not known. */
  status: (x) => (x.status <= 0 ? null : sqlstateText(x.status)),

  path: (x) => x.target || x.operation,

  spanName: (x) => x.target || x.operation,

  errorType: (x) => databaseError(x, codeOf(x)),

  attributes: (x, _side, _route, put) => attributes(x, put),

  seriesKey: (x) => databaseKey(x, x.target || x.operation, codeOf(x), kindOf(x)),

  dimensions: (x, _side, _route, put) => {
    put.string('db.system.name', SYSTEM);
    const namespace = metricNamespace(x);
    if (namespace !== '') put.string('db.namespace', namespace);
    putName(x, metricTarget(x.target), put);
    if (isError(x.status)) put.string('db.response.status_code', metricCode(sqlstateText(x.status)));
    putServer(x, DEFAULT_PORT, put);
  },

  context: (x): WireContext | null => {
    if (detailOf(x)?.hasOwnText !== true) return null;
    const traceparent = traceparentOf(x.statement);
    if (traceparent === '') return null;
    return { traceparent, tracestate: tracestateOf(x.statement), b3: '', uberTraceId: '', sw8: '' };
  },
};
