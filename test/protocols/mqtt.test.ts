import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, ONE_WAY } from '../../src/exchange/exchange.ts';
import { CLIENT as CLIENT_SIDE, CONSUMER_KIND, kindsOf, PRODUCER_KIND } from '../../src/exchange/semantics.ts';
import { mqtt } from '../../src/protocols/mqtt/index.ts';
import { attributes } from '../kit/attributes.ts';
import { conform } from '../kit/conform.ts';
import { answer, ask, type Conversation, mumble } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { connack, connect, conversations, packet, publish, TRACEPARENT } from './mqtt-conversations.ts';

conform(mqtt, conversations);

const { semantics } = mqtt;

function found(turns: Conversation['turns']) {
  const c: Conversation = { name: '', turns, expected: [] };
  return new Rig().feed(frames(c, link({ serverPort: 1883 }))).end().found;
}

test('the broker publishes, too: then it is the one who asks', () => {
  const told = found([
    ask(0, connect(4)),
    answer(0, connack(4)),
    mumble(SERVER, ...publish(4, 'commands/1', 1, 1, Buffer.from('open'))),
    mumble(CLIENT, ...publish(4, 'state/1', 1, 1, Buffer.from('opening'))),
    mumble(CLIENT, packet(4, 0, Buffer.of(0, 1))),
    mumble(SERVER, packet(4, 0, Buffer.of(0, 1))),
    mumble(SERVER, ...publish(4, 'commands/all', 0, 0, Buffer.from('sleep'))),
  ]).slice(1);
  assert.deepEqual(
    told.map(({ record: x, outcome }) => [x.target, x.ends.serverPort === 1883, outcome]),
    [
      ['commands/1', false, COMPLETE],
      ['state/1', true, COMPLETE],
      ['commands/all', false, ONE_WAY],
    ],
  );
  assert.deepEqual(
    told.map(({ record: x }) => [semantics.spanName(x, CLIENT_SIDE, ''), kindsOf(x) === CONSUMER_KIND]),
    [
      ['process commands/1', true],
      ['publish state/1', false],
      ['process commands/all', true],
    ],
  );
});

test('user properties carry trace context; a message with its own is a PRODUCER’s', () => {
  const property = (name: string, value: string): Buffer =>
    Buffer.concat([Buffer.of(0x26, 0, name.length), Buffer.from(name), Buffer.of(0, value.length), Buffer.from(value)]);
  const properties = Buffer.concat([Buffer.of(0x01, 1), property('other', 'x'), property('traceparent', TRACEPARENT)]);
  const x = found([
    ask(0, connect(5)),
    answer(0, connack(5)),
    mumble(CLIENT, ...publish(5, 'orders', 0, 0, Buffer.from('{}'), properties)),
  ])[1]!.record;
  assert.equal(semantics.context(x)?.traceparent, TRACEPARENT);
  assert.equal(kindsOf(x), PRODUCER_KIND);
});

test('nothing of a password is kept', () => {
  const { record: x } = found([ask(0, connect(5)), answer(0, connack(5))])[0]!;
  const said = JSON.stringify([x.target, x.statement, x.operation, x.detail, attributes(x)]);
  assert.match(said, /sensor-1/);
  assert.doesNotMatch(said, /s3cret|alice/);
});

test('codes that are failures are errors, by their number', () => {
  const told = found([ask(0, connect(4)), answer(0, connack(4, 5))])[0]!.record;
  assert.deepEqual([semantics.status(told), semantics.errorType(told, CLIENT_SIDE), told.failed], ['5', '0x05', true]);
});
