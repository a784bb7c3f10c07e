/**
 * The capability as containers give it: on the program's file, permitted but not effective. The processes here are root by number
 * only, so that they may read this checkout wherever it lies: SECBIT_NOROOT makes the kernel treat them like anybody else at execve.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { permissionAdvice } from '../../src/capture/problems.ts';
import { lacking } from '../e2e/program.ts';

const OPEN = `
  import { readFileSync } from 'node:fs';
  import { openLive } from ${JSON.stringify(join(import.meta.dirname, '../../src/capture/live.ts'))};
  const options = { driver: 'libpcap', interfaces: ['lo'], filter: '', snaplen: 96, ringBytes: 1 << 20, promiscuous: false, batchDelayMs: 10 };
  const effective = () => /CapEff:\\s*0*([0-9a-f]+)/.exec(readFileSync('/proc/thread-self/status', 'latin1'))[1];
  try {
    const live = openLive(options, { frame() {} }, () => {});
    console.log('opened, effective afterwards:', effective());
    live.close();
  } catch (error) {
    console.log(error.code + '\\n' + error.message);
  }`;

describe('a file capability', { skip: lacking('setpriv', 'setcap') }, () => {
  let folder = '';
  let node = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'spantap-privilege-'));
    node = join(folder, 'node');
    copyFileSync(process.execPath, node);
    const set = spawnSync('setcap', ['cap_net_raw=p', node], { encoding: 'utf8' });
    assert.equal(set.status, 0, set.stderr);
  });
  after(() => rmSync(folder, { recursive: true }));

  function open(program: string, ...setpriv: string[]): string {
    const args = ['--securebits=+noroot', '--inh-caps=-all', ...setpriv, program, '--input-type=module', '-e', OPEN];
    const r = spawnSync('setpriv', args, { encoding: 'utf8', env: {} });
    assert.equal(r.status, 0, r.stderr);
    return r.stdout;
  }

  test('that is permitted only is taken up to open a capture, and put down again', () => {
    assert.equal(open(node, '--bounding-set=-all,+net_raw'), 'opened, effective afterwards: 0\n');
  });

  test('that is not granted keeps nobody from starting; the error says who has to grant it', () => {
    assert.match(open(node, '--bounding-set=-all'), /^capture-permission\n[\s\S]*capabilities\.add: \[NET_RAW\]/);
  });

  test('without it, the same process may not capture: how it is set', () => {
    assert.match(open(process.execPath, '--bounding-set=-all,+net_raw'), /^capture-permission\n[\s\S]*sudo setcap/);
  });
});

test('granted, and lost by no_new_privs: what has to be changed', () => {
  const said = permissionAdvice(['net_raw'], { grantable: true, noNewPrivs: true });
  assert.match(said, /allowPrivilegeEscalation: true, or runAsUser: 0/);
});
