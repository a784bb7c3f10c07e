import { dashboard } from './dashboard.ts';
import { droppedFigure } from './figures.ts';
import { headline, lines, type Query, row } from './panels.ts';
import { AGENT, AGENT_CHOICE, sum, sumRate } from './queries.ts';

/** One line for each counter, over all agents chosen. */
const counters = (room: string, names: Readonly<Record<string, string>>): Query[] =>
  Object.entries(names).map(([name, legend]) => ({
    expr: sumRate('', `spantap_${room}_${name}_total`, AGENT),
    legend,
  }));

export const agent = dashboard({
  uid: 'spantap-agent',
  title: 'spantap: the agent itself',
  description: 'What the agents take in, what they make of it, what they leave out and why, and what they send.',
  variables: [AGENT_CHOICE],
  panels: [
    ...headline(
      {
        title: 'Agents',
        description: 'Agents that have reported within five minutes.',
        expr: `count(spantap_capture_received_total{${AGENT}})`,
        unit: 'none',
      },
      {
        title: 'Packets',
        description: 'Packets that the kernel handed over, each second.',
        expr: sumRate('', 'spantap_capture_received_total', AGENT),
        unit: 'pps',
      },
      droppedFigure('Share of the packets that the kernel had no room for.'),
      {
        title: 'Bytes understood',
        description:
          'Share of the payload on connections whose protocol was recognised. The rest is encrypted, or of no known protocol.',
        expr: `${sumRate('', 'spantap_stream_decoded_bytes_total', AGENT)} / (${sumRate('', 'spantap_stream_decoded_bytes_total', AGENT)} + ${sumRate('', 'spantap_stream_undecoded_bytes_total', AGENT)})`,
        unit: 'percentunit',
        decimals: 1,
      },
      {
        title: 'Memory',
        description: 'Largest share of limits.memory that is in use in one of the agents. Above 80 % detail is shed.',
        expr: `max(${sum('service_instance_id', `spantap_memory_used_bytes{${AGENT}}`)} / ${sum('service_instance_id', `spantap_memory_limit_bytes{${AGENT}}`)})`,
        unit: 'percentunit',
        decimals: 1,
        bounds: [
          ['orange', 0.6],
          ['red', 0.8],
        ],
      },
      {
        title: 'Not delivered',
        description: 'Spans and data points that were dropped, refused for good or failed, each second.',
        expr: ['dropped', 'rejected', 'failed']
          .map((n) => sumRate('', `spantap_export_${n}_items_total`, AGENT))
          .join(' + '),
        unit: 'cps',
        bounds: [['red', 0.001]],
      },
    ),
    row('In'),
    lines({
      title: 'Packets',
      description: 'Packets by agent, each second.',
      queries: [
        {
          expr: sumRate('service_instance_id', 'spantap_capture_received_total', AGENT),
          legend: '{{service_instance_id}}',
        },
      ],
      unit: 'pps',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Bytes',
      description: 'Bytes captured, and bytes on the wire: the difference is cut by capture.snaplen.',
      queries: [
        { expr: sumRate('', 'spantap_capture_bytes_total', AGENT), legend: 'captured' },
        { expr: sumRate('', 'spantap_capture_wire_bytes_total', AGENT), legend: 'on the wire' },
      ],
      unit: 'Bps',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Packets left out',
      description: 'Packets that were dropped before the agent saw them, or that could not be read.',
      queries: [
        ...counters('capture', { dropped: 'no room in the kernel', interface_dropped: 'dropped by the interface' }),
        ...counters('packet', {
          truncated: 'cut within a header',
          malformed_tcp: 'malformed TCP',
          malformed_ip4: 'malformed IPv4',
          malformed_ip6: 'malformed IPv6',
          unknown_link: 'unknown link type',
          unknown_ethertype: 'unknown Ethertype',
          fragments_expired: 'incomplete fragments',
        }),
      ],
      unit: 'pps',
      w: 8,
      h: 8,
    }),
    row('Understood'),
    lines({
      title: 'Exchanges by protocol',
      description: 'Requests and responses that were put together.',
      queries: [{ expr: sumRate('protocol', 'spantap_exchanges_total', AGENT), legend: '{{protocol}}' }],
      unit: 'ops',
      stacked: true,
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Exchanges by outcome',
      description: 'How they ended: complete, or why not.',
      queries: [{ expr: sumRate('outcome', 'spantap_exchanges_total', AGENT), legend: '{{outcome}}' }],
      unit: 'ops',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Connections',
      description: 'Connections followed at the moment; limits.flows is their bound.',
      queries: [
        { expr: sum('service_instance_id', `spantap_stream_flows{${AGENT}}`), legend: '{{service_instance_id}}' },
      ],
      unit: 'none',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Not understood',
      description:
        'Bytes of connections without a known protocol, of holes, and such as were passed over to find the next message.',
      queries: counters('stream', {
        undecoded_bytes: 'no known protocol',
        hole_bytes: 'missing',
        resync_bytes: 'passed over',
      }),
      unit: 'Bps',
      w: 12,
      h: 8,
    }),
    lines({
      title: 'Not paired',
      description: 'Requests and responses that were left out rather than paired wrongly.',
      queries: counters('exchange', {
        unasked: 'response without a request',
        late: 'response after the timeout',
        quarantined_requests: 'request after a loss',
        quarantined_responses: 'response after a loss',
        quarantined_pairs: 'pair of a pipelining client',
        refused_by_ack: 'response that acknowledges too little',
      }),
      unit: 'ops',
      w: 12,
      h: 8,
    }),
    row('Limits'),
    lines({
      title: 'Memory',
      description: 'The budget by owner, summed over the agents chosen; limits.memory is the bound of each.',
      queries: [
        { expr: sum('owner', `spantap_memory_used_bytes{${AGENT}}`), legend: '{{owner}}' },
        { expr: sum('', `spantap_memory_limit_bytes{${AGENT}}`), legend: 'limit' },
      ],
      unit: 'bytes',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Series',
      description: 'Series of metrics, and pairs of services, that are kept; metrics.maxSeries is the bound of series.',
      queries: [
        { expr: sum('', `spantap_telemetry_series{${AGENT}}`), legend: 'series' },
        { expr: sum('', `spantap_telemetry_pairs{${AGENT}}`), legend: 'pairs' },
      ],
      unit: 'none',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Left out for want of room',
      description: 'What was shed at a limit, in the order in which it is: detail, spans, new series, new connections.',
      queries: [
        ...counters('telemetry', { detail_shed: 'detail of spans', spans_shed: 'spans', series_overflow: 'series' }),
        ...counters('stream', { refused_flows: 'packets of new connections', forced_holes: 'bytes out of order' }),
        ...counters('exchange', { refused_in_flight: 'requests', refused_detail: 'texts of requests' }),
        { expr: sumRate('owner', 'spantap_memory_refused_total', AGENT), legend: 'memory: {{owner}}' },
      ],
      unit: 'ops',
      w: 8,
      h: 8,
    }),
    row('Out'),
    lines({
      title: 'Sent',
      description: 'Spans and data points that were accepted, each second.',
      queries: [
        {
          expr: sumRate('signal, endpoint', 'spantap_export_sent_items_total', AGENT),
          legend: '{{signal}} {{endpoint}}',
        },
      ],
      unit: 'cps',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Waiting',
      description: 'Bytes in the queues of the exporter; export.queue.size is the bound.',
      queries: [
        {
          expr: sum('service_instance_id, signal, endpoint', `spantap_export_queue_bytes{${AGENT}}`),
          legend: '{{service_instance_id}} {{signal}} {{endpoint}}',
        },
      ],
      unit: 'bytes',
      w: 8,
      h: 8,
    }),
    lines({
      title: 'Not delivered',
      description:
        'Attempts that were repeated, and items that were dropped (queue full, too old, at the end), refused, or failed for good.',
      queries: [
        {
          expr: sumRate('signal, endpoint', 'spantap_export_retries_total', AGENT),
          legend: '{{signal}} retries {{endpoint}}',
        },
        {
          expr: sumRate('signal, endpoint, reason', 'spantap_export_dropped_items_total', AGENT),
          legend: '{{signal}} dropped ({{reason}}) {{endpoint}}',
        },
        {
          expr: sumRate('signal, endpoint', 'spantap_export_rejected_items_total', AGENT),
          legend: '{{signal}} refused {{endpoint}}',
        },
        {
          expr: sumRate('signal, endpoint', 'spantap_export_failed_items_total', AGENT),
          legend: '{{signal}} failed {{endpoint}}',
        },
      ],
      unit: 'cps',
      w: 8,
      h: 8,
    }),
  ],
});
