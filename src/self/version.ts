import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's version; its package.json lies above this file, whether run from source or built. */
function readVersion(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return found.version;
}

export const VERSION = readVersion();
