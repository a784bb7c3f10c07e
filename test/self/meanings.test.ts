import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsDocument } from '../../scripts/metrics-doc.ts';

test('docs/metrics.md is what the list of meanings makes', () => {
  const path = new URL('../../docs/metrics.md', import.meta.url);
  assert.equal(readFileSync(path, 'utf8'), metricsDocument(), 'make docs writes it anew');
});
