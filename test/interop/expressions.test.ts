/**
 * Every expression of the dashboards and rules, asked of two real ones of Prometheus: one holds what a live agent has told it by OTLP
 * through a real Collector, the other what it has scraped from the agent. No expression fails, and none is empty without a reason that is
 * stated here and still true.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { CONFIG, type Expression, expressions, filled, RULES } from '../dashboards/expressions.ts';
import { must, type Started, spantap, start } from '../e2e/program.ts';
import { emptyFolder, freePort } from '../e2e/servers/server.ts';
import { build, eventually, json, lackingBackends } from './backends/programs.ts';
import { Prometheus, type Sample } from './backends/prometheus.ts';
import { CLIENT, Everything, PROGRAMS } from './everything.ts';
import { startExample } from './examples.ts';

/** By where they stand: why they have nothing to show here. */
const UNANSWERED = 'what is published to NATS is not answered, and has no duration';
const EMPTY = new Map<string, string>([
  ['spantap-pair "Messages, by destination" rate', UNANSWERED],
  ['spantap-pair "Messages, by destination" p95', UNANSWERED],
]);

const skip = lackingBackends(['prometheus', 'promtool', 'collector'], ...PROGRAMS);
const LIMIT = { timeout: 600_000 };

/** What the variables of dashboards stand for, Grafana's own included. A pair has one protocol, so several pairs are tried. */
const ALL = {
  agent: '.*',
  namespace: '.*',
  system: '.*',
  database: '.*',
  device: '.*',
  __rate_interval: '1m',
} as const;
const OF_ALL = { ...ALL, client: '.*', server: '.*' };
const pairs = (everything: Everything): Record<string, string>[] =>
  [...everything.ports.keys()].map((server) => ({ ...ALL, client: CLIENT, server }));

describe('dashboards and rules', { skip }, () => {
  const everything = new Everything();
  /** By the way on which it comes to hold what it holds. */
  const stores = new Map<'OTLP' | 'scrape', Prometheus>();
  let traces: Server;
  let agent: Started;

  before(async () => {
    traces = createServer((req, res) => {
      req.resume().on('end', () => res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
    });
    await new Promise<void>((done) => traces.listen(0, '127.0.0.1', done));
    const config = parse(readFileSync(join(CONFIG, 'prometheus/prometheus.yml'), 'utf8'));
    const often = { ...config, global: { evaluation_interval: '1s', scrape_interval: '1s' }, rule_files: [RULES] };
    const received = await Prometheus.start(often);
    stores.set('OTLP', received);
    const exposed = await freePort();
    const scrape = { job_name: 'agents', static_configs: [{ targets: [`127.0.0.1:${exposed}`] }] };
    stores.set('scrape', await Prometheus.start({ ...often, scrape_configs: [scrape] }));
    const collector = await startExample('plain.yaml', {
      TRACES_ENDPOINT: `http://127.0.0.1:${(traces.address() as AddressInfo).port}`,
      METRICS_ENDPOINT: `${received.url}/api/v1/otlp`,
    });
    await everything.start();
    const file = join(emptyFolder('dashboards'), 'agent.yaml');
    const settings = {
      ...everything.settings,
      routes: 'template',
      metrics: { interval: '1s', exporters: ['otlp', 'prometheus'] },
      prometheus: { port: exposed },
      self: { interval: '1s' },
      export: { endpoint: collector.otlp },
    };
    writeFileSync(file, JSON.stringify(settings));
    agent = start(spantap('run', '-c', file));
    await agent.until(/capturing/);
    await everything.open();
  }, LIMIT);

  after(async () => {
    await everything.close();
    await agent.stop();
    for (const prometheus of stores.values()) await prometheus.stop();
    traces.closeAllConnections();
    traces.close();
  });

  for (const way of ['OTLP', 'scrape'] as const) {
    test(`by ${way}: each runs, and shows something`, LIMIT, async (t) => {
      const prometheus = stores.get(way)!;
      const stop = new AbortController();
      const traffic = (async () => {
        while (!stop.signal.aborted) await everything.round();
      })();
      const values = [OF_ALL, ...pairs(everything)];
      const all = expressions();
      const missing = new Set(all);
      try {
        // until nothing is missing that should be there
        const empty = await eventually(
          async () => {
            for (const e of missing) if (await shows(prometheus, e, values)) missing.delete(e);
            return [...missing].map((e) => e.where);
          },
          (seen) => seen.every((where) => EMPTY.has(where)),
          20_000,
        );
        const counts = ['panel', 'variable', 'record', 'alert'].map(
          (kind) => `${all.filter((e) => e.kind === kind).length} of ${kind}s`,
        );
        t.diagnostic(`${all.length} expressions were executed (${counts.join(', ')}); ${empty.length} are empty`);
        for (const where of empty) t.diagnostic(`empty: ${where}: ${EMPTY.get(where)}`);
        assert.deepEqual(
          [...EMPTY.keys()].filter((where) => !empty.includes(where)),
          [],
          'these are not empty, or not there any more: their reasons have to go',
        );
      } finally {
        stop.abort();
        await traffic;
      }
    });
  }

  test('promtool finds the configuration in order', LIMIT, async () => {
    const { promtool } = await build('promtool');
    const cwd = join(CONFIG, 'prometheus');
    await must([promtool, 'check', 'config', 'prometheus.yml'], { cwd });
    await must([promtool, 'check', 'rules', '--lint=all', '--lint-fatal', RULES], { cwd });
  });

  test('each alert fires for its reason, and for no other', LIMIT, async (t) => {
    const { promtool } = await build('promtool');
    const cwd = join(CONFIG, 'prometheus');
    t.diagnostic((await must([promtool, 'test', 'rules', 'spantap.rules.test.yml'], { cwd, maxMs: 300_000 })).trim());
  });
});

/**
 * Whether it has something to show: a number, and every label that is taken from it. Of an alert, which should have nothing, each series
 * that it looks at has to be there.
 */
async function shows(
  prometheus: Prometheus,
  e: Expression,
  values: readonly Record<string, string>[],
): Promise<boolean> {
  if (e.kind === 'alert') {
    await prometheus.query(e.expr);
    for (const selector of await selectors(prometheus, e.expr)) {
      if ((await prometheus.series(selector)).length === 0) return false;
    }
    return true;
  }
  const samples: Sample[] = [];
  for (const v of values) {
    samples.push(...(await prometheus.query(filled(e.expr, v))));
    const has = (label: string): boolean => samples.some((s) => s.labels[label] !== undefined);
    if (samples.some((s) => Number.isFinite(s.value)) && e.labels.every(has)) return true;
  }
  return false;
}

interface Node {
  readonly type: string;
  readonly name: string;
  readonly matchers?: readonly { readonly name: string; readonly type: string; readonly value: string }[];
  readonly [child: string]: unknown;
}

/** All selectors of an expression, as Prometheus itself has parsed it; ranges and offsets are left out. */
async function selectors(prometheus: Prometheus, expr: string): Promise<string[]> {
  const found: string[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, matchers } = node as Node;
    if ((type === 'vectorSelector' || type === 'matrixSelector') && matchers !== undefined) {
      found.push(`{${matchers.map((m) => `${m.name}${m.type}${JSON.stringify(m.value)}`).join(', ')}}`);
    }
    for (const child of Object.values(node)) walk(child);
  };
  const parameters = new URLSearchParams({ query: expr });
  walk((await json<{ data: Node }>(`${prometheus.url}/api/v1/parse_query?${parameters}`)).data);
  assert.ok(found.length > 0, expr);
  return found;
}
