import { mqtt } from '../../src/protocols/mqtt/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { connack, connect, conversations, packet, publish } from './mqtt-conversations.ts';

/** Packets, parts of packets, and lengths that arithmetic dislikes. */
const WORDS = [
  connect(3),
  connect(4),
  connect(5),
  connack(5),
  ...publish(5, 'a/b', 1, 1, Buffer.alloc(300)),
  packet(4, 0, Buffer.of(0, 1)),
  packet(9, 0, Buffer.of(0, 1, 0x80)),
  packet(15, 0, Buffer.of(0x18, 0)),
  Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f),
  Buffer.of(0x32, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0x30, 4, 0xff, 0xff, 0, 0),
  Buffer.of(0x36, 9),
  Buffer.of(0x26, 0xff, 0xff),
  Buffer.of(0xff, 0xff, 0xff, 0x7f),
  Buffer.of(0, 0),
  Buffer.of(0xff, 0xff),
].map((b) => b.toString('latin1'));

fuzz(mqtt, conversations, WORDS);
