/**
 * Names as Prometheus gives them to OTLP metrics by default (OpenTelemetry specification, compatibility/prometheus_and_openmetrics,
 * "OTLP metric points to Prometheus"), so that what is scraped and what is sent are called the same.
 */

export type MetricKind = 'histogram' | 'exponentialHistogram' | 'sum' | 'gauge';

/** Units of UCUM by the words that Prometheus has for them; others stay as they are. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  '1': '',
  '%': 'percent',
};
const PER: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day' };

export interface MetricName {
  /** With its unit, but without the `_total` of a counter: what OpenMetrics calls the family. */
  readonly family: string;
  /** `seconds` if the family's name ends with it, else ''. */
  readonly unit: string;
}

/** `unit` is one of UCUM's; in braces it is a remark and no unit (`{request}`). */
export function metricName(name: string, unit: string, kind: MetricKind): MetricName {
  let words = name.split(/[^a-zA-Z0-9:]+/).filter((word) => word !== '');
  const [main = '', per = ''] = unit.split('/', 2).map((part) => (/[{}]/.test(part) ? '' : part.trim()));
  const suffix = [UNITS[main] ?? main, per === '' ? '' : `per_${PER[per] ?? per}`]
    .map((word) => word.replace(/[^a-zA-Z0-9:]+/g, '_').replace(/^_|_$/g, ''))
    .filter((word) => word !== '' && !words.includes(word));
  words.push(...suffix);
  if (kind === 'sum') words = words.filter((word) => word !== 'total');
  if (kind === 'gauge' && unit === '1') words = words.filter((word) => word !== 'ratio').concat('ratio');
  const family = words.join('_').replace(/^(?=\d|$)/, '_');
  const told = suffix.join('_');
  return { family, unit: told !== '' && family.endsWith(`_${told}`) ? told : '' };
}

/** Keys come from the code and from OTEL_RESOURCE_ATTRIBUTES: a few dozen. */
const MAX_KNOWN = 512;
const known = new Map<string, string>();

/** `http.request.method` -> `http_request_method`. */
export function labelName(key: string): string {
  const found = known.get(key);
  if (found !== undefined) return found;
  const name = key.replace(/[^a-zA-Z0-9_]/g, '_').replace(/_{2,}/g, '_');
  const label = /^\d/.test(name) ? `key_${name}` : /^_/.test(name) ? `key${name}` : name;
  if (known.size < MAX_KNOWN) known.set(key, label);
  return label;
}
