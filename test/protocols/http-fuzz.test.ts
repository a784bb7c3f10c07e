import { http } from '../../src/protocols/http/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './http-conversations.ts';

/** Words that decide how HTTP is read, and values that arithmetic dislikes. */
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '\r\n\r\n',
  '\r\n ',
  'HTTP/1.1 ',
  'HTTP/1.0 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
  'HTTP/2.0',
  'GET ',
  'HEAD / HTTP/1.1\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\n\r\n',
  'GET /\r\n',
  'Content-Length: ',
  'Content-Length: 0\r\n',
  'Content-Length: 999999999999999\r\n',
  'Content-Length: 9007199254740993\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 1e3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked, gzip\r\n',
  '0\r\n',
  'ffffffffffff\r\n',
  'fffffffffffff\r\n',
  '-1\r\n',
  '7fffffff\r\n',
  'x'.repeat(1000),
  'x'.repeat(9000),
];

fuzz(http, conversations, WORDS);
