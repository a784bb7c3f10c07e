/** JetStream over NATS: calls, what is stored, pulled and acknowledged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETE, type Exchange, LOST, ONE_WAY, OUTCOMES } from '../../src/exchange/exchange.ts';
import { CLIENT as CLIENT_SIDE } from '../../src/exchange/semantics.ts';
import { nats } from '../../src/protocols/nats/index.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { mumble, pause, type Turn } from '../kit/conversation.ts';
import { CLIENT, isData, SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link, pieces } from '../kit/wire.ts';
import { CONNECT, INFO, pulling, withHeaders } from './nats-conversations.ts';

const { semantics } = nats;
const greeting = [mumble(SERVER, INFO), mumble(CLIENT, CONNECT)];

function found(turns: readonly Turn[], cut?: number): Exchange[] {
  const c = { name: '', turns: [...greeting, ...turns], expected: [] };
  const delivery = cut === undefined ? {} : pieces(cut);
  const rig = new Rig().feed(frames(c, link({ serverPort: 4222 }), delivery)).end();
  return rig.found.map((f) => f.record);
}
const spanOf = (x: Exchange): unknown[] => [
  semantics.spanName(x, CLIENT_SIDE, ''),
  OUTCOMES[x.outcome],
  semantics.errorType(x, CLIENT_SIDE),
];
const say = (line: string, payload: string): string => `${line} ${payload.length}\r\n${payload}\r\n`;

/** A request and what comes to its reply subject. */
const call = (subject: string, reply: string): Turn[] => [
  mumble(CLIENT, say(`PUB ${subject} _INBOX.a.1`, '')),
  mumble(SERVER, say('MSG _INBOX.a.1 1', reply)),
];

test('calls are named without what is made up for one of them, and their errors have a number', () => {
  const one = (subject: string, reply: string): unknown[] => spanOf(found(call(subject, reply))[0]!);
  const type = '"type":"io.nats.jetstream.api.v1.consumer_create_response"';
  const failed = '{"code":404,"err_code":10059,"description":"stream not found"}';
  assert.deepEqual(one('$JS.API.INFO', `{${type},"memory":0}`), ['request $JS.API.INFO', 'complete', '']);
  assert.deepEqual(one('$JS.API.CONSUMER.CREATE.EVENTS.tmp8271.events.>', `{${type},"error":${failed}}`), [
    'request $JS.API.CONSUMER.CREATE.EVENTS',
    'complete',
    '10059',
  ]);
  // of a leaf node's domain, and as servers said it before errors had numbers
  assert.deepEqual(one('$JS.hub.API.STREAM.INFO.EVENTS', `{${type},"error":{"code":503,"description":"x"}}`), [
    'request $JS.API.STREAM.INFO.EVENTS',
    'complete',
    'no_responders',
  ]);
  assert.deepEqual(one('events.paid', '{"stream":"EVENTS", "seq":7}'), ['publish events.paid', 'complete', '']);
  assert.deepEqual(
    one('events.paid', '{"error":{"code":400,"err_code":10071,"description":"x"},"stream":"EVENTS","seq":0}'),
    ['publish events.paid', 'complete', '10071'],
  );
  // what an application says of its errors is its own affair
  assert.deepEqual(one('cart.get', '{"error":{"code":404,"message":"no such cart"}}'), [
    'request cart.get',
    'complete',
    '',
  ]);
});

test('a pull is answered by the first message of its batch, whatever reply subject it shares, and waits', () => {
  for (const cut of [undefined, 1, 7, 50]) {
    const list = found(pulling.turns.slice(2), cut);
    const pulls = list.filter((x) => semantics.spanName(x, CLIENT_SIDE, '') === 'fetch EVENTS');
    assert.deepEqual(
      pulls.map((x) => [x.outcome, x.waits, semantics.status(x), x.failed]),
      [
        [COMPLETE, true, 'OK', false],
        [COMPLETE, true, 'OK', false],
      ],
    );
    const process = list.filter((x) => semantics.spanName(x, CLIENT_SIDE, '') === 'process events.paid');
    assert.deepEqual(
      process.map((x) => semantics.errorType(x, CLIENT_SIDE)),
      ['', 'nack', ''],
    );
    // the second message belonged to the first pull
    assert.equal(pulls[1]!.firstByteNs, process[2]!.startNs);
    const settled = list.filter((x) => x.target.startsWith('$JS.ACK'));
    assert.deepEqual(
      settled.map((x) => [attributes(x)['messaging.operation.name'], x.outcome]),
      ['ack', 'in_progress', 'nack', 'term'].map((name) => [name, ONE_WAY]),
    );
    assert.equal(attributes(settled[0]!)['messaging.consumer.group.name'], 'books');
    for (const x of [...pulls, ...settled]) {
      assert.equal(dimensions(x)['messaging.destination.name'], 'EVENTS');
      assert.doesNotMatch(JSON.stringify(dimensions(x)), /books|_INBOX/);
    }
  }
});

test('a pull that brings nothing ends with a status; some of them are errors', () => {
  const ending = (status: string, pull = '{"batch":1}'): unknown[] => {
    const subject = '$JS.API.CONSUMER.MSG.NEXT.EVENTS.books';
    const [x, more] = found([
      mumble(CLIENT, 'SUB _INBOX.p.* 3\r\n'),
      mumble(CLIENT, say(`PUB ${subject} _INBOX.p.9`, pull)),
      mumble(SERVER, withHeaders('HMSG _INBOX.p.9 3', 'NATS/1.0 100 Idle Heartbeat\r\n\r\n', '')),
      mumble(SERVER, withHeaders('HMSG _INBOX.p.9 3', `NATS/1.0 ${status}\r\n\r\n`, '')),
    ]).filter((f) => f.operation === 'publish');
    assert.equal(more, undefined);
    return [...spanOf(x!), x!.waits];
  };
  assert.deepEqual(ending('404 No Messages', '{"no_wait":true}'), ['fetch EVENTS', 'complete', '', false]);
  assert.deepEqual(ending('408 Request Timeout'), ['fetch EVENTS', 'complete', '', true]);
  assert.deepEqual(ending('409 Consumer Deleted'), ['fetch EVENTS', 'complete', '409', true]);
});

test('behind a loss no pull is given what it may not have brought', () => {
  const turns = [...greeting, ...pulling.turns.slice(2)];
  const all = frames({ name: '', turns, expected: [] }, link({ serverPort: 4222 }));
  // messages are of different sizes, and the bytes behind a pull tell which it is
  const whole = new Map(found(turns.slice(2)).map((x) => [x.requestHeadEnd, x.responseBytes]));
  let lost = 0;
  for (let k = 0; k < all.length; k++) {
    if (!isData(all[k]!)) continue;
    const rig = new Rig()
      .feed(all.filter((_, i) => i !== k))
      .wait(1)
      .end();
    for (const { record: x } of rig.found.filter((f) => f.target.includes('MSG.NEXT'))) {
      if (x.outcome === LOST) lost++;
      else if (x.outcome === COMPLETE) assert.equal(x.responseBytes, whole.get(x.requestHeadEnd), `without frame ${k}`);
    }
  }
  assert.ok(lost > 2, `${lost} pulls`);
});

test('consumers that nobody acknowledges to do not fill the list of what is under way', () => {
  const turns: Turn[] = [];
  for (let n = 0; n < 3000; n++)
    turns.push(mumble(SERVER, say(`MSG kv.k${n % 10} 4 $JS.ACK.KV.tmp1.1.${n}.${n}.1700000000000000000.0`, 'v')));
  turns.push(mumble(CLIENT, say('PUB kv.get _INBOX.b.1', '')), mumble(SERVER, say('MSG _INBOX.b.1 1', 'v')));
  const list = found(turns);
  const delivered = list.filter((x) => x.operation === 'deliver' && x.target.startsWith('kv.'));
  assert.equal(delivered.length, 3000);
  assert.ok(delivered.slice(0, 2700).every((x) => x.outcome === ONE_WAY));
  assert.equal(list.find((x) => x.target === 'kv.get')?.outcome, COMPLETE);
});

test('a delivery that nobody acknowledges is not waited for any longer than two minutes', () => {
  const deliver = (n: number): Turn => mumble(SERVER, say(`MSG kv.k 4 $JS.ACK.KV.c.1.${n}.${n}.17.0`, 'v'));
  const acknowledge = (n: number): Turn => mumble(CLIENT, say(`PUB $JS.ACK.KV.c.1.${n}.${n}.17.0`, '+ACK'));
  const ping = [mumble(CLIENT, 'PING\r\n'), mumble(SERVER, 'PONG\r\n')];
  const turns = [deliver(1), pause(60_000), deliver(2), pause(59_000), ...ping, pause(2000), ...ping, acknowledge(2)];
  assert.deepEqual(
    found(turns).map((x) => [x.operation, OUTCOMES[x.outcome]]),
    [
      ['PING', 'complete'],
      ['deliver', 'one_way'],
      ['PING', 'complete'],
      ['deliver', 'complete'],
      ['publish', 'one_way'],
    ],
  );
});
