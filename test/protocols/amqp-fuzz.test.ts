import { amqp } from '../../src/protocols/amqp/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { conversations } from './amqp-conversations.ts';
import * as a from './amqp-frames.ts';

const inside = a.table({ traceparent: 'x', nested: a.table({ deep: 1 }), v: null });

/** Frames, parts of frames, and lengths that arithmetic dislikes. */
const WORDS = [
  a.PROTOCOL_HEADER,
  a.HEARTBEAT,
  a.start,
  a.channelOpen(1),
  a.channelOpenOk(1),
  a.confirmSelect(1),
  a.publish(1, 'e', 'k'),
  a.publish(1, '', '', true),
  a.bytesOf(a.content(1, 'body', inside, 2)),
  a.bytesOf(a.content(1, '')),
  a.consume(1, 'q', 'c', false),
  a.consumeOk(1, 'c'),
  a.deliver(1, 'c', 1, 'e', 'k'),
  a.deliver(1, 'd', 2 ** 52, 'e', 'k'),
  a.returned(1, 'e', 'k'),
  a.getOk(1, 2, 'e', 'k'),
  a.ack(1, 1),
  a.ack(1, 0, true),
  a.ack(1, 2 ** 52, true),
  a.nack(1, 3, true),
  a.reject(1, 1),
  a.close('Channel', 1, 406, 'x', a.idOf('Basic.Publish')),
  a.closeOk('Channel', 1),
  a.close('Connection', 0, 320),
  a.method(1, 'Basic.Recover', a.u8(1)),
  Buffer.of(1, 0, 1, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(3, 0, 1, 0x1f, 0xff, 0xff, 0xff),
  Buffer.of(2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0xce),
  Buffer.of(0xce),
  Buffer.of(0xff),
  Buffer.of(0, 0, 0, 0),
].map((b) => b.toString('latin1'));

fuzz(amqp, conversations, WORDS);
