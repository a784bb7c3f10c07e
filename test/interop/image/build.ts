/**
 * The image, built by buildah from the Dockerfile as it stands. No registry of images is asked: what the Dockerfile begins with is
 * stood in for by Debian of the same release from its packages, and by that with this machine's Node.js and an npm.
 */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { must } from '../../e2e/program.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
export const CACHE = process.env.SPANTAP_TEST_CACHE ?? '/var/tmp/spantap-test-cache';
const SUITE = 'bookworm';
const NPM = '11.19.1';
const DEBIAN = `localhost/spantap-test/debian:${SUITE}`;
const NODE = `localhost/spantap-test/node:${process.versions.node}-${SUITE}`;
const IMAGE = `localhost/spantap-test/spantap:${process.pid}`;

/** Debian's packages and npm's come over the network. */
const FETCH_MS = 900_000;

const storage = join(CACHE, 'buildah');
const buildah = (...args: string[]): Promise<string> =>
  must(['buildah', '--root', storage, '--runroot', join(storage, 'run'), '--storage-driver', 'overlay', ...args], {
    cwd: ROOT,
    env: process.env,
    maxMs: FETCH_MS,
  });

/** As Docker keeps it. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Healthcheck: { readonly Test: readonly string[] };
  readonly Labels: Readonly<Record<string, string>>;
}

export interface Image {
  /** Where its files can be seen. */
  readonly root: string;
  readonly config: ImageConfig;
  /** Of what the Dockerfile adds to Debian. */
  readonly addedBytes: number;
  remove(): Promise<void>;
}

export async function buildImage(): Promise<Image> {
  mkdirSync(storage, { recursive: true });
  if (!(await has(DEBIAN))) await makeDebian();
  if (!(await has(NODE))) await makeNode();
  const bases = ['--build-arg', `NODE_IMAGE=${NODE}`, '--build-arg', `BASE_IMAGE=${DEBIAN}`];
  const how = ['--pull-never', '--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--no-cache'];
  await buildah('bud', ...how, ...bases, '-t', IMAGE, '.');
  const container = (await buildah('from', '--pull-never', IMAGE)).trim();
  const { Docker, size } = { ...(await inspect(IMAGE)), size: (await sizeOf(IMAGE)) - (await sizeOf(DEBIAN)) };
  return {
    root: (await buildah('mount', container)).trim(),
    config: Docker.config,
    addedBytes: size,
    async remove() {
      await buildah('rm', container);
      await buildah('rmi', IMAGE);
      await buildah('rmi', '--prune');
    },
  };
}

const has = async (image: string): Promise<boolean> =>
  (await buildah('images', '-q', '--filter', `reference=${image}`)) !== '';

const inspect = async (image: string): Promise<{ Docker: { config: ImageConfig } }> =>
  JSON.parse(await buildah('inspect', '--type', 'image', image));

async function sizeOf(image: string): Promise<number> {
  const [found] = JSON.parse(await buildah('images', '--json', image)) as { size: string }[];
  const [, number, unit] = /^([\d.]+) ([kMG]?)B$/.exec(found!.size)!;
  return Number(number) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit!]!;
}

async function commit(base: string, files: string, variables: Record<string, string>, image: string): Promise<void> {
  const container = (await buildah('from', '--pull-never', base)).trim();
  await buildah('add', '--quiet', container, files, '/');
  const env = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  await buildah('config', ...env, container);
  await buildah('commit', '--quiet', '--rm', container, image);
}

async function inFolder(make: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'spantap-image-'));
  try {
    await make(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeDebian(): Promise<void> {
  await inFolder(async (folder) => {
    const options = ['--variant=minbase', '--include=ca-certificates', SUITE];
    await must(['debootstrap', ...options, folder], { env: process.env, maxMs: FETCH_MS });
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    await commit('scratch', folder, { PATH: path }, DEBIAN);
  });
}

/** What this machine's npm knows of registries, proxies and certificates goes into the stand-in, and so into no image made from it. */
async function makeNode(): Promise<void> {
  await inFolder(async (folder) => {
    const local = join(folder, 'usr/local');
    const home = dirname(dirname(process.execPath));
    for (const part of ['bin/node', 'include'])
      cpSync(join(home, part), join(local, part), { recursive: true, dereference: true });
    const fetched = mkdtempSync(join(tmpdir(), 'spantap-npm-'));
    const quiet = ['--ignore-scripts', '--no-save', '--no-package-lock', '--loglevel=error'];
    await must(['npm', 'install', ...quiet, '--prefix', fetched, `npm@${NPM}`], { env: process.env, maxMs: FETCH_MS });
    cpSync(join(fetched, 'node_modules/npm'), join(local, 'lib/node_modules/npm'), { recursive: true });
    rmSync(fetched, { recursive: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));

    const variables: Record<string, string> = {};
    const registry = (await must(['npm', 'config', 'get', 'registry'], { env: process.env })).trim();
    variables.npm_config_registry = registry;
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']) {
      if (process.env[name]) variables[name] = process.env[name];
    }
    const authorities = process.env.NODE_EXTRA_CA_CERTS;
    if (authorities) {
      mkdirSync(join(folder, 'etc/ssl/certs'), { recursive: true });
      copyFileSync(authorities, join(folder, 'etc/ssl/certs/extra.pem'));
      variables.NODE_EXTRA_CA_CERTS = '/etc/ssl/certs/extra.pem';
    }
    await commit(DEBIAN, folder, variables, NODE);
  });
}

/** The flags that bin/spantap gives to Node.js. */
export function launcherFlags(): string[] {
  const line = /^exec "\$node" (.*) "\$root\/dist\/src\/main\.js" "\$@"$/m.exec(
    readFileSync(join(ROOT, 'bin/spantap'), 'utf8'),
  );
  assert.ok(line !== null && existsSync(join(ROOT, 'Dockerfile')));
  return line[1]!.split(' ');
}
