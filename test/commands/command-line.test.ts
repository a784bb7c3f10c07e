import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const dir = mkdtempSync(join(tmpdir(), 'spantap-commands-'));
after(() => rmSync(dir, { recursive: true }));

function spantap(...args: string[]): { code: number | null; out: string; err: string } {
  const r = spawnSync(process.execPath, ['src/main.ts', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return { code: r.status, out: r.stdout, err: r.stderr };
}

test('help and version', () => {
  const version = spantap('--version');
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
  assert.equal(version.code, 0);
  for (const args of [['--help'], ['run', '--help'], ['read', '--help'], ['devices', '--help'], ['check', '--help']]) {
    const help = spantap(...args);
    assert.equal(help.code, 0);
    assert.match(help.out, /Usage: spantap/);
    assert.match(help.out, /Examples:/);
  }
});

test('whoever reads the output may leave early', () => {
  for (const args of ['--help', 'check', 'devices']) {
    const command = `"${process.execPath}" src/main.ts ${args} | true; echo "\${PIPESTATUS[0]}"`;
    const r = spawnSync('bash', ['--norc', '-c', command], { encoding: 'utf8', env: { PATH: process.env.PATH } });
    assert.deepEqual([r.stdout, r.stderr], ['0\n', ''], args);
  }
});

test('output that cannot be written, as on a full disk, is said in a line, exit code 1', () => {
  const full = openSync('/dev/full', 'w');
  const capture = 'test/fixtures/http/zk-get/input.pcap';
  for (const args of [['read', capture], ['read', '--format', 'json', capture], ['check'], ['--help']]) {
    const r = spawnSync(process.execPath, ['src/main.ts', ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
      stdio: ['ignore', full, 'pipe'],
    });
    assert.match(r.stderr, /^spantap: The output cannot be written: .*ENOSPC.*\n$/, args.join(' '));
    assert.equal(r.status, 1);
  }
  closeSync(full);
});

test('what is wrong with a command line is said with the nearest right one, exit code 64', () => {
  const nearest: [string[], RegExp][] = [
    [['raed', 'x.pcap'], /unknown command 'raed'\n\(Did you mean read\?\)/],
    [['run', '--interfac', 'lo'], /unknown option '--interfac'\n\(Did you mean --interface\?\)/],
    [['read', '--format', 'xml', 'x.pcap'], /'xml' is invalid. Allowed choices are table, json, otlp-json/],
    [['read'], /missing required argument 'file'/],
    [['check', 'agent.yaml'], /too many arguments/],
    [['check', '-c'], /argument missing/],
  ];
  for (const [args, message] of nearest) {
    const r = spantap(...args);
    assert.match(r.err, message);
    assert.equal(r.code, 64, args.join(' '));
    assert.doesNotMatch(r.err, /\n {4}at /);
  }
});

test('check shows what takes effect, or every mistake; never a stack unless asked for one', () => {
  const path = join(dir, 'agent.yaml');
  writeFileSync(path, 'capture: { snaplen: 96 }\n');
  const fine = spantap('check', '-c', path);
  assert.equal(fine.code, 0, fine.err);
  assert.match(fine.out, /^# traces go to http:\/\/localhost:4318\/v1\/traces \(http\/protobuf, gzip, 10s\)$/m);
  assert.match(fine.out, /snaplen: 96 # .*agent\.yaml:1:12/);
  writeFileSync(path, "prometheus: { host: '::1', port: 9464 }\n");
  const scraped = spantap('check', '-c', path);
  assert.match(scraped.out, /^# metrics are served at http:\/\/\[::1\]:9464\/metrics$/m);
  assert.doesNotMatch(scraped.out, /^# metrics go to/m);

  writeFileSync(path, 'capture: { snaplen: 1, shard: 2 }\n');
  const wrong = spantap('check', '-c', path);
  assert.equal(wrong.code, 1);
  assert.equal(
    wrong.err.replaceAll(path, 'agent.yaml'),
    'spantap: agent.yaml:1:12: capture.snaplen = 1: must be at least 64\n' +
      'spantap: agent.yaml:1:24: capture.shard: no such key; did you mean capture.shards?\n',
  );
  assert.match(spantap('--debug', 'check', '-c', path).err, /\n {4}at /);
});

test('check refuses what only shows when it is used: filter, hosts', () => {
  const path = join(dir, 'deep.yaml');
  writeFileSync(path, 'capture: { filter: tcp prot 80 }\nnaming: { services: [{ host: nowhere.test, name: x }] }\n');
  const r = spantap('check', '-c', path);
  assert.equal(r.code, 1);
  assert.match(r.err, /tcp prot 80/);
  assert.match(r.err, /naming\.services\[0\] \(x\): host nowhere\.test is not in \/etc\/hosts/);
});

test('devices lists the loopback interface', () => {
  const r = spantap('devices');
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^INTERFACE +STATE/);
  assert.match(r.out, /^lo +up +.*127\.0\.0\.1/m);
});

test('the start script finds its package through links, and says what is missing', () => {
  // a package that was not built: the script alone
  const root = join(dir, 'package');
  spawnSync('mkdir', ['-p', `${root}/bin`, `${dir}/links`]);
  spawnSync('cp', ['bin/spantap', `${root}/bin/spantap`]);
  symlinkSync('../package/bin/spantap', join(dir, 'links/relative'));
  symlinkSync(join(dir, 'links/relative'), join(dir, 'links/absolute'));
  const start = (path: string) =>
    spawnSync(join(dir, 'links/absolute'), ['a b', '$c'], { encoding: 'utf8', env: { PATH: path } });
  const missing = start(process.env.PATH!);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /^spantap: not built yet: run 'make build' in .*\/package\n$/);

  spawnSync('mkdir', ['-p', `${root}/dist/src`, `${dir}/old`]);
  writeFileSync(join(root, 'dist/src/main.js'), 'console.log(process.argv.slice(2).join("|"))');
  const built = start(`${join(process.execPath, '..')}:/usr/bin:/bin`);
  assert.equal(built.stdout, 'a b|$c\n', built.stderr);

  writeFileSync(join(dir, 'old/node'), '#!/bin/sh\necho v20.11.1\n', { mode: 0o755 });
  const old = start(`${dir}/old:/usr/bin:/bin`);
  assert.equal(old.status, 1);
  assert.match(old.stderr, /Node\.js 22\.15 or newer is needed, .*\/old\/node is v20\.11\.1/);
});
