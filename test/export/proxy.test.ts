import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyFor } from '../../src/export/proxy.ts';
import type { Environment } from '../../src/export/targets.ts';

const via = (url: string, env: Environment, grpc = false): string | null =>
  proxyFor(new URL(url), grpc, env)?.host ?? null;

test('which variable names the proxy', () => {
  const env = { HTTPS_PROXY: 'http://secure:3128', http_proxy: 'plain:8080' };
  assert.equal(via('https://c.example', env), 'secure:3128');
  assert.equal(via('http://c.example', env), 'plain:8080');
  assert.equal(via('http://c.example:4317', env, true), 'secure:3128');
  assert.equal(via('http://c.example:4317', { HTTP_PROXY: 'plain:8080' }, true), 'plain:8080');
  assert.equal(via('https://c.example', { HTTP_PROXY: 'plain:8080' }), null);
  assert.equal(via('https://c.example', { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:1' }), 'upper:1');
  assert.equal(via('https://c.example', {}), null);
});

test('who is asked directly', () => {
  const cases: [string, string, boolean][] = [
    // host, NO_PROXY, asked directly
    ['c.example', '', false],
    ['c.example', '*', true],
    ['c.example', 'c.example', true],
    ['C.example', 'other, c.EXAMPLE ', true],
    ['sub.c.example', 'c.example', true],
    ['xc.example', 'c.example', false],
    ['c.example', '.c.example', false],
    ['sub.c.example', '.c.example', true],
    ['sub.c.example', '*.c.example', true],
    ['c.example:4318', 'c.example:4318', true],
    ['c.example:4318', 'c.example:4317', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.0.0/16', true],
    ['10.2.2.3', '10.1.0.0/16', false],
    ['10.1.2.3', '2001:db8::/32', false],
    ['10.1.2.3', '2.3', false],
    ['[2001:db8::1]', '2001:db8::1', true],
    ['[2001:db8::1]:80', '[2001:db8::1]:80', true],
    ['[2001:db8::1]', '2001:db8::/32', true],
    ['c.example', '10.0.0.0/8,,:,/,[', false],
    ['localhost', '', true],
    ['127.8.9.10', '', true],
    ['[::1]', '', true],
  ];
  for (const [host, list, direct] of cases) {
    const found = via(`http://${host}`, { HTTP_PROXY: 'http://proxy', no_proxy: list });
    assert.equal(found, direct ? null : 'proxy', `${host} with NO_PROXY=${list}`);
  }
});
