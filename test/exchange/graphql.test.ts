import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRAPHQL_BYTES, isGraphql, readGraphql } from '../../src/exchange/http/graphql.ts';

function read(body: string): [string, string] {
  const o = { graphqlType: '', graphqlName: '' };
  const b = Buffer.from(`xx${body}`);
  readGraphql(o, b, 2, b.length);
  return [o.graphqlType, o.graphqlName];
}

test('type and name of the operation', () => {
  assert.deepEqual(read('{"query":"query Cart($id: ID!) { cart(id: $id) { total } }"}'), ['query', 'Cart']);
  assert.deepEqual(read('{"operationName":"Pay","variables":{"n":1},"query":"mutation Pay { pay }"}'), [
    'mutation',
    'Pay',
  ]);
  assert.deepEqual(read('{"query" : "\\n  \\tsubscription\\n OnPrice { price }"}'), ['subscription', 'OnPrice']);
  assert.deepEqual(read('{"query":"{ me { name } }"}'), ['query', '']);
  assert.deepEqual(read('{"query":"query { me }","operationName":null}'), ['query', '']);
  assert.deepEqual(read('{"query":"query A { a } query B { b }","operationName":"B"}'), ['query', 'B']);
});

test('what the bound hides, or what is no GraphQL, is not named', () => {
  assert.deepEqual(read(`{"variables":{"x":"${'x'.repeat(GRAPHQL_BYTES)}"},"query":"query Late { a }"}`), ['', '']);
  for (const body of ['', '{}', '[1]', 'query { a }', '{"query":"fragment F on T { a }"}', '{"query":5}', '\0\xff'])
    assert.deepEqual(read(body), ['', ''], body);
});

test('where GraphQL is served', () => {
  for (const target of ['/graphql', '/api/GraphQL', '/graphql?x=1', '/v1/graphql/shop'])
    assert.ok(isGraphql(target), target);
  for (const target of ['/graph', '/graphqlite', '/', '*', 'graphql']) assert.ok(!isGraphql(target), target);
});
