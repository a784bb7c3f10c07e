import type { Reading } from '../../self/counters.ts';
import { meaningOf, unitOf } from '../../self/meanings.ts';
import type { Exposed, NumberMetric } from './families.ts';

/** The agent's own figures, named as the OpenTelemetry SDK is given them: `spantap.<room>.<name>`. */
export function exposedReadings(readings: readonly Reading[], attributes: Exposed['attributes']): Exposed {
  const metrics = new Map<string, NumberMetric & { points: object[] }>();
  for (const { name, kind, labels, value } of readings) {
    let metric = metrics.get(name);
    if (metric === undefined) {
      const type = kind === 'counter' ? 'sum' : 'gauge';
      metric = { kind: type, name: `spantap.${name}`, description: meaningOf(name), unit: unitOf(name), points: [] };
      metrics.set(name, metric);
    }
    metric.points.push({ attributes: labels, value });
  }
  return { attributes, metrics: [...metrics.values()] };
}
