import { checkFilter } from '../capture/live.ts';
import type { Config } from '../config/config.ts';
import { effectiveConfig, loadConfig } from '../config/load.ts';
import { scrapeUrl } from '../export/prometheus/endpoint.ts';
import { addressesOf, type OtlpTargets, otlpTargets, SIGNALS } from '../export/targets.ts';
import { createNamer } from '../naming/static.ts';
import { Counters } from '../self/counters.ts';
import { SpantapError } from '../self/errors.ts';

/** `spantap check`: prints what takes effect; whatever `run` would refuse is refused here too. */
export async function check(path: string | null): Promise<number> {
  const config = await loadConfig(path);
  const mistakes: string[] = [];
  const attempt = (step: () => unknown): void => {
    try {
      step();
    } catch (error) {
      if (!(error instanceof SpantapError)) throw error;
      mistakes.push(error.message);
    }
  };
  let targets: OtlpTargets | null = null;
  attempt(() => {
    targets = otlpTargets(config.export, config.otel);
  });
  attempt(() => createNamer(config.naming, new Counters()));
  if (config.capture.filter !== '') attempt(() => checkFilter(config.capture.filter, config.capture.snaplen));
  if (mistakes.length > 0) throw new SpantapError('config-invalid', mistakes.join('\n'));
  process.stdout.write(await effectiveConfig(path));
  if (targets !== null) process.stdout.write(destinations(targets, config));
  return 0;
}

/** Where OTEL_* and proxy variables lead in the end, as comments below the YAML. */
function destinations(targets: OtlpTargets, { telemetry, self, otlpMetrics, prometheus }: Config): string {
  const sent = { traces: telemetry.spans.enabled, metrics: otlpMetrics && (telemetry.metrics.enabled || self.metrics) };
  let out = '#\n';
  for (const signal of SIGNALS) {
    if (!sent[signal]) continue;
    for (const target of targets[signal]) {
      const { protocol, compression, timeoutMs, proxy } = target;
      const through = proxy === null ? '' : `, through the proxy ${proxy.host}`;
      out += `# ${signal} go to ${addressesOf([target])} (${protocol}, ${compression}, ${timeoutMs / 1000}s${through})\n`;
    }
  }
  if (prometheus.port !== 0) out += `# metrics are served at ${scrapeUrl(prometheus)}\n`;
  return out;
}
