import { http2 } from '../../src/protocols/http2/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './http2-conversations.ts';
import { frame, frameHead, GOAWAY, HEADERS, integer, PREFACE, SETTINGS, settings, u32 } from './http2-wire.ts';

const latin = (b: Buffer): string => b.toString('latin1');

/** Bytes that decide how HTTP/2 is read, and values that arithmetic dislikes. */
const WORDS = [
  latin(PREFACE),
  latin(settings([1, 0])),
  latin(settings([1, 0xffffffff], [4, 0x7fffffff], [5, 0xffffff])),
  latin(frame(GOAWAY, 0, 0, u32(0, 0))),
  latin(frame(3, 0, 1, u32(8))),
  latin(frame(3, 0, 1, u32(0xffffffff))),
  latin(frame(8, 0, 1, u32(0x7fffffff))),
  latin(frameHead(HEADERS, 4, 1, 0xffffff)),
  latin(frameHead(HEADERS, 0, 1, 5)),
  latin(frameHead(0, 1, 1, 0)),
  latin(frameHead(0, 8, 1, 0)),
  latin(frameHead(9, 4, 1, 0)),
  latin(frameHead(9, 0, 1, 1)),
  latin(frameHead(SETTINGS, 0, 0, 6)),
  latin(integer(0xffffffff, 5, 0x20)),
  latin(integer(2 ** 31, 7, 0x80)),
  latin(integer(61, 7, 0x80)),
  latin(integer(62, 7, 0x80)),
  latin(integer(62, 6, 0x40)),
  '\x80',
  '\x00',
  '\xff\xff\xff\xff\xff',
  '\x7f\x80\x80\x80\x80\x00',
  '\x40\x01a\x01b',
  '\x00\xff\xff\xff\xff\x0f',
  '\x00\x00\x00\x00\xff',
  'PRI ',
  'x'.repeat(1000),
];

fuzz(http2, conversations, WORDS);
