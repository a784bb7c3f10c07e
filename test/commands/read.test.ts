import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const dir = mkdtempSync(join(tmpdir(), 'spantap-read-'));
after(() => rmSync(dir, { recursive: true }));

const ONE = 'test/fixtures/http/df-http/input.pcap';
const MANY = 'test/fixtures/damaged/mk-cut-mid-packet/input.pcap';

interface Result {
  code: number | null;
  out: string;
  err: string;
}

function read(args: readonly string[], o: { input?: Buffer; env?: Record<string, string> } = {}): Result {
  const r = spawnSync(process.execPath, ['src/main.ts', 'read', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, SPANTAP_AGENT_ID: 'test', ...o.env },
    ...(o.input === undefined ? {} : { input: o.input }),
  });
  return { code: r.status, out: r.stdout, err: r.stderr };
}

test('the table: pairs, routes, and what was understood', () => {
  const r = read([ONE]);
  assert.equal(r.code, 0, r.err);
  assert.equal(r.err, '');
  assert.match(r.out, /^10\.1\.6\.93 +10\.1\.6\.92 +80 +http +1 +0 +190 µs/m);
  assert.match(r.out, /^10\.1\.6\.92 +GET +\/ +1 /m);
  assert.match(r.out, /^capture +13 packets, 6\.11 KiB in 1 file/m);
  assert.match(r.out, /^understood +5\.03 KiB of 5\.03 KiB payload in 1 connection$/m);
  assert.match(r.out, /^exchanges +1: 1 complete/m);
});

test('names come from answers of DNS, if they may', () => {
  const path = 'test/fixtures/tunnel/zk-gre-over-udp-4754/input.pcap';
  const pairs = (env: Record<string, string>): string => read([path], { env }).out;
  assert.match(pairs({}), /^172\.17\.0\.2 +192\.0\.78\.\d+ +80 +http /m);
  assert.match(pairs({ SPANTAP_NAMING_DNS: 'true' }), /^172\.17\.0\.2 +zeek\.org +80 +http /m);
});

test('names come from the configuration', () => {
  const path = join(dir, 'names.yaml');
  writeFileSync(path, 'naming: { services: [{ cidr: 10.1.6.92/32, port: 80, name: web, namespace: prod }] }\n');
  assert.match(read(['-c', path, ONE]).out, /^10\.1\.6\.93 +prod\/web +80/m);
});

test('JSON lines have the fields that were agreed, in order', () => {
  const r = read(['--format', 'json', ONE]);
  assert.equal(r.code, 0, r.err);
  const lines = r.out.trimEnd().split('\n');
  assert.equal(lines.length, 1);
  const x = JSON.parse(lines[0]!);
  assert.deepEqual(Object.keys(x), [
    'protocol',
    'client',
    'server',
    'start',
    'requestEndMs',
    'firstByteMs',
    'endMs',
    'operation',
    'status',
    'error',
    'complete',
    'noResponseExpected',
    'requestBytes',
    'responseBytes',
    'traceId',
    'spanId',
    'attributes',
  ]);
  assert.deepEqual(
    [x.protocol, x.client, x.server, x.start, x.firstByteMs, x.endMs, x.operation, x.status, x.error, x.complete],
    ['http', '10.1.6.93:43230', '10.1.6.92:80', '1652942696.394695000', 0.149, 0.192, 'GET /', '200', false, true],
  );
});

test('OTLP JSON: traces, then metrics; the same file gives the same bytes; ids are those of the JSON lines', () => {
  const first = read(['--format', 'otlp-json', ONE, MANY]);
  const again = read(['--format', 'otlp-json', ONE, MANY]);
  assert.equal(first.out, again.out);
  const requests = first.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const kinds = requests.map((r) => Object.keys(r)[0]);
  assert.deepEqual([...kinds].sort().reverse(), kinds, 'traces before metrics');
  assert.ok(kinds.includes('resourceSpans') && kinds.includes('resourceMetrics'));
  const spans = requests
    .flatMap((r) => r.resourceSpans ?? [])
    .flatMap((r) => r.scopeSpans.flatMap((s: { spans: object[] }) => s.spans));
  const clients = spans.filter((s) => s.kind === 3).map((s) => `${s.traceId} ${s.spanId}`);
  const lines = read(['--format', 'json', ONE, MANY])
    .out.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(clients.sort(), lines.map((x) => `${x.traceId} ${x.spanId}`).sort());
});

test('the switches of the configuration hold for OTLP too', () => {
  const r = read(['--format', 'otlp-json', ONE], { env: { OTEL_TRACES_EXPORTER: 'none' } });
  assert.deepEqual(
    r.out
      .trimEnd()
      .split('\n')
      .map((line) => Object.keys(JSON.parse(line))[0]),
    ['resourceMetrics'],
  );
});

test('a damaged file: the readable part, a line that names file, offset and reason, exit code 2', () => {
  const r = read([MANY]);
  assert.equal(r.code, 2);
  assert.match(
    r.err,
    /^spantap: test\/fixtures\/damaged\/mk-cut-mid-packet\/input\.pcap: at byte 30550: .* \(file-truncated\)\n$/,
  );
  assert.match(r.out, /^exchanges +5: /m);
  assert.match(r.out, /^damage +1 damaged place, see above/m);
});

test('what is no capture, and what is no file', () => {
  const text = join(dir, 'notes.txt');
  writeFileSync(text, 'these are no packets, whatever their name says\n');
  const noCapture = read([text]);
  assert.equal(noCapture.code, 2);
  assert.match(noCapture.err, /notes\.txt: at byte 0: .*\(file-not-capture\)/);
  const absent = read([join(dir, 'absent.pcap')]);
  assert.equal(absent.code, 1);
  assert.match(absent.err, /^spantap: .*absent\.pcap.*no such file\n$/);
  const behind = read(['--format', 'json', 'test/fixtures/http/zk-get/input.pcap', join(dir, 'absent.pcap')]);
  assert.equal(behind.code, 1);
  assert.equal(behind.out, '', 'told before anything is read');
  assert.equal(read([ONE, dir]).code, 1);
});

test('standard input, compressed or not', () => {
  const bytes = readFileSync(ONE);
  const expected = read(['--format', 'json', ONE]).out;
  assert.equal(read(['--format', 'json', '-'], { input: bytes }).out, expected);
  copyFileSync(ONE, join(dir, 'one.pcap'));
  execFileSync('gzip', [join(dir, 'one.pcap')]);
  assert.equal(read(['--format', 'json', '-'], { input: readFileSync(join(dir, 'one.pcap.gz')) }).out, expected);
});

test('a reader that stops reading is no error', () => {
  // some 900 kB of lines: more than a pipe holds
  const files = Array.from({ length: 300 }, () => MANY).join(' ');
  const command = `${process.execPath} src/main.ts read --format json ${files} | head -n 1 >/dev/null; echo "\${PIPESTATUS[0]}"`;
  const r = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  assert.equal(r.stdout, '0\n');
  assert.doesNotMatch(r.stderr, /EPIPE|internal error/);
});

/** A TCP segment in an IPv4 packet in a record of a pcap file (LINKTYPE_RAW); checksums are nobody's concern. */
function record(timeSec: number, toServer: boolean, seq: number, ack: number, payload: string): Buffer {
  const packet = Buffer.alloc(40 + payload.length);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = 6;
  packet.writeUInt32BE(toServer ? 0x0a000001 : 0x0a000002, 12);
  packet.writeUInt32BE(toServer ? 0x0a000002 : 0x0a000001, 16);
  packet.writeUInt16BE(toServer ? 40_000 : 80, 20);
  packet.writeUInt16BE(toServer ? 80 : 40_000, 22);
  packet.writeUInt32BE(seq, 24);
  packet.writeUInt32BE(ack, 28);
  packet.writeUInt16BE(0x5018, 32); // header of five words, PSH and ACK
  packet.write(payload, 40, 'latin1');
  const head = Buffer.alloc(16);
  head.writeUInt32LE(timeSec, 0);
  head.writeUInt32LE(packet.length, 8);
  head.writeUInt32LE(packet.length, 12);
  return Buffer.concat([head, packet]);
}

test('secrets in operations are masked, unless --raw asks for them', () => {
  const request = 'GET /login?user=ann&password=hunter2 HTTP/1.1\r\nHost: shop\r\n\r\n';
  const response = 'HTTP/1.1 204 No Content\r\n\r\n';
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20);
  const input = Buffer.concat([
    header,
    record(100, true, 1000, 5000, request),
    record(101, false, 5000, 1000 + request.length, response),
    record(102, true, 1000 + request.length, 5000 + response.length, ''),
  ]);
  const masked = read(['--format', 'json', '-'], { input });
  assert.equal(JSON.parse(masked.out).operation, 'GET /login?user=ann&password=REDACTED');
  assert.doesNotMatch(masked.out, /hunter2/);
  assert.equal(
    JSON.parse(read(['--format', 'json', '--raw', '-'], { input }).out).operation,
    'GET /login?user=ann&password=hunter2',
  );
  assert.doesNotMatch(read(['-'], { input }).out, /hunter2/);
});
