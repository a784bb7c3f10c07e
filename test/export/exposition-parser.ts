/** Prometheus' own client library for Python reads what we expose: it knows both formats, and is strict about OpenMetrics. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

export interface ParsedFamily {
  name: string;
  type: string;
  unit: string;
  documentation: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Debian's interpreter, which has Debian's python3-prometheus-client. */
const PYTHON = '/usr/bin/python3';

const PROGRAM = `
import io, json, math, sys
from prometheus_client.parser import text_fd_to_metric_families as text
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as openmetrics
read = openmetrics if sys.argv[1] == 'openmetrics' else text
body = sys.stdin.buffer.read().decode('utf-8')
value = lambda v: v if math.isfinite(v) else str(v)
print(json.dumps([{
  'name': f.name, 'type': f.type, 'unit': f.unit, 'documentation': f.documentation,
  'samples': [{'name': s.name, 'labels': s.labels, 'value': value(s.value)} for s in f.samples],
} for f in read(io.StringIO(body, newline='\\n'))]))
`;

export function parsed(body: string, contentType: string): ParsedFamily[] {
  const format = contentType.startsWith('application/openmetrics-text;') ? 'openmetrics' : 'text';
  const run = spawnSync(PYTHON, ['-c', PROGRAM, format], { input: body, encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(run.status, 0, `${run.error ?? run.stderr}\n(python3-prometheus-client is needed: make setup)`);
  return JSON.parse(run.stdout) as ParsedFamily[];
}

/** Values by `name{label="value",...}`, labels in order of their names. Fails when two samples are one series. */
export function bySeries(families: readonly ParsedFamily[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name, labels, value } of families.flatMap((f) => f.samples)) {
    const set = Object.keys(labels)
      .sort()
      .map((key) => `${key}=${JSON.stringify(labels[key])}`);
    const series = `${name}{${set.join()}}`;
    assert.ok(!found.has(series), `twice: ${series}`);
    found.set(series, Number(value));
  }
  return found;
}
