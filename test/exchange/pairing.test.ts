/** Who answers whom: each rule of the pairing by itself, without a protocol. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Budget } from '../../src/bytes/budget.ts';
import { Window } from '../../src/bytes/window.ts';
import { ExchangeCounters } from '../../src/exchange/counters.ts';
import { CLOSED, Ends, type Exchange, LOST, OPEN, OUTCOMES, RESET } from '../../src/exchange/exchange.ts';
import { Pairing } from '../../src/exchange/pairing.ts';
import { Weather } from '../../src/exchange/weather.ts';
import { http } from '../../src/protocols/http/index.ts';
import { IN_ORDER } from '../../src/protocols/protocol.ts';
import { pairingEnv } from './env.ts';

const REQUEST = 100;
const RESPONSE = 200;
const SECOND = 1e9;

/** A connection on which requests are 100 bytes long and responses 200, told to a Pairing message by message. */
class Table {
  readonly counters = new ExchangeCounters();
  readonly budget: Budget;
  readonly weather = new Weather();
  readonly pairing: Pairing;
  readonly told: Exchange[] = [];
  readonly names = new Map<Exchange, string>();
  nowNs = 0;
  /** Stream ends of what each side has sent. */
  asked = 0;
  answered = 0;

  constructor(o: { midway?: boolean; maxInFlight?: number; maxBytes?: number } = {}) {
    this.budget = new Budget(o.maxBytes ?? 1 << 20);
    const env = pairingEnv(this.told, this.counters, this.budget, o);
    this.pairing = new Pairing(env, http, new Ends(), this.weather, o.midway ?? false);
  }

  #window(seq: number, ack: number): Window {
    this.nowNs += 1e6;
    const w = new Window();
    w.buf = Buffer.alloc(RESPONSE);
    w.end = RESPONSE;
    w.seq = seq;
    w.ack = ack;
    w.timeNs = this.nowNs;
    w.beforeNs = this.nowNs;
    return w;
  }

  /** The client asks; it has received `acked` bytes (all that was answered). */
  ask(name: string, acked = this.answered): Exchange | null {
    const w = this.#window(this.asked, acked);
    this.asked += REQUEST;
    const x = this.pairing.begin(IN_ORDER, w, 0, REQUEST);
    this.weather.lastDataNs = this.nowNs;
    if (x !== null) {
      this.names.set(x, name);
      x.requestEndNs = this.nowNs;
    }
    return x;
  }

  /** A response begins; the server has received `acked` bytes (all that was asked). */
  begins(acked = this.asked): Exchange | null {
    const w = this.#window(this.answered, acked);
    this.weather.lastDataNs = this.nowNs;
    const x = this.pairing.answer(IN_ORDER, w, 0);
    if (x !== null) x.status = 200;
    return x;
  }

  /** The response that has begun comes to its end. */
  ends(x: Exchange | null): void {
    this.answered += RESPONSE;
    if (x === null) return;
    const w = this.#window(this.answered - RESPONSE, this.asked);
    w.pos = RESPONSE;
    this.pairing.finish(x, w);
    this.weather.lastDataNs = this.nowNs;
  }

  answer(acked = this.asked): Exchange | null {
    const x = this.begins(acked);
    this.ends(x);
    return x;
  }

  /** One clean exchange. */
  trip(name: string): void {
    this.ask(name);
    this.answer();
  }

  loseRequest(): void {
    this.asked += REQUEST;
    this.pairing.requestsLost();
  }

  loseResponse(): void {
    this.answered += RESPONSE;
    this.pairing.responsesLost();
  }

  silence(seconds: number): void {
    this.nowNs += seconds * SECOND;
    this.pairing.sweep(this.nowNs);
  }

  /** What was told so far, as `name outcome`. */
  get list(): string[] {
    return this.told.map((x) => `${this.names.get(x)} ${OUTCOMES[x.outcome]}${x.status > 0 ? ` ${x.status}` : ''}`);
  }
}

/** So many round trips prove a client serial. */
const PROOF = 32;
const PROVING = Array.from({ length: PROOF }, (_, i) => `p${i}`);

describe('order is known', () => {
  test('first asked, first answered, pipelined or not', () => {
    const t = new Table();
    t.trip('a');
    t.ask('b');
    t.ask('c');
    t.answer();
    t.ask('d');
    t.answer();
    t.answer();
    assert.deepEqual(t.list, ['a complete 200', 'b complete 200', 'c complete 200', 'd complete 200']);
    assert.equal(t.budget.used, 0);
    assert.equal(t.counters.begun, 4);
    assert.equal(t.pairing.finished, 4);
  });

  test('a bare record has the numbers of its packet for an identity', () => {
    const t = new Table();
    t.trip('a');
    const x = t.ask('b')!;
    assert.deepEqual([x.id0, x.id1, x.id2, x.id3], [REQUEST, RESPONSE, 0, 0]);
  });

  test('more than 64 in flight at once', () => {
    const t = new Table();
    const names = Array.from({ length: 90 }, (_, i) => `r${i}`);
    for (const n of names) t.ask(n);
    for (const _ of names) t.answer();
    assert.deepEqual(
      t.list,
      names.map((n) => `${n} complete 200`),
    );
  });

  test('a response to nothing is counted, and the next request gets its own', () => {
    const t = new Table();
    t.trip('a');
    assert.equal(t.answer(), null);
    t.trip('b');
    assert.deepEqual(t.list, ['a complete 200', 'b complete 200']);
    assert.equal(t.counters.unasked, 1);
  });

  test('a response that was sent before its server had the request is refused', () => {
    const t = new Table();
    t.ask('a');
    assert.equal(t.answer(t.asked - 1), null);
    assert.equal(t.counters.refusedByAck, 1);
    t.answer();
    assert.deepEqual(t.list, ['a complete 200']);
  });

  test('requests beyond maxInFlight are refused, and nobody gets their responses', () => {
    const t = new Table({ maxInFlight: 2 });
    t.ask('a');
    t.ask('b');
    assert.equal(t.ask('c'), null);
    t.answer();
    t.answer();
    assert.equal(t.answer(), null); // c's
    assert.equal(t.counters.refusedInFlight, 1);
    t.ask('d');
    t.answer();
    assert.deepEqual(t.list.slice(0, 2), ['a complete 200', 'b complete 200']);
    assert.ok(!t.list.some((l) => l.startsWith('d complete')), 'the client pipelines: d cannot be believed');
  });

  test('without memory a request is refused and counted', () => {
    const t = new Table({ maxBytes: 1000 });
    assert.notEqual(t.ask('a'), null);
    assert.equal(t.ask('b'), null);
    assert.equal(t.counters.refusedInFlight, 1);
    t.answer();
    assert.equal(t.budget.used, 0);
  });
});

describe('time', () => {
  test('a request without response ends as a timeout; its late response is counted, and changes nothing that was told', () => {
    const t = new Table();
    const a = t.ask('a')!;
    t.silence(59);
    assert.deepEqual(t.list, []);
    t.silence(2);
    assert.deepEqual(t.list, ['a timeout']);
    assert.equal(a.endNs - a.startNs, 60 * SECOND);
    t.silence(61);
    a.operation = 'HEAD';
    a.version = 10;
    const late = t.answer()!;
    assert.deepEqual([late.operation, late.version], ['HEAD', 10]); // what the response has to be read with
    assert.equal(t.counters.late, 1);
    t.trip('b');
    assert.deepEqual(t.list, ['a timeout', 'b complete 200']);
    assert.equal(a.status, 0);
    assert.equal(a.endNs - a.startNs, 60 * SECOND);
  });

  test('what timed out is told once, also when the connection ends', () => {
    const t = new Table();
    t.ask('a');
    t.silence(61);
    t.silence(61);
    t.pairing.close(CLOSED, t.nowNs);
    assert.deepEqual(t.list, ['a timeout']);
  });

  test('a response does not end before it begins, in whatever order its segments were captured', () => {
    const t = new Table();
    const x = t.ask('a')!;
    const first = t.begins()!;
    const w = new Window();
    w.beforeNs = x.firstByteNs - 1000;
    t.pairing.finish(first, w);
    assert.equal(x.endNs, x.firstByteNs);
  });

  test('a request that is still being sent waits for nobody', () => {
    const t = new Table();
    const a = t.ask('a')!;
    a.requestEndNs = Number.NaN;
    t.silence(59);
    t.weather.lastDataNs = t.nowNs;
    t.silence(59);
    assert.deepEqual(t.list, []);
    t.silence(2);
    assert.deepEqual(t.list, ['a timeout']);
  });

  test('a long download is no timeout while bytes move', () => {
    const t = new Table();
    t.ask('a');
    const a = t.begins();
    for (let i = 0; i < 5; i++) {
      t.silence(40);
      t.weather.lastDataNs = t.nowNs;
    }
    assert.deepEqual(t.list, []);
    t.silence(61);
    assert.deepEqual(t.list, ['a timeout 200']);
    t.ends(a);
    assert.deepEqual(t.list, ['a timeout 200']);
    assert.equal(t.budget.used, 0);
  });
});

describe('end of the connection', () => {
  for (const [outcome, waiting, reading] of [
    [RESET, 'reset', 'reset 200'],
    [CLOSED, 'closed', 'closed 200'],
    [OPEN, 'open', 'truncated 200'],
    [LOST, 'lost', 'truncated 200'],
  ] as const) {
    test(`as ${OUTCOMES[outcome]}`, () => {
      const t = new Table();
      t.ask('read');
      t.ask('waiting');
      t.begins();
      t.pairing.close(outcome, t.nowNs);
      assert.deepEqual(t.list, [`read ${reading}`, `waiting ${waiting}`]);
      assert.equal(Number.isNaN(t.told[0]!.endNs), reading.startsWith('truncated'));
      assert.equal(t.told[1]!.endNs, t.nowNs);
      assert.equal(t.budget.used, 0);
    });
  }

  test('discarded: nothing was real', () => {
    const t = new Table({ midway: true });
    t.trip('held');
    t.ask('read');
    t.begins();
    t.pairing.discard();
    assert.deepEqual(t.list, []);
    assert.equal(t.budget.used, 0);
  });
});

describe('something was missed: trial', () => {
  test('joined midway, pairs are kept back until enough in a row prove the client serial', () => {
    const t = new Table({ midway: true });
    for (const n of PROVING.slice(1)) t.trip(n);
    assert.deepEqual(t.list, []);
    t.trip('p0');
    assert.deepEqual(
      t.list,
      [...PROVING.slice(1), 'p0'].map((n) => `${n} complete 200`),
    );
    t.trip('q');
    assert.equal(t.list.length, PROOF + 1, 'told at once from then on');
    t.ask('d');
    t.ask('e');
    t.answer();
    t.answer();
    assert.deepEqual(t.list.slice(PROOF + 1), ['d lost'], 'it pipelines after all');
    t.pairing.close(CLOSED, t.nowNs);
    assert.equal(t.list.length, PROOF + 2);
  });

  test('a loss does not upset what was kept back, but the proof begins anew', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.loseResponse();
    for (const n of PROVING.slice(1)) t.trip(n);
    assert.deepEqual(t.list, []);
    t.trip('z');
    assert.deepEqual(
      t.list,
      ['a', ...PROVING.slice(1), 'z'].map((n) => `${n} complete 200`),
    );
  });

  test('after a contradicted trial a silence makes the order known', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.trip('b');
    t.answer();
    t.silence(6);
    t.trip('c');
    assert.deepEqual(t.list, ['a lost', 'b lost', 'c complete 200']);
  });

  test('a client that showed itself as pipelining is blind after the next loss', () => {
    for (const sign of ['unasked', 'too early'] as const) {
      const t = new Table({ midway: true });
      t.trip('a');
      if (sign === 'too early') {
        t.ask('b');
        t.answer(t.asked - 1);
      } else t.answer();
      t.silence(6);
      t.trip('c');
      t.loseResponse();
      assert.equal(t.ask('d'), null, sign);
    }
  });

  test('a response without request behind a lost request is no sign of pipelining, a second one is', () => {
    const t = new Table();
    t.trip('a');
    t.ask('b');
    t.loseResponse();
    t.trip('c');
    t.loseRequest();
    assert.equal(t.answer(), null);
    for (const n of PROVING.slice(1)) t.trip(n);
    assert.deepEqual(t.list, ['a complete 200', 'b lost'], 'kept back as before');
    t.loseRequest();
    assert.equal(t.answer(), null);
    assert.equal(t.counters.quarantinedPairs, 0);
    assert.equal(t.answer(), null);
    assert.equal(t.counters.quarantinedPairs, PROOF, 'who waits for answers does not get two for one question');
  });

  test('a response without request behind a lost response is a sign of pipelining', () => {
    const t = new Table();
    t.ask('a');
    t.loseResponse();
    t.trip('b');
    t.loseResponse();
    assert.equal(t.answer(), null);
    assert.equal(t.counters.quarantinedPairs, 1);
  });

  test('the response that was on its way when the capture began is nobody’s, and no sign of pipelining', () => {
    const t = new Table({ midway: true });
    assert.equal(t.answer(), null);
    assert.equal(t.counters.quarantinedResponses, 1);
    assert.equal(t.counters.unasked, 0);
    for (const n of PROVING) t.trip(n);
    assert.equal(t.list.length, PROOF);
  });

  test('silence proves it as well', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.silence(4);
    assert.deepEqual(t.list, []);
    t.silence(2);
    assert.deepEqual(t.list, ['a complete 200']);
  });

  test('silence with a request in flight proves nothing', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.ask('b');
    t.silence(10);
    assert.deepEqual(t.list, []);
  });

  test('two requests under way at once: all that was kept back is thrown away', () => {
    const t = new Table({ midway: true });
    const a = t.ask('a')!;
    t.answer();
    a.failed = true;
    a.responseBytes = 7;
    t.ask('b');
    assert.equal(t.ask('c'), null);
    assert.deepEqual(t.list, ['a lost', 'b lost']);
    const { status, failed, responseBytes, firstByteNs, endNs } = a;
    assert.deepEqual([status, failed, responseBytes, firstByteNs, endNs], [0, false, 0, Number.NaN, Number.NaN]);
    assert.equal(t.counters.quarantinedPairs, 1);
  });

  test('a request sent before the last response had arrived', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    assert.equal(t.ask('b', t.answered - 1), null);
    assert.deepEqual(t.list, ['a lost']);
  });

  test('a request while a response is being read: that one is thrown away too', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.trip('b');
    t.ask('c');
    const c = t.begins();
    assert.equal(t.ask('d'), null);
    t.ends(c);
    t.silence(6);
    t.pairing.close(CLOSED, t.nowNs);
    assert.deepEqual(t.list, ['a lost', 'b lost', 'c lost']);
    assert.equal(t.budget.used, 0);
  });

  test('a response more than there were requests', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.answer();
    assert.deepEqual(t.list, ['a lost']);
    assert.equal(t.counters.unasked, 1);
  });

  test('a response that was sent before its server had the request', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.ask('b');
    assert.equal(t.answer(t.asked - 1), null);
    assert.deepEqual(t.list, ['a lost', 'b lost']);
  });

  test('what is kept back is told when the connection ends', () => {
    const t = new Table({ midway: true });
    t.trip('a');
    t.pairing.close(CLOSED, t.nowNs);
    assert.deepEqual(t.list, ['a complete 200']);
  });

  test('of a client that was known, the pairs are kept over further losses until enough follow without a sign of pipelining', () => {
    const t = new Table();
    t.trip('a');
    for (let i = 0; i < 7; i++) {
      t.loseResponse();
      t.trip(`b${i}`);
      t.trip(`c${i}`);
    }
    assert.deepEqual(t.list, ['a complete 200']);
    for (let i = 0; i < 100; i++) {
      t.loseResponse();
      t.trip('d');
      t.trip('e');
    }
    assert.equal(t.counters.quarantinedPairs, 0);
    assert.equal(t.list.length, 1 + 14 + 200 - PROOF, 'all but the last ones are told');
  });
});

describe('losses', () => {
  test('of a response: what is in flight is lost, a serial client goes on in trial', () => {
    const t = new Table();
    t.trip('a');
    t.ask('b');
    t.loseResponse();
    assert.deepEqual(t.list, ['a complete 200', 'b lost']);
    for (const n of PROVING.slice(1)) t.trip(n);
    assert.equal(t.list.length, 2);
    t.trip('e');
    assert.deepEqual(
      t.list.slice(2),
      [...PROVING.slice(1), 'e'].map((n) => `${n} complete 200`),
    );
    assert.equal(t.counters.orderLost, 1);
  });

  test('of a request: its response is nobody’s', () => {
    const t = new Table();
    t.trip('a');
    t.loseRequest();
    assert.equal(t.answer(), null);
    for (const n of PROVING) t.trip(n);
    assert.deepEqual(
      t.list.slice(1),
      PROVING.map((n) => `${n} complete 200`),
    );
    assert.equal(t.counters.quarantinedResponses, 1);
  });

  test('of a request among pipelined ones: those in front keep their responses, all behind wait for silence', () => {
    const t = new Table();
    t.ask('a');
    t.ask('b');
    t.loseRequest();
    t.answer();
    assert.equal(t.ask('d'), null);
    assert.deepEqual(t.list, ['a complete 200', 'b lost']);
    for (let i = 0; i < 3; i++) assert.equal(t.answer(), null);
    assert.equal(t.ask('e'), null);
    assert.equal(t.answer(), null);
    assert.ok(t.counters.quarantinedRequests >= 2 && t.counters.quarantinedResponses >= 2);
  });

  test('of the end of a response: its status stands, all else is lost', () => {
    const t = new Table();
    t.ask('a');
    t.ask('b');
    const a = t.begins()!;
    t.pairing.truncate(a);
    t.loseResponse();
    t.pairing.close(CLOSED, t.nowNs);
    assert.deepEqual([...t.list].sort(), ['a truncated 200', 'b lost']);
    assert.equal(Number.isNaN(a.endNs), true);
  });

  test('a response whose end was lost is outstanding no more', () => {
    const t = new Table();
    t.ask('a');
    t.pairing.truncate(t.begins()!);
    t.answered += RESPONSE;
    t.ask('b');
    t.loseResponse();
    for (const n of PROVING) t.trip(n);
    assert.equal(t.list.length, PROOF + 2, 'a serial client is not taken for a pipelining one');
  });
});

describe('blind', () => {
  function blind(): Table {
    const t = new Table();
    t.ask('a');
    t.ask('b');
    t.answer();
    t.loseResponse();
    return t;
  }

  test('a client that pipelines is not paired after a loss', () => {
    const t = blind();
    for (let i = 0; i < 10; i++) {
      assert.equal(t.ask('x'), null);
      assert.equal(t.answer(), null);
    }
    assert.deepEqual(t.list, ['a complete 200', 'b lost']);
    assert.equal(t.counters.quarantinedRequests, 10);
    assert.equal(t.counters.quarantinedResponses, 10);
  });

  test('less silence than required changes nothing, enough of it makes a new trial', () => {
    const t = blind();
    t.silence(4);
    assert.equal(t.ask('x'), null);
    t.answer();
    t.silence(6);
    for (const n of ['c', 'd', 'e']) t.trip(n);
    assert.deepEqual(t.list.slice(2), ['c complete 200', 'd complete 200', 'e complete 200']);
  });

  test('and the trial ends when it pipelines again', () => {
    const t = blind();
    t.silence(6);
    t.trip('c');
    t.ask('d');
    assert.equal(t.ask('e'), null);
    assert.deepEqual(t.list.slice(2), ['c lost', 'd lost']);
  });
});

describe('weather', () => {
  test('an exchange has what happened on the connection between its start and its end', () => {
    const t = new Table();
    t.weather.retransmissions = 5;
    t.weather.outOfOrder = 6;
    t.weather.zeroWindows = 7;
    const x = t.ask('a')!;
    t.weather.retransmissions += 1;
    t.weather.outOfOrder += 2;
    t.weather.zeroWindows += 3;
    t.answer();
    t.weather.retransmissions += 10;
    assert.deepEqual([x.retransmissions, x.outOfOrder, x.zeroWindows], [1, 2, 3]);
  });

  test('one way: told at once, and out of the order', () => {
    const t = new Table();
    t.ask('a');
    t.pairing.oneWay(t.ask('b')!);
    t.answer();
    t.pairing.oneWay(t.ask('c')!);
    t.trip('d');
    assert.deepEqual(t.list, ['b one_way', 'a complete 200', 'c one_way', 'd complete 200']);
    assert.equal(t.budget.used, 0);
  });
});
