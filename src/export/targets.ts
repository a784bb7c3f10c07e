import { validateHeaderName, validateHeaderValue } from 'node:http';
import { SpantapError } from '../self/errors.ts';
import type { ExportOptions } from './options.ts';

export type Signal = 'traces' | 'metrics';
export const SIGNALS: readonly Signal[] = ['traces', 'metrics'];

export interface TlsFiles {
  /** '' where none is given. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where and how one signal is sent. */
export interface OtlpTarget {
  readonly signal: Signal;
  readonly url: URL;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: 'gzip' | 'none';
  readonly tls: TlsFiles;
}

export type OtlpTargets = Readonly<Record<Signal, OtlpTarget>>;
export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ENDPOINT = 'http://localhost:4318';
const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Settings of both signals. The configuration goes before the variable of the signal, that before the general one, that
 * before the default (OpenTelemetry specification, protocol exporter; the default of compression there is none).
 */
export function otlpTargets(options: ExportOptions, env: Environment): OtlpTargets {
  return { traces: targetOf('traces', options, env), metrics: targetOf('metrics', options, env) };
}

/** A setting and the name of the variable it stands in, '' when it comes from the configuration. */
interface Found {
  readonly value: string;
  readonly variable: string;
  readonly general: boolean;
}

function targetOf(signal: Signal, options: ExportOptions, env: Environment): OtlpTarget {
  const find = (name: string, configured = ''): Found | null => {
    if (configured !== '') return { value: configured, variable: '', general: true };
    const specific = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`;
    const general = `OTEL_EXPORTER_OTLP_${name}`;
    if (env[specific]) return { value: env[specific], variable: specific, general: false };
    if (env[general]) return { value: env[general], variable: general, general: true };
    return null;
  };
  return {
    signal,
    url: urlOf(signal, find('ENDPOINT', options.endpoint)),
    protocol: protocolOf(find('PROTOCOL', options.protocol)),
    headers: headersOf(signal, options.headers, env),
    timeoutMs: options.timeoutMs ?? timeoutOf(find('TIMEOUT')),
    compression: compressionOf(find('COMPRESSION', options.compression)),
    tls: {
      caFile: find('CERTIFICATE', options.tls.caFile)?.value ?? '',
      certFile: find('CLIENT_CERTIFICATE', options.tls.certFile)?.value ?? '',
      keyFile: find('CLIENT_KEY', options.tls.keyFile)?.value ?? '',
    },
  };
}

const nameOf = (found: Found, key: string): string => (found.variable === '' ? key : found.variable);

/** The path is added to a general address; one for the signal is taken as it is. */
function urlOf(signal: Signal, found: Found | null): URL {
  const text = found?.value ?? DEFAULT_ENDPOINT;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    const what = nameOf(found!, 'export.endpoint');
    throw new SpantapError('export-endpoint', `${what}: '${text}' is no address like ${DEFAULT_ENDPOINT}`);
  }
  if (found === null || found.general) url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return url;
}

function protocolOf(found: Found | null): OtlpTarget['protocol'] {
  if (found === null) return 'http/protobuf';
  if (found.value === 'http/protobuf' || found.value === 'http/json') return found.value;
  const what = nameOf(found, 'export.protocol');
  const instead = 'use http/protobuf (mostly port 4318) or http/json';
  throw new SpantapError('export-protocol', `${what}: '${found.value}' is not supported; ${instead}`);
}

function timeoutOf(found: Found | null): number {
  if (found === null) return DEFAULT_TIMEOUT_MS;
  const ms = Number(found.value);
  if (Number.isFinite(ms) && ms > 0 && /^\d+(\.\d+)?$/.test(found.value)) return ms;
  throw new SpantapError('export-timeout', `${found.variable}: '${found.value}' is no number of milliseconds above 0`);
}

function compressionOf(found: Found | null): OtlpTarget['compression'] {
  if (found === null) return 'gzip';
  if (found.value === 'gzip' || found.value === 'none') return found.value;
  const what = nameOf(found, 'export.compression');
  throw new SpantapError('export-compression', `${what}: '${found.value}' is not supported; use gzip or none`);
}

/** `key=value,key2=value2` with percent-encoded values; a key given in several places has the nearest one's value. */
function headersOf(
  signal: Signal,
  configured: Readonly<Record<string, string>>,
  env: Environment,
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const variable of ['OTEL_EXPORTER_OTLP_HEADERS', `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_HEADERS`]) {
    for (const part of (env[variable] ?? '').split(',')) {
      if (part.trim() === '') continue;
      const at = part.indexOf('=');
      const key = decoded(part.slice(0, Math.max(at, 0)));
      const value = decoded(part.slice(at + 1));
      if (at < 1 || key === null || value === null) {
        throw new SpantapError('export-headers', `${variable}: a part is not of the form key=value, percent-encoded`);
      }
      put(out, key, value, variable);
    }
  }
  for (const [key, value] of Object.entries(configured)) put(out, key, value, 'export.headers');
  return out;
}

/** Values are often secrets: messages name the key only. */
function put(out: Record<string, string>, key: string, value: string, where: string): void {
  try {
    validateHeaderName(key);
    validateHeaderValue(key, value);
  } catch {
    throw new SpantapError(
      'export-headers',
      `${where}: '${key}' is no valid header, or its value has forbidden characters`,
    );
  }
  out[key.toLowerCase()] = value;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return null;
  }
}
