import { kafka } from '../../src/protocols/kafka/index.ts';
import { losses } from '../kit/losses.ts';
import { batch, fetch, fetched, produce, produced } from './kafka-messages.ts';

/** Topics have the number of their request. Every third one fetches; values are of any length. */
const fetches = (id: number): boolean => id % 3 === 0;

losses(kafka, {
  request: (id, random) =>
    fetches(id)
      ? fetch(id, 12, [`item-${id}`])
      : produce(id, 9, `item-${id}`, batch([{ value: 'v'.repeat(random.chance(0.2) ? 1500 : 20) }])),
  response(id, random) {
    const error = this.status(id);
    if (!fetches(id)) return produced(id, 9, `item-${id}`, error);
    const records = batch([{ value: random.bytes(random.chance(0.2) ? 2500 : 30) }]);
    return fetched(id, 12, [{ topic: `item-${id}`, records, error }]);
  },
  status: (id) => [0, 10, 0, 0, 3, 0, 6, -1, 0, 0, 87][id % 11]!,
  asked: (target) => Number(target.slice('item-'.length)),
});
