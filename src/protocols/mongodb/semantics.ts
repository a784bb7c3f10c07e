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
import { type Exchange, failureOf, UNKNOWN } from '../../exchange/exchange.ts';
import { maskingOf } from '../../exchange/masking.ts';
import type { AttributeSink, Semantics } from '../../exchange/semantics.ts';
import { carriesCredentials, speaksOfCollection } from './commands.ts';
import { type MongoDetail, NO_CODE } from './exchange-detail.ts';
import { commandText } from './text.ts';

const DEFAULT_PORT = 27017;

/** '' when the exchange speaks of none. */
const collectionOf = (x: Exchange): string => (speaksOfCollection(x.operation) ? x.target : '');

/** Operation and collection in one word, as metrics tell them apart. */
function metricWord(x: Exchange): string {
  const collection = collectionOf(x);
  return collection === '' ? x.operation : `${x.operation} ${collection}`;
}

/**
 * The code of what went wrong, '' when nothing did. Commands succeed (`ok: 1`) although some or all of their writes failed, or were
 * not replicated as asked: drivers throw then, as SQL databases answer with an error, so it is one here as well.
 */
const errorCode = (x: Exchange): string => (x.status > 0 ? String(x.status) : x.status === NO_CODE ? '_OTHER' : '');

/** Where no whole response came metrics tell that, and no code. */
const metricError = (x: Exchange): string => (failureOf(x) === '' ? errorCode(x) : '');

const noResponse = (x: Exchange): boolean => Number.isNaN(x.firstByteNs);

function attributes(x: Exchange, put: AttributeSink): void {
  put.string('db.system.name', 'mongodb');
  if (x.namespace !== '') put.string('db.namespace', x.namespace);
  if (x.operation !== UNKNOWN) put.string('db.operation.name', x.operation);
  const collection = collectionOf(x);
  if (collection !== '') put.string('db.collection.name', collection);
  const d = x.detail as MongoDetail | null;
  if (d !== null) {
    if (d.batch >= 2) put.int('db.operation.batch.size', d.batch);
    if (d.body !== '') {
      putQueryText(x, commandText(d.body, x.operation, d.command, maskingOf(x).literals), put);
    }
    if (d.rows >= 0) put.int('db.response.returned_rows', d.rows);
    if (d.codeName !== '') put.string('spantap.db.response.code_name', d.codeName);
  }
  if (x.status > 0) put.string('db.response.status_code', String(x.status));
  putServer(x, DEFAULT_PORT, put);
}

/** Meaning of a MongoDB exchange by the database semantic conventions. */
export const mongoSemantics: Semantics = {
  spans: 'client',
  connectionType: 'database',
  clientDuration: DATABASE_DURATION,
  serverDuration: null,

  operation: (x, raw) => {
    // what is no collection may be the name of a user
    const hidden = maskingOf(x).literals || carriesCredentials(x.operation);
    const shown = raw || !hidden ? x.target : collectionOf(x);
    return shown === '' ? x.operation : `${x.operation} ${shown}`;
  },

  /** By `ok` alone, as the wire has it: what became of single writes is told by spans and metrics. */
  status: (x) => {
    if (noResponse(x)) return null;
    if (x.failed) return x.status > 0 ? String(x.status) : 'error';
    return x.status === 0 || x.status > 0 || x.status === NO_CODE ? 'ok' : 'unknown';
  },

  path: collectionOf,

  spanName: (x) => {
    if (x.operation === UNKNOWN) return 'mongodb';
    const target = collectionOf(x) || x.namespace;
    return target === '' ? x.operation : `${x.operation} ${target}`;
  },

  errorType: (x) => databaseError(x, errorCode(x)),

  attributes: (x, _side, _route, put) => attributes(x, put),

  seriesKey: (x) => databaseKey(x, metricWord(x), metricError(x)),

  dimensions: (x, _side, _route, put) => {
    put.string('db.system.name', 'mongodb');
    const namespace = metricNamespace(x);
    if (namespace !== '') put.string('db.namespace', namespace);
    const word = metricTarget(metricWord(x));
    const blank = word.indexOf(' ');
    if (word !== '' && word !== UNKNOWN) put.string('db.operation.name', blank < 0 ? word : word.slice(0, blank));
    if (blank >= 0) put.string('db.collection.name', word.slice(blank + 1));
    const code = metricCode(metricError(x));
    if (x.status > 0 && code !== '') put.string('db.response.status_code', code);
    putServer(x, DEFAULT_PORT, put);
  },

  context: (x) => {
    const d = x.detail as MongoDetail | null;
    return d === null ? null : d.context;
  },
};
