import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, ONE_WAY, OUTCOMES } from '../../src/exchange/exchange.ts';
import {
  CLIENT_KIND,
  CLIENT as CLIENT_SIDE,
  kindsOf,
  PRODUCER_KIND,
  RECEIVER_KIND,
} from '../../src/exchange/semantics.ts';
import { nats } from '../../src/protocols/nats/index.ts';
import { durationNs } from '../../src/telemetry/times.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { conform } from '../kit/conform.ts';
import { type Conversation, fin, mumble, pause } from '../kit/conversation.ts';
import { CLIENT, SERVER } from '../kit/frame.ts';
import { type Found, Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { CONNECT, conversations, headers, INFO, withHeaders } from './nats-conversations.ts';

// Answers are messages of their own, beside the exchange that they end: those are looked at below.
conform(
  nats,
  conversations.filter((c) => c.name !== 'requests and their answers, in another order'),
);

const { semantics } = nats;

function found(turns: Conversation['turns']): Found[] {
  const c: Conversation = { name: '', turns, expected: [] };
  const all = [mumble(SERVER, INFO), mumble(CLIENT, CONNECT), ...turns];
  return new Rig().feed(frames({ ...c, turns: all }, link({ serverPort: 4222 }))).end().found;
}
const told = (list: readonly Found[]) =>
  list.map(({ record: x, outcome }) => [
    semantics.operation(x, true),
    OUTCOMES[outcome],
    semantics.status(x),
    kindsOf(x),
  ]);

test('a request is answered by what comes to its reply subject, and the answer makes no span of its own', () => {
  const list = found(conversations.find((c) => c.name.startsWith('requests'))!.turns);
  assert.deepEqual(told(list), [
    ['publish price.get', 'complete', 'OK', CLIENT_KIND],
    ['deliver _INBOX.abc.2', 'one_way', null, 0],
    ['publish price.get', 'complete', 'OK', CLIENT_KIND],
    ['deliver _INBOX.abc.1', 'one_way', null, 0],
  ]);
  assert.deepEqual(
    list.filter((f) => f.outcome === COMPLETE).map((f) => [f.startNs < f.firstByteNs, f.responseBytes]),
    [
      [true, 'MSG _INBOX.abc.2 1 2\r\n42\r\n'.length],
      [true, 'MSG _INBOX.abc.1 1 2\r\n17\r\n'.length],
    ],
  );
});

test('a service that answers what is delivered to it', () => {
  const list = found([
    mumble(SERVER, 'MSG price.get 9 _INBOX.x.1 5\r\napple\r\n'),
    mumble(CLIENT, 'PUB _INBOX.x.1 2\r\n17\r\n'),
    mumble(SERVER, 'MSG news 9 2\r\nhi\r\n'),
  ]);
  assert.deepEqual(told(list), [
    ['deliver price.get', 'complete', 'OK', RECEIVER_KIND],
    ['publish _INBOX.x.1', 'one_way', null, 0],
    ['deliver news', 'one_way', null, RECEIVER_KIND],
  ]);
});

test('what a client publishes and gets back itself is not its own answer', () => {
  const list = found([
    mumble(CLIENT, 'PUB door JOKE.1 5\r\nknock\r\n'),
    mumble(SERVER, 'MSG door 1 JOKE.1 5\r\nknock\r\n'),
    mumble(CLIENT, 'PUB JOKE.1 3\r\nwho\r\n'),
    mumble(SERVER, 'MSG JOKE.1 2 3\r\nwho\r\n'),
  ]);
  assert.deepEqual(
    told(list)
      .filter(([, outcome]) => outcome === 'complete')
      .map(([operation]) => operation),
    ['deliver door', 'publish door'],
  );
});

test('PONGs come in the order of their PINGs, from either end', () => {
  const list = found([
    mumble(CLIENT, 'PING\r\nPING\r\n'),
    mumble(SERVER, 'PING\r\nPONG\r\n'),
    mumble(CLIENT, 'PONG\r\n'),
    mumble(SERVER, 'PONG\r\n'),
  ]);
  assert.deepEqual(
    list.map((f) => [OUTCOMES[f.outcome], f.link === 1, Math.round((f.firstByteNs - f.startNs) / 1e6)]),
    [
      ['complete', true, 1],
      ['complete', true, 1],
      ['complete', true, 3],
    ],
  );
});

test('nobody listens: the server says 503', () => {
  const [x] = found([
    mumble(CLIENT, 'PUB price.get _INBOX.y.1 0\r\n\r\n'),
    mumble(SERVER, withHeaders('HMSG _INBOX.y.1 1', 'NATS/1.0 503\r\n\r\n', '')),
  ]).map((f) => f.record);
  assert.deepEqual(
    [semantics.status(x!), semantics.errorType(x!, CLIENT_SIDE), x!.failed],
    ['503', 'no_responders', true],
  );
});

test('headers carry trace context; a message with its own is a PRODUCER’s', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const [x] = found([
    mumble(CLIENT, withHeaders('HPUB orders.new', headers('Nats-Msg-Id: 7', `traceparent: ${traceparent}`), '{}')),
  ]).map((f) => f.record);
  assert.equal(semantics.context(x!)?.traceparent, traceparent);
  assert.equal(kindsOf(x!), PRODUCER_KIND);
});

test('errors by what they begin with, never with the subjects that they name', () => {
  const list = found([
    mumble(SERVER, "-ERR 'Unknown Protocol Operation'\r\n"),
    mumble(SERVER, '-ERR \'Permissions Violation for Publish to "secret.plans"\'\r\n'),
  ]);
  assert.deepEqual(
    list.map(({ record: x }) => [
      semantics.errorType(x, CLIENT_SIDE),
      semantics.spanName(x, CLIENT_SIDE, ''),
      x.outcome,
    ]),
    [
      ['unknown_protocol_operation', 'error', ONE_WAY],
      ['permissions_violation', 'error', ONE_WAY],
    ],
  );
});

test('subjects made for one message are in no name, and passwords in nothing', () => {
  const said: unknown[] = [];
  for (const { record: x } of found([
    mumble(CLIENT, 'PUB $JS.ACK.orders.c.1.2.3 4\r\n+ACK\r\n'),
    mumble(SERVER, 'MSG _INBOX.z.1 1 2\r\nhi\r\n'),
  ])) {
    said.push(semantics.spanName(x, CLIENT_SIDE, ''), semantics.path(x), attributes(x), dimensions(x));
  }
  assert.doesNotMatch(JSON.stringify(said), /_INBOX|\$JS|s3cret|alice/);
  assert.match(JSON.stringify(said), /ack.*settle/);
});

test('what is answered elsewhere, or never, is no error and says nothing of how long it took', () => {
  const list = found([
    mumble(CLIENT, 'PUB price.get _INBOX.y.1 0\r\n\r\n'),
    mumble(SERVER, 'MSG price.get 9 _INBOX.z.1 0\r\n\r\n'),
    pause(130_000),
    mumble(CLIENT, 'PUB price.get _INBOX.y.2 0\r\n\r\n'),
    mumble(SERVER, 'MSG _INBOX.y.2 1 2\r\n17\r\n'),
    mumble(CLIENT, 'PUB price.get _INBOX.y.3 0\r\n\r\n'),
    fin(CLIENT),
    fin(SERVER),
  ]).filter((f) => f.target === 'price.get');
  assert.deepEqual(
    list.map(({ record: x }) => [
      x.operation,
      OUTCOMES[x.outcome],
      x.failed || semantics.errorType(x, CLIENT_SIDE),
      durationNs(x) >= 0,
    ]),
    [
      ['publish', 'timeout', '', false],
      ['deliver', 'timeout', '', false],
      ['publish', 'complete', '', true],
      ['publish', 'closed', '', false],
    ],
  );
});
