/**
 * Connections that begin in plain text and go on in TLS: the handshake is found, one for each connection that the client has opened,
 * and nothing is read into what follows. Where the server refuses, the connection goes on in plain text.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { connect as connectNats, StringCodec } from 'nats';
import pg from 'pg';
import { attribute, type Span } from './otlp.ts';
import { lacking, must } from './program.ts';
import { DATABASE as SHOP, startMariadb } from './servers/mariadb.ts';
import { startNats } from './servers/nats.ts';
import { DATABASE, PASSWORD, startPostgresql, USER } from './servers/postgresql.ts';
import { emptyFolder, type Server, serverEnvironment, unprivileged } from './servers/server.ts';
import { ownAddress, Tap } from './tap.ts';

/** Stands in what is sent encrypted, and must not be found anywhere. */
const SECRET = 'attack at dawn';
const CONNECTIONS = 3;
const NEEDED = ['openssl', 'setpriv', 'mariadbd', 'initdb', 'postgres', 'psql', 'nats-server'];

describe('TLS behind a beginning in plain text', { skip: lacking(...NEEDED) }, () => {
  const tap = new Tap();
  const servers: Record<string, Server> = {};
  const clients: Record<string, string[]> = {};
  const versions: Record<string, string> = {};
  let certificate = '';

  const address = (of: string): string => {
    const own = ownAddress();
    clients[of] ??= [];
    clients[of].push(own);
    return own;
  };
  /** A socket of an address of its own. */
  const from = (localAddress: string, port: number): net.Socket =>
    net.connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  const spansOf = (of: string): Span[][] => clients[of]!.map((client) => tap.conversations.get(client) ?? []);

  before(async () => {
    const folder = emptyFolder('upgrades');
    const key = join(folder, 'own.key');
    const cert = join(folder, 'own.pem');
    certificate = cert;
    const subject = [
      '-subj',
      '/CN=database.test',
      '-days',
      '30',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ];
    await must(
      unprivileged(
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        ...subject,
      ),
    );
    servers.mysql = await startMariadb(`--ssl-cert=${cert}`, `--ssl-key=${key}`, '--tls-version=TLSv1.2,TLSv1.3');
    servers.postgresql = await startPostgresql({ ssl: 'on', ssl_cert_file: cert, ssl_key_file: key });
    servers.plain = await startPostgresql();
    servers.nats = await startNats(`tls { cert_file: "${cert}", key_file: "${key}" }`);
    await tap.open(
      Object.values(servers)
        .map(({ port }) => `tcp port ${port}`)
        .join(' or '),
    );
    for (let n = 0; n < CONNECTIONS; n++) {
      await speakMysql(servers.mysql.port);
      await speakPostgresql(servers.postgresql.port);
      await speakNats(servers.nats.port);
    }
    await preferTls(servers.plain.port);
    await tap.close();
  });
  after(async () => {
    for (const server of Object.values(servers)) await server.stop();
  });

  async function speakMysql(port: number): Promise<void> {
    const own = address('mysql');
    const c = await mysql.createConnection({
      stream: from(own, port),
      user: USER,
      password: PASSWORD,
      database: SHOP,
      ssl: { rejectUnauthorized: false },
    });
    await c.query(`SELECT '${SECRET}'`);
    const [rows] = (await c.query("SHOW STATUS LIKE 'Ssl_version'")) as unknown as [{ Value: string }[]];
    versions[own] = rows[0]!.Value;
    await c.end();
  }

  async function speakPostgresql(port: number): Promise<void> {
    const own = address('postgresql');
    const c = new pg.Client({
      stream: () => new BoundSocket(own),
      host: '127.0.0.1',
      port,
      user: USER,
      password: PASSWORD,
      database: DATABASE,
      ssl: { rejectUnauthorized: false },
    });
    await c.connect();
    await c.query(`SELECT '${SECRET}'`);
    const { rows } = await c.query<{ version: string }>('SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    versions[own] = rows[0]!.version;
    await c.end();
  }

  async function speakNats(port: number): Promise<void> {
    // its client takes no address of its own: the connection goes through a socket that has one
    const own = address('nats');
    const relay = net.createServer((socket) => {
      const onward = from(own, port);
      socket.pipe(onward).pipe(socket);
      socket.on('error', () => onward.destroy());
      onward.on('error', () => socket.destroy());
    });
    await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
    const c = await connectNats({
      port: (relay.address() as net.AddressInfo).port,
      user: USER,
      pass: PASSWORD,
      tls: { caFile: certificate },
      reconnect: false,
      timeout: 20_000,
    });
    c.publish('orders', StringCodec().encode(SECRET));
    await c.flush();
    await c.drain();
    await new Promise((done) => relay.close(done));
  }

  /** Asks for TLS, is refused, and goes on without on the same connection. */
  async function preferTls(port: number): Promise<void> {
    const at = `host=127.0.0.1 port=${port} user=${USER} dbname=${DATABASE} sslmode=prefer gssencmode=disable`;
    const env = { ...serverEnvironment(), PGPASSWORD: PASSWORD };
    assert.equal(await must(['psql', '-X', '-A', '-t', '-c', 'SELECT 40 + 2', at], { env }), '42\n');
  }

  for (const spoken of ['mysql', 'postgresql', 'nats']) {
    test(`${spoken}: a handshake for each connection, and nothing read into what is encrypted`, () => {
      for (const [i, spans] of spansOf(spoken).entries()) {
        const handshakes = spans.filter((s) => s.name === 'TLS handshake');
        assert.equal(handshakes.length, 1, `${spoken}: ${spans.map((s) => s.name)}`);
        assert.equal(spans.length, 1, `${spoken}: ${spans.map((s) => s.name)}`);
        const told = handshakes[0]!;
        assert.equal(attribute(told, 'tls.established'), true);
        assert.equal(attribute(told, 'server.port'), servers[spoken]!.port);
        const version = versions[clients[spoken]![i]!];
        if (version !== undefined) assert.equal(`TLSv${attribute(told, 'tls.protocol.version')}`, version);
      }
    });
  }

  test('postgresql: refused, it goes on in plain text', () => {
    const spans = [...tap.conversations.values()]
      .flat()
      .filter((s) => Number(attribute(s, 'server.port')) === servers.plain!.port);
    assert.ok(spans.every((s) => attribute(s, 'db.system.name') === 'postgresql'));
    assert.equal(spans.filter((s) => attribute(s, 'db.query.text') === 'SELECT ? + ?').length, 1);
  });

  test('nothing was misread', () => {
    for (const counter of ['violations', 'struck_off'])
      assert.equal(tap.total(`spantap.stream.${counter}`), 0, counter);
    assert.ok(tap.total('spantap.stream.handed_over') >= 3 * CONNECTIONS);
    assert.doesNotMatch(tap.sent, new RegExp(SECRET));
  });
});

/** pg connects the socket that it is given. */
class BoundSocket extends net.Socket {
  readonly #own: string;

  constructor(own: string) {
    super();
    this.#own = own;
  }

  override connect(...args: unknown[]): this {
    const [port, host] = args as [number, string];
    return super.connect({ port, host, localAddress: this.#own });
  }
}
