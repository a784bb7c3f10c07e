/** The manifests and compose.yaml against the schemas of Kubernetes and Compose, and what they promise. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { lacking, must, run, spantap } from '../e2e/program.ts';
import { CACHE } from './image/build.ts';
import { goProgram } from './image/go-program.ts';
import {
  type Container,
  compose,
  KUBERNETES,
  kustomize,
  type Manifest,
  manifestsIn,
  one,
  ROOT,
} from './image/manifests.ts';

/** Brings the schemas of Kubernetes with it. */
const VALIDATOR = '1.37.0';
/** The oldest with sidecars switched on by default, and the newest that the validator knows. */
const VERSIONS = ['1.29', '1.37'];
const COMPOSE_GO = '2.16.2';
const FETCH_MS = 600_000;

async function validator(): Promise<string> {
  const folder = join(CACHE, `kubernetes-validate-${VALIDATOR}`);
  const program = join(folder, 'bin/kubernetes-validate');
  if (!existsSync(program)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(CACHE, { recursive: true });
    await must(['python3', '-m', 'venv', folder], { env: process.env, maxMs: FETCH_MS });
    const install = [join(folder, 'bin/pip'), 'install', '--quiet', `kubernetes-validate==${VALIDATOR}`];
    await must(install, { env: process.env, maxMs: FETCH_MS });
  }
  return program;
}

/** Compose's own loader, which holds a file against the Compose specification. */
const composeLoader = (): Promise<string> => goProgram('github.com/compose-spec/compose-go/v2/cmd', COMPOSE_GO);

const agentOf = (m: Manifest): Container => {
  const { initContainers = [], containers } = m.spec!.template.spec;
  return [...initContainers, ...containers].find((c) => c.name === 'spantap')!;
};

describe('for Kubernetes', { skip: lacking('go', 'python3') }, () => {
  const texts = new Map<string, string>();
  let dir = '';
  let program = '';
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'spantap-manifests-'));
    program = await validator();
    for (const folder of ['example', 'daemonset']) texts.set(folder, await kustomize(join(KUBERNETES, folder)));
  });
  after(() => rmSync(dir, { recursive: true }));

  const validate = async (text: string, version: string): Promise<{ code: number | null; said: string }> => {
    const file = join(dir, 'manifests.yaml');
    writeFileSync(file, text);
    const { code, out, err } = await run([program, '--strict', '-k', version, file]);
    return { code, said: out + err };
  };

  test('everything that kustomize makes fits the schemas, and the schemas notice what does not', async () => {
    for (const [folder, text] of texts) {
      for (const version of VERSIONS) {
        const { code, said } = await validate(text, version);
        assert.equal(code, 0, `${folder}, Kubernetes ${version}: ${said}`);
      }
      const misspelt = text.replace('readOnlyRootFilesystem', 'readOnlyRootFileSystem');
      assert.match((await validate(misspelt, VERSIONS[1]!)).said, /'readOnlyRootFileSystem' was unexpected/);
    }
  });

  test('the agent has NET_RAW and nothing else: no root, no token, no file to write to', () => {
    for (const [folder, kind] of [
      ['example', 'Deployment'],
      ['daemonset', 'DaemonSet'],
    ] as const) {
      const m = one(manifestsIn(texts.get(folder)!), kind);
      const { runAsUser, runAsGroup, ...s } = agentOf(m).securityContext as Container['securityContext'] &
        Record<string, unknown>;
      assert.ok(Number(runAsUser) > 0 && Number(runAsGroup) > 0);
      assert.deepEqual(s, {
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_RAW'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
      assert.equal(
        (m.spec!.template.spec as { automountServiceAccountToken?: boolean }).automountServiceAccountToken,
        false,
      );
    }
    const kinds = manifestsIn(texts.get('daemonset')!).map((m) => m.kind);
    assert.deepEqual(kinds.sort(), ['ConfigMap', 'DaemonSet', 'Namespace', 'ServiceAccount'], 'no role at all');
  });

  test('the sidecar is an init container that stays, in labelled workloads alone', async () => {
    const manifests = manifestsIn(texts.get('example')!);
    const pod = one(manifests, 'Deployment').spec!.template.spec;
    assert.deepEqual(
      pod.initContainers!.map((c) => [c.name, c.restartPolicy]),
      [['spantap', 'Always']],
    );
    assert.equal(pod.volumes[0]!.configMap.name, one(manifests, 'ConfigMap').metadata.name);
    // the same application without the label
    const plain = join(dir, 'plain');
    mkdirSync(plain);
    await must(['cp', '-r', join(KUBERNETES, 'sidecar'), join(KUBERNETES, 'example'), plain]);
    await must(['sed', '-i', '/spantap: sidecar/d', join(plain, 'example/shop.yaml')]);
    const unlabelled = manifestsIn(await kustomize(join(plain, 'example')));
    assert.equal(one(unlabelled, 'Deployment').spec!.template.spec.initContainers, undefined);
  });

  test('agent.yaml of both, with the variables beside it, is a configuration', async () => {
    for (const [folder, kind] of [
      ['example', 'Deployment'],
      ['daemonset', 'DaemonSet'],
    ] as const) {
      const manifests = manifestsIn(texts.get(folder)!);
      const file = join(dir, 'agent.yaml');
      writeFileSync(file, one(manifests, 'ConfigMap').data!['agent.yaml']!);
      const set = agentOf(one(manifests, kind)).env!.map((e) => [
        e.name,
        e.value ?? (e.name.endsWith('_HOST') ? '10.78.0.2' : 'x'),
      ]);
      const env = { PATH: process.env.PATH!, ...Object.fromEntries(set), SPANTAP_CONFIG: file };
      const said = await must(spantap('check'), { env });
      assert.match(said, /endpoint: http:\/\/otel-collector\.observability:4318/);
    }
  });
});

describe('for Docker Compose', { skip: lacking('go') }, () => {
  test('the file fits the specification, and every file that it mounts is there', async () => {
    const loader = await composeLoader();
    const loaded = await must([loader, '-format', 'json', join(ROOT, 'compose.yaml')], { env: process.env, cwd: ROOT });
    const { services } = JSON.parse(loaded) as {
      services: Record<string, { image?: string; build?: object; volumes?: { type: string; source: string }[] }>;
    };
    assert.deepEqual(Object.keys(services).sort(), ['collector', 'grafana', 'jaeger', 'prometheus', 'shop', 'spantap']);
    for (const [name, { image = '', build, volumes = [] }] of Object.entries(services)) {
      assert.ok(
        build !== undefined || /:v?\d+\.\d+\.\d+$/.test(image),
        `${name} is built here, or pinned by its version`,
      );
      for (const { source } of volumes) assert.ok(existsSync(source), source);
    }
    const wrong = await run([loader, '-'], { env: process.env });
    assert.notEqual(wrong.code, 0, 'it refuses what is no Compose file');
  });

  test('the agent there has NET_RAW and nothing else', () => {
    const { spantap: agent } = compose().services;
    assert.deepEqual([agent!.cap_drop, agent!.cap_add, agent!.read_only], [['ALL'], ['NET_RAW'], true]);
  });
});
