import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, ask, type Conversation, mumble, pause } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { DATA, END_HEADERS, END_STREAM, Encoder, frame, HEADERS, PREFACE, settings } from './http2-wire.ts';

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
