/** The agent beside OpenSSL's server and client: what the client prints about its handshakes is what the spans say. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import pg from 'pg';
import { attribute, CLIENT, type Span } from './otlp.ts';
import { lacking, must, start } from './program.ts';
import { PASSWORD, startPostgresql, USER } from './servers/postgresql.ts';
import { emptyFolder, freePort, type Server, startServer, unprivileged } from './servers/server.ts';
import { durationMs, ownAddress, Tap } from './tap.ts';

/** `openssl ca` is the one of its commands that makes certificates of the past. */
const AUTHORITY = `
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
default_md = sha256
rand_serial = yes
policy = any
[any]
commonName = supplied
`;

/** Validity as YYYYMMDDHHMMSSZ, and the same as attributes have it. */
const VALID = { from: '20240101000000Z', to: '20491231235958Z', notAfter: '2049-12-31T23:59:58Z' };
const EXPIRED = { from: '20200101000000Z', to: '20200201030405Z', notAfter: '2020-02-01T03:04:05Z' };

interface Certificate {
  readonly file: string;
  readonly key: string;
}

/** Signed by itself; it belongs to nobody, as whom the servers run. */
async function certificate(folder: string, name: string, validity: typeof VALID): Promise<Certificate> {
  const files = { file: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const request = join(folder, `${name}.csr`);
  const o = { cwd: folder };
  const subject = ['-subj', `/CN=${name}`];
  const asked = ['openssl', 'req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', files.key, '-out', request];
  await must(unprivileged(...asked, ...subject), o);
  const signed = ['openssl', 'ca', '-batch', '-notext', '-config', 'ca.cnf', '-selfsign', '-keyfile', files.key];
  const dates = ['-startdate', validity.from, '-enddate', validity.to];
  await must(unprivileged(...signed, ...dates, '-in', request, '-out', files.file), o);
  return files;
}

/** What the client printed of one handshake, and how long it lived. */
interface Met {
  readonly address: string;
  readonly out: string;
  readonly code: number | null;
  readonly ms: number;
}

async function client(port: number, ...options: string[]): Promise<Met> {
  const address = ownAddress();
  const startMs = performance.now();
  const command = ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-bind', `${address}:0`, '-ign_eof'];
  const started = start([...command, ...options], { stdio: ['pipe', 'pipe', 'pipe'] });
  started.child.stdin!.on('error', () => {}); // it may be gone by now
  started.child.stdin!.end('GET / HTTP/1.0\r\n\r\n');
  const code = await started.ended(20_000);
  return { address, out: started.out + started.err, code, ms: performance.now() - startMs };
}

describe('beside openssl s_server', { skip: lacking('openssl', 'setpriv') }, () => {
  const tap = new Tap();
  const clients: Met[] = [];
  /** IANA's numbers of what OpenSSL calls cipher suites, as attributes have them. */
  const ciphers = new Map<string, string>();
  let port = 0;
  let old = 0;

  async function meet(to: number, ...options: string[]): Promise<Met> {
    const met = await client(to, ...options);
    clients.push(met);
    return met;
  }

  function spanOf(met: Met): Span {
    const spans = tap.conversations.get(met.address) ?? [];
    assert.equal(spans.length, 1, `${spans.length} spans; the client printed ${met.out}`);
    return spans[0]!;
  }

  /** The attributes of that client's only span are these, and of those that are undefined it has none. */
  function says(met: Met, expected: Record<string, string | number | boolean | undefined>): void {
    const span = spanOf(met);
    const told = Object.fromEntries(Object.keys(expected).map((key) => [key, attribute(span, key)]));
    assert.deepEqual(told, expected);
    assert.equal(span.kind, CLIENT);
    assert.equal(span.name, 'TLS handshake');
    assert.equal(span.status?.code ?? 0, expected['error.type'] === undefined ? 0 : 2);
  }

  /** The client printed that it had a session, new or resumed. */
  function agreed(met: Met, word: 'New' | 'Reused', version: string): { 'tls.cipher': string } {
    const line = /^(New|Reused), .*, Cipher is (\S+)$/m.exec(met.out);
    assert.ok(line !== null && met.code === 0, met.out);
    assert.equal(line[1], word);
    assert.match(met.out, new RegExp(`^\\s+Protocol\\s*: ${version.replace('.', '\\.')}$`, 'm'));
    return { 'tls.cipher': ciphers.get(line[2]!)! };
  }

  let full12: Met;
  let resumed12: Met;
  let full13: Met;
  let resumed13: Met;
  let nameless: Met;
  let unknown12: Met;
  let unknown13: Met;
  let expired: Met;
  let apart: Met;
  let selfSigned: Met;

  before(async () => {
    const folder = emptyFolder('tls');
    writeFileSync(join(folder, 'ca.cnf'), AUTHORITY);
    writeFileSync(join(folder, 'index'), '');
    for (const line of (await must(['openssl', 'ciphers', '-V', 'ALL'])).trim().split('\n')) {
      const [, high, low, name] = /^\s*0x(..),0x(..) - (\S+)/.exec(line)!;
      ciphers.set(name!, `0x${high}${low}`.toLowerCase());
    }
    const valid = await certificate(folder, 'shop.test', VALID);
    const past = await certificate(folder, 'old.test', EXPIRED);
    const server = async (own: Certificate, ...options: string[]): Promise<Server> => {
      const free = await freePort();
      const command = [
        'openssl',
        's_server',
        '-accept',
        `127.0.0.1:${free}`,
        '-www',
        '-cert',
        own.file,
        '-key',
        own.key,
      ];
      return startServer(free, [...command, ...options], { cwd: folder });
    };
    const names = ['-servername', 'shop.test', '-servername_fatal', '-cert2', valid.file, '-key2', valid.key];
    const servers = [await server(valid, ...names, '-alpn', 'http/1.0'), await server(past, '-tls1_2')] as const;
    [port, old] = [servers[0].port, servers[1].port];
    await tap.open(`tcp port ${port} or tcp port ${old}`);

    const trust = ['-CAfile', valid.file, '-verify_return_error'];
    const named = [...trust, '-servername', 'shop.test'];
    const kept = (version: string): string => join(folder, `session-${version}`);
    full12 = await meet(port, '-tls1_2', ...named, '-sess_out', kept('1.2'));
    resumed12 = await meet(port, '-tls1_2', ...named, '-sess_in', kept('1.2'));
    full13 = await meet(port, '-tls1_3', ...named, '-sess_out', kept('1.3'));
    resumed13 = await meet(port, '-tls1_3', ...named, '-sess_in', kept('1.3'));
    nameless = await meet(port, '-tls1_2', ...trust, '-noservername', '-alpn', 'http/1.1,http/1.0');
    unknown12 = await meet(port, '-tls1_2', ...trust, '-servername', 'nobody.test');
    unknown13 = await meet(port, '-tls1_3', ...trust, '-servername', 'nobody.test');
    expired = await meet(old, '-CAfile', past.file, '-verify_return_error', '-servername', 'old.test');
    selfSigned = await meet(port, '-tls1_3', '-verify_return_error', '-servername', 'shop.test');
    apart = await meet(old, '-tls1_3', '-servername', 'old.test');
    await tap.close();
    for (const s of servers) await s.stop();
  });

  test('TLS 1.2: a full handshake, and one that resumes it', () => {
    const common = {
      'tls.protocol.name': 'tls',
      'tls.protocol.version': '1.2',
      'tls.client.server_name': 'shop.test',
      'tls.next_protocol': undefined,
      'tls.established': true,
      'server.address': 'shop.test',
      'server.port': port,
      'error.type': undefined,
    };
    const full = agreed(full12, 'New', 'TLSv1.2');
    says(full12, { ...common, ...full, 'tls.resumed': false, 'tls.server.not_after': VALID.notAfter });
    // its server shows no certificate
    const resumed = agreed(resumed12, 'Reused', 'TLSv1.2');
    says(resumed12, { ...common, ...resumed, 'tls.resumed': true, 'tls.server.not_after': undefined });
  });

  test('TLS 1.3: the certificate is encrypted', () => {
    const common = {
      'tls.protocol.name': 'tls',
      'tls.protocol.version': '1.3',
      'tls.client.server_name': 'shop.test',
      'tls.next_protocol': undefined,
      'tls.server.not_after': undefined,
      'tls.established': true,
      'error.type': undefined,
    };
    says(full13, { ...common, ...agreed(full13, 'New', 'TLSv1.3'), 'tls.resumed': false });
    says(resumed13, { ...common, ...agreed(resumed13, 'Reused', 'TLSv1.3'), 'tls.resumed': true });
  });

  test('a client that names no server, but protocols', () => {
    assert.match(nameless.out, /^ALPN protocol: http\/1\.0$/m);
    says(nameless, {
      ...agreed(nameless, 'New', 'TLSv1.2'),
      'tls.client.server_name': undefined,
      'server.address': '127.0.0.1',
      'tls.established': true,
      'tls.next_protocol': 'http/1.0',
    });
  });

  test('a name that the server does not know', () => {
    for (const met of [unknown12, unknown13]) {
      assert.match(met.out, /tlsv1 unrecognized name/);
      says(met, {
        'tls.client.server_name': 'nobody.test',
        'tls.established': false,
        'tls.cipher': undefined,
        'error.type': 'unrecognized_name',
      });
    }
  });

  test('a certificate that the client refuses, since it has expired', () => {
    assert.match(expired.out, /certificate has expired/);
    says(expired, {
      'tls.protocol.version': '1.2',
      'tls.client.server_name': 'old.test',
      'tls.server.not_after': EXPIRED.notAfter,
      'tls.established': false,
      'error.type': 'certificate_expired',
    });
  });

  test('one that nobody vouches for, refused in TLS 1.3 in the clear', () => {
    assert.match(selfSigned.out, /verify error:num=18:self-signed certificate/);
    says(selfSigned, {
      'tls.protocol.version': '1.3',
      'tls.client.server_name': 'shop.test',
      'tls.established': false,
      'error.type': 'unknown_ca',
    });
  });

  test('no common version', () => {
    assert.match(apart.out, /alert protocol version/);
    says(apart, { 'tls.client.server_name': 'old.test', 'tls.established': false, 'error.type': 'protocol_version' });
  });

  test('no handshake is longer than its client lived, and nothing else is told', () => {
    for (const met of clients) {
      const ms = durationMs(spanOf(met));
      assert.ok(ms > 0 && ms <= met.ms, `${ms} ms of ${met.ms}`);
    }
    assert.deepEqual([...tap.conversations.keys()].sort(), clients.map((met) => met.address).sort());
  });

  test('the metric counts them, by what went wrong', () => {
    assert.deepEqual(tap.countsBy('spantap.tls.handshake.duration', 'error.type'), {
      '': 5,
      unrecognized_name: 2,
      certificate_expired: 1,
      unknown_ca: 1,
      protocol_version: 1,
    });
    assert.ok(tap.points('spantap.tls.handshake.duration').length > 1);
  });
});

describe('behind an SSLRequest of PostgreSQL', { skip: lacking('openssl', 'initdb', 'postgres', 'setpriv') }, () => {
  const tap = new Tap();
  let met: Met;

  before(async () => {
    const folder = emptyFolder('tls');
    writeFileSync(join(folder, 'ca.cnf'), AUTHORITY);
    writeFileSync(join(folder, 'index'), '');
    const own = await certificate(folder, 'database.test', VALID);
    const server = await startPostgresql();
    const { port } = server;
    await secured(port, own);
    await tap.open(`tcp port ${port}`);
    met = await client(port, '-starttls', 'postgres', '-tls1_2', '-CAfile', own.file, '-servername', 'database.test');
    await tap.close();
    await server.stop();
  });

  test('the handshake is found', () => {
    assert.match(met.out, /^New, .*, Cipher is \S+$/m);
    const spans = (tap.conversations.get(met.address) ?? []).filter((s) => s.name === 'TLS handshake');
    assert.equal(spans.length, 1);
    assert.equal(attribute(spans[0]!, 'tls.client.server_name'), 'database.test');
    assert.equal(attribute(spans[0]!, 'tls.server.not_after'), VALID.notAfter);
    assert.equal(attribute(spans[0]!, 'tls.established'), true);
    assert.ok(durationMs(spans[0]!) <= met.ms);
  });
});

/** The server takes over the certificate without being started again. */
async function secured(port: number, own: Certificate): Promise<void> {
  const c = new pg.Client({ host: '127.0.0.1', port, user: USER, password: PASSWORD, database: 'postgres' });
  await c.connect();
  await c.query(`ALTER SYSTEM SET ssl_cert_file = '${own.file}'`);
  await c.query(`ALTER SYSTEM SET ssl_key_file = '${own.key}'`);
  await c.query("ALTER SYSTEM SET ssl = 'on'");
  await c.query('SELECT pg_reload_conf()');
  for (let tries = 0; tries < 100; tries++) {
    const { rows } = await c.query<{ ssl: string }>('SHOW ssl');
    if (rows[0]!.ssl === 'on') break;
    await c.query('SELECT pg_sleep(0.05)');
  }
  await c.end();
}
