/** A dashboard from its panels: places, ids, variables, links. */
import type { Dashboard, Panel, RowPanel, VariableModel } from '@grafana/schema';
import { DATASOURCE, type Piece } from './panels.ts';

/** Version of the JSON that Grafana 12 and 13 write; newer ones convert it. */
const SCHEMA_VERSION = 42;
const COLUMNS = 24;

export const TAG = 'spantap';

export interface Description {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableModel[];
  readonly panels: readonly (Piece | Omit<RowPanel, 'id' | 'gridPos'>)[];
}

export function dashboard(o: Description): Dashboard {
  return {
    uid: o.uid,
    title: o.title,
    description: o.description,
    tags: [TAG],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    links: [
      {
        type: 'dashboards',
        title: 'spantap',
        tags: [TAG],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
      },
    ],
    annotations: { list: [] },
    templating: { list: [DATASOURCE_VARIABLE, ...o.variables] as never },
    panels: place(o.panels),
  };
}

/** From left to right, a new line where one is full; lines are as high as their highest panel. */
function place(panels: Description['panels']): (Panel | RowPanel)[] {
  const placed: (Panel | RowPanel)[] = [];
  let x = 0;
  let y = 0;
  let height = 0;
  const nextLine = (): void => {
    x = 0;
    y += height;
    height = 0;
  };
  for (const panel of panels) {
    const id = placed.length + 1;
    if (!('w' in panel)) {
      nextLine();
      placed.push({ ...panel, id, gridPos: { x: 0, y, w: COLUMNS, h: 1 } } as RowPanel);
      y++;
      continue;
    }
    const { w, h, ...rest } = panel;
    if (x + w > COLUMNS) nextLine();
    placed.push({ ...rest, id, gridPos: { x, y, w, h } });
    x += w;
    height = Math.max(height, h);
  }
  return placed;
}

const DATASOURCE_VARIABLE: VariableModel = {
  type: 'datasource',
  name: 'datasource',
  label: 'Prometheus',
  description: 'The Prometheus that holds the metrics of spantap.',
  query: 'prometheus',
  refresh: 1,
  regex: '',
  includeAll: false,
  multi: false,
  options: [],
  current: {} as never,
};

interface Choice {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** What the values are taken from: a selector of series, and the label. */
  readonly of: string;
  readonly value: string;
  /** Several at once, and all of them at first; otherwise exactly one, `first` if it is there. */
  readonly all?: boolean;
  readonly first?: string;
  /** Keeps what the first group matches. */
  readonly regex?: string;
}

/** A variable whose values are those of a label. */
export function choice(o: Choice): VariableModel {
  const query = `label_values(${o.of}, ${o.value})`;
  return {
    type: 'query',
    name: o.name,
    label: o.label,
    description: o.description,
    datasource: DATASOURCE,
    query: { query, refId: o.name, qryType: 1 },
    definition: query,
    refresh: 2,
    sort: 1,
    regex: o.regex ?? '',
    multi: o.all ?? false,
    includeAll: o.all ?? false,
    // series without the label match, too
    ...(o.all ? { allValue: '.*' } : {}),
    options: [],
    current: o.all
      ? { selected: true, text: ['All'], value: ['$__all'] }
      : o.first === undefined
        ? {}
        : { selected: true, text: o.first, value: o.first },
  } as VariableModel;
}
