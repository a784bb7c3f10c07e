import { memcached } from '../../src/protocols/memcached/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './memcached-conversations.ts';

/** What decides how memcached is read, and numbers that arithmetic dislikes. */
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ' noreply',
  ' q',
  ' k q',
  ' O1 q',
  'get a\r\n',
  'mn\r\n',
  'quit\r\n',
  'set a 0 0 5\r\n',
  'set a 0 0 4294967296\r\n',
  'set a 0 0 9999999999\r\n',
  'set a 0 0 -1\r\n',
  'cas a 0 0 1 99999999999999999999\r\n',
  'ms a 99999\r\n',
  'END\r\n',
  'STORED\r\n',
  'VALUE a 0 5\r\n',
  'VALUE a 0 9999999999\r\n',
  'VA 5\r\n',
  'VA 9999999999\r\n',
  'HD O1\r\n',
  'HD\r\n',
  'STAT a b\r\n',
  'ERROR\r\n',
  'SERVER_ERROR x\r\n',
  '18446744073709551615\r\n',
  '\x80',
  '\x81',
  '\x80\x0d',
  '\x81\x10',
  '\xff\xff',
  '\xff\xff\xff\xff',
  '\x7f\xff\xff\xff',
  'x'.repeat(1000),
  'x'.repeat(9000),
];

fuzz(memcached, conversations, WORDS);
