import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafka } from '../../src/protocols/kafka/index.ts';
import { conform } from '../kit/conform.ts';
import { mumble } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { conversations } from './kafka-conversations.ts';

conform(kafka, conversations);

test('streams of RabbitMQ, whose frames have the same head, are not taken for it', () => {
  const said = (side: 0 | 1, hex: string) => mumble(side, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  const turns = [
    said(CLIENT, '00000008 0012 0001 00000002'), // SaslHandshake
    said(SERVER, '0000001f 8012 0001 00000002 0001 00000002 0005 504c41494e 0008 414d51504c41494e'),
    said(CLIENT, '0000000b 0015 0001 00000004 0001 2f'), // Open
    said(SERVER, '0000000a 8015 0001 00000004 0001'),
    said(CLIENT, '00000010 000d 0001 00000005 0002 7374 00000000'), // Create
    said(SERVER, '0000000a 800d 0001 00000005 0001'),
    said(CLIENT, '00000015 0007 0001 00000005 00 0002 7374 0001 000a 00000000'), // Subscribe
    said(SERVER, '0000000a 8007 0001 00000005 0001'),
  ];
  for (let from = 0; from < turns.length; from++) {
    const c = { name: '', turns: turns.slice(from), expected: [] };
    assert.deepEqual(new Rig().feed(frames(c, link({ serverPort: 5552 }))).end().found, []);
  }
});
