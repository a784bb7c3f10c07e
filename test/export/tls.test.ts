import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Certificates } from './certificates.ts';
import { fakeCollector, sinkTo, text, until } from './collector.ts';

const certificates = new Certificates();
const file = (name: string): string => certificates.file(name);

certificates.make('ca', 'authority');
certificates.make('other-ca', 'another authority');
certificates.make('server', 'localhost', 'ca');
certificates.make('client', 'agent', 'ca');
certificates.make('wrong-client', 'agent', 'other-ca');

const secure = () => ({
  key: readFileSync(file('server.key')),
  cert: readFileSync(file('server.crt')),
  ca: readFileSync(file('ca.crt')),
  requestCert: true,
  rejectUnauthorized: true,
});
const files = (ca: string, client: string) => certificates.files(ca, client);

test('mutual authentication, by address and by name; the bare connection is announced before the handshake', async (t) => {
  const collector = await fakeCollector(0, secure());
  t.after(() => collector.close());
  for (const host of ['127.0.0.1', 'localhost']) {
    const kit = sinkTo(0, { endpoints: [`https://${host}:${collector.port}`], tls: files('ca', 'client') });
    t.after(() => kit.sink.close());
    kit.sink.enqueue('traces', text(host), 1);
    assert.ok(await kit.sink.flush(5000), JSON.stringify(kit.log.lines));
    assert.equal(collector.received.at(-1)!.body, host);
    assert.deepEqual(kit.announced, [collector.received.at(-1)!.remotePort]);
  }
});

test('a stranger on either side is refused, and nothing is sent', async (t) => {
  const collector = await fakeCollector(0, secure());
  t.after(() => collector.close());
  const endpoint = `https://127.0.0.1:${collector.port}`;
  for (const tls of [
    files('other-ca', 'client'),
    files('ca', 'wrong-client'),
    { ...files('ca', 'client'), caFile: '' },
  ]) {
    const kit = sinkTo(0, { endpoints: [endpoint], tls });
    t.after(() => kit.sink.close());
    kit.sink.enqueue('traces', text('secret'), 1);
    await until(() => kit.log.lines.length > 0);
    assert.equal(await kit.sink.flush(100), false);
  }
  assert.equal(collector.received.length, 0);
});

test('a missing file is named, and certificates are read anew for each connection', async (t) => {
  const collector = await fakeCollector(0, secure());
  t.after(() => collector.close());
  const tls = { caFile: file('ca.crt'), certFile: file('later.crt'), keyFile: file('later.key') };
  const kit = sinkTo(0, { endpoints: [`https://127.0.0.1:${collector.port}`], tls });
  t.after(() => kit.sink.close());
  kit.sink.enqueue('traces', text('a'), 1);
  await until(() => kit.log.lines.length > 0);
  assert.match(String(kit.log.lines[0]!.fields.reason), /ENOENT.*later\.(crt|key)/);
  copyFileSync(file('client.key'), file('later.key'));
  copyFileSync(file('client.crt'), file('later.crt'));
  assert.ok(await kit.sink.flush(5000));
  assert.equal(collector.received.length, 1);
});
