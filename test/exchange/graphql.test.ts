import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRAPHQL_BYTES, isGraphql, readGraphql, readGraphqlTarget } from '../../src/exchange/http/graphql.ts';

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

test('parameters of a target', () => {
  const asked = (target: string): [string, string] => {
    const o = { graphqlType: '', graphqlName: '' };
    readGraphqlTarget(o, target);
    return [o.graphqlType, o.graphqlName];
  };
  const document = 'query Cart($id: ID!) { cart(id: $id) { total } }';
  const pairs: [string, [string, string]][] = [
    [`/graphql?query=${encodeURIComponent(document)}`, ['query', 'Cart']],
    [`/graphql?${new URLSearchParams({ variables: '{"id":1}', query: document })}`, ['query', 'Cart']],
    ['/graphql?query={me{name}}', ['query', '']],
    ['/graphql?query=%23%20who%0A%20mutation%20Pay%20%7Bpay%7D&x', ['mutation', 'Pay']],
    ['/graphql?operationName=B&query=query%20A%20{a}%20query%20B%20{b}', ['query', 'B']],
    ['/graphql?extensions=%7B%22persistedQuery%22%3A1%7D&operationName=Saved', ['', 'Saved']],
    [`/graphql?query=subscription%20OnPrice%20{p(x:"${'y'.repeat(5000)}")}`, ['subscription', 'OnPrice']],
  ];
  for (const [target, is] of pairs) assert.deepEqual(asked(target), is, target);
  for (const target of [
    '/graphql',
    '/graphql?',
    '/graphql?query',
    '/graphql?query=&operationName=',
    '/graphql?query=%',
    '/graphql?query=%ZZquery%20A{a}',
    '/graphql?operationName=a%20b',
    '/graphql?myquery=query%20A{a}',
    '/graphql?operationName=<b>',
  ])
    assert.deepEqual(asked(target), ['', ''], target);
});

test('what a body does not say, the parameters may have said', () => {
  const o = { graphqlType: '', graphqlName: '' };
  readGraphqlTarget(o, '/graphql?operationName=Cart');
  const body = Buffer.from('{"variables":{}}');
  readGraphql(o, body, 0, body.length);
  assert.deepEqual(o, { graphqlType: '', graphqlName: 'Cart' });
});

test('where GraphQL is served', () => {
  for (const target of ['/graphql', '/api/GraphQL', '/graphql?x=1', '/v1/graphql/shop'])
    assert.ok(isGraphql(target), target);
  for (const target of ['/graph', '/graphqlite', '/', '*', 'graphql']) assert.ok(!isGraphql(target), target);
});
