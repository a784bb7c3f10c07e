import { nats } from '../../src/protocols/nats/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { CONNECT, conversations, headers, INFO, pulling, withHeaders } from './nats-conversations.ts';

/** Lines, parts of lines, and sizes that arithmetic dislikes. */
const WORDS = [
  INFO,
  CONNECT,
  'PING\r\n',
  'PONG\r\n',
  '+OK\r\n',
  "-ERR 'x'\r\n",
  '-ERR\r\n',
  'PUB a 0\r\n\r\n',
  'PUB a b 1\r\nx\r\n',
  'MSG a 1 b 2\r\nxx\r\n',
  withHeaders('HPUB a b', headers('traceparent: x'), 'y'),
  withHeaders('HMSG a 1', 'NATS/1.0 503\r\n\r\n', ''),
  'HMSG a 1 9 3\r\n',
  'PUB a 999999999\r\n',
  'PUB a -1\r\n',
  'PUB  \t 5\r\n',
  'MSG a 1 2 3 4 5 6\r\n',
  'SUB\r\n',
  ' ',
  '\t',
  '\r\n',
  '\n',
  '\0',
  'x'.repeat(5000),
];

fuzz(nats, [...conversations, pulling], WORDS);
