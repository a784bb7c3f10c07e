/** The agent beside `Upgrade: h2c` (RFC 7540 section 3.2): nghttp asks nghttpx for it, and what nghttp says of its requests is what the spans say. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { attribute, CLIENT } from './otlp.ts';
import { FOLDERS, lacking, must } from './program.ts';
import { emptyFolder, freePort, startServer } from './servers/server.ts';
import { durationMs, Tap } from './tap.ts';

/** One line of nghttp's statistics. */
interface Asked {
  readonly stream: number;
  readonly ms: number;
  readonly status: number;
  readonly path: string;
}

const UNITS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3 };

/** `id responseEnd requestStart process code size path` */
function asked(said: string): Asked[] {
  const lines = said.matchAll(/^ *(\d+) +\+?\S+ +\+?\S+ +([\d.]+)(us|ms|s) +(\d{3}) +\S+ (\/\S*)$/gm);
  return [...lines].map(([, id, time, unit, status, path]) => ({
    stream: Number(id),
    ms: Number(time) * UNITS[unit!]!,
    status: Number(status),
    path: path!,
  }));
}

describe('Upgrade: h2c', { skip: lacking('nghttpx', 'nghttp', 'setpriv') }, () => {
  const tap = new Tap();
  const own: Asked[] = [];
  const CONNECTIONS = 12;
  let origin = '';

  before(async () => {
    const folder = emptyFolder('nghttpx');
    writeFileSync(join(folder, 'small'), 'x'.repeat(100), { mode: 0o644 });
    // nghttpx is a proxy; what it asks of this one is not looked at
    const app = createServer((request, response) => {
      const path = request.url!.replace(/\?.*/, '');
      response.writeHead(path === '/not-there' ? 404 : 200).end('x'.repeat(path === '/large' ? 300_000 : 100));
      request.resume();
    });
    await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
    const behind = (app.address() as AddressInfo).port;
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const command = ['nghttpx', `--frontend=127.0.0.1,${port};no-tls`, `--backend=127.0.0.1,${behind}`, '--workers=1'];
    const server = await startServer(port, [...command, '--conf=/dev/null', '--errorlog-file=/dev/null'], {
      cwd: folder,
    });
    await tap.open(`tcp port ${port}`);
    const nghttp = (...args: string[]): Promise<string> =>
      must(['nghttp', '-u', '-n', '-s', ...args], { env: { PATH: FOLDERS.join(':') } });
    const firsts = ['/small', '/large', '/not-there'];
    for (let n = 0; n < CONNECTIONS; n++) {
      const paths = [firsts[n % 3]!, ...Array.from({ length: n }, (_, i) => `${firsts[(n + i) % 3]}?${n}-${i}`)];
      const said = asked(await nghttp(...paths.map((path) => origin + path)));
      assert.equal(said.length, paths.length);
      own.push(...said);
    }
    // with a body it asks by OPTIONS, of which its statistics say nothing
    const upload = asked(await nghttp('-d', join(folder, 'small'), `${origin}/small?upload`));
    assert.equal(upload.length, 1);
    own.push({ stream: 1, ms: Number.POSITIVE_INFINITY, status: 200, path: '/' }, ...upload);
    await tap.close();
    await server.stop();
    app.close();
  });

  test('the request that asks is stream 1, and every request is a span of HTTP/2', () => {
    const spans = [...tap.conversations.values()].flat().filter((s) => s.kind === CLIENT);
    const line = (stream: number, status: number, path: string): string => `${stream} ${status} ${path}`;
    const told = spans.map((s) => {
      assert.equal(attribute(s, 'network.protocol.version'), '2');
      const url = new URL(String(attribute(s, 'url.full')));
      assert.equal(url.origin, origin);
      const stream = Number(attribute(s, 'spantap.http2.stream'));
      return line(stream, Number(attribute(s, 'http.response.status_code')), url.pathname + url.search);
    });
    assert.deepEqual(told.toSorted(), own.map((a) => line(a.stream, a.status, a.path)).toSorted());
    assert.equal(spans.filter((s) => Number(attribute(s, 'spantap.http2.stream')) === 1).length, CONNECTIONS + 1);
    assert.deepEqual(
      spans
        .filter((s) => attribute(s, 'http.request.method') !== 'GET')
        .map((s) => attribute(s, 'http.request.method')),
      ['OPTIONS', 'POST'],
    );
  });

  test('none is longer than the client waited', () => {
    const spans = [...tap.conversations.values()].flat().filter((s) => s.kind === CLIENT);
    for (const a of own.filter(({ path }) => path.includes('?'))) {
      const [s] = spans.filter((o) => String(attribute(o, 'url.full')).endsWith(a.path));
      assert.ok(durationMs(s!) <= a.ms, `${a.path}: ${a.ms} ms, its span ${durationMs(s!)}`);
    }
  });

  test('nothing was unknown', () => {
    for (const name of ['unknown_fields', 'broken_blocks', 'unclear_blocks'])
      assert.equal(tap.total(`spantap.protocol.http2.${name}`), 0, name);
  });
});
