/**
 * From defaults, OTEL_* variables, the file and SPANTAP_* variables (later ones win) to one frozen Config.
 * The only file that reads process.env.
 */
import { SpantapError } from '../self/errors.ts';
import { type Config, configOf } from './config.ts';
import { DEFAULTS } from './defaults.ts';
import type { FileSettings, Path } from './file.ts';
import type { Settings } from './schema.ts';
import { FILE_VARIABLE, readVariables } from './variables.ts';

/** The port that OpenTelemetry's exporters for Prometheus listen at (specification, SDK environment variables). */
const DEFAULT_SCRAPE_PORT = 9464;

const AGGREGATION = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION';
/** What it may say, and what `metrics.histograms` says for it. */
const AGGREGATIONS: ReadonlyMap<string, Settings['metrics']['histograms']> = new Map([
  ['explicit_bucket_histogram', 'explicit'],
  ['base2_exponential_bucket_histogram', 'exponential'],
]);

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings before they are checked, and which source each key has. */
interface Draft {
  readonly tree: Record<string, unknown>;
  readonly sources: Map<string, string>;
  readonly file: FileSettings | null;
}

/** One thing to correct: where it stands, and what about it. */
interface Mistake {
  readonly where: string;
  readonly message: string;
}

export async function loadConfig(path: string | null, env: Environment = process.env): Promise<Config> {
  return configOf((await load(path, env)).settings, exportVariables(env));
}

/** The configuration as it takes effect, as YAML: secrets masked, and each key that is no default says where it comes from. */
export async function effectiveConfig(path: string | null, env: Environment = process.env): Promise<string> {
  const { settings, draft } = await load(path, env);
  const { printSettings } = await import('./print.ts');
  return printSettings(settings, (keys) => draft.sources.get(keys.join('.')) ?? fileSource(draft.file, keys));
}

async function load(path: string | null, env: Environment): Promise<{ settings: Settings; draft: Draft }> {
  const name = path ?? (env[FILE_VARIABLE] || null);
  const draft: Draft = {
    tree: structuredClone(DEFAULTS) as unknown as Record<string, unknown>,
    sources: new Map(),
    // yaml is loaded only when there is a file: `spantap read` shall start at once
    file: name === null ? null : (await import('./file.ts')).readSettingsFile(name),
  };
  const mistakes: Mistake[] = [];

  const interval = env.OTEL_METRIC_EXPORT_INTERVAL;
  if (interval && /^\d+$/.test(interval)) {
    set(draft, ['metrics', 'interval'], `${interval}ms`, 'OTEL_METRIC_EXPORT_INTERVAL');
  } else if (interval) {
    mistakes.push({
      where: 'OTEL_METRIC_EXPORT_INTERVAL',
      message: `'${interval}' is no whole number of milliseconds`,
    });
  }
  const aggregation = env[AGGREGATION];
  if (aggregation) {
    const histograms = AGGREGATIONS.get(aggregation);
    if (histograms !== undefined) set(draft, ['metrics', 'histograms'], histograms, AGGREGATION);
    else mistakes.push({ where: AGGREGATION, message: `must be one of ${[...AGGREGATIONS.keys()].join(', ')}` });
  }
  const exporters = metricsExporters(env);
  if (exporters.length > 0) set(draft, ['metrics', 'exporters'], exporters, 'OTEL_METRICS_EXPORTER');

  const values = draft.file?.values ?? {};
  if (typeof values !== 'object' || Array.isArray(values)) {
    mistakes.push({ where: `${name}:1:1`, message: 'the file must be a map of sections, such as `capture:`' });
  } else {
    for (const key of ['interval', 'exporters', 'histograms']) {
      if (draft.file?.has(['metrics', key])) draft.sources.delete(`metrics.${key}`);
    }
    merge(draft.tree, values as Record<string, unknown>);
  }

  const variables = readVariables(env, (variable, message) => mistakes.push({ where: variable, message }));
  for (const v of variables) set(draft, v.path, v.value, v.name);

  scrapeAddress(draft, env);
  for (const [keys, value, variable] of switchedOff(env)) set(draft, keys, value, variable);

  // the defaults alone need no checking, and loading the schema costs more than a small file takes to read
  const untouched = draft.file === null && draft.sources.size === 0;
  const settings = untouched ? (draft.tree as unknown as Settings) : await check(draft, mistakes);
  if (mistakes.length > 0 || settings === null) {
    const lines = mistakes.map((m) => `${m.where}: ${m.message}`);
    throw new SpantapError('config-invalid', lines.join('\n'));
  }
  return { settings, draft };
}

async function check(draft: Draft, mistakes: Mistake[]): Promise<Settings | null> {
  const { checkSettings } = await import('./check.ts');
  return checkSettings(draft.tree, (keys, message) => {
    const source = sourceOf(draft.sources, keys) ?? draft.file?.where(keys) ?? 'default';
    mistakes.push({ where: source, message });
  });
}

/** Standard switches; they switch off whatever the other sources say. */
function switchedOff(env: Environment): [Path, false | 0, string][] {
  const off: [Path, false | 0, string][] = [];
  const sdk = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' ? 'OTEL_SDK_DISABLED' : null;
  const traces = sdk ?? (env.OTEL_TRACES_EXPORTER === 'none' ? 'OTEL_TRACES_EXPORTER' : null);
  if (traces !== null) off.push([['spans', 'enabled'], false, traces]);
  const metrics = sdk ?? (env.OTEL_METRICS_EXPORTER === 'none' ? 'OTEL_METRICS_EXPORTER' : null);
  if (metrics !== null) {
    off.push([['metrics', 'enabled'], false, metrics], [['self', 'metrics'], false, metrics]);
    off.push([['prometheus', 'port'], 0, metrics]);
  }
  return off;
}

/** OTEL_METRICS_EXPORTER is a list; what spantap does not know in it (`console`) is somebody else's. */
function metricsExporters(env: Environment): string[] {
  const named = (env.OTEL_METRICS_EXPORTER ?? '').split(',').map((name) => name.trim());
  return named.filter((name) => name === 'otlp' || name === 'prometheus');
}

/** Where the scrape endpoint listens, if one is asked for by name and not by its port. */
function scrapeAddress(draft: Draft, env: Environment): void {
  const { metrics, prometheus } = draft.tree as { metrics?: Draft['tree']; prometheus?: Draft['tree'] };
  const { exporters } = metrics ?? {};
  if (!Array.isArray(exporters) || !exporters.includes('prometheus') || prometheus?.port !== 0) return;
  const { OTEL_EXPORTER_PROMETHEUS_HOST: host, OTEL_EXPORTER_PROMETHEUS_PORT: port } = env;
  if (port)
    set(draft, ['prometheus', 'port'], /^\d{1,5}$/.test(port) ? Number(port) : port, 'OTEL_EXPORTER_PROMETHEUS_PORT');
  else set(draft, ['prometheus', 'port'], DEFAULT_SCRAPE_PORT, 'metrics.exporters');
  if (host && prometheus.host === DEFAULTS.prometheus.host) {
    set(draft, ['prometheus', 'host'], host, 'OTEL_EXPORTER_PROMETHEUS_HOST');
  }
}

/** Both spellings are in use. */
const PROXIES = /^(https?|no)_proxy$/i;

function exportVariables(env: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if ((name.startsWith('OTEL_') || PROXIES.test(name)) && value !== undefined && value !== '') found[name] = value;
  }
  return found;
}

function set(draft: Draft, path: Path, value: unknown, source: string): void {
  let node = draft.tree;
  for (const key of path.slice(0, -1)) {
    // a file may have put a text where a section belongs; that is reported, and must not trip us here
    if (typeof node[key] !== 'object' || node[key] === null) return;
    node = node[key] as Record<string, unknown>;
  }
  node[String(path.at(-1))] = value;
  draft.sources.set(path.join('.'), source);
}

/** Lays `over` onto `base`, section by section. A section without keys (`capture:`) says nothing. */
function merge(base: Record<string, unknown>, over: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(over)) {
    const below = base[key];
    if (typeof below !== 'object' || below === null || Array.isArray(below)) base[key] = value;
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      merge(below as Record<string, unknown>, value as Record<string, unknown>);
    } else if (value !== null) base[key] = value;
  }
}

/** The variable that set `keys` or one of its parents: a list from a variable has entries with paths of their own. */
function sourceOf(sources: ReadonlyMap<string, string>, keys: Path): string | undefined {
  for (let n = keys.length; n > 0; n--) {
    const source = sources.get(keys.slice(0, n).join('.'));
    if (source !== undefined) return source;
  }
  return undefined;
}

function fileSource(file: FileSettings | null, keys: Path): string {
  return file?.has(keys) ? file.where(keys) : '';
}
