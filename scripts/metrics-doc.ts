/** Prints docs/metrics.md (`make docs`). */
import { metricName } from '../src/export/prometheus/names.ts';
import { COUNTERS, GAUGES, unitOf } from '../src/self/meanings.ts';

const ROOMS: Readonly<Record<string, string>> = {
  capture: 'Capture',
  packet: 'Packets',
  stream: 'Connections and conversations',
  exchange: 'Requests and responses',
  protocol: 'Protocols',
  naming: 'Names',
  telemetry: 'Spans and series',
  vocabulary: 'Vocabularies',
  memory: 'Memory',
  export: 'Export',
  prometheus: 'Scrapes',
};

const roomOf = (name: string): string => (name === 'exchanges' ? 'exchange' : name.slice(0, name.indexOf('.')));

/** The whole document. */
export function metricsDocument(): string {
  const rows = new Map<string, string[]>();
  for (const [table, kind, suffix] of [
    [COUNTERS, 'sum', '_total'],
    [GAUGES, 'gauge', ''],
  ] as const) {
    for (const [name, meaning] of Object.entries(table)) {
      const title = ROOMS[roomOf(name)];
      if (title === undefined) throw new Error(`scripts/metrics-doc.ts has no title for ${roomOf(name)}`);
      const list = rows.get(title) ?? [];
      rows.set(title, list);
      const { family } = metricName(`spantap.${name}`, unitOf(name), kind);
      list.push(`| \`spantap.${name}\` | \`${family}${suffix}\` | ${meaning} |`);
    }
  }
  const sections = [...rows].map(
    ([title, list]) => `## ${title}\n\n| by OTLP | in Prometheus | meaning |\n|---|---|---|\n${list.join('\n')}\n`,
  );
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

const INTRODUCTION = `# The agent's own figures

\`spantap run\` tells what it did and what it could not do: nothing is dropped, passed over or cut without one of these moving. They
go where the other metrics go (\`self.metrics: false\` keeps them back): by OTLP every \`self.interval\`, or to whoever scrapes
\`/metrics\` (\`prometheus.port\`). All shards are added up. Counters are cumulative from the agent's start; over OTLP these (not those
of the services) follow \`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE\`.

Look at these first:

| when it grows | then |
|---|---|
| \`spantap.capture.dropped\` | packets come faster than they are read: \`capture.ring\`, \`capture.filter\`, \`capture.shards\` |
| \`spantap.stream.hole_bytes\` | what came in has gaps, by drops or because the mirror loses packets: exchanges are missing |
| \`spantap.stream.undecoded_bytes\` | much of the traffic is encrypted, or of a protocol that is not known |
| \`spantap.exchange.quarantined_*\` | exchanges are left out rather than paired wrongly, after losses on busy connections |
| \`spantap.memory.refused\` | \`limits.memory\` is too small; \`owner\` says for what |
| \`spantap.telemetry.series_overflow\` | \`metrics.maxSeries\` is too small |
| \`spantap.export.dropped_items\`, \`.failed_items\`, \`.rejected_items\` | the Collector is away for too long, or refuses what it gets |
`;

if (import.meta.main) process.stdout.write(metricsDocument());
