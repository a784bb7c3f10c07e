/** Which format a scraper gets, by the Accept and Accept-Encoding headers of its request (RFC 9110, 12.5). */
import Negotiator from 'negotiator';
import type { Format } from './exposition.ts';

export interface Agreed {
  readonly format: Format | 'protobuf';
  readonly contentType: string;
  readonly gzip: boolean;
}

/**
 * By what a scraper may ask for. All names fit the oldest rules, so every scheme of escaping that may be asked for
 * (`allow-utf-8`, `underscores`, `dots`, `values`) is content with them; the answer says which one was used. Names with dots are
 * not offered: Prometheus 3 asks for `allow-utf-8` unless told otherwise, and would then keep other names than it makes of OTLP.
 */
const OFFERS: ReadonlyMap<string, Omit<Agreed, 'gzip'>> = new Map([
  ['text/plain;version=0.0.4', { format: 'text', contentType: 'text/plain; version=0.0.4; charset=utf-8' }],
  [
    'application/openmetrics-text;version=1.0.0',
    {
      format: 'openmetrics',
      contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores',
    },
  ],
  [
    'application/vnd.google.protobuf;proto=io.prometheus.client.metricfamily;encoding=delimited',
    {
      format: 'protobuf',
      contentType: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    },
  ],
  // 0.0.4 and rules for names in quotes
  [
    'text/plain;version=1.0.0',
    { format: 'text', contentType: 'text/plain; version=1.0.0; charset=utf-8; escaping=underscores' },
  ],
]);
const OFFERED = [...OFFERS.keys()];

/** Parameters that are no reason to refuse a type. */
const ANYHOW = /;\s*(?:escaping|charset)\s*=\s*(?:"[^"]*"|[^;,\s]*)/gi;

/** Whoever accepts nothing of it gets the oldest format: a scraper can make more of that than of a refusal. */
export function agree(headers: {
  accept?: string | undefined;
  'accept-encoding'?: string | string[] | undefined;
}): Agreed {
  const { accept, 'accept-encoding': encoding } = headers;
  const asked = new Negotiator({ headers: { accept: accept?.replace(ANYHOW, ''), 'accept-encoding': encoding } });
  const offer = OFFERS.get(asked.mediaTypes(OFFERED)[0] ?? OFFERED[0]!)!;
  return { ...offer, gzip: encoding !== undefined && asked.encodings(['gzip', 'identity'])[0] === 'gzip' };
}
