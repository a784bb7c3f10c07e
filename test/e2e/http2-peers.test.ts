/** The agent beside HTTP/2 without TLS: node:http2 at both ends, and nghttpd under h2load. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, CLIENT, type Span } from './otlp.ts';
import { FOLDERS, lacking, must } from './program.ts';
import { emptyFolder, freePort, type Server, startServer } from './servers/server.ts';
import { durationMs, ownAddress, Tap } from './tap.ts';

/** One request by the client's own account. */
interface Asked {
  readonly method: string;
  readonly path: string;
  status: number;
  /** Name of the code with which the stream was broken off; '' when it was not. */
  reset: string;
  ms: number;
}

/** What the server does says the path: `/STATUS/...`. Everything else stands in the query. */
function serve(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
  const url = new URL(headers[':path']!, 'http://x');
  const q = url.searchParams;
  const status = Number(url.pathname.split('/')[1]);
  stream.on('error', () => {});
  if (q.has('refuse')) {
    stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    return;
  }
  if (q.has('hints')) stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
  const answer = (): void => {
    if (stream.destroyed) return;
    const more = q.has('large')
      ? Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-large-${i}`, 'v'.repeat(900)]))
      : {};
    if (q.has('trailers')) {
      stream.respond({ ':status': status }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': '17' }));
    } else stream.respond({ ':status': status, 'x-path': url.pathname, ...more });
    if (q.has('half')) {
      stream.write('half');
      setTimeout(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR), 20);
    } else stream.end(Buffer.alloc(Number(q.get('bytes') ?? 5), 'b'));
  };
  stream.on('end', () => {
    if (q.has('ms')) setTimeout(answer, Number(q.get('ms')));
    else answer();
  });
  stream.resume();
}

class Session {
  readonly address = ownAddress();
  readonly asked: Asked[] = [];
  readonly #session: http2.ClientHttp2Session;

  constructor(port: number, options: http2.SecureClientSessionOptions | http2.ClientSessionOptions = {}) {
    const socket = connect({ host: '127.0.0.1', port, localAddress: this.address });
    this.#session = http2.connect(`http://127.0.0.1:${port}`, { ...options, createConnection: () => socket });
    this.#session.on('error', () => {});
  }

  /** `end` of the session in order. */
  close(): Promise<void> {
    return new Promise((done) => this.#session.close(done));
  }

  settings(settings: http2.Settings): Promise<void> {
    return new Promise((done) => this.#session.settings(settings, () => done()));
  }

  ask(
    path: string,
    o: { method?: string; body?: Buffer; headers?: http2.OutgoingHttpHeaders; cancelMs?: number } = {},
  ): Promise<Asked> {
    const a: Asked = { method: o.method ?? 'GET', path, status: 0, reset: '', ms: 0 };
    this.asked.push(a);
    const startMs = performance.now();
    const stream = this.#session.request(
      { ':path': path, ':method': a.method, ...o.headers },
      { endStream: o.body === undefined },
    );
    if (o.body !== undefined) stream.end(o.body);
    if (o.cancelMs !== undefined) setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), o.cancelMs);
    return new Promise((done) => {
      stream.on('response', (headers) => {
        a.status = Number(headers[':status']);
      });
      stream.on('error', () => {});
      stream.on('close', () => {
        a.ms = performance.now() - startMs;
        const codes = Object.entries(http2.constants).filter(
          ([name, code]) => /^NGHTTP2_[A-Z]/.test(name) && code === stream.rstCode,
        );
        if (stream.rstCode !== 0)
          a.reset = codes
            .map(([name]) => name.slice(8))
            .find((name) => /^(CANCEL|REFUSED_STREAM|INTERNAL_ERROR)$/.test(name))!;
        done(a);
      });
      stream.resume();
    });
  }
}

const list = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

describe('node:http2 at both ends', { skip: lacking() }, () => {
  const tap = new Tap();
  const sessions: Session[] = [];
  let port = 0;

  function session(options: http2.ClientSessionOptions = {}): Session {
    const s = new Session(port, options);
    sessions.push(s);
    return s;
  }

  before(async () => {
    const server = http2.createServer({ paddingStrategy: http2.constants.PADDING_STRATEGY_MAX });
    server.on('stream', serve);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    port = (server.address() as AddressInfo).port;
    await tap.open(`tcp port ${port}`);
    await everything();
    for (const s of sessions) await s.close();
    server.close();
    await tap.close();
  });

  async function everything(): Promise<void> {
    const one = session();
    for (const status of [200, 201, 204, 301, 304, 400, 404, 418, 499, 500, 503]) {
      await one.ask(`/${status}/serial`);
      await one.ask(`/${status}/serial/again?hints`);
      await one.ask(`/${status}/post?trailers`, { method: 'POST', body: Buffer.alloc(100) });
    }
    await one.ask('/200/refused?refuse');
    await one.ask('/200/half?half');
    await one.ask('/200/cancelled?ms=5000', { cancelMs: 50 });
    await one.ask('/200/large?large', { headers: { 'x-large': 'v'.repeat(30_000) } });
    await one.ask('/200/upload?bytes=3000000', { method: 'PUT', body: Buffer.alloc(3_000_000) });
    // tables of other sizes, in the middle of the talk
    for (const headerTableSize of [0, 100, 65_536, 4096]) {
      const other = session({ settings: { headerTableSize } });
      for (let n = 0; n < 30; n++)
        await other.ask(`/200/table/${headerTableSize}/${n % 3}`, {
          headers: { 'x-same': 'same', [`x-${n}`]: `${n}` },
        });
      await other.settings({ headerTableSize: 1000 });
      for (let n = 0; n < 30; n++)
        await other.ask(`/200/resized/${n % 3}`, { headers: { 'x-same': 'same', [`x-${n}`]: `${n}` } });
    }
    const padded = session({ paddingStrategy: http2.constants.PADDING_STRATEGY_MAX });
    for (let n = 0; n < 20; n++) await padded.ask(`/200/padded/${n}`, { method: 'POST', body: Buffer.alloc(n) });
    const many = session();
    await many.ask('/200/many');
    for (let round = 0; round < 10; round++)
      await Promise.all(list(100, (n) => many.ask(`/${n % 3 === 0 ? 404 : 200}/many/${round}/${n}`)));
    await sleep(50);
  }

  const clientSpans = (s: Session): Span[] =>
    (tap.conversations.get(s.address) ?? []).filter((span) => span.kind === CLIENT);

  test('every request is a span of its connection, one for one', (t) => {
    let compared = 0;
    for (const s of sessions) {
      const line = (method: string, path: string, status: number, error: string): string =>
        `${method} ${path} ${status} ${error}`;
      const told = clientSpans(s).map((span) => {
        const url = new URL(String(attribute(span, 'url.full')));
        assert.equal(url.host, `127.0.0.1:${port}`);
        assert.equal(attribute(span, 'network.protocol.version'), '2');
        const status = Number(attribute(span, 'http.response.status_code') ?? 0);
        return line(
          String(attribute(span, 'http.request.method')),
          url.pathname + url.search,
          status,
          String(attribute(span, 'error.type') ?? ''),
        );
      });
      const own = s.asked.map((a) => {
        let error = a.reset === 'CANCEL' ? '' : a.reset; // given up by the client itself
        if (a.reset === '' && a.status >= 400) error = String(a.status);
        return line(a.method, a.path, a.status, error);
      });
      assert.deepEqual(told.toSorted(), own.toSorted());
      compared += own.length;
    }
    t.diagnostic(`${compared} requests`);
    assert.ok(compared > 1200);
  });

  test('none is longer than the client waited', () => {
    for (const s of sessions.slice(0, -1)) {
      const spans = Map.groupBy(clientSpans(s), (span) => String(attribute(span, 'url.full')));
      for (const a of s.asked) {
        if (a.reset !== '' || s.asked.filter((o) => o.path === a.path).length > 1) continue;
        const [span] = spans.get(`http://127.0.0.1:${port}${a.path}`)!;
        assert.ok(durationMs(span!) <= a.ms, `${a.path}: ${a.ms} ms, its span ${durationMs(span!)}`);
      }
    }
  });

  test('a sender that may not send any more is noted', () => {
    const upload = clientSpans(sessions[0]!).find((s) => String(attribute(s, 'url.full')).includes('/upload'))!;
    assert.ok(Number(attribute(upload, 'spantap.http2.flow_control_stalls')) > 0);
  });

  test('nothing was unknown', () => {
    for (const name of ['unknown_fields', 'broken_blocks', 'oversized_blocks', 'unclear_blocks']) {
      assert.ok(tap.points(`spantap.protocol.http2.${name}`).length > 0, `${name} is told`);
      assert.equal(tap.total(`spantap.protocol.http2.${name}`), 0, name);
    }
  });
});

describe('nghttpd under h2load', { skip: lacking('nghttpd', 'h2load', 'setpriv') }, () => {
  const tap = new Tap();
  const REQUESTS = 20_000;
  let server: Server;
  let said = '';

  before(async () => {
    const folder = emptyFolder('nghttpd');
    writeFileSync(join(folder, 'small'), 'x'.repeat(100), { mode: 0o644 });
    const port = await freePort();
    const nghttpd = ['nghttpd', '--no-tls', '--address=127.0.0.1', '-d', folder, '-n', '1', String(port)];
    server = await startServer(port, nghttpd, { cwd: folder });
    // so many spans at once would be a test of the endpoint, not of the agent
    await tap.open(`tcp port ${port}`, { SPANTAP_SPANS_ENABLED: 'false' });
    const env = { PATH: FOLDERS.join(':') };
    said = await must(
      ['h2load', '-n', String(REQUESTS), '-c', '4', '-m', '100', '-t', '1', `http://127.0.0.1:${port}/small`],
      { env },
    );
    await tap.close();
    await server.stop();
  });

  test('a hundred streams at once on each connection: exchanges counted are requests counted', (t) => {
    const line = /requests: (\d+) total, .* (\d+) succeeded/.exec(said)!;
    assert.deepEqual([Number(line[1]), Number(line[2])], [REQUESTS, REQUESTS]);
    assert.deepEqual(tap.countsBy('http.client.request.duration', 'http.response.status_code'), { 200: REQUESTS });
    assert.deepEqual(tap.countsBy('http.server.request.duration', 'http.response.status_code'), { 200: REQUESTS });
    assert.equal(tap.total('spantap.protocol.http2.unknown_fields'), 0);
    t.diagnostic(/finished in.*/.exec(said)![0]);
  });
});
