/** How TCP fares, segment by segment: what counts as opened, failed, reset, sent again, out of order, shut and lost. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type TcpListener, type TcpNews, TO_CLIENT, TO_SERVER } from '../../src/exchange/tcp-news.ts';
import { ACK, CLIENT, FIN, type Frame, type Party, RST, SERVER, SYN } from '../kit/frame.ts';
import { Random } from '../kit/random.ts';
import { link } from '../kit/wire.ts';
import { c, type Rest, s } from './segments.ts';
import { Ear } from './spy.ts';

const syn = (o: Rest = {}): Frame => c(0, '', { flags: SYN, ...o });
const synAck = (o: Rest = {}): Frame => s(0, '', { flags: SYN | ACK, ...o });
/** A handshake of 2 ms. */
const open = (): Frame[] => [syn(), synAck({ ms: 1 }), c(0, '', { ms: 1 })];

/** All that was told, added up. */
class Sum implements TcpListener {
  opened = 0;
  refused = 0;
  timedOut = 0;
  handshakesMs: number[] = [];
  readonly delivered = [0, 0];
  readonly lost = [0, 0];
  readonly retransmitted = [0, 0];
  readonly outOfOrder = [0, 0];
  readonly zeroWindowMs = [0, 0];
  readonly resets = [0, 0];
  readonly servers = new Set<number>();
  readonly devices = new Set<number>();
  calls = 0;

  told(n: TcpNews): void {
    this.calls++;
    this.opened += n.opened;
    this.refused += n.refused;
    this.timedOut += n.timedOut;
    if (!Number.isNaN(n.handshakeNs)) this.handshakesMs.push(n.handshakeNs / 1e6);
    for (const d of [TO_SERVER, TO_CLIENT] as const) {
      const from = n.directions[d];
      this.delivered[d]! += from.delivered;
      this.lost[d]! += from.lost;
      this.retransmitted[d]! += from.retransmitted;
      this.outOfOrder[d]! += from.outOfOrder;
      this.zeroWindowMs[d]! += from.zeroWindowNs / 1e6;
      this.resets[d]! += from.resets;
    }
    this.servers.add(n.serverPort);
    this.devices.add(n.device);
  }

  get connections(): object {
    const { opened, refused, timedOut, resets } = this;
    return { opened, refused, timedOut, resets };
  }
}

/** What is told of these segments, up to the end of the capture. */
function sumOf(...frames: Frame[]): Sum {
  const sum = new Sum();
  new Ear({}, 64 << 20, sum).hear(...frames).end();
  return sum;
}

const none = { opened: 0, refused: 0, timedOut: 0, resets: [0, 0] };

describe('handshakes', () => {
  test('opened, from the SYN to the ACK', () => {
    const sum = sumOf(...open(), c(0, 'hello'), s(0, 'welcome', { acked: 5 }));
    assert.deepEqual(sum.connections, { ...none, opened: 1 });
    assert.deepEqual(sum.handshakesMs, [2]);
    assert.deepEqual(
      [sum.delivered, sum.lost],
      [
        [5, 7],
        [0, 0],
      ],
    );
  });

  test('SYNs sent again: the client has waited since the first', () => {
    const sum = sumOf(syn(), syn({ ms: 1000 }), synAck({ ms: 1 }), synAck({ ms: 200 }), c(0, '', { ms: 1 }), c(0, 'x'));
    assert.deepEqual(sum.connections, { ...none, opened: 1 });
    assert.deepEqual(sum.handshakesMs, [1202]);
    assert.deepEqual(sum.retransmitted, [0, 0], 'a SYN is no payload');
  });

  test('data that acknowledges the SYN opens as well; a FIN long after tells no duration', () => {
    assert.deepEqual(sumOf(syn(), synAck({ ms: 1 }), c(0, 'hi', { ms: 2 })).handshakesMs, [3]);
    const late = sumOf(syn(), synAck(), c(0, '', { flags: FIN | ACK, ms: 5000 }));
    assert.deepEqual([late.opened, late.handshakesMs], [1, []]);
  });

  test('the SYN-ACK was missed, or the SYN, or the ACK', () => {
    const noAnswer = sumOf(syn(), c(0, '', { ms: 2 }), c(0, 'x'));
    assert.deepEqual([noAnswer.opened, noAnswer.handshakesMs], [1, [2]]);
    const noSyn = sumOf(synAck(), c(0, '', { ms: 1 }));
    assert.deepEqual([noSyn.opened, noSyn.handshakesMs], [1, []]);
    const noAck = sumOf(syn(), synAck(), s(0, 'banner', { ms: 900 }));
    assert.deepEqual([noAck.opened, noAck.handshakesMs], [1, []]);
  });

  test('joined midway is not opened, but its bytes and its end count', () => {
    const sum = sumOf(c(100, 'hello'), s(50, 'welcome', { acked: 105 }), s(57, '', { flags: RST | ACK, acked: 105 }));
    assert.deepEqual(sum.connections, { ...none, resets: [0, 1] });
    assert.deepEqual(sum.delivered, [5, 7]);
    assert.deepEqual([...sum.servers], [7000], 'the lower port is the server');
  });

  test('a SYN captured behind its first data', () => {
    assert.equal(sumOf(c(0, 'hello'), syn(), synAck(), c(5, '!')).opened, 1);
  });

  test('both ends open at once, or over four segments: one connection', () => {
    const atOnce = sumOf(syn(), s(0, '', { flags: SYN }), c(0, '', { flags: SYN | ACK }), synAck(), c(0, 'hi'));
    assert.deepEqual(atOnce.connections, { ...none, opened: 1 });
    const split = sumOf(
      syn(),
      s(0, ''),
      s(0, '', { flags: SYN }),
      c(0, '', { flags: SYN | ACK }),
      s(0, ''),
      c(0, 'hi'),
    );
    assert.deepEqual(split.connections, { ...none, opened: 1 });
  });
});

describe('failures', () => {
  const rst = (o: Rest = {}): Frame => s(0, '', { flags: RST | ACK, seqShift: -1, ...o });

  test('refused: a RST answers the SYN', () => {
    const sum = sumOf(syn(), rst());
    assert.deepEqual(sum.connections, { ...none, refused: 1 });
    assert.deepEqual(sumOf(syn(), rst(), syn({ ms: 500 }), rst()).connections, sum.connections, 'the same SYN again');
    const next = link({ serverPort: 7000, isn: [77_777, 0] });
    const tries = sumOf(syn(), rst(), syn({ link: next, ms: 500 }), rst({ link: next }));
    assert.deepEqual(tries.connections, { ...none, refused: 2 }, 'another one from the same port');
  });

  test('timed out: SYNs at growing distances are one attempt, told when no other can be due', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum);
    ear.hear(syn());
    for (const [i, gap] of [1, 2, 4, 8, 16, 32].entries()) {
      for (let second = 1; second < gap; second++) ear.wait(1000);
      assert.equal(sum.timedOut, 0, `before SYN ${i + 2}`);
      ear.hear(syn({ ms: 1000 }));
    }
    for (let second = 0; second < 77; second++) ear.wait(1000);
    assert.equal(sum.timedOut, 0);
    for (let second = 0; second < 4; second++) ear.wait(1000);
    assert.deepEqual(sum.connections, { ...none, timedOut: 1 });
    assert.equal(ear.tcp.flows, 0);
  });

  test('timed out: a single SYN, after ten seconds; not at the end of a capture, for who knows', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum).hear(syn());
    for (let second = 0; second < 10; second++) ear.wait(1000);
    assert.equal(sum.timedOut, 0);
    ear.wait(1000);
    assert.deepEqual(sum.connections, { ...none, timedOut: 1 });
    assert.deepEqual(sumOf(syn(), syn({ ms: 1000 })).connections, none);
  });

  test('answered again and again, and nobody hears it: timed out', () => {
    const sum = new Sum();
    const ear = new Ear({ idleMs: 20_000 }, 64 << 20, sum).hear(syn(), synAck(), syn({ ms: 1000 }), synAck());
    for (let second = 0; second < 25; second++) ear.wait(1000);
    assert.deepEqual(sum.connections, { ...none, timedOut: 1 });
  });

  test('a server that is slow to answer has not failed', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum).hear(syn(), syn({ ms: 1000 }), syn({ ms: 2000 }));
    for (let second = 0; second < 4; second++) ear.wait(1000);
    ear.hear(syn({ ms: 1 }), synAck({ ms: 1 }), c(0, '', { ms: 1 })).end();
    assert.deepEqual(sum.connections, { ...none, opened: 1 });
    assert.deepEqual(sum.handshakesMs, [7003]);
  });

  test('reset, once, in the direction of the RST; far from the window it is nobody', () => {
    const talk = [...open(), c(0, 'hello'), s(0, 'hi', { acked: 5 })];
    const byClient = c(5, '', { flags: RST | ACK, acked: 2 });
    assert.deepEqual(sumOf(...talk, byClient, byClient).connections, { ...none, opened: 1, resets: [1, 0] });
    const byServer = s(2, '', { flags: RST | ACK, acked: 5 });
    assert.deepEqual(sumOf(...talk, byServer).connections, { ...none, opened: 1, resets: [0, 1] });
    const stray = s(2, '', { flags: RST, seqShift: 1 << 30 });
    assert.deepEqual(sumOf(...talk, stray).connections, { ...none, opened: 1 });
  });

  test('a scanner that goes away at the SYN-ACK: neither opened nor refused', () => {
    const sum = sumOf(syn(), synAck(), c(0, '', { flags: RST }));
    assert.deepEqual(sum.connections, { ...none, resets: [1, 0] });
  });

  test('an orderly end is no reset', () => {
    const sum = sumOf(
      ...open(),
      c(0, 'bye', { flags: FIN | ACK }),
      s(0, '', { flags: FIN | ACK, acked: 4 }),
      c(3, '', { acked: 1, seqShift: 1 }),
      c(3, '', { flags: RST, seqShift: 1 }),
    );
    assert.deepEqual(sum.connections, { ...none, opened: 1 });
    assert.deepEqual(
      [sum.delivered, sum.lost],
      [
        [3, 0],
        [0, 0],
      ],
      'FINs are no payload',
    );
  });
});

describe('bytes that come twice or late', () => {
  test('sent again, whole and in part', () => {
    const sum = sumOf(...open(), c(0, 'hello'), c(0, 'hello', { ms: 200 }), c(3, 'lo and more', { ms: 200 }));
    assert.deepEqual(sum.retransmitted, [7, 0]);
    assert.deepEqual(
      [sum.delivered, sum.lost, sum.outOfOrder],
      [
        [14, 0],
        [0, 0],
        [0, 0],
      ],
    );
  });

  test('a gap filled within a round trip was order, after that a loss; the rest of its segment is new', () => {
    const late = (ms: number): Sum =>
      sumOf(...open(), s(0, 'abc'), s(6, 'ghi'), s(3, 'def', { ms }), c(0, '', { acked: 9 }));
    assert.deepEqual(
      [late(1.9).outOfOrder, late(1.9).retransmitted],
      [
        [0, 3],
        [0, 0],
      ],
    );
    assert.deepEqual(
      [late(2.1).outOfOrder, late(2.1).retransmitted],
      [
        [0, 0],
        [0, 3],
      ],
    );
    assert.deepEqual(
      [late(2.1).delivered, late(2.1).lost],
      [
        [0, 9],
        [0, 0],
      ],
    );
    const more = sumOf(...open(), s(6, 'ghi'), s(0, 'abcdefghijkl', { ms: 1 }));
    assert.deepEqual(
      [more.outOfOrder, more.retransmitted, more.delivered],
      [
        [0, 6],
        [0, 3],
        [0, 12],
      ],
    );
  });

  test('a keep-alive is neither', () => {
    assert.deepEqual(sumOf(...open(), c(0, 'one'), c(2, 'e', { ms: 9000 })).retransmitted, [0, 0]);
  });

  test('copies from another device count nowhere; what its own device shows twice does', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum);
    // each packet passes the veth (2), then the bridge (4)
    const both = (...frames: Frame[]): void => {
      for (const f of frames) ear.at(2).hear(f).at(4).hear(f);
    };
    both(...open(), c(0, 'hello'), s(0, 'hi', { acked: 5 }));
    both(c(5, 'again', { acked: 2 }));
    both(c(5, 'again', { acked: 2, ms: 300 }));
    both(s(2, '', { acked: 10, window: 0 }));
    both(s(2, '', { acked: 10, ms: 40 }));
    both(c(10, '', { flags: RST | ACK, acked: 2 }));
    ear.end();
    assert.deepEqual(sum.connections, { ...none, opened: 1, resets: [1, 0] });
    assert.deepEqual(
      [sum.delivered, sum.lost],
      [
        [10, 2],
        [0, 0],
      ],
    );
    assert.deepEqual(
      [sum.retransmitted, sum.outOfOrder],
      [
        [5, 0],
        [0, 0],
      ],
    );
    assert.deepEqual([...sum.devices], [2]);
    assert.ok(Math.abs(sum.zeroWindowMs[TO_SERVER]! - 40.1) < 0.01, `${sum.zeroWindowMs}`);
    assert.equal(ear.counters.retransmittedSegments, 1, 'what spans say of their connection follows the same rule');
  });

  test('devices whose packets come in batches, now this one first and now that', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum);
    const batch = (device: number, ...frames: Frame[]): void => void ear.at(device).hear(...frames);
    const word = (n: number): Frame => c(5 * n, 'word ', { ms: 0.01 });
    batch(2, ...open(), word(0), word(1));
    batch(4, ...open(), word(0), word(1));
    batch(4, word(2), word(3), word(4));
    batch(2, word(2), word(3), word(4));
    batch(2, word(4));
    ear.end();
    assert.deepEqual([sum.opened, sum.delivered, sum.retransmitted], [1, [25, 0], [5, 0]]);
  });
});

describe('windows', () => {
  test('shut until it opens, for the direction that had to wait', () => {
    const sum = sumOf(
      ...open(),
      c(0, 'x'),
      s(0, '', { acked: 1, window: 0 }),
      s(0, '', { acked: 1, ms: 250 }),
      c(1, 'y'),
    );
    assert.deepEqual(sum.zeroWindowMs, [250, 0]);
  });

  test('shut for long: told second by second; a reset ends it', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum).hear(...open(), s(0, 'x'), c(0, '', { acked: 1, window: 0 }));
    for (let second = 0; second < 5; second++) ear.wait(1000);
    assert.deepEqual(sum.zeroWindowMs, [0, 5000]);
    ear.hear(s(1, '', { flags: RST | ACK, ms: 500 })).end();
    assert.deepEqual(sum.zeroWindowMs, [0, 5500]);
  });

  test('a RST or SYN without a window shuts nothing', () => {
    const sum = sumOf(
      syn({ window: 0 }),
      synAck({ window: 0 }),
      c(0, '', { ms: 100 }),
      c(0, '', { flags: RST, window: 0 }),
    );
    assert.deepEqual(sum.zeroWindowMs, [0, 0]);
  });
});

describe('what the capture lost', () => {
  test('proved by an acknowledgement, by what follows, by a FIN, by a bare ACK behind it', () => {
    const acked = sumOf(...open(), c(0, 'hello'), s(0, 'welcome', { acked: 15 }));
    assert.deepEqual(
      [acked.delivered, acked.lost],
      [
        [5, 7],
        [10, 0],
      ],
    );
    const gap = sumOf(...open(), c(10, 'hello'), s(0, '', { acked: 15 }));
    assert.deepEqual(
      [gap.delivered, gap.lost],
      [
        [5, 0],
        [10, 0],
      ],
    );
    const fin = sumOf(...open(), c(0, 'hello'), c(12, '', { flags: FIN | ACK }));
    assert.deepEqual(
      [fin.delivered, fin.lost],
      [
        [5, 0],
        [7, 0],
      ],
    );
    const bare = sumOf(...open(), c(0, 'hello'), c(9, ''));
    assert.deepEqual(
      [bare.delivered, bare.lost],
      [
        [5, 0],
        [4, 0],
      ],
    );
  });

  test('what the snaplen cut', () => {
    const sum = sumOf(...open(), c(0, 'hello world', { captured: 4 }), s(0, 'hi', { acked: 11 }));
    assert.deepEqual(
      [sum.delivered, sum.lost],
      [
        [4, 2],
        [7, 0],
      ],
    );
  });

  test('a FIN that was lost is no byte', () => {
    const bye = [s(0, '', { flags: FIN | ACK, acked: 6 }), c(5, '', { acked: 1, seqShift: 1 })];
    const sum = sumOf(...open(), c(0, 'hello'), ...bye);
    assert.deepEqual(
      [sum.delivered, sum.lost],
      [
        [5, 0],
        [0, 0],
      ],
    );
    const withData = sumOf(...open(), c(0, 'he'), ...bye);
    assert.deepEqual(
      [withData.delivered, withData.lost],
      [
        [2, 0],
        [3, 0],
      ],
    );
    // but without an end of the connection it is one
    const going = sumOf(...open(), c(0, 'hell'), s(0, 'ok', { acked: 5 }), c(5, '!', { acked: 2, ms: 50 }));
    assert.deepEqual(
      [going.delivered, going.lost],
      [
        [5, 2],
        [1, 0],
      ],
    );
  });

  test('another sequence space tells nothing of how much is missing', () => {
    const sum = sumOf(...open(), c(0, 'hello'), c(5, 'far', { seqShift: 1 << 29 }));
    assert.deepEqual(
      [sum.delivered, sum.lost],
      [
        [8, 0],
        [0, 0],
      ],
    );
  });

  // Conversations with random segments, of which random packets are taken out: to the byte, what was taken out is what is told as
  // lost. Every side acknowledges in the end, so that everything can be proved.
  for (let seed = 1; seed <= 200; seed++) {
    test(`packets taken out at random, seed ${seed}`, () => {
      const random = new Random(seed);
      const sent = [0, 0];
      const frames: Frame[] = [];
      const turns = 5 + random.below(40);
      for (let turn = 0; turn < turns; turn++) {
        const side = random.below(2) as Party;
        const bytes = 1 + random.below(1400);
        const talk = side === CLIENT ? c : s;
        frames.push(talk(sent[side]!, 'x'.repeat(bytes), { acked: sent[1 - side]!, ms: random.below(100) }));
        sent[side]! += bytes;
      }
      const kept = frames.filter(() => random.below(100) >= 15);
      const closing = random.below(2) === 0;
      const flags = closing ? FIN | ACK : ACK;
      const ends = [
        c(sent[CLIENT]!, '', { flags, acked: sent[SERVER]! }),
        s(sent[SERVER]!, '', { flags, acked: sent[CLIENT]! + (closing ? 1 : 0) }),
        c(sent[CLIENT]!, '', { acked: sent[SERVER]! + (closing ? 1 : 0), seqShift: closing ? 1 : 0 }),
      ];
      const got = [0, 0];
      for (const f of kept) got[f.side]! += f.to - f.from;
      const sum = sumOf(...open(), ...kept, ...ends);
      assert.deepEqual(sum.delivered, got);
      assert.deepEqual(sum.lost, [sent[0]! - got[0]!, sent[1]! - got[1]!]);
      assert.deepEqual([sum.opened, sum.retransmitted], [1, [0, 0]]);
    });
  }
});

describe('who hears of it, and when', () => {
  test('each second, and at the end; nothing new, nothing told', () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum).hear(...open(), c(0, 'hello'));
    ear.wait(500);
    assert.equal(sum.calls, 0, 'too young: it may be one of our own');
    ear.wait(600).wait(1000).wait(1000);
    assert.deepEqual([sum.calls, sum.opened, sum.delivered], [1, 1, [5, 0]]);
    ear.hear(c(5, '!')).end();
    assert.deepEqual([sum.calls, sum.opened, sum.delivered], [2, 1, [6, 0]]);
  });

  test("the agent's own connections never count, refused ones neither", () => {
    const sum = new Sum();
    const ear = new Ear({}, 64 << 20, sum).hear(...open(), c(0, 'POST'));
    ear.tcp.ignore('10.1.0.1:1025');
    ear.hear(c(4, 'more'), s(0, 'ok', { acked: 8 })).wait(5000);
    const refused = link({ serverPort: 7000, id: 2 });
    ear.hear(syn({ link: refused }), s(0, '', { flags: RST | ACK, seqShift: -1, link: refused }));
    ear.tcp.ignore('10.1.0.1:1026');
    ear.wait(400_000).end();
    assert.equal(sum.calls, 0);
  });
});
