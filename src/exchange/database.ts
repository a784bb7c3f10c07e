/** What databases and caches have in common in the OpenTelemetry conventions (database spans and metrics, stable). */

import { type Exchange, failureOf } from './exchange.ts';
import { type AttributeSink, DATABASE_BOUNDS, type DurationInstrument } from './semantics.ts';
import { Vocabulary } from './vocabulary.ts';

export const DATABASE_DURATION: DurationInstrument = {
  name: 'db.client.operation.duration',
  description: 'Duration of database client operations.',
  bounds: DATABASE_BOUNDS,
};

/** Query summaries or names of operations and collections, databases, error codes: what series are told apart by. */
const TARGETS = new Vocabulary('db.target', 4095);
const NAMESPACES = new Vocabulary('db.namespace', 1023);
const STATUSES = new Vocabulary('db.status', 1023);

/** `error.type` of a database's span and metric: its own code, or why no response came. `code`: '' when it is no error. */
export const databaseError = (x: Exchange, code: string): string => failureOf(x) || code;

/**
 * A series key of what metrics tell databases apart by. `target`: the query summary, or operation and collection; `code`: the error code,
 * '' for none; `system`: 0 to 15, for protocols that speak for more than one system. 12 + 10 + 10 + 4 + 4 bits.
 */
export function databaseKey(x: Exchange, target: string, code: string, system = 0): number {
  const low = STATUSES.id(code) | (x.outcome << 10) | (system << 14);
  return (TARGETS.id(target) * 1024 + NAMESPACES.id(x.namespace)) * 2 ** 18 + low;
}

/** A target or database as metrics may have it: '' when there was no room to tell it apart. */
export const metricTarget = (target: string): string => TARGETS.word(TARGETS.id(target));
export const metricNamespace = (x: Exchange): string => NAMESPACES.word(NAMESPACES.id(x.namespace));
export const metricCode = (code: string): string => STATUSES.word(STATUSES.id(code));

/** `server.address`, and `server.port` where it is not the system's default one. */
export function putServer(x: Exchange, defaultPort: number, put: AttributeSink): void {
  put.string('server.address', x.ends.serverAddress);
  if (x.ends.serverPort !== defaultPort) put.int('server.port', x.ends.serverPort);
}

/** `db.query.text` as it may leave, with a word on its length where it was cut. */
export function putQueryText(x: Exchange, text: string, put: AttributeSink): void {
  if (text === '') return;
  put.string('db.query.text', text);
  if (x.statementCut > 0) put.int('spantap.db.query.cut', x.statementCut);
}
