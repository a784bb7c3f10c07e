import type { PostgresDetail } from '../../src/protocols/postgresql/exchange-detail.ts';
import { postgresql } from '../../src/protocols/postgresql/index.ts';
import { losses } from '../kit/losses.ts';
import { code } from './postgresql-conversations.ts';
import {
  authentication,
  bind,
  bound,
  complete,
  describePortal,
  error,
  execute,
  keyData,
  parse,
  parsed,
  query,
  ready,
  row,
  rowDescription,
  startup,
  sync,
} from './postgresql-messages.ts';

const CODES = ['00000', '42P01', '23505', '00000', '40001', '57014', '22012'];
const isExtended = (id: number): boolean => id % 3 === 1;
/** Each connection begins with its startup message. */
const isStart = (id: number): boolean => id % 50 === 0;

/** Simple queries and unnamed statements of one to four segments; some fail. */
losses(postgresql, {
  request(id, random) {
    if (isStart(id)) return startup({ user: `item${id}`, database: 'shop' });
    const filler = random.chance(0.2) ? ` WHERE note = '${'x'.repeat(random.between(500, 1500))}'` : '';
    const text = `SELECT a FROM item${id}${filler}`;
    if (!isExtended(id)) return query(text);
    return Buffer.concat([parse('', text), bind('', '', String(id)), describePortal(''), execute(''), sync]);
  },
  response(id, random) {
    if (isStart(id)) return Buffer.concat([authentication(0), keyData, ready()]);
    const head = Buffer.concat([...(isExtended(id) ? [parsed, bound] : []), rowDescription('a')]);
    const sqlstate = CODES[id % CODES.length]!;
    if (sqlstate !== '00000') return Buffer.concat([head, error(sqlstate), ready()]);
    const rows = Array.from({ length: random.below(40) }, () => row('x'.repeat(random.below(60))));
    return Buffer.concat([head, ...rows, complete(`SELECT ${rows.length}`), ready()]);
  },
  status: (id) => code(isStart(id) ? '00000' : CODES[id % CODES.length]!),
  asked: (target, found) => Number((target || (found.record.detail as PostgresDetail).user).replace(/\D+/, '')),
});
