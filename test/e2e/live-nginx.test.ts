/**
 * The agent beside nginx under load: it counts what wrk counts, loses nothing, and its durations are those that tshark finds
 * in a capture of the same packets.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, CLIENT, Endpoint, pointsOf, SERVER, type Span } from './otlp.ts';
import { environment, lacking, must, spantap, start } from './program.ts';

const CONNECTIONS = 4;
const SECONDS = 10;
/** What the server behind nginx waits between the head and the body of its response. */
const BODY_DELAY_MS = 7;
const dir = mkdtempSync(join(tmpdir(), 'spantap-nginx-'));
const PCAP = join(dir, 'lo.pcap');

/** Each connection waits 2 ms before its next request: both captures and nginx share two cores with wrk. */
const WRK = `
local n = 0
request = function()
  n = n + 1
  return wrk.format('GET', n % 8 == 0 and '/slow' or '/fast')
end
delay = function() return 2 end
`;

const nginxConfig = (port: number, behind: number): string => `
daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 127.0.0.1:${port};
    location /fast { return 200 'fast\\n'; }
    # unbuffered: the head goes out when it comes, the body when that comes
    location /slow { proxy_pass http://127.0.0.1:${behind}; proxy_buffering off; }
  }
}
`;

async function freePort(): Promise<number> {
  const server = createSocketServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

const skip = lacking('nginx', 'wrk', 'tcpdump', 'tshark');

describe('beside nginx', { skip }, () => {
  const endpoint = new Endpoint();
  const behind = createServer((_req, res) => {
    res.writeHead(200, { 'content-length': '5' }).flushHeaders();
    setTimeout(() => res.end('slow\n'), BODY_DELAY_MS);
  });
  let port = 0;
  /** As wrk counts them. */
  let requests = 0;
  let exitCode: number | null = null;
  let said = '';

  before(async () => {
    await endpoint.open();
    await new Promise<void>((done) => behind.listen(0, '127.0.0.1', done));
    port = await freePort();
    writeFileSync(join(dir, 'nginx.conf'), nginxConfig(port, (behind.address() as AddressInfo).port));
    writeFileSync(join(dir, 'load.lua'), WRK);
    const path = environment({ PATH: `${process.env.PATH}:/usr/sbin:/sbin` });
    const nginx = start(['nginx', '-e', 'stderr', '-p', dir, '-c', join(dir, 'nginx.conf')], { env: path });
    for (let tries = 0; ; tries++) {
      if (
        await fetch(`http://127.0.0.1:${port}/fast`).then(
          () => true,
          () => false,
        )
      )
        break;
      assert.ok(tries < 1200, `nginx answers: ${nginx.err}`);
      await sleep(50);
    }

    const filter = `tcp port ${port}`;
    const options = ['--time-stamp-precision=nano', '-B', '16384', '-Z', 'root', '-w', PCAP];
    const dump = start(['tcpdump', '-i', 'lo', ...options, filter], { env: path });
    await dump.until(/listening on/);
    const agent = start(spantap('run', '-i', 'lo', filter), { env: environment(endpoint.environment) });
    await agent.until(/capturing/);

    const load = ['-t', '1', '-c', String(CONNECTIONS), '-d', `${SECONDS}s`, '-s', join(dir, 'load.lua')];
    const report = await must(['wrk', ...load, `http://127.0.0.1:${port}`]);
    assert.doesNotMatch(report, /Socket errors|Non-2xx/);
    requests = Number(/(\d+) requests in/.exec(report)?.[1]);
    await sleep(500); // what wrk has broken off is over
    exitCode = await agent.stop();
    said = agent.err;
    await sleep(1500); // tcpdump takes up what the kernel has gathered once a second, and not when it is told to stop
    await dump.stop('SIGINT');
    assert.match(dump.err, /^0 packets dropped by kernel/m, 'tcpdump itself has seen everything');
    await nginx.stop();
  });

  after(() => {
    behind.closeAllConnections();
    behind.close();
    rmSync(dir, { recursive: true });
  });

  /** The last of a cumulative figure, over all its series. */
  function latest(name: string): number {
    const metric = endpoint.metrics.findLast((m) => m.name === name);
    assert.ok(metric, `${name} was sent`);
    return pointsOf(metric).reduce((sum, p) => sum + Number(p.asInt ?? p.asDouble ?? p.count), 0);
  }

  test('it ends in order', () => assert.equal(exitCode, 0, said));

  test('it counts what wrk counts, give or take what was under way at the end', () => {
    const exchanges = latest('http.server.request.duration');
    assert.ok(requests > 1000, `${requests} requests`);
    assert.ok(
      exchanges >= requests && exchanges <= requests + CONNECTIONS,
      `${exchanges} exchanges, ${requests} requests`,
    );
  });

  test('every exchange has its two spans', () => {
    const exchanges = latest('http.server.request.duration');
    const { spans } = endpoint;
    assert.equal(spans.filter((s) => s.kind === CLIENT).length, exchanges);
    assert.equal(spans.filter((s) => s.kind === SERVER).length, exchanges);
    assert.equal(new Set(spans.map((s) => `${s.traceId} ${s.spanId}`)).size, 2 * exchanges);
  });

  test('the kernel dropped nothing', () => {
    assert.ok(latest('spantap.capture.received') >= 2 * requests);
    assert.equal(latest('spantap.capture.dropped'), 0);
  });

  /** Seconds from request to response, by path, as tshark computes them. */
  async function tshark(...options: string[]): Promise<Map<string, number[]>> {
    // tshark 4.4 gives what belongs to the request to its response, too, and has no name of its own for it any more
    const known = await must(['tshark', '-G', 'fields'], { maxMs: 180_000 });
    const uri = known.includes('http.response_for.uri') ? 'http.response_for.uri' : 'http.request.full_uri';
    const fields = ['-T', 'fields', '-e', 'http.time', '-e', uri];
    const decode = ['-d', `tcp.port==${port},http`, ...options];
    const text = await must(['tshark', '-n', '-r', PCAP, ...decode, '-Y', 'http.time', ...fields], { maxMs: 180_000 });
    const times = new Map<string, number[]>();
    for (const line of text.trimEnd().split('\n')) {
      const [time, uri] = line.split('\t') as [string, string];
      push(times, new URL(uri).pathname, Number(time));
    }
    return times;
  }

  function fromSpans(seconds: (s: Span) => number): Map<string, number[]> {
    const times = new Map<string, number[]>();
    for (const s of endpoint.spans) {
      if (s.kind !== SERVER || attribute(s, 'spantap.outcome') !== undefined) continue;
      push(times, String(attribute(s, 'url.path')), seconds(s));
    }
    return times;
  }

  const duration = (s: Span): number => Number(BigInt(s.endTimeUnixNano) - BigInt(s.startTimeUnixNano)) / 1e9;

  function compare(t: TestContext, ours: Map<string, number[]>, theirs: Map<string, number[]>, path: string): void {
    const [a, b] = [ours.get(path)!, theirs.get(path)!];
    // tshark does not pair a response that two processors captured in front of its request
    assert.ok(Math.abs(a.length - b.length) <= 0.01 * a.length, `${path}: as many: ${a.length}, ${b.length}`);
    const [mine, other] = [median(a), median(b)];
    const said = `${path}: ${a.length} responses, median ${mine * 1e6} us, by tshark ${other * 1e6} us`;
    t.diagnostic(said);
    assert.ok(Math.abs(mine - other) <= 0.05 * other, said);
  }

  // tshark speaks of a response at the packet that completes it: http.time runs to the last byte.
  test('durations are those of tshark', async (t) => {
    const ours = fromSpans(duration);
    const theirs = await tshark();
    compare(t, ours, theirs, '/fast');
    compare(t, ours, theirs, '/slow');
    assert.ok(median(ours.get('/slow')!) > BODY_DELAY_MS / 1000);
  });

  // Told not to wait for bodies, it speaks of it at the packet with the head.
  test('times to the first byte are those of tshark', async (t) => {
    const ours = fromSpans((s) => Number(attribute(s, 'spantap.time_to_first_byte')));
    const theirs = await tshark('-o', 'http.desegment_body:FALSE');
    compare(t, ours, theirs, '/fast');
    compare(t, ours, theirs, '/slow');
    assert.ok(median(ours.get('/slow')!) < BODY_DELAY_MS / 1000);
  });

  test('the histogram holds the durations of the spans', () => {
    const points = pointsOf(endpoint.metrics.findLast((m) => m.name === 'http.server.request.duration')!);
    const bounds = points[0]!.explicitBounds!;
    const fromMetric = Array.from({ length: bounds.length + 1 }, (_, i) =>
      points.reduce((sum, p) => sum + Number(p.bucketCounts![i]), 0),
    );
    const expected = new Array<number>(bounds.length + 1).fill(0);
    for (const s of endpoint.spans) {
      if (s.kind !== SERVER) continue;
      const at = bounds.findIndex((bound) => duration(s) <= bound);
      expected[at < 0 ? bounds.length : at]!++;
    }
    assert.deepEqual(fromMetric, expected);
    assert.ok(fromMetric.filter((n) => n > 0).length > 1, 'more than one bucket is filled');
  });
});

function push(times: Map<string, number[]>, path: string, seconds: number): void {
  const list = times.get(path);
  if (list === undefined) times.set(path, [seconds]);
  else list.push(seconds);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
