/**
 * What the queries of several dashboards have in common. The names are those that Prometheus 3 gives to what it receives over OTLP, with
 * `_` for `.`, the unit and `_total` at the end, and those of the agent's own scrape endpoint. Which service a series is about stands in
 * service_name and service_namespace, and which agent tells it in service_instance_id: the endpoint writes these labels, and Prometheus
 * makes them of what comes over OTLP when it is told to promote those three resource attributes (config/prometheus/prometheus.yml).
 */
import type { VariableModel } from '@grafana/schema';
import { choice } from './dashboard.ts';
import type { Bounds } from './panels.ts';

export const GRAPH_TOTAL = 'traces_service_graph_request_total';
export const GRAPH_FAILED = 'traces_service_graph_request_failed_total';
export const GRAPH_DURATION = 'traces_service_graph_request_server_seconds';

/** How long Grafana takes the rate over: four intervals of the data source, or the step where that is longer. */
const WINDOW = '$__rate_interval';

export const rate = (metric: string, matchers: string): string => `rate(${metric}{${matchers}}[${WINDOW}])`;
export const sum = (by: string, of: string): string => (by === '' ? `sum(${of})` : `sum by (${by}) (${of})`);
export const sumRate = (by: string, metric: string, matchers: string): string => sum(by, rate(metric, matchers));

/** Quantile of a histogram's durations; NaN where nothing was counted. */
export const quantile = (q: number, by: string, histogram: string, matchers: string): string =>
  `histogram_quantile(${q}, ${sumRate(by === '' ? 'le' : `le, ${by}`, `${histogram}_bucket`, matchers)})`;

/** Share of one rate in another, 0 to 1. */
export const share = (by: string, part: string, whole: string): string => `${sum(by, part)} / ${sum(by, whole)}`;

/** Label `statement`: the summary of the statement, or operation and collection where the system has no statements. */
export function statement(of: string): string {
  const parts = '"db_query_summary", "db_operation_name", "db_collection_name"';
  return `label_replace(label_join(${of}, "statement", " ", ${parts}), "statement", "$1", "statement", " *(.*?) *")`;
}
export const ERROR_BOUNDS: Bounds = [
  ['orange', 0.01],
  ['red', 0.05],
];

const agentChoice = (of: string): VariableModel =>
  choice({
    name: 'agent',
    label: 'Agent',
    description: 'Agents that see the same connections count them each: choose one of them for absolute figures.',
    of,
    value: 'service_instance_id',
    all: true,
  });

/** Not those that a Collector or Tempo makes under the same names. */
const OWN_GRAPH = 'service_name="spantap"';
export const OWN_TOTAL = `${GRAPH_TOTAL}{${OWN_GRAPH}}`;
export const AGENT = 'service_instance_id=~"$agent"';
export const GRAPH = `${OWN_GRAPH}, ${AGENT}`;
export const GRAPH_CHOICE = agentChoice(OWN_TOTAL);
/** For dashboards that show what the agents tell of themselves. */
export const AGENT_CHOICE = agentChoice('spantap_capture_received_total');
/** What a link takes along. */
export const KEPT = `\${__url_time_range}&\${datasource:queryparam}&\${agent:queryparam}`;
