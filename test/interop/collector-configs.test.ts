/** The example configurations, judged by a real Collector. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { CONFIG } from '../dashboards/expressions.ts';
import { run } from '../e2e/program.ts';
import { build, lackingBackends } from './backends/programs.ts';

const FOLDER = join(CONFIG, 'collector');

/** Components that the Collector of scripts/backends.sh lacks: configurations with them are judged without. */
const LACKING = new Map([['servicegraph', 'its Go module is not served everywhere']]);

interface Config {
  connectors?: Record<string, unknown>;
  service: { pipelines: Record<string, { receivers: string[]; exporters: string[] }> };
}

const skip = lackingBackends(['collector']);
const LIMIT = { timeout: 3_600_000 };

describe('config/collector', { skip }, () => {
  let collector: string;
  before(async () => {
    ({ collector } = await build('collector'));
  }, LIMIT);

  for (const name of readdirSync(FOLDER)) {
    test(name, async (t) => {
      const file = join(FOLDER, name);
      const config = parse(readFileSync(file, 'utf8')) as Config;
      const whole = await run([collector, 'validate', '--config', file]);
      const lacking = Object.keys(config.connectors ?? {}).filter((connector) => LACKING.has(connector));
      if (lacking.length === 0) {
        assert.equal(whole.code, 0, whole.err);
        assert.doesNotMatch(whole.err, /deprecated/i);
        return;
      }
      for (const connector of lacking) {
        t.diagnostic(`judged without ${connector}: ${LACKING.get(connector)}`);
        assert.match(whole.err, new RegExp(`unknown type: "${connector}"`), 'it is not lacking any more');
        delete config.connectors![connector];
        for (const pipeline of Object.values(config.service.pipelines)) {
          pipeline.receivers = pipeline.receivers.filter((r) => r !== connector);
          pipeline.exporters = pipeline.exporters.filter((e) => e !== connector);
        }
      }
      const rest = await run([collector, 'validate', '--config', `yaml:${JSON.stringify(config)}`]);
      assert.equal(rest.code, 0, rest.err);
    });
  }
});
