import { choice, dashboard } from './dashboard.ts';
import { droppedFigure } from './figures.ts';
import { type Bounds, headline, lines, row, table } from './panels.ts';
import { AGENT, AGENT_CHOICE, quantile, rate, share, sumRate } from './queries.ts';

const SELECTED = `${AGENT}, client=~"$client", server=~"$server", network_interface_name=~"$device"`;
const HANDSHAKE = 'spantap_tcp_handshake_duration_seconds';
const OPENED = 'spantap_tcp_connections_opened_total';
const FAILED = 'spantap_tcp_connections_failed_total';
const RESET = 'spantap_tcp_connections_reset_total';
const RETRANSMITTED = 'spantap_tcp_retransmitted_bytes_total';
const OUT_OF_ORDER = 'spantap_tcp_out_of_order_bytes_total';
const SENT = 'spantap_tcp_bytes_sent_total';
const DELIVERED = 'spantap_tcp_bytes_delivered_total';
const ZERO_WINDOW = 'spantap_tcp_zero_window_time_seconds_total';

const PAIR = 'client, server';
const DIRECTED = 'client, server, spantap_direction';
const LEGEND = '{{client}} -> {{server}}';
const WAY = '{{client}} -> {{server}} {{spantap_direction}}';

const LOSS_BOUNDS: Bounds = [
  ['orange', 0.01],
  ['red', 0.05],
];
/** The other way round: less is worse. */
const COVERAGE_BOUNDS: Bounds = [
  ['orange', 0.95],
  ['green', 0.999],
];

export const tcp = dashboard({
  uid: 'spantap-tcp',
  title: 'spantap: TCP health and coverage',
  description: 'How the connections between services are, and how much of what was sent on them the agents have seen.',
  variables: [
    AGENT_CHOICE,
    choice({
      name: 'device',
      label: 'Interface',
      description: 'The network interface that the packets were captured at.',
      of: OPENED,
      value: 'network_interface_name',
      all: true,
    }),
    choice({ name: 'client', label: 'Client', description: 'Who connects.', of: SENT, value: 'client', all: true }),
    choice({
      name: 'server',
      label: 'Server',
      description: 'Who is connected to.',
      of: `${SENT}{client=~"$client"}`,
      value: 'server',
      all: true,
    }),
  ],
  panels: [
    ...headline(
      {
        title: 'Coverage',
        description:
          'Bytes that were delivered to decoders, of those that sequence numbers prove were sent. Below 100 % the agent misses packets.',
        expr: share('', rate(DELIVERED, SELECTED), rate(SENT, SELECTED)),
        unit: 'percentunit',
        decimals: 3,
        bounds: COVERAGE_BOUNDS,
        base: 'red',
      },
      droppedFigure(
        'Packets that the kernel had no room for, of those that it was asked for. Remedy: capture.ring, a filter, shards.',
      ),
      {
        title: 'Connections opened',
        description: 'Each second.',
        expr: sumRate('', OPENED, SELECTED),
        unit: 'cps',
      },
      {
        title: 'Retransmitted',
        description: 'Share of the bytes that had to be sent again.',
        expr: share('', rate(RETRANSMITTED, SELECTED), rate(SENT, SELECTED)),
        unit: 'percentunit',
        decimals: 3,
        bounds: LOSS_BOUNDS,
      },
    ),
    row('Connections'),
    lines({
      title: 'Opened',
      description: 'Handshakes that came to their end, each second.',
      queries: [{ expr: sumRate(PAIR, OPENED, SELECTED), legend: LEGEND }],
      unit: 'cps',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Failed',
      description: 'Refused: a RST answered the SYN. Timeout: nothing did.',
      queries: [
        { expr: sumRate(`${PAIR}, error_type`, FAILED, SELECTED), legend: '{{client}} -> {{server}} {{error_type}}' },
      ],
      unit: 'cps',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Reset',
      description: 'Connections that a RST ended, by the direction that it went.',
      queries: [{ expr: sumRate(DIRECTED, RESET, SELECTED), legend: WAY }],
      unit: 'cps',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Handshake, 95 %',
      description: 'From the first SYN to the ACK that ends the handshake, SYNs that had to be sent again included.',
      queries: [{ expr: quantile(0.95, PAIR, HANDSHAKE, SELECTED), legend: LEGEND }],
      unit: 's',
      w: 12,
      h: 9,
    }),
    lines({
      title: 'Zero window',
      description:
        'Share of the time that a receiver takes nothing more, summed over its connections: 1 is one connection all the time.',
      queries: [{ expr: sumRate(DIRECTED, ZERO_WINDOW, SELECTED), legend: WAY }],
      unit: 'none',
      w: 12,
      h: 9,
    }),
    row('Bytes'),
    lines({
      title: 'Sent',
      description: 'Bytes that sequence numbers prove were sent, by direction.',
      queries: [{ expr: sumRate(DIRECTED, SENT, SELECTED), legend: WAY }],
      unit: 'Bps',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Retransmitted',
      description: 'Share of the bytes that had to be sent again.',
      queries: [
        {
          expr: `${sumRate(DIRECTED, RETRANSMITTED, SELECTED)} / (${sumRate(DIRECTED, SENT, SELECTED)} > 0)`,
          legend: WAY,
        },
      ],
      unit: 'percentunit',
      bounds: LOSS_BOUNDS,
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Out of order',
      description: 'Share of the bytes that arrived later than such as were sent after them.',
      queries: [
        {
          expr: `${sumRate(DIRECTED, OUT_OF_ORDER, SELECTED)} / (${sumRate(DIRECTED, SENT, SELECTED)} > 0)`,
          legend: WAY,
        },
      ],
      unit: 'percentunit',
      bounds: LOSS_BOUNDS,
      w: 8,
      h: 9,
    }),
    row('Coverage'),
    lines({
      title: 'Coverage by pair',
      description: 'Bytes delivered to decoders, of those that were sent. What is missing was not captured.',
      queries: [
        { expr: `${sumRate(PAIR, DELIVERED, SELECTED)} / (${sumRate(PAIR, SENT, SELECTED)} > 0)`, legend: LEGEND },
      ],
      unit: 'percentunit',
      max: 1,
      w: 12,
      h: 9,
    }),
    lines({
      title: 'Lost on the way to the agent',
      description:
        'Packets that the kernel or the interface dropped, and bytes missing within connections, each second.',
      queries: [
        {
          expr: sumRate('service_instance_id', 'spantap_capture_dropped_total', AGENT),
          legend: '{{service_instance_id}} kernel, packets',
        },
        {
          expr: sumRate('service_instance_id', 'spantap_capture_interface_dropped_total', AGENT),
          legend: '{{service_instance_id}} interface, packets',
        },
        {
          expr: sumRate('service_instance_id', 'spantap_stream_hole_bytes_total', AGENT),
          legend: '{{service_instance_id}} holes, bytes',
        },
      ],
      unit: 'none',
      w: 12,
      h: 9,
    }),
    table({
      title: 'Pairs',
      description: 'The health of each pair of services. Coverage is that of the last interval that was reported.',
      queries: [
        { refId: 'opened', expr: sumRate(PAIR, OPENED, SELECTED) },
        { refId: 'failed', expr: sumRate(PAIR, FAILED, SELECTED) },
        { refId: 'reset', expr: sumRate(PAIR, RESET, SELECTED) },
        { refId: 'handshake', expr: quantile(0.95, PAIR, HANDSHAKE, SELECTED) },
        {
          refId: 'retransmitted',
          expr: `${sumRate(PAIR, RETRANSMITTED, SELECTED)} / (${sumRate(PAIR, SENT, SELECTED)} > 0)`,
        },
        { refId: 'coverage', expr: `min by (${PAIR}) (spantap_coverage_ratio{${SELECTED}})` },
      ],
      columns: [
        { from: 'client', title: 'Client' },
        { from: 'server', title: 'Server' },
        { from: 'opened', title: 'Opened', unit: 'cps' },
        { from: 'failed', title: 'Failed', unit: 'cps', bounds: [['red', 0.001]] },
        { from: 'reset', title: 'Reset', unit: 'cps', bounds: [['orange', 0.001]] },
        { from: 'handshake', title: 'Handshake, 95 %', unit: 's' },
        { from: 'retransmitted', title: 'Retransmitted', unit: 'percentunit', bounds: LOSS_BOUNDS },
        { from: 'coverage', title: 'Coverage', unit: 'percentunit' },
      ],
      sortBy: 'Opened',
      w: 24,
      h: 10,
    }),
  ],
});
