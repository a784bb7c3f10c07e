/**
 * Runs the image with runc, the way an engine does it: what containerd's CRI plugin makes of a container of Kubernetes, and what Docker
 * makes of a service. Of both only what decides whether the agent can capture: user, capabilities, no_new_privs, read-only root.
 * The engines' seccomp and AppArmor profiles are not there.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, run, type Started, start } from '../../e2e/program.ts';
import type { Image } from './build.ts';
import { type Container, type Manifest, one, ROOT, type Service } from './manifests.ts';

export interface Process {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: number;
  readonly readOnly: boolean;
  readonly noNewPrivs: boolean;
  readonly capabilities: {
    readonly bounding: readonly string[];
    readonly permitted: readonly string[];
  };
  readonly memoryBytes?: number;
  /** Files to lay over the image's, by path: another path of this machine. */
  readonly mounts: Readonly<Record<string, string>>;
}

const pairs = (env: readonly string[]): Record<string, string> =>
  Object.fromEntries(env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

const named = (list: readonly string[] = []): string[] => list.map((name) => `CAP_${name}`);

/** Fields of the pod that the kubelet would fill in, by their path. */
export type Fields = Readonly<Record<string, string>>;

/** A container of a manifest. containerd and CRI-O: what is granted is permitted to the first program, whoever its user is. */
export function ofManifest(image: Image, c: Container, manifests: readonly Manifest[], fields: Fields): Process {
  const s = c.securityContext;
  if (s.capabilities.drop?.join() !== 'ALL') throw new Error('it keeps capabilities that it was not given');
  const user = s.runAsUser ?? Number(image.config.User.split(':')[0]);
  if (s.runAsNonRoot === true && !(user > 0))
    throw new Error('the kubelet would not start it: not known not to be root');
  const env: Record<string, string> = pairs(image.config.Env);
  for (const { name, value, valueFrom } of c.env ?? []) {
    const text = valueFrom === undefined ? value! : fields[valueFrom.fieldRef.fieldPath];
    if (text === undefined) throw new Error(`no such field: ${valueFrom?.fieldRef.fieldPath}`);
    env[name] = text.replace(/\$\((\w+)\)/g, (whole, other: string) => env[other] ?? whole);
  }
  const folder = mkdtempSync(join(tmpdir(), 'spantap-config-'));
  folders.push(folder);
  chmodSync(folder, 0o755); // as the kubelet's are: for every user of the container
  for (const [file, text] of Object.entries(one(manifests, 'ConfigMap').data!)) writeFileSync(join(folder, file), text);
  const granted = named(s.capabilities.add);
  return {
    args: [...image.config.Entrypoint, ...(c.args ?? image.config.Cmd)],
    env,
    user,
    readOnly: s.readOnlyRootFilesystem === true,
    noNewPrivs: s.allowPrivilegeEscalation === false,
    capabilities: { bounding: granted, permitted: granted },
    memoryBytes: Number(/^(\d+)Mi$/.exec(c.resources.limits.memory)![1]) << 20,
    mounts: { [c.volumeMounts[0]!.mountPath]: folder },
  };
}

/** Docker's engine, alone or under cri-dockerd, permits nothing to the first program of a user who is not root. */
export const underDocker = (p: Process): Process => ({ ...p, capabilities: { ...p.capabilities, permitted: [] } });

export function ofService(image: Image, s: Service): Process {
  if (s.cap_drop.join() !== 'ALL') throw new Error('it keeps capabilities that it was not given');
  const mounts = s.volumes.map((v) => v.split(':') as [string, string, string]);
  return underDocker({
    args: [...image.config.Entrypoint, ...image.config.Cmd],
    env: { ...pairs(image.config.Env), ...s.environment },
    user: Number(image.config.User.split(':')[0]),
    readOnly: s.read_only,
    noNewPrivs: (s.security_opt ?? []).some((option) => option.startsWith('no-new-privileges')),
    capabilities: { bounding: named(s.cap_add), permitted: [] },
    mounts: Object.fromEntries(mounts.map(([from, to]) => [to, join(ROOT, from)])),
  });
}

const folders: string[] = [];
/** To be called at the end. */
export function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

let containers = 0;

export interface Running extends Started {
  /** Runs a command inside; gives its exit code. */
  exec(command: readonly string[]): Promise<number | null>;
}

/** Starts it in a network namespace. */
export function runContainer(image: Image, p: Process, netns: string): Running {
  const bundle = mkdtempSync(join(tmpdir(), 'spantap-bundle-'));
  folders.push(bundle);
  const state = join(bundle, 'state');
  mkdirSync(state);
  const id = `spantap-test-${process.pid}-${++containers}`;
  const bind = (to: string, from: string): object => ({
    destination: to,
    type: 'bind',
    source: from,
    options: ['rbind', 'ro'],
  });
  const spec = {
    ociVersion: '1.0.2',
    process: {
      user: { uid: p.user, gid: p.user },
      args: p.args,
      env: Object.entries(p.env).map(([name, value]) => `${name}=${value}`),
      cwd: '/',
      noNewPrivileges: p.noNewPrivs,
      capabilities: {
        bounding: p.capabilities.bounding,
        effective: p.capabilities.permitted,
        permitted: p.capabilities.permitted,
      },
    },
    root: { path: image.root, readonly: p.readOnly },
    hostname: id,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      ...Object.entries(p.mounts).map(([to, from]) => bind(to, from)),
    ],
    linux: {
      cgroupsPath: `/${id}`,
      ...(p.memoryBytes === undefined ? {} : { resources: { memory: { limit: p.memoryBytes, swap: p.memoryBytes } } }),
      namespaces: [
        ...['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
        { type: 'network', path: `/var/run/netns/${netns}` },
      ],
      maskedPaths: ['/proc/kcore', '/proc/keys'],
      readonlyPaths: ['/proc/sys'],
    },
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
  const runc = ['runc', '--root', state];
  const started = start([...runc, 'run', '--bundle', bundle, id], { env: { PATH: process.env.PATH ?? '' } });
  const ended = async (maxMs?: number): Promise<number | null> => {
    try {
      return await started.ended(maxMs);
    } finally {
      await must([...runc, 'delete', '--force', id]);
    }
  };
  return {
    child: started.child,
    get out() {
      return started.out;
    },
    get err() {
      return started.err;
    },
    until: started.until,
    ended,
    async stop(signal = 'SIGTERM', maxMs?: number) {
      started.child.kill(signal);
      return ended(maxMs);
    },
    exec: async (command) => (await run([...runc, 'exec', id, ...command])).code,
  };
}
