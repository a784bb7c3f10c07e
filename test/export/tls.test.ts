import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fakeCollector, sinkTo, text, until } from './collector.ts';

const folder = mkdtempSync(join(tmpdir(), 'spantap-tls-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
};

/** A certificate authority, or a certificate signed by one. */
function make(name: string, subject: string, signer = ''): void {
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`);
  const request = ['-key', `${name}.key`, '-subj', `/CN=${subject}`];
  if (signer === '') {
    openssl('req', '-x509', '-days', '2', '-out', `${name}.crt`, ...request);
    return;
  }
  openssl('req', '-new', '-out', `${name}.csr`, '-addext', `subjectAltName=DNS:localhost,IP:127.0.0.1`, ...request);
  const by = ['-CA', `${signer}.crt`, '-CAkey', `${signer}.key`, '-CAcreateserial', '-copy_extensions', 'copy'];
  openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, '-out', `${name}.crt`, ...by);
}

make('ca', 'authority');
make('other-ca', 'another authority');
make('server', 'localhost', 'ca');
make('client', 'agent', 'ca');
make('wrong-client', 'agent', 'other-ca');

const secure = () => ({
  key: readFileSync(file('server.key')),
  cert: readFileSync(file('server.crt')),
  ca: readFileSync(file('ca.crt')),
  requestCert: true,
  rejectUnauthorized: true,
});
const files = (ca: string, client: string) => ({
  caFile: file(`${ca}.crt`),
  certFile: file(`${client}.crt`),
  keyFile: file(`${client}.key`),
});

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
