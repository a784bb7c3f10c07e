/** A real Collector with one of the configurations in config/collector. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONFIG } from '../dashboards/expressions.ts';
import { emptyFolder, freePort } from '../e2e/servers/server.ts';
import { launch } from './backends/programs.ts';

/** Its own metrics would want a port that is the same for all. */
const WITHOUT_OWN_METRICS = 'yaml:service::telemetry::metrics::level: none';

export interface Example {
  readonly processors: Readonly<Record<string, object>>;
  readonly connectors: Readonly<Record<string, object>>;
}

export const readExample = (name: string): Example =>
  parse(readFileSync(join(CONFIG, 'collector', name), 'utf8')) as Example;

/** `env`: addresses of what is behind it. Ends with the test file. */
export async function startExample(
  name: string,
  env: Record<string, string>,
): Promise<{ readonly otlp: string; readonly grpcPort: number }> {
  const [http, grpcPort, health] = [await freePort(), await freePort(), await freePort()];
  const args = ['--config', join(CONFIG, 'collector', name), '--config', WITHOUT_OWN_METRICS];
  const own = {
    OTLP_HTTP: `127.0.0.1:${http}`,
    OTLP_GRPC: `127.0.0.1:${grpcPort}`,
    HEALTH: `127.0.0.1:${health}`,
  };
  await launch('collector', args, emptyFolder('collector'), `http://127.0.0.1:${health}/`, { ...own, ...env });
  return { otlp: `http://127.0.0.1:${http}`, grpcPort };
}
