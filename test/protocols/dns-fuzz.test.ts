import { dnsOverTcp } from '../../src/protocols/dns/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './dns-conversations.ts';

/** Bytes that decide how DNS is read, and values that arithmetic dislikes. */
const WORDS = [
  '\0',
  '\0\0',
  '\xff\xff',
  '\0\x0c',
  '\x7f\xff',
  '\xc0\x0c',
  '\xc0\x00',
  '\xff\xff\xff\xff',
  '\x3f',
  '\x40',
  '\x80',
  '\0\x29\x04\xd0\xff\0\0\0\0\0',
  '\0\xfc\0\x01',
  '\0\xfb\0\x01',
  '\0\x06\0\x01',
  '\x01a\xc0\x0c',
  '\x3f'.repeat(64),
  '\xc0\x0c'.repeat(200),
  '\0'.repeat(300),
  'x'.repeat(5000),
];

fuzz(dnsOverTcp, conversations, WORDS);
