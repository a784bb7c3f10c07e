import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, TIMEOUT } from '../../src/exchange/exchange.ts';
import { answer, ask, type Conversation, mumble, pause, type Turn } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { DATA, END_HEADERS, END_STREAM, Encoder, frame, HEADERS, PREFACE, settings } from './http2-wire.ts';

/** Asks and is answered after a while, by each version of HTTP. */
function asked(method: string, path: string, status: number): { waits: boolean; streams: boolean; outcome: number }[] {
  const e = new Encoder();
  const two = e.block([
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'shop.example'],
  ]);
  const answered = new Encoder().block([[':status', String(status)]]);
  const one: Turn[] = [
    ask(0, `${method} ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`),
    pause(20_000),
    answer(0, `HTTP/1.1 ${status} X\r\nContent-Length: 4\r\n\r\n`),
    pause(200_000),
    answer(0, 'true'),
  ];
  const other: Turn[] = [
    mumble(CLIENT, PREFACE, settings()),
    ask(0, frame(HEADERS, END_HEADERS | END_STREAM, 1, two)),
    pause(20_000),
    answer(0, frame(HEADERS, END_HEADERS, 1, answered)),
    pause(200_000),
    answer(0, frame(DATA, END_STREAM, 1, 'true')),
  ];
  return [one, other].map((turns) => {
    const rig = new Rig().feed(frames({ name: '', turns, expected: [] }, link({ serverPort: 80 })));
    const { waits, streams, outcome } = rig.end().found[0]!.record;
    return { waits, streams, outcome };
  });
}

test('requests that ask the server to wait, or to go on, are not slow; refusals and other requests are what they are', () => {
  const cases: [string, string, number, { waits?: boolean; streams?: boolean }][] = [
    ['GET', '/socket.io/?EIO=4&transport=polling&t=x&sid=abc', 200, { waits: true }],
    ['GET', '/socket.io/?EIO=4&transport=polling&t=x', 200, {}],
    ['POST', '/socket.io/?EIO=4&transport=polling&t=x&sid=abc', 200, {}],
    ['GET', '/v1/health/service/web?index=42&wait=60s', 200, { waits: true }],
    ['GET', '/v1/health/service/web?index=42&wait=60s', 500, {}],
    ['GET', '/v1/health/service/web', 200, {}],
    ['GET', '/api/v1/pods?resourceVersion=7&watch=true', 200, { streams: true }],
    ['GET', '/api/v1/pods?watch=1', 403, {}],
    ['GET', '/search?q=watch=tv&wait=5', 200, {}],
  ];
  for (const [method, path, status, { waits = false, streams = false }] of cases)
    for (const told of asked(method, path, status))
      assert.deepEqual(told, { waits, streams, outcome: streams ? COMPLETE : TIMEOUT }, `${method} ${path} ${status}`);
});

test('server-sent events stream: their first byte counts, and silence is no time-out', () => {
  const encoder = new Encoder();
  const asked = encoder.block([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/events'],
    [':authority', 'shop.example'],
  ]);
  const answered = new Encoder().block([
    [':status', '200'],
    ['content-type', 'text/event-stream; charset=utf-8'],
  ]);
  const c: Conversation = {
    name: 'events',
    turns: [
      mumble(CLIENT, PREFACE, settings()),
      mumble(SERVER, settings()),
      ask(0, frame(HEADERS, END_HEADERS | END_STREAM, 1, asked)),
      answer(0, frame(HEADERS, END_HEADERS, 1, answered)),
      pause(200_000),
      answer(0, frame(DATA, 0, 1, 'data: one\n\n')),
      pause(200_000),
      answer(0, frame(DATA, END_STREAM, 1, 'data: two\n\n')),
    ],
    expected: [],
  };
  const rig = new Rig().feed(frames(c, link({ serverPort: 80 })));
  const [f] = rig.wait(1).end().found;
  assert.deepEqual([f!.record.streams, f!.status, f!.outcome, f!.target], [true, 200, 1, '/events']);
});
