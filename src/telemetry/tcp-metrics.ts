/** How TCP fares, as metrics. Their names, which dashboards and alert rules use (config/grafana, config/prometheus), are in this file. */

import type { Epoch } from './epoch.ts';
import { addPoint, type Histograms } from './histograms.ts';
import { HANDSHAKE_DURATION } from './instruments.ts';
import type { GaugeMetric, Metric, SumMetric } from './snapshot.ts';
import type { TcpRecord } from './tcp-record.ts';
import type { TcpTable } from './tcp-table.ts';

const CONNECTIONS = '{connection}';
const BYTES = 'By';

const sum = (name: string, unit: string, description: string): SumMetric => ({
  kind: 'sum',
  name,
  description,
  unit,
  points: [],
});

/** Every figure of every record, zeros too: what has not happened yet must not look as if nobody watched. */
export function tcpMetrics(table: TcpTable, histograms: Histograms, epoch: Epoch, nowNs: number): Metric[] {
  const opened = sum('spantap.tcp.connections.opened', CONNECTIONS, 'Handshakes that came to their end');
  const failed = sum('spantap.tcp.connections.failed', CONNECTIONS, 'SYNs that a RST answered, or that led to nothing');
  const reset = sum('spantap.tcp.connections.reset', CONNECTIONS, 'Connections that a RST ended');
  const handshakes = histograms.metric(HANDSHAKE_DURATION);
  const sent = sum('spantap.tcp.bytes.sent', BYTES, 'Payload that sequence numbers prove was sent');
  const delivered = sum('spantap.tcp.bytes.delivered', BYTES, 'Payload that was captured and handed on to decoding');
  const retransmitted = sum('spantap.tcp.retransmitted', BYTES, 'Payload that was sent again');
  const outOfOrder = sum('spantap.tcp.out_of_order', BYTES, 'Payload that the network delivered behind later one');
  const zeroWindow: SumMetric = {
    ...sum('spantap.tcp.zero_window.time', 's', 'Time for which the receiver of a direction let nothing come'),
    fractional: true,
    points: [],
  };
  const coverage: GaugeMetric = {
    kind: 'gauge',
    name: 'spantap.coverage',
    description: 'Share of the payload sent in the last interval that was captured and handed on to decoding',
    unit: '1',
    points: [],
  };
  const all: TcpRecord[] = [...table.records.values()];
  if (table.overflow !== null) all.push(table.overflow);
  for (const r of all) {
    const start = epoch.hrTime(r.startNs);
    const time = epoch.hrTime(Math.max(r.startNs, nowNs));
    opened.points.push({ attributes: r.attributes, start, time, value: r.opened });
    failed.points.push({ attributes: r.refusedAttributes, start, time, value: r.refused });
    failed.points.push({ attributes: r.timedOutAttributes, start, time, value: r.timedOut });
    addPoint(handshakes, { attributes: r.attributes, start, time }, r.handshakes, HANDSHAKE_DURATION.scale);
    for (const d of r.directions) {
      const point = (metric: SumMetric, value: number): void => {
        metric.points.push({ attributes: d.attributes, start, time, value });
      };
      point(reset, d.resets);
      point(sent, d.sent);
      point(delivered, d.delivered);
      point(retransmitted, d.retransmitted);
      point(outOfOrder, d.outOfOrder);
      point(zeroWindow, d.zeroWindowNs / 1e9);
    }
    const [part, whole] = table.marked ? [r.intervalDelivered, r.intervalSent] : [r.delivered, r.sent];
    if (whole > 0) coverage.points.push({ attributes: r.attributes, start, time, value: part / whole, part, whole });
  }
  const metrics = [opened, failed, reset, handshakes, sent, delivered, retransmitted, outOfOrder, zeroWindow, coverage];
  return metrics.filter((m) => m.points.length > 0);
}
