/** The image as its Dockerfile makes it, run with what the manifests give it. */
import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, CLIENT, requestsIn, SERVER, spansOf } from '../e2e/otlp.ts';
import { lacking, must, run, type Started, start } from '../e2e/program.ts';
import { emptyFolder } from '../e2e/servers/server.ts';
import { buildImage, type Image, launcherFlags } from './image/build.ts';
import { ofManifest, ofService, type Process, removeFolders, runContainer, underDocker } from './image/container.ts';
import { compose, KUBERNETES, kustomize, type Manifest, manifestsIn, one, ROOT } from './image/manifests.ts';

/** The pod, and the node beside it with a caller and a Collector. */
const POD = `spantap-${process.pid}-pod`;
const NODE = `spantap-${process.pid}-node`;
const POD_IP = '10.78.0.2';
const CALLER = '10.78.0.1';
const COLLECTOR = '10.78.0.9';
const FIELDS = {
  'metadata.name': 'shop-7d9f8c-x2k4q',
  'metadata.uid': '6f1c4b4e-58c5-4f3e-9a43-0d0f6f3f9b11',
  'metadata.namespace': 'shop',
  "metadata.labels['app.kubernetes.io/name']": 'shop',
  'spec.nodeName': 'node-1',
  'status.podIP': POD_IP,
};
const HEALTH = 14318;

const inside = (name: string, ...command: string[]): string[] => ['ip', 'netns', 'exec', name, ...command];
const ip = (...args: string[]): Promise<string> => must(['ip', ...args]);

describe('the image', {
  skip: lacking('buildah', 'runc', 'debootstrap', 'getcap', 'ip', 'go', 'npm', 'redis-server', 'postgres'),
}, () => {
  let image: Image;
  let manifests: Manifest[] = [];
  let hosts = '';
  let receiver: Started;

  /** The sidecar's process as its manifest and ConfigMap say, but for what the receiver can read. */
  const sidecar = (): Process => {
    const pod = one(manifests, 'Deployment').spec!.template.spec;
    const p = ofManifest(image, pod.initContainers![0]!, manifests, FIELDS);
    return withCollector(p);
  };
  const withCollector = (p: Process): Process => ({
    ...p,
    env: { ...p.env, SPANTAP_EXPORT_PROTOCOL: 'http/json' },
    mounts: { ...p.mounts, '/etc/hosts': hosts },
  });

  before(async () => {
    image = await buildImage();
    manifests = manifestsIn(await kustomize(join(KUBERNETES, 'example')));
    hosts = join(emptyFolder('hosts'), 'hosts');
    writeFileSync(
      hosts,
      `127.0.0.1 localhost\n${POD_IP} ${FIELDS['metadata.name']}\n${COLLECTOR} otel-collector.observability collector\n`,
    );
    for (const name of [POD, NODE]) await ip('netns', 'add', name);
    await ip('-n', POD, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'pod0', 'netns', NODE);
    await ip('-n', POD, 'address', 'add', `${POD_IP}/24`, 'dev', 'eth0');
    for (const address of [CALLER, COLLECTOR]) await ip('-n', NODE, 'address', 'add', `${address}/24`, 'dev', 'pod0');
    for (const [name, device] of [
      [POD, 'lo'],
      [POD, 'eth0'],
      [NODE, 'lo'],
      [NODE, 'pod0'],
    ] as const) {
      await ip('-n', name, 'link', 'set', device, 'up');
    }
    receiver = start(inside(NODE, process.execPath, join(import.meta.dirname, 'image/receiver.ts'), COLLECTOR, '4318'));
    await receiver.until(/listening/);
  });
  after(async () => {
    await receiver?.stop();
    for (const name of [POD, NODE]) await run(['ip', 'netns', 'delete', name]);
    removeFolders();
    await image?.remove();
  });

  test('holds what runs and nothing else', async (t) => {
    const at = (path: string): string => join(image.root, path);
    for (const program of ['npm', 'gcc', 'g++', 'cc', 'make', 'python3', 'setcap']) {
      for (const folder of ['bin', 'usr/bin', 'usr/sbin', 'usr/local/bin'])
        assert.ok(!existsSync(at(`${folder}/${program}`)), program);
    }
    for (const path of ['typescript', '@biomejs', 'cap', 'nan', 'node-gyp'])
      assert.ok(!existsSync(at(`spantap/node_modules/${path}`)), path);
    const find = (...args: string[]): Promise<string> => must(['find', image.root, '-xdev', '-type', 'f', ...args]);
    assert.equal(await find('-perm', '/6000'), '', 'no setuid program');
    assert.equal(await find('-perm', '-0002'), '', 'no file that everybody may write to');
    assert.equal(await find('-path', '*/spantap/*', '(', '-name', '*.ts', '-o', '-name', '*.map', ')'), '');
    assert.match(await must(['getcap', at('usr/local/bin/node')]), /cap_net_raw=p$/m, 'permitted, not effective');
    assert.equal(statSync(at('usr/local/bin/node')).mode & 0o777, 0o755);
    assert.match(image.config.User, /^[1-9]\d*:[1-9]\d*$/, 'a number, so that Kubernetes knows that it is not root');
    assert.deepEqual(image.config.Entrypoint.slice(1, -1), launcherFlags(), 'the flags of bin/spantap');
    assert.equal(image.config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    const node = statSync(at('usr/local/bin/node')).size;
    t.diagnostic(
      `added to Debian: ${(image.addedBytes / 1e6).toFixed(0)} MB, ${(node / 1e6).toFixed(0)} MB of them Node.js`,
    );
    assert.ok(image.addedBytes < 160e6, 'small');
  });

  test('as the sidecar under containerd: sees the application from outside, and tells the Collector', async () => {
    const agent = runContainer(image, sidecar(), POD);
    await agent.until(/"capturing"/);
    const server = start(inside(POD, process.execPath, join(ROOT, 'test/e2e/peers.ts'), 'server', POD_IP, '8080'));
    await server.until(/listening/);
    const probe = async (path: string): Promise<string> => {
      const script = `fetch('http://${POD_IP}:${HEALTH}${path}').then(async (r) => console.log(r.status, (await r.text()).trim()))`;
      return must(inside(NODE, process.execPath, '-e', script));
    };
    assert.equal(await probe('/readyz'), '200 ok\n', 'the kubelet can ask');
    const peers = inside(NODE, process.execPath, join(ROOT, 'test/e2e/peers.ts'), 'client', POD_IP, '8080');
    const requests = Number(await must(peers));
    assert.equal(await probe('/healthz'), '200 ok\n');
    await sleep(500);
    assert.equal(await agent.stop('SIGTERM', 30_000), 0, agent.err);
    await server.stop();

    for (const line of agent.err.trim().split('\n')) assert.ok(JSON.parse(line).time, 'every line is JSON');
    const received = requestsIn(receiver.out);
    const named = received
      .flatMap((r) => r.resourceSpans ?? [])
      .filter(({ resource }) => attribute(resource, 'service.name') === 'shop');
    assert.ok(named.every(({ resource }) => attribute(resource, 'service.namespace') === 'shop'));
    const served = named.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans)).filter((s) => s.kind === SERVER);
    assert.ok(requests > 100);
    assert.equal(served.length, requests, 'every request to the application');
    const asked = spansOf(received).filter((s) => s.kind === CLIENT);
    assert.equal(asked.length, requests, 'and nothing about probes or exports');
    const own = received
      .flatMap((r) => r.resourceMetrics ?? [])
      .find(({ resource }) => attribute(resource, 'k8s.pod.name') !== undefined);
    assert.equal(attribute(own!.resource, 'k8s.node.name'), 'node-1');
    assert.equal(attribute(own!.resource, 'k8s.pod.uid'), FIELDS['metadata.uid']);
  });

  test('the same where Docker’s engine is underneath: refused, and what to change; changed, it captures', async () => {
    const refused = runContainer(image, underDocker(sidecar()), POD);
    assert.equal(await refused.ended(), 1);
    assert.match(refused.err, /no_new_privs[\s\S]*allowPrivilegeEscalation: true/);
    const agent = runContainer(image, { ...underDocker(sidecar()), noNewPrivs: false }, POD);
    await agent.until(/"capturing"/);
    assert.equal(await agent.stop(), 0, agent.err);
  });

  test('as compose.yaml runs it: is found healthy, and sees every pair of the shop', async () => {
    const agent = runContainer(image, withCollector(ofService(image, compose().services.spantap!)), POD);
    await agent.until(/"capturing"/);
    const [kind, ...command] = image.config.Healthcheck.Test;
    assert.equal(kind, 'CMD');
    assert.equal(await agent.exec(command), 0);
    const elsewhere = command.map((word) => word.replace('/healthz', '/elsewhere'));
    assert.notEqual(await agent.exec(elsewhere), 0, 'it does ask');

    const before = requestsIn(receiver.out).length;
    const shop = start(inside(POD, process.execPath, join(ROOT, 'demo/shop.ts')));
    await shop.until(/^open: .*$/m, 60_000);
    await sleep(3000);
    assert.equal(await shop.stop(), 0, shop.err);
    await sleep(500);
    assert.equal(await agent.stop(), 0, agent.err);
    const open = /^open: (.*)$/m.exec(shop.out)![1]!.split(', ').sort();
    const seen = requestsIn(receiver.out)
      .slice(before)
      .flatMap((r) => r.resourceSpans ?? []);
    const pairs = seen.flatMap(({ resource, scopeSpans }) =>
      scopeSpans
        .flatMap((s) => s.spans)
        .filter((s) => s.kind === CLIENT)
        .map((s) => `${attribute(resource, 'service.name')} -> ${attribute(s, 'service.peer.name')}`),
    );
    assert.ok(open.length >= 6, `${open}`);
    assert.deepEqual([...new Set(pairs)].sort(), open);
  });

  test('granted nothing: says so; reads files all the same', async () => {
    const none = { bounding: [], permitted: [] };
    const agent = runContainer(image, { ...sidecar(), capabilities: none }, POD);
    assert.equal(await agent.ended(), 1);
    assert.match(agent.err, /capabilities\.add: \[NET_RAW\]/);
    const folder = join(ROOT, 'test/fixtures/grpc');
    const [fixture] = (await must(['find', folder, '-name', 'input.pcap*'])).split('\n');
    const read = runContainer(
      image,
      {
        args: [...image.config.Entrypoint, 'read', '--format', 'json', '/capture'],
        env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
        user: 10001,
        readOnly: true,
        noNewPrivs: true,
        capabilities: none,
        mounts: { '/capture': fixture! },
      },
      POD,
    );
    assert.equal(await read.ended(), 0, read.err);
    assert.ok(read.out.split('\n').length > 1);
  });
});
