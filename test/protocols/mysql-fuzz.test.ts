import { mysql } from '../../src/protocols/mysql/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './mysql-conversations.ts';

/** What decides how a packet is read, and numbers that arithmetic dislikes. */
const WORDS = [
  '\0',
  '\0\0\0\0',
  '\0\0\0\x01',
  '\x01\0\0\0\x0e',
  '\x01\0\0\0\x01',
  '\x01\0\0\x01\x01',
  '\xff\xff\xff\0',
  '\xff\xff\xff\x01',
  '\x05\0\0\x01\xfe\0\0\x02\0',
  '\x05\0\0\x02\xfe\0\0\x0a\0',
  '\x07\0\0\x01\0\0\0\x02\0\0\0',
  '\x07\0\0\x01\0\0\0\x0a\0\0\0',
  '\x07\0\0\x02\0\0\0\x02\x40\0\0',
  '\x09\0\0\x01\xff\x10\x04#08S01',
  '\x0c\0\0\x01\0\x01\0\0\0\xff\xff\xff\xff\0\0\0',
  '\x05\0\0\x01\xfbfile',
  '\x0a\0\0\0\x17\x01\0\0\0\0\x01\0\0\0',
  '\x0a\0\0\0\x17\xff\xff\xff\xff\0\x01\0\0\0',
  '\x05\0\0\0\x19\x01\0\0\0',
  '\x09\0\0\0\x03SELECT 1',
  '\x05\0\0\0\x02shop',
  '\x03\xfb\x01',
  '\x03\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01',
  '\xfa\x01\0\0\0\x80\0',
  '\x0b\0\0\0\x12\x04\0\0\0\0\0\x02\0\0\0',
  '\x0d\0\0\0\0\0\0\x09\0\0\0\x03SELECT 1',
  '\x10\0\0\0\xff\xff\xff\x78\x9c',
  '\x78\x9c',
  '\x28\xb5\x2f\xfd',
  'x'.repeat(1000),
  'x'.repeat(9000),
];

fuzz(mysql, conversations, WORDS);
