/** `spantap run`: captures until it is told to stop. */
import { setFlagsFromString } from 'node:v8';
import { startAgent } from '../agent.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { scrapeUrl } from '../export/prometheus/endpoint.ts';
import { SpantapError } from '../self/errors.ts';
import { createLog } from '../self/log.ts';
import { CANNOT, OK } from './exit-codes.ts';

export interface RunOptions {
  readonly config: string | null;
  /** Instead of capture.interfaces; none: as configured. */
  readonly interfaces: readonly string[];
  /** Instead of capture.filter; '': as configured. */
  readonly filter: string;
}

/**
 * How much garbage may lie in a heap before it is collected, in percent of what lives. Left to itself V8 lets a heap grow to two or three
 * times that, and each collection of 10,000 series leaves some 20 MiB behind.
 */
const HEAP_GROWING_PERCENT = 30;

/** After a stop, whatever still holds the process has had its time. */
const LINGER_MS = 1000;

export async function run(o: RunOptions): Promise<number> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const config = withOptions(await loadConfig(o.config), o);
  const log = createLog(config.log);
  // Before anything else: the first process of a container does not hear a signal that it has no handler for.
  const stopAsked = signalled();
  const agent = await startAgent(config, log);
  const { interfaces, filter } = config.capture;
  log.info(
    {
      interfaces: interfaces.join(','),
      ...(filter === '' ? {} : { filter }),
      driver: agent.driver,
      to: agent.destination,
      ...(config.prometheus.port === 0 ? {} : { scrape: scrapeUrl(config.prometheus) }),
    },
    'capturing',
  );

  const failure = await Promise.race([stopAsked, agent.failed.catch((error: Error) => error)]);
  if (failure instanceof Error) {
    const code = failure instanceof SpantapError ? { code: failure.code } : {};
    log.error(code, `nothing is captured any more: ${failure.message}`);
  }
  const delivered = await agent.stop();
  if (!delivered) log.warn({ to: agent.destination }, 'stopped before everything was delivered');
  else log.info({}, 'stopped');

  const code = failure instanceof Error || !delivered ? CANNOT : OK;
  setTimeout(() => process.exit(code), LINGER_MS).unref();
  return code;
}

function withOptions(config: Config, o: RunOptions): Config {
  const { capture } = config;
  const interfaces = o.interfaces.length > 0 ? o.interfaces : capture.interfaces;
  return { ...config, capture: { ...capture, interfaces: [...interfaces], filter: o.filter || capture.filter } };
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function signalled(): Promise<null> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(null);
        process.once(signal, () => process.exit(CANNOT));
      });
    }
  });
}
