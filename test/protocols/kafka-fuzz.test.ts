import { kafka } from '../../src/protocols/kafka/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './kafka-conversations.ts';
import {
  batch,
  described,
  fetch,
  fetched,
  i16,
  i32,
  message,
  metadata,
  produce,
  produced,
  signed,
  unsigned,
} from './kafka-messages.ts';

const RECORDS = batch([{ value: 'v', headers: { traceparent: '00-1-2-01' } }]);

/** Messages, parts of messages, and numbers that arithmetic dislikes. */
const WORDS = [
  produce(1, 9, 'orders', RECORDS),
  produced(1, 9, 'orders'),
  fetch(2, 12, ['orders']),
  fetched(2, 12, [{ topic: 'orders', records: RECORDS }]),
  metadata(3, 12, ['orders']),
  described(3, 12, ['orders'], [1]),
  RECORDS,
  RECORDS.subarray(0, 61),
  message('m', 1),
  i16(-1),
  i16(0x7fff),
  i16(-0x8000),
  i32(-1),
  i32(0),
  i32(4),
  i32(8),
  i32(0x7fffffff),
  i32(-0x80000000),
  i32(1 << 29),
  unsigned(0xffffffff),
  unsigned(2 ** 35),
  signed(-1),
  signed(0x7fffffff),
  Buffer.alloc(12, 0xff),
  Buffer.alloc(40),
  Buffer.alloc(300, 0x02),
].map((b) => b.toString('latin1'));

fuzz(kafka, conversations, WORDS);
