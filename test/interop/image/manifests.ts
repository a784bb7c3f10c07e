/** The manifests as Kubernetes gets them from kustomize, and compose.yaml. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { must } from '../../e2e/program.ts';
import { goProgram } from './go-program.ts';

export const ROOT = new URL('../../..', import.meta.url).pathname;
export const KUBERNETES = join(ROOT, 'config/kubernetes');

export interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: { fieldRef: { fieldPath: string } } }[];
  readonly restartPolicy?: string;
  readonly securityContext: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  };
  readonly resources: { readonly limits: { readonly memory: string } };
  readonly volumeMounts: readonly { name: string; mountPath: string }[];
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { name: string; configMap: { name: string } }[];
  readonly hostNetwork?: boolean;
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  readonly data?: Record<string, string>;
  readonly spec?: { template: { metadata: { labels: Record<string, string> }; spec: PodSpec } };
}

const KUSTOMIZE = '5.8.1';

/** What `kubectl apply -k FOLDER` would send. */
export const kustomize = async (folder: string): Promise<string> =>
  must([await goProgram('sigs.k8s.io/kustomize/kustomize/v5', KUSTOMIZE), 'build', folder], { env: process.env });

export const manifestsIn = (text: string): Manifest[] => parseAllDocuments(text).map((d) => d.toJS() as Manifest);

export function one(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((m) => m.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0]!;
}

export interface Service {
  readonly image?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly cap_drop: readonly string[];
  readonly cap_add: readonly string[];
  readonly security_opt?: readonly string[];
  readonly read_only: boolean;
}

export const compose = (): { services: Record<string, Service> } =>
  parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8'));
