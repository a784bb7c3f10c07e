import { mysql } from '../../src/protocols/mysql/index.ts';
import { losses } from '../kit/losses.ts';
import { error, ok, query, result } from './mysql-packets.ts';

/** Tables have the number of their request. Answers are errors, OK packets, and rows, as many as in several segments at times. */
losses(mysql, {
  request: (id, random) =>
    query(`SELECT a FROM item_${id} WHERE note = '${'n'.repeat(random.chance(0.2) ? 1500 : 20)}'`),
  response(id, random) {
    const code = this.status(id);
    if (code !== 0) return error(1, code);
    if (id % 3 === 0) return ok(1);
    const rows = random.chance(0.2) ? random.between(20, 300) : random.below(4);
    return result(
      Array.from({ length: rows }, (_, i) => [`row ${i} of some length`]),
      { bare: id % 2 === 0 },
    );
  },
  status: (id) => [0, 1062, 0, 1146, 0, 0, 1064, 1213, 1205, 0, 1040][id % 11]!,
  asked: (target) => Number(target.slice('SELECT item_'.length)),
});
