import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { proxyFor } from '../../src/export/proxy.ts';
import type { Environment } from '../../src/export/targets.ts';
import { Certificates } from './certificates.ts';
import { fakeCollector, sinkTo, text, until } from './collector.ts';
import { fakeProxy } from './fake-proxy.ts';
import { grpcCollector } from './grpc-collector.ts';

/** A name that only the proxy knows. */
const HOST = 'collector.test';
const LOGIN = { user: 'tap', password: 'hunter2/:@' };
const BASIC = `Basic ${btoa(`${LOGIN.user}:${LOGIN.password}`)}`;

const certificates = new Certificates();
certificates.make('ca', 'authority');
certificates.make('server', HOST, 'ca', { names: `DNS:${HOST}` });
certificates.make('proxy', 'localhost', 'ca');
const pair = (name: string): { key: Buffer; cert: Buffer } => ({
  key: readFileSync(certificates.file(`${name}.key`)),
  cert: readFileSync(certificates.file(`${name}.crt`)),
});
const address = (port: number, scheme = 'http'): string =>
  `${scheme}://${LOGIN.user}:${encodeURIComponent(LOGIN.password)}@localhost:${port}`;
const collectorOf = (protocol: string, secure: boolean) => {
  if (protocol !== 'grpc') return fakeCollector(0, secure ? pair('server') : null);
  const file = (name: string): string => certificates.file(name);
  return grpcCollector(0, secure ? { key: file('server.key'), cert: file('server.crt'), clientCa: '' } : null);
};

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

for (const protocol of ['http/protobuf', 'grpc'] as const) {
  for (const secure of [false, true]) {
    test(`${protocol}${secure ? ' over TLS' : ''} goes through the proxy, and what goes there is announced`, async (t) => {
      const collector = await collectorOf(protocol, secure);
      t.after(() => collector.close());
      const proxy = await fakeProxy(collector.port);
      t.after(() => proxy.close());
      const kit = sinkTo(
        0,
        {
          protocol,
          endpoints: [`${secure ? 'https' : 'http'}://${HOST}:${collector.port}`],
          tls: certificates.files('ca'),
        },
        { env: { [secure ? 'https_proxy' : 'HTTP_PROXY']: address(proxy.port) } },
      );
      t.after(() => kit.sink.close());
      for (const body of ['one', 'two']) {
        kit.sink.enqueue('traces', text(body), 1);
        assert.ok(await kit.sink.flush(5000), JSON.stringify(kit.log.lines));
      }
      assert.deepEqual(
        collector.received.map((r) => r.body),
        ['one', 'two'],
      );
      const target = `${HOST}:${collector.port}`;
      const tunnelled = secure || protocol === 'grpc';
      const asked = tunnelled ? [`CONNECT ${target}`] : Array(2).fill(`POST http://${target}/v1/traces`);
      assert.deepEqual(
        proxy.asked.map((a) => a.line),
        asked,
      );
      for (const a of proxy.asked) {
        assert.equal(a.authorization, BASIC);
        assert.equal(a.host, target);
        assert.deepEqual(kit.announced, [a.remotePort]);
      }
      assert.deepEqual(kit.log.lines, []);
    });
  }

  test(`${protocol}: a proxy that wants another password, and then does not: nothing is lost, and no secret told`, async (t) => {
    const collector = await collectorOf(protocol, false);
    t.after(() => collector.close());
    const proxy = await fakeProxy(collector.port);
    t.after(() => proxy.close());
    proxy.status = 407;
    const endpoints = [`http://${HOST}:${collector.port}`];
    const kit = sinkTo(0, { protocol, endpoints }, { env: { http_proxy: address(proxy.port) } });
    t.after(() => kit.sink.close());
    kit.sink.enqueue('traces', text('kept'), 3);
    await until(() => proxy.asked.length >= 3);
    assert.equal(kit.reading('queue_items'), 3);
    assert.match(String(kit.log.lines[0]!.fields.reason), /407/);
    proxy.status = 200;
    await until(() => kit.reading('sent_items') === 3);
    assert.equal(collector.received.at(-1)!.body, 'kept');
    const told = JSON.stringify(kit.log.lines);
    for (const secret of [LOGIN.password, encodeURIComponent(LOGIN.password), BASIC.slice(6)]) {
      assert.ok(!told.includes(secret), told);
    }
  });

  test(`${protocol}: TLS to the proxy as well, and no proxy where NO_PROXY says so`, async (t) => {
    const before = getCACertificates('default');
    setDefaultCACertificates([readFileSync(certificates.file('ca.crt'), 'utf8')]);
    t.after(() => setDefaultCACertificates(before));
    const collector = await collectorOf(protocol, true);
    t.after(() => collector.close());
    const proxy = await fakeProxy(collector.port, pair('proxy'));
    t.after(() => proxy.close());
    const env = { HTTPS_PROXY: address(proxy.port, 'https') };
    const change = { protocol, endpoints: [`https://${HOST}:${collector.port}`], tls: certificates.files('ca') };
    const kit = sinkTo(0, change, { env });
    t.after(() => kit.sink.close());
    kit.sink.enqueue('traces', text('twice wrapped'), 1);
    assert.ok(await kit.sink.flush(5000), JSON.stringify(kit.log.lines));
    assert.equal(collector.received.at(-1)!.body, 'twice wrapped');
    assert.equal(proxy.asked.length, 1);

    const direct = sinkTo(0, change, { env: { ...env, NO_PROXY: `.test:${collector.port}` } });
    t.after(() => direct.sink.close());
    direct.sink.enqueue('traces', text('x'), 1);
    await until(() => direct.log.lines.length > 0);
    assert.match(String(direct.log.lines[0]!.fields.reason), /ENOTFOUND|EAI_AGAIN/); // nobody else knows the name
    assert.equal(proxy.asked.length, 1);
  });
}
