import { choice, dashboard } from './dashboard.ts';
import { failedFigure } from './figures.ts';
import { headline, heat, lines, type Piece, row, table } from './panels.ts';
import {
  AGENT,
  ERROR_BOUNDS,
  GRAPH,
  GRAPH_CHOICE,
  GRAPH_DURATION,
  GRAPH_FAILED,
  GRAPH_TOTAL,
  OWN_TOTAL,
  quantile,
  rate,
  share,
  statement,
  sum,
  sumRate,
} from './queries.ts';

const PAIR = `${GRAPH}, client="$client", server="$server"`;
const total = rate(GRAPH_TOTAL, PAIR);
const failed = rate(GRAPH_FAILED, PAIR);

/** What the server's side, and what the client's side of the pair counts. */
const SERVER = `${AGENT}, service_name="$server", service_peer_name="$client"`;
const CLIENT = `${AGENT}, service_name="$client", service_peer_name="$server"`;
const MESSAGES = 'spantap_message_size_bytes';
const TCP = `${AGENT}, client="$client", server="$server"`;

/** Rate, failures and duration of the pair by something that its protocol knows. */
const detail = (
  o: { title: string; description: string; h: number },
  histogram: string,
  matchers: string,
  columns: readonly (readonly [label: string, title: string])[],
  named: (rate: string) => string = (rate) => rate,
): Piece => {
  const by = columns.map(([label]) => label).join(', ');
  return table({
    title: o.title,
    description: o.description,
    queries: [
      { refId: 'rate', expr: sum(by, named(rate(`${histogram}_count`, matchers))) },
      {
        refId: 'p95',
        expr: `histogram_quantile(0.95, ${sum(`le, ${by}`, named(rate(`${histogram}_bucket`, matchers)))})`,
      },
    ],
    columns: [
      ...columns.map(([from, title]) => ({ from, title })),
      { from: 'rate', title: 'Each second', unit: 'reqps' },
      { from: 'p95', title: '95 %', unit: 's' },
    ],
    sortBy: 'Each second',
    w: 12,
    h: o.h,
  });
};

export const pair = dashboard({
  uid: 'spantap-pair',
  title: 'spantap: one pair of services',
  description: 'One client and one server: what is asked, what fails, how long it takes, and how the connections are.',
  variables: [
    GRAPH_CHOICE,
    choice({
      name: 'client',
      label: 'Client',
      description: 'Who asks.',
      of: OWN_TOTAL,
      value: 'client',
    }),
    choice({
      name: 'server',
      label: 'Server',
      description: 'Who answers; of those that the client asks.',
      of: `${GRAPH_TOTAL}{service_name="spantap", client="$client"}`,
      value: 'server',
    }),
  ],
  panels: [
    ...headline(
      { title: 'Requests', description: 'Each second.', expr: sum('', total), unit: 'reqps' },
      failedFigure('Share of the requests that either side calls an error.', share('', failed, total)),
      {
        title: 'Duration, 50 %',
        description: 'Half of the requests were answered within this time.',
        expr: quantile(0.5, '', GRAPH_DURATION, PAIR),
        unit: 's',
      },
      {
        title: 'Duration, 95 %',
        description: '95 of 100 requests were answered within this time.',
        expr: quantile(0.95, '', GRAPH_DURATION, PAIR),
        unit: 's',
      },
    ),
    lines({
      title: 'Requests',
      description: 'All requests, and those that failed.',
      queries: [
        { expr: sum('', total), legend: 'requests' },
        { expr: sum('', failed), legend: 'failed' },
      ],
      unit: 'reqps',
      w: 12,
      h: 9,
    }),
    lines({
      title: 'Failed',
      description: 'Share of the requests that failed.',
      queries: [{ expr: share('', failed, total), legend: 'failed' }],
      unit: 'percentunit',
      bounds: ERROR_BOUNDS,
      w: 12,
      h: 9,
    }),
    lines({
      title: 'Duration',
      description: 'From the first byte of the request to the last byte of the response, where the agent sees them.',
      queries: [0.5, 0.9, 0.95, 0.99].map((q) => ({
        expr: quantile(q, '', GRAPH_DURATION, PAIR),
        legend: `${q * 100} %`,
      })),
      unit: 's',
      w: 12,
      h: 9,
    }),
    heat({
      title: 'Durations',
      description: 'How many requests took how long.',
      expr: sumRate('le', `${GRAPH_DURATION}_bucket`, PAIR),
      w: 12,
      h: 9,
    }),
    row('What is asked'),
    detail(
      {
        title: 'HTTP, by route',
        description: 'As the server sees it. Routes are known where the agent runs with `routes: template`.',
        h: 9,
      },
      'http_server_request_duration_seconds',
      SERVER,
      [
        ['http_request_method', 'Method'],
        ['http_route', 'Route'],
        ['http_response_status_code', 'Status'],
      ],
    ),
    detail(
      { title: 'gRPC, by method', description: 'As the server sees it.', h: 9 },
      'rpc_server_call_duration_seconds',
      SERVER,
      [
        ['rpc_method', 'Method'],
        ['rpc_status_code', 'Status'],
      ],
    ),
    detail(
      {
        title: 'Database, by statement',
        description: 'Summaries of statements, or operation and collection. The dashboard of databases shows more.',
        h: 9,
      },
      'db_client_operation_duration_seconds',
      CLIENT,
      [
        ['db_system_name', 'System'],
        ['statement', 'Statement'],
        ['error_type', 'Error'],
      ],
      statement,
    ),
    detail(
      {
        title: 'Messages, by destination',
        description: 'What the client sends to the broker, and fetches from it.',
        h: 9,
      },
      'messaging_client_operation_duration_seconds',
      CLIENT,
      [
        ['messaging_system', 'System'],
        ['messaging_operation_name', 'Operation'],
        ['messaging_destination_name', 'Destination'],
        ['error_type', 'Error'],
      ],
    ),
    lines({
      title: 'Messages within calls and sessions',
      description: 'Messages of gRPC calls and WebSocket sessions as they pass, from the side of the server.',
      queries: [
        {
          expr: sumRate('network_protocol_name, network_io_direction', `${MESSAGES}_count`, SERVER),
          legend: '{{network_protocol_name}} {{network_io_direction}}',
        },
      ],
      unit: 'ops',
      w: 12,
      h: 8,
    }),
    lines({
      title: 'Size of messages',
      description: 'The mean over all messages that pass.',
      queries: [
        {
          expr: `${sumRate('network_protocol_name, network_io_direction', `${MESSAGES}_sum`, SERVER)} / (${sumRate('network_protocol_name, network_io_direction', `${MESSAGES}_count`, SERVER)} > 0)`,
          legend: '{{network_protocol_name}} {{network_io_direction}}',
        },
      ],
      unit: 'bytes',
      w: 12,
      h: 8,
    }),
    row('Connections'),
    lines({
      title: 'Connections',
      description: 'Opened, refused or without an answer, and broken off, each second.',
      queries: [
        { expr: sumRate('', 'spantap_tcp_connections_opened_total', TCP), legend: 'opened' },
        { expr: sumRate('error_type', 'spantap_tcp_connections_failed_total', TCP), legend: '{{error_type}}' },
        { expr: sumRate('', 'spantap_tcp_connections_reset_total', TCP), legend: 'reset' },
      ],
      unit: 'cps',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Handshake, 95 %',
      description: 'From the first SYN to the ACK that ends the handshake: the network, and the queue of the server.',
      queries: [
        { expr: quantile(0.95, '', 'spantap_tcp_handshake_duration_seconds', TCP), legend: '95 %' },
        { expr: quantile(0.5, '', 'spantap_tcp_handshake_duration_seconds', TCP), legend: '50 %' },
      ],
      unit: 's',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Retransmitted',
      description: 'Share of the bytes that had to be sent again, by direction.',
      queries: [
        {
          expr: `${sumRate('spantap_direction', 'spantap_tcp_retransmitted_bytes_total', TCP)} / ${sumRate('spantap_direction', 'spantap_tcp_bytes_sent_total', TCP)}`,
          legend: '{{spantap_direction}}',
        },
      ],
      unit: 'percentunit',
      w: 8,
      h: 8,
    }),
  ],
});
