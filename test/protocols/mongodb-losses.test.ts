import { mongodb } from '../../src/protocols/mongodb/index.ts';
import { losses } from '../kit/losses.ts';
import { command, cursor, failed, ok } from './mongodb-messages.ts';

/** Collections have the number of their request; request ids come again, as those of odd clients do. */
const IDS = 64;

losses(mongodb, {
  request: (id, random) =>
    command(id % IDS, { find: `item-${id}`, filter: { note: 'n'.repeat(random.chance(0.2) ? 1500 : 20) } }),
  response(id, random) {
    const code = this.status(id);
    if (code !== 0) return failed(id % IDS, code, 'SomeError');
    const batch = Array.from({ length: random.chance(0.2) ? random.between(20, 60) : random.below(4) }, (_, i) => ({
      _id: i,
      note: 'a document of some length',
    }));
    return ok(id % IDS, cursor(batch));
  },
  status: (id) => [0, 11000, 0, 26, 0, 0, 2, 50, 112, 0, 43][id % 11]!,
  asked: (target) => Number(target.slice('item-'.length)),
});
