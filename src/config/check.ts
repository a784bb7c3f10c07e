/** Holds settings against the schema and words every mistake. */
import type { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import type { Path } from './file.ts';
import { nearest } from './nearest.ts';
import { masked } from './print.ts';
import { SETTINGS, type Settings } from './schema.ts';
import { leaves } from './variables.ts';

export function checkSettings(tree: unknown, complain: (path: Path, message: string) => void): Settings | null {
  const result = SETTINGS.safeParse(tree, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) complain([...path, key], unknownKey(path, key));
    } else {
      complain(path, `${dotted(path)} = ${shown(path, issue.input)}: ${reason(issue)}`);
    }
  }
  return null;
}

function reason(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'object') return 'must be a section with keys of its own';
  if (issue.input === undefined) return 'is needed';
  return issue.message;
}

function unknownKey(path: Path, key: string): string {
  const own = [...path, key];
  const near = nearest(key, knownKeys(path));
  if (near !== '') return `${dotted(own)}: no such key; did you mean ${dotted([...path, near])}?`;
  // the right key in the wrong section
  const elsewhere = leaves(DEFAULTS, []).find((leaf) => leaf.at(-1) === key);
  if (elsewhere !== undefined) return `${dotted(own)}: no such key; did you mean ${dotted(elsewhere)}?`;
  return `${dotted(own)}: no such key; there are ${knownKeys(path).join(', ')}`;
}

function knownKeys(path: Path): string[] {
  let node: z.core.$ZodType = SETTINGS;
  for (const key of path) {
    const def = node._zod.def as { shape?: Record<string, z.core.$ZodType>; element?: z.core.$ZodType };
    node = typeof key === 'number' ? def.element! : def.shape![key]!;
  }
  return Object.keys((node._zod.def as unknown as { shape: object }).shape);
}

/** `naming.services[2].cidr` */
function dotted(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
}

function shown(path: Path, value: unknown): string {
  const text = JSON.stringify(masked(path, value)) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
