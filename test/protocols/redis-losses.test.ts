import { redis } from '../../src/protocols/redis/index.ts';
import { losses } from '../kit/losses.ts';
import { ARRAY, array, BULK, bulk, command, error, INTEGER, STATUS } from './redis-conversations.ts';

const STATUSES = [
  BULK,
  STATUS,
  INTEGER,
  ARRAY,
  error('ERR'),
  BULK,
  error('WRONGTYPE'),
  ARRAY,
  error('MOVED'),
  STATUS,
  error('OOM'),
];

/**
 * Functions have the number of their request; requests and replies of one to four segments, arrays cut between their
 * elements too.
 */
losses(redis, {
  request(id, random) {
    const value = 'v'.repeat(random.chance(0.2) ? random.between(500, 1500) : random.below(50));
    return command('FCALL', `item-${id}`, '1', `key:${id}`, value);
  },
  response(id, random) {
    switch (this.status(id)) {
      case BULK:
        return Buffer.from(bulk('b'.repeat(random.chance(0.3) ? random.between(1000, 2000) : random.below(200))));
      case STATUS:
        return Buffer.from('+OK\r\n');
      case INTEGER:
        return Buffer.from(`:${id}\r\n`);
      case ARRAY:
        return Buffer.from(array(...Array.from({ length: random.between(0, 150) }, (_, i) => bulk(`element ${i}`))));
      case error('ERR'):
        return Buffer.from('-ERR no such function\r\n');
      case error('WRONGTYPE'):
        return Buffer.from('-WRONGTYPE Operation against a key\r\n');
      case error('MOVED'):
        return Buffer.from('-MOVED 3999 127.0.0.1:6381\r\n');
      default:
        return Buffer.from('-OOM command not allowed\r\n');
    }
  },
  status: (id) => STATUSES[id % STATUSES.length]!,
  asked: (target) => Number(target.slice('FCALL item-'.length)),
});
