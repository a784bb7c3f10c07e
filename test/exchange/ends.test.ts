import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ends } from '../../src/exchange/exchange.ts';

const FIELDS = [
  'ipVersion',
  'client0',
  'client1',
  'client2',
  'client3',
  'server0',
  'server1',
  'server2',
  'server3',
  'serverPort',
] as const;

function filled(): Ends {
  const e = new Ends();
  FIELDS.forEach((f, i) => {
    e[f] = i + 1;
  });
  return e;
}

test('ends that differ in the port of the client are kin, all others are not', () => {
  const e = filled();
  assert.ok(e.areKin(filled()));
  const other = filled();
  other.clientPort = 99;
  assert.ok(e.areKin(other));
  for (const field of FIELDS) {
    const stranger = filled();
    stranger[field] += 1;
    assert.ok(!e.areKin(stranger), field);
  }
  assert.ok(!e.areKin(filled().reversed()));
  const back = filled();
  back.fromServer = true;
  assert.ok(!e.areKin(back));
});

test('what is resolved for the origin is there for its kin, and the other way round', () => {
  const [first, second, stranger] = [filled(), filled(), filled()];
  second.origin = first;
  const [one, two] = [{}, {}];
  first.memo = one;
  assert.equal(second.memo, one);
  second.memo = two;
  assert.equal(first.memo, two);
  assert.equal(stranger.memo, null);
  assert.equal(second.clientAddress, stranger.clientAddress);
  assert.equal(second.serverAddress, stranger.serverAddress);
  assert.notEqual(second.clientAddress, second.serverAddress);
});
