import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mysql } from '../../src/protocols/mysql/index.ts';
import { answer, ask, type Conversation, fin, mumble } from '../kit/conversation.ts';
import { CLIENT, isData, SERVER } from '../kit/frame.ts';
import { losses } from '../kit/losses.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { error, greeting, ok, query, result, sslRequest } from './mysql-packets.ts';
import { clientHello, record, serverHello } from './tls-conversations.ts';

/** Tables have the number of their request. Answers are errors, OK packets, and rows, as many as in several segments at times. */
losses(mysql, {
  request: (id, random) =>
    query(`SELECT a FROM item_${id} WHERE note = '${'n'.repeat(random.chance(0.2) ? 1500 : 20)}'`),
  response(id, random) {
    const code = this.status(id);
    if (code !== 0) return error(1, code);
    if (id % 3 === 0) return ok(1);
    const rows = random.chance(0.2) ? random.between(20, 300) : random.below(4);
    return result(
      Array.from({ length: rows }, (_, i) => [`row ${i} of some length`]),
      { bare: id % 2 === 0 },
    );
  },
  status: (id) => [0, 1062, 0, 1146, 0, 0, 1064, 1213, 1205, 0, 1040][id % 11]!,
  asked: (target) => Number(target.slice('SELECT item_'.length)),
});

test('TLS is found behind an SSLRequest that was lost', () => {
  const tls13 = Buffer.from('002b00020304', 'hex');
  const sealed = (length: number): Buffer => record(23, Buffer.alloc(length, 0x99));
  const talk: Conversation = {
    name: 'TLS',
    turns: [
      mumble(SERVER, greeting('8.0.36', -1)),
      mumble(CLIENT, sslRequest(0)),
      ask(0, record(22, clientHello())),
      answer(0, Buffer.concat([record(22, serverHello(0x1301, tls13)), record(20, Buffer.of(1)), sealed(900)])),
      mumble(CLIENT, Buffer.concat([record(20, Buffer.of(1)), sealed(58), sealed(200)])),
      mumble(SERVER, sealed(100)),
      fin(CLIENT),
      fin(SERVER),
    ],
    expected: [],
  };
  const whole = frames(talk, link({ serverPort: 3306 }));
  const request = whole.filter(isData)[1];
  for (const captured of [whole, whole.filter((f) => f !== request)]) {
    const { found } = new Rig().feed(captured).wait(1).end();
    assert.deepEqual(
      found.map((f) => [f.protocol, f.target]),
      [['tls', 'shop.example']],
    );
  }
});
