import { choice, dashboard } from './dashboard.ts';
import { failedFigure } from './figures.ts';
import { headline, lines, map, row, table } from './panels.ts';
import {
  AGENT,
  ERROR_BOUNDS,
  GRAPH,
  GRAPH_CHOICE,
  GRAPH_DURATION,
  GRAPH_FAILED,
  GRAPH_TOTAL,
  KEPT,
  OWN_TOTAL,
  quantile,
  rate,
  share,
  sum,
  sumRate,
} from './queries.ts';

const SELECTED = `${GRAPH}, server_service_namespace=~"$namespace"`;
const PAIR = 'client, server';
const total = rate(GRAPH_TOTAL, SELECTED);
const failed = rate(GRAPH_FAILED, SELECTED);
const buckets = rate(`${GRAPH_DURATION}_bucket`, SELECTED);

type End = 'client' | 'server';
/** A node's id, title and subtitle from the labels of one end of an edge. */
function node(end: End, of: string): string {
  const namespace = `${end}_service_namespace`;
  const id = `label_join(${of}, "id", "/", "${namespace}", "${end}")`;
  return `label_replace(label_replace(${id}, "title", "$1", "${end}", "(.*)"), "subtitle", "$1", "${namespace}", "(.*)")`;
}
const nodes = (of: string, by = ''): string => sum(`${by}id, title, subtitle`, node('server', of));

/** Clients that nobody asks are nodes, too. */
const orClients = (servers: string): string => `${servers} or 0 * ${sum('id, title, subtitle', node('client', total))}`;

function edge(of: string): string {
  const source = `label_join(${of}, "source", "/", "client_service_namespace", "client")`;
  const target = `label_join(${source}, "target", "/", "server_service_namespace", "server")`;
  return `label_join(${target}, "id", " -> ", "source", "target")`;
}
const edges = (of: string, by = ''): string => sum(`${by}id, source, target`, edge(of));

export const overview = dashboard({
  uid: 'spantap-overview',
  title: 'spantap: overview',
  description: 'Who asks whom, how often, how fast and with how many errors, as the packets tell.',
  variables: [
    GRAPH_CHOICE,
    choice({
      name: 'namespace',
      label: 'Namespace asked',
      description: 'Namespace of the services that are asked; services without one belong to All.',
      of: OWN_TOTAL,
      value: 'server_service_namespace',
      all: true,
    }),
  ],
  panels: [
    ...headline(
      {
        title: 'Requests',
        description: 'Requests between all pairs of services, each second.',
        expr: sum('', total),
        unit: 'reqps',
      },
      failedFigure(
        'Share of the requests that failed: 5xx, error codes of databases and brokers, gRPC status, no answer.',
        share('', failed, total),
      ),
      {
        title: 'Duration, 95 %',
        description: '95 of 100 requests were answered within this time.',
        expr: `histogram_quantile(0.95, ${sum('le', buckets)})`,
        unit: 's',
      },
      {
        title: 'Pairs',
        description: 'Pairs of services between which there is traffic.',
        expr: `count(${sum('client_service_namespace, client, server_service_namespace, server', total)} > 0)`,
        unit: 'none',
      },
    ),
    map({
      title: 'Service map',
      description:
        'Nodes: requests served each second, duration (95 %), red the share that failed. Edges: requests each second and duration (95 %).',
      nodes: {
        mainstat: orClients(nodes(total)),
        secondarystat: `histogram_quantile(0.95, ${nodes(buckets, 'le, ')})`,
        arc__failed: `${nodes(failed)} / (${nodes(total)} > 0)`,
        arc__answered: `1 - ${nodes(failed)} / (${nodes(total)} > 0)`,
      },
      edges: { mainstat: edges(total), secondarystat: `histogram_quantile(0.95, ${edges(buckets, 'le, ')})` },
      units: { mainStatUnit: 'reqps', secondaryStatUnit: 's' },
      w: 24,
      h: 15,
    }),
    row('Pairs of services'),
    table({
      title: 'Pairs',
      description: 'Each pair of services. A click on the server opens the pair.',
      queries: [
        { refId: 'rate', expr: sum(`${PAIR}, connection_type`, total) },
        { refId: 'failed', expr: share(`${PAIR}, connection_type`, failed, total) },
        { refId: 'p50', expr: `histogram_quantile(0.5, ${sum(`le, ${PAIR}, connection_type`, buckets)})` },
        { refId: 'p95', expr: `histogram_quantile(0.95, ${sum(`le, ${PAIR}, connection_type`, buckets)})` },
      ],
      columns: [
        { from: 'client', title: 'Client' },
        {
          from: 'server',
          title: 'Server',
          link: {
            title: 'This pair in detail',
            url: `/d/spantap-pair?${KEPT}&var-client=\${__data.fields.Client}&var-server=\${__data.fields.Server}`,
          },
        },
        { from: 'connection_type', title: 'Kind' },
        { from: 'rate', title: 'Requests', unit: 'reqps' },
        { from: 'failed', title: 'Failed', unit: 'percentunit', bounds: ERROR_BOUNDS },
        { from: 'p50', title: '50 %', unit: 's' },
        { from: 'p95', title: '95 %', unit: 's' },
      ],
      sortBy: 'Requests',
      w: 24,
      h: 10,
    }),
    lines({
      title: 'Requests',
      description: 'The ten busiest pairs.',
      queries: [{ expr: `topk(10, ${sum(PAIR, total)})`, legend: '{{client}} -> {{server}}' }],
      unit: 'reqps',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Failed',
      description: 'The ten pairs with the largest share of failed requests, of those where any failed.',
      queries: [
        {
          expr: `topk(10, ${sum(PAIR, failed)} / (${sum(PAIR, total)} > 0) > 0)`,
          legend: '{{client}} -> {{server}}',
        },
      ],
      unit: 'percentunit',
      bounds: ERROR_BOUNDS,
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Duration, 95 %',
      description: 'The ten slowest pairs.',
      queries: [
        {
          expr: `topk(10, histogram_quantile(0.95, ${sum(`le, ${PAIR}`, buckets)}))`,
          legend: '{{client}} -> {{server}}',
        },
      ],
      unit: 's',
      w: 8,
      h: 9,
    }),
    row('What is spoken'),
    lines({
      title: 'Exchanges by protocol',
      description: 'Requests and responses that the agents have put together, by protocol.',
      queries: [{ expr: sumRate('protocol', 'spantap_exchanges_total', AGENT), legend: '{{protocol}}' }],
      unit: 'reqps',
      stacked: true,
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Lookups in DNS',
      description: 'Questions to resolvers by the service that asks, and their duration.',
      queries: [
        { expr: sumRate('service_name', 'dns_lookup_duration_seconds_count', AGENT), legend: '{{service_name}}' },
      ],
      unit: 'reqps',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'TLS handshakes, 95 %',
      description:
        'Duration of handshakes by the server that answers, from ClientHello to the last message of the handshake.',
      queries: [
        {
          expr: quantile(0.95, 'service_peer_name', 'spantap_tls_handshake_duration_seconds', AGENT),
          legend: '{{service_peer_name}}',
        },
      ],
      unit: 's',
      w: 8,
      h: 8,
    }),
  ],
});
