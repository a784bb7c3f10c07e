/** All dashboards: what `make dashboards` writes to config/grafana/dashboards, by file name. */
import type { Dashboard } from '@grafana/schema';
import { agent } from './agent.ts';
import { databases } from './databases.ts';
import { overview } from './overview.ts';
import { pair } from './pair.ts';
import { tcp } from './tcp.ts';

const DASHBOARDS: readonly Dashboard[] = [overview, pair, databases, tcp, agent];

export const dashboardFiles = (): Map<string, string> =>
  new Map(DASHBOARDS.map((d) => [`${d.uid}.json`, `${JSON.stringify(d, null, 2)}\n`]));
