/** The example configurations, judged by a real Collector. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { CONFIG } from '../dashboards/expressions.ts';
import { run } from '../e2e/program.ts';
import { build, lackingBackends } from './backends/programs.ts';

const FOLDER = join(CONFIG, 'collector');

const skip = lackingBackends(['collector']);
const LIMIT = { timeout: 3_600_000 };

describe('config/collector', { skip }, () => {
  let collector: string;
  before(async () => {
    ({ collector } = await build('collector'));
  }, LIMIT);

  for (const name of readdirSync(FOLDER)) {
    test(name, async () => {
      const judged = await run([collector, 'validate', '--config', join(FOLDER, name)]);
      assert.equal(judged.code, 0, judged.err);
      assert.doesNotMatch(judged.err, /deprecated/i);
    });
  }
});
