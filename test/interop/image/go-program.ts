import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { must } from '../../e2e/program.ts';
import { CACHE } from './build.ts';

/** On two busy cores a program of some size takes minutes. */
const BUILD_MS = 900_000;

/** A program from its Go module, built once and kept; `path` ends in the program's own folder. */
export async function goProgram(path: string, version: string): Promise<string> {
  const folder = join(CACHE, `${path.replaceAll('/', '_')}-${version}`);
  // go install names a program by its folder, or by the one above where that is a major version
  const program = join(folder, basename(path.replace(/\/v\d+$/, '')));
  if (!existsSync(program)) {
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'auto' };
    await must(['go', 'install', `${path}@v${version}`], { env, maxMs: BUILD_MS });
  }
  return program;
}
