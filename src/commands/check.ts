import { checkFilter } from '../capture/live.ts';
import { effectiveConfig, loadConfig } from '../config/load.ts';
import { otlpTargets } from '../export/targets.ts';
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
  attempt(() => otlpTargets(config.export, config.otel));
  attempt(() => createNamer(config.naming, new Counters()));
  if (config.capture.filter !== '') attempt(() => checkFilter(config.capture.filter, config.capture.snaplen));
  if (mistakes.length > 0) throw new SpantapError('config-invalid', mistakes.join('\n'));
  process.stdout.write(await effectiveConfig(path));
  return 0;
}
