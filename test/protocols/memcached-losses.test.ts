import { memcached } from '../../src/protocols/memcached/index.ts';
import { losses } from '../kit/losses.ts';
import { status } from './memcached-conversations.ts';

const COMMANDS = ['set', 'gets', 'incr', 'delete', 'gets', 'cas', 'add', 'touch', 'gets', 'incr', 'gets'];
const ANSWERS = [
  'STORED',
  'END',
  'OK',
  'NOT_FOUND',
  'END',
  'EXISTS',
  'NOT_STORED',
  'TOUCHED',
  'END',
  'CLIENT_ERROR',
  'SERVER_ERROR',
];

/** Keys have the number of their request; requests and answers of one to four segments. */
losses(memcached, {
  request(id, random) {
    const command = COMMANDS[id % COMMANDS.length]!;
    if (command === 'gets' || command === 'delete') return Buffer.from(`${command} key:${id}\r\n`);
    if (command === 'incr' || command === 'touch') return Buffer.from(`${command} key:${id} 7\r\n`);
    const data = 'd'.repeat(random.chance(0.3) ? random.between(500, 1800) : random.below(50));
    return Buffer.from(`${command} key:${id} 0 0 ${data.length}${command === 'cas' ? ' 5' : ''}\r\n${data}\r\n`);
  },
  response(id, random) {
    const answer = ANSWERS[id % ANSWERS.length]!;
    if (answer === 'OK') return Buffer.from(`${id}\r\n`);
    if (answer.endsWith('ERROR')) return Buffer.from(`${answer} something is wrong\r\n`);
    if (answer !== 'END') return Buffer.from(`${answer}\r\n`);
    const data = 'v'.repeat(random.chance(0.3) ? random.between(500, 1800) : random.below(100));
    return Buffer.from(random.chance(0.3) ? 'END\r\n' : `VALUE key:${id} 0 ${data.length} 5\r\n${data}\r\nEND\r\n`);
  },
  status: (id) => status(ANSWERS[id % ANSWERS.length]!),
  asked: (_target, found) => Number(found.record.statement.split('key:')[1]),
});
