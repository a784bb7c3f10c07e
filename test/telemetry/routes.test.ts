import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OTHER_ROUTE, RouteTable, routeTemplate } from '../../src/telemetry/routes.ts';

test('ids are folded, words are kept', () => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['/users', '/users'],
    ['/users/', '/users/'],
    ['/users/42', '/users/{id}'],
    ['/users/42/orders/7', '/users/{id}/orders/{id}'],
    ['/v1/users', '/v1/users'],
    ['/api/v1.2/things', '/api/v1.2/things'],
    ['/orders/2024-01-31', '/orders/{id}'],
    ['/log/2024-01-31T10:00:00.000Z', '/log/{id}'],
    ['/x/de5980b8-fce3-4a37-aab9-b4ac3af7eedd', '/x/{id}'],
    ['/x/DE5980B8-FCE3-4A37-AAB9-B4AC3AF7EEDD', '/x/{id}'],
    ['/commit/9a70b8a5de5980b8fce34a37aab9b4ac3af7eedd', '/commit/{id}'],
    ['/commit/9a70b8a5', '/commit/{id}'],
    ['/facade', '/facade'],
    ['/deadbeef', '/deadbeef'],
    ['/feedback', '/feedback'],
    ['/mail/jane.doe@example.org', '/mail/{id}'],
    ['/@scope/package', '/@scope/package'],
    ['/s/dGhpcyBpcyBhIHRlc3Q1', '/s/{id}'],
    ['/s/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9', '/s/{id}'],
    ['/internationalization', '/internationalization'],
    ['/how-to-write-a-good-title', '/how-to-write-a-good-title'],
    ['/static/app.min.js', '/static/app.min.js'],
    ['/oauth2/token', '/oauth2/token'],
    ['/log4j', '/log4j'],
    ['/w3c', '/w3c'],
    ['//double', '//double'],
    [`/${'x'.repeat(100)}`, '/{id}'],
    [`${'/a'.repeat(40)}`, `${'/a'.repeat(16)}/{other}`],
    ['*', ''],
    ['', ''],
    ['example.org:443', ''],
  ];
  for (const [path, route] of cases) assert.equal(routeTemplate(path), route, path);
});

test('a hostile path costs time in proportion to its length only', () => {
  for (const unit of ['/', '/1', 'a', '%', '@.', '-', 'aA0']) {
    const path = `/${unit.repeat(1 << 18)}`;
    assert.ok(routeTemplate(path).length < 200);
  }
});

test('the routes of a service are bounded, those of others are not touched', () => {
  const routes = new RouteTable();
  const a = {};
  const b = {};
  const seen = new Set<string>();
  const letters = (n: number): string => [...String(n)].map((d) => 'abcdefghij'[Number(d)]).join('');
  for (let i = 0; i < 20_000; i++) seen.add(routes.of(a, `/word/${letters(i)}`));
  assert.equal(seen.size, 201);
  assert.ok(seen.has(OTHER_ROUTE));
  assert.equal(routes.of(a, '/word/a'), '/word/a'); // those that were there first stay
  assert.equal(routes.of(b, '/word/zzz'), '/word/zzz');
  assert.equal(routes.of(b, '*'), '');
});
