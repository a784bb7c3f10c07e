/**
 * Families as text, in the two formats that Prometheus and its kin read.
 *
 * Why not by a library: @opentelemetry/exporter-prometheus takes one resource at a time, adds no units to names (a histogram
 * in `s` must become `..._seconds`) and does not speak OpenMetrics; prom-client wants an object for each line (200,000 of
 * them for 10,000 histograms), knows neither units nor infos, and makes a family's text in one go while packets wait.
 */
import { type Distribution, escaped, type Family, sampleName, withoutBuckets } from './families.ts';

/** `text`: Prometheus text 0.0.4 (prometheus.io, "Exposition formats"); `openmetrics`: OpenMetrics 1.0 text. */
export type Format = 'text' | 'openmetrics';

/** A piece is sent when it is about this long, characters. */
const PIECE_CHARS = 1 << 16;

/** Pieces of text, each of whole lines; together an exposition. */
export function* exposition(families: readonly Family[], format: Format): Generator<string> {
  let text = '';
  for (const family of families) {
    text += head(family, format);
    const name = sampleName(family);
    const les = new Map<readonly number[], string[]>();
    for (const [labels, sample] of family.series) {
      if (typeof sample === 'number') {
        text += labels === '' ? `${name} ${number(sample)}\n` : `${name}{${labels}} ${number(sample)}\n`;
      } else {
        // text has no place for buckets of base 2
        const explicit = 'scale' in sample ? withoutBuckets(sample) : sample;
        let texts = les.get(explicit.bounds);
        if (texts === undefined) {
          texts = explicit.bounds.map((bound) => boundText(bound, format));
          les.set(explicit.bounds, texts);
        }
        text += histogram(name, labels, explicit, texts);
      }
      if (text.length >= PIECE_CHARS) {
        yield text;
        text = '';
      }
    }
  }
  yield format === 'openmetrics' ? `${text}# EOF\n` : text;
}

/** In OpenMetrics a counter's family is called without `_total`, and an info's without `_info`. */
function head(family: Family, format: Format): string {
  const open = format === 'openmetrics';
  const name = open ? family.name : sampleName(family);
  const type = !open && family.type === 'info' ? 'gauge' : family.type;
  // Before OpenMetrics quotes in a help text stood as they are.
  const help = open ? escaped(family.help) : escaped(family.help).replaceAll('\\"', '"');
  return (
    (help === '' ? '' : `# HELP ${name} ${help}\n`) +
    `# TYPE ${name} ${type}\n` +
    (open && family.unit !== '' ? `# UNIT ${name} ${family.unit}\n` : '')
  );
}

function histogram(name: string, labels: string, { counts, sum }: Distribution, les: readonly string[]): string {
  const bucket = labels === '' ? `${name}_bucket{le="` : `${name}_bucket{${labels},le="`;
  const set = labels === '' ? '' : `{${labels}}`;
  let text = '';
  let count = 0;
  for (let i = 0; i < counts.length; i++) {
    count += counts[i]!;
    text += `${bucket}${les[i] ?? '+Inf'}"} ${count}\n`;
  }
  return `${text}${name}_sum${set} ${number(sum)}\n${name}_count${set} ${count}\n`;
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** OpenMetrics writes `le` as a canonical number, with a point in it: `1.0`. */
function boundText(bound: number, format: Format): string {
  const text = number(bound);
  return format === 'openmetrics' && /^-?\d+$/.test(text) ? `${text}.0` : text;
}
