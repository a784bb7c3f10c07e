import { mongodb } from '../../src/protocols/mongodb/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './mongodb-conversations.ts';

/** What decides how a message is read, and numbers that arithmetic dislikes. */
const WORDS = [
  '\0',
  '\0\0\0\0',
  '\xff\xff\xff\xff',
  '\xff\xff\xff\x7f',
  '\0\0\0\x80',
  '\x05\0\0\0\0',
  '\x10\0\0\0',
  '\x1a\0\0\0',
  '\0\x6c\xdc\x02',
  '\xdd\x07\0\0',
  '\xdc\x07\0\0',
  '\xd4\x07\0\0',
  '\x01\0\0\0',
  '\x02\0\0\0',
  '\x03\0\0\0',
  '\x01\x80\0\0',
  '\0\0\x01\0',
  '\x03find\0',
  '\x02$db\0\x05\0\0\0shop\0',
  '\x01ok\0\0\0\0\0\0\0\xf0\x3f',
  '\x10ok\0\x01\0\0\0',
  '\x10code\0\xff\xff\xff\xff',
  '\x04writeErrors\0\x05\0\0\0\0',
  '\x03cursor\0',
  '\x04documents\0',
  '\x0b\0a\0i\0',
  '\x0f\x0e\0\0\0',
  '\x03a\0'.repeat(100),
  'x'.repeat(1000),
  'x'.repeat(9000),
];

fuzz(mongodb, conversations, WORDS);
