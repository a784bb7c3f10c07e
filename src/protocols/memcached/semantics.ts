import {
  DATABASE_DURATION,
  databaseError,
  databaseKey,
  metricCode,
  metricTarget,
  putQueryText,
  putServer,
} from '../../exchange/database.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { maskingOf } from '../../exchange/masking.ts';
import type { Semantics } from '../../exchange/semantics.ts';
import { isKnown, isRetrieval } from './commands.ts';
import { MemcachedDetail } from './exchange-detail.ts';
import { errorWord, statusWord } from './status.ts';

const DEFAULT_PORT = 11211;

const detailOf = (x: Exchange): MemcachedDetail | null => (x.detail instanceof MemcachedDetail ? x.detail : null);

const HIDDEN = Array.from({ length: 17 }, (_, n) => ' ?'.repeat(n));

/** The command and its keys, which are hidden unless they may be shown. */
function text(x: Exchange, masked: boolean): string {
  const keys = detailOf(x)?.keys ?? 0;
  if (!masked || keys === 0) return x.statement || x.operation;
  return `${x.operation}${HIDDEN[keys] ?? ` ? x ${keys}`}`;
}

/** Metrics tell a retrieval that found all it asked for from one that did not. */
const NOT_ASKED = 0;
const HIT = 1;
const MISS = 2;

function hitOf(x: Exchange): number {
  const d = detailOf(x);
  if (d === null || d.keys === 0 || x.status <= 0 || errorWord(x) !== '' || !isRetrieval(x.operation)) return NOT_ASKED;
  return isHit(x, d) ? HIT : MISS;
}

/** A meta get without `v` brings no value: HD says that the key is there. */
const isHit = (x: Exchange, d: MemcachedDetail): boolean => d.values >= d.keys || statusWord(x) === 'HD';

const metricCommand = (x: Exchange): string => (isKnown(x.operation) ? x.operation : '_OTHER');

/** Meaning of a memcached exchange by the general semantic conventions for databases; they have no page for it. */
export const memcachedSemantics: Semantics = {
  spans: 'client',
  connectionType: 'database',
  clientDuration: DATABASE_DURATION,
  serverDuration: null,

  operation: (x, raw) => text(x, !raw && maskingOf(x).keys),
  status: (x) => (Number.isNaN(x.firstByteNs) ? null : statusWord(x)),
  path: (x) => x.operation,

  spanName: (x) => x.operation,
  errorType: (x) => databaseError(x, errorWord(x)),

  attributes: (x, _side, _route, put) => {
    put.string('db.system.name', 'memcached');
    put.string('db.operation.name', x.operation);
    const word = statusWord(x);
    if (word !== '') put.string('db.response.status_code', word);
    const d = detailOf(x);
    if (d !== null && d.keys > 1) put.int('db.operation.batch.size', d.keys);
    const hit = hitOf(x);
    if (hit !== NOT_ASKED) put.boolean('spantap.cache.hit', hit === HIT);
    if (d !== null && hit !== NOT_ASKED) put.int('db.response.returned_rows', d.values);
    putServer(x, DEFAULT_PORT, put);
    putQueryText(x, text(x, maskingOf(x).keys), put);
  },

  seriesKey: (x) => databaseKey(x, metricCommand(x), statusWord(x), hitOf(x)),
  dimensions: (x, _side, _route, put) => {
    put.string('db.system.name', 'memcached');
    const command = metricTarget(metricCommand(x));
    if (command !== '') put.string('db.operation.name', command);
    const word = metricCode(statusWord(x));
    if (word !== '') put.string('db.response.status_code', word);
    const hit = hitOf(x);
    if (hit !== NOT_ASKED) put.boolean('spantap.cache.hit', hit === HIT);
    putServer(x, DEFAULT_PORT, put);
  },

  context: () => null,
};
