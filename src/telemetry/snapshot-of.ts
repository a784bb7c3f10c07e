import type { Epoch, HrTime } from './epoch.ts';
import { GRAPH_BOUNDS, GRAPH_CLIENT, GRAPH_FAILED, GRAPH_SERVER, GRAPH_TOTAL } from './instruments.ts';
import type { Edge, Point } from './series.ts';
import type { SeriesTable } from './series-table.ts';
import type { HistogramMetric, HistogramPoint, MetricsSnapshot, ResourceMetrics, SumMetric } from './snapshot.ts';
import { tcpMetrics } from './tcp-metrics.ts';
import type { TcpTable } from './tcp-table.ts';

/**
 * Copies tables of series into plain data, grouped by resource and metric. What belongs to two services stands under neither:
 * it has the agent's `own` resource.
 */
export function snapshotOf(
  table: SeriesTable,
  tcp: TcpTable | null,
  epoch: Epoch,
  own: ResourceMetrics['attributes'],
  nowNs: number,
): MetricsSnapshot {
  const resources = new Map<string, ResourceMetrics>();
  const metrics = new Map<string, HistogramMetric>();
  for (const p of table.points.values()) {
    const { name, namespace } = p.resource.service;
    const resourceKey = JSON.stringify([name, namespace]);
    const metricKey = `${resourceKey}${p.instrument.name}`;
    let metric = metrics.get(metricKey);
    if (metric === undefined) {
      let resource = resources.get(resourceKey);
      if (resource === undefined) {
        resource = { attributes: p.resource.metricAttributes, metrics: [] };
        resources.set(resourceKey, resource);
      }
      const { name: metricName, description, unit, bounds } = p.instrument;
      metric = { kind: 'histogram', name: metricName, description, unit, bounds, points: [] };
      resource.metrics.push(metric);
      metrics.set(metricKey, metric);
    }
    metric.points.push(histogramPoint(p, epoch, nowNs));
  }
  const out = [...resources.values()];
  const ofPairs: ResourceMetrics['metrics'] = [];
  if (table.edges.size > 0 || table.overflowEdge !== null) ofPairs.push(...graph(table, epoch, nowNs));
  if (tcp !== null) ofPairs.push(...tcpMetrics(tcp, epoch, nowNs));
  if (ofPairs.length > 0) out.push({ attributes: own, metrics: ofPairs });
  return { resources: out };
}

function graph(table: SeriesTable, epoch: Epoch, nowNs: number): (SumMetric | HistogramMetric)[] {
  const total: SumMetric = {
    kind: 'sum',
    name: GRAPH_TOTAL,
    description: 'Requests between two services',
    unit: '',
    points: [],
  };
  const failed: SumMetric = {
    ...total,
    name: GRAPH_FAILED,
    description: 'Failed requests between two services',
    points: [],
  };
  const client: HistogramMetric = {
    kind: 'histogram',
    name: GRAPH_CLIENT,
    description: 'Duration of requests between two services, as the client sees it',
    unit: 's',
    bounds: GRAPH_BOUNDS,
    points: [],
  };
  const server: HistogramMetric = {
    ...client,
    name: GRAPH_SERVER,
    description: 'Duration of requests between two services, as the server sees it',
    points: [],
  };
  const edges = [...table.edges.values()];
  if (table.overflowEdge !== null) edges.push(table.overflowEdge);
  for (const edge of edges) {
    const { attributes } = edge;
    const [start, time] = span(edge, epoch, nowNs);
    total.points.push({ attributes, start, time, value: edge.total });
    failed.points.push({ attributes, start, time, value: edge.failed });
    client.points.push(histogramPoint(edge, epoch, nowNs));
    server.points.push(histogramPoint(edge, epoch, nowNs));
  }
  return [total, failed, client, server];
}

function histogramPoint(p: Point | Edge, epoch: Epoch, nowNs: number): HistogramPoint {
  const [start, time] = span(p, epoch, nowNs);
  return { attributes: p.attributes, start, time, counts: Array.from(p.counts), sum: p.sum / p.instrument.scale };
}

/** The clock of a capture may go back; a point's time is never before its start. */
function span(p: Point | Edge, epoch: Epoch, nowNs: number): [start: HrTime, time: HrTime] {
  return [epoch.hrTime(p.startNs), epoch.hrTime(Math.max(p.startNs, nowNs))];
}
