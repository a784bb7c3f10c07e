/** The kinds of panels that the dashboards are made of: each a title, a description, and queries in PromQL. */
import type { DataSourceRef, FieldConfigSource, Panel, RowPanel } from '@grafana/schema';
import type {
  FieldConfig as HeatFields,
  Options as HeatOptions,
} from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as MapOptions } from '@grafana/schema/dist/esm/raw/composable/nodegraph/panelcfg/x/NodeGraphPanelCfg_types.gen';
import type { Options as FigureOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as TableFields,
  Options as TableOptions,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type {
  FieldConfig as LineFields,
  Options as LineOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** As it stands in JSON: the values of Grafana's enumerations are texts. */
type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

/** Whichever Prometheus is chosen at the top of the dashboard. */
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: `\${datasource}` };

/** A query. `legend` names its series; a table or a map tells its queries apart by `refId`. */
export interface Query {
  readonly expr: string;
  readonly legend?: string;
  readonly refId?: string;
}

interface Common {
  readonly title: string;
  readonly description: string;
  /** Width (of 24) and height in the grid. */
  readonly w: number;
  readonly h: number;
}

/** A panel without its place. */
export type Piece = Omit<Panel, 'id' | 'gridPos'> & { readonly w: number; readonly h: number };

/** Green below the first bound; each bound with the colour from there on. */
export type Bounds = readonly (readonly [color: string, from: number])[];

const thresholds = (bounds: Bounds, base = 'green') => ({
  mode: 'absolute',
  steps: [{ color: base, value: null }, ...bounds.map(([color, value]) => ({ color, value }))],
});

type Format = 'time_series' | 'table' | 'heatmap';
const targets = (queries: readonly Query[], format: Format, instant: boolean): Record<string, unknown>[] =>
  queries.map(({ expr, legend, refId }, i) => ({
    datasource: DATASOURCE,
    editorMode: 'code',
    expr,
    format,
    instant,
    range: !instant,
    legendFormat: legend ?? '__auto',
    refId: refId ?? String.fromCharCode(65 + i),
  }));

const piece = (type: string, o: Common, rest: Partial<Panel>): Piece => ({
  type,
  title: o.title,
  description: o.description,
  datasource: DATASOURCE,
  w: o.w,
  h: o.h,
  ...rest,
});

/** A row: a headline over the panels that follow. */
export const row = (title: string): Omit<RowPanel, 'id' | 'gridPos'> => ({
  type: 'row',
  title,
  collapsed: false,
  panels: [],
});

export interface Lines extends Common {
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Bounds are drawn as areas. */
  readonly bounds?: Bounds;
  readonly stacked?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** Lines over time. */
export function lines(o: Lines): Piece {
  const custom = {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: o.stacked ? 30 : 8,
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: o.stacked ? 'normal' : 'none', group: 'A' },
    thresholdsStyle: { mode: o.bounds === undefined ? 'off' : 'dashed' },
  } satisfies Plain<LineFields>;
  return piece('timeseries', o, {
    targets: targets(o.queries, 'time_series', false),
    fieldConfig: fields({
      unit: o.unit,
      bounds: o.bounds,
      min: o.min ?? 0,
      max: o.max,
      custom,
      color: 'palette-classic',
    }),
    options: {
      legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['mean', 'max', 'lastNotNull'] },
      tooltip: { mode: 'multi', sort: 'desc' },
    } satisfies Plain<LineOptions>,
  });
}

interface Figure extends Common {
  readonly unit: string;
  readonly expr: string;
  readonly bounds?: Bounds;
  /** Colour below the first bound. */
  readonly base?: string;
  readonly decimals?: number;
}

/** One figure, with its recent course behind it. */
const figure = (o: Figure): Piece =>
  piece('stat', o, {
    targets: targets([{ expr: o.expr, legend: o.title }], 'time_series', false),
    fieldConfig: fields({
      unit: o.unit,
      bounds: o.bounds ?? [],
      base: o.base ?? (o.bounds === undefined ? 'blue' : 'green'),
      decimals: o.decimals,
      color: 'thresholds',
    }),
    options: {
      colorMode: 'value',
      graphMode: 'area',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'value',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      percentChangeColorMode: 'standard',
      showPercentChange: false,
      wideLayout: true,
    } satisfies Plain<FigureOptions>,
  });

/** A figure at the head of a dashboard. */
export type Headline = Omit<Figure, 'w' | 'h'>;

/** Figures side by side, over all else. */
export const headline = (...figures: readonly Headline[]): Piece[] =>
  figures.map((o) => figure({ ...o, w: 24 / figures.length, h: 4 }));

export interface Column {
  /** Label, or refId of the query. */
  readonly from: string;
  readonly title: string;
  readonly unit?: string;
  readonly bounds?: Bounds;
  /** Address that a click on a cell opens. */
  readonly link?: { readonly title: string; readonly url: string };
}

export interface Table extends Common {
  readonly queries: readonly Required<Pick<Query, 'expr' | 'refId'>>[];
  readonly columns: readonly Column[];
  /** Title of the column that is sorted by, the largest first. */
  readonly sortBy: string;
}

/** A row for each set of labels, a column for each query. */
export function table(o: Table): Piece {
  const ofQuery = new Set(o.queries.map((q) => q.refId));
  // with one query alone the column has no letter
  const nameOf = (from: string): string =>
    !ofQuery.has(from) ? from : o.queries.length === 1 ? 'Value' : `Value #${from}`;
  return piece('table', o, {
    targets: targets(o.queries, 'table', true),
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(o.columns.map((c, i) => [nameOf(c.from), i])),
          renameByName: Object.fromEntries(o.columns.map((c) => [nameOf(c.from), c.title])),
        },
      },
    ],
    fieldConfig: {
      defaults: {
        custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false } satisfies Plain<TableFields>,
      },
      overrides: o.columns.flatMap((c) => {
        const properties: { id: string; value: unknown }[] = [];
        if (c.unit !== undefined) properties.push({ id: 'unit', value: c.unit });
        if (c.bounds !== undefined) {
          properties.push({ id: 'thresholds', value: thresholds(c.bounds, 'text') });
          properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
        }
        if (c.link !== undefined) properties.push({ id: 'links', value: [{ ...c.link, targetBlank: false }] });
        return properties.length === 0 ? [] : [{ matcher: { id: 'byName', options: c.title }, properties }];
      }),
    } as FieldConfigSource,
    options: {
      frameIndex: 0,
      showHeader: true,
      cellHeight: 'sm',
      sortBy: [{ displayName: o.sortBy, desc: true }],
    } satisfies Plain<TableOptions>,
  });
}

/** Durations as they are spread over the buckets of a histogram. */
export const heat = (o: Common & { readonly expr: string }): Piece =>
  piece('heatmap', o, {
    targets: targets([{ expr: o.expr, legend: '{{le}}' }], 'heatmap', false),
    fieldConfig: {
      defaults: { custom: { scaleDistribution: { type: 'linear' } } satisfies Plain<HeatFields> },
      overrides: [],
    },
    options: {
      calculate: false,
      cellGap: 1,
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      showValue: 'never',
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64, exponent: 0.5, fill: 'dark-orange', reverse: false },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: 'auto' },
      tooltip: { mode: 'single', yHistogram: true },
      yAxis: { axisPlacement: 'left', unit: 's', reverse: false },
    } satisfies Plain<HeatOptions>,
  });

/** What the node graph panel knows nodes and edges by. */
export interface Map extends Common {
  readonly nodes: Readonly<Record<'mainstat' | 'secondarystat' | 'arc__failed' | 'arc__answered', string>>;
  readonly edges: Readonly<Record<'mainstat' | 'secondarystat', string>>;
  readonly units: { readonly mainStatUnit: string; readonly secondaryStatUnit: string };
}

/**
 * Nodes and edges from instant queries: labels give id, title, subtitle, source and target, each query one figure. The panel takes
 * figures by the names of their fields, and a name given by "organize" is for display only: so each is calculated anew under its name.
 */
export function map(o: Map): Piece {
  const queries = Object.entries({ nodes: o.nodes, edges: o.edges }).flatMap(([of, figures]) =>
    Object.entries(figures).map(([field, expr]) => ({ expr, refId: `${of}_${field}`, field })),
  );
  return piece('nodeGraph', o, {
    targets: targets(queries, 'table', true),
    transformations: [
      { id: 'merge', filter: { id: 'byRefId', options: '/^nodes_/' }, options: {} },
      { id: 'merge', filter: { id: 'byRefId', options: '/^edges_/' }, options: {} },
      ...queries.map(({ refId, field }) => ({
        id: 'calculateField',
        filter: { id: 'byRefId', options: `/${refId.split('_')[0]}_/` },
        options: {
          mode: 'binary',
          alias: field,
          binary: { left: `Value #${refId}`, operator: '*', right: '1' },
          replaceFields: false,
        },
      })),
      {
        id: 'organize',
        options: {
          excludeByName: Object.fromEntries(['Time', ...queries.map((q) => `Value #${q.refId}`)].map((n) => [n, true])),
        },
      },
    ],
    fieldConfig: { defaults: {}, overrides: [] },
    options: {
      layoutAlgorithm: 'layered',
      zoomMode: 'cooperative',
      nodes: {
        ...o.units,
        arcs: [
          { field: 'arc__failed', color: 'red' },
          { field: 'arc__answered', color: 'green' },
        ],
      },
      edges: o.units,
    } satisfies Plain<MapOptions>,
  });
}

interface Defaults {
  readonly unit: string;
  readonly color: string;
  readonly bounds: Bounds | undefined;
  readonly base?: string;
  readonly decimals?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly custom?: Record<string, unknown>;
}

function fields(o: Defaults): FieldConfigSource {
  const defaults: Record<string, unknown> = { unit: o.unit, color: { mode: o.color } };
  for (const key of ['decimals', 'min', 'max', 'custom'] as const) if (o[key] !== undefined) defaults[key] = o[key];
  defaults.thresholds = thresholds(o.bounds ?? [], o.base);
  return { defaults, overrides: [] };
}
