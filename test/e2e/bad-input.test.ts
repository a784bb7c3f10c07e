/** What people read when something is wrong: one look must tell what to change. And the exit codes that scripts read. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, Endpoint, SERVER } from './otlp.ts';
import { environment, type Finished, lacking, run, spantap, start } from './program.ts';

const dir = mkdtempSync(join(tmpdir(), 'spantap-bad-'));
after(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** Runs `spantap ARGS`; nothing that is refused may print a stack, or anything on standard output. */
async function refused(args: readonly string[], variables: Record<string, string> = {}): Promise<Finished> {
  const r = await run(spantap(...args), { env: environment(variables) });
  assert.equal(r.out, '');
  assert.doesNotMatch(r.err, /^ +at |internal error/m);
  return r;
}

describe('the command line', { concurrency: 2 }, () => {
  const wrong: [args: string[], says: RegExp][] = [
    [['rnu'], /^error: unknown command 'rnu'\n\(Did you mean run\?\)\n\(spantap --help tells more\)\n$/],
    [['run', '--fliter', 'tcp'], /^error: unknown option '--fliter'\n\(spantap run --help tells more\)\n$/],
    [['read'], /^error: missing required argument 'file'\n/],
    [['read', '--fromat', 'json', 'x'], /^error: unknown option '--fromat'\n\(Did you mean --format\?\)\n/],
    [['read', '--format', 'tabel', 'x'], /'tabel' is invalid\. Allowed choices are table, json, otlp-json\.\n/],
    [['devices', 'eth0'], /^error: too many arguments for 'devices'/],
  ];
  for (const [args, says] of wrong) {
    test(`spantap ${args.join(' ')}`, async () => {
      const r = await refused(args);
      assert.match(r.err, says);
      assert.equal(r.code, 64);
    });
  }
});

describe('the configuration', { concurrency: 2 }, () => {
  test('YAML that is none: line and column', async () => {
    const path = file('syntax.yaml', 'capture:\n  interfaces: [lo\n  filter: tcp\n');
    const r = await refused(['check', '-c', path]);
    assert.match(r.err, new RegExp(`^spantap: ${path}:3:3: \\S.*\n$`));
    assert.equal(r.code, 1);
  });

  test('every mistake at once: where it stands, the nearest key, what would be right', async () => {
    const path = file(
      'mistakes.yaml',
      'captrue: { ring: 1MiB }\ncapture:\n  fliter: tcp\n  snaplen: lots\n  ring: 12parsecs\nspans: { mode: both }\n',
    );
    const expected = [
      `${path}:1:1: captrue: no such key; did you mean capture?`,
      `${path}:3:3: capture.fliter: no such key; did you mean capture.filter?`,
      `${path}:4:3: capture.snaplen = "lots": must be a whole number from 64 to 262144`,
      `${path}:5:3: capture.ring = "12parsecs": must be a size such as 512KiB, 64MiB or 1GiB`,
      `${path}:6:10: spans.mode = "both": must be one of pair, client, server`,
    ];
    for (const args of [['check'], ['run'], ['read', 'absent.pcap']]) {
      const r = await refused([...args, '-c', path]);
      assert.deepEqual(
        r.err.trimEnd().split('\n').sort(),
        expected.map((line) => `spantap: ${line}`),
      );
      assert.equal(r.code, 1);
    }
  });

  test('variables: what they are called, and what they may be', async () => {
    const r = await refused(['check'], { SPANTAP_CAPTURE_FLITER: 'tcp', SPANTAP_SPANS_MODE: 'both' });
    assert.match(r.err, /^spantap: SPANTAP_CAPTURE_FLITER: .*did you mean SPANTAP_CAPTURE_FILTER\?$/m);
    assert.match(r.err, /^spantap: SPANTAP_SPANS_MODE: spans\.mode = "both": must be one of pair, client, server$/m);
    assert.equal(r.code, 1);
  });

  test('a file that is not there', async () => {
    const path = join(dir, 'absent.yaml');
    const r = await refused(['run', '-c', path]);
    assert.match(r.err, new RegExp(`^spantap: ${path}: cannot be read: .*no such file`));
    assert.equal(r.code, 1);
  });

  test('an endpoint that is none, a protocol that is not spoken', async () => {
    const endpoint = await refused(['run', '-i', 'lo'], { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://collector' });
    assert.match(
      endpoint.err,
      /^spantap: OTEL_EXPORTER_OTLP_ENDPOINT: .*ftp:\/\/collector.*http:\/\/localhost:4318\n$/,
    );
    assert.equal(endpoint.code, 1);
    const protocol = await refused(['run', '-i', 'lo'], { OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift' });
    assert.match(
      protocol.err,
      /^spantap: OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift'.*http\/protobuf.*http\/json.*grpc.*\n$/,
    );
    assert.equal(protocol.code, 1);
  });
});

describe('capture files', { concurrency: 2 }, () => {
  const capture = join(import.meta.dirname, '../fixtures/http/zk-get/input.pcap');

  test('one that is not there, one that is a folder: nothing is read', async () => {
    const absent = join(dir, 'absent.pcap');
    assert.match(
      (await refused(['read', absent])).err,
      new RegExp(`^spantap: .*${absent}.*: there is no such file\n$`),
    );
    const folder = await refused(['read', dir]);
    assert.match(folder.err, new RegExp(`^spantap: .*${dir}.*: it is a directory\n$`));
    assert.equal(folder.code, 1);
  });

  const damaged: [name: string, content: string, says: RegExp][] = [
    ['empty.pcap', '', /at byte 0: .* \(file-empty\)\n$/],
    ['notes.pcap', 'these are no packets, whatever their name says\n', /at byte 0: .*pcap.* \(file-not-capture\)\n$/],
    ['cut.pcap.gz', '\x1f\x8b\x08\x00\x00\x00', /at byte 0: \S.* \(file-\w+\)\n$/],
  ];
  for (const [name, content, says] of damaged) {
    test(`${name}: told, and the others are read`, async () => {
      const path = join(dir, name);
      writeFileSync(path, Buffer.from(content, 'latin1'));
      const r = await run(spantap('read', '--format', 'json', path, capture));
      assert.match(r.err, new RegExp(`^spantap: ${path}: `));
      assert.match(r.err, says);
      assert.equal(r.code, 2);
      assert.equal(r.out.trimEnd().split('\n').length, 1, 'the exchange of the file that is sound');
    });
  }
});

const skip = lacking('setpriv');

describe('capturing', { skip }, () => {
  test('no permission, and none to be had: what to grant', async () => {
    // Root still, who may read this checkout wherever it lies, but without the right to capture and no way back to it.
    const powerless = ['setpriv', '--bounding-set=-net_raw,-net_admin', '--inh-caps=-all'];
    const r = await run([...powerless, ...spantap('run', '-i', 'lo')]);
    assert.match(r.err, /^spantap: No permission to capture on lo: /);
    assert.match(r.err, /^spantap: .*Kubernetes: .*capabilities\.add: \[NET_RAW\].*--cap-add NET_RAW/m);
    assert.doesNotMatch(r.err, /^ +at /m);
    assert.equal(r.code, 1);
  });

  test('no such interface: those that are there', async () => {
    const r = await refused(['run', '-i', 'nope0']);
    assert.match(r.err, /^spantap: There is no interface "nope0"\. .*\blo \(127\.0\.0\.1/);
    assert.equal(r.code, 1);
  });

  test('a filter that is none, before and at the start', async () => {
    const says = /^spantap: capture\.filter: libpcap does not take "tcp prot 80": .*syntax/;
    const path = file('filter.yaml', 'capture: { filter: tcp prot 80 }\n');
    for (const args of [
      ['run', '-i', 'lo', 'tcp', 'prot', '80'],
      ['run', '-c', path],
      ['check', '-c', path],
    ]) {
      const r = await refused(args);
      assert.match(r.err, says);
      assert.equal(r.code, 1);
    }
  });

  test('a Collector that is away: said once, and once that it is back; nothing is lost', async () => {
    const endpoint = new Endpoint();
    await endpoint.open();
    await endpoint.close(); // the port is known, nobody listens
    const app = createServer((_req, res) => res.end('hello'));
    after(() => app.close());
    await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
    const { port } = app.address() as AddressInfo;

    const env = environment({ ...endpoint.environment, SPANTAP_SPANS_FLUSH_DELAY: '100ms' });
    const agent = start(spantap('run', '-i', 'lo', `tcp port ${port}`), { env });
    await agent.until(/capturing/);
    const asked = 60;
    for (let n = 0; n < asked; n++) {
      await new Promise<void>((resolve, reject) => {
        get({ port, path: `/${n}` }, (res) => res.resume().once('end', resolve)).once('error', reject);
      });
      await sleep(50);
    }
    await agent.until(/the Collector does not take data/);
    await endpoint.open();
    await agent.until(/the Collector takes data again/);
    assert.equal(await agent.stop(), 0, agent.err);

    const lines = agent.err.trimEnd().split('\n');
    const away = lines.filter((l) => l.includes('the Collector does not take data'));
    const back = lines.filter((l) => l.includes('the Collector takes data again'));
    assert.equal(away.length, 1, agent.err);
    assert.equal(back.length, 1, agent.err);
    assert.match(away[0]!, new RegExp(` WARN .*127\\.0\\.0\\.1:${endpoint.port}.*ECONNREFUSED`));
    assert.ok(lines.length <= 5, agent.err);
    const paths = endpoint.spans.filter((s) => s.kind === SERVER).map((s) => attribute(s, 'url.path'));
    assert.deepEqual(new Set(paths), new Set(Array.from({ length: asked }, (_, n) => `/${n}`)));
    assert.equal(paths.length, asked, 'none twice');
  });
});
