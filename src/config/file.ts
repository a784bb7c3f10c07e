/** The YAML file: its values, and where in the file each one stands. */
import { readFileSync } from 'node:fs';
import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { fileReason, SpantapError } from '../self/errors.ts';

export type Path = readonly (string | number)[];

export interface FileSettings {
  readonly values: unknown;
  /** `agent.yaml:12:5` for the key (or list entry) at `path`, or for the nearest of its parents that the file has. */
  where(path: Path): string;
  /** Whether the file itself says something at `path`. */
  has(path: Path): boolean;
}

export function readSettingsFile(path: string): FileSettings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new SpantapError('config-unreadable', `${path}: cannot be read: ${fileReason(error as Error)}`);
  }
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  if (doc.errors.length > 0) {
    const list = doc.errors.map((e) => `${at(e.pos[0])}: ${e.message}`);
    throw new SpantapError('config-not-yaml', list.join('\n'));
  }
  let values: unknown;
  try {
    values = doc.toJS();
  } catch (error) {
    // aliases that unfold without end
    throw new SpantapError('config-not-yaml', `${path}: ${(error as Error).message}`);
  }

  return {
    values,
    where(keys) {
      let node: unknown = doc.contents;
      let offset = 0;
      for (const key of keys) {
        const next = child(node, key);
        if (next === null) break;
        [offset, node] = next;
      }
      return at(offset);
    },
    has: (keys) => doc.hasIn(keys),
  };
}

/** Offset and value of one key or list entry. */
function child(node: unknown, key: string | number): [number, unknown] | null {
  if (isMap<Node, Node>(node)) {
    const pair = node.items.find((p) => String(p.key) === String(key));
    return pair === undefined ? null : [pair.key.range?.[0] ?? 0, pair.value];
  }
  if (isSeq<Node>(node) && typeof key === 'number') {
    const item = node.items[key];
    return item === undefined ? null : [item.range?.[0] ?? 0, item];
  }
  return null;
}
