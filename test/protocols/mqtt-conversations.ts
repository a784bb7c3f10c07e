/** MQTT as the kit's conversations, built by the packet layouts of the specification. */

import { CLOSED, ONE_WAY } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, fin, free } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';

const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255);
const text = (s: string): Buffer => Buffer.concat([u16(Buffer.byteLength(s)), Buffer.from(s)]);

function variable(n: number): Buffer {
  const bytes: number[] = [];
  for (let rest = n; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.of(...bytes, rest);
    bytes.push((rest % 128) | 128);
  }
}

export function packet(type: number, flags: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of((type << 4) | flags), variable(body.length), body]);
}

/** User name and password are there so that a test can look for them. */
export function connect(level: number): Buffer {
  const name = level === 3 ? 'MQIsdp' : 'MQTT';
  const properties = level === 5 ? [variable(5), Buffer.of(0x11, 0, 0, 0, 60)] : [];
  const head = [text(name), Buffer.of(level, 0xc2), u16(60), ...properties];
  return packet(1, 0, ...head, text('sensor-1'), text('alice'), text('s3cret'));
}
export const connack = (level: number, code = 0): Buffer =>
  packet(2, 0, Buffer.of(0, code), ...(level === 5 ? [variable(0)] : []));

export function publish(
  level: number,
  topic: string,
  qos: number,
  id: number,
  payload: Buffer,
  properties: Buffer = Buffer.alloc(0),
): Buffer[] {
  const p = packet(
    3,
    qos << 1,
    text(topic),
    ...(qos > 0 ? [u16(id)] : []),
    ...(level === 5 ? [variable(properties.length), properties] : []),
    payload,
  );
  return [p.subarray(0, p.length - payload.length), payload];
}
const said = (parts: Buffer[]): [Buffer, ReturnType<typeof free>] => [parts[0]!, free(parts[1]!)];
const acknowledged = (type: number, id: number, ...reason: number[]): Buffer =>
  packet(type, type === 6 ? 2 : 0, u16(id), Buffer.of(...reason));
const subscribe = (level: number, id: number, ...filters: string[]): Buffer =>
  packet(8, 2, u16(id), ...(level === 5 ? [variable(0)] : []), ...filters.flatMap((f) => [text(f), Buffer.of(1)]));
const unsubscribe = (id: number, filter: string): Buffer => packet(10, 2, u16(id), text(filter));
const userProperty = (name: string, value: string): Buffer => Buffer.concat([Buffer.of(0x26), text(name), text(value)]);
export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const ping = packet(12, 0);
const pong = packet(13, 0);
const disconnect = packet(14, 0);
const oneWay = { status: 0, outcome: ONE_WAY, end: 'unseen' } as const;

export const conversations: readonly Conversation[] = [
  {
    name: '3.1.1: connect, publish at every level, subscribe, ping, disconnect',
    turns: [
      ask(0, connect(4)),
      answer(0, connack(4)),
      ask(1, ...said(publish(4, 'plant/1/temperature', 0, 0, Buffer.from('21.5')))),
      ask(2, ...said(publish(4, 'plant/1/door', 1, 7, Buffer.alloc(200, 'd')))),
      answer(2, acknowledged(4, 7)),
      ask(3, ...said(publish(4, 'plant/1/alarm', 2, 8, Buffer.alloc(50, 'a')))),
      answer(3, acknowledged(5, 8)),
      ask(4, acknowledged(6, 8)),
      answer(4, acknowledged(7, 8)),
      ask(5, subscribe(4, 9, 'plant/+/command', 'all')),
      answer(5, packet(9, 0, u16(9), Buffer.of(1, 1))),
      ask(6, unsubscribe(10, 'all')),
      answer(6, packet(11, 0, u16(10))),
      ask(7, ping),
      answer(7, pong),
      ask(8, disconnect),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      { operation: 'CONNECT', target: '', status: 0 },
      { operation: 'PUBLISH', target: 'plant/1/temperature', ...oneWay },
      { operation: 'PUBLISH', target: 'plant/1/door', status: 0 },
      { operation: 'PUBLISH', target: 'plant/1/alarm', status: 0 },
      { operation: 'PUBREL', target: '', status: 0 },
      { operation: 'SUBSCRIBE', target: 'plant/+/command', status: 1 },
      { operation: 'UNSUBSCRIBE', target: 'all', status: 0 },
      { operation: 'PINGREQ', target: '', status: 0 },
      { operation: 'DISCONNECT', target: '', ...oneWay },
    ],
    fragile: true, // acknowledgements alone are too short to be believed midway
  },
  {
    name: '5.0: properties, reasons, failures',
    turns: [
      ask(0, connect(5)),
      answer(0, connack(5)),
      ask(1, ...said(publish(5, 'orders', 1, 1, Buffer.alloc(300, 'o'), userProperty('traceparent', TRACEPARENT)))),
      answer(1, acknowledged(4, 1, 0x10)),
      ask(2, ...said(publish(5, 'forbidden', 1, 2, Buffer.alloc(10, 'f')))),
      answer(2, acknowledged(4, 2, 0x87, 0)),
      ask(3, subscribe(5, 3, 'secret/#')),
      answer(3, packet(9, 0, u16(3), variable(0), Buffer.of(0x87))),
      ask(4, packet(14, 0, Buffer.of(4))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      { operation: 'CONNECT', target: '', status: 0 },
      { operation: 'PUBLISH', target: 'orders', status: 0x10 },
      { operation: 'PUBLISH', target: 'forbidden', status: 0x87 },
      { operation: 'SUBSCRIBE', target: 'secret/#', status: 0x87 },
      { operation: 'DISCONNECT', target: '', ...oneWay },
    ],
    fragile: true,
  },
  {
    name: 'many messages under way, acknowledged out of order',
    turns: [
      ask(0, connect(4)),
      answer(0, connack(4)),
      ...Array.from({ length: 8 }, (_, i) =>
        ask(1 + i, ...said(publish(4, `line/${i}`, 1, 100 + i, Buffer.alloc(20, 'x')))),
      ),
      ...[3, 0, 1, 7, 2, 6, 5, 4].map((i) => answer(1 + i, acknowledged(4, 100 + i))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      { operation: 'CONNECT', target: '', status: 0 },
      ...Array.from({ length: 8 }, (_, i) => ({ operation: 'PUBLISH', target: `line/${i}`, status: 0 })),
    ],
    fragile: true,
  },
  {
    name: 'refused',
    turns: [ask(0, connect(3)), answer(0, connack(3, 5)), fin(SERVER), fin(CLIENT)],
    expected: [{ operation: 'CONNECT', target: '', status: 5 }],
    fragile: true,
  },
  {
    name: 'a message that nobody acknowledges',
    turns: [
      ask(0, connect(4)),
      answer(0, connack(4)),
      ask(1, ...said(publish(4, 'lost/one', 1, 1, Buffer.alloc(5, 'l')))),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      { operation: 'CONNECT', target: '', status: 0 },
      { operation: 'PUBLISH', target: 'lost/one', status: 0, outcome: CLOSED, end: 'close' },
    ],
    deceptive: true,
  },
  {
    name: 'a message of 1 MiB',
    turns: [
      ask(0, connect(4)),
      answer(0, connack(4)),
      ask(1, ...said(publish(4, 'video/frame', 1, 1, Buffer.alloc(1 << 20, 'v')))),
      answer(1, acknowledged(4, 1)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [
      { operation: 'CONNECT', target: '', status: 0 },
      { operation: 'PUBLISH', target: 'video/frame', status: 0 },
    ],
    long: true,
    fragile: true,
  },
];
