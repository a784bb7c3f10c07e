/** Settings as text for people, without the secrets. */
import { Document, isScalar } from 'yaml';
import type { Path } from './file.ts';
import type { Settings } from './schema.ts';
import { leaves } from './variables.ts';

const MASK = '***';

/** The value as it may be shown: header values and passwords in addresses are secrets. */
export function masked(path: Path, value: unknown): unknown {
  if (path[0] !== 'export') return value;
  if (path[1] === 'headers') {
    if (path.length > 2 || typeof value !== 'object' || value === null) return MASK;
    return Object.fromEntries(Object.keys(value).map((name) => [name, MASK]));
  }
  if (path[1] === 'endpoint' && Array.isArray(value)) return value.map((one) => masked(path, one));
  if (path[1] === 'endpoint' && typeof value === 'string') return value.replaceAll(/\/\/[^/,]*@/g, `//${MASK}@`);
  return value;
}

/** `source`: where the value at a path comes from, '' for a default. */
export function printSettings(settings: Settings, source: (path: Path) => string): string {
  const doc = new Document(settings);
  for (const path of leaves(settings, [])) {
    if (path[0] === 'export') {
      const value = masked(path.slice(0, 2), settings.export[path[1] as 'headers' | 'endpoint']);
      if (path[1] === 'headers' || path[1] === 'endpoint') doc.setIn(path.slice(0, 2), doc.createNode(value));
    }
    const from = source(path);
    const node = doc.getIn(path, true);
    if (from !== '' && isScalar(node)) node.comment = ` ${from}`;
  }
  return doc.toString({ lineWidth: 0 });
}
