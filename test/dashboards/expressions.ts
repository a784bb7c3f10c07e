/** Every expression in PromQL that lies below config/: those of panels, variables and rules. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard, Panel } from '@grafana/schema';
import { parse } from 'yaml';

export const CONFIG = new URL('../../config/', import.meta.url).pathname;
export const DASHBOARDS = join(CONFIG, 'grafana/dashboards');
export const RULES = join(CONFIG, 'prometheus/spantap.rules.yml');

export interface Expression {
  /** Name of the rule, or dashboard, panel and query. */
  readonly where: string;
  readonly kind: 'panel' | 'variable' | 'record' | 'alert';
  /** With the dashboard's variables as they stand there. */
  readonly expr: string;
  /** Labels that legends, columns or variables take from the result. */
  readonly labels: readonly string[];
}

/** A query of a panel, of the Prometheus data source. */
export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly format: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const readDashboards = (): Dashboard[] =>
  readdirSync(DASHBOARDS).map((name) => JSON.parse(readFileSync(join(DASHBOARDS, name), 'utf8')) as Dashboard);

/** Panels without the headlines of rows. */
export const panelsOf = (d: Dashboard): Panel[] => (d.panels ?? []).filter((p) => p.type !== 'row') as Panel[];

export const targetsOf = (p: Panel): Target[] => (p.targets ?? []) as unknown as Target[];

export function rules(): Rule[] {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((g) => g.rules);
}

export function expressions(): Expression[] {
  const found: Expression[] = [];
  for (const d of readDashboards()) {
    for (const v of d.templating?.list ?? []) {
      if (v.type !== 'query') continue;
      const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec((v.query as { query: string }).query) ?? [];
      if (selector === undefined || label === undefined) throw new Error(`${d.uid} $${v.name}: not understood`);
      const expr = `group by (${label}) (${selector})`;
      found.push({ where: `${d.uid} $${v.name}`, kind: 'variable', expr, labels: [label] });
    }
    for (const p of panelsOf(d)) {
      for (const t of targetsOf(p)) {
        const where = `${d.uid} "${p.title}" ${t.refId}`;
        found.push({ where, kind: 'panel', expr: t.expr, labels: labelsShown(p, t) });
      }
    }
  }
  for (const r of rules()) {
    const kind = r.alert === undefined ? 'record' : 'alert';
    found.push({ where: (r.alert ?? r.record)!, kind, expr: r.expr, labels: [] });
  }
  return found;
}

function labelsShown(p: Panel, t: Target): string[] {
  if (t.format === 'table') {
    const names = p.transformations?.flatMap((x) =>
      Object.keys((x.options as { renameByName?: object }).renameByName ?? {}),
    );
    return (names ?? []).filter((name) => !name.startsWith('Value'));
  }
  return [...t.legendFormat.matchAll(/{{(\w+)}}/g)].map((m) => m[1]!);
}

/** The variables that a text speaks of, Grafana's own (`__`) left out. */
export const variablesIn = (text: string): string[] =>
  [...text.matchAll(/\$(?:(\w+)|{(\w+)[^}]*})/g)]
    .map((m) => (m[1] ?? m[2])!)
    .filter((name) => !name.startsWith('__') && !/^\d/.test(name));

/** The expression as Grafana would send it. A value in the form `regex` has its special characters escaped. */
export const filled = (expr: string, values: Readonly<Record<string, string>>): string =>
  expr.replace(
    /\$(?:(\w+)|{(\w+)(?::(\w+))?})/g,
    (whole, plain: string | undefined, braced: string, format: string) => {
      const value = values[plain ?? braced];
      // $1 of label_replace is no variable
      if (value === undefined) return whole;
      return format === 'regex' ? value.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&') : value;
    },
  );
