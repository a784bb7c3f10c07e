import { amqp } from '../../src/protocols/amqp/index.ts';
import { losses } from '../kit/losses.ts';
import { bytesOf, content, get, getEmpty, getOk, idOf, queueDeclare, queueDeclareOk } from './amqp-frames.ts';

/** A channel waits for the answer to one method at a time; a connection has many. */
const CHANNELS = 64;

losses(amqp, {
  request: (id) =>
    id % 3 === 0 ? queueDeclare(1 + (id % CHANNELS), `item-${id}`) : get(1 + (id % CHANNELS), `item-${id}`),
  response(id, random) {
    const channel = 1 + (id % CHANNELS);
    if (id % 3 === 0) return queueDeclareOk(channel, `item-${id}`);
    if (id % 3 === 1) return getEmpty(channel);
    const body = Buffer.alloc(random.chance(0.2) ? random.between(2000, 4000) : random.below(100), 'b');
    return Buffer.concat([
      getOk(channel, id + 1, 'orders', `k-${id}`),
      bytesOf(content(channel, body, undefined, 1500)),
    ]);
  },
  status: (id) => idOf(['Queue.Declare-Ok', 'Basic.Get-Empty', 'Basic.Get-Ok'][id % 3]!),
  asked: (target) => Number(target.slice('item-'.length)),
});
