import type { Epoch } from './epoch.ts';
import { addPoint, type Histograms } from './histograms.ts';
import { CONSUMED, GRAPH_DURATION, GRAPH_FAILED, GRAPH_SERVER, GRAPH_TOTAL, SENT } from './instruments.ts';
import type { Edge, Point } from './series.ts';
import type { SeriesTable } from './series-table.ts';
import type { Metric, MetricsSnapshot, PointHead, ResourceMetrics, SumMetric } from './snapshot.ts';
import { tcpMetrics } from './tcp-metrics.ts';
import type { TcpTable } from './tcp-table.ts';

/**
 * Copies tables of series into plain data, grouped by resource and metric. What belongs to two services stands under neither:
 * it has the agent's `own` resource.
 */
export function snapshotOf(
  table: SeriesTable,
  tcp: TcpTable | null,
  histograms: Histograms,
  epoch: Epoch,
  own: ResourceMetrics['attributes'],
  nowNs: number,
): MetricsSnapshot {
  const resources = new Map<string, ResourceMetrics>();
  const metrics = new Map<string, Metric>();
  const metricOf = <M extends Metric>(p: Point, metricName: string, make: () => M): M => {
    const { name, namespace } = p.resource.service;
    const resourceKey = JSON.stringify([name, namespace]);
    const metricKey = `${resourceKey}${metricName}`;
    const found = metrics.get(metricKey);
    if (found !== undefined) return found as M;
    let resource = resources.get(resourceKey);
    if (resource === undefined) {
      resource = { attributes: p.resource.metricAttributes, metrics: [] };
      resources.set(resourceKey, resource);
    }
    const made = make();
    resource.metrics.push(made);
    metrics.set(metricKey, made);
    return made;
  };
  for (const p of table.points.values()) {
    const at = head(p, epoch, nowNs);
    const { instrument, values, sent, consumed } = p;
    // a series of exchanges whose duration says nothing has none
    if (values.count > 0)
      addPoint(
        metricOf(p, instrument.name, () => histograms.metric(instrument)),
        at,
        values,
        instrument.scale,
      );
    if (sent > 0) metricOf(p, SENT.name, () => sum(SENT)).points.push({ ...at, value: sent });
    if (consumed > 0) metricOf(p, CONSUMED.name, () => sum(CONSUMED)).points.push({ ...at, value: consumed });
  }
  const out = [...resources.values()];
  const ofPairs: ResourceMetrics['metrics'] = [];
  if (table.edges.size > 0 || table.overflowEdge !== null) ofPairs.push(...graph(table, histograms, epoch, nowNs));
  if (tcp !== null) ofPairs.push(...tcpMetrics(tcp, histograms, epoch, nowNs));
  if (ofPairs.length > 0) out.push({ attributes: own, metrics: ofPairs });
  return { resources: out };
}

const sum = (o: typeof SENT): SumMetric => ({ kind: 'sum', ...o, points: [] });

function graph(table: SeriesTable, histograms: Histograms, epoch: Epoch, nowNs: number): Metric[] {
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
  const client = histograms.metric(GRAPH_DURATION);
  const server = histograms.metric(GRAPH_DURATION, {
    name: GRAPH_SERVER,
    description: 'Duration of requests between two services, as the server sees it',
  });
  const edges = [...table.edges.values()];
  if (table.overflowEdge !== null) edges.push(table.overflowEdge);
  for (const edge of edges) {
    const at = head(edge, epoch, nowNs);
    total.points.push({ ...at, value: edge.total });
    failed.points.push({ ...at, value: edge.failed });
    if (edge.durations.count === 0) continue;
    for (const metric of [client, server]) addPoint(metric, at, edge.durations, GRAPH_DURATION.scale);
  }
  return [total, failed, client, server].filter((metric) => metric.points.length > 0);
}

/** The clock of a capture may go back; a point's time is never before its start. */
function head(p: Point | Edge, epoch: Epoch, nowNs: number): PointHead {
  return {
    attributes: p.attributes,
    start: epoch.hrTime(p.startNs),
    time: epoch.hrTime(Math.max(p.startNs, nowNs)),
  };
}
