import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsDocument } from '../../scripts/metrics-doc.ts';
import { COUNTERS, GAUGES, unitOf } from '../../src/self/meanings.ts';

test('docs/metrics.md is what the list of meanings makes', () => {
  const path = new URL('../../docs/metrics.md', import.meta.url);
  assert.equal(readFileSync(path, 'utf8'), metricsDocument(), 'make docs writes it anew');
});

test('what is told in bytes has their unit', () => {
  const inBytes = Object.entries({ ...COUNTERS, ...GAUGES }).filter(([, meaning]) =>
    /^(Payload b|B)ytes /.test(meaning),
  );
  assert.ok(inBytes.length > 10);
  for (const [name] of inBytes) assert.equal(unitOf(name), 'By', name);
  assert.equal(unitOf('packet.tcp'), '');
});
