import { validateHeaderName, validateHeaderValue } from 'node:http';
import { SpantapError } from '../self/errors.ts';
import type { ExportOptions } from './options.ts';
import { basicAuthorization, proxyFor } from './proxy.ts';

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
  /** Without user and password, which are among the headers. Over gRPC without a path. */
  readonly url: URL;
  readonly protocol: 'http/protobuf' | 'http/json' | 'grpc';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: 'gzip' | 'none';
  readonly tls: TlsFiles;
  /** The proxy to go through, with its user and password: not to be shown. */
  readonly proxy: URL | null;
}

/** Each signal goes to all of its targets, which differ in their addresses only. */
export type OtlpTargets = Readonly<Record<Signal, readonly OtlpTarget[]>>;
export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ENDPOINTS = { http: 'http://localhost:4318', grpc: 'http://localhost:4317' };
const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Settings of both signals. The configuration goes before the variable of the signal, that before the general one, that
 * before the default (OpenTelemetry specification, protocol exporter; the default of compression there is none).
 */
export function otlpTargets(options: ExportOptions, env: Environment): OtlpTargets {
  return { traces: targetsOf('traces', options, env), metrics: targetsOf('metrics', options, env) };
}

/** How requests for these targets are to be encoded. */
export function encodingOf(targets: readonly OtlpTarget[]): 'protobuf' | 'json' {
  return targets[0]?.protocol === 'http/json' ? 'json' : 'protobuf';
}

/** The addresses for people. */
export function addressesOf(targets: readonly OtlpTarget[]): string {
  return targets.map((t) => (t.protocol === 'grpc' ? t.url.origin : t.url.href)).join(', ');
}

/** A setting and the name of the variable it stands in, '' when it comes from the configuration. */
interface Found {
  readonly value: string;
  readonly variable: string;
  readonly general: boolean;
}

type Find = (name: string, configured?: string) => Found | null;

function targetsOf(signal: Signal, options: ExportOptions, env: Environment): OtlpTarget[] {
  const find: Find = (name, configured = '') => {
    if (configured !== '') return { value: configured, variable: '', general: true };
    const specific = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`;
    const general = `OTEL_EXPORTER_OTLP_${name}`;
    if (env[specific]) return { value: env[specific], variable: specific, general: false };
    if (env[general]) return { value: env[general], variable: general, general: true };
    return null;
  };
  const protocol = protocolOf(find('PROTOCOL', options.protocol));
  const headers = headersOf(signal, protocol === 'grpc', options.headers, env);
  const common = {
    signal,
    protocol,
    timeoutMs: options.timeoutMs ?? timeoutOf(find('TIMEOUT')),
    compression: compressionOf(find('COMPRESSION', options.compression)),
    tls: {
      caFile: find('CERTIFICATE', options.tls.caFile)?.value ?? '',
      certFile: find('CLIENT_CERTIFICATE', options.tls.certFile)?.value ?? '',
      keyFile: find('CLIENT_KEY', options.tls.keyFile)?.value ?? '',
    },
  };
  const given = options.endpoints.length > 0 ? options.endpoints.map((e) => find('ENDPOINT', e)) : [find('ENDPOINT')];
  const targets = given.map((found): OtlpTarget => {
    const url = protocol === 'grpc' ? grpcUrl(found, find) : httpUrl(signal, found);
    const authorization = basicAuthorization(url);
    url.username = '';
    url.password = '';
    return {
      ...common,
      url,
      headers: authorization === null ? headers : { authorization, ...headers },
      proxy: proxyFor(url, protocol === 'grpc', env),
    };
  });
  const twice = targets.find((t, i) => targets.findIndex((other) => other.url.href === t.url.href) < i);
  if (twice !== undefined) {
    throw new SpantapError('export-endpoint', `export.endpoint: ${twice.url.origin} is there twice; name it once`);
  }
  return targets;
}

const nameOf = (found: Found, key: string): string => (found.variable === '' ? key : found.variable);

/** The path is added to a general address; one for the signal is taken as it is. */
function httpUrl(signal: Signal, found: Found | null): URL {
  const url = parsed(found?.value ?? DEFAULT_ENDPOINTS.http, found, DEFAULT_ENDPOINTS.http);
  if (found === null || found.general) url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return url;
}

/** A variable may leave out the scheme; then ..._INSECURE says whether it is http, and without that it is https. */
function grpcUrl(found: Found | null, find: Find): URL {
  let text = found?.value ?? DEFAULT_ENDPOINTS.grpc;
  if (found !== null && found.variable !== '' && !text.includes('://')) {
    text = `${find('INSECURE')?.value.toLowerCase() === 'true' ? 'http' : 'https'}://${text}`;
  }
  const url = parsed(text, found, DEFAULT_ENDPOINTS.grpc);
  if (url.pathname !== '/' || url.search !== '') {
    const what = nameOf(found!, 'export.endpoint');
    const why = `has the path ${url.pathname}, and gRPC has none: leave it out, or use the protocol http/protobuf`;
    throw new SpantapError('export-endpoint', `${what}: ${url.origin} ${why}`);
  }
  return url;
}

function parsed(text: string, found: Found | null, example: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') return url;
  const what = nameOf(found!, 'export.endpoint');
  const shown = text.replace(/[^/]*@/, '***@');
  throw new SpantapError('export-endpoint', `${what}: '${shown}' is no address like ${example}`);
}

function protocolOf(found: Found | null): OtlpTarget['protocol'] {
  if (found === null) return 'http/protobuf';
  const { value } = found;
  if (value === 'http/protobuf' || value === 'http/json' || value === 'grpc') return value;
  const what = nameOf(found, 'export.protocol');
  const instead = 'use http/protobuf (mostly port 4318), http/json or grpc (mostly port 4317)';
  throw new SpantapError('export-protocol', `${what}: '${value}' is not supported; ${instead}`);
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
  grpc: boolean,
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
      put(out, key, value, grpc, variable);
    }
  }
  for (const [key, value] of Object.entries(configured)) put(out, key, value, grpc, 'export.headers');
  return out;
}

/** Names that gRPC keeps for itself, and those of HTTP/1 that HTTP/2 forbids (RFC 9113 section 8.2.2). */
const NO_METADATA = /^(grpc-.*|te|content-type|host|connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/;

/** Values are often secrets: messages name the key only. */
function put(out: Record<string, string>, key: string, value: string, grpc: boolean, where: string): void {
  try {
    validateHeaderName(key);
    validateHeaderValue(key, value);
  } catch {
    throw new SpantapError(
      'export-headers',
      `${where}: '${key}' is no valid header, or its value has forbidden characters`,
    );
  }
  const name = key.toLowerCase();
  if (grpc && (!/^[a-z0-9_.-]+$/.test(name) || NO_METADATA.test(name))) {
    throw new SpantapError('export-headers', `${where}: '${key}' cannot be sent as metadata of gRPC`);
  }
  out[name] = value;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return null;
  }
}
