import assert from 'node:assert/strict';
import { get, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type EndpointOptions, ScrapeCounters, startEndpoint } from '../../src/export/prometheus/endpoint.ts';
import { exposition, type Format } from '../../src/export/prometheus/exposition.ts';
import { type Exposed, type Family, gather } from '../../src/export/prometheus/families.ts';
import { labelName, metricName } from '../../src/export/prometheus/names.ts';
import { agree } from '../../src/export/prometheus/negotiation.ts';
import { exposedReadings } from '../../src/export/prometheus/own.ts';
import { SpantapError } from '../../src/self/errors.ts';
import { ends, exchange, telemetry } from '../telemetry/double.ts';
import { until } from './collector.ts';
import { bySeries, parsed } from './exposition-parser.ts';

const FORMATS: Format[] = ['text', 'openmetrics'];
const TYPES = { text: 'text/plain; version=0.0.4', openmetrics: 'application/openmetrics-text; version=1.0.0' };

function families(list: readonly Exposed[], counters = { conflicts: 0 }): Family[] {
  const steps = gather(list, counters);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

const rendered = (list: readonly Exposed[], format: Format): string => [...exposition(families(list), format)].join('');
const read = (list: readonly Exposed[], format: Format) => parsed(rendered(list, format), TYPES[format]);

const service = (name: string, metrics: Exposed['metrics'] = [], more: Record<string, string> = {}): Exposed => ({
  attributes: { 'service.name': name, ...more, 'service.instance.id': 'agent-1' },
  metrics,
});
const duration = (
  points: { attributes: Record<string, string | number | boolean | string[]>; counts: number[]; sum: number }[],
) => ({
  kind: 'histogram' as const,
  name: 'http.server.request.duration',
  description: 'How "long"\nit took \\',
  unit: 's',
  bounds: [0.5, 1, 2.5],
  points,
});
const calls = (points: { attributes: Record<string, string>; value: number }[]) => ({
  kind: 'sum' as const,
  name: 'calls',
  description: 'Calls',
  unit: '{call}',
  points,
});

test('names and units become what Prometheus makes of them', () => {
  const name = (...given: Parameters<typeof metricName>): string => metricName(...given).family;
  assert.equal(name('http.server.request.duration', 's', 'histogram'), 'http_server_request_duration_seconds');
  assert.equal(name('http.server.request.body.size', 'By', 'histogram'), 'http_server_request_body_size_bytes');
  assert.equal(name('traces_service_graph_request_total', '', 'sum'), 'traces_service_graph_request');
  assert.equal(
    name('traces_service_graph_request_client', 's', 'histogram'),
    'traces_service_graph_request_client_seconds',
  );
  assert.equal(name('spantap.coverage', '1', 'gauge'), 'spantap_coverage_ratio');
  assert.equal(name('spantap.total.of', '1', 'sum'), 'spantap_of');
  assert.equal(name('sent', '{packet}', 'sum'), 'sent');
  assert.equal(name('sent.bytes', 'By', 'sum'), 'sent_bytes');
  assert.equal(name('speed', 'By/s', 'gauge'), 'speed_bytes_per_second');
  assert.equal(name('2__odd..names', 'm/x y', 'gauge'), '_2_odd_names_m_per_x_y');
  assert.equal(metricName('a.duration', 's', 'histogram').unit, 'seconds');
  assert.equal(metricName('seconds.of.it', 's', 'gauge').unit, '');
  assert.equal(metricName('a', '1', 'gauge').unit, '');
  assert.equal(labelName('http.request.method'), 'http_request_method');
  assert.equal(labelName('0.x'), 'key_0_x');
  assert.equal(labelName('__name__'), 'key_name_');
});

for (const format of FORMATS) {
  test(`${format}: one family for all resources, with the series of each`, () => {
    const list = [
      service('cart', [duration([{ attributes: { 'http.route': '/a', n: 200 }, counts: [1, 0, 2, 3], sum: 9.5 }])], {
        'service.namespace': 'shop',
        'telemetry.sdk.name': 'spantap',
      }),
      service('edge', [
        duration([
          { attributes: { 'http.route': '/a', list: ['x', 'y'], flag: true }, counts: [0, 0, 0, 1], sum: 3 },
          { attributes: { 'otel.metric.overflow': true }, counts: [0, 7, 0, 0], sum: 7 },
        ]),
      ]),
      service('edge', [calls([{ attributes: { to: 'cart' }, value: 12 }])], { 'service.version': '1' }),
    ];
    const found = read(list, format);
    const open = format === 'openmetrics';
    assert.deepEqual(
      found.map((f) => [f.name, f.type, f.unit]),
      [
        open ? ['target', 'info', ''] : ['target_info', 'gauge', ''],
        ['http_server_request_duration_seconds', 'histogram', open ? 'seconds' : ''],
        ['calls', 'counter', ''],
      ],
    );
    assert.equal(found[1]!.documentation, 'How "long"\nit took \\');
    const series = bySeries(found);
    const of = (name: string, labels: string): number | undefined => series.get(`${name}{${labels}}`);
    const whole = open ? '1.0' : '1';
    const at = 'http_server_request_duration_seconds';
    const cart = `service_instance_id="agent-1",service_name="cart",service_namespace="shop"`;
    assert.equal(of(`${at}_bucket`, `http_route="/a",le="0.5",n="200",${cart}`), 1);
    assert.equal(of(`${at}_bucket`, `http_route="/a",le="${whole}",n="200",${cart}`), 1);
    assert.equal(of(`${at}_bucket`, `http_route="/a",le="2.5",n="200",${cart}`), 3);
    assert.equal(of(`${at}_bucket`, `http_route="/a",le="+Inf",n="200",${cart}`), 6);
    assert.equal(of(`${at}_sum`, `http_route="/a",n="200",${cart}`), 9.5);
    assert.equal(of(`${at}_count`, `http_route="/a",n="200",${cart}`), 6);
    const edge = `service_instance_id="agent-1",service_name="edge"`;
    assert.equal(of(`${at}_count`, `flag="true",http_route="/a",list="[\\"x\\",\\"y\\"]",${edge}`), 1);
    assert.equal(of(`${at}_count`, `otel_metric_overflow="true",${edge}`), 7);
    assert.equal(of('calls_total', `${edge},to="cart"`), 12);
    assert.equal(of('target_info', `${cart},telemetry_sdk_name="spantap"`), 1);
    assert.equal(of('target_info', `${edge},service_version="1"`), 1, 'two resources that are one have one line');
    assert.equal(series.size, 3 * 6 + 1 + 2);
  });

  test(`${format}: whatever stands in a label comes out as it went in`, () => {
    const nasty = [
      '"',
      '\\',
      '\n',
      '\\n',
      '\\"',
      '}',
      '{a="b"} 1\n# EOF\n',
      'a\r\nb',
      '\u2028',
      '😀',
      '\u0000',
      ' ',
      '#',
    ];
    const list = [
      service('a"b\\c\nd', [calls(nasty.map((text, n) => ({ attributes: { text, n: String(n) }, value: n })))]),
    ];
    const samples = read(list, format).find((f) => f.name === 'calls')!.samples;
    assert.deepEqual(
      samples.map((s) => [s.labels.text, s.labels.service_name, s.value]),
      nasty.map((text, n) => [text, 'a"b\\c\nd', n]),
    );
  });
}

test('any attributes and figures: both parsers read the same, no series twice, every observation there', () => {
  const key = fc.oneof(
    fc.constantFrom('a.b', 'a_b', 'le', 'service.name', '__name__', '0'),
    fc.string({ minLength: 1 }),
  );
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\ud800', '\udfff', '"', '\\', '\n'));
  const attributes = fc.dictionary(
    key.filter((k) => /\w/.test(k)),
    text,
    { maxKeys: 4 },
  );
  const point = fc.record({
    attributes,
    counts: fc.array(fc.nat(1e6), { minLength: 4, maxLength: 4 }),
    sum: fc.double({ min: 0, max: 1e9, noNaN: true }),
  });
  const resource = fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.array(point, { maxLength: 30 }));
  fc.assert(
    fc.property(fc.array(resource, { maxLength: 4 }), (given) => {
      const list = given.map(([name, points]) => service(name, [duration(points)]));
      const [old, open] = FORMATS.map((format) => bySeries(read(list, format)));
      assert.equal(old!.size, open!.size);
      const total = given.flatMap(([, points]) => points.flatMap((p) => p.counts)).reduce((a, b) => a + b, 0);
      const counted = [...open!].filter(([name]) => /_count\{/.test(name)).reduce((sum, [, value]) => sum + value, 0);
      assert.equal(counted, total);
    }),
    { numRuns: 6 },
  );
});

test('series that become equal are added up; what contradicts is left out and counted', () => {
  const counters = { conflicts: 0 };
  const list = [
    service('a', [
      calls([
        { attributes: { 'x.y': '1', empty: '' }, value: 1 },
        { attributes: { x_y: '1' }, value: 2 },
        { attributes: { 'x.y': '1', x_y: '2' }, value: 4 },
      ]),
      duration([
        { attributes: {}, counts: [1, 0, 0, 0], sum: 0.25 },
        { attributes: { le: 'no' }, counts: [0, 1, 0, 1], sum: 8 },
      ]),
      { ...duration([{ attributes: {}, counts: [5, 5], sum: 1 }]), bounds: [3] },
      { ...calls([{ attributes: {}, value: 9 }]), kind: 'gauge' },
    ]),
  ];
  const made = families(list, counters);
  const of = (name: string) => made.find((f) => f.name === name)!.series;
  const own = 'service_name="a",service_instance_id="agent-1"';
  assert.deepEqual(
    [...of('calls')],
    [
      [`${own},x_y="1"`, 3],
      [`${own},x_y="1;2"`, 4],
    ],
  );
  assert.deepEqual(
    [...of('http_server_request_duration_seconds')],
    [[own, { bounds: [0.5, 1, 2.5], counts: [1, 1, 0, 1], sum: 8.25 }]],
  );
  assert.equal(counters.conflicts, 2);
  assert.deepEqual(list[0]!.metrics[1]!.points[0], { attributes: {}, counts: [1, 0, 0, 0], sum: 0.25 });
});

test('a snapshot as the agent has it, overflow series included, and its own figures', () => {
  const { telemetry: t, counters } = telemetry({ spans: { enabled: false }, metrics: { maxSeries: 3 } });
  for (let server = 2; server < 40; server++) t.finished(exchange(ends(1, server, 8080)));
  const readings = exposedReadings(counters.snapshot(), {
    'service.name': 'spantap',
    'service.instance.id': 'agent-1',
  });
  const series = bySeries(read([...t.snapshot(60e9).resources, readings], 'openmetrics'));
  const sum = (name: RegExp): number =>
    [...series].reduce((all, [key, value]) => (name.test(key) ? all + value : all), 0);
  assert.equal(sum(/^traces_service_graph_request_total\{/), 38);
  assert.equal(sum(/^toy_client_duration_seconds_count\{/), 38);
  assert.ok(sum(/^toy_client_duration_seconds_count\{.*otel_metric_overflow="true"/) > 0);
  assert.ok(
    [...series.keys()].some((key) => key.startsWith('spantap_telemetry_')),
    [...series.keys()].join('\n'),
  );
});

// --- the endpoint ------------------------------------------------------------------------------------------------------

/** What one scraper got. */
interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

function ask(port: number, headers: Record<string, string> = {}, path = '/metrics', method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
      );
      response.once('error', reject);
    });
    asked.once('error', reject).end();
  });
}

async function endpoint(t: TestContext, change: Partial<EndpointOptions> = {}) {
  const counters = new ScrapeCounters();
  const list = [service('a', [calls([{ attributes: {}, value: 1 }])])];
  const opened = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    collect: async () => list,
    ignore: async () => {},
    counters,
    ...change,
  });
  t.after(() => opened.close());
  return { port: opened.port, counters };
}

/** 50 MB of text: more than any socket takes unread. */
function large(): Exposed[] {
  const points = Array.from({ length: 3000 }, (_, i) => ({
    attributes: { i, text: 'x'.repeat(3000) },
    counts: [i, 1, 1, 1],
    sum: i,
  }));
  return [service('large', [duration(points)])];
}

test('scrapers get the format they ask for, compressed if they like', async (t) => {
  const { port, counters } = await endpoint(t);
  const type = async (accept?: string): Promise<string> =>
    (await ask(port, accept === undefined ? {} : { accept })).headers['content-type']!;
  const text = 'text/plain; version=0.0.4; charset=utf-8';
  const open = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores';
  assert.equal(await type(), text);
  assert.equal(await type('*/*'), text);
  assert.equal(await type('text/html,application/xhtml+xml;q=0.9,*/*;q=0.8'), text);
  assert.equal(await type('text/plain;version=0.0.4;q=1,*/*;q=0.1'), text);
  assert.equal(await type('text/plain;version=0.0.4;charset=utf-8'), text);
  assert.equal(await type('image/png'), text);
  assert.equal(await type(',;=q,"'), text);
  assert.equal(await type('application/openmetrics-text'), open);
  assert.equal(await type('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'), open);
  assert.equal(await type('application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'), text);
  assert.equal(
    await type('application/openmetrics-text; version=1.0.0; escaping=allow-utf-8; q=0.2, text/plain; q=0.1'),
    open,
  );
  assert.equal(
    await type('text/plain;version=1.0.0;escaping=values'),
    'text/plain; version=1.0.0; charset=utf-8; escaping=underscores',
  );

  const plain = await ask(port);
  assert.match(plain.body.toString(), /^calls_total\{service_name="a",service_instance_id="agent-1"\} 1$/m);
  assert.doesNotMatch(plain.body.toString(), /# EOF/);
  assert.match((await ask(port, { accept: 'application/openmetrics-text' })).body.toString(), /\n# EOF\n$/);
  for (const encoding of ['gzip', 'deflate, gzip;q=0.5', '*']) {
    const packed = await ask(port, { 'accept-encoding': encoding });
    assert.equal(packed.headers['content-encoding'], 'gzip', encoding);
    assert.deepEqual(gunzipSync(packed.body), plain.body);
  }
  for (const encoding of ['identity', 'gzip;q=0', 'br', '']) {
    assert.equal((await ask(port, { 'accept-encoding': encoding })).headers['content-encoding'], undefined, encoding);
  }
  assert.ok(counters.scrapes > 10);
  assert.deepEqual({ ...counters, scrapes: 0 }, { ...new ScrapeCounters() });
});

test('whatever a scraper says it accepts, it gets something', () => {
  const part = fc.constantFrom(
    ...[
      'text/plain',
      'application/openmetrics-text',
      '*/*',
      ';',
      ',',
      '=',
      '"',
      'q=',
      'version=',
      '1.0.0',
      '0.0.4',
      '/',
      ' ',
    ],
    ...['escaping=', 'allow-utf-8', '\\', '0.5', '-1', 'NaN', 'x'.repeat(100), '\u00e9', '__proto__', 'q=0'],
  );
  const header = fc.array(part, { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(header, header, (accept, encoding) => {
      const { format, contentType, gzip } = agree({ accept, 'accept-encoding': encoding });
      assert.equal(contentType.startsWith('application/openmetrics-text;'), format === 'openmetrics');
      assert.equal(typeof gzip, 'boolean');
    }),
    { numRuns: 3000 },
  );
});

test('other paths and methods are told what to ask for; a port that is taken is named', async (t) => {
  const { port, counters } = await endpoint(t);
  assert.deepEqual([(await ask(port, {}, '/')).status, (await ask(port, {}, '/metrics/x')).status], [404, 404]);
  assert.equal((await ask(port, {}, '/metrics', 'POST')).status, 405);
  const head = await ask(port, {}, '/metrics?x=1', 'HEAD');
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.deepEqual({ ...counters }, { ...new ScrapeCounters() });
  await assert.rejects(
    endpoint(t, { port }),
    (e) =>
      e instanceof SpantapError && e.code === 'prometheus-listen' && /prometheus\.port.*EADDRINUSE/.test(e.message),
  );
});

test('figures that cannot be had are an error for the scraper, not for the agent', async (t) => {
  let broken = true;
  const { port, counters } = await endpoint(t, {
    collect: async () => {
      if (broken) throw new Error('a shard is gone');
      return [];
    },
  });
  const refused = await ask(port);
  assert.deepEqual(
    [refused.status, refused.body.toString()],
    [500, 'the figures could not be collected: a shard is gone\n'],
  );
  assert.equal(counters.failed, 1);
  broken = false;
  assert.equal((await ask(port)).status, 200);
});

test('its own ends are made known before anything is answered', async (t) => {
  const known: string[] = [];
  let hear = (): void => {};
  const heard = new Promise<void>((resolve) => {
    hear = resolve;
  });
  const opening = endpoint(t, {
    host: '0.0.0.0',
    ignore: async ({ localAddress, localPort }) => {
      known.push(`${localAddress}:${localPort}`);
      await heard;
    },
  });
  await until(() => known.length > 0);
  const port = Number(known[0]!.split(':').at(-1));
  let answered = false;
  const answer = ask(port).then(() => {
    answered = true;
  });
  await sleep(100);
  const early = answered;
  hear();
  await Promise.all([opening, answer]);
  assert.equal(early, false);
  assert.ok(known.includes(`127.0.0.1:${port}`));
  assert.equal(new Set(known).size, known.length);
});

test('scrapes that follow close upon each other are served from one collection', async (t) => {
  let collections = 0;
  const { port } = await endpoint(t, {
    collect: async () => {
      collections++;
      return [];
    },
  });
  const before = performance.now();
  for (let i = 0; i < 20; i++) await ask(port);
  const elapsedMs = performance.now() - before;
  assert.ok(collections <= 1 + Math.ceil(elapsedMs / 1000), `${collections} in ${elapsedMs} ms`);
});

test('a scraper that does not read is let go in the end, and one that leaves is forgotten; others are served meanwhile', async (t) => {
  let list = large();
  const { port, counters } = await endpoint(t, { collect: async () => list, maxScrapeMs: 5000 });
  const stalled = connect(port, '127.0.0.1').pause();
  t.after(() => stalled.destroy());
  const ended = new Promise((resolve) => stalled.once('close', resolve));
  stalled.on('error', () => {});
  stalled.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise<void>((resolve) => {
    const leaving = get({ port, path: '/metrics', agent: false }, (response) => {
      response.once('data', () => {
        leaving.destroy();
        resolve();
      });
    });
    leaving.on('error', () => {});
  });
  list = [];
  await sleep(1100); // until when the large figures are fresh
  const answer = await ask(port);
  assert.deepEqual([answer.status, answer.body.length], [200, 0]);
  await until(() => counters.brokenOff === 2);
  stalled.resume();
  await ended;
  assert.deepEqual([counters.failed, counters.refused], [0, 0]);
});

test('an exposition of any size goes through', async (t) => {
  const list = large();
  const { port, counters } = await endpoint(t, { collect: async () => list, maxScrapeMs: 60_000 });
  const whole = await ask(port);
  assert.ok(whole.body.length > 50e6);
  assert.deepEqual(gunzipSync((await ask(port, { 'accept-encoding': 'gzip' })).body), whole.body);
  assert.equal(counters.scrapes, 2);
});

test('connections that ask for nothing are let go', async (t) => {
  const { port } = await endpoint(t);
  const idle = Array.from({ length: 64 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => {
    for (const socket of idle) socket.destroy();
  });
  let open = idle.length;
  for (const socket of idle) socket.resume().once('close', () => open--);
  await until(() => open === 0, 30_000);
  assert.equal((await ask(port)).status, 200);
});

test('more scrapes at once than it has places for are turned away', async (t) => {
  let go = (): void => {};
  const wait = new Promise<Exposed[]>((resolve) => {
    go = () => resolve([]);
  });
  const { port, counters } = await endpoint(t, { collect: () => wait });
  const answers = Array.from({ length: 6 }, () => ask(port));
  await until(() => counters.refused === 2);
  go();
  const status = (await Promise.all(answers)).map((a) => a.status);
  assert.deepEqual(status.sort(), [200, 200, 200, 200, 503, 503]);
  assert.equal((await ask(port)).status, 200);
});
