import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { Window } from '../../src/bytes/window.ts';
import { ExchangeCounters } from '../../src/exchange/counters.ts';
import { CLOSED, Ends, type Exchange, LOST, ONE_WAY, OPEN, OUTCOMES, TRUNCATED } from '../../src/exchange/exchange.ts';
import { KeyedPairing } from '../../src/exchange/keyed.ts';
import { Weather } from '../../src/exchange/weather.ts';
import { http } from '../../src/protocols/http/index.ts';
import { pairingEnv } from './env.ts';

const REQUEST = 10;
const RESPONSE = 100;

/** A connection on which one message comes each millisecond. */
class Talk {
  readonly told: Exchange[] = [];
  readonly counters = new ExchangeCounters();
  readonly budget: Budget;
  readonly weather = new Weather();
  readonly pairing: KeyedPairing;
  nowNs = 0;
  asked = 0;

  constructor(o: { datagrams?: boolean; maxInFlight?: number; maxBytes?: number; detail?: 0 | 2 } = {}) {
    this.budget = new Budget(o.maxBytes ?? 1 << 20);
    const env = pairingEnv(this.told, this.counters, this.budget, o);
    const ends = new Ends();
    ends.clientPort = 40001;
    ends.serverPort = 9092;
    this.pairing = new KeyedPairing(env, http, ends, this.weather, o.datagrams ?? false);
  }

  #window(seq: number, ack: number, text: string): Window {
    this.nowNs += 1e6;
    this.weather.lastDataNs = this.nowNs;
    const w = new Window();
    w.show(Buffer.alloc(RESPONSE, text));
    w.end = RESPONSE;
    w.seq = seq;
    w.ack = ack;
    w.timeNs = this.nowNs;
    w.beforeNs = this.nowNs;
    return w;
  }

  ask(key: number, text = 'x'): Exchange | null {
    const w = this.#window(this.asked, 0, text);
    this.asked += REQUEST;
    const x = this.pairing.begin(key, w, 0, REQUEST);
    if (x !== null) {
      x.operation = text;
      x.requestEndNs = this.nowNs;
      this.pairing.asked(x, 0);
    }
    return x;
  }

  /** `acked`: how much of what was asked the server had received. */
  answer(key: number, acked = this.asked): Exchange | null {
    const w = this.#window(0, acked, 'y');
    const x = this.pairing.answer(key, w, 0);
    if (x === null) return null;
    w.pos = RESPONSE;
    this.pairing.finish(x, w);
    return x;
  }

  get ended(): string[] {
    return this.told.map((x) => `${x.key} ${OUTCOMES[x.outcome]}`);
  }
}

test('answers find their questions in any order', () => {
  const t = new Talk();
  for (const key of [7, -3, 0, 2 ** 31]) t.ask(key);
  for (const key of [0, 2 ** 31, 7, -3]) t.answer(key);
  assert.deepEqual(t.ended, ['0 complete', '2147483648 complete', '7 complete', '-3 complete']);
  assert.deepEqual(
    t.told.map((x) => [x.startNs / 1e6, x.firstByteNs / 1e6, x.endNs / 1e6]),
    [
      [3, 5, 5],
      [4, 6, 6],
      [1, 7, 7],
      [2, 8, 8],
    ],
  );
  assert.equal(t.pairing.inFlight, 0);
  assert.equal(t.budget.used, 0);
});

test('an answer to nothing, a second answer, and one that was sent too early pair with nothing', () => {
  const t = new Talk();
  assert.equal(t.answer(1), null);
  t.ask(1);
  t.answer(1);
  assert.equal(t.answer(1), null);
  assert.equal(t.counters.unasked, 2);
  t.ask(2);
  assert.equal(t.answer(2, t.asked - 1), null, 'its acknowledgement does not cover the request');
  assert.equal(t.counters.refusedByAck, 1);
  assert.equal(t.pairing.expected(2)?.key, 2, 'the true answer may still come');
  assert.notEqual(t.answer(2), null);
  assert.deepEqual(t.ended, ['1 complete', '2 complete']);
});

test('datagrams have no acknowledgements', () => {
  const t = new Talk({ datagrams: true });
  t.ask(1);
  assert.notEqual(t.answer(1, -1000), null);
  assert.deepEqual(t.ended, ['1 complete']);
});

test('an id used anew: nobody waits for the older answer any more', () => {
  const t = new Talk();
  t.ask(1, 'old');
  t.ask(1, 'new');
  assert.equal(t.answer(1)?.operation, 'new');
  assert.deepEqual(t.ended, ['1 lost', '1 complete']);
  assert.equal(t.counters.keyReused, 1);
});

test('time-outs, also in the middle of an answer', () => {
  const t = new Talk();
  t.ask(1);
  t.ask(2);
  const w = new Window();
  w.show(Buffer.alloc(1));
  w.timeNs = 3e6;
  w.ack = t.asked;
  t.pairing.answer(2, w, 0);
  t.pairing.sweep(60e9);
  assert.deepEqual(t.ended, []);
  t.pairing.sweep(60.001e9);
  assert.deepEqual(t.ended, ['1 timeout']);
  t.pairing.sweep(60.003e9);
  assert.deepEqual(t.ended, ['1 timeout', '2 timeout']);
  assert.deepEqual(
    t.told.map((x) => x.endNs),
    [60.001e9, 60.003e9],
  );
  assert.equal(t.budget.used, 0);
});

test('after lost responses nobody can say that a request was not answered', () => {
  const t = new Talk();
  t.ask(1);
  t.ask(2);
  t.pairing.responsesLost();
  t.ask(3);
  t.answer(2);
  t.pairing.sweep(100e9);
  assert.deepEqual(t.ended, ['2 complete', '1 lost', '3 timeout']);
});

test('a response that a hole cuts is told as truncated', () => {
  const t = new Talk();
  t.ask(1);
  const w = new Window();
  w.show(Buffer.alloc(1));
  w.ack = t.asked;
  const x = t.pairing.answer(1, w, 0)!;
  t.pairing.responsesLost();
  assert.equal(x.outcome, TRUNCATED);
  t.pairing.truncate(x);
  t.pairing.finish(x, w);
  assert.deepEqual(t.ended, ['1 truncated']);
});

test('one-way requests', () => {
  const t = new Talk();
  const a = t.ask(1)!;
  const b = t.ask(2)!;
  t.pairing.oneWay(b);
  t.pairing.unanswered(a);
  t.pairing.oneWay(a);
  assert.deepEqual(
    t.told.map((x) => x.outcome),
    [ONE_WAY, ONE_WAY],
  );
});

for (const outcome of [CLOSED, OPEN, LOST]) {
  test(`the end of the connection: ${OUTCOMES[outcome]}`, () => {
    const t = new Talk();
    t.ask(1);
    t.ask(2);
    const w = new Window();
    w.show(Buffer.alloc(1));
    w.ack = t.asked;
    t.pairing.answer(1, w, 0);
    t.pairing.close(outcome, 9e6);
    const cut = outcome === CLOSED ? 'closed' : 'truncated';
    assert.deepEqual(t.ended, [`1 ${cut}`, `2 ${OUTCOMES[outcome]}`]);
    assert.equal(t.pairing.inFlight, 0);
    assert.equal(t.budget.used, 0);
  });
}

test('limits: requests in flight, memory; what is discarded gives everything back', () => {
  const t = new Talk({ maxInFlight: 2 });
  assert.deepEqual([t.ask(1) === null, t.ask(2) === null, t.ask(3) === null], [false, false, true]);
  assert.equal(t.counters.refusedInFlight, 1);
  assert.equal(t.answer(3), null);
  t.pairing.discard();
  assert.deepEqual(t.ended, []);
  assert.equal(t.budget.used, 0);
  const poor = new Talk({ maxBytes: 700 });
  assert.deepEqual([poor.ask(1) === null, poor.ask(2) === null], [false, true]);
});

test('the identity tells datagrams of one second and port apart, whatever the detail', () => {
  const t = new Talk({ datagrams: true });
  t.asked = 0;
  const a = t.ask(1, 'A question')!;
  t.asked = 0;
  const b = t.ask(2, 'B question')!;
  assert.notEqual(a.id0, b.id0);
});

test('the server asks, too: the ends change their roles, keys are apart, and everything ends together', () => {
  const t = new Talk();
  const back = t.pairing.reverse();
  assert.equal(t.pairing.reverse(), back);
  t.ask(1);
  const w = new Window();
  w.show(Buffer.alloc(20, 'z'));
  w.end = 20;
  w.timeNs = t.nowNs;
  const x = back.begin(1, w, 0, 10)!;
  assert.deepEqual([x.ends.clientPort, x.ends.serverPort], [9092, 40001]);
  assert.equal(t.pairing.inFlight, 2);
  t.answer(1);
  assert.deepEqual(t.ended, ['1 complete']);
  t.pairing.close(CLOSED, 9e6);
  assert.deepEqual(t.ended, ['1 complete', '1 closed']);
  assert.equal(t.budget.used, 0);
});

test('opened again for other ends it knows nothing of those before: losses, keys, the other direction', () => {
  const t = new Talk({ datagrams: true });
  const back = t.pairing.reverse();
  t.ask(7);
  t.pairing.responsesLost();
  t.pairing.close(OPEN, 1e6);
  const ends = new Ends();
  ends.clientPort = 1;
  ends.serverPort = 2;
  t.pairing.reopen(ends);
  t.nowNs = -9e6; // a clock was set back: what begins lies in front of the loss
  assert.equal(t.pairing.finished, 0);
  assert.equal(t.ask(3)!.ends, ends);
  assert.equal(t.answer(7), null);
  const w = new Window();
  w.show(Buffer.alloc(10));
  w.end = 10;
  w.timeNs = t.nowNs;
  const asked = back.begin(3, w, 0, 10)!;
  assert.deepEqual([asked.ends.clientPort, asked.ends.serverPort], [2, 1]);
  t.pairing.close(CLOSED, 9e9);
  assert.deepEqual(t.ended, ['7 lost', '3 closed', '3 closed']);
  assert.equal(t.budget.used, 0);
});

/** The response to `key` has begun, and not ended. */
function begun(t: Talk, key: number): Exchange {
  const w = new Window();
  w.show(Buffer.alloc(1));
  w.timeNs = t.nowNs;
  w.ack = t.asked;
  return t.pairing.answer(key, w, 0)!;
}

test('streams go on behind a loss; what does not end was perhaps ended by what was lost', () => {
  const t = new Talk();
  for (const key of [1, 2, 3, 4]) t.ask(key);
  const a = begun(t, 1);
  begun(t, 2);
  t.pairing.responsesLost(true);
  t.ask(5);
  begun(t, 5);
  assert.deepEqual(t.ended, []);
  const w = new Window();
  w.timeNs = t.nowNs;
  t.pairing.finish(a, w);
  t.pairing.truncate(t.pairing.expected(3)!);
  t.pairing.close(CLOSED, 99e6);
  assert.deepEqual(t.ended, ['1 complete', '3 lost', '2 truncated', '5 closed', '4 lost']);
  assert.equal(t.budget.used, 0);
});

test('one that is broken off ends alone, at once', () => {
  const t = new Talk();
  for (const key of [1, 2, 3]) t.ask(key);
  const a = begun(t, 1);
  const b = t.pairing.expected(2)!;
  const w = new Window();
  w.beforeNs = 50e6;
  t.pairing.abort(a, w);
  t.pairing.abort(b, w);
  t.pairing.abort(b, w);
  t.pairing.abort(a, w);
  assert.deepEqual(t.ended, ['1 reset', '2 reset']);
  assert.deepEqual(
    t.told.map((x) => x.endNs),
    [50e6, 50e6],
  );
  t.answer(3);
  assert.equal(t.budget.used, 0);
});

test('what was passed on ends under the protocol that took over, or is lost without one', () => {
  const t = new Talk();
  const x = t.ask(7)!;
  begun(t, 7);
  x.status = 101;
  t.pairing.passOn(x, 1);
  t.pairing.close(LOST, 9e6);
  assert.deepEqual(t.ended, []);
  assert.equal(t.pairing.passedOn, x);
  const next = new Talk();
  next.asked = t.asked;
  next.pairing.adopt(x, true);
  assert.equal(next.pairing.inherited, x);
  assert.deepEqual([x.key, x.status, next.pairing.inFlight], [1, 0, 1]);
  assert.equal(next.answer(1), x);
  assert.deepEqual(next.ended, ['1 complete']);

  const lost = new Talk();
  const y = lost.ask(7)!;
  lost.pairing.passOn(y, 1);
  lost.pairing.adopt(y, false);
  assert.deepEqual(lost.ended, ['1 lost']);
  assert.equal(lost.budget.used, 0);
});

test('where there is no room, what was probably answered among lost bytes makes some', () => {
  const t = new Talk({ maxInFlight: 2 });
  t.ask(1);
  t.ask(2);
  assert.equal(t.ask(3), null);
  t.pairing.responsesLost();
  assert.notEqual(t.ask(4), null);
  assert.deepEqual(t.ended, ['1 lost']);
  assert.notEqual(t.ask(5), null);
  assert.equal(t.ask(6), null, 'the others began behind the loss');
  assert.deepEqual(t.ended, ['1 lost', '2 lost']);
});

test('memory that a decoder holds is given back with the connection', () => {
  const t = new Talk({ maxBytes: 10_000 });
  assert.ok(t.pairing.hold(6000));
  assert.ok(!t.pairing.hold(6000));
  t.pairing.release(1000);
  assert.equal(t.budget.used, 5000);
  t.pairing.close(CLOSED, 0);
  assert.equal(t.budget.used, 0);
});
