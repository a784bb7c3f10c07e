/** TCP as it is, segment by segment: handshakes, ends, disorder, and the bounds of all that is kept. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACK, FIN, type Frame, type Link, RST, SYN } from '../kit/frame.ts';
import { Random } from '../kit/random.ts';
import { link } from '../kit/wire.ts';
import { c, HERE, s } from './segments.ts';
import { Ear } from './spy.ts';

const open = (l = HERE): Frame[] => [
  c(0, '', { flags: SYN, link: l }),
  s(0, '', { flags: SYN | ACK, link: l }),
  c(0, '', { link: l }),
];

/** Text of each direction that was heard; a hole is shown as its length in angle brackets. */
function heard(ear: Ear): string[] {
  return ear.heard.map((h) => {
    let offset = 0;
    let text = '';
    for (const stretch of h.stretches) {
      if (stretch.at > offset) text += `<${stretch.at - offset}>`;
      text += stretch.bytes.toString('latin1');
      offset = stretch.at + stretch.bytes.length;
    }
    return text;
  });
}

describe('handshake', () => {
  test('the SYN says who the client is', () => {
    const ear = new Ear().hear(...open(), s(0, 'welcome'), c(0, 'hello', { acked: 7 }));
    assert.deepEqual(heard(ear), ['hello', 'welcome']);
    assert.equal(ear.heard[0]!.from, '10.1.0.1:1025');
    assert.equal(ear.counters.connectionsFromSyn, 1);
  });

  test('a SYN sent again belongs to its connection', () => {
    const again = c(0, '', { flags: SYN });
    const ear = new Ear().hear(
      again,
      again,
      ...open(),
      s(0, '', { flags: SYN | ACK }),
      c(0, 'hello'),
      again,
      c(5, '!'),
    );
    assert.deepEqual(heard(ear), ['hello!', '']);
    assert.equal(ear.counters.connections, 1);
  });

  test('a SYN captured behind the first data belongs to its connection', () => {
    const ear = new Ear().hear(
      c(0, 'hello'),
      c(0, '', { flags: SYN }),
      s(0, '', { flags: SYN | ACK }),
      s(0, 'yes', { acked: 5 }),
    );
    assert.deepEqual(heard(ear), ['hello', 'yes']);
    assert.equal(ear.counters.connections, 1);
  });

  test('only the SYN-ACK was captured', () => {
    const ear = new Ear().hear(s(0, '', { flags: SYN | ACK }), c(0, ''), s(0, 'welcome'), c(0, 'hello', { acked: 7 }));
    assert.deepEqual(heard(ear), ['hello', 'welcome']);
    assert.equal(ear.heard[0]!.from, '10.1.0.1:1025');
  });

  test('both ends open at once (RFC 9293 section 3.5)', () => {
    const ear = new Ear().hear(
      c(0, '', { flags: SYN }),
      s(0, '', { flags: SYN }),
      c(0, '', { flags: SYN | ACK }),
      s(0, '', { flags: SYN | ACK }),
      c(0, 'hello'),
      s(0, 'welcome', { acked: 5 }),
    );
    assert.deepEqual(heard(ear), ['hello', 'welcome']);
    assert.equal(ear.counters.connections, 1);
  });

  test('the handshake split over four segments', () => {
    const ear = new Ear().hear(
      c(0, '', { flags: SYN }),
      s(0, '', { flags: ACK }),
      s(0, '', { flags: SYN }),
      c(0, '', { flags: SYN | ACK }),
      s(0, ''),
      c(0, 'hello'),
      s(0, 'welcome', { acked: 5 }),
    );
    assert.deepEqual(heard(ear), ['hello', 'welcome']);
    assert.equal(ear.heard[0]!.from, '10.1.0.1:1025');
  });

  test('data on the SYN (RFC 7413)', () => {
    const ear = new Ear().hear(
      c(0, 'early ', { flags: SYN }),
      s(0, '', { flags: SYN | ACK, acked: 6 }),
      c(6, 'and late'),
      s(0, 'ok', { acked: 14 }),
    );
    assert.deepEqual(heard(ear), ['early and late', 'ok']);
  });

  test('data on the SYN that the server refused is sent again', () => {
    const ear = new Ear().hear(
      c(0, 'early ', { flags: SYN }),
      s(0, '', { flags: SYN | ACK, acked: 0 }),
      c(0, 'early and late'),
      s(0, 'ok', { acked: 14 }),
    );
    assert.deepEqual(heard(ear), ['early and late', 'ok']);
  });

  test('the next connection on the same ports', () => {
    const next = link({ serverPort: 7000, isn: [77, 99] });
    const ear = new Ear().hear(
      ...open(),
      c(0, 'first'),
      c(5, '', { flags: FIN | ACK }),
      s(0, '', { flags: FIN | ACK, acked: 6 }),
      ...open(next),
      c(0, 'second', { link: next }),
    );
    assert.deepEqual(heard(ear), ['first', '', 'second', '']);
    assert.equal(ear.counters.closedOrderly, 1);
  });

  test('the next connection on the same ports when the end of the first was not captured', () => {
    const next = link({ serverPort: 7000, isn: [77, 99] });
    const ear = new Ear().hear(...open(), c(0, 'first'), ...open(next), c(0, 'second', { link: next }));
    assert.deepEqual(heard(ear), ['first', '', 'second', '']);
    assert.equal(ear.counters.connections, 2);
    assert.equal(ear.tcp.flows, 1);
  });
});

describe('end', () => {
  test('a half-closed connection is heard to its end', () => {
    const ear = new Ear().hear(
      ...open(),
      c(0, 'ask', { flags: FIN | ACK }),
      s(0, 'an', { acked: 4 }),
      s(2, 'swer', { acked: 4 }),
      s(6, '', { flags: FIN | ACK, acked: 4 }),
    );
    assert.deepEqual(heard(ear), ['ask', 'answer']);
    assert.deepEqual(
      ear.heard.map((h) => h.ended),
      [true, true],
    );
    assert.equal(ear.counters.closedOrderly, 1);
  });

  test('a FIN waits for the bytes in front of it', () => {
    const ear = new Ear().hear(...open(), c(0, 'a'), c(3, '', { flags: FIN | ACK }));
    assert.equal(ear.heard[0]!.ended, false);
    ear.hear(c(1, 'sk'));
    assert.deepEqual(heard(ear), ['ask', '']);
    assert.equal(ear.heard[0]!.ended, true);
  });

  test('the acknowledgement of a FIN proves what was lost in front of it, and the connection ends', () => {
    const bye = [
      s(7, '', { flags: FIN | ACK, acked: 5 }),
      c(5, '', { flags: FIN | ACK, acked: 8 }),
      s(7, '', { acked: 6, seqShift: 1 }),
    ];
    const ear = new Ear().hear(...open(), c(0, 'hello'), ...bye);
    ear.wait(1000).wait(3000);
    assert.deepEqual([ear.counters.holes, ear.counters.holeBytes], [1, 'welcome'.length]);
    assert.equal(ear.tcp.flows, 0);
    assert.equal(ear.counters.expiredIdle, 0);
  });

  test('the acknowledgement of a FIN is no sign of a loss', () => {
    const ear = new Ear()
      .hear(
        ...open(),
        c(0, 'ask'),
        c(3, '', { flags: FIN | ACK }),
        s(0, '', { acked: 4 }),
        s(0, 'answer', { acked: 4 }),
      )
      .wait(5000)
      .end();
    assert.deepEqual(heard(ear), ['ask', 'answer']);
    assert.equal(ear.counters.holes, 0);
  });

  test('a FIN that was not captured costs one byte that nobody missed', () => {
    const ear = new Ear()
      .hear(...open(), c(0, 'ask'), s(0, 'answer', { acked: 4 }))
      .wait(1000)
      .end();
    assert.deepEqual(heard(ear), ['ask', 'answer']);
    assert.equal(ear.counters.holeBytes, 1);
  });

  test('a reset ends both directions', () => {
    const ear = new Ear().hear(
      ...open(),
      c(0, 'ask'),
      s(0, '', { flags: RST | ACK, acked: 3 }),
      s(0, 'late', { acked: 3 }),
    );
    assert.deepEqual(heard(ear), ['ask', '']);
    assert.equal(ear.counters.closedByReset, 1);
  });

  test('a reset from far outside the window is not believed (RFC 5961)', () => {
    const forged = link({ serverPort: 7000, isn: [HERE.isn[0], HERE.isn[1] + 0x40000000] });
    const ear = new Ear().hear(
      ...open(),
      c(0, 'ask'),
      s(0, 'an', { acked: 3 }),
      s(0, '', { flags: RST, link: forged }),
    );
    ear.hear(s(2, 'swer', { acked: 3 }));
    assert.deepEqual(heard(ear), ['ask', 'answer']);
    assert.equal(ear.counters.closedByReset, 0);
  });

  test('stragglers of a finished connection open no new one, and its entry goes away', () => {
    const ear = new Ear().hear(...open(), c(0, 'ask'), s(0, '', { flags: RST }), c(3, 'more'), c(7, 'and more'));
    assert.equal(ear.counters.connections, 1);
    ear.wait(1000);
    assert.equal(ear.tcp.flows, 1);
    ear.wait(2000);
    assert.equal(ear.tcp.flows, 0);
    assert.equal(ear.used('flows'), 0);
  });

  test('a bare acknowledgement, FIN or RST of nobody opens nothing', () => {
    const ear = new Ear().hear(c(0, ''), s(0, '', { flags: FIN | ACK }), c(0, '', { flags: RST }));
    assert.equal(ear.tcp.flows, 0);
  });
});

describe('order', () => {
  test('segments that overtook each other', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(8, 'three'), c(4, 'two '), c(13, '.'));
    assert.deepEqual(heard(ear), ['one two three.', '']);
    assert.equal(ear.counters.outOfOrderSegments, 1);
    assert.equal(ear.used('reassembly'), 0);
  });

  test('where bytes differ, those that were captured first count', () => {
    const ear = new Ear().hear(...open(), c(0, 'a'), c(3, 'DEF'), c(1, 'bcxx'), c(0, 'zzzzzz'), c(6, '.'));
    assert.deepEqual(heard(ear), ['abcDEF.', '']);
    assert.equal(ear.counters.retransmittedSegments, 2, 'one of them brought some new bytes as well');
  });

  test('a retransmission that brings new bytes as well', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(0, 'xxxxtwo'));
    assert.deepEqual(heard(ear), ['one two', '']);
    assert.equal(ear.counters.retransmittedSegments, 1);
  });

  test('keep-alives are counted and nothing else', () => {
    const ear = new Ear().hear(...open(), c(0, 'one'), c(2, '\0'), c(2, ''), c(3, ' two'));
    assert.deepEqual(heard(ear), ['one two', '']);
    assert.equal(ear.counters.keepAlives, 1);
    assert.equal(ear.counters.retransmittedSegments, 0);
  });

  test('zero windows are counted', () => {
    const ear = new Ear().hear(...open(), c(0, 'one'), s(0, '', { window: 0, acked: 3 }), s(0, '', { acked: 3 }));
    assert.equal(ear.counters.zeroWindows, 1);
  });

  test('a response captured in front of its request waits for it', () => {
    const ear = new Ear().hear(...open(), s(0, 'answer', { acked: 3 }), c(0, 'ask'));
    const times = ear.heard.map((h) => h.stretches[0]!.timeNs);
    assert.deepEqual(heard(ear), ['ask', 'answer']);
    assert.ok(times[1]! < times[0]!); // each keeps its own capture time
    assert.equal(ear.counters.holes, 0);
  });

  test('sequence numbers wrap in the middle of a segment, of disorder, and of a hole', () => {
    for (const isn of [-1, -3, -4, -5, -9, -12]) {
      const l = link({ serverPort: 7000, isn: [isn >>> 0, isn >>> 0] });
      const ear = new Ear().hear(
        ...open(l),
        c(0, 'one ', { link: l }),
        c(8, 'three', { link: l }),
        c(4, 'two ', { link: l }),
        c(15, 'end', { link: l }),
        s(0, '', { acked: 18, link: l }),
      );
      ear.wait(1000);
      assert.deepEqual(heard(ear), ['one two three<2>end', ''], `initial sequence number ${isn}`);
    }
  });

  test('the same segments in any order give the same bytes', () => {
    const text = 'The quick brown fox jumps over the lazy dog and comes back.';
    for (let seed = 0; seed < 200; seed++) {
      const random = new Random(seed);
      const parts: Frame[] = [];
      for (let at = 0; at < text.length; ) {
        const n = random.between(1, 9);
        parts.push(c(at, text.slice(at, at + n)));
        at += n;
      }
      for (let i = parts.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [parts[i], parts[j]] = [parts[j]!, parts[i]!];
      }
      const ear = new Ear().hear(...open(), ...parts).end();
      assert.equal(heard(ear)[0], text, `seed ${seed}`);
      assert.equal(ear.counters.holes, 0);
      assert.equal(ear.used('reassembly'), 0);
    }
  });
});

describe('loss', () => {
  test('is declared when the receiver acknowledged what is missing, after the grace', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(8, 'three'), s(0, '', { acked: 13 }));
    ear.hear(c(13, '.', { ms: 10 }));
    assert.deepEqual(heard(ear), ['one ', '']);
    ear.hear(c(14, '.', { ms: 11 }));
    assert.deepEqual(heard(ear), ['one <4>three..', '']);
    assert.deepEqual([ear.counters.holes, ear.counters.holeBytes, ear.heard[0]!.gaps], [1, 4, 1]);
  });

  test('without an acknowledgement it is waited for three seconds', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(8, 'three')).wait(2900);
    assert.deepEqual(heard(ear), ['one ', '']);
    ear.wait(200);
    assert.deepEqual(heard(ear), ['one <4>three', '']);
  });

  test('at the end of the capture nothing is waited for', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(8, 'three')).end();
    assert.deepEqual(heard(ear), ['one <4>three', '']);
    assert.equal(ear.used('reassembly'), 0);
  });

  test('what comes after it was given up is a retransmission', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(8, 'three')).wait(4000);
    ear.hear(c(4, 'two '), c(13, '.'));
    assert.deepEqual(heard(ear), ['one <4>three.', '']);
    assert.equal(ear.counters.retransmittedSegments, 1);
  });

  test('the answer waits for the hole in what it answers', () => {
    const ear = new Ear().hear(...open(), c(0, 'one '), c(8, 'three'), s(0, 'answer', { acked: 13 }));
    assert.deepEqual(heard(ear), ['one ', '']);
    ear.wait(100);
    assert.deepEqual(heard(ear), ['one <4>three', 'answer']);
  });

  test('the snaplen leaves a hole in every segment', () => {
    const ear = new Ear().hear(
      ...open(),
      c(0, 'one two', { captured: 3 }),
      c(7, 'three', { captured: 0 }),
      c(12, 'four'),
    );
    assert.deepEqual(heard(ear), ['one<9>four', '']);
    assert.equal(ear.counters.holes, 2);
  });

  test('a jump beyond any window starts anew', () => {
    const far = link({ serverPort: 7000, isn: [HERE.isn[0] + 0x30000000, HERE.isn[1]] });
    const ear = new Ear()
      .hear(...open(), c(0, 'before'), c(0, 'behind', { link: far }), c(6, '.', { link: far }))
      .end();
    assert.deepEqual(heard(ear), ['before<1>behind.', '']);
  });
});

describe('bounds', () => {
  test('out-of-order bytes of one direction are kept up to maxReorderBytes, then the hole is declared', () => {
    const ear = new Ear({ maxReorderBytes: 4096 }).hear(...open(), c(0, 'x'));
    for (let i = 0; i < 20; i++) {
      ear.hear(c(10 + 500 * i, 'y'.repeat(500)));
      assert.ok(ear.used('reassembly') <= 4096);
    }
    assert.equal(ear.counters.forcedHoles, 1);
    assert.deepEqual(heard(ear), [`x<9>${'y'.repeat(10_000)}`, '']);
  });

  test('a segment larger than all that may be kept is a hole', () => {
    const ear = new Ear({ maxReorderBytes: 1000 })
      .hear(...open(), c(0, 'x'), c(10, 'y'.repeat(2000)), c(2010, 'z'))
      .end();
    assert.equal(ear.counters.forcedHoles > 0, true);
    assert.equal(ear.used('reassembly'), 0);
    assert.equal(heard(ear)[0]!.replace(/<\d+>/, ''), 'xz');
  });

  test('the memory budget bounds what is kept', () => {
    const ear = new Ear({}, 20_000).hear(...open(), c(0, 'x'));
    for (let i = 0; i < 100; i++) ear.hear(c(10 + 1010 * i, 'y'.repeat(1000)));
    assert.ok(ear.budget.used <= 20_000);
    assert.ok(ear.counters.forcedHoles > 0);
    ear.end();
    assert.equal(ear.used('reassembly'), 0);
  });

  test('connections come and go by the thousand', () => {
    const ear = new Ear();
    const links = Array.from({ length: 10_000 }, (_, i) => link({ id: i, serverPort: 7000 }));
    for (const l of links) ear.hear(...open(l).map((f) => ({ ...f, gapNs: 100 })));
    assert.equal(ear.tcp.flows, 10_000);
    for (const l of links) ear.hear({ ...c(0, `from ${l.id}`, { link: l }), gapNs: 100 });
    for (const l of links.filter((_, i) => i % 3 !== 0)) ear.hear({ ...s(0, '', { flags: RST, link: l }), gapNs: 100 });
    ear.wait(3000);
    assert.equal(ear.tcp.flows, 3334);
    for (const l of links.filter((_, i) => i % 3 === 0)) {
      const at = `from ${l.id}`.length;
      ear.hear({ ...c(at, ' again', { link: l }), gapNs: 100 });
    }
    assert.equal(ear.counters.connections, 10_000);
    links.forEach((l, i) => {
      assert.equal(ear.heard[2 * i]!.text, i % 3 === 0 ? `from ${l.id} again` : `from ${l.id}`);
    });
    ear.wait(400_000).wait(400_000);
    assert.equal(ear.tcp.flows, 0);
    assert.equal(ear.used('flows'), 0);
  });

  test('maxFlows turns new connections away, but not those that replace finished ones', () => {
    const ear = new Ear({ maxFlows: 3 });
    const [one, two, three, four] = [1, 2, 3, 4].map((id) => link({ id, serverPort: 7000 })) as [
      Link,
      Link,
      Link,
      Link,
    ];
    ear.hear(...[one, two, three, four].flatMap(open));
    assert.equal(ear.tcp.flows, 3);
    assert.equal(ear.counters.refusedFlows, 2); // its SYN and SYN-ACK; a bare acknowledgement asks for nothing
    ear.hear(c(0, '', { flags: RST, link: two }), ...open(four), c(0, 'room', { link: four }));
    assert.equal(ear.tcp.flows, 3);
    assert.deepEqual(heard(ear), ['room', '']);
  });

  test('a half-open connection is forgotten after ten seconds, an open idle one after its idle time', () => {
    const [half, full] = [1, 2].map((id) => link({ id, serverPort: 7000 })) as [Link, Link];
    const ear = new Ear().hear(c(0, '', { flags: SYN, link: half }), ...open(full), c(0, 'hello', { link: full }));
    ear.wait(9000);
    assert.equal(ear.tcp.flows, 2);
    ear.wait(2000);
    assert.equal(ear.tcp.flows, 1);
    ear.wait(280_000);
    assert.equal(ear.tcp.flows, 1);
    ear.wait(20_000);
    assert.equal(ear.tcp.flows, 0);
    assert.equal(ear.counters.expiredIdle, 1);
    assert.equal(ear.used('flows'), 0);
  });

  test('in a crowded table a connection on which nobody speaks gives way after ten seconds', () => {
    const links = [1, 2, 3].map((id) => link({ id, serverPort: 7000 })) as [Link, Link, Link];
    for (const [maxFlows, left] of [
      [100, 3],
      [4, 1],
    ] as const) {
      const ear = new Ear({ maxFlows }).hear(...links.flatMap(open), c(0, 'hello', { link: links[1] }));
      ear.wait(9000);
      assert.equal(ear.tcp.flows, 3);
      ear.wait(2000);
      assert.equal(ear.tcp.flows, left);
    }
  });

  test('in a table that is nearly full a connection that rests gives way after a minute, and then there is room for others', () => {
    const links = [1, 2, 3, 4].map((id) => link({ id, serverPort: 7000 })) as [Link, Link, Link, Link];
    const [late] = links.splice(3) as [Link];
    for (const [maxFlows, early] of [
      [100, 0],
      [3, 3],
    ] as const) {
      const ear = new Ear({ maxFlows });
      for (const l of links) ear.hear(...open(l), c(0, 'hello', { link: l }));
      ear.wait(9000);
      assert.equal(ear.tcp.flows, 3);
      ear.wait(53_000);
      assert.equal(ear.tcp.flows, 3 - early);
      assert.equal(ear.counters.expiredEarly, early);
      ear.hear(...open(late), c(0, 'late', { link: late }));
      assert.equal(ear.counters.refusedFlows, 0);
    }
  });

  test('connections of the agent itself are passed over until it closes them', () => {
    const ear = new Ear();
    ear.tcp.ignore('10.1.0.1:1025');
    ear.hear(...open(), c(0, 'export'));
    assert.deepEqual(ear.heard, []);
    assert.equal(ear.counters.ignoredOwn > 0, true);
    ear.tcp.unignore('10.1.0.1:1025');
    const next = link({ serverPort: 7000, isn: [5, 6] });
    ear.hear(...open(next), c(0, 'traffic', { link: next })); // the same ports, at once
    assert.deepEqual(heard(ear), ['traffic', '']);
  });
});
