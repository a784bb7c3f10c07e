/**
 * SPANTAP_* variables: one for each key, named mechanically (`capture.batchDelay` -> `SPANTAP_CAPTURE_BATCH_DELAY`).
 * Lists are separated by commas, maps are `key=value` separated by commas. An empty variable counts as not set.
 */
import { DEFAULTS } from './defaults.ts';
import type { Path } from './file.ts';
import { nearest } from './nearest.ts';

const PREFIX = 'SPANTAP_';
/** Names the configuration file when `-c` does not. */
export const FILE_VARIABLE = 'SPANTAP_CONFIG';

export interface Variable {
  readonly name: string;
  readonly path: Path;
  readonly value: unknown;
}

/** Variables of the test suite (`SPANTAP_TEST_FULL`) are nobody's spelling mistakes. */
const TESTS = `${PREFIX}TEST_`;

/**
 * Kubernetes tells every pod of the services in its namespace; what it says of one called `spantap` begins like ours
 * (SPANTAP_SERVICE_HOST, SPANTAP_PORT=tcp://..., SPANTAP_PORT_4318_TCP_ADDR).
 */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name))
    return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}

/** Keys whose values are too rich for a variable. */
const FILE_ONLY = ['naming.services'];

/** Path of each key by the name of its variable. */
const KEYS: ReadonlyMap<string, Path> = new Map(
  leaves(DEFAULTS, [])
    .filter((path) => !FILE_ONLY.includes(path.join('.')))
    .map((path) => [variableName(path), path]),
);

export function variableName(path: Path): string {
  return (
    PREFIX +
    path
      .map((key) =>
        String(key)
          .replace(/[A-Z]/g, (c) => `_${c}`)
          .toUpperCase(),
      )
      .join('_')
  );
}

/** The variables that set something; `complain` hears of every one that does not. */
export function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  complain: (name: string, message: string) => void,
): Variable[] {
  const found: Variable[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || text === undefined || text === '') continue;
    if (name === FILE_VARIABLE || name.startsWith(TESTS)) continue;
    const path = KEYS.get(name);
    if (path !== undefined) {
      found.push({ name, path, value: typed(text, at(path)) });
    } else if (FILE_ONLY.some((key) => variableName(key.split('.')) === name)) {
      complain(name, 'can be set in the configuration file only');
    } else if (!isServiceLink(name, text)) {
      const near = nearest(name, KEYS.keys());
      complain(name, `is no variable of spantap${near === '' ? '' : `; did you mean ${near}?`}`);
    }
  }
  return found;
}

/** The text in the type that the default has; a text that does not fit stays one, and the schema refuses it. */
function typed(text: string, example: unknown): unknown {
  if (typeof example === 'boolean') {
    if (text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
  }
  if (typeof example === 'number' && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (typeof example === 'object') {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (Array.isArray(example)) return items;
    if (items.every((item) => item.indexOf('=') > 0)) {
      return Object.fromEntries(
        items.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)]),
      );
    }
  }
  return text;
}

function at(path: Path): unknown {
  let node: unknown = DEFAULTS;
  for (const key of path) node = (node as Record<string, unknown>)[key];
  return node;
}

/** Paths of everything that is no section: an empty object is a map with free keys, and a leaf. */
export function leaves(node: object, path: Path): Path[] {
  return Object.entries(node).flatMap(([key, value]) => {
    const own = [...path, key];
    const section = typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0;
    return section ? leaves(value, own) : [own];
  });
}
