/** The dashboards are those that their description makes, and hold together: what is used is defined, and the other way round. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { GridPos, Panel } from '@grafana/schema';
import { dashboardFiles } from '../../scripts/dashboards/index.ts';
import { DASHBOARDS, panelsOf, readDashboards, rules, targetsOf, variablesIn } from './expressions.ts';

const dashboards = readDashboards();
const overlap = (a: GridPos, b: GridPos): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

test('the files are what `make dashboards` writes', () => {
  const made = dashboardFiles();
  assert.deepEqual(readdirSync(DASHBOARDS).sort(), [...made.keys()].sort());
  for (const [name, json] of made) {
    assert.ok(readFileSync(join(DASHBOARDS, name), 'utf8') === json, `${name} is out of date: run make dashboards`);
  }
});

test('no two dashboards have a uid or a title in common', () => {
  for (const key of ['uid', 'title'] as const) {
    assert.equal(new Set(dashboards.map((d) => d[key])).size, dashboards.length, key);
  }
});

for (const d of dashboards) {
  describe(`${d.uid}`, () => {
    const panels = d.panels ?? [];
    const variables = (d.templating?.list ?? []).map((v) => v.name);

    test('is new to the Grafana that imports it', () => {
      assert.equal(d.id, undefined);
      assert.match(d.uid ?? '', /^spantap-[a-z]{1,30}$/);
      assert.deepEqual(d.tags, ['spantap']);
      assert.ok((d.description ?? '').length > 20);
    });

    test('panels have ids of their own and do not overlap', () => {
      assert.equal(new Set(panels.map((p) => p.id)).size, panels.length);
      for (const [i, p] of panels.entries()) {
        const at = p.gridPos!;
        assert.ok(at.x >= 0 && at.w > 0 && at.h > 0 && at.x + at.w <= 24, `${p.title}`);
        for (const other of panels.slice(0, i))
          assert.ok(!overlap(at, other.gridPos!), `${p.title} and ${other.title}`);
      }
    });

    test('every panel says what it shows, in which unit', () => {
      for (const p of panelsOf(d)) {
        assert.ok((p.title ?? '') !== '' && (p.description ?? '').length >= 12, `${p.title}`);
        assert.ok(targetsOf(p).length > 0, `${p.title}: no query`);
        if (p.type !== 'text') assert.ok(hasUnit(p), `${p.title}: no unit`);
      }
    });

    test('every query asks the data source that is chosen, under a name of its own', () => {
      for (const p of panelsOf(d)) {
        const chosen = { type: 'prometheus', uid: `\${datasource}` };
        assert.deepEqual(p.datasource, chosen, `${p.title}`);
        const targets = targetsOf(p);
        for (const t of targets) assert.deepEqual(t.datasource, chosen, `${p.title} ${t.refId}`);
        assert.equal(new Set(targets.map((t) => t.refId)).size, targets.length, `${p.title}`);
      }
      for (const v of d.templating?.list ?? []) {
        if (v.type === 'query') assert.deepEqual(v.datasource, { type: 'prometheus', uid: `\${datasource}` }, v.name);
      }
    });

    test('every variable that is used is defined before, and every one that is defined is used', () => {
      const used = new Set(['datasource']);
      for (const [i, v] of (d.templating?.list ?? []).entries()) {
        for (const name of variablesIn(JSON.stringify(v.query ?? ''))) {
          assert.ok(variables.slice(0, i).includes(name), `$${v.name} needs $${name}`);
          used.add(name);
        }
      }
      for (const p of panelsOf(d)) {
        for (const name of targetsOf(p).flatMap((t) => variablesIn(t.expr))) {
          assert.ok(variables.includes(name), `${p.title}: $${name}`);
          used.add(name);
        }
        for (const name of variablesIn(JSON.stringify(p.fieldConfig)))
          assert.ok(variables.includes(name), `${p.title}: $${name}`);
      }
      assert.deepEqual(
        variables.filter((name) => !used.has(name)),
        [],
      );
    });

    test('links lead to dashboards that are there, with variables that they have', () => {
      const urls = panelsOf(d).flatMap((p) => [...JSON.stringify(p.fieldConfig).matchAll(/"url":"([^"]*)"/g)]);
      for (const [, url] of urls) leads(url!);
      assert.deepEqual(
        d.links?.map((l) => [l.type, l.tags, l.keepTime]),
        [['dashboards', ['spantap'], true]],
      );
    });
  });
}

test('alerts lead to dashboards that are there, with variables that they have', () => {
  const alerts = rules().filter((r) => r.alert !== undefined);
  assert.ok(alerts.length > 0);
  for (const { alert, annotations } of alerts) {
    assert.ok(annotations?.summary !== undefined && annotations.description !== undefined, alert);
    leads(annotations.dashboard!);
  }
});

test('no rule has a name twice', () => {
  const names = rules().map((r) => r.alert ?? r.record);
  assert.equal(new Set(names).size, names.length);
});

function leads(url: string): void {
  const { pathname, searchParams } = new URL(url, 'http://grafana');
  const target = dashboards.find((d) => pathname === `/d/${d.uid}`);
  assert.ok(target !== undefined, url);
  const names = (target.templating?.list ?? []).map((v) => v.name);
  for (const key of searchParams.keys()) {
    const name = /^(?:var-|\${)(\w+)/.exec(key)?.[1] ?? '';
    assert.ok(name.startsWith('__') || names.includes(name), `${url}: ${key}`);
  }
}

function hasUnit(p: Panel): boolean {
  if (p.fieldConfig?.defaults.unit !== undefined) return true;
  const text = JSON.stringify([p.fieldConfig?.overrides, p.options]);
  return /"id":"unit"|"unit":|"mainStatUnit":/.test(text);
}
