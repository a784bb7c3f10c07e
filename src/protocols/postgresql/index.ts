import { NO, type Protocol, TO_SERVER, UNSURE, YES, YES_REVERSED } from '../protocol.ts';
import { firstAt, NOT, PROVED, requestsAt, responsesAt } from './credible.ts';
import { PostgresDecoder } from './decoder.ts';
import { postgresSemantics } from './semantics.ts';

/** Longest beginning of a statement that a decoder may want to see, and what can stand in front of it: see Requests. */
const MAX_HEAD = 16384 + 512;

/** PostgreSQL and what speaks like it (CockroachDB, Redshift, poolers): frontend/backend protocol, version 3. */
export const postgresql: Protocol = {
  name: 'postgresql',
  transport: 'tcp',
  pairing: 'in_order',
  ports: [5432, 5433, 6432, 26257],
  maxHead: MAX_HEAD,
  probe(dir, w) {
    if (w.pos === w.end) return UNSURE;
    const first = firstAt(w);
    const asked = first === NOT ? requestsAt(w) : first;
    const answered = responsesAt(w);
    if (asked === PROVED && answered !== PROVED) return dir === TO_SERVER ? YES : YES_REVERSED;
    if (answered === PROVED && asked !== PROVED) return dir === TO_SERVER ? YES_REVERSED : YES;
    return asked === NOT && answered === NOT ? NO : UNSURE;
  },
  open: (exchanges) => new PostgresDecoder(exchanges),
  semantics: postgresSemantics,
};
